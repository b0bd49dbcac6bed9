"""The workflows of the DPU-driven design, played by a node and a simulated DPU in memory (scenarios W16 to W21, M9)."""

from ipaddress import IPv4Address

import pytest

from hamgr_fsm.vocabulary import DesiredHaState, PinState, PlaneState
from models import tables
from runner.outputs import DeleteRow, WriteRow
from tests.node.switch import CONFIGURATION, ROUTE_KEY, SCOPE_KEY, SCOPE_STATE_KEY, SET_ID, Switch

REQUESTS = ("flow_reconcile_requested", "activate_role_requested", "brainsplit_recovered")


def requested(switch: Switch) -> list[tuple[str, ...]]:
    """The request flags that were true in each row of the scope that was written, in order."""
    rows = [o for o in switch.written if isinstance(o, WriteRow) and o.table == "DASH_HA_SCOPE_TABLE"]
    return [tuple(flag for flag in REQUESTS if row.fields[flag] == "true") for row in rows]


def up() -> Switch:
    switch = Switch()
    switch.planned_up()
    return switch


def test_planned_up_writes_exactly_the_rows_of_the_tables() -> None:
    switch = Switch()
    switch.planned_up()
    assert switch.row(tables.DASH_HA_SET_TABLE, SET_ID) == {
        "version": "1.0",
        "vip_v4": "3.2.1.0",
        "owner": "dpu",
        "scope": "dpu",
        "local_npu_ip": "10.1.0.32",
        "local_ip": "20.0.200.1",
        "peer_ip": "20.0.201.1",
        "cp_data_channel_port": "6000",
        "dp_channel_dst_port": "7000",
        "dp_channel_src_port_min": "7001",
        "dp_channel_src_port_max": "7010",
        "dp_channel_probe_interval_ms": "500",
        "dp_channel_probe_fail_threshold": "5",
    }
    assert switch.dpu_scope == {
        "version": "1",
        "ha_role": "active",
        "ha_term": "0",
        "ha_set_id": SET_ID,
        "disabled": "false",
        "vip_v4": "3.2.1.0",
        "flow_reconcile_requested": "false",
        "activate_role_requested": "true",
        "brainsplit_recovered": "false",
    }
    session = {
        "tx_interval": "1000",
        "rx_interval": "1000",
        "multiplier": "3",
        "multihop": "true",
        "shutdown": "false",
        "local_addr": "20.0.200.1",
        "type": "passive",
    }
    assert {key: switch.row(tables.BFD_SESSION_TABLE, key) for key in switch.keys(tables.BFD_SESSION_TABLE)} == {
        "default:default:10.1.0.32": session,
        "default:default:10.1.0.33": session,
    }
    assert switch.row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY) == {
        "endpoint": "20.0.200.1,10.1.0.33",
        "endpoint_monitor": "20.0.200.1,20.0.201.1",
        "monitoring": "custom_bfd",
        "primary": "20.0.200.1",
        "rx_monitor_timer": "1000",
        "tx_monitor_timer": "1000",
        "check_directly_connected": "true",
        "pinned_state": "none,none",
    }
    assert switch.row(tables.NEIGH_RESOLVE_TABLE, "Vlan55:20.0.200.1") == {"mac": "00:00:00:00:00:00"}
    assert switch.dpu.refused == []


def test_planned_up_reports_each_step_of_the_dpu_and_serves_after_approval() -> None:
    switch = up()
    states = [
        o.fields["local_ha_state"]
        for o in switch.written
        if isinstance(o, WriteRow) and o.table == "DASH_HA_SCOPE_STATE" and "local_ha_state" in o.fields
    ]
    assert list(dict.fromkeys(states)) == [
        "dead",
        "connecting",
        "connected",
        "initializing_to_active",
        "pending_active_activation",
        "active",
    ]
    state = switch.state
    assert state["local_acked_asic_ha_state"] == state["local_ha_state"] == "active"
    assert state["local_ha_state_last_updated_reason"] == "dpu initiated"
    assert state["local_target_asic_ha_state"] == "active"
    assert state["pending_operation_ids"] == state["pending_operation_types"] == ""
    assert state["local_vdpu_up_bfd_sessions_v4"] == "10.1.0.32,10.1.0.33"
    assert "waiting_for" not in state


