"""The simulated DPU does to the databases what a real one does (field-lessons 0.2)."""

from collections.abc import Mapping

import pytest
from attrs import define, field

from hamgr_fsm.vocabulary import PlaneState
from models.database import Database
from runner.lab.dpu import SimulatedDpu
from runner.lab.dpu_writes import DpuWrite, EmptyDatabase, MergeRow, RemoveRow

NOW_S = 1_718_032_542
SET_ROW = {
    "version": "1.0",
    "vip_v4": "3.2.1.0",
    "owner": "dpu",
    "scope": "dpu",
    "local_npu_ip": "10.1.0.32",
    "local_ip": "20.0.200.1",
    "peer_ip": "20.0.201.1",
}
SCOPE_ROW = {
    "version": "1",
    "disabled": "false",
    "ha_role": "active",
    "ha_term": "0",
    "ha_set_id": "haset0_0",
    "vip_v4": "3.2.1.0",
    "flow_reconcile_requested": "false",
    "activate_role_requested": "false",
    "brainsplit_recovered": "false",
}
BFD_ROW = {"multihop": "true", "shutdown": "false", "local_addr": "20.0.200.1", "type": "passive"}
SCOPE_STATE = (Database.DPU_STATE_DB, "DASH_HA_SCOPE_STATE_TABLE", "haset0_0")
SET_STATE = (Database.DPU_STATE_DB, "DASH_HA_SET_STATE_TABLE", "haset0_0")
PROBES = (Database.DPU_STATE_DB, "DASH_BFD_PROBE_STATE", "dash_ha")
DPU_STATE = (Database.CHASSIS_STATE_DB, "DPU_STATE", "DPU0")

RowName = tuple[Database, str, str]


@define
class Bench:
    """A DPU with the databases behind it, and every write in its order."""

    dpu: SimulatedDpu = field(factory=SimulatedDpu)
    rows: dict[RowName, dict[str, str]] = field(factory=dict)
    writes: list[DpuWrite] = field(factory=list)

    def carry_out(self, writes: list[DpuWrite]) -> list[DpuWrite]:
        for write in writes:
            match write:
                case MergeRow(database, table, key, fields):
                    self.rows.setdefault((database, table, key), {}).update(fields)
                case RemoveRow(database, table, key):
                    self.rows.pop((database, table, key), None)
                case EmptyDatabase(database):
                    self.rows = {name: row for name, row in self.rows.items() if name[0] is not database}
        self.writes += writes
        return writes

    def send(self, table: str, key: str, fields: Mapping[str, str] | None) -> list[DpuWrite]:
        if fields is None:
            return self.carry_out(self.dpu.row_deleted(table, key, NOW_S))
        return self.carry_out(self.dpu.row_set(table, key, fields, NOW_S))

    def send_set(self, **changes: str) -> list[DpuWrite]:
        return self.send("DASH_HA_SET_TABLE", "haset0_0", SET_ROW | changes)

    def send_scope(self, **changes: str) -> list[DpuWrite]:
        return self.send("DASH_HA_SCOPE_TABLE", "haset0_0", SCOPE_ROW | changes)

    def send_bfd(self, npu: str) -> list[DpuWrite]:
        return self.send("BFD_SESSION_TABLE", f"default:default:{npu}", BFD_ROW)

    def settle(self) -> list[str]:
        """Step until nothing moves; the states that were reported on the way."""
        before = len(self.writes)
        while not self.dpu.settled:
            self.carry_out(self.dpu.advance(NOW_S))
        return states(self.writes[before:])

    @property
    def state(self) -> dict[str, str]:
        return self.rows.get(SCOPE_STATE, {})


def states(writes: list[DpuWrite]) -> list[str]:
    return [write.fields["ha_state"] for write in writes if isinstance(write, MergeRow) and "ha_state" in write.fields]


@pytest.fixture
def bench() -> Bench:
    """A DPU with power and a peer."""
    bench = Bench()
    bench.carry_out(bench.dpu.power_on(NOW_S))
    bench.dpu.peer_appears()
    return bench


@pytest.fixture
def active(bench: Bench) -> Bench:
    """One half of a healthy pair."""
    bench.send_set()
    bench.send_scope()
    bench.settle()
    bench.send_scope(activate_role_requested="true")
    bench.settle()
    assert bench.state["ha_state"] == "active"
    return bench


