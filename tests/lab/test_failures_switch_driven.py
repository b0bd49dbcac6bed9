"""The unplanned workflows of a switch-driven pair: scenarios W11 to W14, W21, test plan modules 5 to 9, and C rows."""

from collections.abc import Callable

import pytest

from models import tables
from runner.lab.dpu_roles import Acks, SyncEnd
from runner.lab.network import Conditions
from runner.lab.sides import ROUTE_KEY, SET_ID
from runner.lab.traffic import fate
from tests.lab.pair import A_ALONE, B_ALONE, P, Pair, Q, flow_syncs, healthy, switch_driven

Deed = Callable[[Pair], None]


def alone(name: str) -> tuple[str, str]:
    """One side serves alone beside a standby."""
    return A_ALONE if name == "A" else B_ALONE


# W11


@pytest.mark.parametrize("forced", ["A", "B"])
def test_w11_forced_down_in_a_pair(forced: str) -> None:
    lab = healthy()
    other = lab.peer_of(forced)
    lab.scope(forced, disabled=True)
    lab.becomes(other, "standalone/standalone", within_s=2)
    lab.rest()
    assert lab.at(forced) == "dead/dead"
    assert lab.primary(other) == other
    lab.scope(forced, disabled=False)
    lab.approve(forced, "activate_role")
    lab.reach(*(P if forced == "B" else Q))
    lab.rest()


@pytest.mark.parametrize("forced", ["A", "B"])
def test_w11_forced_down_beside_one_that_serves_alone(forced: str) -> None:
    lab = switch_driven()
    lab.sas("A")
    lab.scope(forced, disabled=True)
    lab.run(10)
    other = lab.peer_of(forced)
    assert lab.at(other) == "standalone/standalone"
    lab.invariants.at_rest(lab)


def test_w11_last_one_forced_down_leaves_the_route() -> None:
    lab = switch_driven()
    lab.sa("A")
    route = lab["A"].row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)
    lab.scope("A", disabled=True)
    lab.rest()
    assert lab.where == ("dead/dead", "dead/dead")
    assert lab["A"].row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY) == route


@pytest.mark.parametrize("forced", ["A", "B"])
def test_w11_forced_down_while_connecting(forced: str) -> None:
    lab = switch_driven()
    lab.z1()
    for name in "AB":
        lab.scope(name, disabled=False, desired="unspecified")
    lab.run(10)
    assert lab.states() == ["connected", "connected"]
    lab.scope(forced, disabled=True)
    lab.becomes(lab.peer_of(forced), "standalone/standalone", within_s=150)
    lab.rest()


@pytest.mark.parametrize("forced", ["A", "B"])
def test_w11_forced_down_without_a_dpu(forced: str) -> None:
    lab = healthy()
    lab.off(forced)
    lab.scope(forced, disabled=True)
    other = lab.peer_of(forced)
    lab.becomes(other, "standalone/standalone", within_s=20)
    lab.rest()
    assert lab[forced].ctl == "dead"
    assert lab.primary(other) == other


def test_w11_dead_role_is_repeated_until_it_is_acknowledged() -> None:
    lab = healthy()
    lab.acks("B", Acks.REFUSED)
    lab.scope("B", disabled=True)
    lab.run(25)
    assert lab["B"].ctl == "dead"
    lab.acks("B", Acks.AT_ONCE)
    lab.run(25)
    assert lab.at("B") == "dead/dead"


# W12


@pytest.mark.parametrize("refuses", ["A", "B"])
def test_w12d_a_side_whose_dpu_says_something_else(refuses: str) -> None:
    lab = switch_driven()
    lab.sas("B")
    lab.heal()
    lab.becomes("A", "pending_standby_activation/standby")
    lab.acks(refuses, Acks.REFUSED)
    lab.approve("A", "activate_role")
    lab.rest(60)
    assert lab.where == Q


@pytest.mark.parametrize("name", ["A", "B"])
def test_w12e_w12f_a_dpu_dies_under_a_running_pair(name: str) -> None:
    lab = healthy()
    other = lab.peer_of(name)
    lab.off(name)
    lab.becomes(other, "standalone/standalone", within_s=2)
    lab.rest(30)
    assert lab.where == (
        ("standby/", "standalone/standalone") if name == "A" else ("standalone/standalone", "standby/")
    )
    assert lab.primary(other) == other


