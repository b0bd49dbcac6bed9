"""What a switch-driven scope does on its rows: every action changes facts and appends effects, and decides nothing.

Source: switch-driven 4, 7, 8.
"""

import attrs

from hamgr_fsm.effects import ProgramRole, RaiseAlert, SendToPeer, StartFlowSync, StopTimer
from hamgr_fsm.events import Approval, FlowSyncEnded
from hamgr_fsm.machine import event_name
from hamgr_fsm.messages import (
    Selection,
    ShutdownReply,
    StandaloneReply,
    StandaloneRequest,
    StateReport,
    SwitchoverReply,
    SwitchoverRequest,
    VoteReply,
    VoteRequest,
)
from hamgr_fsm.scope.election import Asker, answer
from hamgr_fsm.scope.operations import approved_types, open_types, raised, withdrawn
from hamgr_fsm.scope.selection import Decision, decide
from hamgr_fsm.scope.switch_driven_facts import DECIDING, SERVING, FlowSync, S, SwitchDrivenScopeFacts, Switchover
from hamgr_fsm.scope.switch_driven_timers import OF_STATE, REQUESTS, start, wanted
from hamgr_fsm.table import FactMachine
from hamgr_fsm.vocabulary import FlowSyncState, HaRole, OperationType, SwitchoverState

Facts = SwitchDrivenScopeFacts


