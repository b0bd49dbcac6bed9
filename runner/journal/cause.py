"""What an input says, in words: of a row, which of its values changed.

Rows of the controller may be encoded; they are read with the same codec as the node reads them. What cannot be read is
shown as it is. Nothing here must fail, whatever an input holds.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from models import tables
from models.codec import BadRow, decode
from models.peer_messages import BadMessage, decode_message
from runner.inputs import (
    Burst,
    Input,
    LinkChanged,
    MessageArrived,
    RowDeleted,
    RowSet,
    RowsFound,
    RowUnreadable,
    TimerFired,
)

SHOWN = 300
"""Longer descriptions are cut."""


def shown(value: object) -> str:
    """A value as an operator reads it."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, frozenset | set):
        return "{" + ", ".join(sorted(map(shown, value))) + "}"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(shown, value))})"
    if attrs.has(type(value)):
        members = attrs.asdict(value, recurse=False)  # type: ignore[arg-type]
        return f"{type(value).__name__}({', '.join(_listed(members))})"
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return "-" if value is None else str(value)


class Causes:
    """Describes the inputs of one life, in their order."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], Mapping[str, object]] = {}

    def describe(self, happened: Input) -> str:
        """One line that says what happened."""
        line = " ".join(self._described(happened).split())
        return line if len(line) <= SHOWN else line[: SHOWN - 3] + "..."

    def _described(self, happened: Input) -> str:
        match happened:
            case RowSet():
                return f"{happened.table} {happened.key} set: {self._change(happened)}"
            case RowDeleted(database, table, key):
                self._rows.pop((database, table, key), None)
                return f"{table} {key} deleted"
            case RowUnreadable(_, table, key, why):
                return f"{table} {key} unreadable: {why}"
            case RowsFound(database, rows):
                return f"{len(rows)} own rows found in {database}"
            case TimerFired(timer):
                return f"timer {timer}"
            case LinkChanged(dpu_name, up):
                return f"link to the daemon of {dpu_name} {'up' if up else 'down'}"
            case Burst(inputs):
                return f"{len(inputs)} at once: {'; '.join(map(self._described, inputs))}"
            case MessageArrived():
                return f"message of {happened.source} for {happened.to}: {_message(happened.payload)}"
        return " ".join([type(happened).__name__, *_listed(attrs.asdict(happened, recurse=False))])

    def _change(self, row: RowSet) -> str:
        name = (row.database, row.table, row.key)
        before, now = self._rows.get(name), _content(row)
        self._rows[name] = now
        if before is None:
            return ", ".join(_listed({field: value for field, value in now.items() if value is not None})) or "empty"
        names = [*now, *(field for field in before if field not in now)]
        changes = [
            f"{field} {shown(before.get(field))} -> {shown(now.get(field))}"
            for field in names
            if before.get(field) != now.get(field)
        ]
        return ", ".join(changes) or "as before"


def _content(row: RowSet) -> Mapping[str, object]:
    """The values of a row: those of its record, else its fields as they are."""
    try:
        record = decode(tables.table_named(row.database, row.table), row.key, row.fields, known=True)
    except (BadRow, KeyError):
        return row.fields
    return attrs.asdict(record, recurse=False)


def _message(payload: str) -> str:
    try:
        said: Any = decode_message(payload).data
    except BadMessage:
        return payload
    return f"{type(said).__name__} {', '.join(_listed(attrs.asdict(said, recurse=False)))}"


def _listed(members: Mapping[str, object]) -> list[str]:
    return [f"{name} {shown(value)}" for name, value in members.items()]