def test_request_flag_is_true_in_exactly_one_row() -> None:
    switch = up()
    assert requested(switch) == [(), (), ("activate_role_requested",)]
    assert switch.dpu.requests_of("activate_role_requested") == 1
    switch.scope(version="2")
    assert requested(switch)[-1] == ()


def test_responders_are_absent_until_the_dpu_serves() -> None:
    switch = Switch()
    switch.configure()
    switch.power_on()
    switch.dpu.peer_appears()
    switch.ha_set()
    switch.scope()
    switch.settle()
    assert switch.state["local_ha_state"] == "pending_active_activation"
    assert switch.keys(tables.BFD_SESSION_TABLE) == set()


def test_side_without_a_wish_is_told_to_be_standby() -> None:
    switch = Switch()
    switch.configure()
    switch.ha_set()
    switch.scope(desired_ha_state=DesiredHaState.UNSPECIFIED)
    assert switch.dpu_scope["ha_role"] == "standby"
    assert switch.state["local_target_asic_ha_state"] == "unspecified"


def test_planned_down_silences_probes_before_the_row_says_dead() -> None:
    switch = up()
    mark = len(switch.written)
    switch.scope(desired_ha_state=DesiredHaState.DEAD)
    to_dpu = [o for o in switch.since(mark) if o[1] in ("BFD_SESSION_TABLE", "DASH_HA_SCOPE_TABLE")]
    assert to_dpu == [
        ("D", "BFD_SESSION_TABLE", "default:default:10.1.0.32"),
        ("D", "BFD_SESSION_TABLE", "default:default:10.1.0.33"),
        ("W", "DASH_HA_SCOPE_TABLE", SET_ID),
    ]
    assert switch.dpu_scope["ha_role"] == "dead"
    route = switch.row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)
    switch.settle()
    assert switch.state["local_ha_state"] == "dead"
    assert switch.row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY) == route


def test_planned_down_then_up_again_needs_a_new_approval() -> None:
    switch = up()
    switch.scope(desired_ha_state=DesiredHaState.DEAD)
    switch.settle()
    switch.scope(desired_ha_state=DesiredHaState.DEAD, disabled=True)
    switch.settle()
    switch.scope()
    switch.settle()
    assert list(switch.pending().values()) == ["activate_role"]
    switch.approve()
    switch.settle()
    assert switch.state["local_ha_state"] == "active"
    assert switch.dpu.requests_of("activate_role_requested") == 2


def test_deletion_leaves_no_row_behind() -> None:
    switch = Switch()
    switch.configure()
    switch.power_on()
    switch.dpu.peer_appears()
    before = switch.ha_rows()
    for _ in range(3):
        switch.ha_set()
        switch.scope()
        switch.settle()
        switch.approve()
        switch.settle()
        assert switch.state["local_ha_state"] == "active"
        mark = len(switch.written)
        switch.delete(tables.DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY)
        switch.delete(tables.DASH_HA_SET_CONFIG_TABLE, SET_ID)
        switch.settle()
        deleted = [o[1:] for o in switch.since(mark) if o[0] == "D"]
        assert len(deleted) == len(set(deleted)), "a row was deleted twice"
        left = {
            row: {name: value for name, value in fields.items() if not name.startswith(("last_updated", "v4_bfd"))}
            for row, fields in switch.ha_rows().items()
        }
        assert left.keys() == before.keys()


