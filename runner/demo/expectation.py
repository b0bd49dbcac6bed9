"""What a step of the demonstration expects to see, in words and as a look at the databases and at the DPU.

An expectation is looked at again and again until it is met or its step's time is over; looking changes nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from hamgr_fsm.vocabulary import HaState, OperationType
from models.table import Table
from models.tables import (
    DASH_HA_SCOPE_CONFIG_TABLE,
    DASH_HA_SCOPE_STATE,
    DASH_HA_SCOPE_STATE_TABLE,
    DASH_HA_SET_CONFIG_TABLE,
    DASH_HA_SET_STATE_TABLE,
    DPU_RESET_INFO,
    WRITTEN_TABLES,
)
from runner.demo.cast import Cast, SentRow
from runner.lab.dpu_rows import REQUESTS

QUIET_S = 1.5
"""How long nothing may move after a restart: long enough for hamgrd to connect to everything and to send again."""

HA_TABLES: tuple[Table[Any], ...] = (
    *(table for table in WRITTEN_TABLES if table is not DPU_RESET_INFO),
    DASH_HA_SET_CONFIG_TABLE,
    DASH_HA_SCOPE_CONFIG_TABLE,
    DASH_HA_SET_STATE_TABLE,
    DASH_HA_SCOPE_STATE_TABLE,
)
"""The tables in which a scope or a set leaves something, and which must be empty once both are gone.

