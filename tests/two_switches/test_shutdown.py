"""Planned and forced shutdowns, pins, and scopes that are deleted (W07 to W09, W11, W17, M2, M4, M9.1, C03 to C10)."""

import pytest

from hamgr_fsm.vocabulary import PinState
from models.tables import BFD_SESSION_TABLE, DASH_HA_SCOPE_TABLE, VNET_ROUTE_TUNNEL_TABLE
from runner.demo.configuration import A
from runner.demo.recorder import Change
from runner.demo.switch import until
from runner.demo.watch import Watch
from runner.lab.dpu_roles import Acks
from runner.lab.sides import ROUTE_KEY, SET_ID
from tests.two_switches.pair import A_ALONE, A_BESIDE_DEAD, B_ALONE, B_BESIDE_DEAD, OTHER, P, Q, WatchedPair, paired


def role_told_at(watch: Watch, name: str, role: str) -> float:
    """When hamgrd wrote this role for the DPU of a side."""
    (change,) = [
        change
        for change in watch.changes(name, DASH_HA_SCOPE_TABLE)
        if change.became("ha_role") == role != (change.before or {}).get("ha_role")
    ]
    return change.at_s


def sessions_gone(watch: Watch, name: str) -> list[Change]:
    return [change for change in watch.changes(name, BFD_SESSION_TABLE) if change.deleted]


# W07, W08, W17


def test_m2_3_w07_planned_shutdown_of_the_standby(healthy: WatchedPair) -> None:
    terms, since = healthy.terms, healthy.since_now()
    healthy.scope("B", desired="dead", disabled=False)
    healthy.until_where(*A_BESIDE_DEAD)
    healthy.rest()
    assert healthy.terms[0] == terms[0] + 1
    assert since.path("A")[-1] == "standalone"
    assert since.path("B") == ["destroying", "dead"]
    assert since.roles("B") == ["dead"]
    assert since.route("A") == since.route("B") == []
    (serves_alone,) = [at_s for at_s, role in since.acked("A") if role == "standalone"]
    assert role_told_at(since, "B", "dead") > serves_alone, "FL-23: the standby goes when the other serves alone"
    assert healthy["B"].rows.keys(BFD_SESSION_TABLE) == []


@pytest.mark.parametrize("name", ["A", "B"])
def test_m2_3d_m2_4_w17_planned_shutdown_and_return(healthy_dpu_driven: WatchedPair, name: str) -> None:
    pair, other = healthy_dpu_driven, OTHER[name]
    since = pair.since_now()
    pair.scope(name, desired="dead", disabled=False)
    pair.becomes(name, "dead/dead")
    pair.becomes(other, "standalone/standalone")
    pair.approve(other, "flow_reconcile")
    until(lambda: since.requests(other, "flow_reconcile_requested") == 1, pair.__str__)
    pair.settle()
    assert since.requests(other, "flow_reconcile_requested") == 1
    assert since.route("A") == since.route("B") == []
    silent = [change.at_s for change in sessions_gone(since, name)]
    assert len(silent) == 2
    assert max(silent) < role_told_at(since, name, "dead"), "the traffic goes first, while both forward"
    told = [row for row in since.told(name) if row in ("-BFD_SESSION_TABLE", "+DASH_HA_SCOPE_TABLE")]
    assert told == ["-BFD_SESSION_TABLE", "-BFD_SESSION_TABLE", "+DASH_HA_SCOPE_TABLE"]
    pair.restore(name)
    pair.until_paired()
    pair.rest()
    assert since.requests(name, "activate_role_requested") == 1


def test_w07c_taken_back_before_the_peer_serves_alone(healthy: WatchedPair) -> None:
    since = healthy.since_now()
    healthy.acks("A", Acks.HELD)
    healthy.scope("B", desired="dead", disabled=False)
    healthy.becomes("A", "standalone/active")
    healthy.scope("B", desired="unspecified")
    healthy.handled("B")
    healthy.acks("A", Acks.AT_ONCE)
    healthy.approve_whatever(*P)
    healthy.rest()
    assert "destroying" not in since.path("B")


