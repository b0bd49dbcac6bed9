"""The driver of a DPU-driven scope: it relays to the DPU, follows what the DPU says, and tells the controller.

Source: dpu-driven, tables 2.14, 2.17.
"""

from typing import Any

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
from hamgr_fsm.scope.dpu_driven import REQUEST_TIMER, DpuDrivenScope
from hamgr_fsm.scope.dpu_driven_facts import NO_REQUESTS, ProbeState, RelayState, ReportedState, ScopeConfig
from hamgr_fsm.vocabulary import OperationType
from models import tables
from models.dpu_state import HaScopeStateRow
from models.peer_messages import PeerData
from models.published import PublishedScopeRow
from runner import topics
from runner.entities.dpu_driven_rows import EarlierLife, published_scope, scope_row
from runner.entities.scope_driver import ScopeName, Situation
from runner.entity import Context
from runner.intake import Heard
from runner.outputs import Alert, CancelTimer, SetTimer

_ASKS = {
    OperationType.ACTIVATE_ROLE: "activate_role_pending",
    OperationType.FLOW_RECONCILE: "flow_reconcile_pending",
    OperationType.BRAINSPLIT_RECOVER: "brainsplit_recover_pending",
}


class DpuDrivenDriver:
    """Drives one scope whose DPU drives itself."""

    def __init__(self, name: ScopeName) -> None:
        self._name = name
        self._machine: DpuDrivenScope | None = None
        self._heard_ms = 0
        self.created_ms: int | None = None
        self.alive_ms = 0

    @property
    def machine(self) -> DpuDrivenScope | None:
        """The machine of the scope; None before the first refresh."""
        return self._machine

    def refresh(self, situation: Situation) -> None:
        """Tell the machine what is known and carry out what it asks."""
        context = situation.context
        machine = self._machine or self._start(situation)
        self._carry_out(machine.update(now_ms=context.now_ms, **self._told(situation)), context)
        context.log_moves(self._name.path, machine.moves)
        # An approval counts whenever its operation is open, so that one written while hamgrd was down is not lost.
        approved = situation.row.approved_pending_operation_ids
        programmed = machine.facts.relay in (RelayState.DISABLED, RelayState.ENABLED)
        if programmed and machine.facts.approves(approved):
            self._carry_out(machine.send(Approval(approved), now_ms=context.now_ms), context)
            context.log_moves(self._name.path, machine.moves)

    def end(self, context: Context) -> None:
        """Take everything back that this scope caused."""
        if self._machine is not None:
            self._carry_out(self._machine.update(now_ms=context.now_ms, config=None), context)
            context.log_moves(self._name.path, self._machine.moves)

    def fire(self, timer: str, context: Context) -> None:
        """The DPU has had its time to take a request."""
        if timer == REQUEST_TIMER and self._machine is not None:
            self._carry_out(self._machine.send(RequestTimeout(), now_ms=context.now_ms), context)
            context.log_moves(self._name.path, self._machine.moves)

    def receive(self, sender: str, data: PeerData, context: Context) -> None:
        """The DPUs talk between themselves: what another hamgrd says means nothing here."""

    @property
    def responding(self) -> bool:
        """The DPU serves, and its probes should be answered."""
        return self._machine is not None and self._machine.facts.probe is ProbeState.RESPONDING

    @property
    def dpu_incarnation(self) -> int:
        """The incarnation of the DPU that serves."""
        return self._machine.facts.dpu_incarnation if self._machine is not None else 0

    def shown_from(self) -> tuple[object, ...] | None:
        """The row shows what the DPU has said as well: it is made at every refresh."""
        return None

    def published(self, situation: Situation, common: dict[str, Any]) -> PublishedScopeRow:
        """The state row."""
        assert self._machine is not None
        return published_scope(situation, self._name.scope_id, self._machine.facts, self._heard_ms, common)

    def _start(self, situation: Situation) -> DpuDrivenScope:
        """Build the machine, as an earlier life left it if there was one."""
        context = situation.context
        before = EarlierLife(self._name, context)
        self._machine = before.machine(situation.ha_set.incarnation, context)
        if before.state is not None:
            self.created_ms = before.state.creation_time_in_ms
            self.alive_ms = before.state.last_heartbeat_time_in_ms
            self._heard_ms = before.state.local_ha_state_last_updated_time_in_ms or 0
        if self._machine.facts.awaited:
            self._carry_out((StartTimer(REQUEST_TIMER, round(1000 * context.timers.request)),), context)
        return self._machine

    def _told(self, situation: Situation) -> dict[str, object]:
        row, ha_set, vdpu = situation.row, situation.ha_set, situation.vdpu
        told: dict[str, object] = {
            "config": ScopeConfig(row.version, row.disabled, row.desired_ha_state, row.ha_set_id),
            "ha_set_incarnation": ha_set.incarnation,
            "vip_v4": ha_set.vip_v4,
            "vip_v6": ha_set.vip_v6,
        }
        incarnation = situation.context.board.peek(topics.INCARNATION, 0)
        if vdpu is not None:
            incarnation = vdpu.dpu.incarnation
            told |= {
                "managed": vdpu.view.managed,
                "dpu_up": vdpu.view.up,
                "dpu_lost": vdpu.dpu.lost,
                "dpu_incarnation": incarnation,
            }
        heard: Heard | None = situation.board.row(tables.DASH_HA_SCOPE_STATE_TABLE, self._name.scope_id)
        return told | self._heard(heard, incarnation, situation.context)

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
                    context.ledger.write(self._name.path, tables.DASH_HA_SCOPE_TABLE, self._name.scope_id, fields)
                case RemoveScope():
                    context.ledger.delete(self._name.path, tables.DASH_HA_SCOPE_TABLE, self._name.scope_id)
                    # What the DPU said is about the scope that goes: one that follows at once must not inherit it.
                    context.board.post(topics.row(tables.DASH_HA_SCOPE_STATE_TABLE, self._name.scope_id), None)
                case StartTimer(timer, after_ms):
                    context.say([SetTimer(f"{self._name.path}/{timer}", after_ms)])
                case StopTimer(timer):
                    context.say([CancelTimer(f"{self._name.path}/{timer}")])
                case RaiseAlert(what):
                    context.say([Alert(self._name.path, what)])
                case RespondToProbes() | SilenceProbes():
                    pass  # The HA set hears of it with the scope's report.
                case _:
                    raise AssertionError(f"an HA scope does not ask for {effect}")
