"""The daemon around a recording node: order of the start, carrying out, stopping, and whatever may go wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
import zmq.asyncio
from attrs import define, field
from structlog.testing import capture_logs

from models.database import Database
from models.table import Table, Transport
from runner.inputs import Burst, Input, RowDeleted, RowSet, RowsFound, SnapshotComplete, TimerFired
from runner.orchagent_message import unpack
from runner.outputs import (
    Alert,
    CancelTimer,
    Fault,
    InputRejected,
    Output,
    ReachOrchagent,
    SetTimer,
    TransitionTaken,
    WriteRow,
)
from runner.private_redis import PrivateRedis, free_port
from runner.shell import Shell, Surroundings
from tests.redis.conftest import DEADLINE_S, address, content, until

DATABASES = (Database.CONFIG_DB, Database.STATE_DB, Database.APPL_DB, Database.DPU_APPL_DB)
CONFIG = Table("VDPU", Database.CONFIG_DB, object)
STATE = Table("DASH_HA_SCOPE_STATE", Database.STATE_DB, object, Transport.TABLE)
ROUTE = Table("VNET_ROUTE_TUNNEL_TABLE", Database.APPL_DB, object, Transport.PRODUCER_STATE_TABLE)
SCOPE = Table("DASH_HA_SCOPE_TABLE", Database.DPU_APPL_DB, object, Transport.ORCHAGENT)


@define
class RecordingNode:
    """Records what it hears and answers with what the test wants."""

    heard: list[Input] = field(factory=list)
    answer: Callable[[Input], Sequence[Output]] = lambda happened: ()

    def step(self, happened: Input, now_ms: int) -> Sequence[Output]:
        assert now_ms > 1_700_000_000_000
        if isinstance(happened, Burst):
            return [output for each in happened.inputs for output in self.step(each, now_ms)]
        self.heard.append(happened)
        return self.answer(happened)

    def heard_row(self, key: str, value: bytes) -> bool:
        """The row of that key was set to that value."""
        return RowSet(Database.CONFIG_DB, "VDPU", key, {"x": value}) in self.heard


@define
class Daemon:
    """A shell that runs."""

    node: RecordingNode
    shell: Shell
    ready: asyncio.Event
    task: asyncio.Task[bool]

    async def stopped(self) -> bool:
        """Stop it; what its run came to."""
        self.shell.stop()
        return await asyncio.wait_for(self.task, DEADLINE_S)


Start = Callable[..., Daemon]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts daemons and ends those that a failed test left behind."""
    running: list[Daemon] = []

    def starting(
        server: PrivateRedis, answer: Callable[[Input], Sequence[Output]] | None = None, **around: Any
    ) -> Daemon:
        node, ready = RecordingNode(), asyncio.Event()
        node.answer = answer or node.answer
        surroundings = Surroundings(
            addresses={database: address(server, database) for database in DATABASES},
            read_tables=[CONFIG],
            written_tables=[STATE, ROUTE, SCOPE],
            one_shot_fields={SCOPE.name: frozenset({"activate_role_requested"})},
            **around,
        )
        shell = Shell(node, surroundings, ready.set)
        running.append(Daemon(node, shell, ready, asyncio.create_task(shell.run())))
        return running[-1]

    yield starting
    for daemon in running:
        await daemon.stopped()


def on(key: str, *outputs: Output) -> Callable[[Input], Sequence[Output]]:
    """Answers a row of that key."""
    return lambda happened: outputs if isinstance(happened, RowSet) and happened.key == key else ()


def put(server: PrivateRedis, key: str, value: str) -> None:
    with server.client(database_id=4) as client:
        client.hset(f"VDPU|{key}", "x", value)


async def test_start_tells_own_rows_then_tables_then_that_this_was_all(start: Start, server: PrivateRedis) -> None:
    put(server, "v", "1")
    with server.client(database_id=6) as client:
        client.hset("DASH_HA_SCOPE_STATE|v|s", "y", "2")
    daemon = start(server)
    await asyncio.wait_for(daemon.ready.wait(), DEADLINE_S)
    assert [type(each) for each in daemon.node.heard] == [RowsFound] * 3 + [RowSet, SnapshotComplete]
    assert daemon.node.heard[0] == RowsFound(Database.STATE_DB, {("DASH_HA_SCOPE_STATE", "v|s"): {"y": "2"}})
    assert await daemon.stopped()