@pytest.mark.parametrize("name", ["A", "B"])
def test_m6_1_process_of_a_dpu_dies_and_comes_back(name: str) -> None:
    lab = healthy()
    other = lab.peer_of(name)
    lab.crash_dpu(name)
    lab.becomes(other, "standalone/standalone", within_s=2)
    lab.rest(60)
    assert lab[name].ctl == "standby"
    lab.on(name)
    lab.approve(name, "activate_role")
    lab.reach(*(Q if name == "A" else P))
    lab.rest(30)
    assert lab.primaries == (other, other)


@pytest.mark.parametrize("first", ["A", "B"])
@pytest.mark.parametrize("back", ["A", "B"])
def test_w12g_both_dpus_die_and_one_comes_back(first: str, back: str) -> None:
    lab = healthy()
    lab.off(first)
    lab.run(1)
    lab.off(lab.peer_of(first))
    lab.run(30)
    assert "standalone/standalone" not in lab.where
    lab.on(back)
    lab.chan(False, back)
    lab.becomes(back, "standalone/standalone", within_s=60)
    lab.rest()
    assert lab.primary(back) == back


def test_w12h_m5_9_only_the_channel_fails() -> None:
    lab = healthy()
    t = lab["A"].term
    lab.chan(False)
    lab.reach(*A_ALONE, within_s=2)
    lab.rest(60)
    assert lab.where == A_ALONE
    assert lab["A"].term == t + 1
    assert lab.primaries == ("A", "A")


def test_w12i_trigger_that_vanishes() -> None:
    lab = healthy()
    lab.pace.approval_ms = 500
    lab.chan(False, "A")
    lab.run(0.001)
    lab.chan(True, "A")
    lab.rest(60)
    assert lab.where in (P, Q)


@pytest.mark.parametrize("kind", ["DPURequestEnterStandalone", "DPURequestEnterStandaloneReply"])
def test_w12j_lost_requests_and_replies(kind: str) -> None:
    lab = healthy()
    lab.network.conditions.loses = {kind}
    lab.chan(False)
    lab.run(10)
    lab.network.conditions.loses.clear()
    lab.rest(60)
    assert lab.where in (A_ALONE, B_ALONE)


def test_w12k_slow_link_while_the_channel_is_down() -> None:
    lab = healthy()
    lab.invariants.conflict_ms = 20_000
    lab.network.conditions = Conditions(delay_ms=5000)
    lab.chan(False)
    lab.run(30)
    lab.network.conditions = Conditions()
    lab.rest(60)
    assert lab.where in (A_ALONE, B_ALONE)


def test_w12l_late_repeated_reply_is_ignored() -> None:
    lab = healthy()
    lab.network.conditions = Conditions(repetition=1.0)
    lab.chan(False)
    lab.rest(60)
    assert lab.where == A_ALONE


# M5: the data port, the probes


@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("gap_ms", [0, 50, 1000])
def test_m5_5_m5_7_data_port_of_a_dpu_dies(name: str, gap_ms: int) -> None:
    lab = healthy()
    other = lab.peer_of(name)
    lab.bfd(name)
    lab.run(gap_ms / 1000)
    lab.chan(False)
    lab.rest(60)
    assert lab.where == alone(other)
    assert lab.primaries == (other, other)


@pytest.mark.parametrize("gap_ms", [0, 1000, 5000])
def test_m5_7_data_port_of_the_standby_dies_and_its_probes_are_noticed_late(gap_ms: int) -> None:
    lab = healthy()
    lab.chan(False)
    lab.run(gap_ms / 1000)
    lab.bfd("B")
    lab.rest(60)
    assert lab.where == A_ALONE
    assert lab.primaries == ("A", "A")


@pytest.mark.parametrize("gap_ms", [1000, 5000])
def test_c32_probes_that_are_lost_after_the_selection_do_not_repeat_it(gap_ms: int) -> None:
    """The scenario wants a hand-over (X-04); the rules of switch-driven 3 have none, and they decide."""
    lab = healthy()
    lab.chan(False)
    lab.run(gap_ms / 1000)
    lab.bfd("A")
    lab.run(60)
    assert lab.where == A_ALONE


