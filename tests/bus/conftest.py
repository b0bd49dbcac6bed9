"""Daemons on one bus, in one event loop, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from tests.bus.daemons import Daemon, Start


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
