"""The packing of rows for the orchagent, byte for byte as the real library packs them."""

import random
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.database import Database
from models.table import Table, Transport
from runner.orchagent_message import LARGEST_MESSAGE, MessageTooLargeError, RowMessage, pack, unpack
from runner.outputs import DeleteRow, WriteRow
from runner.private_redis import PrivateRedis
from runner.table_writer import TableWriter
from tests.redis.conftest import VECTORS, Links, content

CASES = {case["id"]: case for case in VECTORS["zmq_producer"]}
RECEIVED = {case["id"]: case for case in VECTORS["zmq_consumer"]}

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


def rows_of(case: dict[str, Any]) -> list[RowMessage]:
    return [
        RowMessage(case["table"], row["key"], {name: value_of(value) for name, value in row["fields"]})
        for row in case["requests"]
    ]


def value_of(value: str) -> str:
    """A value of the vectors, which write binary ones in hexadecimal."""
    if not value.startswith("hex:"):
        return value
    return bytes.fromhex(value.removeprefix("hex:")).decode("utf-8", "surrogateescape")


@pytest.mark.parametrize("name", CASES)
def test_message_is_packed_as_the_real_library_does(name: str) -> None:
    case = CASES[name]
    message = pack(case["db_name"], case["table"], rows_of(case))
    assert len(message) == case["length"]
    if "hex" in case:
        assert message.hex() == case["hex"]


@pytest.mark.parametrize("name", [name for name in RECEIVED if "pop" in RECEIVED[name] and RECEIVED[name]["pop"]])
def test_message_means_what_the_real_consumer_reads(name: str) -> None:
    case = RECEIVED[name]
    database, rows = unpack(bytes.fromhex(case["hex"]))
    assert database == case["db_name"]
    assert [
        {"table": row.table, "key": row.key, "op": "SET" if row.fields else "DEL", "fields": sorted(row.fields.items())}
        for row in rows
    ] == [entry | {"fields": sorted(map(tuple, entry["fields"]))} for entry in case["pop"]]


def test_merged_row_is_sent_as_what_it_changes() -> None:
    first, second = VECTORS["zmq_hset_op"]["messages_hex"]
    assert pack("DPU_APPL_DB", "DASH_HA_SCOPE_TABLE", [scope(f="1", g="2")]).hex() == first
    assert pack("DPU_APPL_DB", "DASH_HA_SCOPE_TABLE", [scope(f="9")]).hex() == second


def scope(**fields: str) -> RowMessage:
    return RowMessage("DASH_HA_SCOPE_TABLE", "haset0_0", fields)


@pytest.mark.parametrize("name", [name for name in CASES if "redis_after" in CASES[name]])
async def test_copy_in_redis_is_what_the_real_producer_leaves(links: Links, server: PrivateRedis, name: str) -> None:
    case = CASES[name]
    with server.client(database_id=15) as client:
        for key, fields in case.get("redis_before", {}).items():
            client.hset(key, mapping=fields)
    table = Table(case["table"], Database.DPU_APPL_DB, object, Transport.ORCHAGENT)
    writer = TableWriter({Database.DPU_APPL_DB: links(server, Database.DPU_APPL_DB)}, [table])
    for row in rows_of(case):
        place = (table.database, table.name, row.key)
        await writer.apply([WriteRow(*place, row.fields) if row.fields else DeleteRow(*place)])
    assert content(server, Database.DPU_APPL_DB) == case["redis_after"]


@given(TEXT, st.lists(st.tuples(TEXT, st.dictionaries(TEXT, TEXT, max_size=4)), max_size=4))
def test_message_reads_back_as_it_was_packed(table: str, rows: list[tuple[str, dict[str, str]]]) -> None:
    messages = [RowMessage(table, key, fields) for key, fields in rows]
    database, read = unpack(pack("DPU_APPL_DB", table, messages))
    assert (database, read) == ("DPU_APPL_DB", messages)


@given(st.randoms(use_true_random=False))
def test_damaged_message_is_refused_and_never_misread(chance: random.Random) -> None:
    whole = pack("DPU_APPL_DB", "T", [RowMessage("T", "k", {"a": "1"})])
    cut = whole[: chance.randrange(len(whole))]
    with pytest.raises(ValueError, match=r"."):
        unpack(cut)
    with pytest.raises(ValueError, match=r"."):
        unpack(struct.pack("<Q", chance.randrange(4, 2**64)) + whole[8:])


def test_message_too_large_for_the_receiver_is_refused() -> None:
    with pytest.raises(MessageTooLargeError):
        pack("DPU_APPL_DB", "T", [RowMessage("T", "k", {"a": "x" * LARGEST_MESSAGE})])
    assert len(pack("DPU_APPL_DB", "T", [RowMessage("T", "k", {"a": "x" * 1_000_000})])) > 1_000_000
