"""The stepper and python-statemachine's engine mean the same by a table.

Both run the same random inputs from the same random facts; every fact, every state and the outbox are compared after
each step. Source: statemachine-notes 1 and 6.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hamgr_fsm.machine import Machine
from hamgr_fsm.stepper import SettlingError
from tests.hamgr_fsm.build import Ids, facts_of
from tests.hamgr_fsm.engine import EngineRun
from tests.hamgr_fsm.inputs import ALL_INPUTS, FactsMap, Inputs, Step
from tests.hamgr_fsm.toys import DoorWithBell, Knock, OneWay, OtherWayRegion, Restless, Sneeze, SwitchFacts
from tests.hamgr_fsm.walk import Example, examples

TOGETHER = [pytest.param(inputs, id=inputs.machine.__name__) for inputs in ALL_INPUTS]


def same(machine: Machine[Any], engine: EngineRun, told: FactsMap, event: object | None) -> bool:
    """Step both and compare everything; false when both failed alike, after which there is nothing to go on with.

    An action may fail on facts that no daemon tells: then both fail with the same error.
    """
    ours = theirs = ""
    implied = {} if event is None else machine.implied(event)
    try:
        machine.update(**told) if event is None else machine.send(event, **told)
    except (SettlingError, AssertionError) as error:
        ours = type(error).__name__
    try:
        engine.step({**implied, **told}, event)
    except (SettlingError, AssertionError) as error:
        theirs = type(error).__name__
    assert ours == theirs
    if not ours:
        assert machine.facts == engine.facts
    return not ours


@pytest.mark.parametrize("inputs", TOGETHER)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_stepper_and_engine_agree_on_random_inputs(inputs: Inputs, data: st.DataObject) -> None:
    presets = data.draw(inputs.presets())
    steps: list[Step] = data.draw(inputs.steps())
    machine = inputs.machine(new_id=Ids(), **presets)
    engine = EngineRun(inputs.machine, facts_of(inputs.machine, presets))
    for told, event in steps:
        if not same(machine, engine, told, event):
            return


@pytest.mark.parametrize("example", examples(), ids=str)
def test_stepper_and_engine_agree_on_an_example_of_every_row(example: Example) -> None:
    machine = example.machine(new_id=Ids(), **example.presets)
    engine = EngineRun(example.machine, facts_of(example.machine, example.presets))
    assert same(machine, engine, {}, example.event)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.fixed_dictionaries(
                {},
                optional={"pushed": st.booleans(), "welcome": st.sampled_from(["anna", "bert"])},
            ),
            st.sampled_from([None, Knock("anna"), Knock("bert"), Sneeze()]),
        )
    )
)
def test_stepper_and_engine_agree_on_entry_and_exit_actions_and_events(steps: list[Step]) -> None:
    machine = DoorWithBell(new_id=Ids())
    engine = EngineRun(DoorWithBell, facts_of(DoorWithBell, {}))
    for told, event in steps:
        assert same(machine, engine, told, event)


def test_both_find_that_a_machine_never_rests() -> None:
    assert not same(Restless(), EngineRun(Restless, Restless.record()), {"provoked": True}, None)


def test_the_comparison_finds_two_swapped_rows() -> None:
    told = {"first": True, "second": True}
    engine = EngineRun(OneWay, OneWay.record(), regions=(OtherWayRegion,))
    with pytest.raises(AssertionError):
        same(OneWay(), engine, told, None)


def test_the_comparison_finds_a_fact_that_only_one_of_them_has() -> None:
    facts = SwitchFacts(first=True)
    with pytest.raises(AssertionError):
        same(OneWay(), EngineRun(OneWay, facts), {}, None)
