"""The network between two processes, which a test can spoil in every way that a network can be spoilt."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from attrs import define, field

from runner.private_redis import free_port


@define(eq=False)
class TcpPath:
    """Carries TCP to a port of this host, for whoever connects to ``port``."""

    beyond: int
    port: int = field(factory=free_port)
    refuses: bool = False
    """Whoever connects is hung up on."""

    swallows_there: bool = False
    swallows_back: bool = False
    """What is sent in this direction vanishes; nobody is told."""

    delay_s: float = 0.0
    connections: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(factory=set)
    _writers: set[asyncio.StreamWriter] = field(factory=set)
    _stranded: set[asyncio.Task[None]] = field(factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def carries(self) -> bool:
        """Somebody is connected."""
        return bool(self._tasks)

    def cut(self) -> None:
        """Reset every connection; new ones are as good as before."""
        for writer in self._writers:
            writer.transport.abort()

    def strand(self) -> None:
        """Let nothing more through for those who are connected now, as after a change of routes on the way; whoever
        connects anew is well."""
        self._stranded |= self._tasks

    def swallow(self, swallows: bool = True) -> None:
        """Let nothing through in either direction, or everything again."""
        self.swallows_there = self.swallows_back = swallows

    def fail(self) -> None:
        """Be a cable that is pulled at the far end: what is there ends, and nothing new begins."""
        self.refuses = True
        self.cut()

    def heal(self) -> None:
        """Be well. What was swallowed is lost, and with it the connections that it was part of."""
        if self.swallows_there or self.swallows_back:
            self.cut()
        self.refuses = False
        self.swallow(False)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.refuses:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._connect(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(self._stranded.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._writers.add(writer)
        try:
            there, to_there = await asyncio.open_connection("127.0.0.1", self.beyond)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(to_there)
        try:
            await asyncio.gather(self._carry(task, reader, to_there, "there"), self._carry(task, there, writer, "back"))
        finally:
            for end in (writer, to_there):
                end.transport.abort()
                self._writers.discard(end)

    async def _carry(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str
    ) -> None:
        with suppress(ConnectionError):
            while some := await reader.read(65536):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self._loses(task, direction):
                    continue
                writer.write(some)
                await writer.drain()
        if not self._loses(task, direction):
            writer.transport.abort()

    def _loses(self, task: asyncio.Task[None], direction: str) -> bool:
        return task in self._stranded or (self.swallows_there if direction == "there" else self.swallows_back)
