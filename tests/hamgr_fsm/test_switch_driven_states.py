"""What the switch-driven scope does in its states, what triggers it, what it lists, and how long it waits.

Source: switch-driven 1.2, 4, 7, 8, 10.
"""

from typing import Any

import attrs
import pytest

from hamgr_fsm import events as e
from hamgr_fsm import messages as m
from hamgr_fsm.effects import ProgramRole, RaiseAlert, RemoveScope, ResolvePeer, SendToPeer, StartFlowSync, StartTimer
from hamgr_fsm.scope.election import Vote
from hamgr_fsm.scope.operations import PendingOperation
from hamgr_fsm.scope.switch_driven import SwitchDrivenScope
from hamgr_fsm.scope.switch_driven_facts import STATES, FlowSync, Trigger
from hamgr_fsm.vocabulary import DesiredHaState, FlowSyncState, HaRole, HaState, OperationType, SwitchoverState
from tests.hamgr_fsm.build import Ids, config, only, switch_scope_facts
from tests.hamgr_fsm.switch_driven_build import DISABLED, SWITCHOVER, WANTED, at, report

S = HaState
R = HaRole
D = DesiredHaState
T = Trigger

HELD = {"peer_state": S.STANDALONE, "peer_role": R.STANDALONE}
"""A peer that serves alone: a Standby stays whatever triggers it."""


def said(effects: Any) -> list[object]:
    """What is said to the peer, reports left out."""
    words = [effect.message for effect in only(SendToPeer, effects)]
    return [word for word in words if not isinstance(word, m.StateReport)]