async def test_nothing_is_decided_until_every_database_was_read(
    server: PrivateRedis, absent_server: PrivateRedis
) -> None:
    """The daemon says which one it waits for and starts as soon as it is there."""
    addresses = {database: address(server, database) for database in DATABASES}
    addresses[Database.DPU_APPL_DB] = address(absent_server, Database.DPU_APPL_DB)
    node, ready = RecordingNode(), asyncio.Event()
    shell = Shell(node, Surroundings(addresses, [CONFIG], [STATE, ROUTE, SCOPE], {}), ready.set)
    put(server, "v", "1")
    with capture_logs() as logs:
        task = asyncio.create_task(shell.run())
        await until(lambda: any(entry["event"] == "waiting for database DPU_APPL_DB" for entry in logs))
        put(server, "v", "2")
        assert not node.heard
        with absent_server:
            await asyncio.wait_for(ready.wait(), DEADLINE_S)
            await until(lambda: node.heard_row("v", b"2"))
            shell.stop()
            assert await task
    assert [each for each in node.heard if isinstance(each, SnapshotComplete)] == [SnapshotComplete()]


async def test_daemon_that_waits_for_a_database_can_be_stopped(start: Start, absent_server: PrivateRedis) -> None:
    daemon = start(absent_server)
    await asyncio.sleep(0)
    assert await daemon.stopped()
    assert not daemon.node.heard


async def test_outputs_of_a_step_are_carried_out(start: Start, server: PrivateRedis) -> None:
    rows = [WriteRow(table.database, table.name, "k", {"a": "1"}) for table in (STATE, SCOPE, ROUTE)]
    transition = TransitionTaken("v:s", "dead", "connecting", "admin enabled", None, "switch-driven 3", 2)
    daemon = start(server, on("v", transition, *rows, SetTimer("soon", 1), SetTimer("never", 10), CancelTimer("never")))
    with capture_logs() as logs:
        put(server, "v", "1")
        await until(lambda: TimerFired("soon") in daemon.node.heard)
        put(server, "w", "1")
        await until(lambda: daemon.node.heard_row("w", b"1"))
    assert content(server, Database.STATE_DB) == {"DASH_HA_SCOPE_STATE|k": {"a": "1"}}
    assert content(server, Database.DPU_APPL_DB) == {"DASH_HA_SCOPE_TABLE:k": {"a": "1"}}
    assert content(server, Database.APPL_DB)["_VNET_ROUTE_TUNNEL_TABLE:k"] == {"a": "1"}
    assert TimerFired("never") not in daemon.node.heard
    (line,) = [entry for entry in logs if entry["event"] == "transition"]
    assert (line["scope"], line["from"], line["to"], line["row"]) == ("v:s", "dead", "connecting", 2)


async def test_timer_that_is_cancelled_while_it_waits_in_the_queue_is_not_heard(
    start: Start, server: PrivateRedis
) -> None:
    """The write takes time, in which the timer falls due; only then it is cancelled."""
    row = WriteRow(STATE.database, STATE.name, "k", {"a": "1"})
    answers = {"v": [SetTimer("t", 0)], "w": [row, CancelTimer("t"), SetTimer("end", 1)]}
    put(server, "v", "1")
    put(server, "w", "1")
    daemon = start(server, lambda happened: answers.get(getattr(happened, "key", ""), ()))
    await until(lambda: TimerFired("end") in daemon.node.heard)
    assert TimerFired("t") not in daemon.node.heard


async def test_dpu_that_connects_hears_the_rows_of_an_earlier_life(start: Start, server: PrivateRedis) -> None:
    with server.client(database_id=15) as client:
        client.hset("DASH_HA_SCOPE_TABLE:s", mapping={"ha_role": "active", "activate_role_requested": "true"})
    port = free_port()
    daemon = start(
        server, lambda happened: [ReachOrchagent("127.0.0.1", port)] if happened == SnapshotComplete() else []
    )
    with zmq.asyncio.Context() as context, context.socket(zmq.PULL) as orchagent:
        orchagent.bind(f"tcp://127.0.0.1:{port}")
        _, (row,) = unpack(await asyncio.wait_for(orchagent.recv(), DEADLINE_S))
        assert row.fields == {"ha_role": "active", "activate_role_requested": "false"}
        assert await daemon.stopped()


async def test_dpu_rows_may_go_through_redis_instead(start: Start, server: PrivateRedis) -> None:
    outputs: list[Output] = [ReachOrchagent("127.0.0.1", 1), WriteRow(SCOPE.database, SCOPE.name, "k", {"a": "1"})]
    start(server, on("v", *outputs), dpu_transport=Transport.PRODUCER_STATE_TABLE)
    put(server, "v", "1")
    await until(lambda: "_DASH_HA_SCOPE_TABLE:k" in content(server, Database.DPU_APPL_DB))
    assert content(server, Database.DPU_APPL_DB)["DASH_HA_SCOPE_TABLE_KEY_SET"] == ["k"]


