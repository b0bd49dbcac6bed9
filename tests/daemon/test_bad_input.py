"""Rows that cannot be used, in every table that hamgrd reads: one clear line, and nothing else changes (FL-40, C08).

A scope serves all the while. Each bad row takes the place of a good one that the scope stands on; the good one stays in
force, the state row of whatever the row is about says why the newest was rejected, and the good row ends that.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from models.database import Database
from models.table import Table
from models.tables import (
    DASH_ENI_PLACEMENT_TABLE,
    DASH_FLOW_SYNC_SESSION_STATE_TABLE,
    DASH_HA_SCOPE_CONFIG_TABLE,
    DASH_HA_SET_STATE_TABLE,
    DASH_HA_VDPU_STATE,
    DPU_STATE,
    LOOPBACK_INTERFACE,
    READ_TABLES,
    VDPU,
)
from runner.demo.recorder import Change
from tests.daemon.bad_rows import BAD, KEYS, SHOWN_IN, Bad
from tests.daemon.daemon import until
from tests.daemon.expected_rows import SERVING
from tests.daemon.switch import Switch

LONGEST_LINE = 700
"""Of a bad value no more is logged than an operator can read."""


WITHOUT_A_ROW = (LOOPBACK_INTERFACE, DASH_FLOW_SYNC_SESSION_STATE_TABLE, DASH_ENI_PLACEMENT_TABLE)
"""Tables of which a DPU-driven switch holds no row with fields."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A scope that serves, for all tests of this file: none of them may leave a trace."""
    with Switch(tmp_path_factory.mktemp("bad-input")) as switch:
        switch.hamgrd.start()
        switch.planned_up()
        yield switch
        switch.wait_for_the_wire()
        assert switch.dpu.requests("activate_role_requested") == 1
        assert switch.hamgrd.alive
        assert switch.hamgrd.complaints() == []


@pytest.fixture
def switch(served: Switch) -> Iterator[Switch]:
    """The scope serves before the test and after it, with the same rows."""
    assert served.ha_rows(passing=False) == SERVING
    told = len(served.dpu.received)
    yield served
    served.barrier()
    assert served.ha_rows(passing=False) == SERVING
    assert served.dpu.told(told) == []


def redis_key(table: Table[Any], key: str) -> str:
    return f"{table.name}{':' if table.database is Database.APPL_DB else '|'}{key}"


def fields_of(switch: Switch, table: Table[Any]) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = switch.rows.client(table.database).hgetall(redis_key(table, KEYS[table]))  # type: ignore[assignment]
    return fields


def replace(switch: Switch, table: Table[Any], *command: str | bytes) -> None:
    """Put something else in the place of a row, in one transaction."""
    name = redis_key(table, KEYS[table])
    with switch.rows.client(table.database).pipeline(transaction=True) as pipeline:
        pipeline.delete(name)
        pipeline.execute_command(command[0], name, *command[1:])  # type: ignore[no-untyped-call]
        pipeline.execute()


def put(switch: Switch, table: Table[Any], fields: Mapping[bytes, bytes]) -> None:
    """Put other fields in the place of those of a row."""
    replace(switch, table, "HSET", *(part for pair in fields.items() for part in pair))


def only_the_rejection(changes: list[Change]) -> bool:
    """Nothing was written but that a row was rejected, and when that was said."""
    names = {
        name
        for change in changes
        for name in {**(change.before or {}), **(change.after or {})}
        if (change.before or {}).get(name) != (change.after or {}).get(name)
    }
    return names <= {"rejected", "last_updated_time_in_ms"}


def is_rejected(switch: Switch, table: Table[Any], mark: int, marks: tuple[int, int]) -> Mapping[str, Any]:
    """The one line about it. The process lives, the last good row stays in force, and the state row says so."""
    key = KEYS[table]
    switch.hamgrd.wait_until_rejected(key, mark)
    switch.barrier(table.database)
    (line,) = switch.hamgrd.rejections(key, mark)
    assert line["source"] == f"{table.database.value} {table.name} {key}"
    assert line["table"] == table.name
    assert line["why"]
    assert len(str(line)) < LONGEST_LINE
    assert only_the_rejection(switch.changes(marks)), [str(change) for change in switch.changes(marks)]
    if table in SHOWN_IN:
        shown = switch.rows.row(*SHOWN_IN[table]).get("rejected")
        assert shown == f"{line['field']}: {line['why']}"
    return line


def is_accepted(switch: Switch, table: Table[Any]) -> None:
    """The good row ended the rejection."""
    if table in SHOWN_IN:
        until(lambda: "rejected" not in switch.rows.row(*SHOWN_IN[table]), switch.ha_rows)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_bad_row_is_told_in_one_clear_line_and_changes_nothing(switch: Switch, bad: Bad) -> None:
    mark, marks, good = switch.hamgrd.mark(), switch.marks(), fields_of(switch, bad.table)
    kept = {name: content for name, content in good.items() if name.decode() not in bad.without}
    spoilt = kept | {name.encode(): content for name, content in bad.fields.items()}
    put(switch, bad.table, spoilt or {b"NULL": b"NULL"})
    line = is_rejected(switch, bad.table, mark, marks)
    assert line["field"] == bad.at_fault
    assert bad.shown in line["value"]
    put(switch, bad.table, good)
    is_accepted(switch, bad.table)


