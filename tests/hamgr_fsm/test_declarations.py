"""What python-statemachine accepts in silence and a table must not contain.

Source: statemachine-notes 3 and 6.
"""

import inspect
import re
from collections import Counter
from importlib import import_module
from typing import Any

import attrs
import pytest
from statemachine import State, StateChart
from statemachine.engines.sync import SyncEngine

from hamgr_fsm.facts import Facts
from hamgr_fsm.machine import Machine, event_name
from hamgr_fsm.stepper import Stepper
from hamgr_fsm.table import STAY, FactMachine, Row, Table, Told
from tests.hamgr_fsm.machines import machines, modules, regions
from tests.hamgr_fsm.toys import Door, DoorFacts, DoorWithBell, Knock, Mood, MoodFacts

MachineClass = type[Machine[Any]]
Region = type[FactMachine]

# The source of a row: a section of the specification, a field lesson, a workflow or a matrix row of the scenarios.
REF = re.compile(
    r"(dpu-driven|ha-set|switch-driven|tables) \d+(\.\d+)*"
    r"|(scenarios )?W\d+"
    r"|M\d+\.\d+"
    r"|HLD \d+(\.\d+)*"
    r"|(FL )?([DHI]|FL|LD)-\d\d"
)

CONVENTIONS = re.compile(r"(on|before|after|enter|exit|prepare|validate|error|done)_")

every_region = pytest.mark.parametrize(
    ("machine", "region"), [pytest.param(m, r, id=f"{m.__name__}-{r.__name__}") for m, r in regions()]
)
every_machine = pytest.mark.parametrize("machine", machines(), ids=lambda machine: machine.__name__)


def methods(region: Region) -> dict[str, object]:
    """What a region declares itself or has from the base classes that it shares with others."""
    shared = [base for base in region.__mro__ if issubclass(base, FactMachine) and base is not FactMachine]
    return {name: value for base in reversed(shared) for name, value in vars(base).items()}


def shadowed(rows: list[Row]) -> list[tuple[int, int]]:
    """Pairs of rows of which the second can never be taken from some state: whenever it could, the first is."""
    return [
        (first.number, second.number)
        for number, first in enumerate(rows)
        for second in rows[number + 1 :]
        if first.event == second.event
        and set(first.sources) & set(second.sources)
        and set(first.guards) <= set(second.guards)
    ]


def test_there_are_machines() -> None:
    assert {machine.__name__ for machine in machines()} >= {"DpuHealth", "DpuDrivenHaSet", "DpuDrivenScope"}


@every_region
def test_rows_say_why_and_where_from_and_what_for(machine: MachineClass, region: Region) -> None:
    for row in region.t.rows:
        assert row.why.strip()
        assert row.guards or row.event
        assert row.sources
        for ref in row.ref.split(", "):
            assert REF.fullmatch(ref), f"row {row.number}: {ref}"


@every_region
def test_rows_are_numbered_without_a_gap(machine: MachineClass, region: Region) -> None:
    assert [row.number for row in region.t.rows] == list(range(1, len(region.t.rows) + 1))


@every_region
def test_no_row_is_shadowed_by_one_before_it(machine: MachineClass, region: Region) -> None:
    assert shadowed(region.t.rows) == []


def test_a_shadowed_row_is_found() -> None:
    table = Table(Door, initial=Door.SHUT)
    table.row(Door.SHUT, Door.OPEN, when="pushed", why="pushed", ref="toy 1")
    table.row((Door.SHUT, Door.LOCKED), Door.LOCKED, when=("pushed", "stuck"), why="never from shut", ref="toy 2")
    table.row(Door.SHUT, Door.LOCKED, on="knock", when="pushed", why="on an event", ref="toy 3")
    assert shadowed(table.rows) == [(1, 2)]


@every_region
def test_no_row_stands_in_one_state_without_an_event_and_without_letting_go(
    machine: MachineClass, region: Region
) -> None:
    for row in region.t.rows:
        if row.event is None and row.target is None:
            assert row.actions, f"row {row.number} stays, does nothing and would be taken for ever"
        if row.event is None and row.target is not None:
            assert row.target not in row.sources, f"row {row.number} enters its own source"


@every_region
def test_guards_and_actions_exist_exactly_once(machine: MachineClass, region: Region) -> None:
    for row in region.t.rows:
        for name in row.guards:
            assert hasattr(machine.record, name) + (name in methods(region)) == 1, name
        for name in row.actions:
            assert name in methods(region) and not hasattr(machine.record, name), name
        for name in {*row.guards, *row.actions} - methods(region).keys():
            assert isinstance(inspect.getattr_static(machine.record, name), property) or name in _fields(machine)


@every_region
def test_the_engine_finds_no_convention_on_the_facts_either(machine: MachineClass, region: Region) -> None:
    assert [name for name in dir(machine.record) if CONVENTIONS.match(name)] == []


@every_region
def test_every_method_of_a_region_is_used(machine: MachineClass, region: Region) -> None:
    declared = {name for name, value in methods(region).items() if isinstance(value, staticmethod)}
    siblings = [other for _, other in regions() if set(other.__mro__) & set(region.__mro__[:-1]) - set(_LIBRARY)]
    assert declared - {name for other in {region, *siblings} for name in _used(other)} == set()
    assert [name for name, value in methods(region).items() if inspect.isfunction(value)] == []


