"""The planned workflows of a switch-driven pair, two daemons and two simulated DPUs: scenarios W01 to W10."""

import pytest

from hamgr_fsm.vocabulary import PinState
from models import tables
from runner.lab.dpu_roles import Acks, SyncEnd
from runner.lab.network import Conditions
from runner.lab.sides import ROUTE_KEY, SET_ID, A, B, C
from tests.lab.pair import A_ALONE, B_ALONE, P, Pair, Q, flow_syncs, healthy, switch_driven

ALONE_BESIDE_DEAD = ("standalone/standalone", "dead/dead")


def launching() -> Pair:
    lab = switch_driven()
    lab.z1()
    return lab


def connected() -> Pair:
    """B is in InitializingToStandby, A waits for the approval of its activation."""
    lab = launching()
    lab.scope("A", disabled=False)
    lab.scope("B", disabled=False)
    lab.until(lambda: "activate_role" in lab["A"].pending.values(), 60)
    assert lab.where == ("pending_active_activation/dead", "initializing_to_standby/standby")
    return lab


# W01


def test_w01_clean_launch() -> None:
    lab = launching()
    assert lab.where == ("dead/dead", "dead/dead")
    assert not any(lab.primaries)
    lab.enable()
    lab.rest()
    assert lab.where == P
    assert lab.terms == (1, 1)
    assert lab.primaries == ("A", "A")
    assert lab.path("A") == ["connecting", "connected", "initializing_to_active", "pending_active_activation", "active"]
    assert lab.path("B") == [
        "connecting",
        "connected",
        "initializing_to_standby",
        "pending_standby_activation",
        "standby",
    ]
    assert lab.now_ms < 60_000
    assert lab["A"].pending == lab["B"].pending == {}
    assert lab["A"].dpu.refused == lab["B"].dpu.refused == []
    assert not flow_syncs(lab, "A"), "no flow exists, none is copied"


def test_w01_writes_the_route_of_the_tables() -> None:
    lab = healthy()
    routes = [lab[name].row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY) for name in "AB"]
    common = {"endpoint_monitor": f"{A.pa},{B.pa}", "monitoring": "custom_bfd", "pinned_state": "none,none"}
    assert [route["primary"] for route in routes] == [A.pa, A.npu]
    assert [route["endpoint"] for route in routes] == [f"{A.pa},{B.npu}", f"{A.npu},{B.pa}"]
    assert all(common.items() <= route.items() for route in routes)
    sessions = {f"default:default:{A.npu}", f"default:default:{B.npu}"}
    assert all(lab[name].store.keys(tables.BFD_SESSION_TABLE) == sessions for name in "AB")


def test_w01_row_of_the_scope_carries_role_and_term_and_nothing_of_the_other_mode() -> None:
    lab = healthy()
    assert lab["A"].told == {"version": "1", "ha_role": "active", "ha_term": "1", "ha_set_id": SET_ID}


def test_w01a_late_approval_keeps_its_operation() -> None:
    lab = connected()
    operations = lab["A"].pending
    lab.run(290)
    assert lab["A"].pending == operations
    assert lab.where == ("pending_active_activation/dead", "initializing_to_standby/standby")
    lab.approve("A", "activate_role")
    lab.approve("B", "activate_role")
    lab.rest()
    assert lab.where == P


@pytest.mark.parametrize("gap_s", [-60, -5, 0, 5, 60])
def test_w01b_any_gap_between_the_two_launches(gap_s: int) -> None:
    lab = launching()
    lab.pace.approval_ms = 500
    first, second = ("A", "B") if gap_s >= 0 else ("B", "A")
    lab.scope(first, disabled=False)
    lab.run(abs(gap_s))
    lab.scope(second, disabled=False)
    lab.reach(*P)
    lab.rest(60)
    assert lab.where == P
    assert "standalone" not in lab.path("A") + lab.path("B")


@pytest.mark.parametrize("desired", ["active", "unspecified"])
def test_w01c_equal_wishes_end_in_one_winner(desired: str) -> None:
    lab = launching()
    lab.pace.approval_ms = 500
    for name in "AB":
        lab.scope(name, disabled=False, desired=desired)
    lab.run(20)
    assert lab.states() == ["connected", "connected"]
    lab.reach(*P, within_s=300)
    lab.rest(60)
    assert lab.where == P
    assert any("same term, same desired state" in alert for alert in lab.alerts())


