"""The DPU's orchagent away, restarted or empty, and a DPU that is reset: what it is told, how often and in which order.

Source: W18, W21, FL-04, FL-09, FL-10, FL-16, FL-52, LD-10, I-05, I-16.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hamgr_fsm.vocabulary import OperationType
from models.tables import (
    DASH_HA_DPU_STATE,
    DASH_HA_SCOPE_TABLE,
    DASH_HA_SET_STATE,
    DASH_HA_SET_TABLE,
    DPU_RESET_INFO,
)
from tests.daemon.controller import HA_SET_ID
from tests.daemon.daemon import until
from tests.daemon.expected_rows import DPU_ROWS, SERVING, without
from tests.daemon.switch import SCOPE_ROW, Switch, lasting

ACTIVATE = OperationType.ACTIVATE_ROLE
ALL_IN_ORDER = [
    "+DASH_HA_SET_TABLE",
    "+BFD_SESSION_TABLE",
    "+BFD_SESSION_TABLE",
    "+DASH_HA_SCOPE_TABLE",
]
OF_THE_PAST = ("DPU_RESET_INFO", "DASH_HA_SCOPE_STATE")
"""What a restart leaves its mark on: terms, times and announcements."""

FLAGS = ("activate_role_requested", "flow_reconcile_requested", "brainsplit_recovered")


def is_told(switch: Switch, mark: int, rows: list[str]) -> None:
    until(lambda: switch.dpu.told(mark) == rows, lambda: switch.dpu.told(mark))


def test_orchagent_that_comes_late_is_told_everything_in_order(bare_switch: Switch) -> None:
    switch = bare_switch
    switch.hamgrd.command += ["--audit-interval", "0.5"]
    switch.hamgrd.start()
    switch.configure()
    switch.controller.configure_set()
    switch.controller.configure_scope(disabled=True)
    switch.controller.configure_scope(disabled=False)
    switch.wait_for_row(DASH_HA_SCOPE_TABLE, HA_SET_ID, disabled="false")
    switch.barrier()
    switch.dpu.do(lambda dpu, _: dpu.peer_appears())
    switch.dpu.power_on()
    switch.serve()
    assert switch.dpu.told()[:2] == ["+DASH_HA_SET_TABLE", "+DASH_HA_SCOPE_TABLE"]
    # Its databases were emptied when it started: the copies are there again after the next audit.
    until(lambda: switch.ha_rows(passing=False) == SERVING, switch.ha_rows)
    assert switch.dpu.dpu.refused == []


def test_fl04_orchagent_that_reconnects_is_told_set_sessions_and_scope_again_without_requests(serving: Switch) -> None:
    for _ in range(3):
        marks, mark = serving.marks(), len(serving.dpu.received)
        serving.dpu.hang_up()
        serving.hamgrd.wait_for_line(message="orchagent_lost")
        serving.dpu.listen()
        is_told(serving, mark, ALL_IN_ORDER)
        assert not [
            row for row in serving.dpu.received[mark:] for flag in FLAGS if (row.fields or {}).get(flag) == "true"
        ]
        assert serving.changes(marks) == [], "the connection is no news for the databases"
    assert serving.dpu.requests("activate_role_requested") == 1
    assert serving.state["local_ha_state"] == "active"


def test_fl04_set_comes_first_also_when_an_earlier_life_left_only_the_scope(serving: Switch) -> None:
    """The DPU's databases were emptied, and hamgrd died when it had written one row of two again."""
    serving.hamgrd.kill()
    serving.rows.remove(DASH_HA_SET_TABLE, HA_SET_ID)
    serving.dpu.restart_swss(seen=False)
    serving.rows.write(DASH_HA_SCOPE_TABLE, HA_SET_ID, DPU_ROWS["DASH_HA_SCOPE_TABLE", HA_SET_ID])
    mark = len(serving.dpu.received)
    serving.hamgrd.start()
    serving.serve()
    told = serving.dpu.told(mark)
    assert told.index("+DASH_HA_SET_TABLE") < told.index("+DASH_HA_SCOPE_TABLE")
    assert serving.dpu.dpu.refused == []


def test_approval_given_while_the_orchagent_is_away_reaches_it_once(switch: Switch) -> None:
    bring_to_asking(switch)
    switch.dpu.hang_up()
    switch.hamgrd.wait_for_line(message="orchagent_lost")
    switch.approve(ACTIVATE)
    switch.controller.configure_scope()
    switch.dpu.listen()
    switch.wait_for_state("active")
    switch.wait_for_the_wire()
    assert switch.dpu.requests("activate_role_requested") == 1


def test_deletions_while_the_orchagent_is_away_reach_it_in_order(serving: Switch) -> None:
    serving.dpu.hang_up()
    serving.hamgrd.wait_for_line(message="orchagent_lost")
    mark = len(serving.dpu.received)
    serving.controller.delete()
    serving.wait_until_gone(DASH_HA_SET_STATE, HA_SET_ID)
    serving.dpu.listen()
    until(lambda: len(serving.dpu.received) == mark + 4, lambda: serving.dpu.told(mark))
    told = serving.dpu.told(mark)
    assert told.index("-DASH_HA_SCOPE_TABLE") < told.index("-DASH_HA_SET_TABLE")
    assert not serving.dpu.dpu.orchagent.ha_sets
    assert serving.dpu.dpu.refused == []


