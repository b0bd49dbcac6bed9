"""What this process has written: it keeps equal rows from being written twice and puts a step's rows in order.

A row has owners, the entities that want it; it is deleted when the last of them gives it up. A row that is found at
start and that nobody owns yet is *adopted*: the first owner that writes the same content makes no output of it, and
what is left over in the end can be seen and removed. A deletion of a row that is not known is no output.

Order of the rows of one step: state rows, rows of the DPU, rows of the switch; within them deletions first, each in the
order in which its reader needs them.

Source: architecture "The node", dpu-driven 2, field-lessons FL-15, FL-43, LD-10, LD-56.
"""

from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

from attrs import define, field, frozen

from models import tables
from models.codec import one_shot_fields
from models.database import Database
from models.table import Table
from runner.outputs import DeleteRow, WriteRow

RowId = tuple[str, str]
"""Table name and key."""

AnyTable = Table[Any]

LAST_UPDATED = "last_updated_time_in_ms"
"""The field of a state row that says when anything else in it changed last."""

_GROUPS = (Database.STATE_DB, Database.DPU_APPL_DB, Database.APPL_DB)

# A reader refuses a row whose foundation is missing: what others stand on is written first and deleted last.
_FOUNDATIONS_FIRST: tuple[AnyTable, ...] = (
    tables.DASH_HA_SET_TABLE,
    tables.BFD_SESSION_TABLE,
    tables.DASH_HA_SCOPE_TABLE,
    tables.DASH_FLOW_SYNC_SESSION_TABLE,
    tables.NEIGH_RESOLVE_TABLE,
    tables.VNET_ROUTE_TUNNEL_TABLE,
    tables.DASH_ENI_FORWARD_TABLE,
)
# The probes fall silent before the scope goes: traffic moves while both sides still forward (dpu-driven 5).
_DELETIONS: tuple[AnyTable, ...] = (
    tables.BFD_SESSION_TABLE,
    tables.DASH_HA_SCOPE_TABLE,
    tables.DASH_HA_SET_TABLE,
    tables.VNET_ROUTE_TUNNEL_TABLE,
    tables.NEIGH_RESOLVE_TABLE,
    tables.DASH_ENI_FORWARD_TABLE,
)


@define
class _Entry:
    table: AnyTable
    fields: Mapping[str, str]
    owners: tuple[str, ...] = ()
    fresh: bool = True
    """The row is there as far as is known; else the next write goes out although its content is the same."""

    once: bool = False
    """Somebody else may change the row after it was written; it is never written again to restore it."""

    def own(self, owner: str) -> None:
        """Somebody wants the row."""
        if owner not in self.owners:
            self.owners += (owner,)

    def disown(self, owner: str) -> None:
        """Somebody does not want the row any more."""
        self.owners = tuple(other for other in self.owners if other != owner)


@define
class _Change:
    """What one step has done to a row so far."""

    table: AnyTable
    before: Mapping[str, str] | None
    """The content before the step, as far as its reader can rely on it; None if there was no row."""

    known: bool
    """There was a row before the step, reliable or not."""

    deleted: bool = False
    urgent: bool = False
    writes: list[WriteRow] = field(factory=list)


@frozen
class Unclaimed:
    """A row that was found and that nobody wants so far."""

    table: AnyTable
    key: str
    fields: Mapping[str, str]