def test_w01c_later_wish_ends_the_tie() -> None:
    lab = launching()
    lab.pace.approval_ms = 500
    for name in "AB":
        lab.scope(name, disabled=False, desired="unspecified")
    lab.run(20)
    lab.scope("B", desired="active")
    lab.reach(*Q, within_s=120)
    lab.rest()


def test_w01d_standby_role_is_acknowledged_late() -> None:
    lab = launching()
    lab.pace.approval_ms = 500
    lab.acks("B", Acks.HELD)
    lab.scope("A", disabled=False)
    lab.scope("B", disabled=False)
    lab.run(9)
    assert "pending_active_activation" not in lab.path("A")
    lab.acks("B", Acks.AT_ONCE)
    lab.reach(*P)
    lab.rest(60)


def test_w01d_standby_role_is_never_acknowledged() -> None:
    lab = launching()
    lab.pace.approval_ms = 500
    lab.run(1)
    lab.acks("B", Acks.REFUSED)
    lab.scope("A", disabled=False)
    lab.scope("B", disabled=False)
    lab.becomes("A", "standalone/standalone", within_s=250)
    lab.rest(120)
    assert "pending_active_activation" not in lab.path("A")
    assert lab["A"].ctl == "standalone"
    assert lab.primaries == ("A", "A")


@pytest.mark.parametrize("kind", ["VoteRequest", "VoteReply", "HaScopeStateUpdate", "BulkSyncUpdate"])
def test_w01e_lost_messages_are_repeated(kind: str) -> None:
    lab = launching()
    lab.pace.approval_ms = 500
    lab.network.conditions.loses = {kind}
    lab.scope("A", disabled=False)
    lab.scope("B", disabled=False)
    lab.run(10)
    lab.network.conditions.loses.clear()
    lab.reach(*P, within_s=200)
    lab.rest(60)
    assert lab.where == P


def test_w01e_everything_repeated_and_reordered() -> None:
    lab = launching()
    lab.pace.approval_ms = 500
    lab.network.conditions = Conditions(delay_ms=20, jitter_ms=400, repetition=0.5, reordering=0.5)
    lab.scope("A", disabled=False)
    lab.scope("B", disabled=False)
    lab.reach(*P, within_s=200)
    lab.rest(60)
    assert lab.where == P


@pytest.mark.parametrize("survivor", ["A", "B"])
def test_w01f_disabled_while_pending(survivor: str) -> None:
    lab = connected()
    other = lab.peer_of(survivor)
    lab.scope(other, disabled=True)
    lab.becomes(survivor, "standalone/standalone", within_s=200)
    lab.rest(60)
    assert lab[survivor].ctl == "standalone"
    assert lab.at(other) == "dead/dead"
    assert lab["A"].pending == {}


# W02


def test_w02_launch_with_a_standalone_peer() -> None:
    lab = switch_driven()
    lab.sa("A")
    t = lab["A"].term
    lab.scope("B", disabled=False, desired="unspecified")
    lab.becomes("B", "pending_standby_activation/standby")
    assert lab.at("A") == "active/active"
    assert lab["A"].term == t + 1
    assert not lab["A"].store.keys(tables.DASH_FLOW_SYNC_SESSION_TABLE), "it has ended, so nobody asks for it any more"
    [session] = flow_syncs(lab, "A")
    assert session == {
        "type": "bulk_sync",
        "ha_set_id": SET_ID,
        "target_server_ip": B.pa,
        "target_server_port": "6000",
        "timeout": "150",
    }
    lab.approve("B", "activate_role")
    lab.rest()
    assert lab.where == P
    assert lab.terms == (t + 1, t + 1)
    assert lab.primaries == ("A", "A")


@pytest.mark.parametrize("end", [SyncEnd.FAILED, SyncEnd.SILENT])
def test_w02a_failed_copying_never_makes_a_standby(end: SyncEnd) -> None:
    lab = switch_driven()
    lab.sa("A")
    lab.sync("A", end)
    lab.pace.approval_ms = 500
    since_ms = lab.wall_ms
    lab.scope("B", disabled=False, desired="unspecified")
    lab.until(lambda: "standalone" in lab.path("A", since_ms), 400)
    lab.run(10)
    assert lab.where == A_ALONE
    assert "pending_standby_activation" not in lab.path("B", since_ms)
    lab.sync("A", SyncEnd.COMPLETED)
    lab.reach(*P, within_s=300)
    lab.rest(30)
    assert lab.primaries == ("A", "A")


