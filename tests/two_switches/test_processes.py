"""hamgrd killed, stopped or standing still, and Redis servers lost, in every state (W15, M6.2, C22, C34)."""

from collections.abc import Callable

import pytest
from attrs import frozen

from hamgr_fsm.vocabulary import HaOwner
from models.tables import DASH_HA_SCOPE_CONFIG_TABLE, DASH_HA_SCOPE_STATE, DASH_HA_SET_CONFIG_TABLE
from runner.demo.switch import Server, until
from runner.lab.dpu_roles import Acks, SyncEnd
from runner.lab.sides import SET_ID
from tests.two_switches.pair import A_ALONE, A_BESIDE_DEAD, OTHER, P, Q, WatchedPair, alone, paired

Act = Callable[[WatchedPair, str], None]


def killed(pair: WatchedPair, name: str) -> None:
    pair.restart(name)


def stopped(pair: WatchedPair, name: str) -> None:
    assert pair.stop(name) == 0
    pair.start(name)


def stood_still(pair: WatchedPair, name: str) -> None:
    """For longer than its peer takes to notice."""
    pair.pause(name)
    mark = pair[OTHER[name]].hamgrd.mark()
    until(
        lambda: bool(pair[OTHER[name]].hamgrd.entries(mark, message="peer_link", up=False)),
        pair[OTHER[name]].hamgrd.last_words,
    )
    pair.resume(name)


RESTARTS = (killed, stopped, stood_still)


# M6.2: nothing changes


@pytest.mark.parametrize("restart", RESTARTS, ids=lambda act: act.__name__)
@pytest.mark.parametrize("name", ["A", "B"])
def test_m6_2_healthy_pair_stays_as_it_is(healthy_either: WatchedPair, name: str, restart: Act) -> None:
    pair = healthy_either
    where, terms, since = pair.where, pair.terms, pair.since_now()
    restart(pair, name)
    pair.stays(*where)
    assert pair.terms == terms
    assert since.path("A") == since.path("B") == []
    assert since.route("A") == since.route("B") == []
    assert since.roles("A") + since.roles("B") in (
        [],
        [pair[name].told["ha_role"]],
    ), "a restarted hamgrd repeats the role that the DPU has"
    assert sum(since.requests(side, "activate_role_requested") for side in "AB") == 0


def test_m6_2_both_die_together(healthy_either: WatchedPair) -> None:
    pair = healthy_either
    where, terms, since = pair.where, pair.terms, pair.since_now()
    pair.restart("A", "B")
    pair.stays(*where)
    assert pair.terms == terms
    assert since.path("A") == since.path("B") == []
    assert since.route("A") == since.route("B") == []


# W15: in every state


@frozen
class Situation:
    """A state that a side waits in, how it gets there, and what then leads to the end."""

    name: str
    state: str
    reach: Callable[[WatchedPair], None]
    goes_on: Callable[[WatchedPair], None]
    end: tuple[str, str]
    copies: int = 0
    """How many flow sync sessions belong to what is still to come."""

    patient: bool = True
    """The peer waits for however long a restart takes; else it may stand alone meanwhile, and copy its flows."""

    def __str__(self) -> str:
        return f"{self.name} {self.state}"


def enable(*names: str) -> Callable[[WatchedPair], None]:
    def act(pair: WatchedPair) -> None:
        pair.z1()
        for name in names:
            pair.scope(name, disabled=False)

    return act


def held(name: str, then: Callable[[WatchedPair], None]) -> Callable[[WatchedPair], None]:
    """The DPU of a side answers nothing from here on."""

    def act(pair: WatchedPair) -> None:
        pair.p()
        pair.acks(name, Acks.HELD)
        then(pair)

    return act


def answers(*names: str) -> Callable[[WatchedPair], None]:
    def act(pair: WatchedPair) -> None:
        for name in names:
            pair.acks(name, Acks.AT_ONCE)

    return act


def pending_active(pair: WatchedPair) -> None:
    enable("A", "B")(pair)
    pair.asked("A", "activate_role")


def pending_standby(pair: WatchedPair) -> None:
    pending_active(pair)
    pair.approve("A", "activate_role")
    pair.asked("B", "activate_role")


def initializing_to_active(pair: WatchedPair) -> None:
    pair.z1()
    pair.acks("B", Acks.HELD)
    for name in "AB":
        pair.scope(name, disabled=False)


def initializing_to_standby(pair: WatchedPair) -> None:
    pair.sa("A")
    pair.sync("A", SyncEnd.SILENT)
    pair.relaunch("B", desired="unspecified")
    pair.becomes("A", "active/active")


def syncs(pair: WatchedPair) -> None:
    pair.sync("A", SyncEnd.COMPLETED)


def nothing(pair: WatchedPair) -> None:
    """It goes on by itself."""


def wants_b(pair: WatchedPair) -> None:
    pair.scope("A", desired="unspecified")
    pair.scope("B", desired="active")
    pair.approve("B", "switchover")