def test_disabled_scope_is_dead(bench: Bench) -> None:
    bench.send_set()
    bench.send_scope(disabled="true")
    assert bench.settle() == ["dead"]


def test_enabled_scope_walks_to_the_activation_of_its_role(bench: Bench) -> None:
    bench.send_set()
    bench.send_scope()
    assert bench.settle() == [
        "dead",
        "connecting",
        "connected",
        "initializing_to_active",
        "pending_active_activation",
    ]
    assert bench.state["activate_role_pending"] == "true"


def test_role_standby_becomes_standby(bench: Bench) -> None:
    bench.send_set()
    bench.send_scope(ha_role="standby")
    assert bench.settle()[-2:] == ["initializing_to_standby", "pending_standby_activation"]
    bench.send_scope(ha_role="standby", activate_role_requested="true")
    assert bench.settle() == ["standby"]
    assert bench.state["ha_role"] == "standby"


def test_some_vendors_call_both_halves_active() -> None:
    bench = Bench(SimulatedDpu(both_active=True))
    bench.carry_out(bench.dpu.power_on(NOW_S))
    bench.dpu.peer_appears()
    bench.send_set()
    bench.send_scope(ha_role="standby")
    bench.settle()
    bench.send_scope(ha_role="standby", activate_role_requested="true")
    assert bench.settle() == ["active"]
    assert bench.state["ha_role"] == "standby"


def test_approval_clears_the_pending_flag_in_a_row_of_one_field(bench: Bench) -> None:
    bench.send_set()
    bench.send_scope()
    bench.settle()
    assert bench.send_scope(activate_role_requested="true") == [
        MergeRow(*SCOPE_STATE, {"activate_role_pending": "false"})
    ]
    assert bench.settle() == ["active"]
    assert bench.dpu.requests_of("activate_role_requested") == 1


def test_times_are_seconds_and_no_flag_is_written_before_its_event(bench: Bench) -> None:
    bench.send_set()
    bench.send_scope(disabled="true")
    bench.settle()
    assert bench.state == {
        "last_updated_time": str(NOW_S),
        "ha_role": "dead",
        "ha_role_start_time": str(NOW_S),
        "ha_term": "0",
        "ha_state": "dead",
        "ha_state_start_time": str(NOW_S),
    }


def test_scope_without_peer_asks_to_stand_alone() -> None:
    bench = Bench()
    bench.carry_out(bench.dpu.power_on(NOW_S))
    bench.send_set()
    bench.send_scope()
    assert bench.settle() == ["dead", "connecting", "pending_standalone_activation"]
    bench.send_scope(activate_role_requested="true")
    assert bench.settle() == ["standalone"]
    assert SET_STATE not in bench.rows, "no event of the channel yet"
    bench.dpu.peer_appears()
    assert bench.settle() == ["active"]


def test_lost_peer_leaves_a_standalone_that_asks_for_flow_reconcile(active: Bench) -> None:
    active.dpu.peer_lost()
    assert active.settle() == ["switching_to_standalone", "standalone"]
    assert active.rows[SET_STATE]["dp_channel_is_alive"] == "down"
    assert active.state["flow_reconcile_pending"] == "true"
    active.send_scope(flow_reconcile_requested="true")
    active.settle()
    assert active.state["flow_reconcile_pending"] == "false"
    assert active.state["ha_state"] == "standalone"


def test_flow_reconcile_event_carries_no_state(active: Bench) -> None:
    active.dpu.peer_lost()
    active.settle()
    asking = [w for w in active.writes if isinstance(w, MergeRow) and "flow_reconcile_pending" in w.fields]
    assert len(asking) == 1
    assert "ha_state" not in asking[0].fields


def test_split_brain_is_pending_until_recovered(active: Bench) -> None:
    active.dpu.peer_lost()
    active.settle()
    active.dpu.split_brain()
    assert active.settle() == []
    assert active.state["brainsplit_recover_pending"] == "true"
    active.send_scope(brainsplit_recovered="true")
    assert active.state["brainsplit_recover_pending"] == "false"
    assert active.settle() == ["active"]


