"""Traps that earlier rules of the switch-driven pair fell into, each as a story with two sides.

Source: switch-driven 1.1, 3, 4, 6.1; statemachine-notes 5.
"""

from typing import Any

import attrs
import pytest

from hamgr_fsm.effects import SendToPeer, StartTimer, StopTimer
from hamgr_fsm.events import Approval, FlowSyncEnded, NoActiveDue, RejoinDue, RoleDue, StandaloneReplyDue, SwitchoverDue
from hamgr_fsm.machine import event_name
from hamgr_fsm.messages import (
    BulkSyncDone,
    Selection,
    ShutdownRequest,
    StandaloneReply,
    StandaloneRequest,
    StateReport,
    SwitchoverReply,
    SwitchoverRequest,
    VoteReply,
    VoteRequest,
)
from hamgr_fsm.scope.election import Vote
from hamgr_fsm.scope.operations import PendingOperation
from hamgr_fsm.scope.precedence import Signals
from hamgr_fsm.scope.switch_driven import Scope
from hamgr_fsm.scope.switch_driven_facts import FlowSync, SwitchDrivenScopeFacts
from hamgr_fsm.stepper import Stepper
from hamgr_fsm.vocabulary import DesiredHaState, FlowSyncState, HaRole, HaState, OperationType
from tests.hamgr_fsm.build import only
from tests.hamgr_fsm.pair import TwoSides, Weather, paired
from tests.hamgr_fsm.schedules import come_to_rest
from tests.hamgr_fsm.switch_driven_build import SWITCHOVER, WANTED, at, report

S = HaState
R = HaRole
D = DesiredHaState

THEIRS = Signals(1, dpu_up=True, in_sync=True, manual_pin=False, term=3, triggered=True)


def said(effects: Any) -> list[object]:
    """What is said to the peer."""
    return [effect.message for effect in only(SendToPeer, effects)]


# The pair.


@pytest.mark.parametrize("peer", ["active", "standalone"])
def test_a_pinned_side_that_launches_beside_a_live_peer_does_not_serve_beside_it(peer: str) -> None:
    world = paired()
    world.configure(world.b, disabled=True)
    world.until(lambda: world.a.state is S.STANDALONE and world.at_rest())
    world.configure(world.b, D.STANDALONE)
    for _ in range(2000):
        world.advance(0.05)
        world.check_rest()
    assert sum(side.decides for side in world.sides) == 1


@pytest.mark.parametrize("delay", [1, 300])
def test_two_pins_at_once_end_with_one_side_serving(delay: int) -> None:
    world = paired()
    world.weather = lambda: Weather(message_ms=delay)
    world.configure(world.a, D.STANDALONE)
    world.configure(world.b, D.STANDALONE)
    world.advance(30)
    assert sorted(world.states) == sorted((S.STANDALONE, S.STANDBY))
    world.check_rest()


def test_a_request_counts_before_the_report_that_it_overtook() -> None:
    """The peer was Standalone in its last report, and asks now: it does not serve any more."""
    machine = at(S.SWITCHING_TO_STANDALONE, peer_state=S.SWITCHING_TO_ACTIVE)
    machine.send(StandaloneRequest(attrs.evolve(THEIRS, in_sync=False), "theirs"))
    assert machine.facts.peer_state is S.SWITCHING_TO_STANDALONE
    assert machine.facts.state is S.SWITCHING_TO_STANDALONE


def test_a_standby_of_a_dead_dpu_does_not_ask_a_peer_whose_dpu_is_dead_as_well() -> None:
    world = paired()
    world.power(world.a, False)
    world.power(world.b, False)
    world.settle(2)
    said_before = [len(side.said) for side in world.sides]
    world.advance(60)
    assert world.states == (S.STANDBY, S.STANDBY)
    # Heartbeats and what they are answered, and nothing else.
    assert all(len(side.said) - before <= 10 for side, before in zip(world.sides, said_before, strict=True))
    world.power(world.b, True)
    world.until(lambda: world.b.decides, 20)
    come_to_rest(world)


def test_two_standby_sides_with_nobody_to_trigger_find_one_that_serves() -> None:
    world = paired()
    world.power(world.a, False)
    world.power(world.b, False)
    world.settle(5)
    for side in world.sides:
        world.power(side, True)
    world.until(lambda: world.a.decides or world.b.decides, 30)
    come_to_rest(world)
    assert sorted(world.states) == sorted((S.ACTIVE, S.STANDBY))


