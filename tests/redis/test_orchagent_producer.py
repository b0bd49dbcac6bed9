"""Rows on their way to a DPU whose orchagent comes and goes: a real socket plays the orchagent."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import zmq
import zmq.asyncio
from structlog.testing import capture_logs

from runner.orchagent_message import LARGEST_MESSAGE, unpack
from runner.orchagent_producer import OrchagentProducer
from runner.private_redis import free_port
from runner.shell import end
from tests.redis.conftest import DEADLINE_S, until

SET, BFD, SCOPE = "DASH_HA_SET_TABLE", "BFD_SESSION_TABLE", "DASH_HA_SCOPE_TABLE"
SYNC = "DASH_FLOW_SYNC_SESSION_TABLE"
ONE_SHOT = {SCOPE: frozenset({"activate_role_requested", "flow_reconcile_requested"})}
ACTIVATE, RECONCILE = "activate_role_requested", "flow_reconcile_requested"


class Orchagent:
    """Binds and takes what comes."""

    def __init__(self, context: zmq.asyncio.Context, port: int) -> None:
        self._socket = context.socket(zmq.PULL)
        self._socket.bind(f"tcp://127.0.0.1:{port}")

    async def next(self) -> tuple[str, str, dict[str, str]]:
        """The next row; no fields is a deletion."""
        async with asyncio.timeout(DEADLINE_S):
            _, (row,) = unpack(await self._socket.recv())
        return row.table, row.key, dict(row.fields)

    async def take(self, count: int) -> list[tuple[str, str, dict[str, str]]]:
        """The next rows."""
        return [await self.next() for _ in range(count)]

    def close(self) -> None:
        """Leave, with the port free when this returns to the caller's caller."""
        self._socket.close(linger=0)


class Stage:
    """A producer that is told where the orchagent is, and the orchagent, which is away at first."""

    def __init__(self, context: zmq.asyncio.Context, producer: OrchagentProducer) -> None:
        self.context, self.producer, self.port = context, producer, free_port()

    @contextmanager
    def orchagent(self) -> Iterator[Orchagent]:
        """The orchagent runs inside the block."""
        orchagent = Orchagent(self.context, self.port)
        try:
            yield orchagent
        finally:
            orchagent.close()

    async def left(self) -> None:
        """Wait until the producer has noticed that the orchagent left."""
        await until(lambda: not self.producer.connected)

    async def came(self) -> None:
        """Wait until the producer is connected."""
        await until(lambda: self.producer.connected)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    context = zmq.asyncio.Context()
    stage = Stage(context, OrchagentProducer(ONE_SHOT))
    task = asyncio.create_task(stage.producer.run())
    stage.producer.reach("127.0.0.1", stage.port)
    yield stage
    alive = not task.done()
    await end(task)
    context.destroy(linger=0)
    assert alive


async def test_rows_written_while_the_dpu_is_away_arrive_in_the_order_of_their_tables(stage: Stage) -> None:
    stage.producer.write(SCOPE, "s", {"ha_role": "dead"})
    stage.producer.write(BFD, "b", {"type": "passive"})
    stage.producer.write(SET, "h", {"version": "1"})
    with stage.orchagent() as orchagent:
        assert [row[0] for row in await orchagent.take(3)] == [SET, BFD, SCOPE]


async def test_rows_written_while_connected_go_out_at_once_in_their_own_order(stage: Stage) -> None:
    with stage.orchagent() as orchagent:
        await stage.came()
        stage.producer.write(SCOPE, "s", {"ha_role": "dead"})
        stage.producer.write(SET, "h", {"version": "1"})
        stage.producer.delete(SCOPE, "s")
        assert await orchagent.take(3) == [
            (SCOPE, "s", {"ha_role": "dead"}),
            (SET, "h", {"version": "1"}),
            (SCOPE, "s", {}),
        ]