def started(effects: Any) -> dict[str, int]:
    """The timers that were started, in seconds."""
    return {effect.timer: effect.after_ms // 1000 for effect in only(StartTimer, effects)}


def roles(effects: Any) -> list[HaRole]:
    """The roles that the DPU was asked to take."""
    return [effect.program.role for effect in only(ProgramRole, effects)]


# Section 2: the role of each state.

ROLE = {
    **dict.fromkeys((S.DEAD, S.CONNECTING, S.CONNECTED, S.INITIALIZING_TO_ACTIVE, S.DESTROYING), R.DEAD),
    S.PENDING_ACTIVE_ACTIVATION: R.DEAD,
    **dict.fromkeys((S.INITIALIZING_TO_STANDBY, S.PENDING_STANDBY_ACTIVATION, S.STANDBY), R.STANDBY),
    S.ACTIVE: R.ACTIVE,
    S.SWITCHING_TO_ACTIVE: R.SWITCHING_TO_ACTIVE,
    S.SWITCHING_TO_STANDBY: R.STANDBY,
    S.STANDALONE: R.STANDALONE,
    S.SWITCHING_TO_STANDALONE: R.ACTIVE,
}


@pytest.mark.parametrize("state", STATES)
def test_a_dpu_that_comes_back_is_told_the_role_of_the_state_again(state: HaState) -> None:
    machine = at(state)
    effects = machine.update(dpu_incarnation=1)
    if state is not S.SWITCHING_TO_STANDALONE:
        assert roles(effects)[:1] == [ROLE[state]] or machine.facts.state is not state
    assert machine.facts.programmed is not None


@pytest.mark.parametrize(
    ("facts", "role"),
    [({}, R.ACTIVE), ({"dpu_up": False}, R.STANDBY), ({"reported_role": R.STANDBY}, R.STANDBY)],
    ids=["as before", "DPU down", "not acknowledged"],
)
def test_what_has_no_flows_is_asked_to_be_standby_while_the_sides_choose(facts: dict[str, Any], role: HaRole) -> None:
    machine = at(S.ACTIVE, reported_role=facts.get("reported_role", R.ACTIVE))
    machine.update(drops_seen=True, **facts)
    assert (machine.facts.state, machine.facts.target_role) == (S.SWITCHING_TO_STANDALONE, role)


# Section 1.2: the triggers.

TRIGGERS: list[tuple[Trigger, dict[str, Any], dict[str, Any], object | dict[str, Any]]] = [
    (T.MANUAL_PIN, HELD, {"config": WANTED[D.STANDALONE]}, {"config": config()}),
    (T.PEER_LOST, HELD, {"channel_up": False}, {"channel_up": True}),
    (T.LOCAL_DOWN, HELD, {"dpu_up": False}, {"dpu_up": True}),
    (T.ROLE_FAILED, HELD, {"update_failed": True}, {"update_failed": False}),
]


@pytest.mark.parametrize(("trigger", "given", "sets", "clears"), TRIGGERS, ids=[str(row[0]) for row in TRIGGERS])
def test_a_trigger_holds_as_long_as_its_cause(trigger: Trigger, given: Any, sets: Any, clears: Any) -> None:
    machine = at(S.STANDBY, **given)
    machine.update(**sets)
    assert trigger in machine.facts.triggers
    machine.update(**clears)
    assert trigger not in machine.facts.triggers


@pytest.mark.parametrize("unknown", [{"channel_up": None}, {"dpu_up": None}])
def test_what_is_unknown_triggers_nothing(unknown: dict[str, None]) -> None:
    machine = at(S.ACTIVE)
    machine.update(**unknown)
    assert (machine.facts.state, machine.facts.triggers) == (S.ACTIVE, ())


def test_a_peer_that_could_not_be_reached_is_lost_until_channel_and_report_say_otherwise() -> None:
    machine = at(S.STANDALONE, connect_timed_out=True, channel_up=False, peer_connected=False)
    machine.update(channel_up=True)
    assert list(machine.facts.triggers) == [T.PEER_LOST]
    machine.send(report(S.DEAD, R.DEAD))
    assert T.PEER_LOST in machine.facts.triggers
    machine.send(report(S.CONNECTING))
    assert list(machine.facts.triggers) == []


@pytest.mark.parametrize("role", R)
def test_a_dead_peer_counts_as_dead_once_its_dpu_is_or_after_the_role_activation_time(role: HaRole) -> None:
    machine = at(S.ACTIVE)
    effects = machine.send(report(S.DEAD, role))
    assert (T.PEER_DEAD in machine.facts.triggers) is (role is R.DEAD)
    if role is not R.DEAD:
        assert started(effects)["peer_dead_due"] == 10
        machine.send(e.PeerDeadDue())
    assert machine.facts.state is S.STANDALONE
    machine.send(report(S.CONNECTED))
    assert list(machine.facts.triggers) == []


@pytest.mark.parametrize("peer", [S.CONNECTING, S.CONNECTED])
@pytest.mark.parametrize("state", STATES)
def test_ld68_a_peer_that_launches_has_left_the_pair(state: HaState, peer: HaState) -> None:
    expects = (
        S.ACTIVE,
        S.STANDBY,
        S.SWITCHING_TO_ACTIVE,
        S.SWITCHING_TO_STANDBY,
        S.SWITCHING_TO_STANDALONE,
        S.PENDING_ACTIVE_ACTIVATION,
        S.PENDING_STANDBY_ACTIVATION,
    )
    machine = at(state)
    machine.send(report(peer, R.DEAD))
    if state in expects:
        assert machine.facts.state is S.STANDALONE
    else:
        assert T.PEER_DEAD not in machine.facts.triggers


@pytest.mark.parametrize("peer", STATES)
def test_an_accepted_shutdown_ends_when_the_peer_goes_another_way(peer: HaState) -> None:
    machine = at(S.STANDALONE, peer_shutdown=True)
    machine.send(report(peer))
    goes_on = peer in (S.STANDBY, S.DESTROYING, S.DEAD)
    assert machine.facts.peer_shutdown is goes_on


def test_nobody_is_active_only_while_the_sides_choose() -> None:
    machine = at(S.STANDBY, peer_state=S.STANDBY, peer_role=R.STANDBY)
    machine.send(e.NoActiveDue())
    assert list(machine.facts.triggers) == [T.NO_ACTIVE]
    machine.send(m.StandaloneReply(m.Selection.ENTER_STANDALONE, machine.facts.episode))
    assert (machine.facts.state, list(machine.facts.triggers)) == (S.STANDALONE, [])


# Section 4: what each state does.


def test_dead_asks_for_the_role_dead_until_it_has_it_and_forgets_the_attempt() -> None:
    given = {"role_failed": True, "sync_failed": True, "hold_downs": 1, "peer_shutdown": True}
    machine = at(S.STANDBY, **HELD, **given)
    assert roles(machine.update(config=DISABLED)) == [R.DEAD]
    assert roles(machine.send(e.RoleDue())) == [R.DEAD]
    facts = machine.facts
    assert (facts.triggers, facts.in_sync, facts.operations) == ((), False, ())
    machine.update(reported_role=R.DEAD)
    assert "role_due" not in facts.running


def test_connecting_greets_resolves_and_forgets_the_peer_of_the_last_launch() -> None:
    machine = at(S.DEAD)
    effects = machine.update(config=config())
    assert machine.facts.state is S.CONNECTING
    assert (machine.facts.peer_connected, machine.facts.peer_state) == (False, None)
    assert ResolvePeer() in effects and m.Heartbeat() in said(effects)
    assert started(effects)["connect_due"] == 30
    again = machine.send(e.ConnectDue())
    assert ResolvePeer() in again and m.Heartbeat() in said(again)


def test_connected_asks_for_votes_counts_them_and_alerts_after_the_third() -> None:
    machine = at(S.CONNECTING)
    effects = machine.send(report(S.CONNECTED))
    assert said(effects) == [m.VoteRequest(0, D.UNSPECIFIED, 1)]
    for attempt in (2, 3):
        effects = machine.send(e.VoteDue())
        assert said(effects) == [m.VoteRequest(0, D.UNSPECIFIED, attempt)]
        assert only(RaiseAlert, effects) == []
    effects = machine.send(e.VoteDue())
    assert said(effects) == [m.VoteRequest(0, D.UNSPECIFIED, 4)]
    assert only(RaiseAlert, effects) != []


def test_connected_asks_at_once_when_the_link_is_back() -> None:
    machine = at(S.CONNECTED)
    assert said(machine.update(link_up=False)) == []
    assert m.VoteRequest(0, D.UNSPECIFIED, 2) in said(machine.update(link_up=True))


@pytest.mark.parametrize("state", [S.PENDING_ACTIVE_ACTIVATION, S.PENDING_STANDBY_ACTIVATION])
def test_an_activation_is_listed_with_its_state_and_withdrawn_with_it(state: HaState) -> None:
    machine = at(state, operations=())
    (operation,) = machine.facts.operations
    assert operation.type is OperationType.ACTIVATE_ROLE
    machine.update(channel_up=False)
    assert machine.facts.operations == ()
    before = machine.facts.state
    machine.send(e.Approval((operation.operation_id,)))
    assert machine.facts.state is before


def test_initializing_to_standby_starts_without_flows_and_waits_for_them_only_while_the_peer_is_active() -> None:
    machine = at(S.CONNECTED, in_sync=True)
    effects = machine.send(m.VoteReply(Vote.BECOME_STANDBY, 1))
    assert (roles(effects), machine.facts.in_sync) == ([R.STANDBY], False)
    assert "bulk_sync_due" not in machine.facts.running
    assert started(machine.send(report(S.ACTIVE, R.ACTIVE)))["bulk_sync_due"] == 150
    machine.send(report(S.STANDALONE, R.STANDALONE))
    assert "bulk_sync_due" not in machine.facts.running


@pytest.mark.parametrize("acked", [R.STANDALONE, R.ACTIVE])
def test_fl19_flows_are_copied_only_once_the_role_active_is_acknowledged(acked: HaRole) -> None:
    machine = at(S.STANDALONE)
    effects = machine.send(report(S.INITIALIZING_TO_STANDBY, R.STANDBY))
    effects += machine.update(reported_role=acked)
    assert machine.facts.state is S.ACTIVE
    assert bool(only(StartFlowSync, effects)) is (acked is R.ACTIVE)


def test_copied_flows_are_announced_until_the_peer_has_heard() -> None:
    session = FlowSync("sync-1", FlowSyncState.IN_PROGRESS, 1)
    joining = {"peer_state": S.INITIALIZING_TO_STANDBY, "peer_role": R.STANDBY}
    machine = at(S.ACTIVE, flow_sync=session, sync_open=True, **joining)
    assert said(machine.send(e.FlowSyncEnded("sync-1", completed=True))) == [m.BulkSyncDone()]
    assert said(machine.send(e.SyncAnnounceDue())) == [m.BulkSyncDone()]
    machine.send(report(S.PENDING_STANDBY_ACTIVATION, R.STANDBY))
    assert "sync_announce_due" not in machine.facts.running
    assert only(StartFlowSync, machine.send(report(S.INITIALIZING_TO_STANDBY, R.STANDBY))) != []


@pytest.mark.parametrize(
    ("state", "event", "adopts"),
    [
        (S.PENDING_STANDBY_ACTIVATION, e.Approval(("op-1",)), True),
        (S.SWITCHING_TO_STANDBY, report(S.ACTIVE, R.ACTIVE, 4), True),
        (S.ACTIVE, report(S.ACTIVE, R.ACTIVE, 4), False),
        (S.SWITCHING_TO_STANDALONE, report(S.STANDALONE, R.STANDALONE, 4), False),
    ],
)
def test_ld40_only_a_synchronised_standby_takes_over_the_term(state: HaState, event: object, adopts: bool) -> None:
    machine = at(state)
    before = machine.facts.term
    machine.send(event)
    assert (machine.facts.state, machine.facts.term) == (S.STANDBY, 4 if adopts else before)


def test_ld69_the_report_of_a_peer_that_lost_its_state_lowers_no_term() -> None:
    machine = at(S.STANDBY)
    machine.send(report(S.CONNECTING, None, 0))
    assert (machine.facts.state, machine.facts.term) == (S.STANDALONE, 4)


def test_a_shutdown_is_asked_for_until_the_peer_serves_alone() -> None:
    machine = at(S.STANDBY)
    effects = machine.update(config=WANTED[D.DEAD])
    assert (said(effects), started(effects)["shutdown_due"]) == ([m.ShutdownRequest()], 30)
    assert said(machine.send(e.ShutdownDue())) == [m.ShutdownRequest()]
    machine.update(link_up=False)
    machine.update(link_up=True)
    assert m.ShutdownRequest() in said(machine.send(report(S.ACTIVE, R.ACTIVE)))
    machine.send(report(S.STANDALONE, R.ACTIVE))
    assert "shutdown_due" not in machine.facts.running


def test_fl02_the_switchover_is_asked_for_only_once_the_dpu_is_prepared() -> None:
    machine = at(S.SWITCHING_TO_ACTIVE, reported_role=R.STANDBY)
    assert "switchover_retry_due" not in machine.facts.running
    effects = machine.update(reported_role=R.SWITCHING_TO_ACTIVE)
    assert (said(effects), started(effects)["switchover_retry_due"]) == ([m.SwitchoverRequest("swo-1")], 1)


@pytest.mark.parametrize("state", [S.SWITCHING_TO_ACTIVE, S.SWITCHING_TO_STANDBY])
@pytest.mark.parametrize("facts", [{"channel_up": False}, {"config": DISABLED}, {"dpu_up": False}])
def test_ld45_a_switchover_that_ends_early_has_failed(state: HaState, facts: dict[str, Any]) -> None:
    machine = at(state, now_ms=900)
    machine.update(**facts)
    record = machine.facts.switchover
    assert record is not None and (record.state, record.ended_ms) == (SwitchoverState.FAILED, 900)


def test_the_standalone_request_is_said_three_times_with_the_same_signals() -> None:
    machine = at(S.ACTIVE)
    effects = machine.update(drops_seen=True)
    (request,) = said(effects)
    assert isinstance(request, m.StandaloneRequest)
    machine.update(bfd_reach=0, drops_seen=False)
    assert [said(machine.send(e.StandaloneReplyDue())) for _ in range(2)] == [[request], [request]]
    machine.send(e.StandaloneReplyDue())
    assert machine.facts.state is S.STANDALONE


def test_the_request_starts_over_at_link_up_and_anew_when_the_dpu_goes_down_but_not_when_it_comes_up() -> None:
    machine = at(S.ACTIVE)
    (first,) = said(machine.update(drops_seen=True))
    machine.send(e.StandaloneReplyDue())
    machine.update(link_up=False)
    assert first in said(machine.update(link_up=True))
    assert machine.facts.attempts == 1
    (second,) = said(machine.update(dpu_up=False))
    assert isinstance(first, m.StandaloneRequest) and isinstance(second, m.StandaloneRequest)
    assert (second.signals.dpu_up, second.episode == first.episode) == (False, False)
    assert said(machine.update(dpu_up=True)) == []
    assert said(machine.send(e.StandaloneReplyDue())) == [second]


def test_a_scope_that_serves_and_is_wanted_dead_goes_on_serving() -> None:
    for state in (S.ACTIVE, S.STANDALONE):
        machine = at(state)
        machine.update(config=WANTED[D.DEAD])
        assert machine.facts.state is state


def test_ld57_a_deleted_scope_reports_dead_and_takes_its_row_away() -> None:
    machine = at(S.ACTIVE)
    effects = machine.update(config=None)
    reports = [effect.message for effect in only(SendToPeer, effects) if isinstance(effect.message, m.StateReport)]
    assert [word.state for word in reports] == [S.DEAD]
    assert RemoveScope() in effects


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"reported_role": None}, "acked_role"),
        ({"config": WANTED[D.STANDALONE]}, "pinned"),
        ({"dpu_lost": True}, "in_sync"),
    ],
)
def test_fl21_every_change_of_what_a_report_says_is_reported(change: dict[str, Any], member: str) -> None:
    machine = at(S.STANDBY, **HELD)
    before = machine.facts.reported
    assert before is not None
    machine.update(**change)
    after = machine.facts.reported
    assert after is not None and getattr(after, member) != getattr(before, member)


