"""What must hold in one step of one side, whatever the rest of the world is like.

Written from the specification and not from the machine, so that a machine that breaks a rule cannot agree with itself.

Source: switch-driven 3 to 9, 11; field-lessons I-12, FL-19, LD-39, LD-40.
"""

from collections.abc import Sequence

from hamgr_fsm.effects import Effect, ProgramRole, SendToPeer, StartFlowSync
from hamgr_fsm.events import Approval
from hamgr_fsm.messages import StandaloneRequest, SwitchoverRequest
from hamgr_fsm.scope.switch_driven_facts import S, SwitchDrivenScopeFacts
from hamgr_fsm.stepper import Move
from hamgr_fsm.vocabulary import HaRole, HaState, OperationType
from runner.lab.check.violation import Violation

Facts = SwitchDrivenScopeFacts

_TAKES_OVER_THE_TERM = (S.PENDING_STANDBY_ACTIVATION, S.SWITCHING_TO_STANDBY)
_APPROVED = {
    (S.PENDING_ACTIVE_ACTIVATION, S.ACTIVE),
    (S.PENDING_STANDBY_ACTIVATION, S.STANDBY),
    (S.STANDBY, S.SWITCHING_TO_ACTIVE),
}
"""The moves that only the controller's approval may make."""


def violation_in_step(
    name: str, facts: Facts, term_before: int, moves: Sequence[Move], effects: Sequence[Effect], event: object
) -> Violation | None:
    """The first rule that a step breaks; ``facts`` are those after it."""
    moved = [(move.source, move.target) for move in moves if move.machine == "state" and move.row.target is not None]
    return (
        _term(name, facts, term_before, moved)
        or _approvals(name, facts, moved, event)
        or _effects(name, facts, effects)
        or _flows(name, facts)
        or _serves_with_a_dpu(name, facts, moved)
        or _forced_down(name, facts, effects)
    )


def _term(name: str, facts: Facts, before: int, moved: Sequence[tuple[object, object]]) -> Violation | None:
    takes_over = any(target is S.STANDBY and source in _TAKES_OVER_THE_TERM for source, target in moved)
    serves = any(target in (S.ACTIVE, S.STANDALONE) for _, target in moved)
    if facts.term < before and not takes_over:
        return Violation("I3", f"the term of {name} falls from {before} to {facts.term}")
    if facts.term > before and not takes_over and not serves:
        return Violation("I3", f"the term of {name} grows from {before} to {facts.term}, and it does not serve")
    if facts.term > before and moved == [(S.SWITCHING_TO_STANDALONE, S.ACTIVE)]:
        return Violation("I3", f"the term of {name} grows although it goes on as before")
    if facts.term == before and len(moved) == 1 and serves and moved[0][0] is not S.SWITCHING_TO_STANDALONE:
        return Violation("I3", f"{name} begins to serve as {moved[0][1]} under its old term {before}")
    return None


def _approvals(name: str, facts: Facts, moved: Sequence[tuple[object, object]], event: object) -> Violation | None:
    # A selection may send anybody who is part of a pair to Standby: that is no joining.
    if not isinstance(event, Approval | StandaloneRequest):
        for source, target in moved:
            if (source, target) in _APPROVED:
                return Violation("I6", f"{name} goes from {source} to {target} without an approval")
    types = [operation.type for operation in facts.operations]
    if len(types) != len(set(types)):
        return Violation("I6", f"{name} lists two operations of a type")
    pending = facts.state in (HaState.PENDING_ACTIVE_ACTIVATION, HaState.PENDING_STANDBY_ACTIVATION)
    if (OperationType.ACTIVATE_ROLE in types) is not pending:
        return Violation(
            "I6", f"{name} {'does not list' if pending else 'still lists'} the activation in {facts.state}"
        )
    if OperationType.SWITCHOVER in types and facts.state is not HaState.STANDBY:
        return Violation("I6", f"{name} still lists a switchover in {facts.state}")
    return None


def _effects(name: str, facts: Facts, effects: Sequence[Effect]) -> Violation | None:
    acked = None if facts.dpu_up is False or facts.dpu_lost else facts.reported_role
    for effect in effects:
        match effect:
            case ProgramRole() if facts.ha_set_incarnation is None or facts.dpu_lost:
                return Violation("I5", f"{name} writes the scope to a DPU that has no HA set")
            case SendToPeer(SwitchoverRequest()) if facts.switching_ack and acked is not HaRole.SWITCHING_TO_ACTIVE:
                return Violation("I7", f"{name} asks for the switchover before its DPU is prepared")
            case StartFlowSync() if acked is not HaRole.ACTIVE:
                return Violation("I11", f"{name} copies flows before its DPU is active: later ones are missed")
    return None


def _flows(name: str, facts: Facts) -> Violation | None:
    if facts.in_sync and facts.dpu_lost:
        return Violation("I11", f"{name} claims flows that its DPU has lost")
    return None


def _serves_with_a_dpu(name: str, facts: Facts, moved: Sequence[tuple[object, object]]) -> Violation | None:
    if facts.dpu_up is False and any(target in (S.ACTIVE, S.STANDALONE) for _, target in moved):
        return Violation("I4", f"{name} begins to serve although its DPU is down")
    return None


def _forced_down(name: str, facts: Facts, effects: Sequence[Effect]) -> Violation | None:
    """I-13: a scope that is disabled or deleted is Dead, and its DPU is told no role but dead."""
    if facts.config is not None and not facts.config.disabled:
        return None
    if facts.state is not S.DEAD:
        return Violation("I-13", f"{name} is {facts.state}, and the controller has disabled or deleted it")
    for effect in effects:
        if isinstance(effect, ProgramRole) and effect.program.role is not HaRole.DEAD:
            return Violation("I-13", f"{name} asks for the role {effect.program.role}, and it is disabled")
    return None