def test_w07e_dpu_dies_while_it_drains(healthy: WatchedPair) -> None:
    healthy.acks("B", Acks.HELD)
    healthy.scope("B", desired="dead", disabled=False)
    healthy.becomes("B", "destroying/standby")
    healthy.off("B")
    healthy.becomes("B", "dead/")
    healthy.becomes("A", "standalone/standalone")
    healthy.acks("B", Acks.AT_ONCE)
    healthy.rest()


def test_w07f_restart_keeps_it_dead(switch_driven: WatchedPair) -> None:
    switch_driven.sa("A")
    since = switch_driven.since_now()
    switch_driven.restart("B")
    switch_driven.stays(*A_BESIDE_DEAD)
    assert since.path("A") == since.path("B") == []


def test_w07g_active_never_acknowledges_standalone(healthy: WatchedPair) -> None:
    healthy.acks("A", Acks.HELD)
    healthy.scope("B", desired="dead", disabled=False)
    healthy.becomes("A", "standalone/active")
    until(lambda: healthy.watch.roles("A")[-1] == "standalone", healthy.__str__)
    assert "destroying" not in healthy.watch.path("B")
    assert healthy.dpus["B"].role == "standby"


def test_w08_planned_shutdown_of_the_active(healthy: WatchedPair) -> None:
    healthy.switch_over("B")
    since = healthy.since_now()
    healthy.scope("A", desired="dead", disabled=False)
    healthy.until_where(*B_BESIDE_DEAD)
    healthy.rest()
    assert healthy.primaries == ("B", "B")
    assert since.route("A") == since.route("B") == []


def test_m2_4s_direct_shutdown_of_the_active_is_refused_and_said(healthy: WatchedPair) -> None:
    since = healthy.since_now()
    healthy.scope("A", desired="dead", disabled=False)
    healthy.stays(*P)
    assert since.path("A") == since.path("B") == []
    assert since.roles("A") == since.roles("B") == []
    assert since.logged("A", level="warning"), "the operator is told why nothing happens"


def test_relaunch_after_a_planned_shutdown(switch_driven: WatchedPair) -> None:
    pair = switch_driven
    pair.sa("A")
    since = pair.since_now()
    pair.scope("B", desired="dead", disabled=True)
    pair.scope("B", desired="unspecified", disabled=False)
    pair.approve("B", "activate_role")
    pair.until_where(*P)
    pair.rest()
    assert since.path("A") == ["active"]
    assert since.route("A") == since.route("B") == []


# W09, M3, M4


def pinned(pair: WatchedPair) -> WatchedPair:
    pair.scope("A", desired="standalone")
    pair.until_where(*A_ALONE)
    return pair


def test_w09a_w09b_pin_and_unpin(healthy: WatchedPair) -> None:
    terms, since = healthy.terms, healthy.since_now()
    pinned(healthy).stays(*A_ALONE)
    assert healthy.terms[0] == terms[0] + 1
    healthy.scope("A", desired="active")
    healthy.approve("B", "activate_role")
    healthy.until_where(*P)
    healthy.rest()
    assert since.route("A") == since.route("B") == []


def test_m4_1_pin_of_the_standby(healthy: WatchedPair) -> None:
    healthy.scope("A", desired="unspecified")
    healthy.scope("B", desired="standalone")
    healthy.until_where(*B_ALONE)
    healthy.until_primaries("B", "B")
    healthy.scope("B", desired="active")
    healthy.approve("A", "activate_role")
    healthy.until_where(*Q)
    healthy.rest()


def test_w09d_peer_relaunches_beside_a_pin(healthy: WatchedPair) -> None:
    pinned(healthy)
    healthy.scope("B", disabled=True)
    healthy.becomes("B", "dead/dead")
    healthy.scope("B", disabled=False)
    healthy.stays("standalone/standalone", "connected/dead", for_s=2.0)


@pytest.mark.parametrize("first", ["A", "B"])
def test_w09e_two_pins_leave_one_that_serves(healthy: WatchedPair, first: str) -> None:
    healthy.scope(first, desired="standalone")
    healthy.scope(OTHER[first], desired="standalone")
    until(lambda: sorted(healthy.where) == sorted(A_ALONE), healthy.__str__)
    healthy.stays(*healthy.where)


