"""Following the tables of one database: a snapshot first, then every change, through whatever happens to the server.

The rules are those of SubscriberStateTable, with three differences. Changes of one key that arrive together are one
change. A row that is found unchanged is silent, one that was written again is told although it is the same: after a
restart of its DPU it is news (I-16). When the server comes back, or a row changed without notification, the reader
tells the difference itself, so the node never has to know that a connection was lost.

Source: tables 2.24, 4.2; architecture, "The I/O shell".
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

import structlog
from attrs import define, field, frozen
from structlog.typing import FilteringBoundLogger

from models.database import Database
from models.table import Table
from runner.database_link import DATABASE_ERRORS, DatabaseLink, delay_s
from runner.found_rows import NoHash, Row, find_written_rows, keys_of, read_rows, read_written_rows
from runner.inputs import RowDeleted, RowSet, RowsFound, RowUnreadable, Single
from runner.keyspace_events import KeyEvent, KeyspaceEvents, ensure_notifications
from runner.written_rows import RowName

AUDIT_INTERVAL_S = 10.0
POLL_INTERVAL_S = 1.0
"""How often everything is read where the server refuses to notify, and how soon a lost writer is noticed."""

log: FilteringBoundLogger = structlog.get_logger()


@frozen
class Batch:
    """Singles that belong together, in order. ``snapshot``: the whole database was read for it."""

    database: Database
    inputs: Sequence[Single]
    snapshot: bool = False


@define
class TableReader:
    """Reads the tables of one database for ever and hands batches to ``emit``, which must not block.

    ``written`` are the tables that hamgrd writes in this database: they are read after every connect and audited.
    """

    _link: DatabaseLink
    _tables: Sequence[str]
    _written: Sequence[Table[Any]]
    _emit: Callable[[Batch], None]
    _audit_interval_s: float = AUDIT_INTERVAL_S
    _known: dict[RowName, Mapping[str, bytes] | NoHash] = field(factory=dict)
    _refused: str | None = None
    _tell_all: bool = False

    def read_again(self) -> None:
        """Tell every row within a second as it is then, or when the server is back; unchanged ones as well."""
        self._tell_all = True

    async def run(self) -> NoReturn:
        """Follow the database; when it goes away, wait for it with growing delays and start over."""
        failures = 0
        while True:
            try:
                async with KeyspaceEvents(self._link, self._tables) as events:
                    await self._connected()
                    failures = 0
                    await self._follow(events)
            except DATABASE_ERRORS as error:
                self._link.lose(error)
                failures += 1
            await self._link.client.connection_pool.disconnect()
            await asyncio.sleep(delay_s(failures))

    async def _connected(self) -> None:
        await self._check_notifications()
        # Writes are possible again before the rows are read: what is dropped after this is missing in what is found.
        self._link.regain()
        inputs: list[Single] = []
        if self._written:
            found = await find_written_rows(self._link, self._written)
            self._link.written.found(found)
            inputs.append(RowsFound(self._link.database, found))
        inputs += await self._read_everything()
        self._emit(Batch(self._link.database, inputs, snapshot=True))

    async def _follow(self, events: KeyspaceEvents) -> None:
        now = asyncio.get_running_loop().time
        audit_at = now() + self._audit_interval_s
        while self._link.available:
            changed = await events.batch(min(POLL_INTERVAL_S, max(audit_at - now(), 0)))
            if changed:
                self._changed(await self._outcome(changed))
            if self._refused or self._tell_all:
                self._changed(await self._read_everything())
            if now() >= audit_at:
                await self._audit()
                audit_at = now() + self._audit_interval_s

    def _changed(self, inputs: Sequence[Single]) -> None:
        if inputs:
            self._emit(Batch(self._link.database, inputs))

    async def _outcome(self, events: Iterable[KeyEvent]) -> list[Single]:
        """What the events of a batch come to, one change for each key at most.

        A deleted row that is there again was set (2.24 rule 7). A row that is gone without a deletion is left alone:
        its deletion follows, or the audit finds it.
        """
        deleted: dict[RowName, bool] = {}
        for event in events:
            deleted[event.name] = event.deleted or deleted.get(event.name, False)
        rows = await read_rows(self._link, deleted)
        return self._inputs({name: row for name, row in rows.items() if row is not None or deleted[name]})

    async def _read_everything(self) -> list[Single]:
        """The difference between all rows of the database and the rows known so far; what vanished comes first.

        All rows, after :meth:`read_again`.
        """
        # Who asks while it is read may mean what is written meanwhile.
        tell_all, self._tell_all = self._tell_all, False
        try:
            names = [(table, key) for table in self._tables for key in sorted(await keys_of(self._link, table))]
            vanished: dict[RowName, Row] = dict.fromkeys(sorted(self._known.keys() - set(names)))
            rows = vanished | await read_rows(self._link, names)
        except DATABASE_ERRORS:
            self._tell_all |= tell_all
            raise
        return self._inputs(rows) if tell_all else self._differences(rows)

    async def _audit(self) -> None:
        """Look for what no notification tells: a flushed database, an expired row, a setting taken back (FL-09)."""
        await self._check_notifications()
        written = self._link.written
        written.begin_audit()
        found = written.audited(await read_written_rows(self._link, self._written, written.names))
        inputs: list[Single] = [] if found is None else [RowsFound(self._link.database, found)]
        inputs += self._differences(await read_rows(self._link, list(self._known)))
        if inputs:
            log.debug("audit_found_changes", database=self._link.database, inputs=len(inputs))
        self._changed(inputs)

    def _differences(self, rows: Mapping[RowName, Row]) -> list[Single]:
        return self._inputs({name: row for name, row in rows.items() if row != self._known.get(name)})

    def _inputs(self, rows: Mapping[RowName, Row]) -> list[Single]:
        inputs = []
        for name, row in rows.items():
            if row is None and name not in self._known:
                continue
            inputs.append(self._input(name, row))
            if row is None:
                del self._known[name]
            else:
                self._known[name] = row
        return inputs

    def _input(self, name: RowName, row: Row) -> Single:
        database = self._link.database
        if row is None:
            return RowDeleted(database, *name)
        if isinstance(row, NoHash):
            return RowUnreadable(database, *name, row.why)
        return RowSet(database, *name, row)

    async def _check_notifications(self) -> None:
        refused = await ensure_notifications(self._link)
        if refused and not self._refused:
            log.error("notifications_refused", database=self._link.database, why=refused, instead="polling")
        self._refused = refused
