"""The rows of a switch-driven scope: what its DPU is told, what is published, and how an earlier life is read back.

The state row carries the facts that a restart needs and that no other field says, as JSON in ``restore``. Health and
link are not among them: after a restart they are unknown until heard. Timers are not either: what is wanted runs from
then on.

Source: switch-driven 9, tables 2.14, 2.15, 2.18.
"""

import json
from operator import attrgetter
from typing import Any

from cattrs.preconf.json import make_converter

from hamgr_fsm.programs import RoleProgram
from hamgr_fsm.scope.operations import Operations
from hamgr_fsm.scope.precedence import Signals
from hamgr_fsm.scope.switch_driven_facts import FlowSync, Pair, RowState, SwitchDrivenScopeFacts, Switchover
from hamgr_fsm.vocabulary import HaOwner, HaRole, HaState, OperationType
from models import tables
from models.codec import encode
from models.dpu_rows import HaScopeRow, dpu_version
from models.published import PublishedScopeRow, published_state, read_state
from runner import topics
from runner.entities.scope_driver import ScopeName, Situation
from runner.entities.scope_rows import common_fields, read_back, read_back_state
from runner.entity import Context
from runner.outputs import Alert

_CONVERTER = make_converter()

# What a restart needs, by fact. Facts that are told again at start, and those about the present link, are left out.
_REMEMBERED: dict[str, Any] = {
    "state": HaState,
    "left": HaState,
    "target_role": HaRole,
    "term": int,
    "in_sync": bool,
    "synchronised": bool,
    "no_flows_yet": bool,
    "sync_open": bool,
    "sync_announced": bool,
    "sync_failed": bool,
    "sync_drops": bool,
    "hold_downs": int,
    "role_failed": bool,
    "connect_timed_out": bool,
    "peer_shutdown": bool,
    "peer_state": HaState | None,
    "peer_term": int,
    "peer_role": HaRole | None,
    "peer_ready_to_pair": bool,
    "peer_pinned": bool,
    "peer_in_sync": bool,
    "peer_serves_alone": bool,
    "paired_with": str,
    "pair": Pair | None,
    "operations": Operations,
    "operations_changed_ms": int | None,
    "switchover": Switchover | None,
    "switchover_held_off": bool,
    "flow_sync": FlowSync | None,
    "signals": Signals | None,
    "episode": str,
    "promised": bool,
    "no_active": bool,
    "granted": frozenset[OperationType],
}

_PLAIN = (bool, int, str, HaState, HaRole)
_WRITERS = {
    name: None if kind in _PLAIN else _CONVERTER.get_unstructure_hook(kind) for name, kind in _REMEMBERED.items()
}
"""How each of them becomes JSON; None: it is plain already."""

_VALUES = attrgetter(*_REMEMBERED)
_TEXT = json.JSONEncoder(separators=(",", ":")).encode

_FLOW_RECONCILE = frozenset({OperationType.FLOW_RECONCILE})


def role_row(program: RoleProgram, requests: frozenset[OperationType]) -> dict[str, str]:
    """The DPU's row. A flow reconciliation is mentioned only where it is requested: the DPU keeps what is left out."""
    record = HaScopeRow(
        version=dpu_version(program.version),
        ha_role=program.role,
        ha_term=program.term,
        ha_set_id=program.ha_set_id,
        flow_reconcile_requested=True if requests & _FLOW_RECONCILE else None,
    )
    return encode(record)


def published_scope(
    situation: Situation,
    facts: SwitchDrivenScopeFacts,
    why: str,
    changed_ms: int,
    peer_changed_ms: int,
    common: dict[str, Any],
) -> PublishedScopeRow:
    """The state row of a switch-driven scope."""
    listed = facts.operations_changed_ms is not None
    return PublishedScopeRow(
        **common,
        **common_fields(situation),
        local_ha_state=published_state(facts.state, HaOwner.SWITCH),
        local_ha_state_last_updated_time_in_ms=changed_ms,
        local_ha_state_last_updated_reason=why or "not launched yet",
        local_target_asic_ha_state=facts.target_role.value,
        local_acked_asic_ha_state=facts.acked_role.value if facts.acked_role is not None else None,
        local_target_term=facts.term,
        peer_ha_state=published_state(facts.peer_state, HaOwner.SWITCH) if facts.peer_state is not None else None,
        peer_ha_state_last_updated_time_in_ms=peer_changed_ms if facts.peer_state is not None else None,
        peer_term=facts.peer_term if facts.peer_state is not None else None,
        peer_acked_asic_ha_state=facts.peer_role,
        pending_operation_ids=tuple(operation.operation_id for operation in facts.operations) if listed else None,
        pending_operation_types=tuple(operation.type for operation in facts.operations) if listed else None,
        pending_operation_list_last_updated_time_in_ms=facts.operations_changed_ms,
        **_switchover(facts.switchover),
        **_flow_sync(facts.flow_sync, situation),
        relay_state=facts.relay.value,
        waiting_for=facts.waits_for or None,
        restore=_remember(facts),
    )


