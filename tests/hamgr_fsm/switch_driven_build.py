"""A switch-driven scope put at rest in each of its states, beside a peer that fits.

Source: switch-driven 2 to 4.
"""

from typing import Any

import attrs

from hamgr_fsm.messages import StateReport
from hamgr_fsm.scope.dpu_driven_facts import ScopeConfig
from hamgr_fsm.scope.operations import PendingOperation
from hamgr_fsm.scope.precedence import Signals
from hamgr_fsm.scope.switch_driven import SwitchDrivenScope
from hamgr_fsm.scope.switch_driven_facts import STATES, Switchover
from hamgr_fsm.vocabulary import DesiredHaState, HaRole, HaState, OperationType, SwitchoverState
from tests.hamgr_fsm.build import B, Ids, config, switch_scope_facts

S = HaState
R = HaRole
D = DesiredHaState

WANTED = {desired: config(desired=desired) for desired in D}
DISABLED = config(disabled=True)
SWITCHOVER = Switchover("swo-1", SwitchoverState.IN_PROGRESS, 100, 200)

# Facts that differ from a peer that is there, an acknowledged role and all flows here; what the peer says is
# (state, role, term).
_AT: dict[HaState, tuple[HaRole, tuple[HaState | None, HaRole | None], dict[str, object]]] = {
    S.DEAD: (R.DEAD, (S.DEAD, R.DEAD), {"config": DISABLED}),
    S.CONNECTING: (R.DEAD, (None, None), {"peer_connected": False}),
    S.CONNECTED: (R.DEAD, (S.CONNECTED, R.DEAD), {}),
    S.INITIALIZING_TO_ACTIVE: (R.DEAD, (S.INITIALIZING_TO_STANDBY, R.DEAD), {}),
    S.PENDING_ACTIVE_ACTIVATION: (
        R.DEAD,
        (S.INITIALIZING_TO_STANDBY, R.STANDBY),
        {"operations": (PendingOperation("op-1", OperationType.ACTIVATE_ROLE),)},
    ),
    S.INITIALIZING_TO_STANDBY: (R.STANDBY, (S.ACTIVE, R.ACTIVE), {}),
    S.PENDING_STANDBY_ACTIVATION: (
        R.STANDBY,
        (S.ACTIVE, R.ACTIVE),
        {
            "operations": (PendingOperation("op-1", OperationType.ACTIVATE_ROLE),),
            "synchronised": True,
            "in_sync": True,
            "peer_term": 4,
        },
    ),
    S.ACTIVE: (R.ACTIVE, (S.STANDBY, R.STANDBY), {"in_sync": True, "term": 3, "peer_term": 3}),
    S.STANDBY: (R.STANDBY, (S.ACTIVE, R.ACTIVE), {"in_sync": True, "term": 3, "peer_term": 3}),
    S.SWITCHING_TO_ACTIVE: (
        R.SWITCHING_TO_ACTIVE,
        (S.ACTIVE, R.ACTIVE),
        {"in_sync": True, "term": 3, "peer_term": 3, "switchover": SWITCHOVER, "config": WANTED[D.ACTIVE]},
    ),
    S.SWITCHING_TO_STANDBY: (
        R.STANDBY,
        (S.SWITCHING_TO_ACTIVE, R.SWITCHING_TO_ACTIVE),
        {"in_sync": True, "term": 3, "peer_term": 3, "switchover": SWITCHOVER},
    ),
    S.SWITCHING_TO_STANDALONE: (
        R.ACTIVE,
        (S.STANDBY, R.STANDBY),
        {
            "in_sync": True,
            "term": 3,
            "peer_term": 3,
            "left": S.ACTIVE,
            "sync_drops": True,
            "hold_downs": 1,
            "episode": "ours",
            "signals": Signals(0, dpu_up=True, in_sync=True, manual_pin=False, term=3, serving=True, triggered=True),
        },
    ),
    S.STANDALONE: (R.STANDALONE, (S.STANDBY, R.STANDBY), {"in_sync": True, "term": 4, "peer_term": 3}),
    S.DESTROYING: (R.STANDBY, (S.STANDALONE, R.STANDALONE), {"config": WANTED[D.DEAD], "term": 3, "peer_term": 4}),
}


def presets(state: HaState, **facts: object) -> dict[str, Any]:
    """The facts of a scope in this state, with some of them replaced."""
    acked, (peer_state, peer_role), special = _AT[state]
    return {
        **switch_scope_facts(reported_role=acked),
        "state": state,
        "target_role": R.DEAD if state is S.DESTROYING else acked,
        "paired_with": B.vdpu_id,
        "greeted": True,
        "peer_connected": True,
        "peer_state": peer_state,
        "peer_role": peer_role,
        **special,
        **facts,
    }


def at(state: HaState, **facts: object) -> SwitchDrivenScope:
    """A scope at rest in this state: its timers run and its row, its report and its requests are out."""
    machine = SwitchDrivenScope(new_id=Ids(), **presets(state, **facts))
    machine.update()
    assert machine.facts.state is state, f"moved to {machine.facts.state}: {[str(m.why) for m in machine.moves]}"
    return machine


def report(state: HaState, acked: HaRole | None = None, term: int = 3, **members: bool) -> StateReport:
    """What the peer says of itself."""
    return StateReport(state, term, acked, **members)


def wanted(desired: DesiredHaState, **changes: object) -> ScopeConfig:
    """The configuration with a desired state, and more of it replaced."""
    return attrs.evolve(WANTED[desired], **changes)  # type: ignore[arg-type]


def moved(machine: SwitchDrivenScope) -> list[tuple[HaState, HaState, str]]:
    """The changes of state of the last step, with their reasons."""
    return [(m.source, m.target, m.why) for m in machine.moves if m.machine == "state" and m.row.target is not None]  # type: ignore[misc]


assert set(_AT) == set(STATES)
