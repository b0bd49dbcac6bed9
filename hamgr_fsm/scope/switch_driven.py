"""The switch-driven HA scope: hamgrd runs the whole machine, from connecting to the peer to serving alone.

Two regions over the same facts: the *state*, whose rows stand in the order of the specification's table, and the
*relay*, which keeps the DPU's row at what the state asks for. The first row that holds is taken; rows for any state
come first.

Source: switch-driven 2 to 10.
"""

from collections.abc import Callable, Mapping
from typing import Self

from hamgr_fsm.effects import Effect, ProgramRole, RemoveScope
from hamgr_fsm.events import Approval, FlowSyncEnded
from hamgr_fsm.facts import no_id
from hamgr_fsm.machine import Machine, Snapshot, event_name
from hamgr_fsm.messages import (
    Selection,
    StandaloneReply,
    StandaloneRequest,
    SwitchoverReply,
    SwitchoverRequest,
    VoteReply,
    implied_state,
)
from hamgr_fsm.scope.election import Vote
from hamgr_fsm.scope.operations import approved_types
from hamgr_fsm.scope.switch_driven_actions import Actions, selection_for
from hamgr_fsm.scope.switch_driven_facts import (
    FORGOTTEN,
    GROUPS,
    LAUNCHING,
    LIVE,
    NOT_ACTIVE,
    PAIRED,
    SERVING,
    STATES,
    RowState,
    S,
    SwitchDrivenScopeFacts,
)
from hamgr_fsm.scope.switch_driven_timers import wanted
from hamgr_fsm.table import PLANNED, RECOVERY, STAY, UNPLANNED, FactMachine, Table, Told
from hamgr_fsm.vocabulary import FlowSyncState, OperationType

Facts = SwitchDrivenScopeFacts
TRIGGER = Told("trigger")

_SAID_AGAIN = (
    (S.CONNECTING, "connect_due", "the peer is not reached yet"),
    (S.CONNECTED, "vote_due", "no vote yet"),
    (S.ACTIVE, "sync_announce_due", "the peer has not heard that it has all flows"),
    (S.STANDBY, "shutdown_due", "the peer does not serve alone yet"),
    (S.SWITCHING_TO_ACTIVE, "switchover_retry_due", "the peer has not given way yet"),
    (S.SWITCHING_TO_STANDALONE, "standalone_reply_due", "no answer yet"),
    (STATES, "peer_heartbeat_due", "time for a heartbeat"),
)
"""What is said again, in which state, after which timer and why."""