def test_w02b_pinned_peer_puts_off_for_ever() -> None:
    lab = switch_driven()
    lab.sa("A")
    lab.scope("A", desired="standalone")
    lab.scope("B", disabled=False, desired="unspecified")
    lab.run(600)
    assert lab["B"].ctl == "connected"
    assert lab.at("A") == "standalone/standalone"


def test_w02c_standby_role_is_not_acknowledged() -> None:
    lab = switch_driven()
    lab.sa("A")
    since_ms = lab.wall_ms
    lab.acks("B", Acks.REFUSED)
    lab.scope("B", disabled=False, desired="unspecified")
    lab.run(120)
    assert lab.at("A") == "standalone/standalone"
    assert lab.path("A", since_ms) == []
    assert lab.primaries == ("A", "A")


@pytest.mark.parametrize("dies", ["A", "B"])
def test_w02d_w02e_a_dpu_dies_while_flows_are_copied(dies: str) -> None:
    lab = switch_driven()
    lab.sa("A")
    t = lab["A"].term
    lab.sync("A", SyncEnd.COMPLETED, takes_s=30)
    lab.scope("B", disabled=False, desired="unspecified")
    lab.until(lambda: lab["A"].store.keys(tables.DASH_FLOW_SYNC_SESSION_TABLE) != set(), 60)
    lab.run(2)
    lab.off(dies)
    other = lab.peer_of(dies)
    lab.becomes(other, "standalone/standalone", within_s=5)
    lab.rest(30)
    assert lab[other].ctl == "standalone"
    if dies == "B":
        assert lab["A"].term == t + 2
    else:
        assert lab["B"].term <= t + 1, "a side without all flows stays below its source"


def test_w02f_who_serves_wins_although_the_other_has_the_higher_term() -> None:
    lab = healthy()
    lab.set_link(False)
    lab.chan(False)
    lab.run(2)
    lab.scope("B", disabled=True)
    lab.run(2)
    lab.scope("B", disabled=False)
    lab.becomes("B", "standalone/standalone")
    lab.scope("B", disabled=True)
    lab.run(2)
    lab.chan(True)
    lab.set_link(True)
    lab.run(2)
    assert lab["B"].term > lab["A"].term
    since_ms = lab.wall_ms
    lab.pace.approval_ms = 500
    lab.scope("B", disabled=False)
    lab.reach(*P)
    lab.rest(30)
    assert lab.path("A", since_ms) == ["active"]


# W03


def test_w03a_peer_is_not_there() -> None:
    lab = switch_driven()
    lab.configure("A")
    lab.start("A")
    lab.on("A")
    lab.set("A")
    lab.scope("A", disabled=False)
    lab.becomes("A", "standalone/standalone", within_s=150)
    lab.rest()
    assert lab["A"].term == 1
    assert lab.primary("A") == "A"
    assert lab["A"].pending == {}
    assert "pending_active_activation" not in lab.path("A")


def test_w03b_peer_has_no_scope() -> None:
    lab = switch_driven()
    lab.z0()
    lab.set("A")
    lab.scope("A", disabled=False)
    lab.becomes("A", "standalone/standalone", within_s=150)
    lab.rest()


def test_w03c_peer_stays_disabled() -> None:
    lab = launching()
    lab.scope("A", disabled=False)
    lab.becomes("A", "standalone/standalone", within_s=150)
    lab.rest()


def test_w03d_peer_is_wanted_dead() -> None:
    lab = launching()
    lab.scope("B", disabled=False, desired="dead")
    lab.run(2)
    lab.scope("A", disabled=False)
    lab.becomes("A", "standalone/standalone", within_s=5)
    lab.rest()


def test_w03e_peer_reports_but_has_no_dpu() -> None:
    lab = switch_driven()
    lab.z0()
    lab.off("B")
    lab.set()
    lab.scope("A", disabled=False)
    lab.scope("B", disabled=False)
    lab.becomes("A", "standalone/standalone", within_s=150)
    lab.rest()


def test_w03f_second_launch_in_one_life_with_the_peer_gone() -> None:
    lab = healthy()
    lab.disable()
    lab.kill("B")
    lab.run(5)
    lab.scope("A", disabled=False, desired="active")
    lab.becomes("A", "standalone/standalone", within_s=150)
    lab.rest()


