"""Polling the counters of ENIs on a real server: what a poll finds, and everything that may be wrong with it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from redis import Redis
from structlog.testing import capture_logs

from models.database import Database
from runner import database_link
from runner.database_config import load_database_config
from runner.eni_counters_reader import EniCountersReader, counters_link
from runner.inputs import SyncCountersRead
from runner.private_redis import PrivateRedis
from runner.shell import end
from runner.table_reader import Batch
from tests.redis.conftest import PLACES, Links, until

NAME_MAP = "COUNTERS_ENI_NAME_MAP"
ENI, OTHER = "F4939FEFC47E", "F4939FEFC47F"
OID, OTHER_OID = "oid:0x7008000000022", "oid:0x7008000000023"
TX = "SAI_ENI_STAT_INLINE_FLOW_SYNC_PACKET_TX_PACKETS"
RX = "SAI_ENI_STAT_INLINE_FLOW_SYNC_PACKET_RX_PACKETS"
DATABASE_ID = PLACES[Database.DPU_COUNTERS_DB][0]

Counters = tuple[tuple[str, int, int], ...]


@define
class Poller:
    """A reader that runs, and what it has emitted."""

    reader: EniCountersReader
    batches: list[Batch] = field(factory=list)

    @property
    def polls(self) -> list[Counters]:
        """What every poll that was emitted has found."""
        found = []
        for batch in self.batches:
            assert batch.database is Database.DPU_COUNTERS_DB
            assert not batch.snapshot
            (poll,) = batch.inputs
            assert isinstance(poll, SyncCountersRead)
            found.append(poll.counters)
        return found

    async def finds(self, counters: Counters) -> None:
        """Wait until a poll that began after this moment has found that; and no later one anything else."""
        seen = len(self.batches)
        await until(lambda: counters in self.polls[seen + 1 :] and self.polls[-1] == counters)


Poll = Callable[..., AbstractAsyncContextManager[Poller]]


@pytest.fixture
async def poll(links: Links) -> AsyncIterator[Poll]:
    """Runs a reader that polls without pause."""

    @asynccontextmanager
    async def polling(server: PrivateRedis, interval_s: float = 0.002) -> AsyncIterator[Poller]:
        batches: list[Batch] = []
        link = links(server, Database.DPU_COUNTERS_DB, available=False)
        poller = Poller(EniCountersReader(link, batches.append, interval_s), batches)
        task = asyncio.create_task(poller.reader.run())
        try:
            yield poller
            assert not task.done()
        finally:
            await end(task)

    yield polling


@pytest.fixture
def counters(server: PrivateRedis) -> Redis:
    return server.client(database_id=DATABASE_ID)


def put(client: Redis, eni: str, oid: str, tx: Any, rx: Any) -> None:
    client.hset(f"COUNTERS:{oid}", mapping={TX: tx, RX: rx, "SAI_ENI_STAT_RX_BYTES": 7})
    client.hset(NAME_MAP, eni, oid)


async def test_the_example_of_the_tables_is_found(poll: Poll, server: PrivateRedis, counters: Redis) -> None:
    put(counters, ENI, OID, 1004, 1000)
    async with poll(server) as poller:
        await poller.finds(((ENI, 1004, 1000),))
        assert poller.reader.rejected == 0


async def test_every_poll_reads_anew_and_is_emitted(poll: Poll, server: PrivateRedis, counters: Redis) -> None:
    put(counters, ENI, OID, 1, 1)
    async with poll(server) as poller:
        await until(lambda: len(poller.polls) > 3)
        put(counters, ENI, OID, 2**64 - 1, 0)
        put(counters, OTHER, OTHER_OID, 5, 6)
        await poller.finds(((ENI, 2**64 - 1, 0), (OTHER, 5, 6)))
        counters.hdel(NAME_MAP, ENI)
        await poller.finds(((OTHER, 5, 6),))


async def test_first_poll_is_at_once_and_the_next_after_the_interval(
    poll: Poll, server: PrivateRedis, counters: Redis
) -> None:
    put(counters, ENI, OID, 1, 1)
    async with poll(server, interval_s=3600.0) as poller:
        await until(lambda: len(poller.polls) == 1)


async def test_a_database_without_enis_says_nothing(poll: Poll, server: PrivateRedis, counters: Redis) -> None:
    with capture_logs() as logs:
        async with poll(server) as poller:
            await until(lambda: poller.reader._link.available)
            before = commands(counters)
            await until(lambda: commands(counters) > before + 10)
            assert poller.polls == []
    assert logs == []


def commands(client: Redis) -> int:
    """How often the name map was read."""
    stats: Any = client.info("commandstats")
    return int(stats.get("cmdstat_hgetall", {"calls": 0})["calls"])


@pytest.mark.parametrize("how", ["map deleted", "database emptied", "map is no hash"])
async def test_enis_that_go_are_told_once_as_nothing(
    poll: Poll, server: PrivateRedis, counters: Redis, how: str
) -> None:
    put(counters, ENI, OID, 1, 1)
    async with poll(server) as poller:
        await until(lambda: bool(poller.polls))
        match how:
            case "map deleted":
                counters.delete(NAME_MAP)
            case "database emptied":
                counters.flushdb()
            case _:
                counters.set(NAME_MAP, "x")
        await until(lambda: poller.polls[-1] == ())
        before = commands(counters)
        await until(lambda: commands(counters) > before + 5)
        counters.delete(NAME_MAP)
        put(counters, ENI, OID, 2, 2)
        await poller.finds(((ENI, 2, 2),))
    assert poller.polls.count(()) == 1


async def test_an_eni_without_counters_is_left_out_silently(poll: Poll, server: PrivateRedis, counters: Redis) -> None:
    put(counters, ENI, OID, 1, 1)
    counters.hset(NAME_MAP, OTHER, OTHER_OID)
    with capture_logs() as logs:
        async with poll(server) as poller:
            await poller.finds(((ENI, 1, 1),))
            counters.hdel(f"COUNTERS:{OID}", RX)
            await until(lambda: poller.polls[-1] == ())
    assert logs == []


@pytest.mark.parametrize(
    "value",
    ["", "-1", "+1", " 1", "1.5", "1_000", "many", "0x10", "\u0661", str(2**64), "9" * 5000, b"\xff\x00"],
    ids=repr,
)
async def test_what_is_no_counter_is_said_once_and_left_out(
    poll: Poll, server: PrivateRedis, counters: Redis, value: str | bytes
) -> None:
    put(counters, ENI, OID, value, 1)
    put(counters, OTHER, OTHER_OID, 2, 2)
    with capture_logs() as logs:
        async with poll(server) as poller:
            await poller.finds(((OTHER, 2, 2),))
            assert poller.reader.rejected > 1
            put(counters, ENI, OID, 3, 3)
            await poller.finds(((ENI, 3, 3), (OTHER, 2, 2)))
    (line,) = logs
    assert line["event"] == "counters_rejected"
    assert (line["source"], line["field"]) == (f"DPU_COUNTERS_DB COUNTERS:{OID}", TX)
    assert len(str(line)) < 400


async def test_what_is_wrong_again_is_said_again(poll: Poll, server: PrivateRedis, counters: Redis) -> None:
    with capture_logs() as logs:
        async with poll(server) as poller:
            for _ in range(2):
                put(counters, ENI, OID, "many", 1)
                await poller.finds(())
                put(counters, ENI, OID, 1, 1)
                await poller.finds(((ENI, 1, 1),))
    assert [line["value"] for line in logs] == ["many", "many"]


async def test_keys_that_are_no_hashes_are_said_and_left_out(poll: Poll, server: PrivateRedis, counters: Redis) -> None:
    put(counters, OTHER, OTHER_OID, 2, 2)
    counters.hset(NAME_MAP, ENI, OID)
    counters.lpush(f"COUNTERS:{OID}", "x")
    with capture_logs() as logs:
        async with poll(server) as poller:
            await poller.finds(((OTHER, 2, 2),))
            counters.delete(NAME_MAP)
            counters.lpush(NAME_MAP, "x")
            await until(lambda: len(logs) == 2)
    assert [line["source"] for line in logs] == [f"DPU_COUNTERS_DB COUNTERS:{OID}", f"DPU_COUNTERS_DB {NAME_MAP}"]
    assert all("WRONGTYPE" in line["why"] for line in logs)


async def test_names_that_are_no_text_are_read_all_the_same(poll: Poll, server: PrivateRedis, counters: Redis) -> None:
    counters.hset(NAME_MAP, b"\xff", b"\xfe")
    put(counters, ENI, OID, 1, 1)
    async with poll(server) as poller:
        await poller.finds(((ENI, 1, 1),))


async def test_a_lost_database_breaks_the_row_of_polls_and_is_polled_again(
    poll: Poll, own_server: PrivateRedis
) -> None:
    with own_server.client(database_id=DATABASE_ID) as client:
        put(client, ENI, OID, 1, 1)
    with capture_logs() as logs:
        async with poll(own_server) as poller:
            await until(lambda: bool(poller.polls))
            own_server.stop()
            await until(lambda: poller.polls[-1] == ())
            lost = len(poller.polls)
            own_server.start()
            await until(lambda: len(poller.polls) > lost)
            assert set(poller.polls[lost:]) == {((ENI, 1, 1),)}
    assert [entry["event"] for entry in logs] == ["database_lost", "database_regained"]


async def test_a_database_that_is_not_there_yet_is_waited_for(poll: Poll, absent_server: PrivateRedis) -> None:
    with capture_logs() as logs:
        async with poll(absent_server) as poller:
            await until(lambda: bool(logs))
            with absent_server:
                with absent_server.client(database_id=DATABASE_ID) as client:
                    put(client, ENI, OID, 1, 1)
                await until(lambda: (poller.polls or [()])[-1] == ((ENI, 1, 1),))
    assert [entry["event"] for entry in logs][:2] == ["database_lost", "database_regained"]


async def test_a_server_that_hangs_counts_as_away(
    poll: Poll, own_server: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_link, "ANSWER_WITHIN_S", 0.1)
    with own_server.client(database_id=DATABASE_ID) as client:
        put(client, ENI, OID, 1, 1)
    async with poll(own_server) as poller:
        await until(lambda: bool(poller.polls))
        own_server.pause()
        await until(lambda: poller.polls[-1] == ())
        own_server.resume()
        await poller.finds(((ENI, 1, 1),))


async def test_thousands_of_enis_are_one_poll(poll: Poll, server: PrivateRedis, counters: Redis) -> None:
    pipeline = counters.pipeline()
    for number in range(2000):
        pipeline.hset(f"COUNTERS:oid:{number}", mapping={TX: number, RX: number})
    pipeline.hset(NAME_MAP, mapping={f"{number:012X}": f"oid:{number}" for number in range(2000)})
    pipeline.execute()
    async with poll(server) as poller:
        await until(lambda: bool(poller.polls))
    assert poller.polls[0] == tuple((f"{number:012X}", number, number) for number in range(2000))


# Where the counters are.


def configuration(tmp_path: Path, *databases: Database) -> Path:
    entries = {name: {"id": PLACES[name][0], "separator": ":", "instance": "redis"} for name in databases}
    path = tmp_path / "database_config.json"
    instances = {"redis": {"hostname": "127.0.0.1", "port": 6379}}
    path.write_text(json.dumps({"INSTANCES": instances, "DATABASES": entries}))
    return path


async def test_counters_are_where_the_configuration_says(tmp_path: Path) -> None:
    link = counters_link(load_database_config(configuration(tmp_path, Database.DPU_COUNTERS_DB)), 0)
    assert link is not None
    assert (link.database, link.address.id) == (Database.DPU_COUNTERS_DB, 18)
    await link.close()


def test_counters_that_are_not_configured_are_one_line(tmp_path: Path) -> None:
    config = load_database_config(configuration(tmp_path, Database.DPU_STATE_DB))
    with capture_logs() as logs:
        assert counters_link(config, 0) is None
    (line,) = logs
    assert line["log_level"] == "warning"
    assert line["database"] == "DPU_COUNTERS_DB"
