"""Ends of links that are stopped after each test, and a look at what they leave behind."""

import asyncio
import gc
import logging
import warnings
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from attrs import define

from models.service_path import ServicePath
from models.swbus import ConnectionType
from runner.bus.links.channel_options import KeepAlive
from runner.bus.links.socket_address import SocketAddress
from runner.bus.links.tls import Tls
from tests.bus.links.recorder import NODE_1, DiallingEnd, ListeningEnd, Recorder, until
from tests.bus.links.relay import Relay


def left(before: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """The tasks that are there since then."""
    return {task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()}


@pytest.fixture(autouse=True)
async def _nothing_left(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    """After a test no task is pending, and Python, asyncio and gRPC had nothing to complain about."""
    before = asyncio.all_tasks()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield
        # Tasks of gRPC itself end a moment after the call that they belong to.
        with suppress(TimeoutError):
            await until(lambda: not left(before))
        assert not left(before)
        gc.collect()
    assert not [str(warning.message) for warning in warned]
    records = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    assert not [record.getMessage() for record in records if record.levelno >= logging.WARNING]


@define
class Ends:
    """Makes listening and dialling ends, and stops them after the test, the last one first."""

    stack: AsyncExitStack

    def listening(
        self,
        owner: Recorder | None = None,
        *,
        tls: Tls | None = None,
        incarnation: str | None = None,
        keep_alive: KeepAlive | None = None,
    ) -> ListeningEnd:
        """Node 2, which does not listen yet."""
        end = ListeningEnd.of(owner or Recorder(), tls, incarnation, keep_alive or KeepAlive())
        self.stack.push_async_callback(end.listener.stop)
        return end

    def dialling(
        self,
        *addresses: SocketAddress,
        owner: Recorder | None = None,
        path: ServicePath = NODE_1,
        connection_type: ConnectionType = ConnectionType.IN_CLUSTER,
        incarnation: str | None = None,
        tls: Tls | None = None,
        keep_alive: KeepAlive | None = None,
    ) -> DiallingEnd:
        """Node 1 unless it is said otherwise, which dials at once."""
        end = DiallingEnd.to(
            addresses, owner or Recorder(), path, connection_type, incarnation, tls, keep_alive or KeepAlive()
        )
        self.stack.push_async_callback(end.dialler.stop)
        end.dialler.start()
        return end

    async def relay(self, beyond: SocketAddress) -> Relay:
        """A path to an address that can be cut."""
        return await self.stack.enter_async_context(Relay(beyond))


@pytest.fixture
async def ends(_nothing_left: None) -> AsyncIterator[Ends]:
    """The maker of ends."""
    async with AsyncExitStack() as stack:
        yield Ends(stack)
