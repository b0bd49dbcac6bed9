"""A rule set: which machines a checked pair runs. The true one is the project's own; others are derived from it.

A derived rule set is a declaration as well: rows dropped, put before others or given other guards; guards and actions
replaced by name. Nothing of the true classes is changed.

Source: architecture "A machine"; the defects are in ``defects``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import attrs
from attrs import frozen

from hamgr_fsm.facts import Facts
from hamgr_fsm.ha_set import SwitchDrivenHaSet
from hamgr_fsm.machine import Machine
from hamgr_fsm.scope.switch_driven import Relay, Scope, SwitchDrivenScope
from hamgr_fsm.scope.switch_driven_actions import Actions
from hamgr_fsm.scope.switch_driven_facts import STATES, RowState, S
from hamgr_fsm.table import STAY, FactMachine, Row, Table
from hamgr_fsm.timers import Timers

CHECKED_TIMERS = Timers(max_retries=1)
"""Fewer retries than in the field: how often something is tried again does not change what can go wrong."""


@frozen(eq=False)
class Rules:
    """What both sides of a pair run."""

    name: str
    scope: type[SwitchDrivenScope] = SwitchDrivenScope
    ha_set: type[SwitchDrivenHaSet] = SwitchDrivenHaSet
    timers: Timers = CHECKED_TIMERS
    keeps: tuple[str, ...] = ()
    """Names of facts that outlive the daemon although they should not."""

    forgets: tuple[str, ...] = ()
    """Names of facts that are lost with the daemon although they should not be."""


NOT = "not_"
"""Begins the name of a guard that holds when the guard of the rest of the name does not."""

TRUE = Rules("true")
"""The rules of this project."""

Edit = Callable[[list[Row]], list[Row]]


def derived(
    name: str,
    *,
    rows: Edit | None = None,
    relay_rows: Edit | None = None,
    facts: Mapping[str, Callable[[Any], object]] | None = None,
    functions: Mapping[str, Callable[..., object]] | None = None,
    relay_functions: Mapping[str, Callable[..., object]] | None = None,
    machine: Mapping[str, Callable[..., object]] | None = None,
    entry: Mapping[S, Sequence[str]] | None = None,
    route: Mapping[str, Callable[[Any], object]] | None = None,
    keeps: tuple[str, ...] = (),
    forgets: tuple[str, ...] = (),
    timers: Timers = CHECKED_TIMERS,
) -> Rules:
    """The true rules but for what is given.

    ``rows`` and ``relay_rows`` edit the tables; ``facts`` replaces properties of the record; ``functions`` and
    ``relay_functions`` replace guards over events and actions; ``machine`` methods of the machine; ``entry`` what is
    done on entering states; ``route`` properties of the HA set's record.
    """
    scope: type[SwitchDrivenScope] = SwitchDrivenScope
    if rows or relay_rows or facts or functions or relay_functions or machine or entry:
        regions = (
            _region("Scope", Actions, Scope, STATES, S.DEAD, rows, functions, entry),
            _region("Relay", FactMachine, Relay, tuple(RowState), RowState.UNPROGRAMMED, relay_rows, relay_functions),
        )
        record = _record(SwitchDrivenScope.record, facts)
        scope = cast(
            type[SwitchDrivenScope],
            type("SwitchDrivenScope", (SwitchDrivenScope,), {"regions": regions, "record": record, **(machine or {})}),
        )
    ha_set: type[SwitchDrivenHaSet] = SwitchDrivenHaSet
    if route:
        record = _record(SwitchDrivenHaSet.record, route)
        ha_set = cast(type[SwitchDrivenHaSet], type("SwitchDrivenHaSet", (SwitchDrivenHaSet,), {"record": record}))
    return Rules(name, scope, ha_set, timers, keeps, forgets)


def rows_of(machine: type[Machine[Any]]) -> tuple[Row, ...]:
    """Every row of every region, in order; the number of a row counts within its region."""
    return tuple(row for region in machine.regions for row in region.t.rows)


def _record(record: type[Facts], properties: Mapping[str, Callable[[Any], object]] | None) -> type[Facts]:
    if not properties:
        return record
    for name in properties:
        if not isinstance(getattr(record, name, None), property):
            raise TypeError(f"{record.__name__} has no property {name}")
    namespace = {name: property(function) for name, function in properties.items()}
    return cast(type[Facts], attrs.define(type(record.__name__, (record,), namespace)))


def _region(
    name: str,
    base: type[FactMachine],
    true: type[FactMachine],
    states: Sequence[Any],
    initial: Any,
    edit: Edit | None,
    functions: Mapping[str, Callable[..., object]] | None,
    entry: Mapping[S, Sequence[str]] | None = None,
) -> type[FactMachine]:
    for function in functions or {}:
        if not hasattr(true, function.removeprefix(NOT)) and not hasattr(
            SwitchDrivenScope.record, function[len(NOT) :]
        ):
            raise TypeError(f"{name} has no guard or action {function}")
    entries = {state.value: [spec.func for spec in state.enter if not spec.is_convention] for state in true.states}
    exits = {state.value: [spec.func for spec in state.exit if not spec.is_convention] for state in true.states}
    table = Table(
        states,
        initial=initial,
        entry={state: actions for state, actions in {**entries, **(entry or {})}.items() if actions},
        exit={state: actions for state, actions in exits.items() if actions},
    )
    for row in (edit or list)(list(true.t.rows)):
        table.row(
            row.sources,
            STAY if row.target is None else row.target,
            on=row.event,
            when=row.guards,
            do=row.actions,
            why=row.why,
            ref=row.ref,
        )
    inherited = {
        key: value for key, value in vars(true).items() if isinstance(value, staticmethod) and not key.startswith("_")
    }
    replaced = {key: staticmethod(function) for key, function in (functions or {}).items()}
    namespace = {"state_fact": true.state_fact, "t": table, "__module__": __name__, **inherited, **replaced}
    make: Any = type(base)
    return cast(type[FactMachine], make(name, (base,), namespace))


# Edits of tables, by what a row says.


def _matching(rows: list[Row], *, why: str, to: S | None = None, source: S | None = None) -> list[Row]:
    found = [
        row
        for row in rows
        if str(row.why) == why and (to is None or row.target is to) and (source is None or source in row.sources)
    ]
    if not found:
        raise TypeError(f"no row says {why!r}")
    return found


def without(why: str, *, to: S | None = None, source: S | None = None) -> Edit:
    """Leave out the rows with this reason, of this target, out of this state; for one state only, if it is given."""

    def edit(rows: list[Row]) -> list[Row]:
        gone = _matching(rows, why=why, to=to, source=source)
        if source is None:
            return [row for row in rows if row not in gone]
        kept = [
            attrs.evolve(row, sources=tuple(s for s in row.sources if s is not source)) if row in gone else row
            for row in rows
        ]
        return [row for row in kept if row.sources]

    return edit


def changed(why: str, *, to: S | None = None, source: S | None = None, **members: object) -> Edit:
    """Give the rows with this reason other members (``guards``, ``actions``, ``target``, ``sources``, ``event``)."""

    def edit(rows: list[Row]) -> list[Row]:
        found = _matching(rows, why=why, to=to, source=source)
        return [attrs.evolve(row, **members) if row in found else row for row in rows]  # type: ignore[arg-type]

    return edit


def added_first(*new: Row) -> Edit:
    """Put rows before all others."""
    return lambda rows: [*new, *rows]


def row(
    sources: Sequence[Any],
    target: Any,
    *,
    on: str | None = None,
    when: tuple[str, ...] = (),
    do: tuple[str, ...] = (),
    why: str,
) -> Row:
    """A row of a derived table; a target of None stays."""
    return Row(0, tuple(sources), target, on, when, do, why, "defect")


def both(*edits: Edit) -> Edit:
    """One edit after the other."""

    def edit(rows: list[Row]) -> list[Row]:
        for each in edits:
            rows = each(rows)
        return rows

    return edit
