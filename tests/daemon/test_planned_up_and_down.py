"""The whole life of a scope by plain writes, and exactly the rows that the tables of SONiC describe (W16, W17)."""

import json

from typer.testing import CliRunner, Result

from hamgr_fsm.vocabulary import DesiredHaState, OperationType
from models.database import Database
from models.tables import (
    DASH_HA_DPU_STATE,
    DASH_HA_GLOBAL_CONFIG_STATE,
    DASH_HA_SCOPE_CONFIG_TABLE,
    DASH_HA_SCOPE_STATE,
    DASH_HA_SCOPE_TABLE,
    DASH_HA_SET_CONFIG_TABLE,
    DASH_HA_SET_STATE,
    DASH_HA_VDPU_STATE,
)
from runner.command_line.hamgr import app
from tests.daemon.controller import HA_SET_ID
from tests.daemon.daemon import until
from tests.daemon.expected_rows import DPU_ROWS, ENTITY_ROWS, NPU_ROWS, SERVING, STATE_ROWS
from tests.daemon.switch import SCOPE_KEY, SCOPE_ROW, Switch


def test_w16_planned_up_leaves_exactly_the_rows_of_the_tables(serving: Switch) -> None:
    assert serving.ha_rows(passing=False) == SERVING


def test_w16_rows_of_the_switch_are_main_rows_once_they_are_consumed(serving: Switch) -> None:
    serving.consumers.consume()
    assert serving.ha_rows(passing=False) == DPU_ROWS | NPU_ROWS | STATE_ROWS
    names = serving.rows.names(Database.APPL_DB)
    assert not [name for name in names if name.startswith("_") or name.endswith(("_KEY_SET", "_DEL_SET"))]
    marks = serving.marks()
    serving.barrier()
    assert serving.changes(marks) == [], "what was consumed is not produced again"


def test_every_change_of_a_row_says_something_new_and_none_is_taken_back(serving: Switch) -> None:
    changes = serving.changes()
    assert not [str(change) for change in changes if change.idle or change.deleted]
    times = [value for row in serving.ha_rows().values() for name, value in row.items() if name.endswith("time_in_ms")]
    assert all(len(time) == len("1718032542123") for time in times)


def test_fl04_dpu_hears_the_set_before_the_scope_and_each_row_once(serving: Switch) -> None:
    serving.wait_for_the_wire()
    assert serving.dpu.told() == [
        "+DASH_HA_SET_TABLE",
        "+DASH_HA_SCOPE_TABLE",
        "+DASH_HA_SCOPE_TABLE",
        "+BFD_SESSION_TABLE",
        "+BFD_SESSION_TABLE",
        "+DASH_HA_SCOPE_TABLE",
    ]
    assert serving.dpu.requests("activate_role_requested") == 1


def test_w17_planned_down_silences_the_probes_first_and_leaves_nothing(serving: Switch) -> None:
    mark = len(serving.dpu.received)
    serving.controller.configure_scope(desired_ha_state=DesiredHaState.DEAD)
    serving.wait_for_state("dead")
    serving.controller.configure_scope(disabled=True)
    serving.wait_for_row(DASH_HA_SCOPE_TABLE, HA_SET_ID, ha_role="dead", disabled="true")
    take_down(serving)
    until(lambda: len(serving.dpu.received) >= mark + 6, lambda: serving.dpu.told(mark))
    assert serving.dpu.told(mark) == [
        "-BFD_SESSION_TABLE",
        "-BFD_SESSION_TABLE",
        "+DASH_HA_SCOPE_TABLE",
        "+DASH_HA_SCOPE_TABLE",
        "-DASH_HA_SCOPE_TABLE",
        "-DASH_HA_SET_TABLE",
    ]
    assert serving.ha_rows(passing=False) == ENTITY_ROWS
    assert serving.dpu.dpu.refused == []


def test_fl38_fl39_configured_and_deleted_three_times_nothing_of_it_is_left(serving: Switch) -> None:
    for _ in range(3):
        marks = serving.marks()
        take_down(serving)
        serving.barrier()
        assert serving.ha_rows(passing=False) == ENTITY_ROWS
        gone = [(change.table, change.key) for change in serving.changes(marks) if change.deleted]
        assert len(gone) == len(set(gone)), "FL-15: a row was deleted twice"
        serving.controller.configure_set()
        serving.controller.configure_scope()
        serving.serve()
        assert serving.ha_rows(passing=False) == SERVING
    assert serving.dpu.requests("activate_role_requested") == 4


def test_deconfigured_switch_holds_no_ha_row_anywhere(serving: Switch) -> None:
    take_down(serving)
    serving.deconfigure()
    until(lambda: not serving.ha_rows(), serving.ha_rows)
    assert not [name for name in serving.rows.names(Database.APPL_DB) if name.startswith("DASH_HA")]


def test_fl12_each_split_brain_is_a_new_operation_and_recovered_once(serving: Switch) -> None:
    seen: set[str] = set()
    for number in (1, 2):
        serving.dpu.do(lambda dpu, _: dpu.peer_lost())
        serving.wait_until_asked(OperationType.FLOW_RECONCILE)
        serving.approve(OperationType.FLOW_RECONCILE)
        serving.wait_for_state("standalone")
        serving.dpu.do(lambda dpu, _: dpu.split_brain())
        seen.add(serving.wait_until_asked(OperationType.BRAINSPLIT_RECOVER))
        serving.approve(OperationType.BRAINSPLIT_RECOVER)
        serving.wait_for_state("active")
        serving.wait_for_the_wire()
        assert serving.dpu.requests("brainsplit_recovered") == len(seen) == number
        assert serving.dpu.requests("flow_reconcile_requested") == number


def test_show_prints_what_a_running_system_publishes(serving: Switch) -> None:
    for command, table in (
        ("global-config", DASH_HA_GLOBAL_CONFIG_STATE),
        ("dpu", DASH_HA_DPU_STATE),
        ("vdpu", DASH_HA_VDPU_STATE),
        ("set", DASH_HA_SET_STATE),
        ("scope", DASH_HA_SCOPE_STATE),
    ):
        assert json.loads(show(serving, command, "--json").stdout) == serving.rows.rows(table)
    assert json.loads(show(serving, "scope", SCOPE_KEY, "--json").stdout) == {SCOPE_ROW: serving.state}
    line = next(line for line in show(serving, "scope").stdout.splitlines() if "vdpu0_0" in line)
    assert line.count("active") >= 2
    details = show(serving, "scope", SCOPE_KEY).stdout
    assert all(name in details for name in serving.state)


def show(switch: Switch, *arguments: str) -> Result:
    main_file, global_file = switch.files
    where = ["--db-config", str(main_file), "--global-db-config", str(global_file)]
    result = CliRunner().invoke(app, ["show", "ha", *arguments, *where])
    assert result.exit_code == 0, result.stderr
    return result


def take_down(switch: Switch) -> None:
    """The controller deletes scope and set."""
    switch.controller.delete()
    switch.wait_until_gone(DASH_HA_SCOPE_STATE, SCOPE_ROW)
    switch.wait_until_gone(DASH_HA_SET_STATE, HA_SET_ID)
    assert switch.rows.keys(DASH_HA_SET_CONFIG_TABLE) == switch.rows.keys(DASH_HA_SCOPE_CONFIG_TABLE) == []
