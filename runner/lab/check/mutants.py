"""Every small mistake that the tables could have: rows left out, guards negated, rows and actions out of order.

A mutant that no campaign of the quick preset finds survives: either it is no mistake, or something is not looked at.

Source: architecture "A machine"; switch-driven 3.
"""

import inspect
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import attrs
from attrs import frozen

from hamgr_fsm.scope.switch_driven import Relay, Scope, SwitchDrivenScope
from hamgr_fsm.scope.switch_driven_facts import S
from hamgr_fsm.table import FactMachine, Row
from runner.lab.check.rules import NOT, Edit, Rules, derived

REGIONS: dict[str, type[FactMachine]] = {"state": Scope, "relay": Relay}


@frozen
class Mutant:
    """A table with one small mistake, by a name that says which."""

    name: str
    make: Callable[[str], Rules]

    @property
    def rules(self) -> Rules:
        """The rules with the mistake in them."""
        return self.make(self.name)


def mutants() -> Iterator[Mutant]:
    """All of them, in the order of the tables."""
    for region, machine in REGIONS.items():
        rows = machine.t.rows
        for row in rows:
            yield _mutant(f"{region} {row.number} dropped: {row.why}", region, _without(row))
            for guard in row.guards:
                yield _negated(region, machine, row, guard)
            for action in row.actions:
                left = tuple(a for a in row.actions if a != action)
                if left or row.target is not None:
                    what = f"{region} {row.number} does not {action}"
                    yield _mutant(what, region, _changed(row, actions=left))
            if len(row.actions) > 1:
                what = f"{region} {row.number} acts in reverse"
                yield _mutant(what, region, _changed(row, actions=tuple(reversed(row.actions))))
        for row, following in pairwise(rows):
            if row.event == following.event and set(row.sources) & set(following.sources):
                yield _mutant(f"{region} {row.number} after {following.number}", region, _swapped(row))
    for state, actions in _entries().items():
        for action in actions:
            left = tuple(a for a in actions if a != action)
            yield Mutant(
                f"entering {state.value} does not {action}",
                lambda name, state=state, left=left: derived(name, entry={state: left}),  # type: ignore[misc]
            )


def named(name: str) -> Rules:
    """The rules of the mutant of a name.

    Raises:
        KeyError: there is none.
    """
    found = next((mutant for mutant in mutants() if mutant.name == name), None)
    if found is None:
        raise KeyError(name)
    return found.rules


def _mutant(name: str, region: str, edit: Edit, **functions: Callable[..., object]) -> Mutant:
    if region == "state":
        return Mutant(name, lambda name: derived(name, rows=edit, functions=functions))
    return Mutant(name, lambda name: derived(name, relay_rows=edit, relay_functions=functions))


def _negated(region: str, machine: type[FactMachine], row: Row, guard: str) -> Mutant:
    guards = tuple(NOT + guard if g == guard else g for g in row.guards)
    name = f"{region} {row.number} when not {guard}"
    return _mutant(name, region, _changed(row, guards=guards), **{NOT + guard: _not(machine, guard)})


def _not(machine: type[FactMachine], guard: str) -> Callable[..., object]:
    if hasattr(SwitchDrivenScope.record, guard):
        return lambda model: not getattr(model, guard)
    true: Callable[..., Any] = getattr(machine, guard)
    if "ev" in inspect.signature(true).parameters:
        return lambda model, ev: not true(model=model, ev=ev)
    return lambda model: not true(model=model)


def _without(row: Row) -> Edit:
    return lambda rows: [r for r in rows if r is not row]


def _changed(row: Row, **members: Any) -> Edit:
    return lambda rows: [attrs.evolve(r, **members) if r is row else r for r in rows]


def _swapped(row: Row) -> Edit:
    def edit(rows: list[Row]) -> list[Row]:
        at = rows.index(row)
        return [*rows[:at], rows[at + 1], row, *rows[at + 2 :]]

    return edit


def _entries() -> dict[S, tuple[str, ...]]:
    return {
        state.value: tuple(str(spec.func) for spec in state.enter if not spec.is_convention) for state in Scope.states
    }
