"""Following tables: the captured cases of the real library by their final outcome, and what we do better than it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from attrs import define, field
from redis import Redis
from structlog.testing import capture_logs

from models.database import Database
from models.table import Table, Transport
from runner import database_link
from runner.database_link import DatabaseLink
from runner.inputs import Input, RowDeleted, RowSet, RowsFound, RowUnreadable
from runner.private_redis import PrivateRedis
from runner.shell import end
from runner.table_reader import Batch, TableReader
from runner.written_rows import WrittenRows
from tests.redis.conftest import VECTORS, Links, until

CASES = {case["id"]: case for case in VECTORS["subscriber_state_table"]}
TABLE = "DASH_HA_SCOPE_STATE_TABLE"
ROW: dict[Any, Any] = {"ha_role": "active", "ha_state": "active"}
OWN = Table("DASH_HA_SCOPE_STATE", Database.STATE_DB, object, Transport.TABLE)
ROUTE = Table("VNET_ROUTE_TUNNEL_TABLE", Database.APPL_DB, object, Transport.PRODUCER_STATE_TABLE)


@define
class Follower:
    """A reader that runs, and what it has emitted."""

    link: DatabaseLink
    batches: list[Batch] = field(factory=list)
    reader: TableReader = field(init=False)

    @property
    def inputs(self) -> list[Input]:
        """Everything emitted, without the rows that hamgrd wrote."""
        return [each for batch in self.batches for each in batch.inputs if not isinstance(each, RowsFound)]

    @property
    def found(self) -> list[Mapping[tuple[str, str], Mapping[str, str]]]:
        """The rows of hamgrd's own tables, as often as they were reported."""
        return [each.rows for batch in self.batches for each in batch.inputs if isinstance(each, RowsFound)]

    @property
    def rows(self) -> dict[tuple[str, str], dict[str, str]]:
        """What somebody who applies every input holds in the end."""
        rows = {}
        for each in self.inputs:
            if isinstance(each, RowSet):
                rows[each.table, each.key] = {name: value.decode() for name, value in each.fields.items()}
            elif isinstance(each, RowDeleted):
                del rows[each.table, each.key]
        return rows

    async def caught_up(self, client: Redis) -> None:
        """Wait until everything written before has been read: a last row of its own has arrived."""
        name = f"end{len(self.batches)}"
        client.hset(f"{TABLE}|{name}", "x", "1")
        await until(lambda: (TABLE, name) in self.rows)
        client.delete(f"{TABLE}|{name}")
        await until(lambda: (TABLE, name) not in self.rows)


Follow = Callable[..., AbstractAsyncContextManager[Follower]]


@pytest.fixture
async def follow(links: Links) -> AsyncIterator[Follow]:
    """Runs a reader; by default it has read its first snapshot when the block is entered."""

    @asynccontextmanager
    async def following(
        server: PrivateRedis,
        tables: Sequence[str] = (TABLE,),
        written: Sequence[Table[Any]] = (),
        database: Database = Database.STATE_DB,
        audit_interval_s: float = 1000.0,
        wait: bool = True,
    ) -> AsyncIterator[Follower]:
        follower = Follower(links(server, database, available=False))
        follower.reader = TableReader(follower.link, tables, written, follower.batches.append, audit_interval_s)
        task = asyncio.create_task(follower.reader.run())
        try:
            if wait:
                await until(lambda: bool(follower.batches))
            yield follower
            assert not task.done()
        finally:
            await end(task)

    yield following


@pytest.fixture
def state(server: PrivateRedis) -> Redis:
    return server.client(database_id=6)


def do(client: Redis, write: list[Any]) -> None:
    match write:
        case ["HSET", key, fields]:
            client.hset(key, mapping=dict(fields))
        case ["DEL", key]:
            client.delete(key)
        case ["HDEL", key, fields]:
            client.hdel(key, *fields)
        case ["PEXPIRE", key, after_ms]:
            client.pexpire(key, after_ms)