def test_w03g_own_dpu_is_down() -> None:
    lab = switch_driven()
    lab.z0()
    lab.off("A")
    lab.set()
    lab.scope("A", disabled=False)
    lab.run(300)
    assert lab["A"].ctl == "dead"


def test_w03h_peer_appears_later() -> None:
    lab = launching()
    lab.scope("A", disabled=False)
    lab.becomes("A", "standalone/standalone", within_s=150)
    lab.pace.approval_ms = 500
    lab.scope("B", disabled=False)
    lab.reach(*P)
    lab.rest()


# W04, W05


def test_w04_planned_switchover() -> None:
    lab = healthy()
    t = lab["A"].term
    since_ms = lab.wall_ms
    mark = len(lab.network.sent)
    lab.switch_over("B")
    lab.rest()
    assert lab.where == Q
    assert lab.terms == (t + 1, t + 1)
    assert lab.primaries == ("B", "B")
    assert lab.path("A", since_ms) == ["switching_to_standby", "standby"]
    assert lab.path("B", since_ms) == ["switching_to_active", "active"]
    assert lab.kinds(mark) == ["SwitchoverRequest", "SwitchoverRequest"]
    assert [lab[name].state["switchover_state"] for name in "AB"] == ["completed", "completed"]
    assert not flow_syncs(lab, "B")


def test_w04_back_and_forth_with_new_operations() -> None:
    lab = healthy()
    ids = []
    for to in ("B", "A", "B", "A"):
        lab.switch_over(to)
        ids.append(lab.controller.approved[to][-1])
    lab.rest()
    assert lab.where == P
    assert lab.terms == (5, 5)
    assert len(set(ids)) == 4


def test_w04_old_dpu_software_does_not_acknowledge_the_switch() -> None:
    lab = healthy()
    for name in "AB":
        lab[name].dpu.manners.switching_acked = False
    lab.scope("A", desired="unspecified")
    lab.scope("B", desired="active")
    lab.approve("B", "switchover")
    lab.run(60)
    lab.invariants.at_rest(lab)
    assert lab.where == P, "without the setting, no request is sent before the acknowledgement"
    assert lab["B"].state["switchover_state"] in ("failed", "pending_approval")


def test_w05a_rejected_while_the_active_is_wanted_active() -> None:
    lab = healthy()
    lab.scope("B", desired="active")
    first = lab.approve("B", "switchover")
    lab.run(20)
    assert lab.where == P
    assert lab["B"].state["switchover_state"] == "failed"
    assert lab.primaries == ("A", "A")
    lab.until(lambda: first not in lab["B"].pending and bool(lab["B"].pending), 60)
    lab.invariants.at_rest(lab)


def test_w05b_accepted_between_two_tries() -> None:
    lab = healthy()
    lab.scope("B", desired="active")
    lab.approve("B", "switchover")
    lab.until(lambda: lab["B"].ctl == "switching_to_active", 5)
    lab.run(0.5)
    lab.scope("A", desired="unspecified")
    lab.reach(*Q, within_s=10)
    lab.rest()


def test_w05c_withdrawn_operation_cannot_be_approved() -> None:
    lab = healthy()
    lab.scope("A", desired="unspecified")
    lab.scope("B", desired="active")
    lab.until(lambda: bool(lab["B"].pending), 5)
    operations = lab["B"].pending
    lab.run(600)
    assert lab["B"].pending == operations
    lab.scope("B", desired="unspecified")
    lab.run(1)
    assert lab["B"].pending == {}
    lab.approve_id("B", *operations)
    lab.rest()
    assert lab.where == P


@pytest.mark.parametrize("kind", ["SwitchoverRequest", "HaScopeStateUpdate"])
@pytest.mark.parametrize("for_s", [0.5, 1.5, 5])
def test_w05d_lost_messages_of_a_switchover(kind: str, for_s: float) -> None:
    lab = healthy()
    lab.pace.approval_ms = 100
    lab.scope("A", desired="unspecified")
    lab.network.conditions.loses = {kind}
    lab.scope("B", desired="active")
    lab.run(for_s)
    lab.network.conditions.loses.clear()
    lab.reach(*Q, within_s=120)
    lab.rest(60)
    assert lab.where == Q