def test_a_pin_that_is_removed_while_the_link_is_down_does_not_outlive_it() -> None:
    world = paired()
    world.configure(world.a, D.STANDALONE)
    world.until(lambda: world.states == (S.STANDALONE, S.STANDBY))
    world.set_link(False)
    world.configure(world.a, D.ACTIVE)
    world.advance(120)
    assert world.states == (S.STANDALONE, S.STANDBY)
    world.set_link(True)
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY), 30)


def test_a_pinned_side_with_a_dead_dpu_and_no_link_asks_as_soon_as_there_is_one() -> None:
    world = paired()
    world.set_link(False)
    world.configure(world.b, D.STANDALONE)
    world.power(world.b, False)
    world.advance(5)
    world.set_cable(True)
    world.set_link(True)
    world.until(lambda: world.a.state in (S.STANDALONE, S.ACTIVE) and world.b.state is S.STANDBY, 10)
    world.check_rest()


def test_a_shutdown_that_was_accepted_does_not_end_in_a_circle_when_the_dpu_loses_its_flows() -> None:
    """Without "not alone" in its guard, asking the peer that holds the flows and serving without it never end."""
    machine = at(S.STANDALONE, peer_shutdown=True, peer_in_sync=True)
    machine.update(dpu_incarnation=1, reported_role=None)
    assert (machine.facts.state, machine.facts.in_sync) == (S.STANDALONE, False)


def test_a_shutdown_is_over_as_soon_as_the_peer_serves_however_it_is_heard_of() -> None:
    machine = at(S.STANDALONE, peer_shutdown=True)
    machine.send(report(S.ACTIVE, R.ACTIVE, 9))
    assert (machine.facts.state, machine.facts.peer_shutdown) == (S.STANDBY, False)


# What is said once counts once.


def test_a_denied_selection_sends_the_active_side_back_under_its_old_term() -> None:
    machine = at(S.SWITCHING_TO_STANDALONE, sync_drops=False, hold_downs=0)
    machine.send(StandaloneReply(Selection.DENY, "ours"))
    assert (machine.facts.state, machine.facts.term) == (S.ACTIVE, 3)


@pytest.mark.parametrize(
    ("ours", "theirs", "answer"),
    [
        ({"in_sync": True}, {"in_sync": False}, Selection.ENTER_STANDBY),
        ({"in_sync": False}, {"in_sync": True}, Selection.ENTER_STANDALONE),
    ],
)
def test_the_answer_is_that_of_the_frozen_signals(ours: Any, theirs: Any, answer: Selection) -> None:
    """What is true now says the opposite; leaving the state does not change the answer on the way."""
    frozen = Signals(0, dpu_up=True, manual_pin=False, term=3, triggered=True, **ours)
    machine = at(S.SWITCHING_TO_STANDALONE, signals=frozen, in_sync=not ours["in_sync"], reported_role=R.STANDBY)
    effects = machine.send(StandaloneRequest(attrs.evolve(THEIRS, **theirs), "theirs"))
    assert StandaloneReply(answer, "theirs") in said(effects)


def test_the_same_standalone_request_gets_the_same_answer_and_moves_nobody() -> None:
    machine = at(S.ACTIVE)
    request = StandaloneRequest(attrs.evolve(THEIRS, in_sync=False), "theirs")
    first = said(machine.send(request))
    assert machine.facts.state is S.STANDALONE
    term = machine.facts.term
    again = said(machine.send(request))
    assert (machine.facts.state, machine.facts.term) == (S.STANDALONE, term)
    assert again == [message for message in first if isinstance(message, StandaloneReply)]


def test_a_promise_is_kept_whether_it_was_made_before_or_while_asking() -> None:
    for state in (S.STANDBY, S.SWITCHING_TO_STANDALONE):
        machine = at(state)
        machine.send(StandaloneRequest(attrs.evolve(THEIRS, in_sync=False), "theirs"))
        assert machine.facts.promised
        machine.send(report(S.STANDBY, R.STANDBY))
        assert machine.facts.state is S.STANDALONE


@pytest.mark.parametrize("selection", Selection)
def test_a_reply_to_an_older_request_says_and_moves_nothing(selection: Selection) -> None:
    machine = at(S.SWITCHING_TO_STANDALONE)
    before = machine.snapshot()
    machine.send(StandaloneReply(selection, "older"))
    assert machine.snapshot() == before
    assert machine.ignored["standalone_reply"] == 1


@pytest.mark.parametrize("vote", Vote)
def test_a_vote_for_an_older_attempt_moves_nothing(vote: Vote) -> None:
    machine = at(S.CONNECTED)
    machine.send(VoteReply(vote, 0))
    assert machine.facts.state is S.CONNECTED