def _used(region: Region) -> set[str]:
    used = {name for row in region.t.rows for name in (*row.guards, *row.actions)}
    return used | {
        spec.func for state in region.states for spec in (*state.enter, *state.exit) if not spec.is_convention
    }


_LIBRARY = FactMachine.__mro__


@every_region
def test_every_reason_that_is_a_fact_exists(machine: MachineClass, region: Region) -> None:
    for row in region.t.rows:
        if isinstance(row.why, Told):
            assert isinstance(row.reason(machine.record()), str)


@every_region
def test_names_of_states_and_events_are_free(machine: MachineClass, region: Region) -> None:
    taken = set(dir(StateChart)) | {
        "event",
        "model",
        "machine",
        "state",
        "source",
        "target",
        "transition",
        "event_data",
    }
    names = {state.id for state in region.states} | {row.event for row in region.t.rows if row.event}
    for name in names:
        assert name not in taken
        assert not CONVENTIONS.match(name)
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)


@every_region
def test_every_event_of_a_row_is_a_declared_record(machine: MachineClass, region: Region) -> None:
    declared = {
        event_name(value)
        for module in modules()
        for value in vars(import_module(module)).values()
        if isinstance(value, type) and value.__module__ == module and attrs.has(value)
    }
    assert {row.event for row in region.t.rows if row.event} <= declared


@every_region
def test_the_engine_is_synchronous_and_starts_from_default_facts(machine: MachineClass, region: Region) -> None:
    facts = machine.record()
    engine = region(facts, state_field=region.state_fact)
    assert isinstance(engine._engine, SyncEngine)
    assert facts == machine.record()


@every_region
def test_every_state_but_the_first_is_entered_by_a_row(machine: MachineClass, region: Region) -> None:
    entered = {row.target for row in region.t.rows}
    initial = next(state.value for state in region.states if state.initial)
    assert {state.value for state in region.states} - entered <= {initial}


@every_region
def test_the_engine_has_a_transition_for_each_source_of_each_row(machine: MachineClass, region: Region) -> None:
    declared = Counter((source, row.number) for row in region.t.rows for source in row.sources)
    built = Counter((state.value, t.row.number) for state in region.states for t in state.transitions)
    assert declared == built


@every_machine
def test_a_machine_is_built_from_defaults_and_starts_where_its_tables_start(machine: MachineClass) -> None:
    facts = machine().facts
    for region in machine.regions:
        initial = next(state.value for state in region.states if state.initial)
        assert getattr(facts, region.state_fact) is initial


@every_machine
def test_regions_keep_their_states_in_different_facts(machine: MachineClass) -> None:
    names = [region.state_fact for region in machine.regions]
    assert len(set(names)) == len(names)
    assert set(names) <= _fields(machine)


@every_machine
def test_facts_have_immutable_defaults(machine: MachineClass) -> None:
    for name in _fields(machine) - {"outbox", "new_id"}:
        hash(getattr(machine.record(), name))


def test_a_row_without_event_and_guard_is_refused() -> None:
    with pytest.raises(ValueError, match="needs an event or a guard"):
        Table(Door, initial=Door.SHUT).row(Door.SHUT, Door.OPEN, why="?", ref="toy 1")


def test_names_that_exist_twice_or_nowhere_are_refused() -> None:
    class Twice(FactMachine):
        state_fact = "mood"
        t = Table(Mood, initial=Mood.CALM)
        t.row(Mood.CALM, Mood.ANGRY, when="provoked", why="twice", ref="toy 1")

        @staticmethod
        def provoked(model: MoodFacts) -> bool:
            return model.swings > 0

    class Nowhere(FactMachine):
        state_fact = "mood"
        t = Table(Mood, initial=Mood.CALM)
        t.row(Mood.CALM, Mood.ANGRY, when="misspelt", why="nowhere", ref="toy 1")

    class Acting(FactMachine):
        state_fact = "mood"
        t = Table(Mood, initial=Mood.CALM)
        t.row(Mood.CALM, Mood.ANGRY, on="knock", do="provoked", why="a fact is no action", ref="toy 1")

    for region in (Twice, Nowhere, Acting):
        with pytest.raises(TypeError, match=r"provoked|misspelt"):
            Stepper(region, MoodFacts)


def test_a_guard_may_take_nothing_but_facts_and_event() -> None:
    class Greedy(FactMachine):
        state_fact = "mood"
        t = Table(Mood, initial=Mood.CALM)
        t.row(Mood.CALM, STAY, on="knock", when="asks_too_much", why="?", ref="toy 1")

        @staticmethod
        def asks_too_much(model: MoodFacts, state: State) -> bool:
            return bool(state)

    with pytest.raises(TypeError, match="it may take model and ev"):
        Stepper(Greedy, MoodFacts)


def test_a_row_that_stays_keeps_entry_and_exit_actions_quiet() -> None:
    machine = DoorWithBell(door=Door.OPEN, pushed=True, new_id=lambda: "7")
    machine.send(Knock("anna"))
    assert machine.facts.opened == 0
    assert machine.facts.visitors == ("anna 7",)


def _fields(machine: MachineClass) -> set[str]:
    record: type[Facts] = machine.record
    return {attribute.name for attribute in attrs.fields(record)}


def test_a_toy_is_no_machine_of_the_library() -> None:
    assert DoorWithBell not in machines()
    assert DoorFacts not in {machine.record for machine in machines()}