@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("npu", ["A", "B"])
def test_m5_1_to_m5_4_lost_probes_change_nothing(name: str, npu: str) -> None:
    lab = healthy()
    marks = lab.marks()
    since_ms = lab.wall_ms
    lab.probe_lost(name, npu)
    lab.rest(60)
    assert lab.where == P
    assert lab.path("A", since_ms) == lab.path("B", since_ms) == []
    assert lab.roles("A", marks["A"]) == lab.roles("B", marks["B"]) == []
    assert lab.primaries == ("A", "A")


@pytest.mark.parametrize("name", ["A", "B"])
def test_m5_heal_w14_pair_forms_again(name: str) -> None:
    lab = switch_driven()
    other = "B" if name == "A" else "A"
    lab.sas(other)
    lab.run(30)
    marks = lab.marks()
    lab.heal()
    lab.approve(name, "activate_role")
    lab.reach(*(P if other == "A" else Q))
    lab.rest(30)
    assert lab.primaries == (other, other)
    routes = [row for side in "AB" for row in lab[side].rows_since(marks[side]) if row[1] == "VNET_ROUTE_TUNNEL_TABLE"]
    assert routes == []
    if name == "A":
        assert list(lab["A"].pending.values()) == ["switchover"]


def test_w14_flapping_channel_makes_few_attempts() -> None:
    lab = switch_driven()
    lab.sas("A")
    lab.pace.approval_ms = 500
    since_ms = lab.wall_ms
    for _ in range(10):
        lab.heal()
        lab.run(4)
        lab.link_dead("B")
        lab.run(1)
    assert "initializing_to_standby" not in lab.path("B", since_ms)
    lab.heal()
    lab.reach(*P)
    lab.rest(60)


# W13


@pytest.mark.parametrize("name", ["A", "B"])
def test_w13b_w13c_switch_of_the_peer_reboots(name: str) -> None:
    lab = healthy()
    other = lab.peer_of(name)
    lab.reboot(name)
    lab.becomes(other, "standalone/standalone", within_s=2)
    lab.run(120)
    assert lab.primary(other) == other
    lab.come_back(name)
    lab.set(name)
    lab.scope(name, disabled=True)
    lab.run(5)
    lab.scope(name, disabled=False)
    lab.approve(name, "activate_role")
    lab.reach(*(Q if name == "A" else P))
    lab.rest(30)
    assert lab.primaries == (other, other)


def _until(name: str, state: str) -> Deed:
    return lambda lab: lab.until(lambda: lab[name].ctl == state, 60)


TRANSIENT: dict[str, tuple[str, Deed]] = {
    "connected": ("A", _until("A", "connected")),
    "initializing_to_active": ("A", _until("A", "initializing_to_active")),
    "pending_active_activation": ("A", _until("A", "pending_active_activation")),
    "initializing_to_standby": ("B", _until("B", "initializing_to_standby")),
}


@pytest.mark.parametrize("state", TRANSIENT)
def test_w13d_peer_vanishes_during_the_launch(state: str) -> None:
    survivor, deed = TRANSIENT[state]
    lab = switch_driven()
    lab.z1()
    first, second = ("B", "A") if state == "initializing_to_active" else ("A", "B")
    lab.scope(first, disabled=False)
    lab.run(1)
    if state != "connected":
        lab.scope(second, disabled=False)
    deed(lab)
    lab.acks(survivor, Acks.AT_ONCE)
    lab.reboot(lab.peer_of(survivor))
    lab.becomes(survivor, "standalone/standalone", within_s=150)
    lab.rest()


def test_w13d_peer_vanishes_before_the_standby_is_approved() -> None:
    lab = switch_driven()
    lab.sa("A")
    lab.scope("B", disabled=False, desired="unspecified")
    lab.until(lambda: lab["B"].ctl == "pending_standby_activation", 60)
    lab.reboot("A")
    lab.becomes("B", "standalone/standalone", within_s=20)
    lab.rest()


@pytest.mark.parametrize("survivor", ["A", "B"])
def test_w13d_peer_vanishes_during_a_switchover(survivor: str) -> None:
    lab = healthy()
    lab.scope("A", desired="unspecified")
    lab.scope("B", desired="active")
    lab.acks("A", Acks.HELD)
    lab.approve("B", "switchover")
    lab.until(lambda: lab["A"].ctl == "switching_to_standby", 5)
    lab.reboot(lab.peer_of(survivor))
    lab.acks(survivor, Acks.AT_ONCE)
    lab.becomes(survivor, "standalone/standalone", within_s=40)
    lab.rest()