def test_w05e_wish_that_was_there_before_standby() -> None:
    lab = launching()
    lab.scope("A", disabled=False)
    lab.scope("B", disabled=False)
    lab.approve("A", "activate_role")
    lab.scope("A", desired="unspecified")
    lab.scope("B", desired="active")
    lab.approve("B", "activate_role")
    lab.approve("B", "switchover", within_s=5)
    lab.reach(*Q, within_s=10)
    lab.rest()


# W06


def switching() -> Pair:
    """A pair right before a switchover: everything but the approval is there."""
    lab = healthy()
    lab.scope("A", desired="unspecified")
    lab.run(1)
    lab.scope("B", desired="active")
    lab.run(1)
    return lab


@pytest.mark.parametrize("how", [Acks.HELD, Acks.REFUSED])
def test_w06_new_active_does_not_acknowledge_the_switch(how: Acks) -> None:
    lab = switching()
    mark = len(lab.network.sent)
    lab.acks("B", how)
    lab.approve("B", "switchover")
    lab.run(15)
    lab.acks("B", Acks.AT_ONCE)
    lab.rest(20)
    assert "SwitchoverRequest" not in lab.kinds(mark)
    assert lab.where == P
    assert lab["B"].state["switchover_state"] in ("failed", "pending_approval")
    assert lab.primaries == ("A", "A")


@pytest.mark.parametrize("dies", ["A", "B"])
@pytest.mark.parametrize("at", ["switching_to_active", "switching_to_standby"])
def test_w06_a_dpu_dies_in_a_switchover(dies: str, at: str) -> None:
    lab = switching()
    if at == "switching_to_active":
        lab.acks("B", Acks.HELD)
    else:
        lab.acks("A", Acks.HELD)
    lab.approve("B", "switchover")
    lab.until(lambda: at in (lab["A"].ctl, lab["B"].ctl), 5)
    lab.off(dies)
    for name in "AB":
        lab.acks(name, Acks.AT_ONCE)
    other = lab.peer_of(dies)
    lab.becomes(other, "standalone/standalone", within_s=5)
    lab.rest(60)
    assert lab[other].ctl == "standalone"
    assert lab.primary(other) == other


def test_w06_old_active_does_not_acknowledge_standby() -> None:
    lab = switching()
    lab.acks("A", Acks.HELD)
    lab.approve("B", "switchover")
    lab.until(lambda: lab["A"].ctl == "switching_to_standby", 5)
    lab.run(8)
    assert lab["B"].ctl == "switching_to_active"
    lab.run(60)
    assert [lab[name].ctl for name in "AB"].count("standalone") == 1
    lab.acks("A", Acks.AT_ONCE)
    lab.pace.approval_ms = 500
    lab.rest(90)
    assert lab.where in (P, Q)


@pytest.mark.parametrize("after_ms", [1, 3, 5, 7, 9, 11, 13, 15])
def test_w06_link_is_lost_in_a_switchover(after_ms: int) -> None:
    lab = switching()
    lab.approve("B", "switchover")
    lab.run(after_ms / 1000)
    lab.set_link(False)
    lab.run(20)
    lab.set_link(True)
    lab.rest(90)
    assert lab.where in (P, Q, A_ALONE, B_ALONE)


@pytest.mark.parametrize("after_ms", [1, 3, 5, 7, 9, 11, 13, 15])
def test_w06_channel_is_lost_in_a_switchover(after_ms: int) -> None:
    lab = switching()
    lab.approve("B", "switchover")
    lab.run(after_ms / 1000)
    lab.chan(False)
    lab.rest(60)
    assert lab.where in (A_ALONE, B_ALONE)


@pytest.mark.parametrize("name", ["A", "B"])
def test_w06_disabled_in_a_switchover(name: str) -> None:
    lab = switching()
    lab.acks("A", Acks.HELD)
    lab.approve("B", "switchover")
    lab.until(lambda: lab["A"].ctl == "switching_to_standby", 5)
    lab.acks("A", Acks.HELD)
    lab.scope(name, disabled=True)
    lab.run(1)
    lab.acks("A", Acks.AT_ONCE)
    other = lab.peer_of(name)
    lab.becomes(other, "standalone/standalone", within_s=20)
    lab.rest(20)
    assert lab.at(name) == "dead/dead"


# W07, W08