class Scope(Actions):
    """Where the scope is."""

    state_fact = "state"
    t = Table(
        STATES,
        initial=S.DEAD,
        entry={
            S.DEAD: ["enter_dead"],
            S.CONNECTING: ["enter_connecting"],
            S.INITIALIZING_TO_STANDBY: ["enter_initializing_to_standby"],
            S.ACTIVE: ["enter_active"],
            S.STANDBY: ["enter_standby"],
            S.SWITCHING_TO_ACTIVE: ["enter_switching_to_active"],
            S.SWITCHING_TO_STANDBY: ["enter_switching_to_standby"],
            S.SWITCHING_TO_STANDALONE: ["enter_switching_to_standalone"],
            S.STANDALONE: ["enter_standalone"],
            S.DESTROYING: ["enter_destroying"],
        },
        exit={state: ["note_leaving"] for state in STATES},
        groups=GROUPS,
    )

    # fmt: off
    # What is true whatever the state is noted first, so that the rows below decide on it.
    t.row(STATES, STAY, when="peer_replaced", do="forget_peer", why="another peer", ref="ha-set 2, FL-31")
    t.row(STATES, STAY, when="link_changed", do="follow_link",
          why="control link came or went", ref="switch-driven 4, switch-driven 1.1")
    t.row(STATES, STAY, when="flows_lost", do="lose_flows",
          why="the DPU that held the flows is gone", ref="switch-driven 1.1")
    t.row(STATES, STAY, when="connect_mended", do="mend_connection",
          why="the peer is reached after all", ref="switch-driven 1.2")
    t.row(STATES, STAY, when="shutdown_over", do="forget_shutdown",
          why="the peer does not shut down any more", ref="switch-driven 1.2")
    t.row(STATES, STAY, when="role_recovered", do="clear_role_failure",
          why="role acknowledged", ref="switch-driven 1.2")
    t.row(STATES, STAY, when="denied_trigger_gone", do="forget_denied_triggers",
          why="a denied trigger is over", ref="H-47")
    t.row(LIVE, STAY, when="role_refused", do="note_role_failure",
          why="the DPU refuses the role", ref="switch-driven 4, FL-18")
    t.row(S.ACTIVE, STAY, when="drops_reported", do="note_drops", why="inline sync drops", ref="switch-driven 8")

    # A disabled scope is dead whatever else holds.
    t.row(LIVE, S.DEAD, when="disabled", why="admin disabled", ref="switch-driven 3", kind=PLANNED)
    t.row(LIVE, S.DEAD, when="unconfigured", why="configuration deleted", ref="switch-driven 3", kind=PLANNED)

    t.row(S.DEAD, S.CONNECTING, when="can_launch", why="launch", ref="switch-driven 3", kind=PLANNED)
    t.row((S.CONNECTING, S.CONNECTED), S.DEAD, when="launch_impossible",
          why="launch cancelled", ref="switch-driven 3", kind=PLANNED)
    t.row(S.CONNECTING, S.CONNECTED, when="pairing_possible",
          why="connected to peer", ref="switch-driven 3", kind=PLANNED)
    t.row(S.CONNECTING, S.SWITCHING_TO_STANDALONE,
          on="connect_due", when=("timer_runs", "attempts_used_up"), do="time_out_connecting",
          why="peer not reachable", ref="switch-driven 3, LD-15", kind=UNPLANNED)
    t.row(S.CONNECTED, S.SWITCHING_TO_STANDALONE, when="cannot_pair",
          why=TRIGGER, ref="switch-driven 3", kind=UNPLANNED)
    t.row(S.CONNECTED, S.INITIALIZING_TO_ACTIVE, on="vote_reply", when="voted_active",
          why="won the election", ref="switch-driven 3, switch-driven 5", kind=PLANNED)
    t.row(S.CONNECTED, S.INITIALIZING_TO_STANDBY, on="vote_reply", when="voted_standby",
          why="lost the election", ref="switch-driven 3, switch-driven 5", kind=PLANNED)
    t.row(S.CONNECTED, S.SWITCHING_TO_STANDALONE, on="vote_reply", when="voted_standalone", do="time_out_connecting",
          why="peer absent", ref="switch-driven 3, switch-driven 5", kind=UNPLANNED)

    t.row(LAUNCHING, S.DESTROYING, when="desired_dead", why="launch cancelled", ref="switch-driven 3", kind=PLANNED)
    t.row(LAUNCHING, S.SWITCHING_TO_STANDALONE, when="launch_fails",
          why=TRIGGER, ref="switch-driven 3, LD-05", kind=UNPLANNED)
    t.row((S.INITIALIZING_TO_ACTIVE, S.PENDING_ACTIVE_ACTIVATION), S.CONNECTED, when="peer_serves",
          why="peer serves, elect again", ref="switch-driven 3", kind=RECOVERY)
    t.row(S.INITIALIZING_TO_ACTIVE, S.PENDING_ACTIVE_ACTIVATION, when="peer_ready_to_be_standby",
          why="peer ready", ref="switch-driven 3, FL-20", kind=PLANNED)
    t.row(S.INITIALIZING_TO_ACTIVE, S.SWITCHING_TO_STANDALONE, on="init_due", when="timer_runs",
          why="peer did not get ready", ref="switch-driven 3", kind=UNPLANNED)
    t.row(S.PENDING_ACTIVE_ACTIVATION, S.ACTIVE, on="approval", when="approves_activation", do="consume_approval",
          why="activation approved", ref="switch-driven 3, switch-driven 7", kind=PLANNED)
    t.row(S.INITIALIZING_TO_STANDBY, S.PENDING_STANDBY_ACTIVATION, when="flows_in_sync",
          why="flows in sync", ref="switch-driven 3", kind=PLANNED)
    t.row(S.PENDING_STANDBY_ACTIVATION, S.STANDBY, on="approval", when="approves_activation", do="consume_approval",
          why="activation approved", ref="switch-driven 3, switch-driven 7", kind=PLANNED)

    t.row(S.ACTIVE, S.SWITCHING_TO_STANDBY,
          on="switchover_request", when=("may_give_way", "asks_for_a_new_switchover"), do="accept_switchover",
          why="peer takes over", ref="switch-driven 3", kind=PLANNED)
    t.row(S.ACTIVE, S.STANDBY, when="conflict_lost",
          why="peer outranks", ref="switch-driven 3, switch-driven 6.2", kind=RECOVERY)
    t.row(S.ACTIVE, S.SWITCHING_TO_STANDALONE, when="in_fresh_trouble",
          why=TRIGGER, ref="switch-driven 3, H-47", kind=UNPLANNED)
    t.row(SERVING, S.SWITCHING_TO_STANDALONE, when="peer_holds_the_flows",
          why="peer holds the flows", ref="switch-driven 3", kind=UNPLANNED)

    t.row(S.SWITCHING_TO_STANDBY, S.STANDBY, when="peer_active_acked",
          why="peer is active", ref="switch-driven 3", kind=PLANNED)
    t.row(S.SWITCHING_TO_STANDBY, S.ACTIVE, when="peer_standby",
          why="peer gave up the switchover", ref="switch-driven 3, LD-03", kind=RECOVERY)
    t.row(S.SWITCHING_TO_STANDBY, S.SWITCHING_TO_STANDALONE, when="in_trouble",
          why=TRIGGER, ref="switch-driven 3", kind=UNPLANNED)
    t.row(S.SWITCHING_TO_STANDBY, S.SWITCHING_TO_STANDALONE, on="switchover_due", when="timer_runs",
          why="switchover timed out", ref="switch-driven 3", kind=UNPLANNED)

    t.row(S.STANDBY, S.DESTROYING, when="shut_down_agreed",
          why="planned shutdown", ref="switch-driven 3, FL-23", kind=PLANNED)
    t.row(S.STANDBY, S.SWITCHING_TO_ACTIVE, on="approval", when="approves_switchover", do="consume_approval",
          why="switchover approved", ref="switch-driven 3, switch-driven 7", kind=PLANNED)
    t.row(S.STANDBY, S.SWITCHING_TO_STANDALONE, when="local_down_and_peer_could_serve",
          why="local DPU down", ref="switch-driven 3, H-32", kind=UNPLANNED)
    t.row(S.STANDBY, S.SWITCHING_TO_STANDALONE, when="must_leave_the_pair",
          why=TRIGGER, ref="switch-driven 3", kind=UNPLANNED)
    t.row(S.STANDBY, S.INITIALIZING_TO_STANDBY, on="rejoin_due", when=("timer_runs", "may_rejoin"),
          why="rejoining", ref="switch-driven 3, LD-26", kind=RECOVERY)
    t.row(S.STANDBY, S.SWITCHING_TO_STANDALONE,
          on="no_active_due", when=("timer_runs", "nobody_is_active"), do="set_no_active",
          why="nobody is active", ref="switch-driven 3", kind=UNPLANNED)

    t.row(S.SWITCHING_TO_ACTIVE, S.SWITCHING_TO_STANDALONE, when="takeover_fails",
          why=TRIGGER, ref="switch-driven 3, LD-08", kind=UNPLANNED)
    t.row(S.SWITCHING_TO_ACTIVE, S.ACTIVE, when="peer_gave_way",
          why="peer gave way", ref="switch-driven 3", kind=PLANNED)
    t.row(S.SWITCHING_TO_ACTIVE, S.STANDBY, when="rejected_for_good",
          why="switchover failed", ref="switch-driven 3, H-42", kind=RECOVERY)
    t.row(S.SWITCHING_TO_ACTIVE, S.STANDBY, when="cannot_ask_for_switchover",
          why="switchover failed", ref="switch-driven 3, FL-02", kind=RECOVERY)
    t.row(S.SWITCHING_TO_ACTIVE, S.SWITCHING_TO_STANDALONE, when="peer_is_silent",
          why="peer silent", ref="switch-driven 3", kind=UNPLANNED)

    t.row(S.SWITCHING_TO_STANDALONE, S.STANDALONE, when="alone_with_dpu",
          why=TRIGGER, ref="switch-driven 3", kind=UNPLANNED)
    t.row(S.SWITCHING_TO_STANDALONE, S.STANDBY, when="alone_without_dpu",
          why="local DPU down", ref="switch-driven 3", kind=UNPLANNED)
    t.row(S.SWITCHING_TO_STANDALONE, S.STANDBY, when="peer_standalone",
          why="peer serves", ref="switch-driven 3", kind=UNPLANNED)
    t.row(S.SWITCHING_TO_STANDALONE, S.STANDALONE, when="peer_kept_the_promise",
          why="won the selection", ref="switch-driven 3, switch-driven 6.1", kind=UNPLANNED)
    t.row(S.SWITCHING_TO_STANDALONE, S.STANDALONE, on="standalone_reply", when=("told_to_serve", "dpu_usable"),
          why="won the selection", ref="switch-driven 3, switch-driven 6.1", kind=UNPLANNED)
    t.row(S.SWITCHING_TO_STANDALONE, S.STANDBY, on="standalone_reply", when="told_to_serve",
          why="won the selection without a DPU", ref="switch-driven 3, switch-driven 6.1", kind=UNPLANNED)
    t.row(S.SWITCHING_TO_STANDALONE, S.STANDBY, on="standalone_reply", when="told_to_yield",
          why="lost the selection", ref="switch-driven 3, switch-driven 6.1", kind=UNPLANNED)
    # A pinned side that is denied beside one that serves would lose the conflict at once: it stays away.
    t.row(S.SWITCHING_TO_STANDALONE, S.STANDALONE,
          on="standalone_reply", when=("denied_selection", "manual_pin", "dpu_usable", "peer_does_not_serve"),
          do="hold_off", why="selection denied", ref="switch-driven 3, switch-driven 6.1", kind=UNPLANNED)
    t.row(S.SWITCHING_TO_STANDALONE, S.ACTIVE,
          on="standalone_reply", when=("denied_selection", "was_synchronised_active"), do=("hold_off", "deny"),
          why="selection denied", ref="switch-driven 3, LD-39", kind=RECOVERY)
    t.row(S.SWITCHING_TO_STANDALONE, S.STANDBY, on="standalone_reply", when="denied_selection", do="hold_off",
          why="selection denied", ref="switch-driven 3, switch-driven 6.1", kind=UNPLANNED)
    t.row(S.SWITCHING_TO_STANDALONE, S.STANDALONE,
          on="standalone_reply_due", when=("timer_runs", "asked_often_enough", "dpu_usable"),
          why="peer silent", ref="switch-driven 3, LD-19", kind=UNPLANNED)
    t.row(S.SWITCHING_TO_STANDALONE, S.STANDBY, on="standalone_reply_due", when=("timer_runs", "asked_often_enough"),
          why="peer silent", ref="switch-driven 3, LD-19", kind=UNPLANNED)

    t.row(S.STANDALONE, S.STANDBY, when="conflict_lost",
          why="peer outranks", ref="switch-driven 3, switch-driven 6.2", kind=RECOVERY)
    t.row(S.STANDALONE, S.ACTIVE, when="peer_can_pair",
          why="peer ready to be standby", ref="switch-driven 3, FL-29", kind=RECOVERY)
    t.row(S.STANDALONE, S.SWITCHING_TO_STANDALONE, when="must_hand_over",
          why="local DPU down", ref="switch-driven 3, LD-08", kind=UNPLANNED)
    t.row(S.DESTROYING, S.DEAD, when="drained", why="drained", ref="switch-driven 3, LD-44", kind=PLANNED)
    t.row(S.DESTROYING, S.DEAD, on="drain_due", when="timer_runs",
          why="drain timed out", ref="switch-driven 3, LD-44", kind=PLANNED)

    # The peer asks who shall serve alone. Rows that leave a state say the answer themselves: the record on which the
    # answer was decided, the frozen signals, ends with the stay in that state.
    t.row(tuple(state for state in PAIRED if state is not S.STANDBY), S.STANDBY,
          on="standalone_request", when="selection_says_standby", do="answer_enter_standalone",
          why="peer outranks", ref="switch-driven 6.1", kind=UNPLANNED)
    t.row(tuple(state for state in PAIRED if state is not S.STANDALONE), S.STANDALONE,
          on="standalone_request", when="selection_says_standalone", do="answer_enter_standby",
          why="outranks the peer", ref="switch-driven 6.1", kind=UNPLANNED)
    t.row(tuple(state for state in PAIRED if state is not S.SWITCHING_TO_STANDALONE), S.SWITCHING_TO_STANDALONE,
          on="standalone_request", when="selection_says_wait", do=("answer_enter_standby", "promise"),
          why="outranks the peer, waits for it to be Standby", ref="switch-driven 6.1", kind=UNPLANNED)
    t.row(S.SWITCHING_TO_STANDALONE, STAY,
          on="standalone_request", when="selection_says_wait", do=("answer_enter_standby", "promise"),
          why="outranks the peer, waits for it to be Standby", ref="switch-driven 6.1")
    t.row(STATES, STAY, on="standalone_request", do="answer_standalone_request",
          why="peer asks who serves alone", ref="switch-driven 6.1")

    # What else the peer says.
    t.row(STATES, STAY, on="state_report", do="take_report", why="peer reports", ref="switch-driven 1.1")
    t.row(STATES, STAY, on="heartbeat", do="answer_heartbeat", why="peer greets", ref="switch-driven 4")
    t.row(STATES, STAY, on="vote_request", do="answer_vote", why="peer asks for a vote", ref="switch-driven 5")
    t.row(S.INITIALIZING_TO_STANDBY, STAY, on="bulk_sync_done", do="take_flows",
          why="flows copied", ref="switch-driven 4")
    t.row(S.SWITCHING_TO_STANDBY, STAY,
          on="switchover_request", when="asks_for_the_same_switchover", do="accept_switchover",
          why="peer repeats its request", ref="switch-driven 4, LD-04")
    t.row(STATES, STAY, on="switchover_request", do="reject_switchover", why="not possible now", ref="switch-driven 4")
    t.row(S.SWITCHING_TO_ACTIVE, STAY, on="switchover_reply", when="rejects_our_switchover", do="count_rejection",
          why="peer rejects the switchover", ref="switch-driven 3")
    t.row(S.ACTIVE, STAY, on="shutdown_request", do="accept_shutdown",
          why="peer shuts down", ref="switch-driven 1.2, H-27")
    t.row((S.STANDALONE, S.SWITCHING_TO_STANDALONE), STAY,
          on="shutdown_request", when="peer_shutdown", do="accept_shutdown_again",
          why="peer repeats its request", ref="switch-driven 1, switch-driven 4")
    t.row(NOT_ACTIVE, STAY, on="shutdown_request", do="reject_shutdown", why="does not serve", ref="switch-driven 4")

    # The DPU and the controller.
    t.row(S.ACTIVE, STAY, on="flow_sync_ended", when=("sync_open", "ends_our_flow_sync"), do="end_flow_sync",
          why="the DPU has copied the flows, or has failed to", ref="switch-driven 4, FL-18")
    t.row(STATES, STAY, on="flow_sync_ended", when="ends_our_flow_sync", do="close_flow_sync",
          why="nobody waits for these flows any more", ref="switch-driven 4")
    t.row(STATES, STAY, on="approval", when="approves_flow_reconcile", do="consume_approval",
          why="flow reconciliation approved", ref="switch-driven 7, LD-62")

    t.row(STATES, STAY, when="reconcile_taken", do="stop_awaiting_reconcile",
          why="the DPU does not ask any more", ref="switch-driven 7, LD-62")
    t.row(STATES, STAY, on="request_timeout", when="timer_runs", do=("stop_awaiting_reconcile", "expire"),
          why="the DPU did not take what it was granted", ref="switch-driven 7")

    # Timers that mean something in the state they belong to; each of them may start anew.
    t.row(STATES, STAY, on="role_due", when="timer_runs", do=("note_role_failure", "expire"),
          why="role not acknowledged", ref="switch-driven 4")
    t.row(S.INITIALIZING_TO_STANDBY, STAY, on="bulk_sync_due", when="timer_runs", do=("note_sync_failure", "expire"),
          why="bulk sync timed out", ref="switch-driven 4")
    t.row(S.SWITCHING_TO_ACTIVE, STAY, on="switchover_due", when="timer_runs", do=("time_out_switchover", "expire"),
          why="switchover timed out", ref="switch-driven 3")
    t.row(STATES, STAY, on="selection_hold_due", when="timer_runs", do=("end_hold_off", "expire"),
          why="the peer may be asked again", ref="H-47")
    t.row(STATES, STAY, on="switchover_hold_due", when="timer_runs", do=("offer_switchover_again", "expire"),
          why="switchover may be tried again", ref="switch-driven 4")
    t.row(STATES, STAY, on="peer_dead_due", when="timer_runs", do=("confirm_peer_dead", "expire"),
          why="peer dead for long", ref="switch-driven 1.2")
    t.row(STATES, STAY, on="hold_down_due", when="timer_runs", do=("end_hold_down", "expire"),
          why="hold-down over", ref="switch-driven 8")
    t.row(STATES, STAY, on="hold_down_forgotten", when="timer_runs", do=("forget_hold_downs", "expire"),
          why="long healthy", ref="switch-driven 8")
    for _sources, _event, _why in _SAID_AGAIN:
        t.row(_sources, STAY, on=_event, when="timer_runs", do="expire",
              why=_why, ref="switch-driven 4, switch-driven 10")
    del _sources, _event, _why

    # At rest: what this side owes to the peer, to the controller and to itself.
    t.row(S.SWITCHING_TO_STANDALONE, STAY, when="signals_outdated", do="ask_anew",
          why="what is put forward is not true any more", ref="switch-driven 4, switch-driven 6.1")
    t.row(SERVING, STAY, when="holds_flows_by_serving", do="hold_flows",
          why="decides the flows", ref="switch-driven 1.1")
    t.row(S.ACTIVE, STAY, when="peer_left_the_sync", do="close_sync",
          why="peer does not join any more", ref="switch-driven 4")
    t.row(S.ACTIVE, STAY, when="owes_nothing_yet", do="announce_sync",
          why="no flow can exist yet", ref="switch-driven 4")
    t.row(S.ACTIVE, STAY, when="must_start_flow_sync", do="start_flow_sync",
          why="peer needs the flows", ref="switch-driven 4")
    t.row(STATES, STAY, when="operations_outdated", do="adjust_operations",
          why="what the controller is asked changed", ref="switch-driven 7")
    t.row(STATES, STAY, when="timers_outdated", do="adjust_timers",
          why="what is waited for changed", ref="switch-driven 10")
    t.row(STATES, STAY, when="report_outdated", do="send_report",
          why="what the peer should know changed", ref="switch-driven 4")
    # fmt: on

    @staticmethod
    def timers_outdated(model: Facts) -> bool:
        """The timers that run are not those that are wanted."""
        return wanted(model) != model.running

    @staticmethod
    def timer_runs(model: Facts, ev: object) -> bool:
        """The timer has not been stopped while its end was on its way. Source: switch-driven 1."""
        return event_name(type(ev)) in model.running

    @staticmethod
    def voted_active(model: Facts, ev: VoteReply) -> bool:
        """The answer to the present vote request is to become active."""
        return ev.vote is Vote.BECOME_ACTIVE and ev.attempt in (None, model.attempts)

    @staticmethod
    def voted_standby(model: Facts, ev: VoteReply) -> bool:
        """The answer to the present vote request is to become standby."""
        return ev.vote is Vote.BECOME_STANDBY and ev.attempt in (None, model.attempts)

    @staticmethod
    def voted_standalone(model: Facts, ev: VoteReply) -> bool:
        """The answer to the present vote request is to become standalone."""
        return ev.vote is Vote.BECOME_STANDALONE and ev.attempt in (None, model.attempts)

    @staticmethod
    def approves_activation(model: Facts, ev: Approval) -> bool:
        """The open activation is among the approved operations."""
        return OperationType.ACTIVATE_ROLE in approved_types(model.operations, ev.operation_ids)

    @staticmethod
    def approves_switchover(model: Facts, ev: Approval) -> bool:
        """The open switchover is among the approved operations."""
        return OperationType.SWITCHOVER in approved_types(model.operations, ev.operation_ids)

    @staticmethod
    def approves_flow_reconcile(model: Facts, ev: Approval) -> bool:
        """The open flow reconciliation is among the approved operations."""
        return OperationType.FLOW_RECONCILE in approved_types(model.operations, ev.operation_ids)

    @staticmethod
    def asks_for_the_same_switchover(model: Facts, ev: SwitchoverRequest) -> bool:
        """The request is the one that is being carried out."""
        return model.switchover is not None and model.switchover.switchover_id == ev.switchover_id

    @staticmethod
    def asks_for_a_new_switchover(model: Facts, ev: SwitchoverRequest) -> bool:
        """The request is not the late echo of a switchover that was accepted and is over. Source: LD-04."""
        return model.switchover is None or model.switchover.switchover_id != ev.switchover_id

    @staticmethod
    def rejects_our_switchover(model: Facts, ev: SwitchoverReply) -> bool:
        """The peer rejects the switchover that this side asks for; each time it is asked, it can reject it once."""
        ours = model.switchover is not None and model.switchover.switchover_id == ev.switchover_id
        return ours and not ev.accepted and model.rejections < model.attempts

    @staticmethod
    def ends_our_flow_sync(model: Facts, ev: FlowSyncEnded) -> bool:
        """It is the copying that is under way."""
        session = model.flow_sync
        return (
            session is not None and session.session_id == ev.session_id and session.state is FlowSyncState.IN_PROGRESS
        )

    @staticmethod
    def told_to_serve(model: Facts, ev: StandaloneReply) -> bool:
        """The answer to the present standalone request is to serve alone."""
        return ev.selection is Selection.ENTER_STANDALONE and model.asks_for(ev.episode)

    @staticmethod
    def told_to_yield(model: Facts, ev: StandaloneReply) -> bool:
        """The answer to the present standalone request is to let the peer serve."""
        return ev.selection is Selection.ENTER_STANDBY and model.asks_for(ev.episode)

    @staticmethod
    def denied_selection(model: Facts, ev: StandaloneReply) -> bool:
        """The answer to the present standalone request is that nothing is to be decided."""
        return ev.selection is Selection.DENY and model.asks_for(ev.episode)

    @staticmethod
    def selection_says_standby(model: Facts, ev: StandaloneRequest) -> bool:
        """This side lets the asker serve, and becomes Standby."""
        return selection_for(model, ev).own is S.STANDBY

    @staticmethod
    def selection_says_standalone(model: Facts, ev: StandaloneRequest) -> bool:
        """This side serves alone at once."""
        return selection_for(model, ev).own is S.STANDALONE

    @staticmethod
    def selection_says_wait(model: Facts, ev: StandaloneRequest) -> bool:
        """This side will serve alone once the asker is Standby."""
        return selection_for(model, ev).own is S.SWITCHING_TO_STANDALONE