@pytest.fixture
def watchful(tmp_path: Path) -> Iterator[Switch]:
    """A scope that serves, and a hamgrd that looks often for what no database tells, and soon asks again."""
    timers = tmp_path / "timers.json"
    timers.write_text('{"request": 0.5}')
    with Switch(tmp_path, options=["--audit-interval", "0.2", "--timers", str(timers)]) as switch:
        switch.hamgrd.start()
        switch.planned_up()
        yield switch
        assert switch.hamgrd.alive
        assert switch.hamgrd.complaints() == []


@pytest.mark.parametrize("seen", [True, False], ids=["seen", "unseen"])
def test_fl09_ld10_swss_that_restarts_and_flushes_is_told_everything_again(watchful: Switch, seen: bool) -> None:
    old, mark = watchful.controller.approved[-1], len(watchful.dpu.received)
    watchful.dpu.restart_swss(seen)
    if seen:
        watchful.wait_for_row(DASH_HA_DPU_STATE, "dpu0_0", up="false")
    assert watchful.wait_until_asked(ACTIVATE) != old, "W18: a new request has a new id"
    told = watchful.dpu.told(mark)
    assert told.index("+DASH_HA_SET_TABLE") < told.index("+DASH_HA_SCOPE_TABLE")
    watchful.serve()
    expected = without(SERVING, *OF_THE_PAST)
    until(lambda: without(watchful.ha_rows(passing=False), *OF_THE_PAST) == expected, watchful.ha_rows)
    assert bool(watchful.rows.row(DPU_RESET_INFO, "DPU0")) == seen
    assert watchful.dpu.requests("activate_role_requested") == 2
    assert watchful.dpu.dpu.refused == []


def test_fl10_sessions_are_written_again_when_the_dpu_is_back(serving: Switch) -> None:
    """The rows did not change, and the DPU has lost them: unchanged is no reason to keep silent."""
    serving.dpu.power_off()
    serving.wait_for_row(DASH_HA_DPU_STATE, "dpu0_0", up="false")
    assert "local_ha_state" not in serving.state
    mark = len(serving.dpu.received)
    serving.dpu.power_on()
    serving.serve()
    sessions = [row for row in serving.dpu.received[mark:] if row.table == "BFD_SESSION_TABLE" and row.fields]
    assert {row.key for row in sessions} == {"default:default:127.1.0.32", "default:default:127.1.0.33"}
    assert serving.dpu.dpu.refused == []


def test_reset_is_announced_once_and_the_controllers_answer_stays(serving: Switch) -> None:
    serving.dpu.power_off()
    serving.wait_for_row(DPU_RESET_INFO, "DPU0", reset_status="true", dpu_id="dpu0_0", vdpu_id="vdpu0_0")
    serving.rows.write(DPU_RESET_INFO, "DPU0", {"reset_status": "false"})
    serving.dpu.power_on()
    serving.serve()
    serving.hamgrd.restart()
    serving.barrier()
    announced = serving.changes((0, 0), DPU_RESET_INFO)
    assert [(change.after or {})["reset_status"] for change in announced] == ["true", "false"]


def test_fl16_objects_that_the_dpu_refused_come_with_the_next_configuration(switch: Switch) -> None:
    """A DPU with ENIs on it takes no HA object; once they are gone, deleting and writing again is enough."""
    switch.dpu.deaf = True
    switch.configure()
    switch.dpu.do(lambda dpu, _: dpu.peer_appears())
    switch.dpu.power_on()
    switch.controller.configure_set()
    switch.controller.configure_scope(disabled=False)
    until(lambda: len(switch.dpu.received) == 2, switch.dpu.told)
    switch.controller.delete()
    until(lambda: len(switch.dpu.received) == 4, switch.dpu.told)
    switch.dpu.deaf = False
    switch.controller.configure_set()
    switch.controller.configure_scope()
    switch.serve()
    assert switch.ha_rows(passing=False) == SERVING


def test_fl52_request_that_the_dpu_did_not_take_is_put_before_the_controller_again(watchful: Switch) -> None:
    watchful.dpu.restart_swss(seen=True)
    old = watchful.wait_until_asked(ACTIVATE)
    watchful.dpu.deaf = True
    watchful.approve(ACTIVATE)
    until(lambda: watchful.controller.pending().get(ACTIVATE, old) != old, lambda: watchful.state)
    watchful.dpu.deaf = False
    watchful.approve(ACTIVATE)
    watchful.wait_for_state("active")
    # The one at the beginning, the one that fell on deaf ears, and the one that took effect.
    watchful.wait_for_the_wire()
    assert watchful.dpu.requests("activate_role_requested") == 3


def test_orchagent_that_moves_is_told_everything_at_its_new_address(serving: Switch) -> None:
    mark = len(serving.dpu.received)
    serving.dpu.move()
    serving.orchagent_port = serving.dpu.port
    serving.configure()
    is_told(serving, mark, ALL_IN_ORDER)
    assert serving.dpu.requests("activate_role_requested") == 1
    assert lasting(serving.state) == lasting(SERVING["DASH_HA_SCOPE_STATE", SCOPE_ROW])


def bring_to_asking(switch: Switch) -> None:
    switch.configure()
    switch.dpu.do(lambda dpu, _: dpu.peer_appears())
    switch.dpu.power_on()
    switch.controller.configure_set()
    switch.controller.configure_scope(disabled=False)
    switch.wait_until_asked(ACTIVATE)
