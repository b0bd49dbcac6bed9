"""Planned switchovers, rejected, withdrawn and disturbed ones (W04 to W06, M2.1)."""

import pytest

from runner.demo.switch import until
from runner.demo.watch import Watch
from runner.lab.dpu_roles import Acks
from tests.two_switches.pair import A_ALONE, B_ALONE, OTHER, P, Q, WatchedPair


def switching(pair: WatchedPair) -> Watch:
    """Everything but the approval is there."""
    pair.scope("A", desired="unspecified")
    pair.scope("B", desired="active")
    pair.asked("B", "switchover")
    return pair.since_now()


def decided_at(watch: Watch, name: str) -> float:
    """When the DPU of a side first acknowledged active."""
    return next(at_s for at_s, role in watch.acked(name) if role == "active")


def test_m2_1_w04_planned_switchover(healthy: WatchedPair) -> None:
    terms, since = healthy.terms, switching(healthy)
    assert since.route("A") == since.route("B") == []
    assert healthy["B"].state["switchover_state"] == "pending_approval"
    healthy.approve("B", "switchover")
    healthy.until_where(*Q)
    healthy.until_primaries("B", "B")
    healthy.rest()
    assert healthy.terms == (terms[0] + 1, terms[0] + 1)
    assert since.path("A") == ["switching_to_standby", "standby"]
    assert since.path("B") == ["switching_to_active", "active"]
    assert since.roles("A") == ["standby"]
    assert since.roles("B") == ["switching_to_active", "active"]
    assert [healthy[name].state["switchover_state"] for name in "AB"] == ["completed", "completed"]
    # Never: both decide; the route moves before the new active has acknowledged; a copy of flows.
    (gave_way,) = [at_s for at_s, role in since.acked("A") if role == "standby"]
    ready, took_over = [at_s for at_s, _ in since.acked("B")]
    assert ready < gave_way < took_over
    for name in "AB":
        (moved,) = since.route(name)
        assert moved.at_s > took_over
    assert since.sessions("A") == since.sessions("B") == set()


def test_w04_back_and_forth_with_a_new_operation_each_time(healthy: WatchedPair) -> None:
    ids = [healthy.switch_over(to) for to in ("B", "A", "B", "A")]
    healthy.rest()
    assert healthy.where == P
    assert healthy.terms == (5, 5)
    assert len(set(ids)) == 4


def test_w05a_rejected_while_the_active_is_wanted_active(healthy: WatchedPair) -> None:
    since = healthy.since_now()
    healthy.scope("B", desired="active")
    first = healthy.approve("B", "switchover")
    until(lambda: healthy["B"].state.get("switchover_state") == "failed", healthy.__str__)
    healthy.until_where(*P)
    until(lambda: bool(healthy["B"].pending) and first not in healthy["B"].pending, healthy.__str__)
    healthy.rest()
    assert since.path("A") == []
    assert since.route("A") == since.route("B") == []


def test_w05b_accepted_between_two_tries(healthy: WatchedPair) -> None:
    healthy.scope("B", desired="active")
    healthy.approve("B", "switchover")
    healthy.becomes("B", "switching_to_active/switching_to_active")
    healthy.scope("A", desired="unspecified")
    healthy.approve_whatever(*Q)
    healthy.rest()


def test_w05c_withdrawn_operation_cannot_be_approved(healthy: WatchedPair) -> None:
    since = switching(healthy)
    operation = healthy.asked("B", "switchover")
    healthy.scope("B", desired="unspecified")
    until(lambda: not healthy["B"].pending, healthy.__str__)
    healthy.approve_id("B", operation)
    healthy.stays(*P)
    assert since.path("A") == since.path("B") == []


def test_w05e_wish_that_was_there_before_standby(switch_driven: WatchedPair) -> None:
    pair = switch_driven
    pair.z1()
    for name in "AB":
        pair.scope(name, disabled=False)
    pair.approve("A", "activate_role")
    pair.asked("B", "activate_role")
    pair.scope("A", desired="unspecified")
    pair.scope("B", desired="active")
    pair.approve("B", "activate_role")
    pair.approve("B", "switchover")
    pair.until_where(*Q)
    pair.rest()