def test_w07_planned_shutdown_of_the_standby() -> None:
    lab = healthy()
    t = lab["A"].term
    since_ms, mark, marks = lab.wall_ms, len(lab.network.sent), lab.marks()
    lab.scope("B", desired="dead", disabled=False)
    lab.reach(*ALONE_BESIDE_DEAD)
    lab.rest()
    assert lab.where == ALONE_BESIDE_DEAD
    assert lab["A"].term == t + 1
    assert lab.primaries == ("A", "A")
    assert lab.path("A", since_ms) == ["switching_to_standalone", "standalone"]
    assert lab.path("B", since_ms) == ["destroying", "dead"]
    assert lab.kinds(mark) == ["ShutdownRequest", "ShutdownReply"]
    assert lab.roles("B", marks["B"]) == ["dead"]
    assert lab["B"].store.keys(tables.BFD_SESSION_TABLE) == set()


def test_w07a_rejected_while_the_peer_is_not_active() -> None:
    lab = switch_driven()
    lab.sas("A")
    lab.scope("B", desired="dead", disabled=False)
    lab.rest(120)
    assert lab["A"].ctl == "standalone"


@pytest.mark.parametrize("kind", ["ShutdownRequest", "ShutdownReply", "HaScopeStateUpdate"])
def test_w07b_lost_messages_of_a_shutdown(kind: str) -> None:
    lab = healthy()
    t = lab["A"].term
    lab.network.conditions.loses = {kind}
    lab.scope("B", desired="dead", disabled=False)
    lab.run(5)
    lab.network.conditions.loses.clear()
    lab.reach(*ALONE_BESIDE_DEAD)
    lab.rest()
    assert lab["A"].term == t + 1


def test_w07c_taken_back_before_the_peer_serves_alone() -> None:
    lab = healthy()
    lab.pace.approval_ms = 500
    since_ms = lab.wall_ms
    lab.acks("A", Acks.HELD)
    lab.scope("B", desired="dead", disabled=False)
    lab.run(2)
    lab.scope("B", desired="unspecified")
    lab.run(1)
    lab.acks("A", Acks.AT_ONCE)
    lab.reach(*P)
    lab.rest(60)
    assert "destroying" not in lab.path("B", since_ms)


def test_w07e_dpu_dies_while_it_drains() -> None:
    lab = healthy()
    lab.acks("B", Acks.HELD)
    lab.scope("B", desired="dead", disabled=False)
    lab.until(lambda: lab["B"].ctl == "destroying", 10)
    lab.off("B")
    lab.run(10)
    assert lab["B"].ctl == "dead"
    lab.rest(30)
    assert lab.at("A") == "standalone/standalone"


def test_w07f_restart_keeps_it_dead() -> None:
    lab = switch_driven()
    lab.sa("A")
    lab.kill("B")
    lab.run(2)
    lab.start("B")
    lab.rest(60)
    assert lab.where == ALONE_BESIDE_DEAD


def test_w07g_active_never_acknowledges_standalone() -> None:
    lab = healthy()
    lab.acks("A", Acks.HELD)
    lab.scope("B", desired="dead", disabled=False)
    lab.run(60)
    assert lab["B"].ctl == "standby"
    assert lab["B"].dpu.role.value == "standby"


def test_w08_planned_shutdown_of_the_active() -> None:
    lab = healthy()
    lab.switch_over("B")
    lab.scope("A", desired="dead", disabled=False)
    lab.reach("dead/dead", "standalone/standalone")
    lab.rest()
    assert lab.primaries == ("B", "B")


def test_m2_4s_direct_shutdown_of_the_active_is_refused() -> None:
    lab = healthy()
    since_ms = lab.wall_ms
    lab.scope("A", desired="dead", disabled=False)
    lab.rest(120)
    assert lab.where == P
    assert lab.path("A", since_ms) == []


# W09


def pinned() -> Pair:
    lab = healthy()
    lab.scope("A", desired="standalone")
    lab.reach(*A_ALONE, within_s=5)
    return lab


def test_w09a_pin_of_the_active() -> None:
    lab = healthy()
    t = lab["A"].term
    lab.scope("A", desired="standalone")
    lab.reach(*A_ALONE, within_s=5)
    lab.rest(120)
    assert lab.where == A_ALONE
    assert lab["A"].term == t + 1
    assert lab.primaries == ("A", "A")


def test_w09b_unpin() -> None:
    lab = pinned()
    lab.scope("A", desired="active")
    lab.approve("B", "activate_role")
    lab.reach(*P)
    lab.rest()


