"""An HA scope: it is told what config, vDPU, HA set and DPU say, and its machine's effects become the DPU's row.

Here the DPU-driven scopes are run. A scope that the switch owns is shown and not driven.

Source: domain "Actors", dpu-driven, tables 2.8, 2.14, 2.17, 2.18.
"""

from hamgr_fsm.effects import (
    Effect,
    ProgramScope,
    RaiseAlert,
    RemoveScope,
    RespondToProbes,
    SilenceProbes,
    StartTimer,
    StopTimer,
)
from hamgr_fsm.events import Approval, RequestTimeout
from hamgr_fsm.ha_set_facts import HaSetReport
from hamgr_fsm.scope.dpu_driven import REQUEST_TIMER, DpuDrivenScope
from hamgr_fsm.scope.dpu_driven_facts import NO_REQUESTS, ProbeState, RelayState, ReportedState, ScopeConfig
from hamgr_fsm.vocabulary import HaOwner, OperationType
from models import tables
from models.controller import HaScopeConfigRow
from models.dpu_state import HaScopeStateRow
from runner import topics
from runner.entities.dpu_driven_rows import EarlierLife, published_scope, scope_row, undriven_scope
from runner.entities.ha_set import ScopeReport
from runner.entities.vdpu import VdpuReport
from runner.entity import Context, Reader, publish
from runner.intake import Heard
from runner.outputs import Alert, CancelTimer, SetTimer

_ASKS = {
    OperationType.ACTIVATE_ROLE: "activate_role_pending",
    OperationType.FLOW_RECONCILE: "flow_reconcile_pending",
    OperationType.BRAINSPLIT_RECOVER: "brainsplit_recover_pending",
}