class Actions(FactMachine):
    """The actions of the scope region; its rows are in ``switch_driven``."""

    # Leaving and entering states.

    @staticmethod
    def note_leaving(model: Facts) -> None:
        """Remember the state that is left, and let go of what belongs to the stay in it."""
        model.left = model.state
        model.attempts = model.rejections = 0
        model.switchover_timed_out = model.no_active = model.promised = False
        model.episode = ""
        model.signals = None
        if model.state is S.ACTIVE:
            model.no_flows_yet = model.sync_open = model.sync_announced = False
        model.outbox += [StopTimer(timer) for timer in sorted(model.running & OF_STATE)]
        model.running -= OF_STATE

    @staticmethod
    def enter_dead(model: Facts) -> None:
        """Ask for the role dead and forget everything that belonged to the attempt to serve."""
        model.target_role = HaRole.DEAD
        model.in_sync = model.synchronised = False
        model.role_failed = model.sync_failed = model.sync_drops = False
        model.peer_shutdown = model.connect_timed_out = model.switchover_held_off = False
        model.unnumbered_votes = 0
        model.denied_triggers = frozenset()
        close_switchover(model, completed=False)

    @staticmethod
    def enter_connecting(model: Facts) -> None:
        """Forget what the peer said before this launch: only what it says now counts. Source: LD-16."""
        model.peer_connected = False
        model.peer_state = model.peer_role = None
        model.peer_dead_confirmed = model.peer_serves_alone = False
        model.reported = None

    @staticmethod
    def enter_initializing_to_standby(model: Facts) -> None:
        """Wait for the flows with the role standby."""
        model.synchronised = model.in_sync = False
        model.target_role = HaRole.STANDBY

    @staticmethod
    def enter_active(model: Facts) -> None:
        """Decide the flows under a new term, unless a denied selection merely sends this side back."""
        if not model.denied:
            model.term += 1
        model.denied = False
        model.target_role = HaRole.ACTIVE
        model.no_flows_yet = model.left is S.PENDING_ACTIVE_ACTIVATION
        close_switchover(model, completed=model.left is S.SWITCHING_TO_ACTIVE)

    @staticmethod
    def enter_standby(model: Facts) -> None:
        """Store the flows; a synchronised standby takes over the term of its active.

        A role that failed before was another one: the DPU has its time for this one.
        """
        model.target_role = HaRole.STANDBY
        model.role_failed = False
        if model.left in (S.PENDING_STANDBY_ACTIVATION, S.SWITCHING_TO_STANDBY):
            model.term = model.peer_term
        model.switchover_held_off = model.left is S.SWITCHING_TO_ACTIVE
        close_switchover(model, completed=model.left is S.SWITCHING_TO_STANDBY)

    @staticmethod
    def enter_switching_to_active(model: Facts) -> None:
        """Prepare the DPU to take over; the peer is asked only once the DPU is prepared. Source: FL-02."""
        model.target_role = HaRole.SWITCHING_TO_ACTIVE
        if model.switchover is not None:
            model.switchover = attrs.evolve(model.switchover, state=SwitchoverState.IN_PROGRESS)

    @staticmethod
    def enter_switching_to_standby(model: Facts) -> None:
        """Give way."""
        model.target_role = HaRole.STANDBY

    @staticmethod
    def enter_switching_to_standalone(model: Facts) -> None:
        """Freeze what this side puts forward; whether there is a peer to ask shows from then on."""
        close_switchover(model, completed=False)
        put_forward(model)

    @staticmethod
    def enter_standalone(model: Facts) -> None:
        """Decide the flows alone, under a new term."""
        model.term += 1
        model.target_role = HaRole.STANDALONE
        close_switchover(model, completed=False)

    @staticmethod
    def enter_destroying(model: Facts) -> None:
        """Drain the DPU."""
        model.target_role = HaRole.DEAD

    # What becomes true or false without a change of state.

    @staticmethod
    def follow_link(model: Facts) -> None:
        """A new link is greeted, and everything that waits for an answer is said again; a lost one says nothing."""
        model.greeted = bool(model.link_up)
        model.reported = None
        if not model.link_up:
            model.peer_connected = False
            return
        if model.state is S.SWITCHING_TO_STANDALONE:
            model.attempts = 0
        again = model.running & REQUESTS
        model.outbox += [StopTimer(timer) for timer in sorted(again)]
        model.running -= again

    @staticmethod
    def forget_peer(model: Facts) -> None:
        """Know nothing of a peer that has just been named; it is greeted like a new link."""
        assert model.pair is not None
        model.paired_with = model.pair.peer_id
        model.peer_connected = model.greeted = False
        model.peer_state = model.peer_role = None
        model.peer_term = 0
        model.peer_ready_to_pair = True
        model.peer_pinned = model.peer_in_sync = model.peer_serves_alone = False
        model.peer_dead_confirmed = model.peer_shutdown = False
        model.answered = None

    @staticmethod
    def mend_connection(model: Facts) -> None:
        """The peer that could not be reached has been heard."""
        model.connect_timed_out = False

    @staticmethod
    def forget_shutdown(model: Facts) -> None:
        """The peer has gone another way than it said."""
        model.peer_shutdown = False

    @staticmethod
    def clear_role_failure(model: Facts) -> None:
        """The DPU has taken the role after all."""
        model.role_failed = False

    @staticmethod
    def note_role_failure(model: Facts) -> None:
        """The DPU has not taken its role; it is asked again, because it may not have heard.

        Nothing depends on the role dead, and a DPU that has it already does not acknowledge it.
        """
        model.role_failed = model.target_role is not HaRole.DEAD
        model.outbox.append(ProgramRole(model.program, again=True))

    @staticmethod
    def note_drops(model: Facts) -> None:
        """Flows are not kept in step any more."""
        model.sync_drops = True
        model.hold_downs += 1

    @staticmethod
    def note_sync_failure(model: Facts) -> None:
        """The flows could not be copied."""
        model.sync_failed = True
        model.hold_downs += 1

    @staticmethod
    def end_hold_down(model: Facts) -> None:
        """The sides may try again."""
        model.sync_failed = model.sync_drops = False

    @staticmethod
    def forget_hold_downs(model: Facts) -> None:
        """The next failure is the first again."""
        model.hold_downs = 0

    @staticmethod
    def hold_flows(model: Facts) -> None:
        """Whoever decides the flows has them all."""
        model.in_sync = True

    @staticmethod
    def lose_flows(model: Facts) -> None:
        """What the DPU knew of flows is gone."""
        model.in_sync = False

    @staticmethod
    def announce_sync(model: Facts) -> None:
        """The peer may be told that it has all flows."""
        model.sync_announced = True

    @staticmethod
    def start_flow_sync(model: Facts) -> None:
        """Have the flows copied to the peer."""
        session_id = model.new_id()
        model.sync_open = True
        model.flow_sync = FlowSync(session_id, FlowSyncState.IN_PROGRESS, model.now_ms)
        model.outbox.append(StartFlowSync(session_id))

    @staticmethod
    def end_flow_sync(model: Facts, ev: FlowSyncEnded) -> None:
        """The copying is over: the peer is told, or this side has failed."""
        assert model.flow_sync is not None
        state = FlowSyncState.COMPLETED if ev.completed else FlowSyncState.FAILED
        model.flow_sync = attrs.evolve(model.flow_sync, state=state)
        if ev.completed:
            model.sync_announced = True
        else:
            model.sync_failed = True
            model.hold_downs += 1

    @staticmethod
    def close_flow_sync(model: Facts, ev: FlowSyncEnded) -> None:
        """The copying is over, and the peer it was for is not waiting any more."""
        assert model.flow_sync is not None
        state = FlowSyncState.COMPLETED if ev.completed else FlowSyncState.FAILED
        model.flow_sync = attrs.evolve(model.flow_sync, state=state)

    @staticmethod
    def close_sync(model: Facts) -> None:
        """The peer is not joining any more: the next time it joins, flows may exist."""
        model.sync_open = model.sync_announced = model.no_flows_yet = False

    @staticmethod
    def ask_anew(model: Facts) -> None:
        """Put forward what is true now."""
        model.attempts = 0
        model.promised = False
        model.running -= {"standalone_reply_due", "role_due"}
        put_forward(model)

    @staticmethod
    def adjust_operations(model: Facts) -> None:
        """List what the controller is to be asked, withdraw what it need not be asked any more."""
        before = open_types(model.operations)
        model.operations = withdrawn(model.operations, before - model.expected_operations)
        model.operations = raised(model.operations, model.expected_operations, model.new_id)
        model.operations_changed_ms = model.now_ms
        if OperationType.SWITCHOVER in model.expected_operations - before:
            id_ = next(o.operation_id for o in model.operations if o.type is OperationType.SWITCHOVER)
            model.switchover = Switchover(id_, SwitchoverState.PENDING_APPROVAL, model.now_ms)
        elif OperationType.SWITCHOVER in before - model.expected_operations:
            close_switchover(model, completed=False)

    @staticmethod
    def adjust_timers(model: Facts) -> None:
        """Let run what is wanted, stop what is not; what starts says what belongs to it."""
        now = wanted(model)
        model.outbox += [StopTimer(timer) for timer in sorted(model.running - now)]
        model.running &= now
        for timer in sorted(now - model.running):
            model.running |= {timer}
            start(model, timer)

    @staticmethod
    def send_report(model: Facts) -> None:
        """Tell the peer where this side is."""
        model.reported = model.report
        model.outbox.append(SendToPeer(model.report))

    @staticmethod
    def expire(model: Facts, ev: object) -> None:
        """The timer has ended; if it is still wanted, it starts anew."""
        model.running -= {event_name(type(ev))}

    @staticmethod
    def time_out_connecting(model: Facts) -> None:
        """The peer counts as lost until it is heard."""
        model.connect_timed_out = True

    @staticmethod
    def time_out_switchover(model: Facts) -> None:
        """The switchover has taken too long."""
        model.switchover_timed_out = True

    @staticmethod
    def offer_switchover_again(model: Facts) -> None:
        """The failed switchover is long enough ago."""
        model.switchover_held_off = False

    @staticmethod
    def confirm_peer_dead(model: Facts) -> None:
        """The peer has been Dead for so long that its role does not matter."""
        model.peer_dead_confirmed = True

    @staticmethod
    def set_no_active(model: Facts) -> None:
        """Both sides are Standby: one of them must serve."""
        model.no_active = True

    @staticmethod
    def hold_off(model: Facts) -> None:
        """The peer sees nothing to decide: what was put before it is not put before it again for a while."""
        model.denied_triggers = frozenset(model.triggers)

    @staticmethod
    def end_hold_off(model: Facts) -> None:
        """What the peer denied may be put before it again."""
        model.denied_triggers = frozenset()

    @staticmethod
    def forget_denied_triggers(model: Facts) -> None:
        """A trigger that is over was denied; the next of its kind was not."""
        model.denied_triggers &= set(model.triggers)

    @staticmethod
    def deny(model: Facts) -> None:
        """Nothing speaks for a change: go on as before."""
        model.denied = True

    # What the peer says.

    @staticmethod
    def take_report(model: Facts, ev: StateReport) -> None:
        """The peer's newest word on itself."""
        model.peer_connected = bool(model.link_up)
        model.peer_state = ev.state
        model.peer_term = ev.term
        model.peer_role = ev.acked_role
        model.peer_ready_to_pair = ev.ready_to_pair
        model.peer_pinned = ev.pinned
        model.peer_in_sync = ev.in_sync
        model.peer_serves_alone = ev.state is S.STANDALONE
        if ev.state is not S.DEAD:
            model.peer_dead_confirmed = False

    @staticmethod
    def answer_heartbeat(model: Facts) -> None:
        """Say where this side is, although nothing has changed."""
        model.reported = None

    @staticmethod
    def answer_vote(model: Facts, ev: VoteRequest) -> None:
        """Vote by the table of the election."""
        if ev.attempt is None:
            model.unnumbered_votes += 1
        attempt = ev.attempt if ev.attempt is not None else model.unnumbered_votes
        position = model.pair.peer_position if model.pair is not None else 1
        vote = answer(model.voter, Asker(ev.desired, ev.term, position, attempt), model.timers.max_retries)
        if vote.alert:
            model.outbox.append(RaiseAlert(f"election: {vote.alert}"))
        model.outbox.append(SendToPeer(VoteReply(vote.vote, ev.attempt)))

    @staticmethod
    def take_flows(model: Facts) -> None:
        """All flows of the peer are here."""
        model.synchronised = model.in_sync = True

    @staticmethod
    def accept_switchover(model: Facts, ev: SwitchoverRequest) -> None:
        """Let the peer take over; the same request again gets the same answer."""
        if model.switchover is None or model.switchover.switchover_id != ev.switchover_id:
            model.switchover = Switchover(ev.switchover_id, SwitchoverState.IN_PROGRESS, model.now_ms, model.now_ms)
        model.outbox.append(SendToPeer(SwitchoverReply(ev.switchover_id, accepted=True)))

    @staticmethod
    def reject_switchover(model: Facts, ev: SwitchoverRequest) -> None:
        """Not now."""
        model.outbox.append(SendToPeer(SwitchoverReply(ev.switchover_id, accepted=False)))

    @staticmethod
    def count_rejection(model: Facts) -> None:
        """The peer does not give way; it is asked again a little later."""
        model.rejections += 1

    @staticmethod
    def accept_shutdown(model: Facts) -> None:
        """Serve alone, so that the peer may go."""
        model.peer_shutdown = True
        model.outbox.append(SendToPeer(ShutdownReply(accepted=True)))

    @staticmethod
    def accept_shutdown_again(model: Facts) -> None:
        """The peer has not heard that it may go."""
        model.outbox.append(SendToPeer(ShutdownReply(accepted=True)))

    @staticmethod
    def reject_shutdown(model: Facts) -> None:
        """This side does not serve, so the peer must not go."""
        model.outbox.append(SendToPeer(ShutdownReply(accepted=False)))

    @staticmethod
    def answer_standalone_request(model: Facts, ev: StandaloneRequest) -> None:
        """Say what the asker becomes, and stay."""
        reply_to(model, ev, selection_for(model, ev).answer)

    @staticmethod
    def answer_enter_standalone(model: Facts, ev: StandaloneRequest) -> None:
        """The asker serves alone."""
        reply_to(model, ev, Selection.ENTER_STANDALONE)

    @staticmethod
    def answer_enter_standby(model: Facts, ev: StandaloneRequest) -> None:
        """The asker lets this side serve."""
        reply_to(model, ev, Selection.ENTER_STANDBY)

    @staticmethod
    def promise(model: Facts) -> None:
        """The asker was told to enter Standby: wait for it to be there before deciding flows."""
        model.promised = True

    # Approvals.

    @staticmethod
    def consume_approval(model: Facts, ev: Approval) -> None:
        """An approved operation is done with: its id counts once."""
        types = approved_types(model.operations, ev.operation_ids)
        model.operations = withdrawn(model.operations, types)
        model.operations_changed_ms = model.now_ms
        if OperationType.SWITCHOVER in types and model.switchover is not None:
            model.switchover = attrs.evolve(model.switchover, state=SwitchoverState.APPROVED, approved_ms=model.now_ms)
        # The next row asks the DPU to reconcile its flows, whatever else was approved along with it.
        if OperationType.FLOW_RECONCILE in types:
            model.granted |= {OperationType.FLOW_RECONCILE}
            model.reconcile_awaited = True

    @staticmethod
    def stop_awaiting_reconcile(model: Facts) -> None:
        """The DPU has taken what it was granted, or has had its time to; if it asks again, the controller is asked."""
        model.reconcile_awaited = False


