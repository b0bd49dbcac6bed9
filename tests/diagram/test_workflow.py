"""Workflows are runs of the lab: they end where the scenarios say, and are told completely and in order."""

import pytest

from runner.diagram.lanes import lanes
from runner.diagram.machines import MACHINES
from runner.diagram.mermaid import sequence
from runner.diagram.workflow import WORKFLOWS, Entered, Said, played

SWITCH = "switch-driven-scope"
ENDS = {
    "launch": ("active", "standby"),
    "switchover": ("standby", "active"),
    "refused": ("active", "standby"),
    "shutdown": ("standalone", "dead"),
    "return": ("active", "standby"),
    "channel-lost": ("standalone", "standby"),
    "active-dies": ("standby", "standalone"),
    "standby-dies": ("standalone", "standby"),
    "rejoin": ("active", "standby"),
}


def path(machine: str, name: str, lane: str) -> list[str]:
    moments = played(WORKFLOWS[machine, name])
    return [moment.state for moment in moments if isinstance(moment, Entered) and moment.lane == lane]


@pytest.mark.parametrize("name", sorted(ENDS))
def test_workflow_ends_where_it_should(name: str) -> None:
    assert (path(SWITCH, name, "A")[-1], path(SWITCH, name, "B")[-1]) == ENDS[name]


def test_every_switch_driven_workflow_has_its_end_here() -> None:
    assert {name for machine, name in WORKFLOWS if machine == SWITCH} == set(ENDS)


def test_switchover_is_told_step_by_step() -> None:
    assert path(SWITCH, "switchover", "A") == ["active", "switching_to_standby", "standby"]
    assert path(SWITCH, "switchover", "B") == ["standby", "switching_to_active", "active"]
    told = [moment.text for moment in played(WORKFLOWS[SWITCH, "switchover"]) if isinstance(moment, Said)]
    assert told.index("approves switchover") < told.index("SwitchoverRequest Syn") < told.index("SwitchoverRequest Fin")


@pytest.mark.parametrize(("machine", "name"), sorted(WORKFLOWS))
def test_each_step_is_one_of_the_declaration(machine: str, name: str) -> None:
    rows = {row.number: row for row in MACHINES[machine].regions[0].t.rows}
    where: dict[str, str] = {}
    for moment in played(WORKFLOWS[machine, name]):
        if not isinstance(moment, Entered):
            continue
        if moment.row:
            row = rows[moment.row]
            assert row.target is not None
            assert moment.state == row.target.value
            assert where[moment.lane] in [source.value for source in row.sources]
        where[moment.lane] = moment.state


@pytest.mark.parametrize(("machine", "name"), sorted(WORKFLOWS))
def test_moments_are_in_order_and_every_one_is_drawn(machine: str, name: str) -> None:
    workflow = WORKFLOWS[machine, name]
    moments = played(workflow)
    assert [moment.at_ms for moment in moments] == sorted(moment.at_ms for moment in moments)
    drawn = lanes(workflow, moments)
    assert drawn.count('id="said.') == sum(isinstance(moment, Said) for moment in moments)
    assert sequence(workflow, moments).count("->>") == sum(isinstance(moment, Said) for moment in moments)
    for number, moment in enumerate(moments):
        if isinstance(moment, Entered):
            assert f'id="{number}.{moment.lane}.{moment.state}"' in drawn
