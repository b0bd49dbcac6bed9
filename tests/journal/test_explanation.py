"""What an explanation says of a machine: of every machine, in every state."""

from typing import Any

import pytest

from hamgr_fsm.machine import Machine
from hamgr_fsm.scope.switch_driven import SwitchDrivenScope
from hamgr_fsm.vocabulary import HaState
from runner.diagram.machines import MACHINES
from runner.journal.explanation import facts, states, ways

STATES = [
    pytest.param(machine, region.state_fact, state.value, id=f"{name} {region.state_fact} {state.value.value}")
    for name, machine in MACHINES.items()
    for region in machine.regions
    for state in region.states
]


@pytest.mark.parametrize(("kind", "fact", "state"), STATES)
def test_every_state_is_explained_as_the_machine_itself_does(kind: type[Machine[Any]], fact: str, state: Any) -> None:
    machine = kind(**{fact: state})
    before = machine.snapshot()
    told = [(way.region, way.row, [(part.guard, part.holds) for part in way.parts]) for way in ways(machine)]
    assert told == [
        (region, view.row.number, [(guard.name, guard.holds) for guard in view.guards])
        for region, views in machine.explain().items()
        for view in views
    ]
    assert states(machine)[fact] == state.value
    assert machine.snapshot() == before
    known = facts(machine)
    for part in (part for way in ways(machine) for part in way.parts):
        # A guard that holds or not does so because of facts; one over an event is not asked.
        assert bool(part.facts) == (part.holds is not None), part.guard
        assert all(known[name] == value for name, value in part.facts.items() if name in known)
        assert part.means or part.guard in known


def test_conclusions_are_what_the_guard_itself_asks_for() -> None:
    machine = SwitchDrivenScope(state=HaState.STANDALONE, channel_up=False, dpu_up=True)
    (part,) = next(way for way in ways(machine) if way.why == "peer ready to be standby").parts
    assert (part.guard, part.holds) == ("peer_can_pair", False)
    assert list(part.conclusions) == ["triggers"], "and not what the triggers follow from"
    assert part.facts["channel_up"] is False


def test_a_row_is_open_when_only_its_event_is_missing() -> None:
    machine = SwitchDrivenScope(state=HaState.STANDALONE, dpu_up=True)
    by_guards = {tuple(part.holds for part in way.parts): way.open for way in ways(machine)}
    assert by_guards[()] is True
    assert by_guards[(None,)] is True
    assert by_guards[(False,)] is False
