"""Daemons on one bus, in one event loop, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from attrs import define

from tests.bus.daemons import Daemon, Start
from tests.bus.tcp_path import TcpPath


async def eventually(
    holds: Callable[[], object], what: Callable[[], object] = lambda: "", within_s: float = 10.0
) -> None:
    """Wait until the condition holds."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, f"not within {within_s} s: {what()}"
        await asyncio.sleep(0.005)


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts daemons; all are ended after the test."""
    async with AsyncExitStack() as stack:

        async def begin(daemon: Daemon) -> Daemon:
            await daemon.start()
            stack.push_async_callback(daemon.stop)
            return daemon

        yield begin


async def both_up(a: Daemon, b: Daemon) -> None:
    """Wait until each of two daemons can speak to the other."""
    await eventually(
        lambda: a.up.get(b.dpu_name) and b.up.get(a.dpu_name),
        lambda: (a.links, b.links, a.bus.counts, b.bus.counts),
    )


async def pair(start: Start) -> tuple[Daemon, Daemon]:
    """Two daemons with a link between them."""
    a, b = await start(Daemon(0)), await start(Daemon(1))
    a.meet(b.neighbour())
    b.meet(a.neighbour())
    await both_up(a, b)
    return a, b


@define
class Apart:
    """Two daemons with a network between them that can be spoilt. The paths are named for who dials."""

    a: Daemon
    b: Daemon
    path_of_a: TcpPath
    path_of_b: TcpPath

    @property
    def paths(self) -> tuple[TcpPath, TcpPath]:
        """Both."""
        return self.path_of_a, self.path_of_b

    async def both_up(self) -> None:
        """Wait until each can speak to the other."""
        await both_up(self.a, self.b)

    async def both_lost(self) -> None:
        """Wait until each has lost the other."""
        await eventually(lambda: self.a.up == {"dpu1_0": False} and self.b.up == {"dpu0_0": False})


@pytest.fixture
async def apart(start: Start) -> AsyncIterator[Apart]:
    """Two daemons that have met."""
    a, b = Daemon(0), Daemon(1)
    async with TcpPath(b.port) as path_of_a, TcpPath(a.port) as path_of_b:
        await start(a)
        await start(b)
        a.meet(b.neighbour(path_of_a.port))
        b.meet(a.neighbour(path_of_b.port))
        await eventually(lambda: all(path.carries for path in (path_of_a, path_of_b)))
        both = Apart(a, b, path_of_a, path_of_b)
        await both.both_up()
        await eventually(lambda: a.bus.counts["links_up"] >= 2 and b.bus.counts["links_up"] >= 2)
        yield both
        await a.stop()
        await b.stop()