def test_a_report_answers_a_heartbeat_and_greets_a_new_link() -> None:
    machine = at(S.ACTIVE)
    assert [effect.message for effect in only(SendToPeer, machine.send(m.Heartbeat()))] == [machine.facts.report]
    machine.update(link_up=False)
    words = [effect.message for effect in only(SendToPeer, machine.update(link_up=True))]
    assert set(words) == {machine.facts.report, m.Heartbeat()}


# Section 7: operations.


def test_ld28_a_switchover_is_offered_from_the_level_and_withdrawn_with_it() -> None:
    machine = at(S.STANDBY, config=WANTED[D.ACTIVE])
    (operation,) = machine.facts.operations
    assert operation.type is OperationType.SWITCHOVER
    for facts in ({"config": config()}, {"config": WANTED[D.DEAD]}):
        other = at(S.STANDBY, config=WANTED[D.ACTIVE])
        other.update(**facts)
        assert other.facts.operations == ()
    # A lost control link withdraws nothing: the id survives it, and a restart.
    machine.update(link_up=False)
    assert machine.facts.operations == (operation,)
    again = SwitchDrivenScope.new_life(machine.snapshot(), new_id=Ids())
    again.update(**switch_scope_facts(config=WANTED[D.ACTIVE], reported_role=R.STANDBY))
    assert again.facts.operations == (operation,)


