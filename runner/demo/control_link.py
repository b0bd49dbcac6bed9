"""A control link between two hamgrd that can be cut: a TCP proxy that passes on, refuses, holds back or delays.

One link carries the connections that one side dials. Bytes that are held back are not lost: as on a real path, they
arrive when the path is there again, if the connection still is. A connection that was frozen is silent for ever, like
one whose other end has lost power. All links live on one event loop in a thread of their own.

Source: scenarios 0.2 (link), C17, C18, C19.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from enum import Enum, auto
from typing import Any

CHUNK = 65536
DIAL_DEADLINE_S = 5.0
CALL_DEADLINE_S = 10.0

Address = tuple[str, int]


class Passage(Enum):
    """What a link does with what comes."""

    OPEN = auto()
    REFUSED = auto()
    """Nobody listens, and every connection is reset."""

    SILENT = auto()
    """Connections are accepted and stay, and nothing comes through."""


class LinkLoop:
    """The event loop of some links, in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done on the loop, and wait until it is."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_DEADLINE_S)

    def close(self) -> None:
        """End everything that runs on the loop, and the loop."""
        self.run(_end_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_DEADLINE_S)
        self._loop.close()


class ControlLink:
    """The link of one side that dials. ``listens`` is what it dials, ``far`` where its peer really is.

    ``near`` is the address from which the peer sees it come.
    """

    def __init__(self, loop: LinkLoop, listens: Address, far: Address, near: str) -> None:
        self._on = loop
        self._listens, self._far, self._near = listens, far, near
        self.passage = Passage.REFUSED
        self.delay_s = 0.0
        self.accepted = 0
        """How many connections were ever accepted."""
        self._server: asyncio.Server | None = None
        self._carried: set[_Carried] = set()
        # The port stays ours while nobody listens on it: it is bound without being listened on.
        self._placeholder = _bound(listens)

    def open(self) -> None:
        """Pass everything on, without delay; what was held back comes through now."""
        self.delay_s = 0.0
        self._become(Passage.OPEN)

    def refuse(self) -> None:
        """Reset every connection and let nobody connect."""
        self._become(Passage.REFUSED)

    def silence(self) -> None:
        """Hold back everything, and tell nobody."""
        self._become(Passage.SILENT)

    def freeze(self) -> None:
        """The connections that there are stay, silent for ever; new ones are as the link is."""
        self._on.run(self._freeze())

    def close(self) -> None:
        """End every connection and give the port back."""
        self._become(Passage.REFUSED)
        self._placeholder.close()

    def _become(self, passage: Passage) -> None:
        self._on.run(self._change(passage))

    async def _change(self, passage: Passage) -> None:
        self.passage = passage
        if passage is Passage.REFUSED:
            if self._server is not None:
                self._server.close()
                self._server = None
            for carried in list(self._carried):
                carried.reset()
            return
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, sock=_bound(self._listens))
        for carried in self._carried:
            carried.hold(passage is Passage.SILENT)

    async def _freeze(self) -> None:
        for carried in self._carried:
            carried.freeze()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        carried = _Carried(writer, lambda: self.delay_s)
        carried.hold(self.passage is Passage.SILENT)
        self._carried.add(carried)
        try:
            await carried.released()
            dialled = asyncio.open_connection(*self._far, local_addr=(self._near, 0))
            far_reader, far_writer = await asyncio.wait_for(dialled, DIAL_DEADLINE_S)
            carried.both.append(far_writer)
            if carried.is_reset:
                far_writer.transport.abort()
            async with asyncio.TaskGroup() as ways:
                ways.create_task(carried.carry(reader, far_writer))
                ways.create_task(carried.carry(far_reader, writer))
        except (OSError, TimeoutError, asyncio.CancelledError):
            # Cancelled in the end as well: asyncio would print that a handler was.
            pass
        finally:
            carried.reset()
            self._carried.discard(carried)


class _Carried:
    """One connection, in both directions."""

    def __init__(self, writer: asyncio.StreamWriter, delay_s: Callable[[], float]) -> None:
        self.both = [writer]
        self.is_reset = False
        self._delay_s = delay_s
        self._frozen = False
        self._free = asyncio.Event()

    def hold(self, held: bool) -> None:
        """Hold back what comes, or let it through."""
        if held:
            self._free.clear()
        elif not self._frozen:
            self._free.set()

    def freeze(self) -> None:
        """Hold back what comes for ever."""
        self._frozen = True
        self._free.clear()

    def reset(self) -> None:
        """End both halves at once."""
        self.is_reset = True
        self._free.set()
        for writer in self.both:
            writer.transport.abort()

    async def released(self) -> None:
        """Wait until something may come through."""
        await self._free.wait()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction until it ends; the end is passed on like everything else."""
        on_its_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        async with asyncio.TaskGroup() as halves:
            halves.create_task(self._take_in(reader, on_its_way))
            halves.create_task(self._give_out(writer, on_its_way))

    async def _take_in(self, reader: asyncio.StreamReader, on_its_way: asyncio.Queue[tuple[float, bytes]]) -> None:
        chunk = b"-"
        while chunk:
            try:
                chunk = await reader.read(CHUNK)
            except OSError:
                chunk = b""
            on_its_way.put_nowait((time.monotonic() + self._delay_s(), chunk))

    async def _give_out(self, writer: asyncio.StreamWriter, on_its_way: asyncio.Queue[tuple[float, bytes]]) -> None:
        while True:
            due_s, chunk = await on_its_way.get()
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            await self.released()
            if not chunk or self.is_reset:
                with suppress(OSError):
                    writer.close()
                return
            with suppress(OSError):
                writer.write(chunk)
                await writer.drain()


async def _end_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _bound(address: Address) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(address)
    return bound
