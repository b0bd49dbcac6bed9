"""A link over a stream that does what gRPC's do only in the moment in which they end. Source: bus 8, row 20."""

import asyncio
from collections import Counter

import grpc
import pytest

from models.swbus import ConnectionType
from runner.bus.links.counts import Counted
from runner.bus.links.introduction import Introduction
from runner.bus.links.link import Link
from runner.bus.links.owner import Hello
from runner.bus.links.socket_address import SocketAddress
from tests.bus.links.recorder import NODE_1, Recorder

REMOTE = SocketAddress("10.0.0.1", 23606)


class Broken:
    """Writing raises, and so does reading, or nothing ever comes."""

    def __init__(self, error: Exception, *, reading: bool = False) -> None:
        self.error, self.reading = error, reading

    async def read(self) -> object:
        if self.reading:
            raise self.error
        return await asyncio.Event().wait()

    async def write(self, frame: bytes) -> None:
        raise self.error

    async def end(self) -> None:
        pass

    async def lost(self) -> str:
        await asyncio.Event().wait()
        return ""


def link_to(owner: Recorder, counts: Counter[str]) -> Link:
    return Link(Hello(False, REMOTE, Introduction(NODE_1, ConnectionType.IN_CLUSTER)), owner, counts)


@pytest.mark.parametrize(
    "error,why",
    [
        (asyncio.InvalidStateError("RPC already finished."), "cannot be written to: RPC already finished."),
        (grpc.aio.UsageError(), "cannot be written to: UsageError"),
        (grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, details="gone"), "UNAVAILABLE: gone"),
    ],
)
async def test_a_write_that_fails_ends_the_link(error: Exception, why: str) -> None:
    counts: Counter[str] = Counter()
    link = link_to(Recorder(), counts)
    link.put(b"frame")
    link.put(b"waits")

    async with asyncio.timeout(20):
        await link.carry(Broken(error))
        await link.finish(0)

    assert link.why_closed == why
    assert counts == {Counted.FRAMES_LOST_WAITING: 1}


@pytest.mark.parametrize(
    "error,why",
    [
        (grpc.aio.UsageError("RPC already finished."), "cannot be read from: RPC already finished."),
        (grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE), "UNAVAILABLE"),
    ],
)
async def test_a_read_that_fails_ends_the_link(error: Exception, why: str) -> None:
    link = link_to(Recorder(), Counter())

    async with asyncio.timeout(20):
        await link.carry(Broken(error, reading=True))
        await link.finish(0)

    assert link.why_closed == why


async def test_the_first_reason_to_close_counts() -> None:
    link = link_to(Recorder(), Counter())
    assert (link.closed, link.why_closed) == (False, "")

    link.close("first")
    link.close("second")
    await link.carry(Broken(RuntimeError()))
    await link.finish(0)

    assert (link.closed, link.why_closed) == (True, "first")


async def test_a_link_is_shown_by_its_id_and_path() -> None:
    assert repr(link_to(Recorder(), Counter())) == "<Link swbs-to://10.0.0.1:23606 region-a.cluster-a.switch1-dpu0>"


class Ended:
    """Known to have ended while frames are still to be read."""

    def __init__(self, *frames: bytes) -> None:
        self.frames = list(frames)

    async def read(self) -> object:
        await asyncio.sleep(0)
        return self.frames.pop(0) if self.frames else grpc.aio.EOF

    async def write(self, frame: bytes) -> None:
        pass

    async def end(self) -> None:
        pass

    async def lost(self) -> str:
        return "OK"


async def test_what_was_sent_before_the_end_is_still_read() -> None:
    owner = Recorder()
    link = link_to(owner, Counter())

    await link.carry(Ended(b"one", b"two", b"three"))
    await link.finish(0)

    assert owner.received == [b"one", b"two", b"three"]
