"""One link: a stream of frames to one peer and back, for as long as both ends and the path between them live.

Source: bus 3, 6 (required of ours, rule 7) and 8, rows 13 to 15, 20 and 21.
"""

import asyncio
from collections import Counter
from collections.abc import Hashable
from typing import Protocol

import grpc
import structlog
from attrs import define, field
from structlog.typing import FilteringBoundLogger

from models.service_path import ServicePath
from models.swbus import MAX_SENT_BYTES, ConnectionType
from runner.bus.links.channel_options import MAX_RECEIVED_BYTES
from runner.bus.links.counts import Counted
from runner.bus.links.outgoing_queue import OutgoingQueue
from runner.bus.links.owner import Hello, LinkOwner
from runner.bus.links.rare_log import RareLog
from runner.bus.links.socket_address import SocketAddress

CLOSE_WITHIN_S = 0.5
"""How long the peer has to take part in the orderly end of a stream."""

REASON_WITHIN_S = 0.2
"""How long the reader of a stream that has ended has for the last frame, and to say why it ended."""

ENDED_BY_PEER = "the peer ended the stream, or was lost"

log: FilteringBoundLogger = structlog.get_logger()


class Stream(Protocol):
    """What a link needs of gRPC's stream, whichever end it is."""

    async def read(self) -> object:
        """The next frame; anything else than bytes is the end."""
        ...

    async def write(self, frame: bytes) -> None:
        """Send a frame; waits while the peer does not read."""
        ...

    async def end(self) -> None:
        """Nothing more will be written."""
        ...

    async def lost(self) -> str:
        """Return when the stream has ended or broken, with the reason, even while nobody reads."""
        ...