class HaScopeEntity:
    """One HA scope of one vDPU."""

    def __init__(self, vdpu_id: str, scope_id: str) -> None:
        self.path = f"ha-scope/{vdpu_id}:{scope_id}"
        self._vdpu_id = vdpu_id
        self._scope_id = scope_id
        self._config_key = f"{vdpu_id}:{scope_id}"
        self._state_key = f"{vdpu_id}|{scope_id}"
        self._machine: DpuDrivenScope | None = None
        self._ha_set_id: str | None = None
        self._created_ms: int | None = None
        self._alive_ms = 0
        self._heard_ms = 0

    def refresh(self, context: Context) -> bool:
        """Gather what the machine is told, carry out what it asks, tell the HA set, publish."""
        board = Reader(self.path, context.board)
        row: HaScopeConfigRow | None = board.row(tables.DASH_HA_SCOPE_CONFIG_TABLE, self._config_key)
        if row is None:
            self._end(context)
            context.ledger.delete(self.path, tables.DASH_HA_SCOPE_STATE, self._state_key)
            return False
        if self._is_another_scope(row):
            # Another owner or another HA set is another scope under the same key (LD-63).
            self._end(context)
        self._ha_set_id = row.ha_set_id
        vdpu: VdpuReport | None = board.topic(topics.vdpu(self._vdpu_id))
        ha_set: HaSetReport = board.topic(topics.ha_set(row.ha_set_id), HaSetReport())
        if row.owner is HaOwner.DPU:
            self._drive(row, vdpu, ha_set, board, context)
        self._tell_set(row, vdpu, context)
        self._publish(row, vdpu, ha_set, board, context)
        return True

    def fire(self, timer: str, context: Context) -> None:
        """The DPU has had its time to take a request."""
        if timer == REQUEST_TIMER and self._machine is not None:
            self._carry_out(self._machine.send(RequestTimeout(), now_ms=context.now_ms), context)
            context.log_moves(self.path, self._machine.moves)
            # What it published has changed.
            context.board.due.add(self.path)

    def _is_another_scope(self, row: HaScopeConfigRow) -> bool:
        driven = self._machine is not None
        return self._ha_set_id not in (None, row.ha_set_id) or (driven and row.owner is not HaOwner.DPU)

    def _drive(
        self,
        row: HaScopeConfigRow,
        vdpu: VdpuReport | None,
        ha_set: HaSetReport,
        board: Reader,
        context: Context,
    ) -> None:
        machine = self._machine or self._start(ha_set, context)
        told = self._told(row, vdpu, ha_set, board, context)
        self._carry_out(machine.update(now_ms=context.now_ms, **told), context)
        context.log_moves(self.path, machine.moves)
        # An approval counts whenever its operation is open, so that one written while hamgrd was down is not lost.
        programmed = machine.facts.relay in (RelayState.DISABLED, RelayState.ENABLED)
        if programmed and machine.facts.approves(row.approved_pending_operation_ids):
            approval = Approval(row.approved_pending_operation_ids)
            self._carry_out(machine.send(approval, now_ms=context.now_ms), context)
            context.log_moves(self.path, machine.moves)

    def _start(self, ha_set: HaSetReport, context: Context) -> DpuDrivenScope:
        """Build the machine, as an earlier life left it if there was one."""
        before = EarlierLife(self.path, self._state_key, self._scope_id, context)
        self._machine = before.machine(ha_set.incarnation, context)
        if before.state is not None and self._created_ms is None:
            self._created_ms = before.state.creation_time_in_ms
            self._alive_ms = before.state.last_heartbeat_time_in_ms
            self._heard_ms = before.state.local_ha_state_last_updated_time_in_ms or 0
        if self._machine.facts.awaited:
            self._carry_out((StartTimer(REQUEST_TIMER, round(1000 * context.timers.request)),), context)
        return self._machine

    def _told(
        self,
        row: HaScopeConfigRow,
        vdpu: VdpuReport | None,
        ha_set: HaSetReport,
        board: Reader,
        context: Context,
    ) -> dict[str, object]:
        told: dict[str, object] = {
            "config": ScopeConfig(row.version, row.disabled, row.desired_ha_state, row.ha_set_id),
            "ha_set_incarnation": ha_set.incarnation,
            "vip_v4": ha_set.vip_v4,
            "vip_v6": ha_set.vip_v6,
        }
        incarnation = context.board.peek(topics.INCARNATION, 0)
        if vdpu is not None:
            incarnation = vdpu.dpu.incarnation
            told |= {
                "managed": vdpu.view.managed,
                "dpu_up": vdpu.view.up,
                "dpu_lost": vdpu.dpu.lost,
                "dpu_incarnation": incarnation,
            }
        heard: Heard | None = board.row(tables.DASH_HA_SCOPE_STATE_TABLE, self._scope_id)
        return told | self._heard(heard, incarnation, context)

    def _heard(self, heard: Heard | None, incarnation: int, context: Context) -> dict[str, object]:
        """What this incarnation of the DPU says.

        A deleted row says that it is nothing and asks nothing. A field that a row lacks changes nothing (LD-66).
        """
        assert self._machine is not None
        facts = self._machine.facts
        if heard is None:
            # At start, before anything was heard, what an earlier life knew stays.
            return {} if facts.asked is None else {"reported": ReportedState.UNKNOWN, "asked": NO_REQUESTS}
        if heard.incarnation != incarnation:
            return {"reported": ReportedState.UNKNOWN, "asked": None}
        row: HaScopeStateRow = heard.row
        reported = facts.reported if row.ha_state is None else ReportedState(row.ha_state.value)
        if reported is not facts.reported:
            self._heard_ms = context.now_ms
        before = facts.asked or NO_REQUESTS
        flags = {kind: getattr(row, name) for kind, name in _ASKS.items()}
        asked = frozenset(kind for kind, flag in flags.items() if flag or (flag is None and kind in before))
        return {"reported": reported, "asked": asked}

    def _carry_out(self, effects: tuple[Effect, ...], context: Context) -> None:
        for effect in effects:
            match effect:
                case ProgramScope(program, requests):
                    fields = scope_row(program, requests)
                    context.ledger.write(self.path, tables.DASH_HA_SCOPE_TABLE, self._scope_id, fields)
                case RemoveScope():
                    context.ledger.delete(self.path, tables.DASH_HA_SCOPE_TABLE, self._scope_id)
                    # What the DPU said is about the scope that goes: one that follows at once must not inherit it.
                    context.board.post(topics.row(tables.DASH_HA_SCOPE_STATE_TABLE, self._scope_id), None)
                case StartTimer(timer, after_ms):
                    context.say([SetTimer(f"{self.path}/{timer}", after_ms)])
                case StopTimer(timer):
                    context.say([CancelTimer(f"{self.path}/{timer}")])
                case RaiseAlert(what):
                    context.say([Alert(self.path, what)])
                case RespondToProbes() | SilenceProbes():
                    pass  # The HA set hears of it with the scope's report.
                case _:
                    raise AssertionError(f"an HA scope does not ask for {effect}")

    def _end(self, context: Context) -> None:
        """Take everything back that this scope caused."""
        if self._machine is not None:
            self._carry_out(self._machine.update(now_ms=context.now_ms, config=None), context)
            context.log_moves(self.path, self._machine.moves)
            self._machine = None
        if self._ha_set_id is not None:
            context.board.contribute(topics.scopes_of(self._ha_set_id), self.path, None)
            self._ha_set_id = None

    def _tell_set(self, row: HaScopeConfigRow, vdpu: VdpuReport | None, context: Context) -> None:
        facts = self._machine.facts if self._machine is not None else None
        report = ScopeReport(
            vdpu_id=self._vdpu_id,
            owner=row.owner,
            managed=vdpu is not None and vdpu.view.managed,
            serving=facts is not None and facts.probe is ProbeState.RESPONDING,
            dpu_incarnation=facts.dpu_incarnation if facts is not None else 0,
        )
        context.board.contribute(topics.scopes_of(row.ha_set_id), self.path, report)

    def _publish(
        self,
        row: HaScopeConfigRow,
        vdpu: VdpuReport | None,
        ha_set: HaSetReport,
        board: Reader,
        context: Context,
    ) -> None:
        if vdpu is not None and not vdpu.view.managed:
            # The side that manages it publishes it: another process of this switch, or another switch.
            if vdpu.view.local:
                context.ledger.release(self.path, tables.DASH_HA_SCOPE_STATE, self._state_key)
            else:
                context.ledger.delete(self.path, tables.DASH_HA_SCOPE_STATE, self._state_key)
            return
        rejected = board.rejection(
            (tables.DASH_HA_SCOPE_CONFIG_TABLE, self._config_key), (tables.DASH_HA_SCOPE_STATE_TABLE, self._scope_id)
        )
        if self._created_ms is None:
            self._created_ms = self._alive_ms = context.now_ms
        common = {
            "creation_time_in_ms": self._created_ms,
            "last_heartbeat_time_in_ms": max(board.topic(topics.HEARTBEAT, 0), self._alive_ms),
            "rejected": rejected,
        }
        if self._machine is None:
            record = undriven_scope(row, vdpu, ha_set, common)
        else:
            heard: Heard | None = board.row(tables.DASH_HA_SCOPE_STATE_TABLE, self._scope_id)
            report = heard.row if heard is not None else HaScopeStateRow()
            record = published_scope(row, self._machine.facts, vdpu, ha_set, report, self._heard_ms, common)
        publish(context, self.path, tables.DASH_HA_SCOPE_STATE, self._state_key, record)