def final_outcome(case: dict[str, Any]) -> dict[tuple[str, str], dict[str, str]]:
    """The rows that somebody holds who applied the snapshot and what the real library popped."""
    rows = {}
    for _, redis_key, fields in case["rows_before_subscribe"]:
        table, _, key = redis_key.partition(case["separator"])
        if key:
            rows[table, key] = dict(fields)
    for popped in (entry for batch in case["pops_batches"] for entry in batch):
        if popped["op"] == "SET":
            rows[case["table"], popped["key"]] = dict(popped["fields"])
        else:
            rows.pop((case["table"], popped["key"]), None)
    return rows


@pytest.mark.parametrize("name", CASES)
async def test_reader_ends_where_the_real_one_ends(follow: Follow, server: PrivateRedis, name: str) -> None:
    case = CASES[name]
    with server.client(database_id=case["db_id"]) as client:
        for write in case["rows_before_subscribe"]:
            do(client, write)
        database = Database(case["db"])
        async with follow(server, [case["table"], TABLE, "END"], database=database) as follower:
            for write in case["writes"]:
                do(client, write)
            if name == "expire":
                await until(lambda: not client.exists(case["rows_before_subscribe"][0][1]))
            client.hset(f"END{case['separator']}x", "x", "1")
            await until(lambda: ("END", "x") in follower.rows)
            del (rows := follower.rows)["END", "x"]
            assert {key: row for key, row in rows.items() if key[0] == case["table"]} == final_outcome(case)


async def test_fl42_snapshot_and_changes_come_from_one_source(
    follow: Follow, server: PrivateRedis, state: Redis
) -> None:
    """Rows written while the reader starts are neither lost nor reported twice."""
    async with follow(server, wait=False) as follower:
        for number in range(300):
            state.hset(f"{TABLE}|r{number % 50}", "n", str(number))
            await asyncio.sleep(0)
        await until(lambda: follower.rows.get((TABLE, "r49")) == {"n": "299"})
    assert follower.rows == {(TABLE, f"r{n}"): {"n": str(n + 250)} for n in range(50)}
    assert [batch.snapshot for batch in follower.batches].count(True) == 1


async def test_fl43_rows_that_are_found_unchanged_are_silent(
    follow: Follow, server: PrivateRedis, state: Redis
) -> None:
    """The reader loses its subscription and reads everything again; the row is what it was, and nobody is told."""
    state.hset(f"{TABLE}|a", mapping={"x": "1"})
    async with follow(server) as follower:
        await follower.caught_up(state)
        state.client_kill_filter(_type="pubsub")
        await until(lambda: [batch.snapshot for batch in follower.batches].count(True) == 2)
        await follower.caught_up(state)
        changes = [each for each in follower.inputs if getattr(each, "key", None) == "a"]
        assert changes == [RowSet(Database.STATE_DB, TABLE, "a", {"x": b"1"})]


async def test_i16_a_row_that_is_written_again_is_told_although_it_is_the_same(
    follow: Follow, server: PrivateRedis, state: Redis
) -> None:
    state.hset(f"{TABLE}|a", mapping={"x": "1"})
    async with follow(server) as follower:
        await follower.caught_up(state)
        told = len(follower.inputs)
        state.hset(f"{TABLE}|a", mapping={"x": "1"})
        await until(lambda: len(follower.inputs) > told)
        assert follower.inputs[-1] == RowSet(Database.STATE_DB, TABLE, "a", {"x": b"1"})


async def test_writes_of_one_key_that_arrive_together_are_one_change(
    follow: Follow, server: PrivateRedis, state: Redis
) -> None:
    async with follow(server) as follower:
        with state.pipeline(transaction=True) as pipeline:
            pipeline.hset(f"{TABLE}|a", "x", "1")
            pipeline.delete(f"{TABLE}|a")
            for number in range(100):
                pipeline.hset(f"{TABLE}|a", f"f{number}", "1")
            pipeline.execute()
        await until(lambda: bool(follower.inputs))
        await follower.caught_up(state)
        changes = [each for each in follower.inputs if getattr(each, "key", None) == "a"]
        assert len(changes) == 1
        assert isinstance(changes[0], RowSet)
        assert len(changes[0].fields) == 100