def _switchover(record: Switchover | None) -> dict[str, Any]:
    if record is None:
        return {}
    return {
        "switchover_id": record.switchover_id,
        "switchover_state": record.state.value,
        "switchover_start_time_in_ms": record.started_ms,
        "switchover_approved_time_in_ms": record.approved_ms,
        "switchover_end_time_in_ms": record.ended_ms,
    }


def _flow_sync(session: FlowSync | None, situation: Situation) -> dict[str, Any]:
    if session is None:
        return {}
    return {
        "flow_sync_session_id": session.session_id,
        "flow_sync_session_state": session.state.value,
        "flow_sync_session_start_time_in_ms": session.started_ms,
        "flow_sync_session_target_server": situation.ha_set.peer_ip,
    }


def _remember(facts: SwitchDrivenScopeFacts) -> str:
    values = zip(_WRITERS.items(), _VALUES(facts), strict=True)
    return _TEXT({name: value if write is None else write(value) for (name, write), value in values})


class EarlierLife:
    """What an earlier life of this daemon left behind of one scope."""

    def __init__(self, name: ScopeName, context: Context) -> None:
        """Read back the state row and the DPU's row, and claim them."""
        self.state = read_back_state(name, context)
        self._row = read_back(name.path, tables.DASH_HA_SCOPE_TABLE, name.scope_id, context)
        self._context = context
        self._path = name.path

    def facts(self, ha_set_incarnation: int | None) -> dict[str, Any]:
        """The facts to start from; none if the scope was Dead or cannot be read: then it launches."""
        facts = self._remembered()
        if facts.get("state", HaState.DEAD) is HaState.DEAD:
            facts = {name: facts[name] for name in ("term",) if name in facts}
        if self._row is None:
            # The DPU was emptied meanwhile: whatever flows it held are gone.
            return facts | {"in_sync": False} if facts else {}
        incarnation: int = self._context.board.peek(topics.INCARNATION, 0)
        version = self.state.version if self.state is not None else None
        if version is None or dpu_version(version) != self._row.version:
            version = str(self._row.version)
        told = RoleProgram(version, self._row.ha_role, self._row.ha_term, self._row.ha_set_id)
        return facts | {
            "managed": True,
            "relay": RowState.PROGRAMMED,
            "programmed": told,
            "programmed_in": (-1 if ha_set_incarnation is None else ha_set_incarnation, incarnation),
        }

    def _remembered(self) -> dict[str, Any]:
        if self.state is None:
            return {}
        if self.state.restore is None:
            return self._without_memory()
        try:
            values = json.loads(self.state.restore)
            kinds = {name: kind for name, kind in _REMEMBERED.items() if name in values}
            remembered = {name: _CONVERTER.structure(values[name], kind) for name, kind in kinds.items()}
        except (ValueError, TypeError, KeyError) as error:
            self._context.say([Alert(self._path, f"cannot restore what was remembered: {error!r}; it launches anew")])
            return {}
        shown = self._without_memory()
        if any(remembered.get(name) != shown.get(name) for name in ("state", "target_role", "term")):
            # Another daemon has written the row since, and left our field as it was: the row is the newer one.
            self._context.say([Alert(self._path, "what was remembered is older than the state row, which counts")])
            return shown
        return remembered

    def _without_memory(self) -> dict[str, Any]:
        """What the row of a daemon that remembers nothing of ours says: where it was, its role and its term."""
        assert self.state is not None
        state = read_state(self.state.local_ha_state)
        role = next((role for role in HaRole if role.value == self.state.local_target_asic_ha_state), None)
        if state is None or role is None:
            return {}
        return {"state": state, "left": state, "target_role": role, "term": self.state.local_target_term or 0}