The announcement of a reset is not among them: the controller takes it back, nobody else.
"""


@frozen
class Sighting:
    """What a look found: ``met`` if it was what is expected, ``found`` in words either way."""

    met: bool
    found: str


@frozen
class Expectation:
    """``says`` is what is expected, in words; ``look`` looks once.

    ``for_s``: it must hold at every look for so long, where a single look would come too early to see it broken.
    """

    says: str
    look: Callable[[Cast], Sighting]
    for_s: float = 0.0


def row_shows(table: Table[Any], key: str, **fields: str) -> Expectation:
    """A row that has these fields with these values, among others."""

    def look(cast: Cast) -> Sighting:
        row = cast.rows.row(table, key)
        if not row:
            return Sighting(False, "no such row")
        return Sighting(fields.items() <= row.items(), _fields({name: row.get(name) for name in fields}))

    return Expectation(f"{_name(table, key)}: {_fields(fields)}", look)


def row_lacks(table: Table[Any], key: str, *names: str) -> Expectation:
    """A row that is there and has none of these fields with a value."""

    def look(cast: Cast) -> Sighting:
        row = cast.rows.row(table, key)
        present = {name: row[name] for name in names if row.get(name)}
        return Sighting(bool(row) and not present, _fields(present) if row else "no such row")

    return Expectation(f"{_name(table, key)}: no {', no '.join(names)}", look)


def row_lists(table: Table[Any], key: str, field: str, *items: str) -> Expectation:
    """A row with a list of exactly these items, in any order."""

    def look(cast: Cast) -> Sighting:
        row = cast.rows.row(table, key)
        listed = row.get(field, "")
        return Sighting(bool(row) and sorted(filter(None, listed.split(","))) == sorted(items), f"{field}={listed}")

    return Expectation(f"{_name(table, key)}: {field} lists {', '.join(items) or 'nothing'}", look)


def no_row(table: Table[Any], key: str) -> Expectation:
    """A row that is not there."""

    def look(cast: Cast) -> Sighting:
        row = cast.rows.row(table, key)
        return Sighting(not row, _fields(row) if row else "no such row")

    return Expectation(f"{_name(table, key)} is gone", look)


def asks_approval(kind: OperationType) -> Expectation:
    """The scope asks the controller for this approval and for nothing else; its id is noted."""

    def look(cast: Cast) -> Sighting:
        pending = cast.controller.pending()
        if met := set(pending) == {kind}:
            cast.notes[kind] = pending[kind]
        return Sighting(met, _pending(pending))

    return Expectation(f"the scope asks the controller for {kind.value}", look)


def asks_the_same(kind: OperationType) -> Expectation:
    """The scope still asks for this approval, with the id that was noted."""

    def look(cast: Cast) -> Sighting:
        pending = cast.controller.pending()
        return Sighting(pending == {kind: cast.notes[kind]}, _pending(pending))

    return Expectation(f"the scope asks for {kind.value}, with the same id as before", look)


def asks_anew(kind: OperationType) -> Expectation:
    """The scope asks for this approval, with another id than the one noted."""

    def look(cast: Cast) -> Sighting:
        pending = cast.controller.pending()
        return Sighting(set(pending) == {kind} and pending[kind] != cast.notes[kind], _pending(pending))

    return Expectation(f"the scope asks for {kind.value}, with a new id", look)


def asks_nothing() -> Expectation:
    """The scope waits for no approval."""

    def look(cast: Cast) -> Sighting:
        pending = cast.controller.pending()
        return Sighting(not pending, _pending(pending))

    return Expectation("the scope asks for nothing any more", look)


def requested(flag: str, times: int) -> Expectation:
    """The DPU was sent a one-shot flag as true exactly so often since the demonstration began."""

    def look(cast: Cast) -> Sighting:
        count = cast.dpu.requests.get(flag, 0)
        return Sighting(count == times, f"{count} times")

    return Expectation(f"the DPU was sent {flag}=true {times} time{'s' if times > 1 else ''} in all", look)


def dpu_got(*wanted: tuple[Table[Any], str, Mapping[str, str] | None]) -> Expectation:
    """The DPU was sent these rows in this order since the step began; None is a deletion. Others may lie between."""

    def look(cast: Cast) -> Sighting:
        rows = iter(cast.dpu.received_since(cast.mark))
        for table, key, fields in wanted:
            for row in rows:
                if (row.table, row.key) == (table.name, key) and _matches(row.fields, fields):
                    break
            else:
                return Sighting(False, "; ".join(map(str, cast.dpu.received_since(cast.mark))) or "nothing")
        return Sighting(True, "in this order")

    told = ", ".join(f"{'-' if fields is None else '+'}{table.name}:{key}" for table, key, fields in wanted)
    return Expectation(f"the DPU is sent, in this order, {told}", look)


def undisturbed(state: HaState) -> Expectation:
    """Since the step began, no published scope and no route was deleted, and the scope never left this state.

    The DPU was sent nothing but rows that it had already, and that goes on for a while.
    """

    def look(cast: Cast) -> Sighting:
        changes = cast.witness.changes[cast.changes_mark :]
        gone = [f"{change.table} {change.key} was deleted" for change in changes if change.fields is None]
        states = [
            f"local_ha_state was {change.fields.get('local_ha_state')}"
            for change in changes
            if change.table == DASH_HA_SCOPE_STATE.name
            and change.fields is not None
            and change.fields.get("local_ha_state") != state.value
        ]
        known = {(row.table, row.key): _lasting(row) for row in cast.dpu.received[: cast.mark]}
        news = [
            f"the DPU was sent {row} {row.fields}"
            for row in cast.dpu.received[cast.mark :]
            if known.get((row.table, row.key)) != _lasting(row)
        ]
        found = "; ".join(gone + states + news)
        return Sighting(not found, found or "nothing was deleted, moved or sent anew")

    says = f"for {QUIET_S} s the scope stays {state.value}, its rows and the route stay, the DPU is told nothing new"
    return Expectation(says, look, for_s=QUIET_S)


def dpu_content() -> Expectation:
    """The DPU has never complained about a row: none was malformed, and none came before what it needs."""

    def look(cast: Cast) -> Sighting:
        return Sighting(not cast.dpu.refused, "; ".join(cast.dpu.refused) or "no complaint")

    return Expectation("the DPU has refused no row and kept none waiting", look)


def nothing_left() -> Expectation:
    """No database holds a row of HA any more, neither a visible nor a pending one."""

    def look(cast: Cast) -> Sighting:
        left = [
            f"{database.value} {name}"
            for database in sorted({table.database for table in HA_TABLES})
            for name in cast.rows.names(database)
            if any(name.removeprefix("_").startswith(t.name) for t in HA_TABLES if t.database is database)
        ]
        return Sighting(not left, ", ".join(left) or "nothing")

    return Expectation("no HA row is left in any database", look)


def _matches(sent: Mapping[str, str] | None, wanted: Mapping[str, str] | None) -> bool:
    if sent is None or wanted is None:
        return sent is wanted
    return wanted.items() <= sent.items()


def _lasting(row: SentRow) -> dict[str, str] | None:
    """What a sent row says for good: the one-shot requests in it are messages."""
    if row.fields is None:
        return None
    return {name: value for name, value in row.fields.items() if name not in REQUESTS}


def _name(table: Table[Any], key: str) -> str:
    return f"{table.database.value} {table.name} {key}"


def _fields(fields: Mapping[str, str | None]) -> str:
    return " ".join(f"{name}={'(absent)' if value is None else value}" for name, value in fields.items()) or "-"


def _pending(pending: Mapping[OperationType, str]) -> str:
    return " ".join(f"{kind.value}={operation_id}" for kind, operation_id in pending.items()) or "nothing pending"
