"""One switch in memory: its databases, the daemon of its DPU slot, the simulated DPU, and the timers that run.

It carries out what the daemon wants done, and says what of it leaves the switch. It must not know the time: the world
hands it in, and decides when rows and messages arrive. A daemon that is killed before a given output has done all the
outputs before it and none after; the next life has nothing but the databases.

Source: architecture "The node", switch-driven 9, scenarios W15.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from attrs import define, field, frozen

from models import tables
from models.database import Database
from models.table import Table
from runner.inputs import Input, RowDeleted, RowSet, SnapshotComplete
from runner.lab.dpu import SimulatedDpu
from runner.lab.dpu_writes import DpuWrite, EmptyDatabase, MergeRow
from runner.lab.sides import SET_ID, Side
from runner.lab.store import Store
from runner.outputs import CancelTimer, DeleteRow, Fault, Output, ReadAgain, SendMessage, SetTimer, WriteRow

OWN_DATABASES = (Database.STATE_DB, Database.DPU_APPL_DB, Database.APPL_DB)


class Steps(Protocol):
    """What decides: an input and the time of day in milliseconds in, outputs out."""

    def step(self, happened: Input, now_ms: int) -> Sequence[Output]:
        """Handle one input to its end."""
        ...


@frozen
class Timer:
    """A timer that runs; ``number`` tells it from earlier ones of its name."""

    due_ms: int
    number: int


Leaving = WriteRow | DeleteRow | SendMessage
"""What leaves the daemon for somebody else: rows and messages. The crash points of a life are counted in these."""


@define(eq=False)
class Switch:
    """One side of a pair."""

    side: Side
    _daemon_of: Callable[[Side, int], Steps]
    """Makes the daemon of a life, by the number of the life."""

    store: Store = field(factory=Store)
    dpu: SimulatedDpu = field(factory=SimulatedDpu)
    daemon: Steps | None = None
    """None while nobody runs."""

    life: int = 0
    timers: dict[str, Timer] = field(factory=dict)
    scheduled: set[int] = field(factory=set)
    """The timers, by number, whose end is an event of the world already."""

    left: list[tuple[int, Leaving]] = field(factory=list)
    """Everything that has left a daemon, with its time; over all lives."""

    said: list[tuple[int, Output]] = field(factory=list)
    """Everything else that the daemon has said."""

    journal: list[tuple[int, Input]] = field(factory=list)
    crash_before: int | None = None
    """The daemon dies before it has brought out so many things more."""

    faults: list[Fault] = field(factory=list)
    _timers_set: int = 0
    _known: set[tuple[Database, str, str]] = field(factory=set)
    """The rows that the daemon of this life was told."""

    def start(self, now_ms: int) -> list[Leaving]:
        """Start a daemon on what the databases hold."""
        self.life += 1
        self.daemon = self._daemon_of(self.side, self.life)
        self.timers.clear()
        self._known.clear()
        inputs: list[Input] = [self.store.found(database) for database in OWN_DATABASES]
        leaving: list[Leaving] = []
        for happened in [*inputs, *self.store.contents(), SnapshotComplete()]:
            leaving += self.step(happened, now_ms)
        return leaving

    def kill(self) -> None:
        """End the daemon; what it has not brought out by now, it never does."""
        self.daemon = None
        self.crash_before = None
        self.timers.clear()

    def step(self, happened: Input, now_ms: int) -> list[Leaving]:
        """Hand the daemon an input and carry out what follows; what leaves the switch is for the world to carry."""
        if self.daemon is None:
            return []
        self.journal.append((now_ms, happened))
        if isinstance(happened, RowSet):
            self._known.add((happened.database, happened.table, happened.key))
        elif isinstance(happened, RowDeleted):
            self._known.discard((happened.database, happened.table, happened.key))
        leaving: list[Leaving] = []
        said = len(self.said)
        again: list[Database] = []
        for output in self.daemon.step(happened, now_ms):
            if isinstance(output, WriteRow | DeleteRow | SendMessage):
                if self.crash_before == 0:
                    self.kill()
                    if not any(_publishes(output) for output in leaving):
                        # What moved is not written anywhere: to everybody else, it has not happened.
                        del self.said[said:]
                    break
                if self.crash_before is not None:
                    self.crash_before -= 1
                self._bring_out(output, now_ms)
                leaving.append(output)
            elif isinstance(output, ReadAgain):
                again.append(output.database)
            else:
                self._carry_out(output, now_ms)
        for row in self.store.contents():
            if isinstance(row, RowSet) and row.database in again:
                leaving += self.step(row, now_ms)
        return leaving

    def take(self, write: DpuWrite) -> Input | None:
        """A write of the DPU or the platform; the input that it is to the daemon."""
        match write:
            case EmptyDatabase(database):
                self.store.empty(database)
                return None
            case MergeRow(database, table, key, fields):
                return self.store.merge(database, table, key, fields)
        return self.store.delete(write.database, write.table, write.key)

    def audit(self) -> list[Input]:
        """What the daemon finds when it looks for what nobody tells: rows of its own, and rows that are gone."""
        gone = self._known - {(row.database, row.table, row.key) for row in self.store.contents()}
        vanished = [RowDeleted(*row) for row in sorted(gone)]
        return [*(self.store.found(database) for database in OWN_DATABASES), *vanished]

    # What can be asked.

    def row(self, table: Table[Any], key: str) -> dict[str, str]:
        """A row as text; empty when there is none."""
        return self.store.row(table, key) or {}

    @property
    def state(self) -> dict[str, str]:
        """The published row of the scope; empty when there is none."""
        return self.row(tables.DASH_HA_SCOPE_STATE, self.side.state_key)

    @property
    def ctl(self) -> str:
        """The control state in lower case and without its prefix; empty when nothing is published."""
        return self.state.get("local_ha_state", "").removeprefix("HA_STATE_").lower()

    @property
    def acked(self) -> str:
        """The role that is published as acknowledged; empty while unknown."""
        return self.state.get("local_acked_asic_ha_state", "")

    @property
    def term(self) -> int:
        """The term that is published; 0 when there is none."""
        return int(self.state.get("local_target_term") or 0)

    @property
    def told(self) -> dict[str, str]:
        """The scope's row as the DPU was told it; empty when it was told none."""
        return self.row(tables.DASH_HA_SCOPE_TABLE, SET_ID)

    @property
    def pending(self) -> dict[str, str]:
        """The pending operations: types by id."""
        ids = self.state.get("pending_operation_ids", "")
        types = self.state.get("pending_operation_types", "")
        return dict(zip(ids.split(","), types.split(","), strict=True)) if ids else {}

    def rows_since(self, mark: int) -> list[tuple[str, str, str]]:
        """Rows that were written after a mark (``len(switch.left)``): W or D, table, key."""
        rows = [output for _, output in self.left[mark:] if isinstance(output, WriteRow | DeleteRow)]
        return [("W" if isinstance(row, WriteRow) else "D", row.table, row.key) for row in rows]

    def _bring_out(self, output: Leaving, now_ms: int) -> None:
        self.left.append((now_ms, output))
        if isinstance(output, WriteRow | DeleteRow):
            self.store.take(output)

    def _carry_out(self, output: Output, now_ms: int) -> None:
        match output:
            case SetTimer(timer, after_ms):
                self._timers_set += 1
                self.timers[timer] = Timer(now_ms + after_ms, self._timers_set)
            case CancelTimer(timer):
                self.timers.pop(timer, None)
            case Fault():
                self.faults.append(output)
            case _:
                self.said.append((now_ms, output))


def _publishes(output: Leaving) -> bool:
    return isinstance(output, WriteRow) and output.table == tables.DASH_HA_SCOPE_STATE.name