async def test_restarted_orchagent_hears_every_row_again_but_no_one_shot_request_twice(stage: Stage) -> None:
    with stage.orchagent() as orchagent:
        await stage.came()
        stage.producer.write(SET, "h", {"version": "1"})
        stage.producer.write(SCOPE, "s", {"ha_role": "active", ACTIVATE: "true", RECONCILE: "false"})
        assert (await orchagent.take(2))[1][2][ACTIVATE] == "true"
    await stage.left()
    with stage.orchagent() as orchagent:
        assert await orchagent.take(2) == [
            (SET, "h", {"version": "1"}),
            (SCOPE, "s", {"ha_role": "active", ACTIVATE: "false", RECONCILE: "false"}),
        ]


async def test_one_shot_request_that_nobody_heard_survives_in_the_newer_row(stage: Stage) -> None:
    stage.producer.write(SCOPE, "s", {"version": "1", ACTIVATE: "true"})
    stage.producer.write(SCOPE, "s", {"version": "2", RECONCILE: "true"})
    stage.producer.write(SCOPE, "s", {"version": "3", ACTIVATE: "false"})
    with stage.orchagent() as orchagent:
        assert await orchagent.next() == (SCOPE, "s", {"version": "3", ACTIVATE: "true", RECONCILE: "true"})
        stage.producer.write(SCOPE, "s", {"version": "4", ACTIVATE: "false"})
        assert await orchagent.next() == (SCOPE, "s", {"version": "4", ACTIVATE: "false"})


async def test_one_shot_request_does_not_survive_its_row(stage: Stage) -> None:
    stage.producer.write(SCOPE, "s", {"version": "1", ACTIVATE: "true"})
    stage.producer.delete(SCOPE, "s")
    stage.producer.write(SCOPE, "s", {"version": "2", ACTIVATE: "false"})
    with stage.orchagent() as orchagent:
        assert await orchagent.take(2) == [(SCOPE, "s", {}), (SCOPE, "s", {"version": "2", ACTIVATE: "false"})]


async def test_deletions_are_kept_for_a_dpu_that_is_away_and_delivered_once(stage: Stage) -> None:
    with stage.orchagent() as orchagent:
        await stage.came()
        for table in (SET, SCOPE):
            stage.producer.write(table, "x", {"version": "1"})
        await orchagent.take(2)
    await stage.left()
    stage.producer.delete(SET, "x")
    stage.producer.delete(SCOPE, "x")
    stage.producer.write(BFD, "b", {"type": "passive"})
    with stage.orchagent() as orchagent:
        assert await orchagent.take(3) == [(SCOPE, "x", {}), (SET, "x", {}), (BFD, "b", {"type": "passive"})]
    await stage.left()
    with stage.orchagent() as orchagent:
        assert await orchagent.next() == (BFD, "b", {"type": "passive"})


async def test_flow_sync_is_asked_for_once_and_never_taken_back(stage: Stage) -> None:
    stage.producer.write(SYNC, "one", {"type": "bulk_sync"})
    with stage.orchagent() as orchagent:
        assert await orchagent.next() == (SYNC, "one", {"type": "bulk_sync"})
    await stage.left()
    stage.producer.write(SYNC, "two", {"type": "bulk_sync"})
    stage.producer.write(SYNC, "three", {"type": "bulk_sync"})
    stage.producer.delete(SYNC, "three")
    with stage.orchagent() as orchagent:
        assert await orchagent.next() == (SYNC, "two", {"type": "bulk_sync"})
        stage.producer.delete(SYNC, "two")
        stage.producer.write(SET, "h", {"version": "1"})
        assert await orchagent.next() == (SET, "h", {"version": "1"})


async def test_rows_of_an_earlier_life_are_told_without_their_one_shot_requests(stage: Stage) -> None:
    stage.producer.prime({(SCOPE, "s"): {"version": "1", ACTIVATE: "true"}, (SET, "h"): {"version": "1"}})
    with stage.orchagent() as orchagent:
        rows = await orchagent.take(2)
    assert rows == [(SET, "h", {"version": "1"}), (SCOPE, "s", {"version": "1", ACTIVATE: "false"})]


