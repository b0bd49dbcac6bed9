"""Every row of every table is taken by an example, and the machines are those that the tests know.

Source: statemachine-notes 6.
"""

from tests.hamgr_fsm.inputs import ALL_INPUTS
from tests.hamgr_fsm.machines import machines, regions
from tests.hamgr_fsm.walk import examples


def test_every_row_of_every_table_is_taken() -> None:
    taken = {(example.machine, example.region, example.number) for example in examples()}
    never = [
        f"{machine.__name__} {region.state_fact} row {row.number}: {row.why}"
        for machine, region in regions()
        for row in region.t.rows
        if (machine, region.state_fact, row.number) not in taken
    ]
    assert never == []


def test_every_machine_has_random_inputs() -> None:
    assert {inputs.machine for inputs in ALL_INPUTS} == set(machines())


def test_every_fact_is_drawn_at_random() -> None:
    plumbing = {"new_id", "outbox", "timers"}
    for inputs in ALL_INPUTS:
        declared = set(inputs.machine.record.__annotations__) | {"now_ms"}
        assert declared - plumbing == set(inputs.told) | set(inputs.kept)
