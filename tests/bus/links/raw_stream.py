"""Ends of a stream that are not ours: gRPC as anyone would use it, and HTTP/2 by hand for what gRPC does not send."""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import grpc

from models.service_path import ServicePath
from models.swbus import CLIENT_PATH_KEY, CONNECTION_TYPE_KEY, SERVICE_METHOD, ConnectionType
from runner.bus.links.socket_address import SocketAddress
from tests.bus.links.relay import hang_up

Stream = grpc.aio.StreamStreamCall[bytes, bytes]

IN_CLUSTER = ConnectionType.IN_CLUSTER.metadata_word

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, SETTINGS = 1, 4
END_HEADERS = 4


@asynccontextmanager
async def open_raw(address: SocketAddress, metadata: Sequence[tuple[str, str]]) -> AsyncIterator[Stream]:
    """A stream with any metadata."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
    async with grpc.aio.insecure_channel(address.dialled, options) as channel:
        call: Stream = channel.stream_stream(SERVICE_METHOD)(metadata=metadata)
        yield call


@asynccontextmanager
async def dial_raw(address: SocketAddress, path: ServicePath) -> AsyncIterator[Stream]:
    """A stream of a node that the listener takes."""
    async with open_raw(address, ((CLIENT_PATH_KEY, path.padded), (CONNECTION_TYPE_KEY, IN_CLUSTER))) as call:
        await call.initial_metadata()
        yield call


def frame(kind: int, stream: int, payload: bytes, flags: int = 0) -> bytes:
    """A frame of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def header(name: bytes, value: bytes) -> bytes:
    """A header field of HTTP/2, as literal text."""
    return b"\x00" + bytes((len(name),)) + name + bytes((len(value),)) + value


def request(*metadata: tuple[bytes, bytes]) -> bytes:
    """Everything that a dialler sends before its first message."""
    headers = (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", SERVICE_METHOD.encode()),
        (b":authority", b"bus"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        *metadata,
    )
    block = b"".join(header(*field) for field in headers)
    return PREFACE + frame(SETTINGS, 0, b"") + frame(HEADERS, 1, block, END_HEADERS)


def response(*metadata: tuple[bytes, bytes]) -> bytes:
    """What a listener answers to a request before its first message."""
    fields = (header(b"content-type", b"application/grpc"), *(header(*field) for field in metadata))
    return frame(HEADERS, 1, b"\x88" + b"".join(fields), END_HEADERS)


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[SocketAddress]:
    """A listener that answers every request with these bytes, and nothing else; none at all: it does not even greet."""
    open_ends: list[asyncio.StreamWriter] = []

    async def answer_to(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ends.append(writer)
        if answer:
            writer.write(frame(SETTINGS, 0, b""))
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await _headers(reader)
            writer.write(answer)

    server = await asyncio.start_server(answer_to, "127.0.0.1", 0)
    try:
        yield SocketAddress(*server.sockets[0].getsockname())
    finally:
        server.close()
        for end in open_ends:
            await hang_up(end)
        await server.wait_closed()


async def _headers(reader: asyncio.StreamReader) -> None:
    """Read on until somebody has sent the headers of a request."""
    await reader.readexactly(len(PREFACE))
    kind = None
    while kind != HEADERS:
        head = await reader.readexactly(9)
        await reader.readexactly(int.from_bytes(head[:3]))
        kind = head[3]