async def test_bug_in_the_node_costs_one_input_and_not_the_daemon(start: Start, server: PrivateRedis) -> None:
    def answer(happened: Input) -> Sequence[Output]:
        if isinstance(happened, RowSet) and happened.key == "bad":
            raise ZeroDivisionError("nobody thought of this")
        return [Fault("ha-set x", ValueError("nor of this"))] if isinstance(happened, RowDeleted) else []

    daemon = start(server, answer)
    with capture_logs() as logs:
        put(server, "bad", "1")
        await until(lambda: daemon.node.heard_row("bad", b"1"))
        with server.client(database_id=4) as client:
            client.delete("VDPU|bad")
        put(server, "good", "1")
        await until(lambda: daemon.node.heard_row("good", b"1"))
    bugs = [entry for entry in logs if entry["event"] == "bug"]
    assert [entry["count"] for entry in bugs] == [1, 2]
    assert "bad" in bugs[0]["input"]
    assert bugs[1]["entity"] == "ha-set x"
    assert await daemon.stopped()


async def test_rejected_inputs_are_named_and_counted_by_table(start: Start, server: PrivateRedis) -> None:
    def answer(happened: Input) -> Sequence[Output]:
        if isinstance(happened, RowSet):
            return [
                InputRejected(f"VDPU {happened.key}", "x", "junk", "unknown word", "VDPU"),
                Alert("v", "something is odd"),
            ]
        return []

    daemon = start(server, answer)
    with capture_logs() as logs:
        put(server, "v", "1")
        put(server, "w", "1")
        await until(lambda: daemon.shell.log.rejected["VDPU"] == 2)
    rejected = [entry for entry in logs if entry["event"] == "input_rejected"]
    assert [(entry["table"], entry["count"], entry["field"], entry["value"]) for entry in rejected] == [
        ("VDPU", 1, "x", "junk"),
        ("VDPU", 2, "x", "junk"),
    ]
    assert {"event": "alert", "subject": "v", "what": "something is odd", "log_level": "warning"} in logs


async def test_ld55_task_that_ends_takes_the_daemon_with_it(start: Start, server: PrivateRedis) -> None:
    """A daemon that only looks alive is worse than none: a supervisor starts another."""

    def answer(happened: Input) -> Sequence[Output]:
        return [SetTimer("t", "x")] if isinstance(happened, RowSet) else []  # type: ignore[arg-type]

    daemon = start(server, answer)
    with capture_logs() as logs:
        put(server, "v", "1")
        assert not await asyncio.wait_for(daemon.task, DEADLINE_S)
    (line,) = [entry for entry in logs if entry["event"] == "task_ended"]
    assert line["task"] == "inputs"


async def test_what_is_queued_when_the_daemon_stops_is_still_handled(start: Start, server: PrivateRedis) -> None:
    """LD-52: a stop in the middle of a step cuts no step in two."""
    counts = iter(range(1, 10_000))

    def answer(happened: Input) -> Sequence[Output]:
        if not isinstance(happened, RowSet):
            return []
        number = str(next(counts))
        if number == "20":
            daemon.shell.stop()
        return [WriteRow(table.database, table.name, "k", {"n": number}) for table in (STATE, SCOPE)]

    for number in range(200):
        put(server, f"v{number}", "1")
    daemon = start(server, answer)
    assert await asyncio.wait_for(daemon.task, DEADLINE_S)
    assert content(server, Database.STATE_DB) == {"DASH_HA_SCOPE_STATE|k": {"n": "200"}}
    assert content(server, Database.DPU_APPL_DB) == {"DASH_HA_SCOPE_TABLE:k": {"n": "200"}}


async def test_database_that_comes_back_is_read_again_and_rows_are_written_again(
    start: Start, own_server: PrivateRedis
) -> None:
    wanted = WriteRow(STATE.database, STATE.name, "k", {"a": "1"})

    def answer(happened: Input) -> Sequence[Output]:
        missing = isinstance(happened, RowsFound) and happened.database is STATE.database and not happened.rows
        return [wanted] if missing else []

    daemon = start(own_server, answer)
    await asyncio.wait_for(daemon.ready.wait(), DEADLINE_S)
    own_server.stop(kill=True)
    own_server.forget()
    own_server.start()
    await until(lambda: "DASH_HA_SCOPE_STATE|k" in content(own_server, Database.STATE_DB))
    put(own_server, "v", "1")
    await until(lambda: daemon.node.heard_row("v", b"1"))
    assert await daemon.stopped()
