"""The databases of one switch as dictionaries: what a write does to a row, and which input it is to the daemon.

It keeps SONiC's semantics and decides nothing: a HSET merges, a row of hamgrd is written as its transport writes it, a
deletion is told, the emptying of a database is not (FL-09). It must not know who writes.

Source: tables 4.2 to 4.4, architecture "The I/O shell".
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from models import tables
from models.database import Database
from models.table import Table, Transport
from runner.inputs import RowDeleted, RowSet, RowsFound
from runner.outputs import DeleteRow, WriteRow

RowName = tuple[str, str]
"""Table and key."""

_READ = {(table.database, table.name) for table in tables.READ_TABLES}


@define
class Store:
    """The rows of every database."""

    databases: defaultdict[Database, dict[RowName, dict[str, bytes]]] = field(factory=lambda: defaultdict(dict))

    def merge(self, database: Database, table: str, key: str, fields: Mapping[str, str | bytes]) -> RowSet | None:
        """HSET; the input that it is to hamgrd, None for a table that hamgrd does not read."""
        row = self.databases[database].setdefault((table, key), {})
        row |= {name: value.encode() if isinstance(value, str) else value for name, value in fields.items()}
        return RowSet(database, table, key, dict(row)) if (database, table) in _READ else None

    def delete(self, database: Database, table: str, key: str) -> RowDeleted | None:
        """DEL; the input that it is to hamgrd, None when there was no row or nobody reads it."""
        gone = self.databases[database].pop((table, key), None) is not None
        return RowDeleted(database, table, key) if gone and (database, table) in _READ else None

    def empty(self, database: Database) -> None:
        """FLUSHDB: no reader is told."""
        self.databases[database].clear()

    def take(self, output: WriteRow | DeleteRow) -> None:
        """A row of hamgrd as its transport leaves it in Redis: a table keeps what it is not told to drop, a message to
        the orchagent leaves a copy of itself."""
        rows = self.databases[output.database]
        name = (output.table, output.key)
        if isinstance(output, DeleteRow):
            rows.pop(name, None)
            return
        whole = tables.table_named(output.database, output.table).transport is Transport.ORCHAGENT
        before = {} if whole else rows.get(name, {})
        kept = {field_name: value for field_name, value in before.items() if field_name not in output.vanished}
        rows[name] = kept | {field_name: value.encode() for field_name, value in output.fields.items()}

    def found(self, database: Database) -> RowsFound:
        """What hamgrd finds of the tables that it writes."""
        mine = {table.name for table in tables.WRITTEN_TABLES if table.database is database}
        rows = {name: _text(fields) for name, fields in self.databases[database].items() if name[0] in mine}
        return RowsFound(database, rows)

    def contents(self) -> list[RowSet]:
        """Every row of the tables that hamgrd reads, as it finds them at start."""
        return [
            RowSet(table.database, name, key, dict(fields))
            for table in tables.READ_TABLES
            for (name, key), fields in self.databases[table.database].items()
            if name == table.name
        ]

    def row(self, table: Table[Any], key: str) -> dict[str, str] | None:
        """A row as text, or None."""
        fields = self.databases[table.database].get((table.name, key))
        return None if fields is None else _text(fields)

    def keys(self, table: Table[Any]) -> set[str]:
        """The keys of a table."""
        return {key for name, key in self.databases[table.database] if name == table.name}

    def written_rows(self) -> dict[RowName, dict[str, str]]:
        """Every row of the tables that hamgrd writes."""
        return {
            (table.name, key): row
            for table in tables.WRITTEN_TABLES
            for key in sorted(self.keys(table))
            if (row := self.row(table, key)) is not None
        }


def _text(fields: Mapping[str, bytes]) -> dict[str, str]:
    return {name: value.decode() for name, value in fields.items()}
