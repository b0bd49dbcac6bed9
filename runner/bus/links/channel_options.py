"""What gRPC is told about every connection of the bus: limits, keep-alive, and what it must leave alone.

Source: bus 3 and 4.3 (the table of grpcio facts).
"""

from collections.abc import Sequence

import grpc
from attrs import frozen

from models.swbus import MAX_SENT_BYTES

Options = Sequence[tuple[str, int]]

MAX_RECEIVED_BYTES = 4 * MAX_SENT_BYTES
"""A larger frame is thrown away and the link goes on."""

_ENDS_THE_STREAM_BYTES = 4 * MAX_RECEIVED_BYTES
"""gRPC ends the stream at a message above its own limit, and the resend would end the next one; so that limit is set
where no peer gets by mistake, and only guards the memory."""

NO_COMPRESSION = grpc.Compression.NoCompression


@frozen
class KeepAlive:
    """How soon a dead peer is noticed: asked after ``time_s`` of silence, given up ``timeout_s`` later. Seconds."""

    time_s: float = 1.0
    timeout_s: float = 1.0


def dialled_options(keep_alive: KeepAlive) -> Options:
    """The options of a connection that is dialled."""
    return [
        *_options(keep_alive),
        ("grpc.enable_http_proxy", 0),
        ("grpc.enable_retries", 0),
        # Channels to the same address would share one connection otherwise: a redial would get the dead one back.
        ("grpc.use_local_subchannel_pool", 1),
    ]


def listening_options(keep_alive: KeepAlive) -> Options:
    """The options of a listening server."""
    return [
        *_options(keep_alive),
        # A second process on the same port must fail instead of taking part of the links.
        ("grpc.so_reuseport", 0),
        # A peer that asks as often as we do is no attacker.
        ("grpc.http2.min_ping_interval_without_data_ms", _ms(keep_alive.time_s) // 4),
        ("grpc.http2.max_ping_strikes", 0),
    ]


def _options(keep_alive: KeepAlive) -> Options:
    return [
        ("grpc.keepalive_time_ms", _ms(keep_alive.time_s)),
        # Both are needed: with the first alone a dead link is closed only after a minute.
        ("grpc.keepalive_timeout_ms", _ms(keep_alive.timeout_s)),
        ("grpc.http2.ping_timeout_ms", _ms(keep_alive.timeout_s)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.max_receive_message_length", _ENDS_THE_STREAM_BYTES),
        ("grpc.max_send_message_length", MAX_RECEIVED_BYTES),
        # Otherwise the window grows with the bandwidth, and a peer that we do not read could fill many megabytes with
        # frames that nobody knows of (measured with grpcio 1.85.1: 4 MiB of small frames, 17 MB of large ones).
        ("grpc.http2.bdp_probe", 0),
    ]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
