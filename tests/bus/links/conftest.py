"""Ends of links that are stopped after each test, and a look at what they leave behind."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from tests.bus.links.recorder import DiallingEnd, ListeningEnd


@pytest.fixture(autouse=True)
async def _nothing_left(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    """After a test no task is pending, and asyncio and gRPC had nothing to complain about."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left
    gc.collect()
    complaints = [
        record.getMessage() for record in caplog.get_records("call") if record.name.split(".")[0] in ("asyncio", "grpc")
    ]
    assert not complaints


@pytest.fixture
async def ends(_nothing_left: None) -> AsyncIterator[AsyncExitStack]:
    """What is pushed here is stopped at the end of the test, the last one first."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def listening(ends: AsyncExitStack) -> Callable[..., ListeningEnd]:
    """Makes the listening end of links."""

    def make(*args: object, **kwargs: object) -> ListeningEnd:
        end = ListeningEnd.of(*args, **kwargs)  # type: ignore[arg-type]
        ends.push_async_callback(end.listener.stop)
        return end

    return make


@pytest.fixture
def dialling(ends: AsyncExitStack) -> Callable[..., DiallingEnd]:
    """Makes the dialling end of links, which dials at once."""

    def make(*args: object, **kwargs: object) -> DiallingEnd:
        end = DiallingEnd.to(*args, **kwargs)  # type: ignore[arg-type]
        ends.push_async_callback(end.dialler.stop)
        end.dialler.start()
        return end

    return make
