"""Configuration in any order, deleted and written again, repeated and wrong: scenarios C01 to C11, C22 to C30."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hamgr_fsm.vocabulary import DesiredHaState, HaOwner
from models import tables
from models.database import Database
from models.table import Table
from runner.inputs import RowDeleted, RowSet, RowUnreadable
from runner.outputs import DeleteRow, InputRejected, ReachOrchagent
from tests.node.switch import CONFIGURATION, ROUTE_KEY, SCOPE_KEY, SET_ID, Switch, scope_fields, set_fields

ROWS: tuple[tuple[Table[Any], str, dict[str, Any]], ...] = (
    *CONFIGURATION,
    (tables.DASH_HA_SET_CONFIG_TABLE, SET_ID, set_fields()),
    (tables.DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY, scope_fields()),
)


def outcome(switch: Switch) -> dict[tuple[str, str], dict[str, str]]:
    """What hamgrd has written, without times."""
    return {
        row: {name: value for name, value in fields.items() if "time" not in name}
        for row, fields in switch.ha_rows().items()
    }


def in_order(rows: list[tuple[Table[Any], str, dict[str, Any]]]) -> Switch:
    switch = Switch()
    switch.power_on()
    switch.dpu.peer_appears()
    for table, key, fields in rows:
        switch.write(table, key, fields)
    return switch


def serve(switch: Switch) -> Switch:
    switch.settle()
    switch.approve()
    switch.settle()
    return switch


EXPECTED = outcome(serve(in_order(list(ROWS))))


@given(st.permutations(ROWS))
@settings(max_examples=150, deadline=None)
def test_c01_any_order_of_configuration_ends_alike(rows: list[tuple[Table[Any], str, dict[str, Any]]]) -> None:
    switch = in_order(rows)
    told = [table for _, table, _ in switch.since(0) if table in ("DASH_HA_SET_TABLE", "DASH_HA_SCOPE_TABLE")]
    assert told == ["DASH_HA_SET_TABLE", "DASH_HA_SCOPE_TABLE"]
    assert outcome(serve(switch)) == EXPECTED
    assert switch.dpu.refused == []


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_c01_all_orders_of_scope_set_vdpu_and_global(order: tuple[int, ...]) -> None:
    early = [row for row in ROWS if row[0] in (tables.LOOPBACK_INTERFACE, tables.DPU, tables.REMOTE_DPU)]
    late = [
        [row for row in ROWS if row[0] is table]
        for table in (
            tables.DASH_HA_SCOPE_CONFIG_TABLE,
            tables.DASH_HA_SET_CONFIG_TABLE,
            tables.VDPU,
            tables.DASH_HA_GLOBAL_CONFIG,
        )
    ]
    switch = in_order([*early, *(row for index in order for row in late[index])])
    assert outcome(serve(switch)) == EXPECTED


def test_rows_written_before_the_daemon_starts() -> None:
    switch = Switch(started=False)
    for table, key, fields in ROWS:
        rows = switch.databases[table.database]
        rows[table.name, key] = {n: v if isinstance(v, bytes) else v.encode() for n, v in fields.items()}
    switch.power_on()
    switch.dpu.peer_appears()
    switch.restart()
    assert outcome(serve(switch)) == EXPECTED


def test_nothing_is_decided_before_the_snapshot_is_complete() -> None:
    switch = Switch(started=False)
    for table, key, fields in ROWS:
        switch.write(table, key, fields)
    assert switch.written == []


def test_c07_repeated_rows_change_nothing() -> None:
    switch = serve(in_order(list(ROWS)))
    mark = len(switch.written)
    for _ in range(10):
        for table, key, fields in ROWS:
            switch.write(table, key, dict(reversed(list(fields.items()))))
    assert switch.since(mark) == []


@pytest.mark.parametrize(("version", "told"), [("1.0", "1"), ("", "0"), ("abc", "0"), ("7", "7")])
def test_ld50_any_version_is_shown_as_text_and_told_as_a_number(version: str, told: str) -> None:
    switch = serve(in_order(list(ROWS)))
    switch.scope(version=version)
    assert switch.dpu_scope["version"] == told
    assert switch.state["version"] == version
    assert switch.state["local_ha_state"] == "active"


def test_fl54_a_lower_version_is_applied() -> None:
    switch = in_order(list(ROWS))
    switch.scope(version="9")
    switch.scope(version="3", disabled=True)
    assert switch.state["version"] == "3"
    assert switch.dpu_scope["disabled"] == "true"


def test_ld27_all_differences_of_one_update_take_effect() -> None:
    switch = in_order(list(ROWS))
    switch.settle()
    switch.scope(
        version="2",
        desired_ha_state=DesiredHaState.UNSPECIFIED,
        approved_pending_operation_ids=tuple(switch.pending()),
    )
    assert switch.dpu_scope["version"] == "2"
    assert switch.dpu_scope["ha_role"] == "standby"
    assert switch.dpu.requests_of("activate_role_requested") == 1


def test_c06_unknown_old_and_repeated_approvals() -> None:
    switch = in_order(list(ROWS))
    switch.scope(approved_pending_operation_ids=("no-such-id",))
    switch.settle()
    ids = tuple(switch.pending())
    for _ in range(3):
        switch.scope(approved_pending_operation_ids=(*ids, "no-such-id", *ids))
        switch.settle()
    assert switch.dpu.requests_of("activate_role_requested") == 1
    assert switch.state["local_ha_state"] == "active"


def test_ld33_several_approvals_at_once_all_take_effect() -> None:
    switch = serve(in_order(list(ROWS)))
    asking = {"activate_role_pending": "true", "flow_reconcile_pending": "true", "brainsplit_recover_pending": "true"}
    switch.write(tables.DASH_HA_SCOPE_STATE_TABLE, SET_ID, asking)
    pending = switch.pending()
    assert list(pending.values()) == ["activate_role", "flow_reconcile", "brainsplit_recover"]
    switch.scope(approved_pending_operation_ids=tuple(pending))
    row = switch.dpu_scope
    assert [row[name] for name in ("activate_role_requested", "flow_reconcile_requested", "brainsplit_recovered")] == [
        "true",
        "true",
        "true",
    ]


def test_fl06_a_scope_that_is_deleted_and_written_again_lives() -> None:
    switch = serve(in_order(list(ROWS)))
    switch.delete(tables.DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY)
    assert switch.keys(tables.DASH_HA_SCOPE_STATE) == set()
    switch.scope()
    serve(switch)
    assert switch.state["local_ha_state"] == "active"
    assert switch.dpu.requests_of("activate_role_requested") == 2


def test_a_scope_that_is_written_again_at_once_inherits_nothing() -> None:
    switch = serve(in_order(list(ROWS)))
    # Both changes are there before the DPU has said anything about the first.
    table = tables.DASH_HA_SCOPE_CONFIG_TABLE
    switch.dpu.powered = False
    switch.delete(table, SCOPE_KEY)
    mark = len(switch.written)
    switch.scope()
    assert "local_ha_state" not in switch.state
    assert not any(name == "BFD_SESSION_TABLE" for _, name, _ in switch.since(mark))


def test_c02_ld12_missing_vnet_postpones_the_route_alone() -> None:
    switch = Switch()
    switch.power_on()
    switch.dpu.peer_appears()
    for table, key, fields in ROWS:
        without = {name: value for name, value in fields.items() if name != "dpu_vnet"}
        switch.write(table, key, without)
    serve(switch)
    assert switch.state["local_ha_state"] == "active"
    assert len(switch.keys(tables.BFD_SESSION_TABLE)) == 2
    assert switch.keys(tables.VNET_ROUTE_TUNNEL_TABLE) == set()
    ha_set = switch.row(tables.DASH_HA_SET_STATE, SET_ID)
    assert ha_set is not None
    assert "dpu_vnet" in ha_set["waiting_for"]
    switch.write(tables.DASH_HA_GLOBAL_CONFIG, "GLOBAL", {"dpu_vnet": "Vnet_55"})
    assert switch.keys(tables.VNET_ROUTE_TUNNEL_TABLE) == {ROUTE_KEY}


@pytest.mark.parametrize(
    ("ids", "waiting"),
    [
        ((), "exactly two vDPUs in vdpu_ids, which has 0"),
        (("vdpu0_0",), "exactly two vDPUs in vdpu_ids, which has 1"),
        (("vdpu0_0", "vdpu1_0", "vdpu2_0"), "exactly two vDPUs in vdpu_ids, which has 3"),
        (("vdpu0_0", "vdpu0_0"), "exactly two vDPUs in vdpu_ids, which has 1"),
        (("vdpu0_0", "nobody"), "vDPU nobody"),
        (("vdpu1_0", "vdpu2_0"), "vDPU vdpu2_0"),
    ],
)
def test_c08_a_set_that_cannot_be_programmed_waits_and_says_why(ids: tuple[str, ...], waiting: str) -> None:
    switch = Switch()
    switch.configure()
    switch.ha_set(vdpu_ids=ids)
    switch.scope()
    ha_set = switch.row(tables.DASH_HA_SET_STATE, SET_ID)
    assert ha_set is not None
    assert ha_set["waiting_for"] == waiting
    assert switch.keys(tables.DASH_HA_SET_TABLE) == switch.keys(tables.DASH_HA_SCOPE_TABLE) == set()
    switch.ha_set()
    assert switch.keys(tables.DASH_HA_SCOPE_TABLE) == {SET_ID}


def test_c09_ld63_another_owner_is_another_scope() -> None:
    switch = serve(in_order(list(ROWS)))
    switch.scope(owner=HaOwner.SWITCH)
    assert switch.keys(tables.DASH_HA_SCOPE_TABLE) == set()
    assert switch.keys(tables.BFD_SESSION_TABLE) == set()
    assert "owner" in switch.state["waiting_for"]
    switch.scope()
    serve(switch)
    assert switch.state["local_ha_state"] == "active"


def test_c09_ld63_another_ha_set_is_another_scope() -> None:
    switch = serve(in_order(list(ROWS)))
    switch.scope(ha_set_id="other")
    assert switch.keys(tables.DASH_HA_SCOPE_TABLE) == set()
    assert switch.state["waiting_for"] == "HA set other to be programmed"
    switch.write(tables.DASH_HA_SET_CONFIG_TABLE, "other", set_fields(vip_v4="3.2.1.7"))
    assert switch.dpu_scope["ha_set_id"] == "other"


def test_c26_ld64_a_vdpu_that_moves_to_another_slot_is_let_go() -> None:
    switch = serve(in_order(list(ROWS)))
    other = {"dpu_id": "3", "pa_ipv4": "20.0.203.1", "midplane_ipv4": "169.254.200.4"}
    switch.write(tables.DPU, "dpu0_3", other)
    switch.write(tables.VDPU, "vdpu0_0", {"main_dpu_ids": "dpu0_3"})
    for table in (tables.DASH_HA_SET_TABLE, tables.DASH_HA_SCOPE_TABLE, tables.BFD_SESSION_TABLE):
        assert switch.keys(table) == set()
    assert switch.keys(tables.VNET_ROUTE_TUNNEL_TABLE) == set()
    switch.write(tables.VDPU, "vdpu0_0", {"main_dpu_ids": "dpu0_0"})
    assert switch.keys(tables.DASH_HA_SCOPE_TABLE) == {SET_ID}


def test_rows_of_other_slots_other_sets_and_deleted_reports_change_nothing() -> None:
    switch = serve(in_order(list(ROWS)))
    mark = len(switch.written)
    switch.write(tables.DPU_STATE, "DPU3", {"dpu_control_plane_state": "down"})
    switch.write(tables.DASH_HA_SET_STATE_TABLE, "other", {"dp_channel_is_alive": "down"})
    switch.write(tables.DASH_HA_SCOPE_STATE_TABLE, "other", {"ha_state": "dead"})
    switch.delete(tables.DASH_HA_SET_STATE_TABLE, SET_ID)
    assert switch.since(mark) == []


def test_fl25_fl26_channel_is_known_by_key_and_has_three_values() -> None:
    switch = serve(in_order(list(ROWS)))

    def channel() -> str:
        row = switch.row(tables.DASH_HA_SET_STATE, SET_ID)
        assert row is not None
        return row["channel_state"]

    assert channel() == "up"
    switch.write(tables.DASH_HA_SET_STATE_TABLE, SET_ID, {"dp_channel_is_alive": "down"})
    assert channel() == "down"
    assert switch.state["local_ha_state"] == "active", "the DPU decides what the channel means to it"
    switch.power_off()
    assert channel() == "unknown"


def test_fl05_a_deleted_report_of_the_scope_makes_it_unknown() -> None:
    switch = serve(in_order(list(ROWS)))
    switch.delete(tables.DASH_HA_SCOPE_STATE_TABLE, SET_ID)
    assert "local_ha_state" not in switch.state
    assert "local_acked_asic_ha_state" not in switch.state
    assert switch.keys(tables.BFD_SESSION_TABLE) == set()
    assert switch.state["waiting_for"] == "the first report of the DPU"


def test_ld66_a_report_that_lacks_the_state_changes_only_what_it_has() -> None:
    switch = serve(in_order(list(ROWS)))
    table = tables.DASH_HA_SCOPE_STATE_TABLE
    switch.databases[table.database][table.name, SET_ID] = {}
    switch.write(table, SET_ID, {"flow_reconcile_pending": "true"})
    assert switch.state["local_ha_state"] == "active"
    assert list(switch.pending().values()) == ["flow_reconcile"]


def test_fl35_deletion_of_what_was_never_there() -> None:
    switch = Switch()
    for table in tables.READ_TABLES:
        if table is not tables.DPU_STATE:
            switch.delete(table, "nobody")
    assert switch.written == []
    assert switch.said_of(InputRejected) == []


def test_fl43_c23_identical_and_half_updated_plane_reports() -> None:
    switch = serve(in_order(list(ROWS)))
    mark = len(switch.written)
    planes = {"dpu_midplane_link_state": "up", "dpu_control_plane_state": "up", "dpu_data_plane_state": "up"}
    for _ in range(1000):
        switch.write(tables.DPU_STATE, "DPU0", planes)
    assert switch.since(mark) == []


@pytest.mark.parametrize("how", ["missing", "unknown", "empty", "nonsense"])
def test_ld47_a_plane_that_is_not_reported_is_not_down(how: str) -> None:
    switch = serve(in_order(list(ROWS)))
    sessions, scope = switch.keys(tables.BFD_SESSION_TABLE), switch.dpu_scope
    if how == "missing":
        switch.dpu_does(switch.dpu.lose_plane_report())
    else:
        value = {"unknown": "unknown", "empty": "", "nonsense": "perhaps"}[how]
        switch.write(tables.DPU_STATE, "DPU0", {"dpu_control_plane_state": value})
    assert switch.state["local_vdpu_control_plane_state"] == "unknown"
    assert switch.state["local_ha_state"] == "active"
    assert switch.keys(tables.BFD_SESSION_TABLE) == sessions
    assert switch.dpu_scope == scope
    assert switch.keys(tables.DPU_RESET_INFO) == set()


def test_fl48_data_plane_alone_is_no_reset_but_silences_the_probes() -> None:
    switch = serve(in_order(list(ROWS)))
    switch.write(tables.DPU_STATE, "DPU0", {"dpu_data_plane_state": "down"})
    assert switch.keys(tables.DPU_RESET_INFO) == set()
    assert switch.keys(tables.BFD_SESSION_TABLE) == set()
    assert "local_acked_asic_ha_state" not in switch.state, "FL-51: a DPU that is down acknowledges nothing"
    switch.write(tables.DPU_STATE, "DPU0", {"dpu_data_plane_state": "up"})
    assert len(switch.keys(tables.BFD_SESSION_TABLE)) == 2


def test_fl48_a_dpu_that_is_down_at_first_sight_is_a_reset() -> None:
    switch = Switch()
    switch.write(tables.DPU_STATE, "dpu0", {"dpu_midplane_link_state": "down"})
    switch.configure()
    assert switch.keys(tables.DPU_RESET_INFO) == {"DPU0"}
    switch.delete(tables.DPU, "dpu0_0")
    assert switch.keys(tables.DPU_RESET_INFO) == set()


def test_fl07_ld65_loopback_may_come_late() -> None:
    switch = in_order([row for row in ROWS if row[0] is not tables.LOOPBACK_INTERFACE])
    ha_set = switch.row(tables.DASH_HA_SET_STATE, SET_ID)
    assert ha_set is not None
    assert ha_set["waiting_for"] == "an IPv4 address of Loopback0"
    switch.write(tables.LOOPBACK_INTERFACE, "Loopback0|fe80::1/64", {"NULL": "NULL"})
    switch.write(tables.LOOPBACK_INTERFACE, "Loopback1|10.9.9.9/32", {"NULL": "NULL"})
    assert switch.keys(tables.DASH_HA_SET_TABLE) == set()
    switch.write(tables.LOOPBACK_INTERFACE, "Loopback0|10.1.0.32/32", {"NULL": "NULL"})
    assert outcome(serve(switch)) == EXPECTED


def test_fl11_fl15_sessions_follow_the_npus_of_the_set() -> None:
    switch = serve(in_order(list(ROWS)))
    mark = len(switch.written)
    switch.write(tables.REMOTE_DPU, "dpu1_0", {"npu_ipv4": "10.1.0.44"})
    assert switch.keys(tables.BFD_SESSION_TABLE) == {"default:default:10.1.0.32", "default:default:10.1.0.44"}
    sessions = [(op, key) for op, table, key in switch.since(mark) if table == "BFD_SESSION_TABLE"]
    assert sessions == [("D", "default:default:10.1.0.33"), ("W", "default:default:10.1.0.44")]


def test_ipv6_session_where_both_ends_have_an_address() -> None:
    switch = serve(in_order(list(ROWS)))
    switch.write(tables.DPU, "dpu0_0", {"pa_ipv6": "20::1"})
    switch.write(tables.REMOTE_DPU, "dpu1_0", {"npu_ipv6": "FC00:1::33"})
    assert "default:default:fc00:1::33" in switch.keys(tables.BFD_SESSION_TABLE)
    session = switch.row(tables.BFD_SESSION_TABLE, "default:default:fc00:1::33")
    assert session is not None
    assert session["local_addr"] == "20::1"


def test_global_config_under_any_key_and_the_newest_counts() -> None:
    switch = in_order(list(ROWS))
    switch.write(tables.DASH_HA_GLOBAL_CONFIG, "global", {"dpu_vnet": "Vnet_66", "dpu_vlan": "Vlan55"})
    assert switch.keys(tables.VNET_ROUTE_TUNNEL_TABLE) == {"Vnet_66:3.2.1.0"}
    switch.delete(tables.DASH_HA_GLOBAL_CONFIG, "global")
    assert switch.keys(tables.VNET_ROUTE_TUNNEL_TABLE) == {ROUTE_KEY}


def test_orchagent_is_reached_where_the_dpu_row_says() -> None:
    switch = Switch()
    switch.configure()
    switch.write(tables.DPU, "dpu0_0", {"orchagent_zmq_port": "5555"})
    switch.delete(tables.DPU, "dpu0_0")
    assert switch.said_of(ReachOrchagent) == [
        ReachOrchagent("169.254.200.1", 8100),
        ReachOrchagent("169.254.200.1", 5555),
        ReachOrchagent(None, 0),
    ]


def test_state_row_that_another_slot_published_alike_is_left_alone() -> None:
    switch = serve(in_order(list(ROWS)))
    shared = switch.databases[Database.STATE_DB]["DASH_HA_GLOBAL_CONFIG_STATE", "global"]
    shared["last_updated_time_in_ms"] = b"1718032599999"
    mark = len(switch.written)
    switch.audit()
    assert switch.since(mark) == []
    shared["dpu_vlan"] = b"Vlan66"
    switch.audit()
    assert switch.since(mark) == [("W", "DASH_HA_GLOBAL_CONFIG_STATE", "global")]


def test_fl38_dpu_whose_row_is_deleted_is_left_after_everything_was_taken_from_it() -> None:
    switch = serve(in_order(list(ROWS)))
    switch.delete(tables.DPU, "dpu0_0")
    assert switch.said_of(ReachOrchagent) == [ReachOrchagent("169.254.200.1", 8100)]
    switch.delete(tables.DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY)
    outputs = switch.node.step(RowDeleted(Database.APPL_DB, "DASH_HA_SET_CONFIG_TABLE", SET_ID), switch.now_ms)
    assert DeleteRow(Database.DPU_APPL_DB, "DASH_HA_SET_TABLE", SET_ID) in outputs
    assert outputs[-1] == ReachOrchagent(None, 0)


def test_another_slot_of_the_same_switch_writes_nothing_of_ours() -> None:
    switch = Switch(slot_id=5)
    for table, key, fields in ROWS:
        switch.write(table, key, fields)
    tables_written = {table for _, table, _ in switch.since(0)}
    assert tables_written <= {"DASH_HA_DPU_STATE", "DASH_HA_VDPU_STATE", "DASH_HA_GLOBAL_CONFIG_STATE"}
    assert switch.keys(tables.DASH_HA_DPU_STATE) == {"dpu1_0"}


def test_c30_routes_of_an_earlier_life_are_adopted() -> None:
    switch = serve(in_order(list(ROWS)))
    mark = len(switch.written)
    switch.restart()
    assert switch.since(mark) == []


def test_rows_that_vanished_from_a_database_are_written_again() -> None:
    switch = serve(in_order(list(ROWS)))
    before = switch.ha_rows()
    for database in (Database.STATE_DB, Database.APPL_DB):
        for table in tables.WRITTEN_TABLES:
            if table.database is database:
                for key in switch.keys(table):
                    del switch.databases[database][table.name, key]
    del switch.databases[Database.DPU_APPL_DB]["DASH_HA_SCOPE_TABLE", SET_ID]
    switch.audit()
    after = switch.ha_rows()
    scope = after.pop(("DASH_HA_SCOPE_TABLE", SET_ID))
    told = before.pop(("DASH_HA_SCOPE_TABLE", SET_ID))
    assert after == before
    # What it once carried as a message is not said twice.
    assert scope == told | {"activate_role_requested": "false"}
    assert switch.dpu.requests_of("activate_role_requested") == 1


BAD: tuple[tuple[Table[Any], str, dict[str, bytes]], ...] = (
    (tables.DASH_HA_SET_CONFIG_TABLE, SET_ID, {"pb": b"\xff\xfe garbage \x00"}),
    (tables.DASH_HA_SET_CONFIG_TABLE, SET_ID, {"pb": b""}),
    (tables.DASH_HA_SET_CONFIG_TABLE, SET_ID, {"json": b"{not json"}),
    (tables.DASH_HA_SET_CONFIG_TABLE, SET_ID, {"vip_v4": b"3.2.1.999", "vdpu_ids": b"vdpu0_0,vdpu1_0"}),
    (tables.DASH_HA_SET_CONFIG_TABLE, SET_ID, {"vdpu_ids": b"vdpu0_0,vdpu1_0", "scope": b"planet"}),
    (tables.DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY, {"pb": bytes.fromhex("0a01311001180122086861736574")}),
    (tables.DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY, {"pb": bytes.fromhex("1863")}),
    (tables.DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY, {"json": b'{"desired_ha_state": "sleeping"}'}),
    (tables.DASH_HA_SCOPE_CONFIG_TABLE, "keywithoutseparator", scope_fields()),
    (tables.DASH_HA_GLOBAL_CONFIG, "GLOBAL", {"cp_data_channel_port": b"99999999999999999999"}),
    (tables.DASH_HA_GLOBAL_CONFIG, "GLOBAL", {"dpu_bfd_probe_multiplier": b"many"}),
    (tables.DPU, "dpu0_0", {"pa_ipv4": b"20.0.200.1"}),
    (tables.DPU, "dpu0_0", {"dpu_id": b"-1", "pa_ipv4": b"20.0.200.1"}),
    (tables.REMOTE_DPU, "dpu1_0", {"dpu_id": b"0", "pa_ipv4": b"here", "npu_ipv4": b"10.1.0.33", "swbus_port": b"1"}),
    (tables.VDPU, "vdpu0_0", {"tier": b"gold"}),
    (tables.DPU_STATE, "DPUx", {"dpu_control_plane_state": b"down"}),
    (tables.DASH_BFD_PROBE_STATE, "dash_ha", {"v4_bfd_up_sessions": b"10.1.0.32,nowhere"}),
    (tables.DASH_HA_SCOPE_STATE_TABLE, SET_ID, {"ha_state": b"confused"}),
    (tables.DASH_HA_SCOPE_STATE_TABLE, SET_ID, {"ha_state": b"switching_to_standby"}),
    (tables.DASH_HA_SCOPE_STATE_TABLE, SET_ID, {"ha_state": b"active", "ha_term": b"-5"}),
    (tables.DASH_HA_SET_STATE_TABLE, SET_ID, {"dp_channel_is_alive": b"sideways"}),
    (tables.LOOPBACK_INTERFACE, "Loopback0|10.1.0/xx", {"NULL": b"NULL"}),
    (tables.DASH_HA_SET_CONFIG_TABLE, SET_ID, {"version": b"x" * 1_000_000, "vdpu_ids": b"vdpu0_0,vdpu1_0"}),
)


@pytest.mark.parametrize(("table", "key", "fields"), BAD, ids=lambda v: str(v)[:40])
def test_fl40_a_bad_row_is_rejected_counted_and_changes_nothing(
    table: Table[Any], key: str, fields: dict[str, bytes]
) -> None:
    switch = serve(in_order(list(ROWS)))
    before = outcome(switch)
    rejected = switch.node.rejected[table.name]
    switch.happen(RowSet(table.database, table.name, key, fields))
    said: list[InputRejected] = switch.said_of(InputRejected)
    assert len(said) == 1
    assert table.name in said[0].source
    assert key in said[0].source
    assert said[0].why
    assert len(said[0].value) <= 100
    assert switch.node.rejected[table.name] == rejected + 1
    after = outcome(switch)
    shown = [row for row in after if after[row].pop("rejected", None)]
    assert after == before
    assert key == "keywithoutseparator" or key.startswith(("DPUx", "Loopback0", "dash_ha")) or shown


def test_a_good_row_after_a_bad_one_clears_the_complaint() -> None:
    switch = in_order(list(ROWS))
    switch.write(tables.DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY, {"pb": b"\x07"})
    assert "rejected" in switch.state
    switch.scope()
    assert "rejected" not in switch.state


def test_a_key_of_another_type_is_rejected() -> None:
    switch = serve(in_order(list(ROWS)))
    before = outcome(switch)
    table = tables.DASH_HA_SCOPE_CONFIG_TABLE
    switch.happen(RowUnreadable(table.database, table.name, SCOPE_KEY, "WRONGTYPE"))
    assert switch.said_of(InputRejected)[0].why == "WRONGTYPE"
    assert switch.state.pop("rejected")
    assert outcome(switch).keys() == before.keys()
    assert switch.state["local_ha_state"] == "active"


Happening = Callable[[Switch], None]

happenings = st.one_of(
    st.sampled_from(ROWS).map(lambda row: lambda s: s.write(*row)),
    st.sampled_from(ROWS).map(lambda row: lambda s: s.delete(row[0], row[1])),
    st.sampled_from(BAD).map(lambda row: lambda s: s.happen(RowSet(row[0].database, row[0].name, row[1], row[2]))),
    st.booleans().map(lambda disabled: lambda s: s.scope(disabled=disabled)),
    st.sampled_from(DesiredHaState).map(lambda desired: lambda s: s.scope(desired_ha_state=desired)),
    st.sampled_from(
        [
            Switch.power_on,
            Switch.power_off,
            Switch.audit,
            Switch.restart,
            Switch.settle,
            lambda s: s.dpu.peer_appears(),
            lambda s: s.dpu.peer_lost(),
            lambda s: s.dpu.split_brain(),
            lambda s: s.approve() if s.keys(tables.DASH_HA_SCOPE_STATE) else None,
            lambda s: s.dpu_does(s.dpu.restart_swss(s.now_ms // 1000)),
        ]
    ),
)


@given(st.lists(happenings, max_size=25))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_the_rules_hold(happened: list[Happening]) -> None:
    switch = Switch()
    for happening in happened:
        happening(switch)
        # I5: no scope on a DPU without its set; nothing is refused by the DPU for that reason.
        assert not any("does not exist" in complaint for complaint in switch.dpu.refused)
        # I-18: ids and types belong together.
        if switch.keys(tables.DASH_HA_SCOPE_STATE):
            types = list(switch.pending().values())
            assert len(types) == len(set(types))
        # Without configuration there is nothing on the DPU.
        if (tables.DASH_HA_SET_CONFIG_TABLE.name, SET_ID) not in switch.databases[Database.APPL_DB]:
            assert switch.keys(tables.DASH_HA_SET_TABLE) == set()
    # Once everything is in order, the scope serves, whatever came before.
    switch.power_on()
    switch.dpu.peer_appears()
    for table, key, fields in ROWS:
        switch.databases[table.database].pop((table.name, key), None)
        switch.write(table, key, fields)
    switch.scope(disabled=True)
    switch.settle()
    switch.scope()
    for _ in range(6):
        switch.settle()
        if not switch.pending():
            break
        switch.approve()
    assert switch.state["local_ha_state"] == "active", switch.state
    assert len(switch.keys(tables.BFD_SESSION_TABLE)) == 2


def test_deleting_a_row_of_an_unknown_slot_is_no_fault() -> None:
    switch = Switch()
    switch.happen(RowDeleted(Database.CHASSIS_STATE_DB, "DPU_STATE", "DPUx"))
    assert switch.written == []
