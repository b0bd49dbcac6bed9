"""The listening end: accepts links at one address, for as long as it is wanted there.

An address that this machine does not have (yet), or a port that somebody else has, is no reason to give up.

Source: bus 3, 4.3 and 8, rows 16, 20 and 22.
"""

import asyncio
import os
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator

import grpc
import structlog
from attrs import define, field
from structlog.typing import FilteringBoundLogger

from models.swbus import SERVICE_METHOD
from runner.bus.links.back_off import BackOff
from runner.bus.links.channel_options import NO_COMPRESSION, KeepAlive, listening_options
from runner.bus.links.counts import Counted
from runner.bus.links.dealings import Dealings
from runner.bus.links.introduction import Introduction, Refusal, read_request
from runner.bus.links.link import CLOSE_WITHIN_S, ENDED_BY_PEER, Link
from runner.bus.links.owner import Hello, LinkOwner
from runner.bus.links.rare_log import RareLog
from runner.bus.links.socket_address import SocketAddress
from runner.bus.links.tls import Tls, certificate_names, refusal_of_names

Context = grpc.aio.ServicerContext[bytes, bytes]

log: FilteringBoundLogger = structlog.get_logger()


@define(eq=False)
class _AcceptedStream:
    """A stream at the listening end; it ends when its handler returns."""

    _context: Context

    async def read(self) -> object:
        return await self._context.read()

    async def write(self, frame: bytes) -> None:
        await self._context.write(frame)

    async def end(self) -> None:
        pass

    async def lost(self) -> str:
        # At this end gRPC cancels the handler instead.
        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await never


@define(eq=False)
class Listener:
    """Accepts links. ``introduction`` is what this node says about itself; its connection type is not sent."""

    _owner: LinkOwner
    _introduction: Introduction
    _random: random.Random
    counts: Counter[str] = field(factory=Counter)
    _tls: Tls | None = None
    _keep_alive: KeepAlive = field(factory=KeepAlive)
    _dealings: Dealings = field(init=False)
    _wanted: SocketAddress | None = field(init=False, default=None)
    _changed: asyncio.Event = field(init=False, factory=asyncio.Event)
    _bound: asyncio.Future[SocketAddress] = field(init=False)
    _task: asyncio.Task[None] | None = field(init=False, default=None)
    _links: set[Link] = field(init=False, factory=set)
    _rarely: RareLog = field(init=False, factory=RareLog)

    def __attrs_post_init__(self) -> None:
        self._dealings = Dealings(self._owner, self.counts)
        self._bound = asyncio.get_running_loop().create_future()

    def listen(self, address: SocketAddress) -> None:
        """Listen there from now on, and nowhere else; links accepted elsewhere are closed. Port 0 is any free port."""
        if address == self._wanted:
            return
        self._want(address)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="bus listener")

    async def stop(self) -> None:
        """Close every link and listen no more; :meth:`listen` may follow."""
        self._want(None)
        task, self._task = self._task, None
        if task is not None:
            await task

    async def bound(self) -> SocketAddress:
        """The address that is listened at, with its real port; waits until there is one."""
        while True:
            await asyncio.wait([bound := self._bound])
            if not bound.cancelled():
                return bound.result()

    def _want(self, address: SocketAddress | None) -> None:
        self._wanted = address
        self._changed.set()
        self._bound.cancel()
        self._bound = asyncio.get_running_loop().create_future()

    async def _run(self) -> None:
        back_off = BackOff(self._random)
        while (wanted := self._wanted) is not None:
            self._changed.clear()
            server = await self._open(wanted)
            if server is None:
                await self._changed_within(back_off.delay_s())
                continue
            back_off.reset()
            await self._changed.wait()
            await self._close(server)

    async def _changed_within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def _open(self, wanted: SocketAddress) -> grpc.aio.Server | None:
        try:
            _try_to_bind(wanted)
            server, port = self._server(wanted)
            await server.start()
        except Exception as error:  # noqa: BLE001
            # gRPC raises whatever it likes, and there must be a next attempt.
            self._not_bound(wanted, error)
            return None
        address = SocketAddress(wanted.host, port)
        self._rarely.forget()
        log.info("bus_listening", address=str(address), tls=self._tls is not None)
        if self._wanted == wanted:
            self._bound.set_result(address)
        return server

    def _server(self, wanted: SocketAddress) -> tuple[grpc.aio.Server, int]:
        server = grpc.aio.server(options=listening_options(self._keep_alive), compression=NO_COMPRESSION)
        # Without serializers a message is its bytes: what cannot be decoded does not end the stream.
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(self._accept)
        service, method = SERVICE_METHOD.strip("/").split("/")
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
        if self._tls is None:
            return server, server.add_insecure_port(str(wanted))
        return server, server.add_secure_port(str(wanted), self._tls.for_listening())

    def _not_bound(self, wanted: SocketAddress, error: Exception) -> None:
        self.counts[Counted.BINDS_FAILED] += 1
        number = error.errno if isinstance(error, OSError) else None
        if self._rarely.due((wanted, number)):
            why = str(error) if number is None else os.strerror(number)
            log.warning("bus_not_listening", address=str(wanted), why=why, then="tried again for ever")

    async def _close(self, server: grpc.aio.Server) -> None:
        log.info("bus_listener_closed")
        for link in self._links:
            link.close("the listener stops")
        await server.stop(grace=CLOSE_WITHIN_S)

    async def _accept(self, requests: AsyncIterator[bytes], context: Context) -> None:
        """One stream, from its beginning to its end."""
        met = self._meet(context)
        if isinstance(met, Refusal):
            await context.abort(met.status, met.text)
        link = self._dealings.up(met)
        self._links.add(link)
        try:
            # At once: gRPC would send it with the first frame, and a reference peer gives up on us without it.
            await context.send_initial_metadata(self._introduction.as_response())
            await link.carry(_AcceptedStream(context))
        finally:
            # gRPC ends the stream of a lost peer, or cancels this method, or both.
            link.close(ENDED_BY_PEER)
            self._links.discard(link)
            self._dealings.down(link)
            await link.finish(0)

    def _meet(self, context: Context) -> Hello | Refusal:
        remote = SocketAddress.from_grpc(context.peer())
        introduction = read_request(context.invocation_metadata())
        if isinstance(introduction, Refusal):
            self._dealings.refused(remote, introduction)
            return introduction
        hello = Hello(True, remote, introduction, certificate_names(context.auth_context()))
        refusal = None if self._tls is None else refusal_of_names(hello)
        if refusal := refusal or self._dealings.admit(hello):
            self._dealings.refused(remote, refusal)
            return refusal
        return hello


def _try_to_bind(address: SocketAddress) -> None:
    """Raise ``OSError`` if the system does not give us the address; gRPC would not say why."""
    family = socket.AF_INET6 if address.is_ipv6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        attempt.bind((address.host, address.port))
