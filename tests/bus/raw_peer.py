"""Somebody on the bus who is none of our daemons: dials as it is told, says what it is told, and keeps what it hears.

Written from the specification alone. Source: bus 3.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count

import grpc
from attrs import define, evolve, field

from models.service_path import ServicePath
from models.swbus import Body, ConnectionType, DataRequest, Header, Response, SwbusMessage, decode, encode

METHOD = "/swbus.SwbusService/StreamMessages"
INCARNATION = "x-hamgr-incarnation"
ANSWER_WITHIN_S = 10.0
HANG_UP_WITHIN_S = 0.5

Call = grpc.aio.StreamStreamCall[bytes, bytes]


@define(eq=False)
class RawPeer:
    """A stream to a listener. ``own`` is the path that everything is said by, unless it is told otherwise."""

    own: ServicePath
    call: Call
    reacts: Callable[[SwbusMessage, int], SwbusMessage | None] = lambda message, number: None
    """What it answers to a message, with the id that the answer would have."""

    heard: list[SwbusMessage] = field(factory=list)
    server_path: str = ""
    ended: str = ""
    """The status that the stream has ended with."""

    _ids: "count[int]" = field(factory=lambda: count(1_753_200_000_000_000_000))
    _reader: asyncio.Task[None] | None = None
    _reads: asyncio.Event = field(factory=asyncio.Event)
    _writes: asyncio.Lock = field(factory=asyncio.Lock)

    def __attrs_post_init__(self) -> None:
        self._reads.set()

    async def begin(self) -> None:
        """Wait until the listener has said who it is, and read from then on."""
        metadata = await self.call.initial_metadata()
        self.server_path = str(dict(metadata or ()).get("x-swbus-server-service-path", ""))
        self._reader = asyncio.create_task(self._read())

    async def end(self) -> None:
        """Hang up."""
        self.call.cancel()
        if self._reader is not None:
            await asyncio.wait([self._reader], timeout=HANG_UP_WITHIN_S)
            self._reader.cancel()
            await asyncio.wait([self._reader])

    def stall(self) -> None:
        """Read nothing more: a process that hangs."""
        self._reads.clear()

    def resume(self) -> None:
        """Read on."""
        self._reads.set()

    def terms(self) -> list[int]:
        """The numbers of the reports that were heard, as ``tests.bus.daemons`` makes them."""
        payloads = [json.loads(said.body.payload) for said in self.heard if isinstance(said.body, DataRequest)]
        return [int(payload["data"]["term"]) for payload in payloads]

    async def say(
        self,
        body: Body,
        to: ServicePath,
        *,
        source: ServicePath | None = None,
        ttl: int = 64,
        number: int | None = None,
    ) -> int:
        """Send a message; returns its id."""
        number = next(self._ids) if number is None else number
        header = Header(id=number, source=self.own if source is None else source, destination=to, ttl=ttl)
        await self.send(encode(SwbusMessage(header, body)))
        return number

    async def send(self, frame: bytes) -> None:
        """Send any bytes."""
        async with self._writes:  # gRPC takes one message at a time.
            await self.call.write(frame)

    async def ask(self, body: Body, to: ServicePath, *, ttl: int = 64) -> tuple[ServicePath, Response]:
        """Send a request; who answered, and what."""
        number = await self.say(body, to, ttl=ttl)
        [answer] = await self.answers(number, 1)
        return answer

    async def answers(self, number: int, how_many: int) -> list[tuple[ServicePath, Response]]:
        """The answers to a request, once there are so many."""
        await self.until(lambda: len(self.answered(number)) >= how_many)
        return self.answered(number)

    def answered(self, number: int) -> list[tuple[ServicePath, Response]]:
        """The answers to a request so far."""
        return [
            (message.header.source, message.body)
            for message in self.heard
            if isinstance(message.body, Response) and message.body.request_id == number
        ]

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait for something."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            while not holds():
                await asyncio.sleep(0.005)

    async def _read(self) -> None:
        try:
            while await self._reads.wait() and isinstance(frame := await self.call.read(), bytes):
                message = decode(frame)
                self.heard.append(message)
                if (reply := self.reacts(message, next(self._ids))) is not None:
                    with suppress(asyncio.InvalidStateError):  # The stream has ended meanwhile.
                        await self.send(encode(reply))
            self.ended = (await self.call.code()).name
        except grpc.aio.AioRpcError as error:
            self.ended = error.code().name
        except asyncio.CancelledError:
            # Also what gRPC raises once the call was cancelled.
            self.ended = self.ended or "CANCELLED"


@asynccontextmanager
async def dial(
    port: int,
    connection_type: ConnectionType,
    path: ServicePath,
    incarnation: str | None = None,
    host: str = "127.0.0.1",
) -> AsyncIterator[RawPeer]:
    """Somebody who states a path and a type, and says which process it is if it is one of ours."""
    stated = path.padded if connection_type.between_nodes else path.service_key
    metadata = [
        ("x-swbus-service-path", stated),
        ("x-swbus-connection-type", f"CONNECTION_TYPE_{connection_type.name}"),
    ]
    if incarnation is not None:
        metadata.append((INCARNATION, incarnation))
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0), ("grpc.http2.bdp_probe", 0)]
    target = f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"
    async with grpc.aio.insecure_channel(target, options) as channel:
        call: Call = channel.stream_stream(METHOD)(metadata=metadata)
        peer = RawPeer(path, call)
        await peer.begin()
        try:
            yield peer
        finally:
            await peer.end()


@asynccontextmanager
async def command_line_client(port: int, node: ServicePath, host: str = "127.0.0.1") -> AsyncIterator[RawPeer]:
    """swbus-cli at a node: a client with an id of its own, which asks in the name of a resource of itself."""
    stated = evolve(node, service_type="swbus-cli", service_id="7b1d4a52-6f0e-4b7e-9d0a-2f1c3e5a7b90")
    async with dial(port, ConnectionType.CLIENT, stated, host=host) as client:
        client.own = stated.with_resource("ping", "0")
        yield client
