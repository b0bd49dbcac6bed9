"""A path between two ends that a test can spoil: TCP in between that swallows what it should pass on."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from attrs import define, field

from runner.bus.links.socket_address import SocketAddress
from tests.bus.links.recorder import DEADLINE_S


@define(eq=False)
class Relay:
    """Passes bytes on to an address. While ``swallows``, it takes them and nothing else happens: no end, no reset."""

    beyond: SocketAddress
    swallows: bool = False
    connections: int = 0
    passed_on: dict[bool, int] = field(factory=lambda: {True: 0, False: 0})
    """How often something was passed on, away from the dialler (True) and back to it."""
    address: SocketAddress = field(init=False)
    _server: asyncio.Server = field(init=False)
    _tasks: set[asyncio.Task[None]] = field(factory=set)
    _closing: bool = False
    _changed: asyncio.Event = field(factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.address = SocketAddress(*self._server.sockets[0].getsockname())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._server.close()
        await self.cut()
        await self._server.wait_closed()

    async def cut(self) -> None:
        """End every connection, which both ends notice."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def until_passed_on(self, times: int) -> None:
        """Wait until so much more was passed on in both directions."""
        wanted = {away: so_far + times for away, so_far in self.passed_on.items()}
        async with asyncio.timeout(DEADLINE_S):
            while any(self.passed_on[away] < wanted[away] for away in wanted):
                self._changed.clear()
                await self._changed.wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._closing:
            return writer.transport.abort()
        task = asyncio.create_task(self._pass_on_both_ways(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before it begins closes nothing.
        task.add_done_callback(lambda _: writer.transport.abort())
        return None

    async def _pass_on_both_ways(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, to_there = await asyncio.open_connection(self.beyond.host, self.beyond.port)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pass_on(reader, to_there, away=True))
                    both.create_task(self._pass_on(there, writer, away=False))
            finally:
                await hang_up(to_there)
        except ConnectionError:
            pass
        finally:
            await hang_up(writer)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, away: bool) -> None:
        try:
            while some := await reader.read(65536):
                if not self.swallows:
                    writer.write(some)
                    await writer.drain()
                    self.passed_on[away] += 1
                    self._changed.set()
        except ConnectionError:
            pass
        if not self.swallows:
            writer.close()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """End a connection at once, also one with bytes that nobody takes."""
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()