async def test_everything_is_told_again_when_that_is_wanted_as_it_is_then(
    follow: Follow, server: PrivateRedis, state: Redis
) -> None:
    state.hset(f"{TABLE}|a", "x", "1")
    state.hset(f"{TABLE}|b", "x", "1")
    async with follow(server) as follower:
        told = [RowSet(Database.STATE_DB, TABLE, key, {"x": b"1"}) for key in "ab"]
        assert follower.inputs == told
        follower.reader.read_again()
        await until(lambda: follower.inputs == told * 2)
        state.flushdb()
        follower.reader.read_again()
        await until(lambda: len(follower.inputs) == 6)
        assert follower.inputs[4:] == [RowDeleted(Database.STATE_DB, TABLE, key) for key in "ab"]


async def test_values_stay_bytes_however_long(follow: Follow, server: PrivateRedis, state: Redis) -> None:
    value = bytes(range(256)) * 4096
    state.hset(f"{TABLE}|a", mapping={"pb": value})
    state.hset(f"{TABLE}|b", mapping={b"\xff\xfe": b"x"})
    state.hset(TABLE.encode() + b"|\xff", mapping={"x": b"x"})
    async with follow(server) as follower:
        state.hset(f"{TABLE}|c", mapping={"pb": value[::-1]})
        await until(lambda: len(follower.inputs) == 3)
    assert follower.inputs == [
        RowSet(Database.STATE_DB, TABLE, "a", {"pb": value}),
        RowSet(Database.STATE_DB, TABLE, "b", {"\\xff\\xfe": b"x"}),
        RowSet(Database.STATE_DB, TABLE, "c", {"pb": value[::-1]}),
    ]


async def test_key_that_is_no_hash_is_unreadable_and_harms_no_other(
    follow: Follow, server: PrivateRedis, state: Redis
) -> None:
    state.set(f"{TABLE}|a", "junk")
    state.hset(f"{TABLE}|b", "x", "1")
    async with follow(server) as follower:
        assert [type(each) for each in follower.inputs] == [RowUnreadable, RowSet]
        assert "WRONGTYPE" in getattr(follower.inputs[0], "why", "")
        state.delete(f"{TABLE}|b")
        state.rpush(f"{TABLE}|b", "x")
        await until(lambda: isinstance(follower.inputs[-1], RowUnreadable) and len(follower.inputs) > 2)
        state.delete(f"{TABLE}|a")
        state.hset(f"{TABLE}|a", "x", "2")
        await until(lambda: follower.inputs[-1] == RowSet(Database.STATE_DB, TABLE, "a", {"x": b"2"}))


async def test_notifications_are_configured_where_they_are_not(
    follow: Follow, server: PrivateRedis, state: Redis
) -> None:
    state.config_set("notify-keyspace-events", "Elx")
    with capture_logs() as logs:
        async with follow(server) as follower:
            state.hset(f"{TABLE}|a", "x", "1")
            await until(lambda: (TABLE, "a") in follower.rows)
            state.delete(f"{TABLE}|a")
            await until(lambda: (TABLE, "a") not in follower.rows)
    assert set("KEhglx") == set(str(state.config_get("notify-keyspace-events")["notify-keyspace-events"]))
    assert [entry["event"] for entry in logs] == ["notifications_configured"]


async def test_server_that_refuses_to_notify_is_polled(follow: Follow, own_server: PrivateRedis) -> None:
    own_server.notifications = ""
    own_server.stop()
    own_server.start()
    with own_server.client(database_id=6) as state:
        state.acl_setuser("default", enabled=True, nopass=True, commands=["-config"])
        with capture_logs() as logs:
            async with follow(own_server) as follower:
                state.hset(f"{TABLE}|a", "x", "1")
                await until(lambda: (TABLE, "a") in follower.rows)
                state.delete(f"{TABLE}|a")
                await until(lambda: (TABLE, "a") not in follower.rows)
    assert [entry["event"] for entry in logs] == ["notifications_refused"]


