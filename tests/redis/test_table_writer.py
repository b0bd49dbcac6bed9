"""Rows as their readers find them: the captured cases of the real library, and a database that is away."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis import Redis
from structlog.testing import capture_logs

from models.database import Database
from models.table import Table, Transport
from runner import database_link
from runner.outputs import DeleteRow, WriteRow
from runner.private_redis import PrivateRedis
from runner.table_writer import RowOutput, TableWriter
from tests.redis.conftest import PLACES, VECTORS, Links, content, text

CASES = {case["id"]: case for case in VECTORS["producer_state_table"]}
STATE = Table("DASH_HA_SCOPE_STATE", Database.STATE_DB, object, Transport.TABLE)
ROUTE = Table("VNET_ROUTE_TUNNEL_TABLE", Database.APPL_DB, object, Transport.PRODUCER_STATE_TABLE)
NEIGHBOUR = Table("NEIGH_RESOLVE_TABLE", Database.APPL_DB, object, Transport.PRODUCER_STATE_TABLE)
DPU_SCOPE = Table("DASH_HA_SCOPE_TABLE", Database.DPU_APPL_DB, object, Transport.ORCHAGENT)
TABLES = (STATE, ROUTE, NEIGHBOUR, DPU_SCOPE)


def writer(links: Links, server: PrivateRedis, *databases: Database) -> TableWriter:
    return TableWriter({database: links(server, database) for database in databases or PLACES}, TABLES)


def row(table: Table[Any], key: str, fields: dict[str, str] | None = None, vanished: tuple[str, ...] = ()) -> RowOutput:
    if fields is None:
        return DeleteRow(table.database, table.name, key)
    return WriteRow(table.database, table.name, key, fields, vanished)


def call_row(case: dict[str, Any], call: list[Any]) -> RowOutput:
    what, key, *fields = call
    table = next(table for table in TABLES if table.name == case["table"])
    return row(table, key, dict(fields[0]) if what == "set" else None)


def fill(client: Redis, rows: dict[str, dict[str, str]]) -> None:
    for key, fields in rows.items():
        client.hset(key, mapping=dict[Any, Any](fields))


@contextmanager
def published(client: Redis) -> Iterator[list[list[str]]]:
    """Collects what is published meanwhile, keyspace notifications aside."""
    heard: list[list[str]] = []
    with client.pubsub(ignore_subscribe_messages=True) as subscription:  # type: ignore[no-untyped-call]
        subscription.psubscribe("*_CHANNEL@*")
        subscription.get_message(timeout=5)
        yield heard
        client.publish("END_CHANNEL@0", "")
        while (message := subscription.get_message(timeout=5)) and message["channel"] != b"END_CHANNEL@0":
            heard.append([text(message["channel"]), text(message["data"])])


def pop(client: Redis, table: str, separator: str) -> list[dict[str, Any]]:
    """What a ConsumerStateTable does on a notification (tables 4.3)."""
    popped = []
    for member in sorted(client.smembers(f"{table}_KEY_SET")):
        key = text(member)
        client.srem(f"{table}_KEY_SET", key)
        if client.srem(f"{table}_DEL_SET", key):
            client.delete(f"{table}{separator}{key}")
        pending = {text(name): text(value) for name, value in client.hgetall(f"_{table}{separator}{key}").items()}
        if pending:
            client.hset(f"{table}{separator}{key}", mapping=dict[Any, Any](pending))
        client.delete(f"_{table}{separator}{key}")
        popped.append({"key": key, "op": "SET" if pending else "DEL", "fields": sorted(map(list, pending.items()))})
    return popped


def in_order_of_fields(popped: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry | {"fields": sorted(entry["fields"])} for entry in popped]


@pytest.mark.parametrize("name", [name for name in CASES if name != "set_without_fields"])
async def test_fl46_producer_table_is_written_as_the_real_one(links: Links, server: PrivateRedis, name: str) -> None:
    case, database = CASES[name], Database(CASES[name]["db"])
    with server.client(database_id=case["db_id"]) as client:
        fill(client, case["redis_before"])
        with published(client) as heard:
            for call in case["calls"]:
                await writer(links, server, database).apply([call_row(case, call)])
        assert content(server, database) == case["redis_after"]
        assert heard == case["published"]
        assert pop(client, case["table"], case["separator"]) == in_order_of_fields(case["pop"])
        assert content(server, database) == case["redis_after_pop"]


async def test_several_calls_in_one_step_are_one_notice(links: Links, server: PrivateRedis) -> None:
    case = CASES["del_then_set_before_pop"]
    with server.client() as client:
        fill(client, case["redis_before"])
        with published(client) as heard:
            await writer(links, server, Database.APPL_DB).apply([call_row(case, call) for call in case["calls"]])
        assert content(server, Database.APPL_DB) == case["redis_after"]
        assert heard == case["published"]


async def test_producer_row_without_fields_is_a_deletion(links: Links, server: PrivateRedis) -> None:
    """The real library would make its consumer see a deletion and keep the row."""
    case = CASES["set_without_fields"]
    with server.client() as client:
        fill(client, case["redis_before"])
        await writer(links, server, Database.APPL_DB).apply([call_row(case, call) for call in case["calls"]])
        assert pop(client, case["table"], ":") == case["pop"]
        assert content(server, Database.APPL_DB) == {}


async def test_vanished_fields_leave_the_row_of_a_producer_table(links: Links, server: PrivateRedis) -> None:
    with server.client() as client:
        client.hset("VNET_ROUTE_TUNNEL_TABLE:k", mapping={"old": "1", "kept": "1"})
        with published(client) as heard:
            await writer(links, server, Database.APPL_DB).apply([row(ROUTE, "k", {"kept": "2"}, ("old",))])
        assert heard == [["VNET_ROUTE_TUNNEL_TABLE_CHANNEL@0", "G"]]
        pop(client, "VNET_ROUTE_TUNNEL_TABLE", ":")
    assert content(server, Database.APPL_DB) == {"VNET_ROUTE_TUNNEL_TABLE:k": {"kept": "2"}}


async def test_interop_multi_exec_producer(links: Links, server: PrivateRedis) -> None:
    """The captured run of a producer of another make comes to the same."""
    run = VECTORS["interop_multi_exec_producer"]
    ours = writer(links, server, Database.APPL_DB)
    with server.client() as client:
        await ours.apply([row(ROUTE, key, fields) for _, key, fields in run["writes"]])
        assert pop(client, run["table"], ":") == run["pops_by_real_consumer"][0]
        assert content(server, Database.APPL_DB) == run["redis_after"]
        await ours.apply([row(ROUTE, key, *fields) for _, key, *fields in run["then"]])
        assert pop(client, run["table"], ":") == run["pops_by_real_consumer_then"][0]
        assert content(server, Database.APPL_DB) == run["redis_after_then"]


async def test_table_rows_are_written_in_place_as_the_real_table(links: Links, server: PrivateRedis) -> None:
    ours = writer(links, server, Database.STATE_DB)
    steps = {step["call"][0] + str(len(step["call"])): step for step in VECTORS["table"][0]["steps"][:1]}
    first = steps["set3"]
    await ours.apply([row(STATE, first["call"][1], dict(first["call"][2]))])
    assert content(server, Database.STATE_DB) == first["redis_after"]
    remaining = {"local_ha_state": "HA_STATE_STANDBY", "local_acked_asic_ha_state": "active"}
    await ours.apply([row(STATE, "vdpu0_0|haset0_0", remaining, ("version",))])
    assert content(server, Database.STATE_DB) == {"DASH_HA_SCOPE_STATE|vdpu0_0|haset0_0": remaining}
    await ours.apply([row(STATE, "vdpu0_0|haset0_0")])
    assert content(server, Database.STATE_DB) == {}


async def test_row_with_empty_key_bears_the_name_of_its_table(links: Links, server: PrivateRedis) -> None:
    await writer(links, server, Database.STATE_DB).apply([row(STATE, "", {"a": "1"})])
    assert content(server, Database.STATE_DB) == {"DASH_HA_SCOPE_STATE": {"a": "1"}}


async def test_copy_for_the_orchagent_replaces_the_row_at_once(links: Links, server: PrivateRedis) -> None:
    ours = writer(links, server, Database.DPU_APPL_DB)
    await ours.apply([row(DPU_SCOPE, "s", {"old": "1"})])
    with server.client() as client, client.monitor() as monitor:
        await ours.apply([row(DPU_SCOPE, "s", {"new": "2"})])
        commands = [monitor.next_command()["command"].split()[0] for _ in range(4)]
    assert commands == ["MULTI", "DEL", "HSET", "EXEC"]
    assert content(server, Database.DPU_APPL_DB) == {"DASH_HA_SCOPE_TABLE:s": {"new": "2"}}


async def test_key_that_is_no_hash_gives_way_to_our_row(links: Links, server: PrivateRedis) -> None:
    with server.client(database_id=6) as client:
        client.set("DASH_HA_SCOPE_STATE|a", "junk")
    rows = [row(STATE, "a", {"x": "1"}), row(STATE, "b", {"y": "2"})]
    with capture_logs() as logs:
        await writer(links, server, Database.STATE_DB).apply(rows)
    assert content(server, Database.STATE_DB) == {
        "DASH_HA_SCOPE_STATE|a": {"x": "1"},
        "DASH_HA_SCOPE_STATE|b": {"y": "2"},
    }
    assert [(entry["event"], entry["key"]) for entry in logs] == [("row_refused", "a")]


async def test_database_that_is_away_holds_up_no_other(
    links: Links, server: PrivateRedis, absent_server: PrivateRedis
) -> None:
    """LD-52: what could not be written is remembered, logged once and never raised."""
    gone = links(absent_server, Database.APPL_DB)
    ours = TableWriter({Database.APPL_DB: gone, Database.STATE_DB: links(server, Database.STATE_DB)}, TABLES)
    with capture_logs() as logs:
        for number in range(3):
            await ours.apply([row(ROUTE, "r", {"n": str(number)}), row(STATE, "s", {"n": str(number)})])
    assert content(server, Database.STATE_DB) == {"DASH_HA_SCOPE_STATE|s": {"n": "2"}}
    assert [entry["event"] for entry in logs] == ["database_lost"]
    assert ours.dropped == 3
    assert gone.written.rows == {("VNET_ROUTE_TUNNEL_TABLE", "r"): {"n": "2"}}


async def test_server_that_hangs_holds_up_the_others_only_once(
    links: Links, server: PrivateRedis, own_server: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_link, "ANSWER_WITHIN_S", 0.2)
    hanging = links(own_server, Database.APPL_DB)
    ours = TableWriter({Database.APPL_DB: hanging, Database.STATE_DB: links(server, Database.STATE_DB)}, TABLES)
    own_server.pause()
    started = asyncio.get_running_loop().time()
    for number in range(20):
        await ours.apply([row(ROUTE, "r", {"n": str(number)}), row(STATE, "s", {"n": str(number)})])
    assert asyncio.get_running_loop().time() - started < 2.0
    own_server.resume()
    assert content(server, Database.STATE_DB) == {"DASH_HA_SCOPE_STATE|s": {"n": "19"}}
    assert not hanging.available


async def test_full_server_refuses_rows_without_counting_as_away(links: Links, own_server: PrivateRedis) -> None:
    link = links(own_server, Database.STATE_DB)
    ours = TableWriter({Database.STATE_DB: link}, TABLES)
    with own_server.client() as client:
        client.config_set("maxmemory", "1")
    with capture_logs() as logs:
        await ours.apply([row(STATE, "s", {"n": "1"})])
    assert link.available
    assert {entry["event"] for entry in logs} <= {"row_refused", "rows_refused"}
    assert logs


async def test_large_value_is_written_whole(links: Links, server: PrivateRedis) -> None:
    await writer(links, server, Database.STATE_DB).apply([row(STATE, "s", {"big": "x" * 1_000_000})])
    assert len(content(server, Database.STATE_DB)["DASH_HA_SCOPE_STATE|s"]["big"]) == 1_000_000


async def test_row_of_an_unknown_table_is_logged_and_the_others_are_written(links: Links, server: PrivateRedis) -> None:
    with capture_logs() as logs:
        await writer(links, server).apply(
            [WriteRow(Database.STATE_DB, "OTHER", "k", {"a": "1"}), row(STATE, "s", {"n": "1"})]
        )
    assert content(server, Database.STATE_DB) == {"DASH_HA_SCOPE_STATE|s": {"n": "1"}}
    assert logs[0]["event"] == "row_not_written"