@pytest.mark.parametrize("how", [Acks.HELD, Acks.REFUSED])
def test_w06_new_active_does_not_acknowledge_the_switch(healthy: WatchedPair, how: Acks) -> None:
    since = switching(healthy)
    healthy.acks("B", how)
    healthy.approve("B", "switchover")
    until(lambda: healthy["B"].state.get("switchover_state") == "failed", healthy.__str__)
    healthy.acks("B", Acks.AT_ONCE)
    healthy.until_where(*P)
    healthy.rest()
    assert since.path("A") == [], "nobody asked A for anything"
    assert since.route("A") == since.route("B") == []


@pytest.mark.parametrize("dies", ["A", "B"])
@pytest.mark.parametrize("waits", ["A", "B"])
def test_w06_a_dpu_dies_in_a_switchover(healthy: WatchedPair, dies: str, waits: str) -> None:
    """Before A was asked when B waits for its role, after it when A does."""
    switching(healthy)
    healthy.acks(waits, Acks.HELD)
    healthy.approve("B", "switchover")
    state = "switching_to_active/standby" if waits == "B" else "switching_to_standby/active"
    healthy.becomes(waits, state)
    healthy.off(dies)
    healthy.acks(waits, Acks.AT_ONCE)
    other = OTHER[dies]
    healthy.becomes(other, "standalone/standalone")
    until(lambda: healthy[other].primary == other, healthy.__str__)
    healthy.rest()


def test_w06_old_active_does_not_acknowledge_standby(healthy: WatchedPair) -> None:
    since = switching(healthy)
    healthy.acks("A", Acks.HELD)
    healthy.approve("B", "switchover")
    healthy.becomes("A", "switching_to_standby/active")
    until(lambda: any(state == "standalone" for name in "AB" for state in since.path(name)), healthy.__str__)
    assert "active" not in since.path("B"), "nobody becomes active beside one that has not given way"
    healthy.acks("A", Acks.AT_ONCE)
    until(lambda: [healthy[name].at.split("/")[0] for name in "AB"].count("standalone") <= 1, healthy.__str__)


@pytest.mark.parametrize("silent", [False, True], ids=["refused", "silent"])
def test_w06_c17_link_is_lost_in_a_switchover(healthy: WatchedPair, silent: bool) -> None:
    switching(healthy)
    healthy.acks("B", Acks.HELD)
    healthy.approve("B", "switchover")
    healthy.becomes("B", "switching_to_active/standby")
    healthy.set_link(False, silent=silent)
    healthy.acks("B", Acks.AT_ONCE)
    healthy.becomes("B", "switching_to_active/switching_to_active")
    healthy.set_link(True)
    healthy.approve_whatever(*Q)
    healthy.rest()


@pytest.mark.parametrize("waits", ["A", "B"])
def test_w06_channel_is_lost_in_a_switchover(healthy: WatchedPair, waits: str) -> None:
    switching(healthy)
    healthy.acks(waits, Acks.HELD)
    healthy.approve("B", "switchover")
    healthy.becomes(waits, "switching_to_active/standby" if waits == "B" else "switching_to_standby/active")
    healthy.chan(False)
    healthy.acks(waits, Acks.AT_ONCE)
    until(lambda: healthy.where in (A_ALONE, B_ALONE), healthy.__str__)
    healthy.rest()


@pytest.mark.parametrize("name", ["A", "B"])
def test_w06_disabled_in_a_switchover(healthy: WatchedPair, name: str) -> None:
    switching(healthy)
    healthy.acks("A", Acks.HELD)
    healthy.approve("B", "switchover")
    healthy.becomes("A", "switching_to_standby/active")
    healthy.scope(name, disabled=True)
    healthy.acks("A", Acks.AT_ONCE)
    other = OTHER[name]
    healthy.becomes(other, "standalone/standalone")
    healthy.becomes(name, "dead/dead")
    until(lambda: healthy[other].primary == other, healthy.__str__)
    healthy.rest()


@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("waits", ["A", "B"])
def test_w15_hamgrd_dies_in_a_switchover(healthy: WatchedPair, name: str, waits: str) -> None:
    since = switching(healthy)
    healthy.acks(waits, Acks.HELD)
    healthy.approve("B", "switchover")
    healthy.becomes(waits, "switching_to_active/standby" if waits == "B" else "switching_to_standby/active")
    healthy.restart(name)
    healthy.acks(waits, Acks.AT_ONCE)
    healthy.until_where(*Q)
    healthy.until_primaries("B", "B")
    healthy.rest()
    assert since.terms("B")[-1] == 2
    assert len(healthy.controller.approved["B"]) == 2, "the switchover was approved once"