def test_w09f_health_beats_a_pin(healthy: WatchedPair) -> None:
    pinned(healthy).off("A")
    healthy.becomes("B", "standalone/standalone")
    until(lambda: healthy["B"].primary == "B", healthy.__str__)
    healthy.rest()


def test_w09g_restart_keeps_a_pin(healthy: WatchedPair) -> None:
    pinned(healthy)
    since = healthy.since_now()
    healthy.restart("A")
    healthy.stays(*A_ALONE)
    assert since.path("A") == since.path("B") == []


@pytest.mark.parametrize("index", [0, 1])
def test_m3_pins_of_probes_move_nothing(healthy_either: WatchedPair, index: int) -> None:
    pair = healthy_either
    since = pair.since_now()
    where = pair.where
    pins = [PinState.NONE, PinState.NONE]
    pins[index] = PinState.DOWN
    pair.pins(*pins)
    wanted = ",".join(pin.value for pin in pins)
    for name in "AB":
        until(
            lambda name=name: pair[name].rows.row(VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)["pinned_state"] == wanted,  # type: ignore[misc]
            pair.__str__,
        )
    pair.pins(PinState.NONE, PinState.NONE)
    pair.settle()
    assert pair.where == where
    assert since.path("A") == since.path("B") == []
    assert since.roles("A") == since.roles("B") == []
    assert since.primaries("A") == since.primaries("B") == []


# W11


@pytest.mark.parametrize("forced", ["A", "B"])
def test_w11_forced_down_in_a_pair_and_back(healthy: WatchedPair, forced: str) -> None:
    other = OTHER[forced]
    since = healthy.since_now()
    healthy.scope(forced, disabled=True)
    healthy.becomes(other, "standalone/standalone")
    healthy.becomes(forced, "dead/dead")
    healthy.until_primaries(other, other)
    healthy.rest()
    healthy.scope(forced, disabled=False)
    healthy.approve(forced, "activate_role")
    healthy.until_where(*paired(other))
    healthy.rest()
    expected = [other] if forced == "A" else []
    assert since.primaries("A") == since.primaries("B") == expected, "the traffic moves once at most"


@pytest.mark.parametrize("forced", ["A", "B"])
def test_w11_forced_down_and_back_dpu_driven(healthy_dpu_driven: WatchedPair, forced: str) -> None:
    pair, other = healthy_dpu_driven, OTHER[forced]
    pair.scope(forced, disabled=True)
    pair.becomes(forced, "dead/dead")
    pair.becomes(other, "standalone/standalone")
    pair.approve(other, "flow_reconcile")
    pair.scope(forced, disabled=False)
    pair.approve(forced, "activate_role")
    pair.until_paired()
    pair.rest()


@pytest.mark.parametrize("forced", ["A", "B"])
def test_w11_forced_down_beside_one_that_serves_alone(switch_driven: WatchedPair, forced: str) -> None:
    pair, other = switch_driven, OTHER[forced]
    pair.sas("A")
    pair.scope(forced, disabled=True)
    pair.becomes(forced, "dead/dead")
    pair.becomes(other, "standalone/standalone")
    pair.until_primaries(other, other)
    pair.rest()


def test_w11_last_one_forced_down_leaves_the_route(switch_driven: WatchedPair) -> None:
    pair = switch_driven
    pair.sa("A")
    since = pair.since_now()
    pair.scope("A", disabled=True)
    pair.until_where("dead/dead", "dead/dead")
    pair.rest()
    assert since.route("A") == since.route("B") == []


@pytest.mark.parametrize("forced", ["A", "B"])
def test_w11_forced_down_without_a_dpu(healthy: WatchedPair, forced: str) -> None:
    healthy.off(forced)
    healthy.scope(forced, disabled=True)
    other = OTHER[forced]
    healthy.becomes(other, "standalone/standalone")
    until(lambda: healthy[other].primary == other, healthy.__str__)
    healthy.becomes(forced, "dead/")
    healthy.rest()


@pytest.mark.parametrize("survivor", ["A", "B"])
def test_w01f_forced_down_while_the_activation_waits(switch_driven: WatchedPair, survivor: str) -> None:
    pair = switch_driven
    pair.z1()
    for name in "AB":
        pair.scope(name, disabled=False)
    operation = pair.asked("A", "activate_role")
    pair.scope(OTHER[survivor], disabled=True)
    pair.becomes(survivor, "standalone/standalone")
    pair.rest()
    assert pair["A"].pending == {}
    pair.approve_id("A", operation)
    pair.settle()
    assert "active" not in pair.watch.path("A"), "C33: a stale approval activates nobody"