def test_second_split_brain_is_told_again(active: Bench) -> None:
    for _ in range(2):
        active.dpu.split_brain()
        active.settle()
        assert active.state["brainsplit_recover_pending"] == "true"
        active.send_scope(brainsplit_recovered="true")
        active.settle()
        active.send_scope()
    assert active.dpu.requests_of("brainsplit_recovered") == 2


def test_split_brain_that_heals_by_itself_clears_its_flag(active: Bench) -> None:
    active.dpu.split_brain()
    active.settle()
    active.dpu.peer_appears()
    assert active.settle() == ["active"]
    assert active.state["brainsplit_recover_pending"] == "false"


def test_role_dead_is_a_shutdown_that_lasts_until_disabled(active: Bench) -> None:
    active.send_scope(ha_role="dead")
    assert active.settle() == ["destroying", "dead"]
    active.send_scope()
    assert active.settle() == []
    active.send_scope(disabled="true")
    active.send_scope()
    assert active.settle()[-1] == "pending_active_activation"


def test_disabled_scope_dies_at_once(active: Bench) -> None:
    active.send_scope(disabled="true")
    assert active.settle() == ["dead"]


def test_scope_waits_for_its_set(bench: Bench) -> None:
    bench.send_scope()
    assert bench.settle() == []
    assert bench.dpu.refused == ["DASH_HA_SCOPE_TABLE:haset0_0: HA set entry does not exist"]
    bench.send_set()
    assert bench.settle()[-1] == "pending_active_activation"


def test_only_the_newest_waiting_row_is_tried_again(bench: Bench) -> None:
    bench.send_scope(activate_role_requested="true")
    bench.send_scope(disabled="true")
    bench.send_set()
    assert bench.settle() == ["dead"]
    assert not bench.dpu.requests


def test_only_peer_and_owner_of_a_set_change_live(bench: Bench) -> None:
    bench.send_set()
    bench.send_set(peer_ip="20.0.202.1", owner="switch", vip_v4="9.9.9.9", local_ip="20.0.200.9")
    assert bench.dpu.orchagent.ha_sets["haset0_0"] == SET_ROW | {"peer_ip": "20.0.202.1", "owner": "switch"}


def test_set_in_use_is_deleted_after_its_scope(active: Bench) -> None:
    active.send("DASH_HA_SET_TABLE", "haset0_0", None)
    assert active.rows[SET_STATE]
    active.send("DASH_HA_SCOPE_TABLE", "haset0_0", None)
    assert SET_STATE not in active.rows
    assert SCOPE_STATE not in active.rows


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"vip_v4": ""}, "vip_v4: ''"),
        ({"vip_v6": "3.2.1.0"}, "vip_v6: '3.2.1.0'"),
        ({"scope": "card"}, "scope: 'card'"),
        ({"peer_ip": "nobody"}, "peer_ip: 'nobody'"),
        ({"cp_data_channel_port": "six"}, "cp_data_channel_port: 'six'"),
    ],
)
def test_bad_set_row_is_thrown_away(bench: Bench, changes: dict[str, str], complaint: str) -> None:
    bench.send_set(**changes)
    assert not bench.dpu.orchagent.ha_sets
    assert bench.dpu.refused == [f"DASH_HA_SET_TABLE:haset0_0: {complaint}"]


@pytest.mark.parametrize("changes", [{"ha_role": "Active"}, {"ha_role": "unspecified"}, {"vip_v4": "x"}])
def test_bad_scope_row_is_thrown_away(bench: Bench, changes: dict[str, str]) -> None:
    bench.send_set()
    bench.send_scope(**changes)
    assert not bench.dpu.orchagent.scopes


def test_fields_left_out_keep_their_value(active: Bench) -> None:
    active.send("DASH_HA_SCOPE_TABLE", "haset0_0", {"version": "2"})
    assert active.settle() == []
    assert active.state["ha_state"] == "active"


def test_request_given_at_creation_fires_again_unless_it_is_sent_as_false(bench: Bench) -> None:
    bench.send_set()
    bench.send_scope(activate_role_requested="true")
    bench.send("DASH_HA_SCOPE_TABLE", "haset0_0", {"version": "2"})
    assert bench.dpu.requests_of("activate_role_requested") == 2
    bench.send_scope()
    assert bench.dpu.requests_of("activate_role_requested") == 2