def test_scope_is_deleted_before_its_set_when_both_go_in_any_order() -> None:
    switch = up()
    mark = len(switch.written)
    switch.delete(tables.DASH_HA_SET_CONFIG_TABLE, SET_ID)
    gone = [(op, table) for op, table, _ in switch.since(mark) if table.startswith("DASH_HA_S") and op == "D"]
    assert gone.index(("D", "DASH_HA_SCOPE_TABLE")) < gone.index(("D", "DASH_HA_SET_TABLE"))
    assert switch.dpu.refused == []
    switch.delete(tables.DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY)
    assert switch.keys(tables.DASH_HA_SCOPE_STATE) == set()


def test_loss_of_the_peer_asks_for_flow_reconcile_once() -> None:
    switch = up()
    switch.dpu.peer_lost()
    switch.settle()
    assert switch.state["local_ha_state"] == "standalone"
    assert list(switch.pending().values()) == ["flow_reconcile"]
    switch.approve()
    switch.settle()
    assert switch.pending() == {}
    assert switch.dpu.requests_of("flow_reconcile_requested") == 1
    assert switch.row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)["primary"] == "20.0.200.1"  # type: ignore[index]


def test_fl12_each_split_brain_is_a_new_operation_and_recovered_once() -> None:
    switch = up()
    seen: set[str] = set()
    for number in (1, 2):
        switch.dpu.peer_lost()
        switch.settle()
        switch.approve()
        switch.settle()
        switch.dpu.split_brain()
        switch.settle()
        operations = {id_: type_ for id_, type_ in switch.pending().items() if type_ == "brainsplit_recover"}
        assert len(operations) == 1
        assert not seen & operations.keys()
        seen |= operations.keys()
        switch.approve()
        switch.dpu.peer_appears()
        switch.settle()
        assert switch.dpu.requests_of("brainsplit_recovered") == number
        while switch.pending():
            switch.approve()
            switch.settle()


def test_launch_without_peer_ends_standalone() -> None:
    switch = Switch()
    switch.configure()
    switch.power_on()
    switch.dpu.peer_lost()
    switch.ha_set()
    switch.scope()
    switch.settle()
    assert switch.state["local_ha_state"] == "pending_standalone_activation"
    switch.approve()
    switch.settle()
    assert switch.state["local_ha_state"] == "standalone"
    assert switch.keys(tables.BFD_SESSION_TABLE) == {"default:default:10.1.0.32", "default:default:10.1.0.33"}


def test_w21_dpu_reset_republishes_everything_in_order() -> None:
    switch = up()
    rows = switch.ha_rows()
    switch.power_off()
    info = switch.row(tables.DPU_RESET_INFO, "DPU0")
    assert info is not None
    assert {name: value for name, value in info.items() if name != "timestamp"} == {
        "reset_status": "true",
        "dpu_id": "dpu0_0",
        "vdpu_id": "vdpu0_0",
    }
    state = switch.state
    assert "local_ha_state" not in state
    assert "local_acked_asic_ha_state" not in state
    assert state["local_vdpu_control_plane_state"] == "down"
    assert state["waiting_for"] == "the DPU to come back after its reset"

    mark = len(switch.written)
    switch.power_on()
    switch.settle()
    switch.approve()
    switch.settle()
    to_dpu = [table for op, table, _ in switch.since(mark) if table in ("DASH_HA_SET_TABLE", "BFD_SESSION_TABLE")]
    assert to_dpu == ["DASH_HA_SET_TABLE", "BFD_SESSION_TABLE", "BFD_SESSION_TABLE"]
    first = [table for op, table, _ in switch.since(mark) if table.startswith("DASH_HA_S") and table.endswith("_TABLE")]
    assert first[:2] == ["DASH_HA_SET_TABLE", "DASH_HA_SCOPE_TABLE"]
    for table in (tables.DASH_HA_SET_TABLE, tables.DASH_HA_SCOPE_TABLE, tables.BFD_SESSION_TABLE):
        for key in switch.keys(table):
            assert switch.row(table, key) == rows[table.name, key]
    assert switch.dpu.refused == []