@pytest.mark.parametrize("first_back", ["A", "B"])
def test_w13e_both_dpus_die_one_after_the_other(first_back: str) -> None:
    lab = healthy()
    lab.off("B")
    lab.run(10)
    lab.off("A")
    lab.run(10)
    lab.pace.approval_ms = 500
    lab.on(first_back)
    lab.chan(False, first_back)
    lab.becomes(first_back, "standalone/standalone", within_s=60)
    lab.run(10)
    lab.on(lab.peer_of(first_back))
    lab.rest(120)
    assert lab.where in (P, Q)


@pytest.mark.parametrize("name", ["A", "B"])
def test_w13f_w21_dpu_comes_back_and_is_told_everything_in_order(name: str) -> None:
    lab = healthy()
    lab.off(name)
    lab.run(30)
    mark = len(lab[name].left)
    lab.on(name)
    lab.approve(name, "activate_role")
    lab.reach(*(Q if name == "A" else P))
    lab.rest(30)
    told = [row[1] for row in lab[name].rows_since(mark) if row[1] in _DPU_TABLES and row[0] == "W"]
    assert told[:4] == ["DASH_HA_SET_TABLE", "BFD_SESSION_TABLE", "BFD_SESSION_TABLE", "DASH_HA_SCOPE_TABLE"]
    assert lab[name].dpu.refused == []
    resets = [row for row in lab[name].rows_since(0) if row[1] == "DPU_RESET_INFO"]
    assert len(resets) == 1


_DPU_TABLES = ("DASH_HA_SET_TABLE", "BFD_SESSION_TABLE", "DASH_HA_SCOPE_TABLE")


@pytest.mark.parametrize("name", ["A", "B"])
def test_w21_restart_that_nobody_reports(name: str) -> None:
    lab = healthy()
    lab.pace.approval_ms = 500
    lab.flush_dpu(name)
    lab.rest(120)
    assert lab.where in (P, Q, A_ALONE, B_ALONE)
    assert lab[name].dpu.orchagent.scopes


# M6.2 to M6.5, M8


@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("away_s", [1, 60, 290])
def test_m6_2_daemon_dies_and_comes_back(name: str, away_s: int) -> None:
    lab = healthy()
    terms, marks = lab.terms, lab.marks()
    since_ms = lab.wall_ms
    lab.kill(name)
    lab.run(away_s)
    lab.start(name)
    lab.rest(60)
    assert lab.where == P
    assert lab.terms == terms
    assert lab.path("A", since_ms) == lab.path("B", since_ms) == []
    routes = [row for side in "AB" for row in lab[side].rows_since(marks[side]) if row[1] == "VNET_ROUTE_TUNNEL_TABLE"]
    assert routes == []
    assert lab.roles("A", marks["A"]) == lab.roles("B", marks["B"]) == []


@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("states", [(), ("unknown", "unknown", "unknown")])
def test_m6_3_platform_daemon_dies(name: str, states: tuple[str, ...]) -> None:
    lab = healthy()
    since_ms = lab.wall_ms
    lab.pmon(name, *states)
    lab.run(300)
    lab.pmon(name, "up", "up", "up")
    lab.rest(30)
    assert lab.where == P
    assert lab.path("A", since_ms) == lab.path("B", since_ms) == []
    assert lab[name].store.keys(tables.DPU_RESET_INFO) == set()


@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("for_s", [15, 120])
def test_m6_4_m8_1_partition(name: str, for_s: int) -> None:
    lab = healthy()
    lab.pace.approval_ms = 500
    lab.isolate(name)
    lab.run(for_s)
    assert "standalone/standalone" in lab.where
    lab.heal()
    lab.rest(120)
    assert lab.where == P, "equal terms: the first in vdpu_ids"
    assert lab.primaries == ("A", "A")


@pytest.mark.parametrize("name", ["A", "B"])
def test_m8_2_switch_is_taken_out_of_service(name: str) -> None:
    lab = healthy()
    other = lab.peer_of(name)
    lab.bfd(name, name)
    lab.run(0.1)
    lab.tsa(name)
    lab.rest(60)
    assert lab.where == alone(other)
    assert lab.primaries == (other, other)


