"""A double of the bus daemon that is in use today: what bus.md says it does, its faults included.

It shares nothing with our node but the records of messages and their codec, which the vectors vouch for. It forwards,
announces and resolves like the real one; it knows no keep-alive, and it answers responses with errors. Only two things
are slower than in the original, so that a test does not starve: it dials again after 20 ms where that does after 1 ms,
and after 100 ms where that does after a second.

Source: bus 1 (table of events), 2 (routing in a node), 3, 4.1.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress

import grpc
from attrs import define, evolve, field

from models.service_path import RouteScope, ServicePath
from models.swbus import (
    BadFrame,
    ConnectionType,
    ErrorCode,
    Header,
    ManagementRequest,
    Ping,
    Response,
    RouteAnnouncement,
    RouteEntry,
    SwbusMessage,
    TraceRoute,
    answer,
    decode,
    encode,
)
from runner.private_redis import free_port

QUEUED = 16
AGAIN_S, FIRST_AGAIN_S = 0.02, 0.1
METHOD = "StreamMessages"
SERVICE = "swbus.SwbusService"

Context = grpc.aio.ServicerContext[bytes, bytes]
Stream = Context | grpc.aio.StreamStreamCall[bytes, bytes]


@define(eq=False)
class Connection:
    """A link of the double."""

    id: str
    type: ConnectionType
    path: ServicePath
    accepted: bool
    queue: "asyncio.Queue[bytes]" = field(factory=lambda: asyncio.Queue(QUEUED))
    over: asyncio.Event = field(factory=asyncio.Event)
    deaf: bool = False
    """The task that reads it has panicked: the link is open, and nothing that comes over it is processed."""

    table: dict[str, int] = field(factory=dict)
    """What the peer announced here last: keys and hop counts."""

    direct: bool = True

    @property
    def direct_key(self) -> str:
        """The key of the route that the link itself makes."""
        return self.type.route_key(self.path)

    @property
    def nh_id(self) -> str:
        """Its id, as the table of routes shows it."""
        return self.id


@define(eq=False)
class SwbusdDouble:
    """The bus daemon of one node. ``peers`` are ports of this host, where other nodes listen."""

    own: ServicePath
    peers: list[int] = field(factory=list)
    port: int = field(factory=free_port)
    counts: Counter[str] = field(factory=Counter)
    connections: list[Connection] = field(factory=list)
    swallows: set[str] = field(factory=set)
    """Service keys whose messages vanish here: a link that is half-open beyond."""

    never_again: set[int] = field(factory=set)
    """Peers that did not say who they are: never dialled again."""

    _next_id: int = 1_753_200_000_000_000_000
    _server: grpc.aio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(factory=set)

    async def start(self) -> None:
        """Listen and dial."""
        # Other than gRPC's, the original's server is not known to mind how often it is pinged.
        options = [("grpc.so_reuseport", 0), ("grpc.http2.max_ping_strikes", 0)]
        options.append(("grpc.http2.min_ping_interval_without_data_ms", 1))
        server = self._server = grpc.aio.server(options=options)
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(self._accept)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),))
        assert server.add_insecure_port(f"127.0.0.1:{self.port}") == self.port
        await server.start()
        for port in self.peers:
            self._tasks.add(asyncio.create_task(self._dial_for_ever(port)))

    async def stop(self) -> None:
        """End as by a signal: all sockets are closed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._server is not None:
            await self._server.stop(None)
            self._server = None
        self.connections.clear()

    def to(self, path: ServicePath) -> list[Connection]:
        """Its links to somebody."""
        return [connection for connection in self.connections if connection.path == path]

    # Links.

    async def _accept(self, requests: AsyncIterator[bytes], context: Context) -> None:
        said = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        stated = said.get("x-swbus-service-path")
        word = said.get("x-swbus-connection-type", "")
        kind = next((each for each in ConnectionType if word == f"CONNECTION_TYPE_{each.name}"), None)
        if stated is None or kind is None:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Client service path not found, or bad type")
        peer = context.peer().removeprefix("ipv4:")
        new = Connection(f"swbs-from://{peer}", kind, ServicePath.parse(stated), accepted=True)
        for old in [each for each in self.connections if each.accepted and (each.path, each.type) == (new.path, kind)]:
            self.counts["replaced"] += 1
            self._end(old)
        self.connections.append(new)
        await context.send_initial_metadata((("x-swbus-server-service-path", self.own.padded),))
        await self._carry(new, context)

    async def _dial_for_ever(self, port: int) -> None:
        pause_s = FIRST_AGAIN_S
        while True:
            async with grpc.aio.insecure_channel(
                f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)]
            ) as channel:
                metadata = (
                    ("x-swbus-service-path", self.own.padded),
                    ("x-swbus-connection-type", "CONNECTION_TYPE_IN_CLUSTER"),
                )
                call: grpc.aio.StreamStreamCall[bytes, bytes]
                call = channel.stream_stream(f"/{SERVICE}/{METHOD}")(metadata=metadata)
                said = dict(await call.initial_metadata() or ())
                path = said.get("x-swbus-server-service-path")
                if isinstance(path, str):
                    pause_s = AGAIN_S
                    link = Connection(
                        f"swbs-to://127.0.0.1:{port}",
                        ConnectionType.IN_CLUSTER,
                        ServicePath.parse(path),
                        accepted=False,
                    )
                    self.connections.append(link)
                    await self._carry(link, call)
                elif call.done() or await self._ended(call):
                    pass
                else:
                    self.never_again.add(port)
                    return
            await asyncio.sleep(pause_s)

    @staticmethod
    async def _ended(call: "grpc.aio.StreamStreamCall[bytes, bytes]") -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await call.code()
                return True
        return False

    async def _carry(self, link: Connection, stream: Stream) -> None:
        if link.path == self.own:
            self.counts["own path stated"] += 1
        self._announce_to_all()
        tasks = [
            asyncio.create_task(self._read(link, stream)),
            asyncio.create_task(self._write(link, stream)),
            asyncio.create_task(link.over.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._end(link)

    def _end(self, link: Connection) -> None:
        link.over.set()
        if link in self.connections:
            self.connections.remove(link)
            self._announce_to_all()

    async def _read(self, link: Connection, stream: Stream) -> None:
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            while isinstance(frame := await stream.read(), bytes):
                if link.deaf:
                    continue
                try:
                    message = decode(frame)
                except BadFrame as error:
                    self.counts["bad frames"] += 1
                    if error.why == "cannot be parsed":
                        return  # A decode error ends the whole stream.
                    continue
                self._handle(message, link)

    async def _write(self, link: Connection, stream: Stream) -> None:
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            while True:
                await stream.write(await link.queue.get())

    # Messages.

    def _handle(self, message: SwbusMessage, link: Connection) -> None:
        destination = message.header.destination
        here = destination == self.own
        body = message.body
        self.counts[type(body).__name__] += 1
        if isinstance(body, TraceRoute):
            self._answer(message, ErrorCode.OK, source=self.own)
            if here:
                return
        if isinstance(body, RouteAnnouncement):
            if here:
                self._apply(body, link)
            return
        if here and isinstance(body, ManagementRequest):
            self._manage(message, body, link)
        elif here:
            if isinstance(body, Ping):
                self._answer(message, ErrorCode.OK)
        else:
            self._route(message)

    def _manage(self, message: SwbusMessage, request: ManagementRequest, link: Connection) -> None:
        if request.request == 0:
            self._answer(message, ErrorCode.OK, route_entries=tuple(self._routes()))
        if request.request == 2:
            endpoint = (request.argument("endpoint") or "").replace("[", "").replace("]", "")
            found = next((each.path for each in self.connections if each.id == f"swbs-to://{endpoint}"), None)
            if found is None:
                self.counts["trapped"] += 1
                link.deaf = True
                return
            self._answer(message, ErrorCode.OK, query_result=found.longest)

    def _routes(self) -> list[RouteEntry]:
        return [
            RouteEntry(
                service_path=ServicePath.parse(key),
                nh_id=link.nh_id,
                nh_service_path=link.path,
                route_scope=RouteScope.IN_CLUSTER if link.type.between_nodes else RouteScope.CLIENT,
                hop_count=hops,
            )
            for link in self.connections
            if link.type is not ConnectionType.CLIENT
            for key, hops in self._keys_of(link).items()
        ]

    def _keys_of(self, link: Connection) -> dict[str, int]:
        direct = {link.direct_key: 1} if link.direct and link.path != self.own else {}
        return {**link.table, **direct}

    def _next_hops(self, key: str) -> list[tuple[int, str, Connection]]:
        ways = [
            (hops, link.id, link) for link in self.connections if (hops := self._keys_of(link).get(key)) is not None
        ]
        return sorted(ways, key=lambda way: way[:2])

    def _route(self, message: SwbusMessage) -> None:
        destination = message.header.destination
        node = destination.node_key
        for key in (destination.service_key, node, destination.cluster_key, destination.region_id):
            if key == self.own.node_key:
                break
            for hops, _, link in self._next_hops(key):
                if message.header.ttl - 1 < hops:
                    self._answer(message, ErrorCode.UNREACHABLE, "TTL expired", source=self.own)
                    return
                if destination.service_key in self.swallows:
                    self.counts["swallowed"] += 1
                    return
                carried = evolve(message, header=evolve(message.header, ttl=message.header.ttl - 1))
                with suppress(asyncio.QueueFull):
                    link.queue.put_nowait(encode(carried))
                    return
        source = destination if node == self.own.node_key else self.own
        # Also where the message is an answer itself: the original knows no better.
        self._answer(message, ErrorCode.NO_ROUTE, "Route not found", source=source)

    def _answer(
        self,
        request: SwbusMessage,
        code: ErrorCode,
        words: str = "",
        *,
        source: ServicePath | None = None,
        route_entries: tuple[RouteEntry, ...] | None = None,
        query_result: str | None = None,
    ) -> None:
        self.counts[f"answered {code.name}"] += 1
        if isinstance(request.body, Response):
            self.counts["responses answered"] += 1
        self._next_id += 1
        reply = answer(
            request, self._next_id, code, words, source=source, route_entries=route_entries, query_result=query_result
        )
        self._route(reply)

    # Announcements.

    def _apply(self, announcement: RouteAnnouncement, link: Connection) -> None:
        before = link.table
        link.table = {
            entry.service_path.node_key: entry.hop_count + 1
            for entry in announcement.entries
            if entry.route_scope == RouteScope.IN_CLUSTER and entry.service_path != self.own
        }
        self.counts["announcements applied"] += 1
        if link.direct_key in before and link.direct_key not in link.table:
            link.direct = False
        if link.direct_key in link.table:
            link.direct = True

    def _announce_to_all(self) -> None:
        for link in self.connections:
            if not link.type.between_nodes:
                continue
            entries = [RouteEntry(service_path=self.own, route_scope=RouteScope.IN_CLUSTER)]
            others = {other.path for other in self.connections if other.type.between_nodes and other.path != link.path}
            entries += [
                RouteEntry(service_path=path, route_scope=RouteScope.IN_CLUSTER, hop_count=1)
                for path in sorted(others, key=str)
            ]
            self._next_id += 1
            header = Header(id=self._next_id, source=self.own, destination=link.path, ttl=2)
            self._route(SwbusMessage(header, RouteAnnouncement(tuple(entries))))


@define(eq=False)
class ReferenceHamgrd:
    """A hamgrd of today behind a double: acknowledges what it hears before it handles it, pings back, knows its actors.

    ``answer`` is how a ``tests.bus.raw_peer.RawPeer`` reacts that speaks for it.
    """

    base: ServicePath
    actors: set[str] = field(factory=set)
    heard: list[SwbusMessage] = field(factory=list)

    def answer(self, message: SwbusMessage, number: int) -> SwbusMessage | None:
        """What it answers at once."""
        destination = message.header.destination
        if isinstance(message.body, Response):
            return None
        if destination != self.base and destination.resource not in self.actors:
            return answer(message, number, ErrorCode.NO_ROUTE, "Route not found", source=self.base)
        if destination == self.base and not isinstance(message.body, Ping | TraceRoute):
            return None
        self.heard.append(message)
        return answer(message, number, ErrorCode.OK)