def disabled(pair: WatchedPair) -> None:
    pair.p()
    pair.scope("B", disabled=True)
    pair.becomes("B", "dead/dead")


def enables_b(pair: WatchedPair) -> None:
    pair.scope("B", disabled=False)


SITUATIONS = (
    Situation("B", "dead", disabled, enables_b, P, copies=1),
    Situation("A", "connected", enable("A"), enables_b, P, patient=False),
    Situation("A", "initializing_to_active", initializing_to_active, answers("B"), P),
    Situation("B", "initializing_to_standby", initializing_to_active, answers("B"), P),
    Situation("A", "pending_active_activation", pending_active, nothing, P),
    Situation("B", "initializing_to_standby", pending_active, nothing, P),
    Situation("B", "pending_standby_activation", pending_standby, nothing, P),
    Situation("A", "active", pending_standby, nothing, P),
    Situation("B", "initializing_to_standby", initializing_to_standby, syncs, P),
    Situation("A", "active", initializing_to_standby, syncs, P),
    Situation("B", "switching_to_active", held("B", wants_b), answers("B"), Q),
    Situation("A", "active", held("B", wants_b), answers("B"), Q),
    Situation("A", "switching_to_standby", held("A", wants_b), answers("A"), Q),
    Situation("B", "switching_to_active", held("A", wants_b), answers("A"), Q),
    Situation("A", "standalone", held("A", lambda pair: pair.scope("B", desired="dead")), answers("A"), A_BESIDE_DEAD),
    Situation("B", "standby", held("A", lambda pair: pair.scope("B", desired="dead")), answers("A"), A_BESIDE_DEAD),
    Situation("B", "destroying", held("B", lambda pair: pair.scope("B", desired="dead")), answers("B"), A_BESIDE_DEAD),
    Situation("B", "dead", lambda pair: pair.sa("A"), nothing, A_BESIDE_DEAD),
    Situation("A", "standalone", lambda pair: pair.sas("A"), nothing, A_ALONE),
    Situation("B", "standby", lambda pair: pair.sas("A"), nothing, A_ALONE),
)


@pytest.mark.parametrize("while_down", [False, True], ids=["", "the world goes on while it is down"])
@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_w15_killed_in_every_state_ends_as_if_it_was_not(
    switch_driven: WatchedPair, situation: Situation, while_down: bool
) -> None:
    pair, name = switch_driven, situation.name
    situation.reach(pair)
    until(lambda: pair[name].at.split("/")[0] == situation.state, pair.__str__)
    term, since = pair[name].term, pair.since_now()
    pair.kill(name)
    if while_down:
        situation.goes_on(pair)
    pair.start(name)
    if not while_down:
        pair.settle()
        assert pair[name].term == term, "a restart makes no new term"
        situation.goes_on(pair)
    pair.approve_whatever(*situation.end)
    pair.rest()
    if while_down and not situation.patient:
        return
    assert len(since.sessions("A") | since.sessions("B")) == situation.copies, "a restart copies no flows anew"
    if situation.end is not A_ALONE:
        assert "switching_to_standalone" not in since.path(name)


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_w15_both_killed_in_every_state(switch_driven: WatchedPair, situation: Situation) -> None:
    pair = switch_driven
    situation.reach(pair)
    until(lambda: pair[situation.name].at.split("/")[0] == situation.state, pair.__str__)
    pair.restart("A", "B")
    situation.goes_on(pair)
    pair.approve_whatever(*situation.end)
    pair.rest()


@pytest.mark.parametrize("down", [False, True], ids=["killed after the approval", "approved while down"])
@pytest.mark.parametrize("name", ["A", "B"])
def test_approval_takes_effect_once_whenever_hamgrd_dies(either: WatchedPair, name: str, down: bool) -> None:
    pair = either
    pair.z1()
    for side in "AB":
        pair.scope(side, disabled=False)
    if pair.owner is HaOwner.SWITCH and name == "B":
        pair.approve("A", "activate_role")
    operation = pair.asked(name, "activate_role")
    if down:
        pair.kill(name)
        pair.approve_id(name, operation)
        pair.start(name)
    else:
        pair.approve_id(name, operation)
        pair.restart(name)
    if (pair.owner, name) != (HaOwner.SWITCH, "B"):
        pair.approve(OTHER[name], "activate_role")
    pair.until_paired()
    pair.rest()
    assert pair.controller.approved[name] == [operation]


def test_w15_orphaned_state_row_is_removed_and_the_peer_goes_on(healthy: WatchedPair) -> None:
    healthy.kill("B")
    healthy.delscope("B")
    healthy.start("B")
    until(lambda: not healthy["B"].state and not healthy["B"].told, healthy.__str__)
    healthy.settle()
    assert healthy.dpus["A"].role in ("active", "standalone")
    healthy.scope("B", disabled=False)
    healthy.approve_whatever(*P)
    healthy.rest()