def test_w18_a_reset_withdraws_what_was_pending_and_the_new_request_has_a_new_id() -> None:
    switch = Switch()
    switch.configure()
    switch.power_on()
    switch.dpu.peer_appears()
    switch.ha_set()
    switch.scope()
    switch.settle()
    old = switch.pending()
    switch.power_off()
    assert switch.pending() == {}
    switch.power_on()
    switch.settle()
    new = switch.pending()
    assert list(new.values()) == list(old.values()) == ["activate_role"]
    assert not old.keys() & new.keys()
    switch.scope(approved_pending_operation_ids=tuple(old))
    assert switch.dpu.requests_of("activate_role_requested") == 0, "an approval of the past activates nothing"


def test_w21_flush_that_nobody_reported_is_noticed_by_the_audit() -> None:
    switch = up()
    switch.dpu_does(switch.dpu.restart_swss(switch.now_ms // 1000, seen=False))
    assert switch.keys(tables.DASH_HA_SET_TABLE) == set()
    mark = len(switch.written)
    switch.audit()
    to_dpu = [(op, table) for op, table, _ in switch.since(mark) if op == "W" and "STATE" not in table]
    assert to_dpu == [("W", "DASH_HA_SET_TABLE"), ("W", "DASH_HA_SCOPE_TABLE")]
    assert switch.row(tables.DPU_RESET_INFO, "DPU0") is None
    switch.settle()
    switch.approve()
    switch.settle()
    assert switch.state["local_ha_state"] == "active"
    assert len(switch.keys(tables.BFD_SESSION_TABLE)) == 2


def test_reset_info_is_written_once_and_the_controllers_answer_stays() -> None:
    switch = up()
    switch.power_off()
    switch.databases[tables.DPU_RESET_INFO.database][("DPU_RESET_INFO", "DPU0")]["reset_status"] = b"false"
    switch.audit()
    switch.dpu_does(switch.dpu.report_planes(switch.now_ms // 1000, data=PlaneState.UNKNOWN))
    switch.restart()
    assert switch.row(tables.DPU_RESET_INFO, "DPU0")["reset_status"] == "false"  # type: ignore[index]
    switch.power_on()
    switch.settle()
    switch.power_off()
    assert switch.row(tables.DPU_RESET_INFO, "DPU0")["reset_status"] == "true"  # type: ignore[index]


def test_w20_re_pair_gives_the_set_its_new_peer() -> None:
    switch = up()
    switch.scope(disabled=True, desired_ha_state=DesiredHaState.DEAD)
    switch.settle()
    new = {"type": "cluster", "dpu_id": "1", "pa_ipv4": "20.0.202.1", "npu_ipv4": "10.1.0.34", "swbus_port": "23607"}
    switch.write(tables.REMOTE_DPU, "dpu2_0", new)
    switch.write(tables.VDPU, "vdpu2_0", {"main_dpu_ids": "dpu2_0"})
    mark = len(switch.written)
    switch.ha_set(vdpu_ids=("vdpu0_0", "vdpu2_0"))
    row = switch.row(tables.DASH_HA_SET_TABLE, SET_ID)
    assert row is not None
    assert row["peer_ip"] == "20.0.202.1"
    # The DPU takes another peer address for an existing set: nothing is deleted.
    assert [o for o in switch.since(mark) if o[0] == "D"] == []
    route = switch.row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)
    assert route is not None
    assert route["endpoint"] == "20.0.200.1,10.1.0.34"
    switch.scope()
    switch.settle()
    switch.approve()
    switch.settle()
    assert switch.keys(tables.BFD_SESSION_TABLE) == {"default:default:10.1.0.32", "default:default:10.1.0.34"}
    assert switch.state["peer_ip"] == "20.0.202.1"


def test_a_set_whose_vip_changes_is_created_anew_below_its_scope() -> None:
    switch = up()
    mark = len(switch.written)
    switch.ha_set(vip_v4="3.2.1.9")
    to_dpu = [o for o in switch.since(mark) if o[1] in ("DASH_HA_SET_TABLE", "DASH_HA_SCOPE_TABLE")]
    assert to_dpu == [
        ("D", "DASH_HA_SCOPE_TABLE", SET_ID),
        ("D", "DASH_HA_SET_TABLE", SET_ID),
        ("W", "DASH_HA_SET_TABLE", SET_ID),
        ("W", "DASH_HA_SCOPE_TABLE", SET_ID),
    ]
    assert switch.keys(tables.VNET_ROUTE_TUNNEL_TABLE) == {"Vnet_55:3.2.1.9"}
    assert switch.dpu_scope["vip_v4"] == "3.2.1.9"
    assert switch.dpu_scope["activate_role_requested"] == "false"
    assert switch.dpu.refused == []


def test_pins_move_packets_and_nothing_else() -> None:
    switch = up()
    mark = len(switch.written)
    switch.ha_set(pinned_vdpu_bfd_probe_states=(PinState.DOWN, PinState.NONE), preferred_vdpu_id="vdpu1_0")
    assert [o for o in switch.since(mark) if "STATE" not in o[1]] == [("W", "VNET_ROUTE_TUNNEL_TABLE", ROUTE_KEY)]
    route = switch.row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)
    assert route is not None
    assert route["endpoint"] == "10.1.0.33,20.0.200.1"
    assert route["pinned_state"] == "none,down"
    assert IPv4Address(route["primary"]) == IPv4Address("10.1.0.33")


def test_request_that_the_dpu_never_takes_is_put_before_the_controller_again() -> None:
    switch = Switch()
    switch.configure()
    switch.ha_set()
    switch.scope()
    asking = {"ha_state": "pending_active_activation", "activate_role_pending": "true"}
    switch.write(tables.DASH_HA_SCOPE_STATE_TABLE, SET_ID, asking)
    old = switch.pending()
    switch.approve()
    assert switch.pending() == {}
    assert switch.state["waiting_for"] == "the DPU to take activate_role"
    switch.fire(f"ha-scope/{SCOPE_KEY}/request")
    new = switch.pending()
    assert list(new.values()) == ["activate_role"]
    assert not old.keys() & new.keys()
    assert switch.dpu_scope["activate_role_requested"] == "false"
    switch.approve()
    assert switch.dpu_scope["activate_role_requested"] == "true"


def test_heartbeat_changes_nothing_but_itself() -> None:
    switch = up()
    before = switch.state
    mark = len(switch.written)
    switch.fire("heartbeat")
    assert switch.since(mark) == [("W", "DASH_HA_SCOPE_STATE", SCOPE_STATE_KEY)]
    changed = {name for name, value in switch.state.items() if before.get(name) != value}
    assert changed == {"last_heartbeat_time_in_ms"}
    assert "heartbeat" in switch.timers


def test_journal_of_inputs_reproduces_the_outputs() -> None:
    switch = up()
    switch.power_off()
    switch.power_on()
    switch.settle()
    again = Switch(started=False)
    outputs = []
    for happened, now_ms in switch.journal:
        outputs += [o for o in again.node.step(happened, now_ms) if isinstance(o, WriteRow | DeleteRow)]
    assert outputs == switch.written


@pytest.mark.parametrize("missing", [key for _, key, _ in CONFIGURATION])
def test_a_missing_piece_of_configuration_is_named(missing: str) -> None:
    switch = Switch()
    for table, key, fields in CONFIGURATION:
        if key != missing:
            switch.write(table, key, fields)
    switch.ha_set()
    switch.scope()
    texts = [
        (row or {}).get("waiting_for", "")
        for table in (tables.DASH_HA_SET_STATE, tables.DASH_HA_SCOPE_STATE)
        for key in switch.keys(table)
        for row in [switch.row(table, key)]
    ]
    assert any(texts), "nothing says what is missing"
    assert switch.keys(tables.DASH_HA_SET_TABLE) == switch.keys(tables.DASH_HA_SCOPE_TABLE) == set()
    for table, key, fields in CONFIGURATION:
        if key == missing:
            switch.write(table, key, fields)
    assert switch.dpu_scope["ha_role"] == "active"
