"""Field lessons that concern the node as a whole, each named after its number (field-lessons 1 and 2)."""

from typing import Any

import pytest

from hamgr_fsm.vocabulary import DesiredHaState, PlaneState
from models import tables
from models.table import Table
from runner.inputs import RowSet
from runner.outputs import Fault, WriteRow
from tests.node.switch import SCOPE_KEY, SET_ID, Switch


def up() -> Switch:
    switch = Switch()
    switch.planned_up()
    return switch


def test_fl16_objects_that_the_dpu_refused_converge_when_they_are_written_again() -> None:
    switch = Switch()
    switch.configure()
    switch.power_on()
    switch.dpu.peer_appears()
    # The DPU takes nothing while it is busy with something of its own.
    switch.dpu.powered = False
    switch.ha_set()
    switch.scope()
    switch.settle()
    assert switch.state["waiting_for"] == "the first report of the DPU", "no success is assumed"
    switch.dpu.powered = True
    for table, key in ((tables.DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY), (tables.DASH_HA_SET_CONFIG_TABLE, SET_ID)):
        switch.delete(table, key)
    switch.ha_set()
    switch.scope()
    switch.settle()
    switch.approve()
    switch.settle()
    assert switch.state["local_ha_state"] == "active"


@pytest.mark.parametrize("spelling", ["dead", "DEAD", "HA_STATE_DEAD"])
def test_fl24_one_spelling_inside_whatever_the_dpu_writes(spelling: str) -> None:
    switch = up()
    switch.write(tables.DASH_HA_SCOPE_STATE_TABLE, SET_ID, {"ha_state": spelling})
    assert switch.state["local_ha_state"] == switch.state["local_acked_asic_ha_state"] == "dead"


def test_fl27_repeated_down_reports_are_one_reset() -> None:
    switch = up()
    switch.power_off()
    info = switch.row(tables.DPU_RESET_INFO, "DPU0")
    mark = len(switch.written)
    for _ in range(20):
        switch.write(tables.DPU_STATE, "DPU0", {"dpu_control_plane_state": "down"})
    assert switch.since(mark) == []
    assert switch.row(tables.DPU_RESET_INFO, "DPU0") == info


def test_fl51_the_rows_of_a_crashed_dpu_follow_pmon_and_claim_no_role() -> None:
    switch = up()
    switch.dpu_does(switch.dpu.report_planes(switch.now_ms // 1000, data=PlaneState.DOWN))
    assert switch.state["local_vdpu_data_plane_state"] == "down"
    assert "local_acked_asic_ha_state" not in switch.state


def test_ld48_a_dpu_that_is_down_at_start_is_down() -> None:
    switch = up()
    # It went down while nobody was there to see the edge.
    planes = ("dpu_midplane_link_state", "dpu_control_plane_state", "dpu_data_plane_state")
    table = tables.DPU_STATE
    for plane in planes:
        switch.databases[table.database][table.name, "DPU0"][plane] = b"down"
    switch.restart()
    assert switch.row(tables.DPU_RESET_INFO, "DPU0") is not None
    assert "local_ha_state" not in switch.state
    assert switch.keys(tables.BFD_SESSION_TABLE) == set()


def test_ld49_reports_that_come_before_everything_else() -> None:
    switch = Switch()
    early: tuple[tuple[Table[Any], str, dict[str, str]], ...] = (
        (tables.DASH_HA_SCOPE_STATE_TABLE, SET_ID, {"ha_state": "dead", "activate_role_pending": "true"}),
        (tables.DASH_HA_SET_STATE_TABLE, SET_ID, {"dp_channel_is_alive": "up"}),
        (tables.DASH_BFD_PROBE_STATE, "dash_ha", {"v4_bfd_up_sessions": "10.1.0.32"}),
    )
    for table, key, fields in early:
        switch.write(table, key, fields)
    switch.configure()
    switch.ha_set()
    switch.scope()
    assert list(switch.pending().values()) == ["activate_role"]


def test_ld51_a_defect_in_one_entity_stops_neither_the_others_nor_the_node() -> None:
    switch = up()
    node = switch.node
    broken = node._entities[f"ha-set/{SET_ID}"]

    def refresh(_: object) -> bool:
        raise RuntimeError("a defect")

    broken.refresh = refresh  # type: ignore[method-assign,assignment]
    table = tables.DASH_HA_SET_CONFIG_TABLE
    fields = dict(switch.databases[table.database][table.name, SET_ID])
    outputs = node.step(RowSet(table.database, table.name, SET_ID, fields | {"pb": fields["pb"] + b"\x40\x01"}), 1)
    assert [output.entity for output in outputs if isinstance(output, Fault)] == [f"ha-set/{SET_ID}"]
    scope = tables.DASH_HA_SCOPE_STATE_TABLE
    outputs = node.step(RowSet(scope.database, scope.name, SET_ID, {"ha_state": b"standalone"}), 2)
    published = [o for o in outputs if isinstance(o, WriteRow) and o.table == "DASH_HA_SCOPE_STATE"]
    assert [row.fields["local_ha_state"] for row in published] == ["standalone"]


def test_ld56_only_rows_that_changed_are_written() -> None:
    switch = up()
    mark = len(switch.written)
    switch.write(tables.DASH_BFD_PROBE_STATE, "dash_ha", {"v4_bfd_up_sessions": "10.1.0.32"})
    assert {table for _, table, _ in switch.since(mark)} == {"DASH_HA_DPU_STATE", "DASH_HA_SCOPE_STATE"}
    assert switch.state["local_vdpu_up_bfd_sessions_v4"] == "10.1.0.32"


def test_ld61_creation_time_is_set_once_and_the_heartbeat_goes_on() -> None:
    switch = up()
    created = switch.state["creation_time_in_ms"]
    beats = [switch.state["last_heartbeat_time_in_ms"]]
    for _ in range(3):
        switch.fire("heartbeat")
        beats.append(switch.state["last_heartbeat_time_in_ms"])
    switch.restart()
    switch.scope(desired_ha_state=DesiredHaState.DEAD)
    assert beats == sorted(set(beats), key=int)
    assert switch.state["creation_time_in_ms"] == created
    assert int(created) > 0
