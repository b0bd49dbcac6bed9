"""The dialling end: keeps one link to an endpoint, for ever.

Every attempt is a connection of its own, with a source port of its own: where several paths lead to the peer, another
port may find one that works.

Source: bus 3, 4.3 and 8, rows 1, 18, 20 and 23.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any

import grpc
import structlog
from attrs import define, field
from structlog.typing import FilteringBoundLogger

from models.swbus import SERVICE_METHOD
from runner.bus.links.back_off import BackOff
from runner.bus.links.channel_options import NO_COMPRESSION, KeepAlive, dialled_options
from runner.bus.links.dealings import Dealings
from runner.bus.links.introduction import Introduction, Refusal, read_response
from runner.bus.links.link import CLOSE_WITHIN_S, Link, status_in_words
from runner.bus.links.owner import Hello, LinkOwner
from runner.bus.links.socket_address import SocketAddress
from runner.bus.links.tls import Tls

CONNECT_WITHIN_S = 2.0
"""How long one attempt may take until the peer has said who it is."""

STEADY_AFTER_S = 1.0
"""A link that ends sooner did not prove that all is well: the back-off goes on where it was. Else two processes that
throw each other out, or a peer that ends every stream, would do so in a tight loop (bus 8, row 17)."""

STATUS_WITHIN_S = 0.2
"""How long a refused connection may take to say why."""

STOPS = "the dialler stops"

log: FilteringBoundLogger = structlog.get_logger()

Call = grpc.aio.StreamStreamCall[bytes, bytes]


@define(eq=False)
class _DialledStream:
    """A stream at the dialling end."""

    _call: Call

    async def read(self) -> object:
        return await self._call.read()

    async def write(self, frame: bytes) -> None:
        await self._call.write(frame)

    async def end(self) -> None:
        await self._call.done_writing()

    async def lost(self) -> str:
        ended = asyncio.Event()
        self._call.add_done_callback(lambda call: ended.set())
        await ended.wait()
        return status_in_words(await self._call.code(), await self._call.details())


@define(eq=False)
class Dialler:
    """Dials an endpoint that has one address or several, which are tried in turn, as ``introduction`` says."""

    addresses: Sequence[SocketAddress]
    _owner: LinkOwner
    _introduction: Introduction
    _random: random.Random
    counts: Counter[str] = field(factory=Counter)
    _tls: Tls | None = None
    _keep_alive: KeepAlive = field(factory=KeepAlive)
    link: Link | None = field(init=False, default=None)
    """The link, while there is one."""
    _dealings: Dealings = field(init=False)
    _turn: int = field(init=False, default=0)
    _back_off: BackOff = field(init=False)
    _stopping: bool = field(init=False, default=False)
    _again: asyncio.Event = field(init=False, factory=asyncio.Event)
    _task: asyncio.Task[None] | None = field(init=False, default=None)
    _ending: set[asyncio.Task[None]] = field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        self._dealings = Dealings(self._owner, self.counts)
        self._back_off = BackOff(self._random)

    @property
    def address(self) -> SocketAddress:
        """The address that is dialled now, or was last."""
        return self.addresses[self._turn % len(self.addresses)]

    def start(self) -> None:
        """Dial from now on."""
        if self._task is None:
            self._stopping = False
            self._task = asyncio.create_task(self._run(), name=f"bus dialler {self.address}")

    def redial(self, why: str = "dialled anew") -> None:
        """Close the link if there is one, give up the attempt if there is one, and dial anew at once."""
        self._again.set()
        if self.link is not None:
            self.link.close(why)

    async def stop(self) -> None:
        """Close the link and dial no more; :meth:`start` may follow."""
        self._stopping = True
        self.redial(STOPS)
        task, self._task = self._task, None
        if task is not None:
            await task
        if self._ending:
            await asyncio.wait(self._ending)

    async def _run(self) -> None:
        failures = 0
        while not self._stopping:
            self._again.clear()
            up_for_s = await self._contained_attempt()
            if up_for_s is None:
                failures += 1
                self._turn += 1
            else:
                failures = 0
            await self._again_within(self._pause_s(up_for_s, failures))

    def _pause_s(self, up_for_s: float | None, failures: int) -> float:
        """How long to wait after an attempt that led to a link for so long, or to none."""
        if up_for_s is not None and up_for_s >= STEADY_AFTER_S:
            self._back_off.reset()
            return 0.0
        # The next address may be the one that works: the pause comes after all of them.
        return 0.0 if failures % len(self.addresses) else self._back_off.delay_s()

    async def _again_within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._again.wait()
        except TimeoutError:
            pass

    async def _contained_attempt(self) -> float | None:
        try:
            return await self._attempt(self.address)
        except Exception as error:
            # A bug, here or in gRPC. A peer that is never dialled again would be worse.
            log.exception("dialler_failed", remote=str(self.address))
            self._dealings.dial_failed(self, f"{type(error).__name__}: {error}")
            return None

    async def _attempt(self, address: SocketAddress) -> float | None:
        """Dial, and keep the link until it ends: how long it was up, in seconds; None if there was none."""
        channel = self._channel(address)
        async with AsyncExitStack() as unless_linked:
            unless_linked.push_async_callback(channel.close)
            call: Call = channel.stream_stream(SERVICE_METHOD)(metadata=self._introduction.as_request())
            met = await self._unless_again(self._meet(address, call))
            # Asked once more: it may have been set since the attempt succeeded, when there was no link to close yet.
            if not isinstance(met, Hello) or self._again.is_set():
                if isinstance(met, str):
                    self._dealings.dial_failed(self, met)
                return None
            unless_linked.pop_all()
        now_s = asyncio.get_running_loop().time
        since_s = now_s()
        link = self.link = self._dealings.up(met)
        try:
            await link.carry(_DialledStream(call))
        finally:
            self.link = None
            link.close(STOPS)
            self._dealings.down(link)
            self._in_background(_end(link, channel))
        return now_s() - since_s

    def _channel(self, address: SocketAddress) -> grpc.aio.Channel:
        options = dialled_options(self._keep_alive)
        if self._tls is None:
            return grpc.aio.insecure_channel(address.dialled, options, NO_COMPRESSION)
        return grpc.aio.secure_channel(address.dialled, self._tls.for_dialling(), options, NO_COMPRESSION)

    async def _unless_again(self, meeting: Coroutine[Any, Any, Hello | str]) -> Hello | str | None:
        """What came of it, None if it was given up to dial anew."""
        dialling = asyncio.create_task(meeting)
        tasks = (dialling, asyncio.create_task(self._again.wait()))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return dialling.result() if dialling.done() else None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _meet(self, address: SocketAddress, call: Call) -> Hello | str:
        """Who answers at the address, or why nobody does."""
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                metadata = await call.initial_metadata()
        except TimeoutError:
            return f"no answer within {CONNECT_WITHIN_S:g} s"
        except grpc.aio.AioRpcError as error:
            return status_in_words(error.code(), error.details())
        # A refused connection shows as empty metadata, not as an exception.
        introduction = read_response(metadata, self._introduction.connection_type)
        if isinstance(introduction, Refusal):
            return await _status(call) or introduction.text
        hello = Hello(False, address, introduction)
        if refusal := self._dealings.admit(hello):
            self._dealings.refused(address, refusal)
            return refusal.text
        return hello

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """A link that ends must not keep the next one waiting."""
        task = asyncio.create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def _end(link: Link, channel: grpc.aio.Channel) -> None:
    await link.finish(CLOSE_WITHIN_S)
    await channel.close()


async def _status(call: Call) -> str | None:
    """How the call ended, None if it has not."""
    try:
        async with asyncio.timeout(STATUS_WITHIN_S):
            return status_in_words(await call.code(), await call.details())
    except TimeoutError:
        return None
