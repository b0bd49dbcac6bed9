"""What the entities of a node have in common: a path, a refresh, and what they may touch while it runs.

An entity reads topics, updates its machine, posts what others may know, and says which rows it wants. A refresh may be
repeated at any time: it is a function of what the board says. Nothing is queued from one step to the next.

Source: domain "Actors", architecture "The node".
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol
from zlib import crc32

from attrs import define, field

from hamgr_fsm.stepper import Move
from hamgr_fsm.timers import Timers
from hamgr_fsm.vocabulary import HaOwner
from models.codec import encode
from models.peer_messages import PeerData
from models.table import Table
from runner import topics
from runner.board import Board, Topic
from runner.ledger import LAST_UPDATED, Ledger
from runner.outputs import Output, TransitionTaken


@define
class Context:
    """What an entity may touch during a refresh."""

    slot_id: int
    owners: frozenset[HaOwner]
    """Whose scopes this process drives; it shows the others and says why it does not."""

    timers: Timers
    new_id: Callable[[], str]
    board: Board
    ledger: Ledger
    now_ms: int = 0
    outputs: list[Output] = field(factory=list)

    def say(self, outputs: Iterable[Output]) -> None:
        """Add outputs that are no rows."""
        self.outputs += outputs

    def log_moves(self, subject: str, moves: Iterable[Move]) -> None:
        """Have every row that was taken logged in one line."""
        self.outputs += (
            TransitionTaken(
                scope=f"{subject} {move.machine}",
                source=str(move.source.value),
                target=str(move.target.value),
                why=move.why,
                event=move.row.event,
                ref=move.row.ref,
                row=move.row.number,
            )
            for move in moves
        )


class Entity(Protocol):
    """One thing that hamgrd looks after, from the row that creates it to the row that deletes it."""

    path: str

    def refresh(self, context: Context) -> bool:
        """Read the board and act; false when the entity has ceased to exist."""
        ...

    def fire(self, timer: str, context: Context) -> None:
        """A timer of this entity is due."""
        ...

    def receive(self, sender: str, data: PeerData, context: Context) -> None:
        """Another daemon has said something to this entity; ``sender`` is the bare id of who said it."""
        ...


class Reader:
    """The board as one entity reads it during a refresh: every read registers the entity."""

    def __init__(self, path: str, board: Board) -> None:
        self._path = path
        self._board = board

    def row(self, table: Table[Any], key: str) -> Any:
        """The accepted content of a row, or None."""
        return self._board.read(self._path, topics.row(table, key))

    def topic(self, topic: Topic, default: Any = None) -> Any:
        """What a topic says."""
        return self._board.read(self._path, topic, default)

    def rejection(self, *rows: tuple[Table[Any], str]) -> str | None:
        """Why the newest content of one of the rows was rejected, or None."""
        reasons = [self._board.read(self._path, topics.rejected(table, key)) for table, key in rows]
        return next((reason for reason in reasons if reason is not None), None)


def publish(context: Context, owner: str, table: Table[Any], key: str, record: Any) -> None:
    """Want a state row; the time of its last update changes only together with something else in it."""
    fields = encode(record)
    old = context.ledger.fields_before(table, key)
    if hasattr(record, LAST_UPDATED):
        stamp = str(context.now_ms)
        if old is not None and {**old, LAST_UPDATED: ""} == {**fields, LAST_UPDATED: ""}:
            stamp = old.get(LAST_UPDATED, stamp)
        fields[LAST_UPDATED] = stamp
    context.ledger.write(owner, table, key, fields)


def turn_of(path: str, turns: int) -> int:
    """Which of so many turns an entity has for what all do now and then, from 0: so that not all do it at once."""
    return crc32(path.encode()) % turns


class Since:
    """Since when each of several values has been what it is, for writers that do not always say so."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[object, int]] = {}

    def recall(self, name: str, value: object, since_ms: int | None) -> None:
        """Start from what was published in an earlier life."""
        if since_ms is not None:
            self._known[name] = (value, since_ms)

    def when(self, name: str, value: object, told_ms: int | None, now_ms: int) -> int:
        """The time that was told with the value, else the time at which it was first seen."""
        if name not in self._known or self._known[name][0] != value:
            self._known[name] = (value, now_ms)
        return self._known[name][1] if told_ms is None else told_ms