def test_bfd_sessions_exist_only_while_the_scope_serves(bench: Bench) -> None:
    bench.send_set()
    bench.send_scope()
    bench.send_bfd("10.1.0.32")
    bench.settle()
    assert not bench.dpu.up_sessions
    bench.send_scope(activate_role_requested="true")
    bench.settle()
    assert bench.dpu.up_sessions == ("10.1.0.32",)
    bench.send_bfd("10.1.0.33")
    assert bench.rows[PROBES]["v4_bfd_up_sessions"] == '"10.1.0.32", "10.1.0.33"'
    assert bench.rows[PROBES]["v4_bfd_up_sessions_timestamp"] == '"Mon Jun 10 03:15:42 PM UTC 2024"'
    bench.send_scope(ha_role="dead")
    assert bench.rows[PROBES]["v4_bfd_up_sessions"] == ""


def test_bfd_sessions_survive_the_way_to_standalone(active: Bench) -> None:
    active.send_bfd("10.1.0.32")
    active.dpu.peer_lost()
    active.carry_out(active.dpu.advance(NOW_S))
    assert active.state["ha_state"] == "switching_to_standalone"
    assert active.dpu.up_sessions == ("10.1.0.32",)


def test_one_npu_may_be_out_of_reach(active: Bench) -> None:
    active.send_bfd("10.1.0.32")
    active.send_bfd("fc00:1::32")
    active.dpu.lose_npu("10.1.0.32")
    active.settle()
    assert active.rows[PROBES]["v4_bfd_up_sessions"] == ""
    assert active.rows[PROBES]["v6_bfd_up_sessions"] == '"fc00:1::32"'


def test_planes_are_written_one_field_at_a_time_state_before_time() -> None:
    writes = SimulatedDpu().power_on(NOW_S)
    names = [name for w in writes if isinstance(w, MergeRow) and w.table == "DPU_STATE" for name in w.fields]
    assert names == [
        "dpu_midplane_link_state",
        "dpu_midplane_link_time",
        "dpu_control_plane_state",
        "dpu_control_plane_time",
        "dpu_data_plane_state",
        "dpu_data_plane_time",
    ]


def test_power_loss_leaves_stale_rows_and_power_on_empties_them(active: Bench) -> None:
    active.carry_out(active.dpu.power_off(NOW_S))
    assert active.rows[DPU_STATE]["dpu_midplane_link_state"] == "down"
    assert active.state["ha_state"] == "active"
    assert active.send_set() == []
    writes = active.carry_out(active.dpu.power_on(NOW_S))
    assert writes[:2] == [EmptyDatabase(Database.DPU_APPL_DB), EmptyDatabase(Database.DPU_STATE_DB)]
    assert SCOPE_STATE not in active.rows
    assert active.settle() == [], "nothing is created until the rows are sent again"
    active.send_set()
    active.send_scope()
    assert active.settle()[-1] == "pending_active_activation"


def test_restart_of_swss_is_seen_as_a_control_plane_that_is_down(active: Bench) -> None:
    active.carry_out(active.dpu.restart_swss(NOW_S))
    assert active.rows[DPU_STATE]["dpu_control_plane_state"] == "down"
    active.settle()
    assert active.rows[DPU_STATE]["dpu_control_plane_state"] == "up"
    assert SCOPE_STATE not in active.rows


def test_fast_restart_of_swss_is_not_seen(active: Bench) -> None:
    writes = active.carry_out(active.dpu.restart_swss(NOW_S, seen=False))
    assert not [write for write in writes if isinstance(write, MergeRow) and write.table == "DPU_STATE"]
    assert SCOPE_STATE not in active.rows


def test_platform_may_report_what_it_likes(active: Bench) -> None:
    active.carry_out(active.dpu.report_planes(NOW_S, data=PlaneState.UNKNOWN))
    assert active.rows[DPU_STATE]["dpu_data_plane_state"] == "unknown"
    active.carry_out(active.dpu.lose_plane_report())
    assert DPU_STATE not in active.rows
    assert active.state["ha_state"] == "active"
