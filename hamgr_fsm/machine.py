"""What every machine of this library is: regions over one record of facts, settled in a fixed order.

``update`` changes told facts, ``send`` hands over an event; both settle and return the effects in order. A step is
all or nothing: when a guard or an action raises, facts and effects are as before. ``snapshot`` and ``restore`` move a
machine without running any action, ``resume`` repeats the idempotent effects of where it stands.

Source: architecture "A machine", switch-driven 1 and 9.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, Generic, Self, TypeVar

from attrs import frozen

from hamgr_fsm.effects import Effect
from hamgr_fsm.facts import Facts, no_id, snapshot_names, told_names
from hamgr_fsm.stepper import Move, RowView, SettlingError, Stepper
from hamgr_fsm.table import FactMachine

FactsT = TypeVar("FactsT", bound=Facts)


@frozen
class Snapshot:
    """Everything a machine knows, as a hashable value: the facts in the order of their declaration."""

    machine: str
    facts: tuple[tuple[str, Any], ...]


class Machine(Generic[FactsT]):
    """A machine: one or more flat regions over the same facts, and the effects they ask for."""

    regions: ClassVar[tuple[type[FactMachine], ...]]
    """The regions in the order in which they settle."""

    record: ClassVar[type[Facts]]
    """The record of the facts; it has a default for each of them."""

    facts: FactsT
    moves: tuple[Move, ...]
    """What the last step moved, in order; rows that stay are in it."""

    ignored: Counter[str]
    """Events that changed nothing because no row took them, by name."""

    def __init__(self, *, new_id: Callable[[], str] = no_id, **facts: object) -> None:
        """Build a machine in its initial states; ``facts`` presets any fact, told or kept, and no action runs.

        Raises:
            TypeError: there is no fact of that name.
        """
        self.facts = self._new_facts({"new_id": new_id, **facts})
        self.moves = ()
        self.ignored = Counter()
        self._class = _compiled(type(self))
        self._rested: tuple[Any, ...] | None = None
        """The facts with which the last step came to rest."""

    def update(self, **facts: object) -> tuple[Effect, ...]:
        """Change told facts and settle; return the effects in order.

        Raises:
            TypeError: there is no such fact, or it is the machine's own.
            SettlingError: the rows do not come to rest; nothing has changed.
        """
        if not self._class.told.issuperset(facts):
            raise TypeError(f"{type(self).__name__} is not told {sorted(set(facts) - self._class.told)}")
        return self._step(facts, None)

    def send(self, event: object, **facts: object) -> tuple[Effect, ...]:
        """Change told facts, settle, hand over ``event``, settle again; return the effects in order.

        The event is named by its class. An event that no row takes now is counted in ``ignored`` and changes nothing.

        Raises:
            TypeError: there is no such fact, or it is the machine's own.
            SettlingError: the rows do not come to rest; nothing has changed.
        """
        if not self._class.told.issuperset(facts):
            raise TypeError(f"{type(self).__name__} is not told {sorted(set(facts) - self._class.told)}")
        return self._step({**self.implied(event), **facts}, event)

    def implied(self, event: object) -> Mapping[str, object]:
        """The facts that an event proves by being there; they are true before any row sees it."""
        return {}

    def resume(self) -> tuple[Effect, ...]:
        """Settle and repeat the idempotent effects of the present states, after a restore.

        What it repeats may be repeated at any time: no new id, no new term, no request that counts.
        """
        return (*self.update(), *self._repeat())

    @property
    def known(self) -> tuple[Any, ...] | None:
        """All facts as of the last step, to see whether one has changed since; None before the first step."""
        return self._rested

    def snapshot(self) -> Snapshot:
        """The facts as a plain hashable value; time, ids and outbox are not part of it."""
        names = snapshot_names(type(self.facts))
        return Snapshot(type(self).__name__, tuple((name, getattr(self.facts, name)) for name in names))

    @classmethod
    def restore(cls, snapshot: Snapshot, *, new_id: Callable[[], str] = no_id) -> Self:
        """The machine that the snapshot was taken of; no action runs.

        Raises:
            ValueError: the snapshot is one of another machine or of other facts.
        """
        names = snapshot_names(cls.record)
        if snapshot.machine != cls.__name__ or tuple(name for name, _ in snapshot.facts) != names:
            raise ValueError(f"snapshot of {snapshot.machine} does not fit {cls.__name__}")
        return cls(new_id=new_id, **dict(snapshot.facts))

    def explain(self) -> dict[str, tuple[RowView, ...]]:
        """For each region, every row out of its present state and which of its guards hold."""
        return {stepper.name: stepper.explain(self.facts) for stepper in self._class.steppers}

    def _repeat(self) -> tuple[Effect, ...]:
        """The idempotent effects of the present states; a machine that writes something overrides it."""
        return ()

    def _new_facts(self, facts: Mapping[str, object]) -> FactsT:
        new: FactsT = self.record(**facts)  # type: ignore[assignment,arg-type]
        return new

    def _step(self, facts: Mapping[str, object], event: object | None) -> tuple[Effect, ...]:
        present, all_facts = self.facts, self._class.all_facts
        before = all_facts(present)
        present.outbox = []
        try:
            for name, value in facts.items():
                setattr(present, name, value)
            told = all_facts(present)
            # Guards are functions of the facts alone: at rest with the same facts as before, none of them holds.
            moves = [] if told == self._rested else self._settle()
            if event is not None:
                moves += self._hand_over(event)
            self._rested = all_facts(present) if moves else told
        except BaseException:
            for name, value in zip(snapshot_names(type(present)), before, strict=True):
                setattr(present, name, value)
            present.outbox = []
            raise
        self.moves = tuple(moves)
        return tuple(present.outbox)

    def _settle(self, quiet: int | None = None) -> list[Move]:
        """Settle the regions in turn until none of them has anything to do since another one moved.

        ``quiet`` is the place of a region that is known to be settled.
        """
        steppers = self._class.steppers
        settled = set() if quiet is None else {quiet}
        moves: list[Move] = []
        for _ in range(_ROUNDS):
            for place, stepper in enumerate(steppers):
                if place not in settled:
                    taken = stepper.settle(self.facts)
                    if taken:
                        moves += taken
                        settled.clear()
                    settled.add(place)
                if len(settled) == len(steppers):
                    return moves
        raise SettlingError(type(self).__name__, [move.row for move in moves[-6:]])

    def _hand_over(self, event: object) -> list[Move]:
        name = event_name(type(event))
        all_facts = self._class.all_facts
        before = all_facts(self.facts)
        moves: list[Move] = []
        quiet = None
        for place, stepper in enumerate(self._class.steppers):
            move = stepper.take(self.facts, name, event)
            if move is not None:
                moves.append(move)
                if all_facts(self.facts) != before:
                    moves += stepper.settle(self.facts)
                    quiet = place
        if not moves:
            self.ignored[name] += 1
        # A row that changed no fact leaves everything as settled as it was.
        return moves if quiet is None else moves + self._settle(quiet)


# Regions settle one after the other and depend on each other in at most a short chain.
_ROUNDS = 8


def event_name(event: type) -> str:
    """The name that rows use for an event: its class in snake case."""
    return _snake_case(event.__name__)


@cache
def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


@frozen
class _Compiled:
    """What a class of machines shares: its declaration is read once."""

    steppers: tuple[Stepper, ...]
    told: frozenset[str]
    all_facts: Callable[[Facts], tuple[Any, ...]]


_COMPILED: dict[type, _Compiled] = {}


def _compiled(machine: type[Machine[Any]]) -> _Compiled:
    if machine not in _COMPILED:
        steppers = tuple(Stepper(region, machine.record) for region in machine.regions)
        _COMPILED[machine] = _Compiled(steppers, told_names(machine.record), _all_of(snapshot_names(machine.record)))
    return _COMPILED[machine]


def _all_of(names: tuple[str, ...]) -> Callable[[Facts], tuple[Any, ...]]:
    values = attrgetter(*names)
    # Of a single name attrgetter yields the value itself.
    return values if len(names) > 1 else lambda facts: (values(facts),)
