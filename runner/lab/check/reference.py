"""The rules of the daemon that is in use today, as far as its messages and its known behaviour tell.

What it answers comes from the tables of its bus messages; what it leaves out, from the list of its latent defects.
Where nothing is known of it, the true rules stand. It is not that daemon: ``runner.lab.reference_peer`` is closer to
it and talks to a real one of ours.

Source: bus 5.2; field-lessons 2 (LD-01, 03, 05, 17, 19, 22, 25, 26, 37, 38, 39, 40, 69), 3 (H-15, 20, 26, 29, 41, 44).
"""

from typing import Any

from hamgr_fsm.effects import SendToPeer
from hamgr_fsm.messages import Selection, StandaloneReply, StandaloneRequest, StateReport, VoteReply, VoteRequest
from hamgr_fsm.scope.election import Vote
from hamgr_fsm.scope.selection import Decision
from hamgr_fsm.scope.switch_driven_actions import Actions
from hamgr_fsm.scope.switch_driven_facts import PAIRED, S, SwitchDrivenScopeFacts, Trigger
from hamgr_fsm.vocabulary import DesiredHaState
from runner.lab.check.rules import Rules, added_first, both, derived, row, without

Facts = SwitchDrivenScopeFacts
D = DesiredHaState
_NAMED = (D.ACTIVE, D.STANDALONE)


def vote(model: Facts, ev: VoteRequest) -> None:
    """Answer a vote request; terms decide also where one of the two serves alone (LD-70)."""
    model.outbox.append(SendToPeer(VoteReply(_vote(model, ev), None)))


def _vote(model: Facts, ev: VoteRequest) -> Vote:
    state, desired = model.state, model.desired
    if desired is D.STANDALONE:
        return Vote.RETRY_LATER
    if state is S.ACTIVE:
        return Vote.BECOME_STANDBY
    if state is S.DESTROYING or (state is S.DEAD and desired is D.DEAD):
        return Vote.BECOME_STANDALONE
    if state in (S.DEAD, S.CONNECTING):
        return Vote.BECOME_STANDALONE if (ev.attempt or 1) > model.timers.max_retries else Vote.RETRY_LATER
    if model.term != ev.term:
        return Vote.BECOME_STANDBY if model.term > ev.term else Vote.BECOME_ACTIVE
    if (desired is D.ACTIVE) is not (ev.desired is D.ACTIVE):
        return Vote.BECOME_STANDBY if desired is D.ACTIVE else Vote.BECOME_ACTIVE
    return Vote.RETRY_LATER


def selection(model: Facts, ev: StandaloneRequest) -> Decision:
    """Answer a standalone request: who asks with a DPU that is down yields, else what is desired decides, or nobody."""
    if ev.signals.dpu_up is False:
        # Also on a DPU that is down itself (LD-21); a scope that is Dead answers so and stays.
        return Decision(Selection.ENTER_STANDBY, 1, S.STANDALONE if model.state in PAIRED else None)
    if model.local_down:
        return Decision(Selection.ENTER_STANDALONE, 3, S.STANDBY)
    if ev.signals.triggered and model.state in PAIRED:
        if model.desired in _NAMED:
            return Decision(Selection.ENTER_STANDBY, 5, S.STANDALONE)
        return Decision(Selection.ENTER_STANDALONE, 5, S.STANDBY)
    return Decision(Selection.DENY, 6)


def _answer(model: Facts, ev: StandaloneRequest) -> None:
    model.outbox.append(SendToPeer(StandaloneReply(selection(model, ev).answer, None)))


def _hear(model: Facts, ev: StateReport) -> None:
    Actions.take_report(model, ev)
    if model.state in (S.STANDBY, S.INITIALIZING_TO_STANDBY):
        model.term = ev.term


def _enter_active(model: Facts) -> None:
    model.denied = False
    Actions.enter_active(model)


def _unpinned(facts: Any) -> tuple[Trigger, ...]:
    true: Any = SwitchDrivenScopeFacts.triggers
    return tuple(trigger for trigger in true.fget(facts) if trigger is not Trigger.MANUAL_PIN)


def reference() -> Rules:
    """The rules of the daemon in use today."""
    told = {
        "told_to_serve": lambda model, ev: ev.selection is Selection.ENTER_STANDALONE,
        "told_to_yield": lambda model, ev: ev.selection is Selection.ENTER_STANDBY,
        "denied_selection": lambda model, ev: ev.selection is Selection.DENY,
    }
    asked = {
        "selection_says_standby": lambda model, ev: selection(model, ev).own is S.STANDBY,
        "selection_says_standalone": lambda model, ev: selection(model, ev).own is S.STANDALONE,
        "selection_says_wait": lambda model, ev: False,
        "answer_standalone_request": _answer,
        "answer_enter_standalone": _answer,
        "answer_enter_standby": _answer,
    }
    return derived(
        "reference",
        rows=both(
            without("rejoining"),
            without("nobody is active"),
            without("no answer yet"),
            without("peer silent", to=S.STANDBY),
            without("peer silent", to=S.STANDALONE, source=S.SWITCHING_TO_STANDALONE),
            without("peer did not get ready"),
            without("bulk sync timed out"),
            without("role not acknowledged"),
            without("switchover timed out"),
            without("peer gave up the switchover"),
            without("peer repeats its request", source=S.SWITCHING_TO_STANDBY),
            without("drain timed out"),
            without("peer holds the flows"),
            without("time for a heartbeat"),
            added_first(
                row(
                    tuple(s for s in PAIRED if s is not S.STANDBY),
                    S.STANDBY,
                    on="standalone_reply",
                    when=("told_to_yield",),
                    why="told to yield",
                )
            ),
        ),
        facts={
            "nobody_to_ask": lambda f: f.peer_lost or f.peer_shutdown or f.manual_pin,
            "launch_fails": lambda f: f.state is S.INITIALIZING_TO_ACTIVE and (f.peer_lost or f.local_down),
            "may_ask_for_switchover": lambda f: f.switchover is not None,
            "conflict_lost": lambda f: False,
            "triggers": _unpinned,
            "peer_standalone": lambda f: False,
        },
        functions={
            **told,
            **asked,
            "answer_vote": vote,
            "take_report": _hear,
            "enter_active": _enter_active,
            "hold_off": lambda model: None,
            "voted_active": lambda model, ev: ev.vote is Vote.BECOME_ACTIVE,
            "voted_standby": lambda model, ev: ev.vote is Vote.BECOME_STANDBY,
            "voted_standalone": lambda model, ev: ev.vote is Vote.BECOME_STANDALONE,
        },
    )
