"""What is to be seen of a machine, before anybody decides how it is drawn: boxes, arrows, and what is left out.

A row leads from each of its sources to its target. Rows between the same two states and of the same kind are one arrow
with several lines of text. A row from very many states would cover the picture with arrows that all say the same: it is
a line of the box "from many states" instead. Rows that act without moving are in the tables only.

Source: statemachine-notes 3.7.
"""

from collections.abc import Callable, Sequence
from enum import Enum, StrEnum
from itertools import groupby
from typing import Any

from attrs import evolve, field, frozen

from hamgr_fsm.table import Kind, Row, Told
from runner.diagram.machines import MACHINES, MachineClass, Region, first_line

MANY = 4
"""A row from so many states or more is text, not arrows."""


class Only(StrEnum):
    """A part of a life to look at alone."""

    PLANNED = "planned"
    FAILURES = "failures"
    RECOVERY = "recovery"

    @property
    def kind(self) -> Kind:
        """The kind of rows it consists of."""
        return Kind.UNPLANNED if self is Only.FAILURES else Kind(self.value)


@frozen
class Arrow:
    """Rows of one kind between two states, in their order."""

    source: str
    target: str
    kind: Kind | None
    rows: tuple[Row, ...]


@frozen
class Sweep:
    """Rows from very many states, or to very many, in words: one line of text for what would be a bundle of arrows."""

    sources: str
    target: str
    kind: Kind | None
    rows: tuple[Row, ...]

    @property
    def numbers(self) -> str:
        """The number of the row, or the first and the last of several."""
        first, last = self.rows[0].number, self.rows[-1].number
        return str(first) if first == last else f"{first} to {last}"

    @property
    def text(self) -> str:
        """From where to where, and why, in words."""
        return f"{self.sources} -> {self.target}: {told(self.rows[0])}".replace("_", " ")


@frozen
class Group:
    """States that belong together; the name is empty for those that are in no declared group."""

    name: str
    states: tuple[str, ...]


@frozen
class RegionPicture:
    """What is to be seen of one region. ``unmoving`` counts the rows that act without moving."""

    name: str
    title: str
    initial: str
    groups: tuple[Group, ...]
    arrows: tuple[Arrow, ...]
    sweeps: tuple[Sweep, ...]
    unmoving: int = 0
    told: tuple[tuple[str, str], ...] = ()
    """The facts that yield the reasons of rows shown, and what they mean."""

    highlighted: str | None = None

    @property
    def states(self) -> tuple[str, ...]:
        """The states that are shown, in the order of their boxes."""
        return tuple(state for group in self.groups for state in group.states)


@frozen
class Picture:
    """A machine as it is to be drawn."""

    name: str
    title: str
    regions: tuple[RegionPicture, ...]
    detailed: bool = field(default=False, kw_only=True)
    """Each row is shown with its event and guards; otherwise with its number and reason."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of rows that are shown, in the order of their declaration."""
        shown = {arrow.kind for region in self.regions for arrow in region.arrows}
        shown |= {sweep.kind for region in self.regions for sweep in region.sweeps}
        return tuple(kind for kind in Kind if kind in shown)


def picture(
    name: str, *, only: Only | None = None, around: str | None = None, highlight: Sequence[str] = ()
) -> Picture:
    """The picture of a machine, or of a part of it.

    ``only`` leaves out rows of other kinds, ``around`` everything but one state and its neighbours; both leave out
    regions of which nothing is left. ``highlight``: states to be marked, as ``STATE`` or ``REGION.STATE``.

    Raises:
        KeyError: there is no machine of that name.
        ValueError: no region has a state that was asked for.
    """
    machine = MACHINES[name]
    regions = tuple(_region(region, machine, only, around) for region in machine.regions)
    shown = tuple(region for region in regions if region.states)
    if around is not None and not shown:
        raise ValueError(f"{name} has no state {around}; there are: {', '.join(state_names(machine))}")
    for state in highlight:
        shown = _highlighted(shown, state, machine)
    part = f", {only} only" if only is not None else ""
    near = f", around {around}" if around is not None else ""
    return Picture(name, f"{name}{part}{near}", shown, detailed=around is not None)


def state_names(machine: MachineClass) -> tuple[str, ...]:
    """The states of all regions of a machine."""
    return tuple(str(state.value) for region in machine.regions for state in region.states)


def told(row: Row) -> str:
    """Why a row is taken, for a reader: its reason, or the name of the fact that yields it."""
    return f"({row.why})" if isinstance(row.why, Told) else row.why