@pytest.mark.parametrize("name", ["A", "B"])
def test_m8_3_configuration_of_the_switch_is_loaded_anew(name: str) -> None:
    lab = healthy()
    other = lab.peer_of(name)
    lab.kill(name)
    lab.isolate(name)
    for database in (tables.DASH_HA_SET_CONFIG_TABLE.database, tables.DASH_HA_SCOPE_STATE.database):
        lab[name].store.empty(database)
    lab.run(5)
    assert lab.at(other) == "standalone/standalone"
    lab.start(name)
    lab.run(2)
    assert lab[name].store.keys(tables.DASH_HA_SCOPE_TABLE) == set()
    lab.heal()
    lab.pace.approval_ms = 500
    lab.set(name)
    lab.scope(name, disabled=True)
    lab.run(5)
    lab.scope(name, disabled=False)
    lab.reach(*(Q if name == "A" else P), within_s=300)
    lab.rest(30)


def test_m9_1_reconfiguring_three_times() -> None:
    lab = switch_driven()
    lab.z0()
    before = set(lab["A"].store.written_rows()), set(lab["B"].store.written_rows())
    for _ in range(3):
        lab.set()
        for name in "AB":
            lab.scope(name, disabled=True)
        lab.run(2)
        lab.enable()
        assert lab.where == P
        lab.disable()
        lab.teardown()
        assert (set(lab["A"].store.written_rows()), set(lab["B"].store.written_rows())) == before
    assert lab["A"].dpu.refused == lab["B"].dpu.refused == []


# C rows


@pytest.mark.parametrize("after_s", [0, 1, 30])
def test_c03_scope_is_deleted_and_there_again(after_s: float) -> None:
    lab = healthy()
    lab.pace.approval_ms = 500
    lab.delscope("B")
    lab.run(after_s)
    lab.scope("B", disabled=False)
    lab.reach(*P)
    lab.rest(60)
    assert lab.where == P


def test_c04_one_row_with_approval_and_another_wish() -> None:
    lab = switch_driven()
    lab.z1()
    for name in "AB":
        lab.scope(name, disabled=False)
    lab.until(lambda: bool(lab["A"].pending), 60)
    ids = tuple(lab["A"].pending)
    lab.scope("A", desired="unspecified", approved_pending_operation_ids=ids)
    lab.becomes("A", "active/active", within_s=2)
    assert lab["A"].state["desired_ha_state"] == "unspecified"


def test_c05_one_row_with_approval_and_the_wish_to_die() -> None:
    lab = healthy()
    lab.scope("A", desired="unspecified")
    lab.scope("B", desired="active")
    lab.until(lambda: bool(lab["B"].pending), 5)
    lab.scope("B", desired="dead", approved_pending_operation_ids=tuple(lab["B"].pending))
    lab.reach("standalone/standalone", "dead/dead")
    assert "switching_to_active" not in lab.path("B")


def test_c06_unknown_and_old_and_repeated_approvals() -> None:
    lab = healthy()
    old = lab.controller.approved["A"][0]
    since_ms = lab.wall_ms
    lab.approve_id("A", old)
    lab.approve_id("B", old, "no such id", old)
    lab.rest(30)
    assert lab.path("A", since_ms) == lab.path("B", since_ms) == []


def test_c10_configuration_does_not_move_the_primary_back() -> None:
    lab = switch_driven()
    lab.q()
    lab.set(version="2")
    lab.rest()
    assert lab.primaries == ("B", "B")


@pytest.mark.parametrize("name", ["A", "B"])
def test_c13_one_side_reports_the_channel_down(name: str) -> None:
    lab = healthy()
    lab.pace.approval_ms = 500
    since_ms = lab.wall_ms
    lab.chan(False, name)
    lab.run(1)
    lab.chan(True, name)
    lab.rest(90)
    assert lab.where in (P, Q)
    assert sum(lab.path(side, since_ms).count("standalone") for side in "AB") <= 1


def test_c14_channel_row_is_deleted() -> None:
    lab = healthy()
    since_ms = lab.wall_ms
    for name in "AB":
        table = tables.DASH_HA_SET_STATE_TABLE
        lab.delete(name, table.database, table.name, SET_ID)
    lab.rest(60)
    assert lab.path("A", since_ms) == lab.path("B", since_ms) == []


