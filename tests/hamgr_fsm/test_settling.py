"""Automatic rows come to rest, whatever the facts are and wherever a machine stands.

Source: statemachine-notes 1 and 6.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hamgr_fsm.machine import Machine
from hamgr_fsm.stepper import SettlingError
from tests.hamgr_fsm.build import Ids
from tests.hamgr_fsm.inputs import ALL_INPUTS, Inputs, Step
from tests.hamgr_fsm.toys import Mood, Restless, RestlessPair
from tests.hamgr_fsm.walk import WALKS, Walk

MACHINES = [pytest.param(inputs, id=inputs.machine.__name__) for inputs in ALL_INPUTS]


def rests(machine: Machine[Any]) -> bool:
    """Nothing is left to do: another settling moves nothing and asks for nothing."""
    return machine.update() == () and machine.moves == ()


@pytest.mark.parametrize("inputs", MACHINES)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_machines_rest_after_any_inputs(inputs: Inputs, data: st.DataObject) -> None:
    steps: list[Step] = data.draw(inputs.steps(max_size=8))
    machine = inputs.machine(new_id=Ids())
    for told, event in steps:
        machine.update(**told)
        assert rests(machine)
        if event is not None:
            machine.send(event)
            assert rests(machine)


@pytest.mark.parametrize("inputs", MACHINES)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_machines_rest_from_any_combination_of_states_and_facts(inputs: Inputs, data: st.DataObject) -> None:
    machine = inputs.machine(new_id=Ids(), **data.draw(inputs.presets()))
    machine.update()
    assert rests(machine)


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: "+".join(walk.choices))
def test_machines_rest_on_every_enumerated_set_of_facts(walk: Walk) -> None:
    for presets, event in walk.steps():
        machine = walk.machine(new_id=Ids(), **presets)
        _ = machine.update() if event is None else machine.send(event)
        assert rests(machine)


def test_two_rows_that_enable_each_other_are_stopped_and_change_nothing() -> None:
    machine = Restless()
    with pytest.raises(SettlingError, match=r"mood does not settle: rows \["):
        machine.update(provoked=True)
    assert (machine.facts.mood, machine.facts.swings, machine.facts.provoked) == (Mood.CALM, 0, False)
    assert machine.facts.outbox == []


def test_two_regions_that_enable_each_other_are_stopped_and_change_nothing() -> None:
    machine = RestlessPair()
    before = machine.snapshot()
    with pytest.raises(SettlingError, match="RestlessPair does not settle"):
        machine.update(provoked=True)
    assert machine.snapshot() == before


def test_a_machine_that_was_stopped_goes_on_with_its_next_input() -> None:
    machine = Restless()
    with pytest.raises(SettlingError):
        machine.update(provoked=True)
    assert machine.update() == ()
    assert rests(machine)