# M9.1, C03, C04 to C07, C10, C27


def test_m9_1_reconfiguring_three_times_leaves_nothing(either: WatchedPair) -> None:
    for _ in range(3):
        either.p()
        either.disable()
        either.until_where("dead/dead", "dead/dead")
        either.teardown()
        either.until_dpus_hold_nothing()
    deletions = [row for name in "AB" for row in either.watch.told(name) if row == "-DASH_HA_SET_TABLE"]
    assert len(deletions) == 6, "FL-15: one deletion for one row"
    for switch in either.switches.values():
        switch.deconfigure()
    either.until_nothing_left(configured=False)


def test_c03_scope_is_deleted_and_there_again_at_once(healthy: WatchedPair) -> None:
    healthy.delscope("B")
    healthy.scope("B", disabled=False)
    healthy.approve_whatever(*P)
    healthy.rest()


@pytest.mark.parametrize("name", ["A", "B"])
def test_c27_scope_is_deleted_without_disabling(healthy: WatchedPair, name: str) -> None:
    other = OTHER[name]
    healthy.delscope(name)
    healthy.becomes(other, "standalone/standalone")
    until(lambda: healthy[other].primary == other, healthy.__str__)
    until(lambda: not healthy[name].state and not healthy[name].told, healthy.__str__)
    # The switch without a scope keeps the route that it has; the DPU that left answers no probe, so nothing gets there.
    until(lambda: healthy[name].rows.keys(BFD_SESSION_TABLE) == [], healthy.__str__)
    healthy.rest()


def test_c04_one_row_with_approval_and_another_wish(switch_driven: WatchedPair) -> None:
    pair = switch_driven
    pair.z1()
    for name in "AB":
        pair.scope(name, disabled=False)
    operation = pair.asked("A", "activate_role")
    pair.scope("A", desired="unspecified", approved_pending_operation_ids=(operation,))
    pair.becomes("A", "active/active")
    assert pair["A"].state["desired_ha_state"] == "unspecified"


def test_c05_one_row_with_approval_and_the_wish_to_die(healthy: WatchedPair) -> None:
    healthy.scope("A", desired="unspecified")
    healthy.scope("B", desired="active")
    operation = healthy.asked("B", "switchover")
    healthy.scope("B", desired="dead", approved_pending_operation_ids=(operation,))
    healthy.until_where(*A_BESIDE_DEAD)
    assert "switching_to_active" not in healthy.watch.path("B")


def test_c06_unknown_and_old_and_repeated_approvals(healthy_either: WatchedPair) -> None:
    pair = healthy_either
    since, where = pair.since_now(), pair.where
    old = pair.controller.approved["A"][0]
    pair.approve_id("A", old, old)
    pair.approve_id("B", old, "00000000-0000-0000-0000-000000000000")
    pair.settle()
    assert pair.where == where
    assert since.path("A") == since.path("B") == []
    assert sum(since.requests(name, "activate_role_requested") for name in "AB") == 0


def test_c07_the_same_rows_again_change_nothing(healthy_either: WatchedPair) -> None:
    pair = healthy_either
    since = pair.since_now()
    for _ in range(10):
        pair.set()
        for name in "AB":
            pair.scope(name)
    pair.settle()
    assert {name: since.written(name) for name in "AB"} == {"A": [], "B": []}
    assert since.told("A") == since.told("B") == []


def test_c10_configuration_does_not_move_the_primary_back(healthy: WatchedPair) -> None:
    healthy.switch_over("B")
    since = healthy.since_now()
    healthy.set(version="2")
    healthy.settle()
    assert healthy.primaries == ("B", "B")
    assert since.primaries("A") == since.primaries("B") == []
    until(lambda: healthy["A"].rows.row(VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)["endpoint"].endswith(A.pa), healthy.__str__)
    assert healthy["A"].rows.row(DASH_HA_SCOPE_TABLE, SET_ID)["ha_role"] == "standby"
