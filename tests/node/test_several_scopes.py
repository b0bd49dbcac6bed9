"""One node with several HA sets and scopes on its DPU: each has its rows; what they share stays while one needs it."""

from hamgr_fsm.vocabulary import DesiredHaState, HaOwner
from models import tables
from tests.node.switch import SET_ID, Switch, scope_fields, set_fields
from tests.node.wired_pair import WiredPair

SETS = (SET_ID, "haset0_1", "haset0_2")
SESSIONS = {"default:default:10.1.0.32", "default:default:10.1.0.33"}


def several(owner: HaOwner = HaOwner.DPU) -> Switch:
    """Three sets of the same two vDPUs, each with its scope."""
    switch = Switch()
    switch.configure()
    switch.power_on()
    switch.dpu.peer_appears()
    for number, set_id in enumerate(SETS):
        switch.write(tables.DASH_HA_SET_CONFIG_TABLE, set_id, set_fields(vip_v4=f"3.2.1.{number}"))
        fields = scope_fields(ha_set_id=set_id, owner=owner)
        switch.write(tables.DASH_HA_SCOPE_CONFIG_TABLE, f"vdpu0_0:{set_id}", fields)
    return switch


def state_of(switch: Switch, set_id: str) -> dict[str, str]:
    row = switch.row(tables.DASH_HA_SCOPE_STATE, f"vdpu0_0|{set_id}")
    assert row is not None
    return row


def serve(switch: Switch) -> None:
    """Approve whatever any of the scopes asks for."""
    switch.settle()
    for set_id in SETS:
        ids = state_of(switch, set_id).get("pending_operation_ids", "").split(",")
        fields = scope_fields(ha_set_id=set_id, approved_pending_operation_ids=tuple(filter(None, ids)))
        switch.write(tables.DASH_HA_SCOPE_CONFIG_TABLE, f"vdpu0_0:{set_id}", fields)
    switch.settle()


def test_each_scope_is_activated_by_its_own_approval() -> None:
    switch = several()
    switch.settle()
    ids = [state_of(switch, set_id)["pending_operation_ids"] for set_id in SETS]
    assert len(set(ids)) == len(SETS)
    fields = scope_fields(ha_set_id=SETS[1], approved_pending_operation_ids=tuple(ids))
    switch.write(tables.DASH_HA_SCOPE_CONFIG_TABLE, f"vdpu0_0:{SETS[1]}", fields)
    switch.settle()
    states = [state_of(switch, set_id)["local_ha_state"] for set_id in SETS]
    assert states == ["pending_active_activation", "active", "pending_active_activation"]


def test_shared_sessions_stay_while_one_scope_serves() -> None:
    switch = several()
    serve(switch)
    assert switch.keys(tables.BFD_SESSION_TABLE) == SESSIONS
    assert switch.keys(tables.VNET_ROUTE_TUNNEL_TABLE) == {f"Vnet_55:3.2.1.{number}" for number in range(3)}
    for number, set_id in enumerate(SETS):
        assert switch.keys(tables.BFD_SESSION_TABLE) == SESSIONS
        switch.delete(tables.DASH_HA_SCOPE_CONFIG_TABLE, f"vdpu0_0:{set_id}")
        switch.delete(tables.DASH_HA_SET_CONFIG_TABLE, set_id)
        assert len(switch.keys(tables.VNET_ROUTE_TUNNEL_TABLE)) == 2 - number
    for table in (tables.BFD_SESSION_TABLE, tables.NEIGH_RESOLVE_TABLE, tables.DASH_HA_SET_TABLE):
        assert switch.keys(table) == set()


def test_a_reset_tells_every_scope_again_after_its_set() -> None:
    switch = several()
    serve(switch)
    switch.power_off()
    mark = len(switch.written)
    switch.power_on()
    told = [
        (table, key) for op, table, key in switch.since(mark) if table in ("DASH_HA_SET_TABLE", "DASH_HA_SCOPE_TABLE")
    ]
    for set_id in SETS:
        assert told.index(("DASH_HA_SET_TABLE", set_id)) < told.index(("DASH_HA_SCOPE_TABLE", set_id))
    serve(switch)
    assert {state_of(switch, set_id)["local_ha_state"] for set_id in SETS} == {"active"}
    assert switch.dpu.refused == []


def test_a_restart_with_several_scopes_writes_nothing() -> None:
    switch = several()
    serve(switch)
    mark = len(switch.written)
    switch.restart()
    assert switch.since(mark) == []


A, B = DesiredHaState.ACTIVE, DesiredHaState.UNSPECIFIED


def paired() -> WiredPair:
    """Two switch-driven sets of the same two DPUs, both Active on side 0 and Standby on side 1."""
    pair = WiredPair(SETS[:2])
    for set_id in SETS[:2]:
        pair.scope(0, set_id, desired_ha_state=A)
        pair.scope(1, set_id, desired_ha_state=B)
        pair.let_pass(40)
        pair.approve(0, set_id, A)
        pair.approve(1, set_id, B)
        pair.let_pass(1)
        pair.approve(1, set_id, B)
    return pair


def primary(pair: WiredPair, number: int, vip: str) -> str:
    return pair.ends[number].rows["VNET_ROUTE_TUNNEL_TABLE", f"Vnet_55:{vip}"]["primary"]


def test_switch_driven_scopes_of_one_dpu_are_paired_one_by_one() -> None:
    pair = paired()
    assert [pair.states(set_id) for set_id in SETS[:2]] == [("ACTIVE", "STANDBY")] * 2


def test_a_switchover_moves_one_scope_and_leaves_the_other() -> None:
    pair = paired()
    pair.scope(0, SETS[0], desired_ha_state=B)
    pair.scope(1, SETS[0], desired_ha_state=A)
    pair.approve(1, SETS[0], A)
    assert [pair.states(set_id) for set_id in SETS[:2]] == [("STANDBY", "ACTIVE"), ("ACTIVE", "STANDBY")]
    assert [primary(pair, 0, vip) for vip in ("3.2.1.0", "3.2.1.1")] == ["10.1.0.33", "20.0.200.1"]


def test_a_dpu_that_fails_takes_all_its_scopes_along() -> None:
    pair = paired()
    pair.write(0, tables.DPU_STATE, "DPU0", {"dpu_midplane_link_state": "down", "dpu_control_plane_state": "down"})
    pair.let_pass(2)
    assert [pair.states(set_id)[1] for set_id in SETS[:2]] == ["STANDALONE"] * 2
    assert [primary(pair, 1, vip) for vip in ("3.2.1.0", "3.2.1.1")] == ["20.0.201.1"] * 2