def test_c05_what_the_same_row_wants_is_applied_before_its_approvals() -> None:
    machine = at(
        S.STANDBY,
        config=WANTED[D.ACTIVE],
        operations=(PendingOperation("op-2", OperationType.SWITCHOVER),),
        switchover=attrs.evolve(SWITCHOVER, switchover_id="op-2", state=SwitchoverState.PENDING_APPROVAL),
    )
    machine.send(e.Approval(("op-2",)), config=WANTED[D.DEAD])
    assert (machine.facts.state, machine.facts.operations) == (S.STANDBY, ())


def test_the_times_of_a_switchover_are_set_once_each() -> None:
    machine = at(S.STANDBY, config=WANTED[D.ACTIVE], now_ms=100)
    (operation,) = machine.facts.operations
    machine.send(e.Approval((operation.operation_id,)), now_ms=200)
    machine.update(reported_role=R.SWITCHING_TO_ACTIVE, now_ms=250)
    machine.send(report(S.SWITCHING_TO_STANDBY, R.STANDBY), now_ms=300)
    record = machine.facts.switchover
    assert record is not None
    assert (record.started_ms, record.approved_ms, record.ended_ms) == (100, 200, 300)
    assert record.state is SwitchoverState.COMPLETED


# Section 8: hold-downs.


