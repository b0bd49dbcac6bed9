"""hamgrd killed at any stage and started again: the same end, nothing said twice, no row that flaps (W15, W19, I-19).

What a row was before and what it became is recorded for every change, so that it can be said of a whole life that it
wrote nothing that was there already and took nothing back.
"""

from collections.abc import Callable

import pytest

from hamgr_fsm.vocabulary import DesiredHaState, OperationType
from runner.demo.recorder import Change
from tests.daemon.daemon import until
from tests.daemon.expected_rows import ENTITY_ROWS, SERVING
from tests.daemon.stages import PLANNED_UP, Stage
from tests.daemon.switch import Switch

ORDER = ("DASH_HA_SET_TABLE", "BFD_SESSION_TABLE", "DASH_HA_SCOPE_TABLE")

Kill = Callable[[Switch, Stage], None]


def see(switch: Switch, stage: Stage) -> None:
    until(lambda: stage.seen(switch), lambda: f"{stage}: {switch.state} {switch.dpu.told()}")
    switch.barrier()


def flaps(changes: list[Change]) -> list[str]:
    """The changes that should not have been: nothing new was said, or something was taken away."""
    return [str(change) for change in changes if change.idle or change.deleted]


def at_rest(switch: Switch, stage: Stage) -> None:
    """Killed once everything has taken effect: the new life has nothing to write at all."""
    stage.act(switch)
    see(switch, stage)
    marks, mark = switch.marks(), len(switch.dpu.received)
    sent = {row.table for row in switch.dpu.received}
    switch.hamgrd.restart()
    switch.barrier()
    assert [str(change) for change in switch.changes(marks)] == [], f"after: {stage}"
    # All that the DPU was told is told again: it cannot be known whether it heard it.
    until(lambda: {row.table for row in switch.dpu.received[mark:]} == sent, lambda: switch.dpu.told(mark))
    again = [row.table for row in switch.dpu.received[mark:]]
    assert again == sorted(again, key=ORDER.index)


def while_it_is_down(switch: Switch, stage: Stage) -> None:
    """Killed before it could see what happened."""
    marks = switch.marks()
    switch.hamgrd.kill()
    stage.act(switch)
    switch.hamgrd.start()
    see(switch, stage)
    assert flaps(switch.changes(marks)) == [], f"during: {stage}"


def at_once(switch: Switch, stage: Stage) -> None:
    """Killed right after something has happened, wherever it was with it."""
    marks = switch.marks()
    stage.act(switch)
    switch.hamgrd.kill()
    switch.hamgrd.start()
    see(switch, stage)
    assert flaps(switch.changes(marks)) == [], f"during: {stage}"


@pytest.mark.parametrize("kill", [at_rest, while_it_is_down, at_once])
def test_w15_killed_at_every_stage_it_ends_where_it_would_have(switch: Switch, kill: Kill) -> None:
    operations = set()
    for stage in PLANNED_UP:
        kill(switch, stage)
        operations |= set(switch.controller.pending().values())
    assert switch.ha_rows(passing=False) == SERVING
    assert operations == set(switch.controller.approved)
    switch.wait_for_the_wire()
    assert switch.dpu.requests("activate_role_requested") == 1
    assert switch.dpu.dpu.refused == []


@pytest.mark.parametrize("last", PLANNED_UP, ids=str)
def test_w15_killed_once_at_a_stage_it_goes_on(switch: Switch, last: Stage) -> None:
    for stage in PLANNED_UP:
        if stage is last:
            at_once(switch, stage)
        else:
            stage.act(switch)
            see(switch, stage)
    assert switch.ha_rows(passing=False) == SERVING
    switch.wait_for_the_wire()
    assert switch.dpu.requests("activate_role_requested") == 1
    assert flaps(switch.changes()) == []


def test_w19_pending_operation_keeps_its_id_through_any_number_of_lives(switch: Switch) -> None:
    switch.configure()
    switch.dpu.do(lambda dpu, _: dpu.peer_appears())
    switch.dpu.power_on()
    switch.controller.configure_set()
    switch.controller.configure_scope(disabled=False)
    operation = switch.wait_until_asked(OperationType.ACTIVATE_ROLE)
    marks = switch.marks()
    for _ in range(3):
        switch.hamgrd.restart()
        switch.barrier()
        assert switch.controller.pending() == {OperationType.ACTIVATE_ROLE: operation}
    assert switch.changes(marks) == []
    switch.serve()
    switch.wait_for_the_wire()
    assert switch.dpu.requests("activate_role_requested") == 1


def test_planned_down_survives_kills_at_every_stage(serving: Switch) -> None:
    controller = serving.controller
    acts: tuple[Callable[[], object], ...] = (
        lambda: controller.configure_scope(desired_ha_state=DesiredHaState.DEAD),
        serving.dpu.settle,
        lambda: controller.configure_scope(disabled=True),
        controller.delete,
    )
    for act in acts:
        serving.hamgrd.kill()
        act()
        serving.hamgrd.start()
        serving.barrier()
    serving.dpu.settle()
    serving.barrier()
    assert serving.ha_rows(passing=False) == ENTITY_ROWS
    until(lambda: not serving.dpu.dpu.orchagent.ha_sets, serving.dpu.told)
    assert serving.dpu.dpu.refused == []