@pytest.mark.parametrize("for_s", [1, 600])
def test_c17_link_is_lost_in_a_pair(for_s: int) -> None:
    lab = healthy()
    since_ms = lab.wall_ms
    lab.set_link(False)
    lab.run(for_s)
    assert lab.where == P
    lab.set_link(True)
    lab.rest(60)
    assert lab.path("A", since_ms) == lab.path("B", since_ms) == []


def test_c25_state_row_of_the_dpu_is_deleted() -> None:
    lab = healthy()
    table = tables.DASH_HA_SCOPE_STATE_TABLE
    lab.delete("A", table.database, table.name, SET_ID)
    lab.run(1)
    assert lab.at("A") == "active/"
    lab.run(60)
    assert [lab["A"].dpu.role.value, lab["B"].dpu.role.value].count("standby") == 1


@pytest.mark.parametrize("name", ["A", "B"])
def test_c27_scope_is_deleted_without_disabling(name: str) -> None:
    lab = healthy()
    other = lab.peer_of(name)
    lab.delscope(name)
    lab.becomes(other, "standalone/standalone", within_s=2)
    lab.rest(30)
    assert lab[name].state == {}
    assert lab[name].told == {}
    assert lab.primary(other) == other
    assert [fate(lab, npu).handled_by for npu in "AB"] == [other, other]


@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("for_s", [0.01, 0.5, 3])
def test_c29_short_loss_of_a_dpu(name: str, for_s: float) -> None:
    lab = healthy()
    lab.pace.approval_ms = 500
    lab.off(name)
    lab.run(for_s)
    lab.on(name)
    lab.rest(120)
    assert lab.where in (P, Q)


@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("for_s", [0.01, 0.5, 3])
def test_c29_loss_that_is_only_reported(name: str, for_s: float) -> None:
    """The DPU runs on and says nothing anew: not that it has the channel, and not the role that it has."""
    lab = healthy()
    lab.pace.approval_ms = 500
    lab.pmon(name, "down", "down", "down")
    lab.run(for_s)
    lab.pmon(name, "up", "up", "up")
    lab.rest(120)
    assert lab.where in (P, Q)


@pytest.mark.parametrize("name", ["A", "B"])
def test_c34_relaunch_that_is_only_seen_in_its_newest_report(name: str) -> None:
    lab = healthy()
    lab.pace.approval_ms = 500
    lab.kill(name)
    table = tables.DASH_HA_SCOPE_STATE
    lab.delete(name, table.database, table.name, lab[name].side.state_key)
    lab.start(name)
    other = lab.peer_of(name)
    lab.becomes(other, "standalone/standalone", within_s=3)
    lab.rest(120)
    assert lab.where in (P, Q)


def test_sync_that_fails_holds_down_longer_each_time() -> None:
    lab = switch_driven()
    lab.sa("A")
    lab.pace.approval_ms = 500
    lab.sync("A", SyncEnd.FAILED)
    lab.scope("B", disabled=False, desired="unspecified")
    lab.run(600)
    assert lab.where == A_ALONE
    sessions = len(flow_syncs(lab, "A"))
    assert 3 <= sessions <= 6


@pytest.mark.parametrize("serves", ["A", "B"])
def test_restart_of_the_yielding_side_does_not_make_it_serve_its_old_flows(serves: str) -> None:
    lab = switch_driven()
    lab.sas(serves)
    other = lab.peer_of(serves)
    terms, since_ms = lab.terms, lab.wall_ms
    lab.kill(other)
    lab.run(2)
    lab.start(other)
    lab.rest(30)
    assert lab.where == alone(serves)
    assert lab.terms == terms
    assert "standalone" not in lab.path(other, since_ms)


def test_i4_set_that_is_configured_again_knows_nothing_of_before() -> None:
    lab = switch_driven()
    lab.q()
    for name in lab.pair:
        lab.delscope(name)
    lab.delset()
    lab.run(5)
    lab.set()
    for name in lab.pair:
        lab.scope(name, disabled=True)
    lab.run(5)
    assert lab.where == ("dead/dead", "dead/dead")
    assert lab.primaries == (None, None), "nobody serves"


def test_set_that_is_deleted_under_its_scopes_and_configured_again_has_its_route_at_once() -> None:
    lab = switch_driven()
    lab.q()
    lab.delset("A")
    lab.run(2)
    lab.set("A")
    lab.run(2)
    assert lab.primaries == ("B", "B")
