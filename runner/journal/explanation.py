"""Why a machine stands where it stands: every row out of its states, which of its guards hold, and over which facts.

Which facts a guard looks at is seen, not declared: it is asked once over facts that note what is read of them.

Source: architecture "A machine".
"""

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import define, field, frozen

from hamgr_fsm.facts import Facts, snapshot_names
from hamgr_fsm.machine import Machine
from hamgr_fsm.stepper import GuardView, RowView
from hamgr_fsm.table import FactMachine


@frozen
class Part:
    """One guard of a row: whether it holds (None: that depends on the event), what it means, what it looked at.

    ``conclusions`` are what the guard asks of the facts directly and that follows from others, such as ``local_down``;
    ``facts`` are the facts themselves.
    """

    guard: str
    holds: bool | None
    means: str
    conclusions: Mapping[str, object]
    facts: Mapping[str, object]


@frozen
class Way:
    """A row out of a present state. ``target`` is None for a row that acts without moving."""

    region: str
    row: int
    target: str | None
    event: str | None
    why: str
    ref: str
    parts: tuple[Part, ...]

    @property
    def open(self) -> bool:
        """No guard holds it back; if it waits for an event, only that is missing."""
        return all(part.holds is not False for part in self.parts)


def states(machine: Machine[Any]) -> dict[str, str]:
    """The state of each region."""
    return {region.state_fact: str(getattr(machine.facts, region.state_fact).value) for region in machine.regions}


def facts(machine: Machine[Any]) -> dict[str, object]:
    """All facts of a machine, by name."""
    return {name: getattr(machine.facts, name) for name in snapshot_names(type(machine.facts))}


def ways(machine: Machine[Any]) -> list[Way]:
    """Every row out of the present states, in order of priority, region by region."""
    regions = {region.state_fact: region for region in machine.regions}
    return [_way(regions[name], machine, view) for name, views in machine.explain().items() for view in views]


def _way(region: type[FactMachine], machine: Machine[Any], view: RowView) -> Way:
    row = view.row
    return Way(
        region=region.state_fact,
        row=row.number,
        target=None if row.target is None else str(row.target.value),
        event=row.event,
        why=row.reason(machine.facts),
        ref=row.ref,
        parts=tuple(_part(guard, region, machine) for guard in view.guards),
    )


def _part(guard: GuardView, region: type[FactMachine], machine: Machine[Any]) -> Part:
    documented = getattr(machine.record, guard.name, None) or getattr(region, guard.name)
    means = (documented.__doc__ or "").strip().split("\n", 1)[0]
    seen = _Seen()
    if guard.holds is not None:
        copy = _watched(machine.facts, seen)
        if hasattr(machine.record, guard.name):
            getattr(copy, guard.name)
        else:
            getattr(region, guard.name)(model=copy)
    seen.conclusions.pop(guard.name, None)
    return Part(guard.name, guard.holds, means, seen.conclusions, seen.facts)


@define
class _Seen:
    """What was read of a record of facts, in order, with its values."""

    conclusions: dict[str, object] = field(factory=dict)
    facts: dict[str, object] = field(factory=dict)
    depth: int = 0


_GUARD = 1
"""How deep the guard itself is; what it asks for is one deeper."""


def _watched(original: Facts, seen: _Seen) -> Facts:
    """A copy of the facts that notes what is read of it."""
    kind = type(original)
    facts_of_kind = frozenset(attribute.name for attribute in attrs.fields(kind))
    derived = frozenset(name for name in dir(kind) if isinstance(getattr(kind, name), property))

    class Watched(kind):  # type: ignore[valid-type,misc]
        __slots__ = ()

        def __getattribute__(self, name: str) -> Any:
            if name in facts_of_kind:
                seen.facts[name] = getattr(original, name)
                return seen.facts[name]
            if name not in derived:
                return super().__getattribute__(name)
            seen.depth += 1
            try:
                value = super().__getattribute__(name)
            finally:
                seen.depth -= 1
            if seen.depth <= _GUARD:
                seen.conclusions[name] = value
            return value

    copy: Facts = Watched.__new__(Watched)
    return copy