def close_switchover(model: Facts, *, completed: bool) -> None:
    """End the record of a switchover that is under way or was not approved."""
    record = model.switchover
    if record is None or record.state in (SwitchoverState.COMPLETED, SwitchoverState.FAILED):
        return
    state = SwitchoverState.COMPLETED if completed else SwitchoverState.FAILED
    model.switchover = attrs.evolve(record, state=state, ended_ms=model.now_ms)


def put_forward(model: Facts) -> None:
    """Freeze the signals of this side; a new episode begins.

    A DPU that is down, or that was asked to decide and has not said that it does, must not decide when it comes back:
    it would have no flows.
    """
    if model.local_down or (model.target_role in DECIDING and not model.role_acked):
        model.target_role = HaRole.STANDBY
    model.signals = attrs.evolve(model.present_signals, serving=model.left in SERVING)
    model.episode = model.new_id()


def reply_to(model: Facts, ev: StandaloneRequest, selection: Selection) -> None:
    """Answer a standalone request, and remember it in case that it is repeated."""
    model.outbox.append(SendToPeer(StandaloneReply(selection, ev.episode)))
    if ev.episode is not None:
        model.answered = (ev.episode, selection)


def selection_for(model: Facts, ev: StandaloneRequest) -> Decision:
    """What to answer a standalone request; the same request again gets the same answer and has no second effect."""
    if model.answered is not None and ev.episode == model.answered[0]:
        return Decision(model.answered[1], 0)
    ours = model.signals if model.state is S.SWITCHING_TO_STANDALONE and model.signals else model.present_signals
    return decide(model.state, ours, ev.signals, yielded=model.peer_serves_alone)