@define(eq=False, repr=False)
class Link:
    """A link to a peer. Its owner reads who that is, puts frames, and may close it.

    :meth:`carry` and :meth:`finish` are for the listener or dialler that made it.
    """

    hello: Hello
    _owner: LinkOwner
    _counts: Counter[str]
    outgoing: OutgoingQueue = field(factory=OutgoingQueue)
    _closed_why: asyncio.Future[str] = field(init=False)
    _tasks: list[asyncio.Task[str]] = field(init=False, factory=list)
    _rarely: RareLog = field(init=False, factory=RareLog)

    def __attrs_post_init__(self) -> None:
        self._closed_why = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        return f"<Link {self.id} {self.stated_path}>"

    @property
    def id(self) -> str:
        """``swbs-from://ip:port`` if the peer dialled, ``swbs-to://ip:port`` if we did; IPv6 without brackets."""
        return f"swbs-{'from' if self.accepted else 'to'}://{self.remote.bare}"

    @property
    def accepted(self) -> bool:
        """True if the peer dialled us."""
        return self.hello.accepted

    @property
    def remote(self) -> SocketAddress:
        """The other end; the port of an accepted link is a passing one."""
        return self.hello.remote

    @property
    def stated_path(self) -> ServicePath:
        """The service path that the peer stated."""
        return self.hello.introduction.stated_path

    @property
    def connection_type(self) -> ConnectionType:
        """What the link is for, as the dialler stated."""
        return self.hello.introduction.connection_type

    @property
    def incarnation(self) -> str | None:
        """Which process the peer is; None if it does not say."""
        return self.hello.introduction.incarnation

    @property
    def closed(self) -> bool:
        """True once :meth:`close` was called or the stream ended: nothing is sent any more."""
        return self._closed_why.done()

    @property
    def why_closed(self) -> str:
        """Why the link is closed; empty while it is not."""
        return self._closed_why.result() if self.closed else ""

    def put(self, frame: bytes, key: Hashable | None = None) -> bool:
        """Send a frame when its turn comes. Never waits.

        A frame with the same key (not None) that still waits is replaced in its place. False: not taken, because the
        queue is full, the frame is larger than ``models.swbus.MAX_SENT_BYTES``, or the link is closed. The first two
        are counted.
        """
        if len(frame) > MAX_SENT_BYTES:
            self._counts[Counted.FRAMES_REFUSED_TOO_LARGE] += 1
            if self._rarely.due(Counted.FRAMES_REFUSED_TOO_LARGE):
                log.error("frame_not_sent", link=self.id, bytes=len(frame), why="larger than may be sent")
            return False
        taken = self.outgoing.put(frame, key)
        if not taken and not self.closed:
            self._counts[Counted.FRAMES_REFUSED_FULL] += 1
        return taken

    async def drained(self) -> None:
        """Return when everything that was put is handed to gRPC, or the link is closed."""
        await self.outgoing.idle()

    def close(self, why: str = "closed by us") -> None:
        """End the link in an orderly way; what still waits is lost. The owner hears ``link_down`` with this reason."""
        if not self.closed:
            self._closed_why.set_result(why)
            self._counts[Counted.FRAMES_LOST_WAITING] += self.outgoing.close()

    async def carry(self, stream: Stream) -> None:
        """Move frames both ways until the stream ends or the link is closed; it is closed then."""
        reader = asyncio.create_task(self._read(stream), name=f"read {self.id}")
        writer = asyncio.create_task(self._write(stream), name=f"write {self.id}")
        lost = asyncio.create_task(stream.lost(), name=f"lost {self.id}")
        self._tasks = [reader, writer, lost]
        await asyncio.wait([*self._tasks, self._closed_why], return_when=asyncio.FIRST_COMPLETED)
        if not reader.done() and not self.closed:
            await asyncio.wait([reader, self._closed_why], timeout=REASON_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        for task in (reader, lost, writer):
            if task.done():
                self.close(task.result())

    async def finish(self, within_s: float) -> None:
        """Wait for the peer to end its side as well, but not for long. Nothing of the link runs any more then."""
        if not self._tasks:
            return
        try:
            if within_s:
                await asyncio.wait(self._tasks, timeout=within_s)
        finally:
            # Whoever waits here may be cancelled: gRPC does so to a handler whose peer is lost.
            for task in self._tasks:
                task.cancel()
        await asyncio.wait(self._tasks)

    async def _read(self, stream: Stream) -> str:
        try:
            while isinstance(frame := await stream.read(), bytes):
                if not self.closed:
                    await self._hand_over(frame)
        except Exception as error:  # noqa: BLE001
            return broken("read from", error)
        return ENDED_BY_PEER

    async def _hand_over(self, frame: bytes) -> None:
        if len(frame) > MAX_RECEIVED_BYTES:
            self._counts[Counted.FRAMES_IGNORED_TOO_LARGE] += 1
            if self._rarely.due(Counted.FRAMES_IGNORED_TOO_LARGE):
                log.warning("frame_ignored", link=self.id, bytes=len(frame), why="larger than may be received")
            return
        self._counts[Counted.FRAMES_RECEIVED] += 1
        try:
            await self._owner.frame_arrived(self, frame)
        except Exception:
            # A bug of the owner. If it ended the link, the resend of the frame would end the next one (bus 8, row 21).
            self._counts[Counted.OWNER_ERRORS] += 1
            log.exception("frame_lost", link=self.id)

    async def _write(self, stream: Stream) -> str:
        try:
            while (frame := await self.outgoing.take()) is not None:
                await stream.write(frame)
                self._counts[Counted.FRAMES_SENT] += 1
            await stream.end()
        except Exception as error:  # noqa: BLE001
            return broken("written to", error)
        return "closed"


def status_in_words(code: grpc.StatusCode, details: str | None) -> str:
    """How a stream ended."""
    return f"{code.name}: {details}" if details else code.name


def broken(what: str, error: Exception) -> str:
    """Why a stream cannot be used: gRPC raises errors of several unrelated kinds when one ends."""
    if isinstance(error, grpc.aio.AioRpcError):
        return status_in_words(error.code(), error.details())
    return f"cannot be {what}: {str(error) or type(error).__name__}"