class Relay(FactMachine):
    """What the DPU has been told of the scope."""

    state_fact = "relay"
    t = Table(RowState, initial=RowState.UNPROGRAMMED)

    # fmt: off
    t.row((RowState.UNPROGRAMMED, RowState.PROGRAMMED), RowState.DELETING, when="unconfigured", do="remove_row",
          why="configuration deleted", ref="switch-driven 3", kind=PLANNED)
    t.row(RowState.PROGRAMMED, RowState.UNPROGRAMMED, when="dpu_restarted", do="forget_row",
          why="the DPU restarted and is empty", ref="switch-driven 4", kind=UNPLANNED)
    t.row(RowState.PROGRAMMED, RowState.UNPROGRAMMED, when="set_replaced", do="remove_row",
          why="its HA set was removed or created anew", ref="switch-driven 4", kind=PLANNED)
    t.row(RowState.UNPROGRAMMED, RowState.PROGRAMMED, when="can_program", do="write_row",
          why="HA set programmed", ref="switch-driven 4", kind=PLANNED)
    t.row(RowState.PROGRAMMED, STAY, when="row_outdated", do="write_row",
          why="what the row carries changed", ref="switch-driven 4")
    t.row(RowState.DELETING, RowState.UNPROGRAMMED, when="configured",
          why="configured again", ref="FL-06", kind=PLANNED)
    # fmt: on

    @staticmethod
    def write_row(model: Facts) -> None:
        """Tell the DPU the whole scope."""
        model.programmed = model.program
        model.programmed_in = (model.ha_set_incarnation, model.dpu_incarnation)
        model.outbox.append(ProgramRole(model.program, requests=model.granted))
        model.granted = frozenset()

    @staticmethod
    def remove_row(model: Facts) -> None:
        """Take the scope from the DPU."""
        model.programmed = None
        model.outbox.append(RemoveScope())

    @staticmethod
    def forget_row(model: Facts) -> None:
        """The DPU knows nothing; what it was granted means nothing to it now."""
        model.programmed = None
        model.granted = frozenset()