@pytest.mark.parametrize("command", [("SET", "x"), ("SADD", "x"), ("RPUSH", "x", "y")], ids=["string", "set", "list"])
@pytest.mark.parametrize("table", [t for t in READ_TABLES if t not in WITHOUT_A_ROW], ids=lambda t: t.name)
def test_key_that_is_no_hash_is_told_in_one_clear_line(
    switch: Switch, table: Table[Any], command: tuple[str, ...]
) -> None:
    mark, marks = switch.hamgrd.mark(), switch.marks()
    good = fields_of(switch, table)
    replace(switch, table, *command)
    line = is_rejected(switch, table, mark, marks)
    assert line["field"] == "(row)"
    assert "WRONGTYPE" in line["why"]
    put(switch, table, good)
    is_accepted(switch, table)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        (DASH_HA_SCOPE_CONFIG_TABLE, "without_separator"),
        (DASH_HA_SCOPE_CONFIG_TABLE, ":haset0_0"),
        (DASH_HA_SCOPE_CONFIG_TABLE, "vdpu0_0:"),
        (DPU_STATE, "the_first"),
        (DPU_STATE, "DPU9999"),
        (LOOPBACK_INTERFACE, "Loopback0|10.1.0/32"),
        (LOOPBACK_INTERFACE, "Loopback0|127.1.0.33/99"),
    ],
    ids=str,
)
def test_fl05_key_that_says_nothing_is_told_once_and_not_again_when_it_goes(
    switch: Switch, table: Table[Any], key: str
) -> None:
    mark, marks = switch.hamgrd.mark(), switch.marks()
    switch.rows.write(table, key, {"disabled": "true"})
    switch.hamgrd.wait_until_rejected(key, mark)
    switch.rows.remove(table, key)
    switch.barrier(table.database)
    (line,) = switch.hamgrd.rejections(key, mark)
    assert line["field"] == "(key)"
    assert line["why"]
    assert switch.changes(marks) == []


def test_key_that_is_the_name_of_a_table_alone_is_no_row(switch: Switch) -> None:
    mark, marks = switch.hamgrd.mark(), switch.marks()
    for table in READ_TABLES:
        switch.rows.client(table.database).hset(table.name, "main_dpu_ids", "\xff")
    switch.barrier()
    for table in READ_TABLES:
        switch.rows.client(table.database).delete(table.name)
    switch.barrier()
    assert {e["source"].split()[-1][:7] for e in switch.hamgrd.entries(mark, message="input_rejected")} == {"barrier"}
    assert switch.changes(marks) == []


def test_deleting_a_row_whose_newest_content_was_rejected_deletes_it(switch: Switch) -> None:
    """A bad row leaves the good one in force; its deletion does not."""
    table = DASH_HA_SET_STATE_TABLE
    good = fields_of(switch, table)
    put(switch, table, {b"dp_channel_is_alive": b"perhaps"})
    until(lambda: "rejected" in switch.rows.row(*SHOWN_IN[table]), switch.ha_rows)
    switch.rows.remove(table, KEYS[table])
    is_accepted(switch, table)
    put(switch, table, good)


def test_key_that_is_no_text_is_nobodys_row(switch: Switch) -> None:
    marks, name = switch.marks(), b"VDPU|vdpu\xff0"
    client = switch.rows.client(Database.CONFIG_DB)
    client.hset(name, "main_dpu_ids", "dpu0_0")
    switch.barrier(Database.CONFIG_DB)
    client.delete(name)
    switch.barrier(Database.CONFIG_DB)
    assert switch.changes(marks) == []


def test_one_bad_row_does_not_keep_the_others_of_its_batch_back(switch: Switch) -> None:
    rows = switch.rows
    with rows.client(VDPU.database).pipeline(transaction=True) as pipeline:
        for number in range(20):
            pipeline.hset(f"VDPU|extra{number}", "tier" if number % 2 else "main_dpu_ids", "dpu1_0")
        pipeline.execute()
    good = {f"extra{number}" for number in range(0, 20, 2)}
    until(lambda: good <= set(rows.keys(DASH_HA_VDPU_STATE)), lambda: rows.keys(DASH_HA_VDPU_STATE))
    switch.barrier(VDPU.database)
    assert set(rows.keys(DASH_HA_VDPU_STATE)) == {"vdpu0_0", "vdpu1_0", *good}
    for number in range(20):
        rows.remove(VDPU, f"extra{number}")