@pytest.mark.parametrize("name", ["A", "B"])
def test_c34_relaunch_that_is_only_seen_in_its_newest_report(healthy: WatchedPair, name: str) -> None:
    other = OTHER[name]
    healthy.kill(name)
    healthy[name].rows.remove(DASH_HA_SCOPE_STATE, healthy.sides[name].state_key)
    healthy.start(name)
    healthy.approve_whatever(*paired(other))
    healthy.until_primaries(other, other)
    healthy.rest()
    assert "standalone" in healthy.watch.path(other)


@pytest.mark.parametrize("serves", ["A", "B"])
def test_restart_of_the_yielding_side_does_not_make_it_serve_its_old_flows(
    switch_driven: WatchedPair, serves: str
) -> None:
    pair, other = switch_driven, OTHER[serves]
    pair.p()
    if serves == "B":
        pair.switch_over("B")
    pair.link_dead(other)
    pair.until_where(*alone(serves))
    terms, since = pair.terms, pair.since_now()
    pair.restart(other)
    pair.stays(*alone(serves))
    assert pair.terms == terms
    assert "standalone" not in since.path(other)


@pytest.mark.parametrize("name", ["A", "B"])
def test_dpu_dies_while_its_hamgrd_is_down(healthy: WatchedPair, name: str) -> None:
    other = OTHER[name]
    healthy.kill(name)
    healthy.off(name)
    healthy.becomes(other, "standalone/standalone")
    healthy.start(name)
    healthy.becomes(name, "standby/")
    healthy.rest()
    healthy.on(name)
    healthy.approve(name, "activate_role")
    healthy.until_where(*paired(other))
    healthy.rest()


def test_hamgrd_that_stands_still_while_the_world_moves_catches_up(healthy: WatchedPair) -> None:
    """The active is told in one go that its peer is alone."""
    healthy.pause("A")
    healthy.chan(False)
    healthy.becomes("B", "standalone/standalone")
    healthy.resume("A")
    until(lambda: sorted(healthy.where) == sorted(A_ALONE), healthy.__str__)
    healthy.until_primaries(*([healthy.pair[healthy.where.index("standalone/standalone")]] * 2))
    healthy.rest()


# C22: Redis


@pytest.mark.parametrize("server", list(Server), ids=lambda server: server.value)
@pytest.mark.parametrize("name", ["A", "B"])
def test_c22_server_that_restarts_changes_nothing(healthy_either: WatchedPair, name: str, server: Server) -> None:
    pair = healthy_either
    where, terms, since = pair.where, pair.terms, pair.since_now()
    mark = pair[name].hamgrd.mark()
    pair[name].lose(server)
    until(lambda: bool(pair[name].hamgrd.entries(mark, message="database_lost")), pair[name].hamgrd.last_words)
    pair[name].regain(server)
    regained(pair, name, mark)
    pair.stays(*where)
    assert pair.terms == terms
    assert since.path("A") == since.path("B") == []
    assert since.primaries("A") == since.primaries("B") == []


@pytest.mark.parametrize("name", ["A", "B"])
def test_c22_what_was_deleted_while_the_server_was_lost_is_noticed(healthy: WatchedPair, name: str) -> None:
    other, mark = OTHER[name], healthy[name].hamgrd.mark()
    healthy.pause(name)
    healthy[name].lose(Server.HOST)
    healthy[name].regain(Server.HOST)
    healthy[name].rows.remove(DASH_HA_SCOPE_CONFIG_TABLE, healthy.sides[name].scope_key)
    healthy[name].rows.remove(DASH_HA_SET_CONFIG_TABLE, SET_ID)
    healthy.controller.forget(healthy.sides[name])
    healthy.resume(name)
    regained(healthy, name, mark)
    until(lambda: not healthy[name].state and not healthy[name].told, healthy.__str__)
    healthy.becomes(other, "standalone/standalone")
    healthy.rest()


def test_c22_pair_reacts_without_the_host_server_of_the_standby(healthy: WatchedPair) -> None:
    """LD-55: A's DPU dies while nobody can read what B publishes; B serves, and says so when it can."""
    mark = healthy["B"].hamgrd.mark()
    healthy["B"].lose(Server.HOST)
    until(lambda: bool(healthy["B"].hamgrd.entries(mark, message="database_lost")), healthy["B"].hamgrd.last_words)
    healthy.off("A")
    until(lambda: healthy.dpus["B"].role == "standalone", lambda: healthy.dpus["B"].roles)
    healthy["B"].regain(Server.HOST)
    healthy.becomes("B", "standalone/standalone")
    healthy.until_primaries("B", "B")
    healthy.rest()


def regained(pair: WatchedPair, name: str, mark: int) -> None:
    """Every database that was lost is there again."""
    hamgrd = pair[name].hamgrd

    def even() -> bool:
        lost, found = (len(hamgrd.entries(mark, message=f"database_{what}")) for what in ("lost", "regained"))
        return 0 < lost <= found

    until(even, hamgrd.last_words)
