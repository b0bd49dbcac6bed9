"""Control links that are cut, silent, slow or half-open (C17 to C19, W12j, W12k, W13b, M6.4)."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import frozen

from models.table import Table
from models.tables import DEVICE_METADATA, DPU, LOOPBACK_INTERFACE, REMOTE_DPU
from runner.demo.configuration import config_rows
from runner.demo.switch import until
from runner.lab.dpu_roles import Acks
from tests.two_switches.pair import A_ALONE, A_BESIDE_DEAD, B_ALONE, OTHER, P, Q, WatchedPair

CUTS = pytest.mark.parametrize("silent", [False, True], ids=["refused", "silent"])


def lost(pair: WatchedPair, name: str, mark: int) -> None:
    """Wait until hamgrd of a switch has noticed that its peer is out of reach."""
    until(lambda: bool(pair[name].hamgrd.entries(mark, message="peer_link", up=False)), pair[name].hamgrd.last_words)


def cut(pair: WatchedPair, silent: bool) -> None:
    marks = {name: pair[name].hamgrd.mark() for name in "AB"}
    pair.set_link(False, silent=silent)
    for name in "AB":
        lost(pair, name, marks[name])


def mend(pair: WatchedPair) -> None:
    marks = {name: pair[name].hamgrd.mark() for name in "AB"}
    pair.set_link(True)
    for name in "AB":
        until(
            lambda name=name: bool(pair[name].hamgrd.entries(marks[name], message="peer_link", up=True)),  # type: ignore[misc]
            pair[name].hamgrd.last_words,
        )


# C17: planned work waits for the link


@CUTS
def test_c17_link_is_lost_in_a_healthy_pair(healthy_either: WatchedPair, silent: bool) -> None:
    pair = healthy_either
    where, since = pair.where, pair.since_now()
    cut(pair, silent)
    pair.stays(*where)
    mend(pair)
    pair.stays(*where)
    assert since.path("A") == since.path("B") == []
    assert since.route("A") == since.route("B") == []
    assert since.roles("A") == since.roles("B") == []


@frozen
class Waiting:
    """Planned work that is under way when the link is lost; ``goes_on`` needs no link, ``end`` does."""

    name: str
    begin: Callable[[WatchedPair], None]
    goes_on: Callable[[WatchedPair], None]
    end: tuple[str, str]

    def __str__(self) -> str:
        return self.name


def elects(pair: WatchedPair) -> None:
    pair.z1()
    pair.scope("A", disabled=False)
    pair.becomes("A", "connected/dead")


def initialises(pair: WatchedPair) -> None:
    pair.z1()
    pair.acks("B", Acks.HELD)
    for name in "AB":
        pair.scope(name, disabled=False)
    pair.until_where("initializing_to_active/dead", "initializing_to_standby/dead")


def waits_for_approval(pair: WatchedPair) -> None:
    pair.z1()
    for name in "AB":
        pair.scope(name, disabled=False)
    pair.asked("A", "activate_role")


def approves_a(pair: WatchedPair) -> None:
    pair.approve("A", "activate_role")
    pair.becomes("A", "active/active")


def gives_way(pair: WatchedPair) -> None:
    pair.p()
    pair.acks("A", Acks.HELD)
    pair.scope("A", desired="unspecified")
    pair.scope("B", desired="active")
    pair.approve("B", "switchover")
    pair.becomes("A", "switching_to_standby/active")


def takes_over(pair: WatchedPair) -> None:
    pair.p()
    pair.acks("B", Acks.HELD)
    pair.scope("A", desired="unspecified")
    pair.scope("B", desired="active")
    pair.approve("B", "switchover")
    pair.becomes("B", "switching_to_active/standby")


def wants_b_dead(pair: WatchedPair) -> None:
    pair.scope("B", desired="dead", disabled=False)


def answers(*names: str) -> Callable[[WatchedPair], None]:
    def act(pair: WatchedPair) -> None:
        for name in names:
            pair.acks(name, Acks.AT_ONCE)

    return act


WAITING = (
    Waiting("election", elects, lambda pair: pair.scope("B", disabled=False), P),
    Waiting("initialisation", initialises, answers("B"), P),
    Waiting("approval of the active", waits_for_approval, approves_a, P),
    Waiting("switchover, new active", takes_over, answers("B"), Q),
    Waiting("switchover, old active", gives_way, answers("A"), Q),
    Waiting("planned shutdown", lambda pair: pair.p(), wants_b_dead, A_BESIDE_DEAD),
)


@CUTS
@pytest.mark.parametrize("waiting", WAITING, ids=str)
def test_c17_link_is_lost_during_planned_work(switch_driven: WatchedPair, waiting: Waiting, silent: bool) -> None:
    pair = switch_driven
    waiting.begin(pair)
    since = pair.since_now()
    pair.set_link(False, silent=silent)
    waiting.goes_on(pair)
    pair.settle()
    assert "standalone" not in since.path("A") + since.path("B"), "a lost link alone makes nobody serve alone"
    pair.set_link(True)
    pair.approve_whatever(*waiting.end)
    pair.rest()


# C18: a half-open connection


@pytest.mark.parametrize("name", ["A", "B"])
def test_c18_connection_of_a_restarted_peer_replaces_the_half_open_one(healthy: WatchedPair, name: str) -> None:
    """FL-03: the switch came back at once, and its old connections never told that they are dead."""
    other = OTHER[name]
    since = healthy.since_now()
    for link in healthy.links.values():
        link.freeze()
    healthy.kill(name)
    healthy.start(name)
    healthy.scope("A", desired="unspecified")
    healthy.scope("B", desired="active")
    healthy.approve("B", "switchover")
    healthy.until_where(*Q)
    healthy.until_primaries("B", "B")
    healthy.rest()
    assert since.path(other) in (["switching_to_standby", "standby"], ["switching_to_active", "active"])


def test_c18_frozen_connections_of_both_are_replaced(healthy: WatchedPair) -> None:
    marks = {name: healthy[name].hamgrd.mark() for name in "AB"}
    for link in healthy.links.values():
        link.freeze()
    for name in "AB":
        # A frozen link is given up before its peer counts as lost, and another one comes in its place.
        until(
            lambda name=name: bool(healthy[name].hamgrd.entries(marks[name], message="link_down")),  # type: ignore[misc]
            healthy[name].hamgrd.last_words,
        )
    healthy.switch_over("B")
    healthy.rest()
    assert "standalone" not in healthy.watch.path("A") + healthy.watch.path("B")


# C19, W12j, W12k: slow, lost, repeated


@pytest.mark.parametrize("seconds", [0.05, 0.15])
def test_c19_slow_link_only_makes_it_slower(switch_driven: WatchedPair, seconds: float) -> None:
    pair = switch_driven
    pair.delay(seconds)
    pair.z1()
    for name in "AB":
        pair.scope(name, disabled=False)
    pair.approve_whatever(*P)
    pair.switch_over("B")
    pair.scope("A", desired="dead", disabled=False)
    pair.until_where("dead/dead", "standalone/standalone")
    pair.delay(0)
    pair.rest()
    assert pair.terms[1] == 3


@CUTS
def test_w12j_nobody_answers_a_standalone_request(healthy: WatchedPair, silent: bool) -> None:
    """The channel is lost while the link is: each side stands alone, and one yields when they hear each other again."""
    healthy.set_link(False, silent=silent)
    healthy.chan(False)
    healthy.until_where("standalone/standalone", "standalone/standalone")
    healthy.set_link(True)
    serves = "A" if healthy.comes_to_rest(A_ALONE, B_ALONE) == A_ALONE else "B"
    healthy.until_primaries(serves, serves)


@pytest.mark.parametrize("name", ["A", "B"])
def test_m6_4_m8_1_partition_and_its_end(healthy: WatchedPair, name: str) -> None:
    healthy.isolate(name)
    healthy.until_where("standalone/standalone", "standalone/standalone")
    healthy.heal()
    healthy.approve_whatever(*P)
    healthy.until_primaries("A", "A")
    healthy.rest()


def test_w12k_slow_link_while_the_channel_is_down(healthy: WatchedPair) -> None:
    healthy.delay(1.2)
    healthy.chan(False)
    until(lambda: "standalone/standalone" in healthy.where, healthy.__str__)
    healthy.delay(0)
    healthy.comes_to_rest(A_ALONE, B_ALONE)


# C21: who starts late


@pytest.mark.parametrize("late", ["A", "B"])
def test_c21_side_that_starts_late_finds_its_peer(either: WatchedPair, late: str) -> None:
    pair = either
    pair.kill(late)
    pair.z0()
    pair.set()
    for name in "AB":
        pair.scope(name, disabled=True)
    pair.start(late)
    for name in "AB":
        pair.becomes(name, "dead/dead")
    pair.enable()
    pair.rest()


@pytest.mark.parametrize(
    "missing", [LOOPBACK_INTERFACE, DPU, REMOTE_DPU, DEVICE_METADATA], ids=lambda table: table.name
)
def test_c21_row_without_which_nobody_can_talk_comes_late(either: WatchedPair, missing: Table[Any]) -> None:
    pair = either
    rows = [row for row in config_rows(pair.sides["B"], pair["B"].ports, pair["B"].sides) if row[0] is missing]
    pair.kill("B")
    for table, key, _ in rows:
        pair["B"].rows.remove(table, key)
    pair.start("B")
    pair.z0()
    pair.set()
    for name in "AB":
        pair.scope(name, disabled=True)
    pair.settle()
    assert pair["B"].hamgrd.alive
    for row in rows:
        pair["B"].rows.write(*row)
    for name in "AB":
        pair.becomes(name, "dead/dead")
    pair.enable()
    pair.rest()