async def test_what_hamgrd_wrote_comes_before_what_it_reads(follow: Follow, server: PrivateRedis, state: Redis) -> None:
    state.hset("DASH_HA_SCOPE_STATE|v|s", mapping=ROW)
    state.hset(f"{TABLE}|s", mapping=ROW)
    async with follow(server, written=[OWN]) as follower:
        (batch,) = follower.batches
    assert batch.snapshot
    assert batch.inputs[0] == RowsFound(Database.STATE_DB, {("DASH_HA_SCOPE_STATE", "v|s"): ROW})
    assert isinstance(batch.inputs[1], RowSet)


async def test_pending_rows_of_a_producer_table_count_as_written(follow: Follow, server: PrivateRedis) -> None:
    with server.client() as client:
        for key in ("merged", "replaced", "going"):
            client.hset(f"VNET_ROUTE_TUNNEL_TABLE:{key}", mapping={"old": "1", "both": "1"})
        for key in ("merged", "replaced", "new"):
            client.hset(f"_VNET_ROUTE_TUNNEL_TABLE:{key}", mapping={"both": "2"})
        client.sadd("VNET_ROUTE_TUNNEL_TABLE_DEL_SET", "replaced", "going")
        client.sadd("VNET_ROUTE_TUNNEL_TABLE_KEY_SET", "merged", "replaced", "going", "new")
    async with follow(server, [], [ROUTE], Database.APPL_DB) as follower:
        pass
    (found,) = follower.found
    assert {key: fields for (_, key), fields in found.items()} == {
        "merged": {"old": "1", "both": "2"},
        "replaced": {"both": "2"},
        "new": {"both": "2"},
    }


async def test_fl09_flush_of_a_database_is_noticed(follow: Follow, server: PrivateRedis, state: Redis) -> None:
    """LD-10: a flush tells nobody; both what we wrote and what we read is missed by the next audit."""
    state.hset("DASH_HA_SCOPE_STATE|v|s", mapping=ROW)
    state.hset(f"{TABLE}|s", mapping=ROW)
    async with follow(server, written=[OWN], audit_interval_s=0.05) as follower:
        state.flushdb()
        await until(lambda: len(follower.found) == 2 and not follower.rows)
    assert follower.found[1] == {}


async def test_audit_is_silent_about_what_we_wrote_ourselves(
    follow: Follow, server: PrivateRedis, state: Redis
) -> None:
    state.hset("DASH_HA_SCOPE_STATE|v|s", mapping=ROW)
    async with follow(server, written=[OWN], audit_interval_s=0.02) as follower:
        state.hset("DASH_HA_SCOPE_STATE|v|s", mapping={"ha_role": "dead"})
        follower.link.written.begin(("DASH_HA_SCOPE_STATE", "v|s"), ROW | {"ha_role": "dead"})
        follower.link.written.finish()
        quiet_since = state.info("commandstats")["cmdstat_hgetall"]["calls"]
        await until(lambda: state.info("commandstats")["cmdstat_hgetall"]["calls"] > quiet_since + 10)
        assert len(follower.found) == 1
        state.hset("DASH_HA_SCOPE_STATE|v|s", mapping={"ha_role": "active"})
        await until(lambda: len(follower.found) == 2)


async def test_row_that_is_being_written_is_left_to_the_next_audit() -> None:
    written, name, old, new = WrittenRows(), ("T", "k"), {"x": "1"}, {"x": "2"}
    written.found({name: old})
    written.begin(name, new)
    written.begin_audit()
    assert written.audited({name: old}) is None
    written.finish()
    written.begin_audit()
    assert written.audited({name: new}) is None
    assert written.audited({name: old}) == {name: old}


