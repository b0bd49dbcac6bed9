"""What comes in from the databases: it is decoded and posted on the board, or rejected as a whole.

A rejected row changes nothing: the last good one stays in force, the reason is shown, logged and counted. The keys of
some tables are not what their rows are about; that is settled here and nowhere else.

Source: architecture "The I/O shell", tables 2.6, 2.11, 2.12, 2.24, field-lessons FL-05, FL-25, FL-40, I-17.
"""

from collections import Counter, defaultdict
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Any

from attrs import frozen

from hamgr_fsm.vocabulary import HaState
from models import tables
from models.codec import BadRow, decode
from models.config_db import loopback_address
from models.controller import split_scope_key
from models.database import Database
from models.dpu_state import HaScopeStateRow, dpu_state_slot
from models.table import Table
from runner import topics
from runner.board import Board
from runner.inputs import RowDeleted, RowSet, RowUnreadable
from runner.outputs import InputRejected


@frozen
class Heard:
    """A row that the managed DPU wrote, and the incarnation of the DPU in which it was heard."""

    row: Any
    incarnation: int


_FROM_THE_DPU = (
    tables.DASH_HA_SET_STATE_TABLE,
    tables.DASH_HA_SCOPE_STATE_TABLE,
    tables.DASH_FLOW_SYNC_SESSION_STATE_TABLE,
)

_NEVER_REPORTED = (HaState.SWITCHING_TO_ACTIVE, HaState.SWITCHING_TO_STANDBY)

# One row that may stand under any key: the newest counts.
_SINGLE = {tables.DASH_HA_GLOBAL_CONFIG: topics.GLOBAL_CONFIG, tables.DASH_BFD_PROBE_STATE: topics.BFD_PROBES}
SINGLE_KEY = "global"
"""The key under which such a row is rejected, whatever key it stands under."""


class Intake:
    """Decodes inputs onto a board."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._single: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self._loopback: set[Any] = set()
        self.rejected: Counter[str] = Counter()
        """How many rows were rejected, by table."""

    def accept(self, change: RowSet | RowDeleted | RowUnreadable) -> InputRejected | None:
        """Post what a row says, or that it is gone; return why it was rejected, if it was."""
        table = tables.table_named(change.database, change.table)
        try:
            match change:
                case RowDeleted():
                    # What a key says matters only while there is a row: nothing is wrong with its end (FL-05).
                    with suppress(BadRow):
                        self._post(table, change.key, None)
                case RowSet():
                    self._check_key(table, change.key)
                    self._post(table, change.key, self._decoded(table, change))
                case RowUnreadable():
                    return self._reject(table, change.database, BadRow(table.name, change.key, "(row)", "", change.why))
        except BadRow as error:
            return self._reject(table, change.database, error)
        self._board.post(topics.rejected(table, _shown_key(table, change.key)), None)
        return None

    def _decoded(self, table: Table[Any], change: RowSet) -> Any:
        known = self._board.peek(topics.row(table, change.key)) is not None
        record = decode(table, change.key, change.fields, known=known)
        if isinstance(record, HaScopeStateRow) and record.ha_state in _NEVER_REPORTED:
            raise BadRow(table.name, change.key, "ha_state", record.ha_state.value, "not a state that a DPU reports")
        return record

    @staticmethod
    def _check_key(table: Table[Any], key: str) -> None:
        if table is tables.DASH_HA_SCOPE_CONFIG_TABLE:
            split_scope_key(key)
        elif table is tables.DPU_STATE:
            dpu_state_slot(key)
        elif table is tables.LOOPBACK_INTERFACE:
            loopback_address(key)

    def _post(self, table: Table[Any], key: str, record: Any) -> None:
        if table is tables.LOOPBACK_INTERFACE:
            self._post_loopback(key, present=record is not None)
        elif table is tables.DPU_STATE:
            self._board.post(topics.planes(dpu_state_slot(key)), record)
        elif table in _SINGLE:
            self._post_single(table, key, record)
        elif table in _FROM_THE_DPU and record is not None:
            self._board.post(topics.row(table, key), Heard(record, self._board.peek(topics.INCARNATION, 0)))
        elif table is not tables.DASH_HA_SET_STATE_TABLE or record is not None:
            # A deleted channel report says nothing about the channel (ha-set 2).
            self._board.post(topics.row(table, key), record)

    def _post_single(self, table: Table[Any], key: str, record: Any) -> None:
        rows = self._single[table.name]
        rows.pop(key, None)
        if record is not None:
            rows[key] = record
        self._board.post(_SINGLE[table], next(reversed(rows.values()), None))

    def _post_loopback(self, key: str, *, present: bool) -> None:
        address = loopback_address(key)
        if address is None:
            return
        (self._loopback.add if present else self._loopback.discard)(address)
        in_order = sorted(self._loopback, key=lambda a: (not isinstance(a, IPv4Address), int(a)))
        self._board.post(topics.LOOPBACK, tuple(in_order) or None)

    def _reject(self, table: Table[Any], database: Database, error: BadRow) -> InputRejected:
        self.rejected[table.name] += 1
        self._board.post(topics.rejected(table, _shown_key(table, error.key)), f"{error.field}: {error.why}")
        source = f"{database.value} {error.table} {error.key}"
        return InputRejected(source, error.field, error.value, error.why, table.name)


def _shown_key(table: Table[Any], key: str) -> str:
    """The key under which the entity that a row is about looks for its rejection."""
    if table in _SINGLE:
        return SINGLE_KEY
    return key.upper() if table is tables.DPU_STATE else key