def test_a_hold_down_doubles_up_to_sixteen_minutes_and_starts_small_again_after_an_hour() -> None:
    held = []
    machine = at(S.STANDALONE)
    for repeat in range(1, 9):
        machine = at(S.STANDALONE, sync_failed=True, hold_downs=repeat, running=frozenset())
        fresh = SwitchDrivenScope(new_id=Ids(), **{**dict(machine.snapshot().facts), "running": frozenset()})
        held.append(started(fresh.update())["hold_down_due"])
    assert held == [30, 60, 120, 240, 480, 960, 960, 960]
    assert started(machine.send(e.HoldDownDue()))["hold_down_forgotten"] == 3600
    assert list(machine.facts.triggers) == []
    machine.send(e.HoldDownForgotten())
    assert machine.facts.hold_downs == 0


@pytest.mark.parametrize(("channel_up", "counts"), [(True, True), (None, True), (False, False)])
def test_c16_drops_that_the_channel_explains_are_not_counted(channel_up: bool | None, counts: bool) -> None:
    machine = at(S.ACTIVE)
    machine.update(drops_seen=True, channel_up=channel_up)
    assert machine.facts.sync_drops is counts


# Section 10: the timers.

TIMES = [
    (S.CONNECTING, "connect_due", 30, {}),
    (S.CONNECTED, "vote_due", 30, {}),
    (S.ACTIVE, "peer_heartbeat_due", 30, {}),
    (S.SWITCHING_TO_STANDALONE, "standalone_reply_due", 0, {}),
    (S.ACTIVE, "role_due", 10, {"reported_role": R.STANDBY}),
    (S.INITIALIZING_TO_STANDBY, "bulk_sync_due", 150, {}),
    (S.INITIALIZING_TO_ACTIVE, "init_due", 180, {}),
    (S.SWITCHING_TO_ACTIVE, "switchover_due", 30, {}),
    (S.SWITCHING_TO_STANDBY, "switchover_due", 30, {}),
    (S.SWITCHING_TO_ACTIVE, "switchover_retry_due", 1, {}),
    (S.DESTROYING, "drain_due", 60, {}),
    (S.STANDBY, "rejoin_due", 10, HELD),
    (S.STANDBY, "no_active_due", 5, {"peer_state": S.STANDBY}),
]


@pytest.mark.parametrize(("state", "timer", "seconds", "given"), TIMES, ids=[f"{row[0]}-{row[1]}" for row in TIMES])
def test_a_timer_runs_while_it_is_wanted(state: HaState, timer: str, seconds: int, given: dict[str, Any]) -> None:
    rest = dict(at(state, **given).snapshot().facts)
    machine = SwitchDrivenScope(new_id=Ids(), **{**rest, "running": frozenset()})
    assert started(machine.update())[timer] == seconds
    assert timer in machine.facts.running


@pytest.mark.parametrize(
    "spoils",
    [
        {"dpu_up": None},
        {"channel_up": None},
        {"link_up": False},
        {"config": WANTED[D.DEAD], "peer_ready_to_pair": False},
    ],
)
def test_the_rejoin_delay_begins_anew_when_something_is_missing(spoils: dict[str, Any]) -> None:
    told = {name: value for name, value in spoils.items() if name != "peer_ready_to_pair"}
    machine = at(S.STANDBY, **HELD)
    assert "rejoin_due" in machine.facts.running
    machine.update(**told)
    assert "rejoin_due" not in machine.facts.running