async def test_server_that_hangs_is_lost_and_regained(
    follow: Follow, own_server: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_link, "ANSWER_WITHIN_S", 0.2)
    async with follow(own_server, audit_interval_s=0.05) as follower:
        own_server.pause()
        await until(lambda: not follower.link.available)
        own_server.resume()
        await until(lambda: follower.link.available)
        with own_server.client(database_id=6) as state:
            state.hset(f"{TABLE}|a", "x", "1")
        await until(lambda: (TABLE, "a") in follower.rows)


async def test_row_that_expired_is_missed_by_the_audit(follow: Follow, server: PrivateRedis, state: Redis) -> None:
    state.hset(f"{TABLE}|s", mapping=ROW)
    async with follow(server, audit_interval_s=0.05) as follower:
        state.pexpire(f"{TABLE}|s", 20)
        await until(lambda: not follower.rows)


async def test_server_that_comes_back_empty_leaves_deletions(follow: Follow, own_server: PrivateRedis) -> None:
    with own_server.client(database_id=6) as state:
        state.hset(f"{TABLE}|a", mapping=ROW)
        state.hset(f"{TABLE}|b", mapping=ROW)
    with capture_logs() as logs:
        async with follow(own_server, written=[OWN]) as follower:
            own_server.stop(kill=True)
            own_server.forget()
            await until(lambda: not follower.link.available)
            own_server.start()
            await until(lambda: len(follower.batches) == 2)
    assert follower.batches[1].snapshot
    assert follower.batches[1].inputs == [
        RowsFound(Database.STATE_DB, {}),
        RowDeleted(Database.STATE_DB, TABLE, "a"),
        RowDeleted(Database.STATE_DB, TABLE, "b"),
    ]
    assert [entry["event"] for entry in logs] == ["database_lost", "database_regained"]


async def test_server_that_comes_back_with_its_data_leaves_only_the_difference(
    follow: Follow, own_server: PrivateRedis
) -> None:
    with own_server.client(database_id=6) as state:
        for key in "abc":
            state.hset(f"{TABLE}|{key}", mapping=ROW)
    async with follow(own_server, written=[OWN]) as follower:
        for _ in range(2):
            own_server.stop(kill=True)
            await until(lambda: not follower.link.available)
            own_server.start()
            await until(lambda: follower.link.available and follower.batches[-1].snapshot)
        with own_server.client(database_id=6) as state:
            state.delete(f"{TABLE}|a")
            state.hset(f"{TABLE}|b", "ha_role", "dead")
        await until(lambda: len(follower.rows) == 2 and follower.rows[TABLE, "b"]["ha_role"] == "dead")
    assert len([each for each in follower.inputs if isinstance(each, RowSet)]) == 4
    assert len([each for each in follower.inputs if isinstance(each, RowDeleted)]) == 1


async def test_connection_that_the_server_cuts_loses_nothing(
    follow: Follow, server: PrivateRedis, state: Redis
) -> None:
    async with follow(server) as follower:
        for number in range(5):
            state.client_kill_filter(_type="pubsub")
            state.hset(f"{TABLE}|a", "n", str(number))
            await until(lambda n=number: follower.rows.get((TABLE, "a")) == {"n": str(n)})  # type: ignore[misc]


async def test_reader_can_be_ended_in_the_middle_of_anything(follow: Follow, server: PrivateRedis) -> None:
    """Also while its connection is being cut, when a cancellation gets lost in the client."""
    for _ in range(10):
        async with follow(server) as follower:
            await follower.link.client.connection_pool.disconnect()


async def test_database_that_is_not_there_yet_is_waited_for(follow: Follow, absent_server: PrivateRedis) -> None:
    with capture_logs() as logs:
        async with follow(absent_server, wait=False) as follower:
            await until(lambda: bool(logs))
            with absent_server:
                await until(lambda: bool(follower.batches))
    assert [entry["event"] for entry in logs][:2] == ["database_lost", "database_regained"]
