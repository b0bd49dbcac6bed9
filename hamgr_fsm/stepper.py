"""Runs a declared machine without python-statemachine's engine: same rows, same order, bounded, microseconds per step.

The stepper reads the class once and keeps, for every state and event, the guards and actions to try. It knows nothing
of HA. What it must mean is defined by the engine: a property test drives both with the same inputs and compares the
facts.

Source: statemachine-notes 1 and 4, architecture "A machine".
"""

import inspect
from collections.abc import Callable, Sequence
from enum import Enum
from operator import attrgetter
from typing import Any

from attrs import frozen
from statemachine.state import State

from hamgr_fsm.facts import Facts
from hamgr_fsm.table import FactMachine, Row, RowTransition

Test = Callable[[Facts, Any], bool]
Act = Callable[[Facts, Any], None]


class SettlingError(RuntimeError):
    """Automatic rows keep enabling each other: a bug of the table, whatever the input was."""

    def __init__(self, machine: str, rows: Sequence[Row]) -> None:
        super().__init__(f"{machine} does not settle: rows {[row.number for row in rows]}")


@frozen
class Move:
    """A row that was taken. ``source`` and ``target`` are equal for a row that stays."""

    machine: str
    source: Enum
    target: Enum
    row: Row
    why: str


@frozen
class GuardView:
    """One guard of a row and whether it holds; None for a guard that asks about an event."""

    name: str
    holds: bool | None


@frozen
class RowView:
    """A row out of the present state and what its guards say."""

    row: Row
    guards: tuple[GuardView, ...]

    @property
    def holds(self) -> bool:
        """No guard over the facts holds the row back."""
        return all(guard.holds is not False for guard in self.guards)


@frozen
class _Candidate:
    facts: tuple[Callable[[Facts], Any], ...]
    """The guards that are facts. They are asked first, because asking them is a mere look."""

    guards: tuple[Test, ...]
    """The guards that are functions of the machine."""

    actions: tuple[Act, ...]
    target: Enum
    row: Row


class Stepper:
    """The rows of one flat machine, compiled against the record of its facts."""

    def __init__(self, machine: type[FactMachine], facts: type[Facts]) -> None:
        """Compile ``machine``.

        Raises:
            TypeError: a guard or an action is named that does not exist exactly once.
        """
        self.machine = machine
        self.name = self._state = machine.state_fact
        self._facts = facts
        states: list[State] = list(machine.states)
        # A settling that ends visits each state at most once and acts in it at most once.
        self._limit = 2 * len(states) + len(machine.t.rows)
        self._candidates: dict[tuple[Enum, str | None], tuple[_Candidate, ...]] = {}
        self._events: frozenset[str] = frozenset(row.event for row in machine.t.rows if row.event)
        for state in states:
            for transition in state.transitions:
                assert isinstance(transition, RowTransition)
                key = (state.value, transition.row.event)
                self._candidates[key] = (*self._candidates.get(key, ()), self._compile(state, transition))

    def accepts(self, event: str) -> bool:
        """Some row of this machine, in whatever state, is on this event."""
        return event in self._events

    def settle(self, facts: Facts) -> list[Move]:
        """Take automatic rows until none holds any more; return what was taken.

        Raises:
            SettlingError: the rows do not come to rest.
        """
        moves: list[Move] = []
        while (move := self._take(facts, None, None)) is not None:
            moves.append(move)
            if len(moves) > self._limit:
                raise SettlingError(self.name, [m.row for m in moves[-6:]])
        return moves

    def take(self, facts: Facts, event: str, ev: object) -> Move | None:
        """Take the first row on ``event`` whose guards hold, if there is one."""
        return self._take(facts, event, ev)

    def explain(self, facts: Facts) -> tuple[RowView, ...]:
        """Every row out of the present state with the truth of each of its guards."""
        state = getattr(facts, self._state)
        return tuple(
            RowView(row, tuple(GuardView(name, self._ask(facts, name)) for name in row.guards))
            for row in self.machine.t.rows
            if state in row.sources
        )

    def _ask(self, facts: Facts, name: str) -> bool | None:
        if hasattr(self._facts, name):
            return bool(getattr(facts, name))
        function = getattr(self.machine, name)
        asks_about_an_event = "ev" in inspect.signature(function).parameters
        return None if asks_about_an_event else bool(function(model=facts))

    def _take(self, facts: Facts, event: str | None, ev: object) -> Move | None:
        source: Enum = getattr(facts, self._state)
        for candidate in self._candidates.get((source, event), ()):
            for fact in candidate.facts:
                if not fact(facts):
                    break
            else:
                for test in candidate.guards:
                    if not test(facts, ev):
                        break
                else:
                    why = candidate.row.reason(facts)
                    for act in candidate.actions:
                        act(facts, ev)
                    return Move(self.name, source, candidate.target, candidate.row, why)
        return None

    def _compile(self, source: State, transition: RowTransition) -> _Candidate:
        row = transition.row
        target = transition.target
        assert target is not None
        actions = [self._action(name) for name in row.actions]
        if row.target is not None:
            actions = [
                *(self._action(spec.func) for spec in source.exit if not spec.is_convention),
                *actions,
                self._enter(target.value),
                *(self._action(spec.func) for spec in target.enter if not spec.is_convention),
            ]
        facts = tuple(attrgetter(name) for name in row.guards if self._owner(name) is self._facts)
        calls = tuple(self._call(name) for name in row.guards if self._owner(name) is not self._facts)
        return _Candidate(facts, calls, tuple(actions), target.value, row)

    def _enter(self, state: Enum) -> Act:
        fact = self._state

        def enter(facts: Facts, _: object) -> None:
            setattr(facts, fact, state)

        return enter

    def _action(self, name: str) -> Act:
        if self._owner(name) is self._facts:
            raise TypeError(f"{self.name}: action {name} is a fact")
        return self._call(name)

    def _owner(self, name: str) -> type:
        declared = [base for base in self.machine.__mro__ if issubclass(base, FactMachine) and base is not FactMachine]
        on_facts, on_machine = hasattr(self._facts, name), any(name in vars(base) for base in declared)
        # python-statemachine reads a name found on both as "both must hold": never meant, so refused.
        if on_facts == on_machine:
            raise TypeError(f"{self.name}: {name} must exist exactly once, on the facts or on the machine")
        return self._facts if on_facts else self.machine

    def _call(self, name: str) -> Callable[[Facts, Any], Any]:
        function = getattr(self.machine, name)
        takes = inspect.signature(function).parameters.keys()
        if takes == {"model", "ev"}:
            return lambda facts, ev: function(model=facts, ev=ev)
        if takes == {"model"}:
            return lambda facts, _: function(model=facts)
        if takes == {"ev"}:
            return lambda _, ev: function(ev=ev)
        raise TypeError(f"{self.name}.{name} takes {sorted(takes)}; it may take model and ev")