def test_a_vote_of_a_peer_that_does_not_count_them_is_taken() -> None:
    machine = at(S.CONNECTED)
    machine.send(VoteReply(Vote.BECOME_STANDBY, None))
    assert machine.facts.state is S.INITIALIZING_TO_STANDBY


@pytest.mark.parametrize(
    ("state", "event", "given"),
    [
        (S.STANDBY, RejoinDue(), {"peer_state": S.STANDALONE, "peer_role": R.STANDALONE}),
        (S.STANDBY, NoActiveDue(), {"peer_state": S.STANDBY}),
        (S.SWITCHING_TO_ACTIVE, SwitchoverDue(), {}),
        (S.SWITCHING_TO_STANDBY, SwitchoverDue(), {}),
        (S.SWITCHING_TO_STANDALONE, StandaloneReplyDue(), {"attempts": 3}),
    ],
)
def test_the_end_of_a_timer_that_was_stopped_on_its_way_is_ignored(state: HaState, event: object, given: Any) -> None:
    facts = at(state, **given).facts
    facts.running = frozenset()
    assert Stepper(Scope, SwitchDrivenScopeFacts).take(facts, event_name(type(event)), event) is None
    assert facts.state is state


def test_one_rejection_that_comes_twice_counts_once() -> None:
    machine = at(S.SWITCHING_TO_ACTIVE)
    for _ in range(3):
        machine.send(SwitchoverReply("swo-1", accepted=False))
    assert (machine.facts.rejections, machine.facts.state) == (1, S.SWITCHING_TO_ACTIVE)


def test_everything_that_is_approved_at_once_takes_effect() -> None:
    """C06: the activation and a flow reconciliation in one row."""
    both = (
        PendingOperation("op-1", OperationType.ACTIVATE_ROLE),
        PendingOperation("op-2", OperationType.FLOW_RECONCILE),
    )
    for ids in (("op-1", "op-2"), ("op-2", "op-1"), ("no", "op-2", "op-1", "op-1")):
        machine = at(S.PENDING_ACTIVE_ACTIVATION, operations=both, flow_reconcile_asked=True)
        effects = machine.send(Approval(ids))
        assert (machine.facts.state, machine.facts.operations) == (S.ACTIVE, ())
        carried = [effect.requests for effect in effects if hasattr(effect, "requests")]
        assert carried == [frozenset({OperationType.FLOW_RECONCILE})]
        # It is asked for until the DPU has taken it, and the controller is not asked again meanwhile.
        assert machine.update(flow_reconcile_asked=True) == ()
        machine.update(flow_reconcile_asked=False)
        machine.update(flow_reconcile_asked=True)
        assert [operation.type for operation in machine.facts.operations] == [OperationType.FLOW_RECONCILE]


def test_a_flow_sync_of_an_earlier_attempt_does_not_vouch_for_the_next() -> None:
    session = FlowSync("sync-1", FlowSyncState.IN_PROGRESS, 100)
    machine = at(S.STANDALONE, flow_sync=session)
    machine.send(FlowSyncEnded("sync-1", completed=True))
    effects = machine.send(report(S.INITIALIZING_TO_STANDBY, R.STANDBY))
    effects += machine.update(reported_role=R.ACTIVE)
    assert machine.facts.state is S.ACTIVE
    assert BulkSyncDone() not in said(effects)
    assert machine.facts.flow_sync is not None and machine.facts.flow_sync.session_id != "sync-1"


def test_a_report_over_a_link_that_is_gone_connects_nobody() -> None:
    machine = at(S.CONNECTING, link_up=False)
    machine.send(report(S.CONNECTED))
    assert (machine.facts.peer_connected, machine.facts.state) == (False, S.CONNECTING)


def test_the_dpu_has_its_whole_time_for_each_role() -> None:
    """The time that ran for standby is not that of switching_to_active."""
    machine = at(
        S.STANDBY,
        reported_role=R.DEAD,
        config=WANTED[D.ACTIVE],
        operations=(PendingOperation("op-2", OperationType.SWITCHOVER),),
        switchover=attrs.evolve(SWITCHOVER, switchover_id="op-2"),
    )
    effects = machine.send(Approval(("op-2",)))
    timers = [effect for effect in effects if isinstance(effect, (StartTimer, StopTimer))]
    assert [timer for timer in timers if timer.timer == "role_due"] == [
        StopTimer("role_due"),
        StartTimer("role_due", 10_000),
    ]


def test_the_role_dead_never_fails() -> None:
    """D-02: a DPU that has the role already does not say so again."""
    machine = at(S.INITIALIZING_TO_ACTIVE, reported_role=None)
    machine.send(RoleDue())
    assert (machine.facts.state, machine.facts.role_failed) == (S.INITIALIZING_TO_ACTIVE, False)


