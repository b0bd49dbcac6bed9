"""The rows of a DPU-driven scope: what its DPU is told, what is published, and how an earlier life is read back from
both.

A crash can fall between the state row, which is written first, and the DPU's row. Which of the two happened is seen
from what the state row says about the requests of the DPU's row: if the DPU's row does not carry them, they were
never sent.

Source: dpu-driven 2 to 4, tables 2.14, 2.18, switch-driven 9, field-lessons I-19, LD-34.
"""

from typing import Any

from hamgr_fsm.programs import HaScopeProgram
from hamgr_fsm.scope.dpu_driven import DpuDrivenScope
from hamgr_fsm.scope.dpu_driven_facts import DpuDrivenScopeFacts, ProbeState, RelayState, ReportedState
from hamgr_fsm.scope.operations import PendingOperation
from hamgr_fsm.vocabulary import OperationType
from models import tables
from models.codec import encode
from models.dpu_rows import HaScopeRow, dpu_version
from models.dpu_state import HaScopeStateRow
from models.published import PublishedScopeRow, read_state
from runner import topics
from runner.entities.scope_driver import ScopeName, Situation
from runner.entities.scope_rows import common_fields, read_back, read_back_state
from runner.entity import Context
from runner.intake import Heard

_FLAGS = {
    OperationType.FLOW_RECONCILE: "flow_reconcile_requested",
    OperationType.ACTIVATE_ROLE: "activate_role_requested",
    OperationType.BRAINSPLIT_RECOVER: "brainsplit_recovered",
}

_NO_SET = -1
"""An incarnation that no HA set ever has: a scope found under it is taken from the DPU before anything else."""

_REPORTED = {state.value: state for state in ReportedState}

REASON = "dpu initiated"
"""Why a DPU-driven scope is in its state, unless the step was odd (tables 2.18)."""


def scope_row(program: HaScopeProgram, requests: frozenset[OperationType]) -> dict[str, str]:
    """The DPU's row; each request flag is said, true or false, because the DPU keeps what is left out."""
    record = HaScopeRow(
        version=dpu_version(program.version),
        disabled=program.disabled,
        ha_role=program.role,
        ha_set_id=program.ha_set_id,
        vip_v4=program.vip_v4,
        vip_v6=program.vip_v6,
        **{flag: kind in requests for kind, flag in _FLAGS.items()},
    )
    return encode(record)


def published_scope(
    situation: Situation, scope_id: str, facts: DpuDrivenScopeFacts, heard_ms: int, common: dict[str, Any]
) -> PublishedScopeRow:
    """The state row of a DPU-driven scope: the DPU's word for its state is both the state and what is acknowledged."""
    known = facts.dpu is not ReportedState.UNKNOWN
    state = facts.dpu.value if known else None
    # A DPU that is down acknowledges nothing, whatever its last row says (FL-51).
    acked = state if facts.dpu_up is not False else None
    listed = facts.operations_changed_ms is not None
    heard: Heard | None = situation.board.row(tables.DASH_HA_SCOPE_STATE_TABLE, scope_id)
    report = heard.row if heard is not None else HaScopeStateRow()
    return PublishedScopeRow(
        **common,
        **common_fields(situation),
        local_ha_state=state,
        local_ha_state_last_updated_time_in_ms=(report.ha_state_start_time or heard_ms) if known else None,
        local_ha_state_last_updated_reason=(facts.anomaly or REASON) if known else None,
        local_target_asic_ha_state=situation.row.desired_ha_state.value,
        local_acked_asic_ha_state=acked,
        local_target_term=report.ha_term if known else None,
        local_acked_term=report.ha_term if acked is not None else None,
        pending_operation_ids=tuple(operation.operation_id for operation in facts.operations) if listed else None,
        pending_operation_types=tuple(operation.type for operation in facts.operations) if listed else None,
        pending_operation_list_last_updated_time_in_ms=facts.operations_changed_ms,
        relay_state=facts.relay.value,
        probe_state=facts.probe.value,
        requested_operation_types=tuple(sorted(facts.programmed_requests)) or None,
        awaited_operation_types=tuple(sorted(facts.awaited)) or None,
        waiting_for=facts.serving_waits_for or None,
    )


class EarlierLife:
    """What an earlier life of this daemon left behind of one scope: its state row and the DPU's row."""

    def __init__(self, name: ScopeName, context: Context) -> None:
        """Read both rows back and claim them."""
        self.state = read_back_state(name, context)
        self.row = read_back(name.path, tables.DASH_HA_SCOPE_TABLE, name.scope_id, context)

    def machine(self, ha_set_incarnation: int | None, context: Context) -> DpuDrivenScope:
        """The machine as it was. Without a row on the DPU there is nothing to go on from: it starts anew."""
        if self.row is None:
            return DpuDrivenScope(new_id=context.new_id, timers=context.timers)
        return DpuDrivenScope(
            new_id=context.new_id,
            timers=context.timers,
            managed=True,
            relay=RelayState.DISABLED if self.row.disabled else RelayState.ENABLED,
            programmed=self._program(self.row),
            programmed_in=(_NO_SET if ha_set_incarnation is None else ha_set_incarnation, self._incarnation(context)),
            programmed_requests=_carried(self.row),
            **self._requests(self.row),
            **self._reported(),
        )

    @staticmethod
    def _incarnation(context: Context) -> int:
        incarnation: int = context.board.peek(topics.INCARNATION, 0)
        return incarnation

    def _program(self, row: HaScopeRow) -> HaScopeProgram:
        version = self.state.version if self.state is not None else None
        if version is None or dpu_version(version) != row.version:
            version = str(row.version)
        return HaScopeProgram(version, bool(row.disabled), row.ha_role, row.ha_set_id, row.vip_v4, row.vip_v6)

    def _requests(self, row: HaScopeRow) -> dict[str, Any]:
        if self.state is None:
            # Nothing says what the DPU has taken; what its row carries was sent, and must not be sent again.
            return {"awaited": _carried(row)}
        never_sent = frozenset(self.state.requested_operation_types or ()) - _carried(row)
        return {
            "granted": never_sent,
            "awaited": frozenset(self.state.awaited_operation_types or ()) - never_sent,
            "operations": tuple(
                PendingOperation(id_, type_)
                for id_, type_ in zip(
                    self.state.pending_operation_ids or (), self.state.pending_operation_types or (), strict=False
                )
            ),
            "operations_changed_ms": self.state.pending_operation_list_last_updated_time_in_ms,
        }

    def _reported(self) -> dict[str, Any]:
        state = read_state(self.state.local_ha_state) if self.state is not None else None
        reported = _REPORTED.get(state.value) if state is not None else None
        if self.state is None or reported is None:
            return {}
        reason = self.state.local_ha_state_last_updated_reason or REASON
        return {
            "dpu": reported,
            "reported": reported,
            "probe": ProbeState.RESPONDING if self.state.probe_state == ProbeState.RESPONDING else ProbeState.SILENT,
            "anomaly": "" if reason == REASON else reason,
        }


def _carried(row: HaScopeRow) -> frozenset[OperationType]:
    return frozenset(kind for kind, flag in _FLAGS.items() if getattr(row, flag))