async def test_orchagent_may_move_and_may_vanish_from_the_configuration(stage: Stage) -> None:
    stage.producer.write(SET, "h", {"version": "1"})
    with capture_logs() as logs, stage.orchagent() as orchagent:
        await orchagent.next()
        stage.port = free_port()
        stage.producer.reach("127.0.0.1", stage.port)
        with stage.orchagent() as other:
            assert await other.next() == (SET, "h", {"version": "1"})
            stage.producer.reach(None, 0)
            stage.producer.write(SET, "h", {"version": "2"})
            assert not stage.producer.connected
            stage.producer.reach("127.0.0.1", stage.port)
            assert await other.next() == (SET, "h", {"version": "2"})
    assert [entry["event"] for entry in logs[:3]] == ["orchagent_reached"] * 3


async def test_lost_and_regained_orchagent_is_logged_once_each(stage: Stage) -> None:
    with capture_logs() as logs:
        with stage.orchagent():
            await stage.came()
        await stage.left()
        with stage.orchagent():
            await stage.came()
    assert [entry["event"] for entry in logs] == ["orchagent_reached", "orchagent_lost", "orchagent_reached"]


async def test_address_that_cannot_be_used_is_logged_and_another_one_may_follow(stage: Stage) -> None:
    stage.producer.write(SET, "h", {"version": "1"})
    with capture_logs() as logs:
        stage.producer.reach("no address", 1)
        await until(lambda: bool(logs))
        stage.producer.reach("127.0.0.1", stage.port)
        with stage.orchagent() as orchagent:
            await orchagent.next()
    assert logs[0]["event"] == "orchagent_unreachable"


async def test_row_too_large_to_be_sent_does_not_stop_the_others(stage: Stage) -> None:
    with capture_logs() as logs, stage.orchagent() as orchagent:
        await stage.came()
        stage.producer.write(SET, "h", {"big": "x" * LARGEST_MESSAGE})
        stage.producer.write(SET, "i", {"version": "1"})
        assert (await orchagent.next())[1] == "i"
    assert "row_not_sent" in [entry["event"] for entry in logs]


async def test_orchagent_that_takes_nothing_blocks_nobody(stage: Stage) -> None:
    """The socket fills up; what did not fit stays due and goes out when there is room."""
    with stage.orchagent() as orchagent:
        await stage.came()
        for number in range(15_000):
            stage.producer.write(SET, f"h{number}", {"pad": "x" * 1000})
        keys = {(await orchagent.next())[1] for _ in range(15_000)}
    assert len(keys) == 15_000


async def test_fl04_orchagent_whose_restart_was_not_noticed_yet_hears_the_set_first(stage: Stage) -> None:
    """The connection is renewed behind the producer's back: nothing is awaited from the restart to the write."""
    with stage.orchagent() as orchagent:
        await stage.came()
        stage.producer.write(SET, "h", {"version": "1"})
        stage.producer.write(SCOPE, "s", {"ha_role": "dead"})
        await orchagent.take(2)
    with zmq.Context() as context, context.socket(zmq.PULL) as restarted:
        monitor = restarted.get_monitor_socket(zmq.Event.HANDSHAKE_SUCCEEDED)
        bind_when_free(restarted, stage.port)
        assert monitor.poll(int(DEADLINE_S * 1000))
        stage.producer.write(SCOPE, "s", {"ha_role": "active", ACTIVATE: "true"})
        rows = []
        for _ in range(2):
            await until(lambda: bool(restarted.poll(0)))
            rows += unpack(restarted.recv())[1]
        assert [(row.table, row.fields.get(ACTIVATE)) for row in rows] == [(SET, None), (SCOPE, "true")]
        restarted.disable_monitor()
        monitor.close()


def bind_when_free(socket: "zmq.Socket[bytes]", port: int) -> None:
    """Bind as soon as the socket that was closed before has let the port go."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            socket.bind(f"tcp://127.0.0.1:{port}")
        except zmq.ZMQError:
            assert time.monotonic() < deadline
        else:
            return