class SwitchDrivenScope(Machine[SwitchDrivenScopeFacts]):
    """The HA scope of a pair that the two hamgrd drive."""

    regions = (Scope, Relay)
    record = SwitchDrivenScopeFacts

    def implied(self, event: object) -> Mapping[str, object]:
        """A message says what state its sender is in, whatever report is on its way; a late answer says nothing."""
        if isinstance(event, StandaloneReply):
            return self._implied_by_reply(event)
        state = implied_state(event)
        return {} if state is None else {"peer_state": state}

    def _implied_by_reply(self, reply: StandaloneReply) -> Mapping[str, object]:
        """A peer that is no part of a pair lets everybody serve and stays what it is, also one whose DPU is down."""
        facts = self.facts
        if not facts.asks_for(reply.episode):
            return {}
        if reply.selection is Selection.ENTER_STANDALONE:
            if facts.peer_state not in PAIRED:
                return {}
            if facts.signals is not None and facts.signals.dpu_up is False:
                return {"peer_state": None}
        state = implied_state(reply)
        return {} if state is None else {"peer_state": state}

    @classmethod
    def new_life(cls, snapshot: Snapshot, *, new_id: Callable[[], str] = no_id) -> Self:
        """The machine as it is after a restart of the daemon; ``resume`` and what is told from then on make it go on.

        No timer runs, the link is not known to be there, and health and role are unknown until they are told. What the
        state waits for is asked again because its timers start. Source: switch-driven 9.

        Raises:
            ValueError: the snapshot is one of another machine or of other facts.
        """
        machine = cls.restore(snapshot, new_id=new_id)
        fresh = cls.record()
        for name in FORGOTTEN:
            setattr(machine.facts, name, getattr(fresh, name))
        return machine

    def _repeat(self) -> tuple[Effect, ...]:
        facts = self.facts
        return (ProgramRole(facts.programmed),) if facts.programmed is not None else ()