def test_m4_1_pin_of_the_standby() -> None:
    lab = healthy()
    lab.scope("A", desired="unspecified")
    lab.scope("B", desired="standalone")
    lab.reach(*B_ALONE, within_s=5)
    lab.rest(60)
    assert lab.primaries == ("B", "B")
    lab.scope("B", desired="active")
    lab.approve("A", "activate_role")
    lab.reach(*Q)
    lab.rest()


def test_w09d_peer_relaunches_beside_a_pin() -> None:
    lab = pinned()
    lab.scope("B", disabled=True)
    lab.run(5)
    lab.scope("B", disabled=False)
    lab.run(300)
    assert lab["B"].ctl == "connected"
    assert lab.at("A") == "standalone/standalone"


@pytest.mark.parametrize("first", ["A", "B"])
def test_w09e_two_pins(first: str) -> None:
    lab = healthy()
    lab.scope(first, desired="standalone")
    lab.scope(lab.peer_of(first), desired="standalone")
    lab.rest(60)
    assert sorted(lab.where) == sorted(A_ALONE)


def test_w09f_health_beats_a_pin() -> None:
    lab = pinned()
    lab.off("A")
    lab.becomes("B", "standalone/standalone", within_s=5)
    lab.rest(30)
    assert lab.primary("B") == "B"


def test_w09g_restart_keeps_a_pin() -> None:
    lab = pinned()
    lab.kill("A")
    lab.run(3)
    lab.start("A")
    lab.rest(60)
    assert lab.where == A_ALONE


def test_m3_pins_of_probes_move_nothing() -> None:
    lab = healthy()
    marks = lab.marks()
    since_ms = lab.wall_ms
    lab.pins(PinState.DOWN, PinState.NONE)
    lab.run(1)
    route = lab["A"].row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)
    assert (route["primary"], route["pinned_state"]) == (A.pa, "down,none")
    lab.pins(PinState.NONE, PinState.NONE)
    lab.rest()
    assert lab.where == P
    assert lab.path("A", since_ms) == lab.path("B", since_ms) == []
    assert lab.roles("A", marks["A"]) == lab.roles("B", marks["B"]) == []


# W10


def test_w10_re_pairing() -> None:
    lab = switch_driven(sides=(A, B, C))
    lab.sa("A")
    lab.delscope("B")
    lab.delset("B")
    lab.run(5)
    assert lab["B"].store.keys(tables.DASH_HA_SCOPE_TABLE) == set()
    assert lab["B"].store.keys(tables.DASH_HA_SET_TABLE) == set()
    assert lab["B"].store.keys(tables.BFD_SESSION_TABLE) == set()
    assert lab["B"].store.keys(tables.VNET_ROUTE_TUNNEL_TABLE) == set()
    assert lab["B"].state == {}
    lab.set("A", vdpu_ids=(A.vdpu_id, C.vdpu_id))
    lab.run(2)
    assert lab.at("A") == "standalone/standalone"
    assert lab["A"].row(tables.DASH_HA_SET_TABLE, SET_ID)["peer_ip"] == C.pa
    lab.set("C")
    lab.scope("C", disabled=True)
    lab.run(2)
    lab.scope("C", disabled=False)
    lab.approve("C", "activate_role")
    lab.reach(*P)
    lab.rest(30)
    assert lab.primaries == ("A", "A")
    assert lab["C"].dpu.refused == []


def test_w10b_replacement_is_there_before_the_survivor_knows() -> None:
    lab = switch_driven(sides=(A, B, C))
    lab.sa("A")
    lab.delscope("B")
    lab.delset("B")
    lab.set("C", vdpu_ids=(A.vdpu_id, C.vdpu_id))
    lab.scope("C", disabled=False)
    lab.run(10)
    lab.set("A")
    lab.pace.approval_ms = 500
    lab.reach(*P)
    lab.rest(30)


def test_w10c_re_pairing_of_a_running_pair() -> None:
    lab = switch_driven(sides=(A, B, C))
    lab.p()
    lab.pace.approval_ms = 500
    lab.set("A", "C", vdpu_ids=(A.vdpu_id, C.vdpu_id))
    lab.scope("C", disabled=False)
    lab.delscope("B")
    lab.delset("B")
    lab.reach(*P, within_s=300)
    lab.rest(30)
    assert lab.primaries == ("A", "A")