def test_a_dpu_that_never_says_switching_to_active_is_not_waited_for() -> None:
    machine = at(S.SWITCHING_TO_ACTIVE, reported_role=R.STANDBY, switching_ack=False)
    assert "role_due" not in machine.facts.running
    assert "switchover_retry_due" in machine.facts.running
    machine.send(report(S.SWITCHING_TO_STANDBY, R.STANDBY))
    assert machine.facts.state is S.ACTIVE


def test_a_standalone_side_does_not_hand_over_to_a_dead_dpu_that_is_pinned() -> None:
    machine = at(S.STANDALONE, in_sync=False, reported_role=R.STANDBY)
    asker = attrs.evolve(THEIRS, dpu_up=False, in_sync=False, manual_pin=True)
    assert StandaloneReply(Selection.ENTER_STANDBY, "theirs") in said(machine.send(StandaloneRequest(asker, "theirs")))
    assert machine.facts.state is S.STANDALONE


def test_a_crossing_of_a_shutdown_and_a_switchover_ends_well() -> None:
    world: TwoSides = paired()
    world.approves = False
    world.configure(world.a)
    world.configure(world.b, D.ACTIVE)
    world.settle()
    world.approve(world.b)
    world.configure(world.b, D.DEAD)
    world.hand(world.a, ShutdownRequest())
    come_to_rest(world)


def test_messages_name_no_state_but_those_that_prove_one() -> None:
    machine = at(S.ACTIVE)
    proofs = {
        S.CONNECTED: VoteRequest(1, D.ACTIVE, 1),
        S.SWITCHING_TO_ACTIVE: SwitchoverRequest("swo-2"),
        S.STANDBY: ShutdownRequest(),
        S.SWITCHING_TO_STANDALONE: StandaloneRequest(THEIRS, "theirs"),
    }
    for state, message in proofs.items():
        assert machine.implied(message) == {"peer_state": state}
    assert machine.implied(BulkSyncDone()) == {}
    assert machine.implied(StateReport(S.DEAD, 1, None)) == {}
    asking = at(S.SWITCHING_TO_STANDALONE)
    assert asking.implied(StandaloneReply(Selection.ENTER_STANDALONE, "ours")) == {"peer_state": S.STANDBY}
    assert asking.implied(StandaloneReply(Selection.ENTER_STANDBY, "ours")) == {"peer_state": S.STANDALONE}
    assert asking.implied(StandaloneReply(Selection.ENTER_STANDBY, "older")) == {}


# Found by random lives.


def test_a_pinned_side_that_lost_the_election_lets_a_relaunching_peer_win() -> None:
    """Both waited for ever: the pinned one for flows, the other for a vote."""
    machine = at(S.INITIALIZING_TO_STANDBY, config=WANTED[D.STANDALONE], peer_state=S.CONNECTED, peer_role=R.DEAD)
    assert VoteReply(Vote.BECOME_ACTIVE, 1) in said(machine.send(VoteRequest(0, D.ACTIVE, 1)))


@pytest.mark.parametrize("peer", [S.INITIALIZING_TO_STANDBY, S.PENDING_STANDBY_ACTIVATION])
def test_a_standby_beside_one_that_waits_for_flows_finds_that_nobody_is_active(peer: HaState) -> None:
    """A side lost its DPU before it was Active and is back as Standby; the other still waits for it."""
    machine = at(S.STANDBY, peer_state=peer, peer_role=R.STANDBY, in_sync=False)
    machine.send(NoActiveDue())
    assert machine.facts.state is S.SWITCHING_TO_STANDALONE


def test_a_side_without_a_dpu_that_is_told_to_serve_knows_that_its_peer_is_no_part_of_a_pair() -> None:
    """Taking it for a Standby, it asked again at once, and again."""
    down = Signals(0, dpu_up=False)
    machine = at(S.SWITCHING_TO_STANDALONE, dpu_up=False, channel_up=None, signals=down)
    effects = machine.send(StandaloneReply(Selection.ENTER_STANDALONE, "ours"))
    assert (machine.facts.state, machine.facts.peer_state) == (S.STANDBY, None)
    assert not [message for message in said(effects) if isinstance(message, StandaloneRequest)]


def test_a_standby_whose_dpu_fails_beside_one_that_drains_says_little() -> None:
    world = paired()
    world.configure(world.b, D.DEAD)
    world.b.dpu.manners = "silent"
    world.until(lambda: world.b.state is S.DESTROYING)
    world.power(world.a, False)
    world.advance(30)
    assert len(world.a.said) < 30