class Ledger:
    """The rows of one process."""

    def __init__(self) -> None:
        self._entries: dict[RowId, _Entry] = {}
        self._step: dict[RowId, _Change] = {}
        self._unclaimed: dict[RowId, None] = {}
        """The rows without an owner, in the order in which they became so."""

    def fields(self, table: AnyTable, key: str) -> Mapping[str, str] | None:
        """The content of a row as written or found; None when there is none."""
        entry = self._entries.get((table.name, key))
        return entry.fields if entry is not None else None

    def fields_before(self, table: AnyTable, key: str) -> Mapping[str, str] | None:
        """The content of a row before the step under way; None when there was none."""
        change = self._step.get((table.name, key))
        return self.fields(table, key) if change is None else change.before

    def write(
        self,
        owner: str,
        table: AnyTable,
        key: str,
        fields: Mapping[str, str],
        *,
        once: bool = False,
        again: bool = False,
        urgent: bool = False,
    ) -> None:
        """Want a row with this content.

        ``urgent``: traffic waits for it; among rows of its table it goes first. ``once``: whoever reads it may change
        it, and it is not restored. ``again``: its reader may not have heard, so it is said although nothing changed.
        """
        row = (table.name, key)
        entry = self._entries.get(row)
        self._unclaimed.pop(row, None)
        if entry is not None and entry.fresh and entry.fields == fields and not once and not again:
            entry.own(owner)
            return
        change = self._change(table, key)
        change.urgent |= urgent
        if entry is None:
            entry = self._entries[row] = _Entry(table, {})
        entry.own(owner)
        vanished = tuple(name for name in entry.fields if name not in fields)
        entry.fields, entry.fresh, entry.once = fields, True, once
        self._note(change, WriteRow(table.database, table.name, key, fields, vanished), insist=once or again)

    def owned_by(self, owner: str) -> list[tuple[str, str, Mapping[str, str]]]:
        """Table, key and content of every row that somebody wants."""
        return [(*row, entry.fields) for row, entry in self._entries.items() if owner in entry.owners]

    def claim(self, owner: str, table: AnyTable, key: str) -> None:
        """Want a row as it was found; nothing happens when none was."""
        entry = self._entries.get((table.name, key))
        if entry is not None:
            entry.own(owner)
            self._unclaimed.pop((table.name, key), None)

    def delete(self, owner: str, table: AnyTable, key: str) -> None:
        """Give a row up, and delete it unless somebody else wants it."""
        entry = self._entries.get((table.name, key))
        if entry is None:
            return
        entry.disown(owner)
        if not entry.owners:
            self._drop(table, key)

    def release(self, owner: str, table: AnyTable, key: str) -> None:
        """Give a row up and leave it: another process of this switch owns it."""
        entry = self._entries.get((table.name, key))
        if entry is None:
            return
        entry.disown(owner)
        if not entry.owners:
            del self._entries[table.name, key]
            self._unclaimed.pop((table.name, key), None)

    def forget_dpu(self) -> None:
        """The DPU restarted and is empty: what it was told is to be told again although nothing changed."""
        for entry in self._entries.values():
            if entry.table.database is Database.DPU_APPL_DB:
                entry.fresh = False

    @property
    def dpu_has_rows(self) -> bool:
        """The DPU has been told something that was not taken back."""
        return any(entry.table.database is Database.DPU_APPL_DB for entry in self._entries.values())

    def flushed(self, database: Database, found: Mapping[RowId, Mapping[str, str]]) -> bool:
        """There were rows in a database, and none of them is left."""
        owned = [row for row, entry in self._entries.items() if self._expected(entry, database)]
        return bool(owned) and not any(row in found for row in owned)

    def reconcile(self, database: Database, found: Mapping[RowId, Mapping[str, str]]) -> None:
        """Adopt what nobody owns, and write again what is wanted and is missing or different.

        Some state rows are published alike by the process of every slot of this switch: when another one said the same
        at another time, its word is as good as ours.
        """
        for row, fields in found.items():
            entry = self._entries.get(row)
            if entry is None:
                self._entries[row] = _Entry(tables.table_named(database, row[0]), dict(fields))
                self._unclaimed[row] = None
        for (name, key), entry in list(self._entries.items()):
            if not self._expected(entry, database):
                continue
            there = found.get((name, key), {})
            if _says_the_same(there, entry.fields):
                entry.fields = dict(there)
            else:
                self._restore(entry, key, there)
        for row, entry in list(self._entries.items()):
            if entry.table.database is database and not entry.owners and row not in found:
                del self._entries[row]
                self._unclaimed.pop(row, None)

    def unclaimed(self) -> Iterator[Unclaimed]:
        """The rows that were found and that nobody wants so far."""
        for row in list(self._unclaimed):
            entry = self._entries[row]
            yield Unclaimed(entry.table, row[1], entry.fields)

    def discard(self, row: Unclaimed) -> None:
        """Delete a row that nobody wants."""
        self._drop(row.table, row.key)

    def take(self) -> list[WriteRow | DeleteRow]:
        """The outputs of the step that ends, in order; the next step starts with none."""
        ranked: list[tuple[tuple[int, bool, int, bool], WriteRow | DeleteRow]] = []
        for (name, key), change in self._step.items():
            outputs: list[WriteRow | DeleteRow] = [*change.writes]
            if change.deleted:
                outputs.insert(0, DeleteRow(change.table.database, name, key))
            ranked += [((*_rank(each), not change.urgent), each) for each in outputs]
        self._step = {}
        ranked.sort(key=itemgetter(0))
        return [output for _, output in ranked]

    def _change(self, table: AnyTable, key: str) -> _Change:
        """What this step does to a row; must be asked for before the entry changes."""
        row = (table.name, key)
        if row not in self._step:
            entry = self._entries.get(row)
            reliable = entry is not None and entry.fresh
            self._step[row] = _Change(table, entry.fields if entry and reliable else None, known=entry is not None)
        return self._step[row]

    def _note(self, change: _Change, write: WriteRow, *, insist: bool = False) -> None:
        """Add a write. Of several only the last counts, unless the row carries messages: each of those is said."""
        if one_shot_fields(change.table):
            change.writes.append(write)
            return
        vanished = {*write.vanished, *(name for earlier in change.writes for name in earlier.vanished)}
        last = WriteRow(
            write.database, write.table, write.key, write.fields, tuple(sorted(vanished - set(write.fields)))
        )
        unchanged = not change.deleted and change.before == write.fields
        change.writes = [] if unchanged and not insist else [last]

    @staticmethod
    def _expected(entry: _Entry, database: Database) -> bool:
        return entry.table.database is database and bool(entry.owners) and entry.fresh and not entry.once

    def _restore(self, entry: _Entry, key: str, found: Mapping[str, str]) -> None:
        """Write a row again. What it once carried as a message is not said twice."""
        messages = one_shot_fields(entry.table)
        entry.fields = {name: "false" if name in messages else value for name, value in entry.fields.items()}
        if entry.fields == found:
            return
        vanished = tuple(name for name in found if name not in entry.fields)
        change = self._change(entry.table, key)
        change.before = None
        self._note(change, WriteRow(entry.table.database, entry.table.name, key, entry.fields, vanished))

    def _drop(self, table: AnyTable, key: str) -> None:
        row = (table.name, key)
        change = self._change(table, key)
        del self._entries[row]
        self._unclaimed.pop(row, None)
        # What this step had written before does not matter any more; a row that it made was never there.
        change.writes, change.deleted, change.before = [], change.known, None


def _says_the_same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """The rows differ in the time of the last update at most."""
    return one.keys() == other.keys() and all(one[name] == other[name] for name in one if name != LAST_UPDATED)


_PLACES = {table.name: place for place, table in enumerate(_FOUNDATIONS_FIRST)}
_PLACES_OF_DELETIONS = {table.name: place for place, table in enumerate(_DELETIONS)}
_GROUP = {database: place for place, database in enumerate(_GROUPS)}
_LAST_PLACE = len(_FOUNDATIONS_FIRST) + len(_DELETIONS)


def _rank(output: WriteRow | DeleteRow) -> tuple[int, bool, int]:
    writes = isinstance(output, WriteRow)
    places = _PLACES if writes else _PLACES_OF_DELETIONS
    return _GROUP[output.database], writes, places.get(output.table, _LAST_PLACE)
