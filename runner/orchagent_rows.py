"""What the DPU's orchagent has been told and what it still has to hear.

A row counts as handed over once it was given to a connection that stood. When the orchagent is reached again it hears
every row anew, because it may have restarted and reads nothing back by itself (D-09). One-shot fields ask for
something to be done once: repeated they are sent as ``false``, but one that was never handed over survives in the row
that replaces its own.

Source: tables 2.15, 4.4; field-lessons I-05, I-16.
"""

from collections.abc import Iterator, Mapping

from attrs import define, field

from runner.orchagent_message import RowMessage
from runner.written_rows import RowName

TABLE_ORDER = ("DASH_HA_SET_TABLE", "BFD_SESSION_TABLE", "DASH_HA_SCOPE_TABLE")
"""A scope needs its set (I-05): rows are told in this order and deletions in the reverse. Other tables come last."""

ENDS_BY_ITSELF = frozenset({"DASH_FLOW_SYNC_SESSION_TABLE"})
"""Their rows ask for something that ends by itself: they are told once, and nobody hears of their deletion (2.15)."""

DONE, ASKED = "false", "true"


@define
class _Row:
    fields: dict[str, str]
    handed_over: bool = False


@define
class OrchagentRows:
    """The current rows, and the deletions that nobody has heard yet.

    ``one_shot_fields`` are the names of the one-shot fields by table.
    """

    _one_shot_fields: Mapping[str, frozenset[str]]
    _rows: dict[RowName, _Row] = field(factory=dict)
    _tombstones: set[RowName] = field(factory=set)
    _due: set[RowName] = field(factory=set)

    def prime(self, rows: Mapping[RowName, Mapping[str, str]]) -> None:
        """Take over what an earlier life of this daemon had handed over."""
        for name, fields in rows.items():
            self._rows.setdefault(name, _Row(dict(fields), handed_over=True))

    def write(self, table: str, key: str, fields: Mapping[str, str]) -> None:
        """The row is to be this one. Without fields it is deleted, for so the orchagent would take it."""
        if not fields:
            self.delete(table, key)
            return
        before = self._rows.pop((table, key), None)
        row = _Row(dict(fields))
        if before is not None and not before.handed_over:
            row.fields |= {name: ASKED for name in self._asked_once(table) if before.fields.get(name) == ASKED}
        self._rows[table, key] = row
        self._due.add((table, key))

    def delete(self, table: str, key: str) -> None:
        """The row is to be gone."""
        self._rows.pop((table, key), None)
        self._due.discard((table, key))
        if table not in ENDS_BY_ITSELF:
            self._tombstones.add((table, key))

    def renew(self) -> None:
        """The orchagent was reached anew: everything is due but what it was asked once and for all."""
        self._due |= {name for name, row in self._rows.items() if name[0] not in ENDS_BY_ITSELF or not row.handed_over}
        for (table, _), row in self._rows.items():
            if row.handed_over:
                row.fields |= dict.fromkeys(self._asked_once(table) & row.fields.keys(), DONE)

    def due(self) -> Iterator[RowMessage]:
        """What is to be sent, in order. A row deleted and written anew is told as both."""
        for table, key in sorted(self._tombstones, key=_order, reverse=True):
            yield RowMessage(table, key)
        for table, key in sorted(self._due, key=_order):
            yield RowMessage(table, key, dict(self._rows[table, key].fields))

    def handed_over(self, message: RowMessage) -> None:
        """The message was given to a connection that stands."""
        name = (message.table, message.key)
        if not message.fields:
            self._tombstones.discard(name)
        else:
            self._rows[name].handed_over = True
            self._due.discard(name)

    def _asked_once(self, table: str) -> frozenset[str]:
        return self._one_shot_fields.get(table, frozenset())


def _order(name: RowName) -> tuple[int, RowName]:
    table = name[0]
    return (TABLE_ORDER.index(table) if table in TABLE_ORDER else len(TABLE_ORDER)), name