def condition(row: Row) -> str:
    """On which event and under which guards a row is taken."""
    guards = " and ".join(guard.replace("_", " ") for guard in row.guards)
    event = f"on {row.event.replace('_', ' ')}" if row.event else ""
    return ", if ".join(part for part in (event, guards) if part) if event else f"if {guards}"


def sources_in_words(row: Row, region: Region) -> str:
    """The states a row leads from: all of them, all but some, or their names, whatever is shorter."""
    others = [state.value for state in region.states if state.value not in row.sources]
    if not others:
        return "any"
    named = ", ".join(map(_name, row.sources))
    but = "any but " + ", ".join(map(_name, others))
    return min(named, but, key=len)


def _region(region: Region, machine: MachineClass, only: Only | None, around: str | None) -> RegionPicture:
    rows = [row for row in region.t.rows if only is None or row.kind is only.kind]
    moving = [row for row in rows if row.target is not None]
    bundles = [] if around is not None else _fans(moving)
    bundled = {row.number for rows_of_one in bundles for row in rows_of_one}
    many = [row for row in moving if row.number not in bundled and _is_sweep(row, around)]
    single = [row for row in moving if row not in many and row.number not in bundled]
    arrows = [arrow for arrow in _arrows(single) if around is None or around in (arrow.source, arrow.target)]
    sweeps = [Sweep(sources_in_words(row, region), _name(row.target), row.kind, (row,)) for row in many]
    sweeps += [_fan(rows_of_one, region) for rows_of_one in bundles]
    shown = [row for of_arrow in arrows for row in of_arrow.rows] + [row for sweep in sweeps for row in sweep.rows]
    reasons = {str(row.why) for row in shown if isinstance(row.why, Told)}
    touched = {end for arrow in arrows for end in (arrow.source, arrow.target)}
    everything = only is None and around is None
    groups = _groups(region, lambda state: everything or state in touched)
    return RegionPicture(
        name=region.state_fact,
        title=first_line(region),
        initial=next(_name(state.value) for state in region.states if state.initial),
        groups=groups,
        arrows=tuple(arrows),
        sweeps=tuple(sorted(sweeps, key=lambda sweep: sweep.rows[0].number)),
        unmoving=sum(row.target is None for row in region.t.rows) if everything else 0,
        told=tuple((name, first_line(getattr(machine.record, name))) for name in sorted(reasons)),
    )


def _is_sweep(row: Row, around: str | None) -> bool:
    """It leads from so many states that arrows would hide the picture; around one state, what leads out is an arrow."""
    return len(row.sources) >= MANY and (around is None or _name(row.target) == around)


def _fans(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that one loop of the declaration made, one for each of many targets: the same reason and the same place."""
    same = [list(found) for _, found in groupby(rows, key=lambda row: (row.why, row.ref, row.kind))]
    return [found for found in same if len(found) >= MANY and len({row.target for row in found}) == len(found)]


def _fan(rows: Sequence[Row], region: Region) -> Sweep:
    sources = rows[0].sources if all(row.sources == rows[0].sources for row in rows) else ()
    words = sources_in_words(rows[0], region) if sources else "elsewhere"
    return Sweep(words, "what is reported", rows[0].kind, tuple(rows))


def _arrows(rows: Sequence[Row]) -> list[Arrow]:
    arrows: dict[tuple[str, str, Kind | None], list[Row]] = {}
    for row in rows:
        for source in row.sources:
            if source is not row.target:
                arrows.setdefault((_name(source), _name(row.target), row.kind), []).append(row)
    return [Arrow(source, target, kind, tuple(found)) for (source, target, kind), found in arrows.items()]


def _groups(region: Region, shown: Callable[[str], bool]) -> tuple[Group, ...]:
    grouped = {state for states in region.t.groups.values() for state in states}
    rest = [state.value for state in region.states if state.value not in grouped]
    groups = [("", rest), *region.t.groups.items()]
    found = [Group(name, tuple(filter(shown, map(_name, states)))) for name, states in groups]
    return tuple(group for group in found if group.states)


def _highlighted(regions: tuple[RegionPicture, ...], wanted: str, machine: MachineClass) -> tuple[RegionPicture, ...]:
    name, _, state = wanted.rpartition(".")
    if state not in state_names(machine):
        raise ValueError(f"there is no state {wanted}; there are: {', '.join(state_names(machine))}")
    return tuple(
        evolve(region, highlighted=state) if name in ("", region.name) and state in region.states else region
        for region in regions
    )


def _name(state: Enum | Any) -> str:
    return str(state.value)
