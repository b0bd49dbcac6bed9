"""The driver of a switch-driven scope: it runs the machine, speaks with the peer's daemon, and programs the DPU.

Source: switch-driven, ha-set 2, bus 5, tables 2.14, 2.15, 2.17.
"""

from typing import Any

from hamgr_fsm import events, messages
from hamgr_fsm.effects import (
    Effect,
    ProgramRole,
    RaiseAlert,
    RemoveScope,
    ResolvePeer,
    SendToPeer,
    StartFlowSync,
    StartTimer,
    StopTimer,
)
from hamgr_fsm.machine import event_name
from hamgr_fsm.scope.dpu_driven_facts import ScopeConfig
from hamgr_fsm.scope.switch_driven import SwitchDrivenScope
from hamgr_fsm.scope.switch_driven_facts import Pair, SwitchDrivenScopeFacts
from hamgr_fsm.traffic import ScopeView
from hamgr_fsm.vocabulary import FlowSyncState, HaScopeKind, HaState
from models import tables
from models.codec import encode
from models.controller import HaScopeConfigRow, HaSetConfigRow
from models.dpu_rows import FlowSyncSessionRow
from models.dpu_state import HaScopeStateRow
from models.peer_messages import HaScopeStateUpdate, PeerData, encode_message
from models.published import PublishedScopeRow
from runner import topics
from runner.board import Topic
from runner.entities.inline_sync import InlineSync
from runner.entities.peer_words import Speaker, heard, spoken
from runner.entities.scope_driver import ScopeName, Situation
from runner.entities.switch_driven_rows import EarlierLife, published_scope, role_row
from runner.entities.vdpu import VdpuReport
from runner.entity import Context, turn_of
from runner.intake import Heard
from runner.outputs import Alert, CancelTimer, SendMessage, SetTimer

_TIMERS = {event_name(event): event for event in vars(events).values() if isinstance(event, type)}

_ENDED = {"completed": True, "failed": False}


class SwitchDrivenDriver:
    """Drives one scope of a pair."""

    def __init__(self, name: ScopeName) -> None:
        self._name = name
        self._inline_sync = InlineSync(name)
        self._why = ""
        self._peer_seen: tuple[object, object] = (None, None)
        self._machine: SwitchDrivenScope | None = None
        self._situation: Situation | None = None
        self._peer: VdpuReport | None = None
        self._pair: Pair | None = None
        self._paired_by: HaSetConfigRow | None = None
        """The configuration that says so."""

        self._configured: tuple[HaScopeConfigRow, ScopeConfig] | None = None
        self._changed_ms = 0
        self._peer_changed_ms = 0
        self._asked_for: str | None = None
        """The session whose request stands in the DPU's table."""

        self.created_ms: int | None = None
        self.alive_ms = 0

    @property
    def machine(self) -> SwitchDrivenScope | None:
        """The machine of the scope; None before the first refresh."""
        return self._machine

    def refresh(self, situation: Situation) -> None:
        """Tell the machine what is known and carry out what it asks."""
        self._situation = situation
        machine = self._machine or self._start(situation)
        self._step(machine.update(now_ms=situation.context.now_ms, **self._told(situation)), situation.context)
        if self._inline_sync.loses_packets(situation, in_step=machine.facts.keeps_flows_in_step):
            # It is news once: should no poll follow, it must not stay true.
            for seen in (True, False):
                self._step(machine.update(now_ms=situation.context.now_ms, drops_seen=seen), situation.context)
        self._hear_flow_sync(situation)
        self._tell_set(self._name.vdpu_id, machine.facts.report, situation.context)
        self._tell_new_set_of_peer(machine.facts, situation)
        # An approval counts whenever its operation is open, so that one written while hamgrd was down is not lost.
        for operation_id in situation.row.approved_pending_operation_ids:
            if any(operation.operation_id == operation_id for operation in machine.facts.operations):
                self._send(events.Approval((operation_id,)), situation.context)

    def end(self, context: Context) -> None:
        """Report Dead, and take everything back that this scope caused."""
        if self._machine is None:
            return
        # The report is the last one: a role that its DPU is about to lose must not keep the peer waiting.
        self._step(self._machine.update(now_ms=context.now_ms, config=None, reported_role=None), context)
        self._tell_set(self._name.vdpu_id, self._machine.facts.report, context)
        self._take_flow_sync_back(context)

    def fire(self, timer: str, context: Context) -> None:
        """Hand a timer's end to the machine."""
        if self._machine is not None and timer in _TIMERS:
            self._send(_TIMERS[timer](), context)

    def receive(self, sender: str, data: PeerData, context: Context) -> None:
        """Hand a message of the present peer to the machine; one of anybody else means nothing (I-15)."""
        if self._machine is None or self._pair is None or sender != self._peer_actor:
            return
        message = heard(data, self._pair.peer_position)
        if message is None:
            return
        self._send(message, context)
        if isinstance(data, HaScopeStateUpdate) and isinstance(message, messages.StateReport):
            self._tell_set(self._pair.peer_id, message, context)

    @property
    def responding(self) -> bool:
        """The scope is not going down and not shut down by the controller. Source: ha-set 3."""
        if self._machine is None:
            return False
        facts = self._machine.facts
        resting = facts.state is HaState.DEAD and facts.desired_dead
        return facts.config is not None and not facts.disabled and facts.state is not HaState.DESTROYING and not resting

    @property
    def dpu_incarnation(self) -> int:
        """The incarnation of the DPU that the scope is on."""
        return self._machine.facts.dpu_incarnation if self._machine is not None else 0

    def shown_from(self) -> tuple[object, ...] | None:
        """The facts of the machine, and what is noted beside them."""
        if self._machine is None:
            return None
        return self._machine.known, self._why, self._changed_ms, self._peer_changed_ms

    def published(self, situation: Situation, common: dict[str, Any]) -> PublishedScopeRow:
        """The state row."""
        assert self._machine is not None
        return published_scope(
            situation, self._machine.facts, self._why, self._changed_ms, self._peer_changed_ms, common
        )

    @property
    def _peer_actor(self) -> str:
        """The id of the peer's scope. Its scope id is ours in scope dpu and in scope eni alike."""
        return f"{self._pair.peer_id}:{self._name.scope_id}" if self._pair is not None else ""

    def _start(self, situation: Situation) -> SwitchDrivenScope:
        """Build the machine, as an earlier life left it if there was one."""
        context = situation.context
        before = EarlierLife(self._name, context)
        self._changed_ms = self._peer_changed_ms = context.now_ms
        if before.state is not None:
            self.created_ms = before.state.creation_time_in_ms
            self.alive_ms = before.state.last_heartbeat_time_in_ms
            self._changed_ms = before.state.local_ha_state_last_updated_time_in_ms or context.now_ms
            self._peer_changed_ms = before.state.peer_ha_state_last_updated_time_in_ms or context.now_ms
            self._why = before.state.local_ha_state_last_updated_reason or ""
        facts = before.facts(situation.ha_set.incarnation)
        self._machine = SwitchDrivenScope(new_id=context.new_id, timers=context.timers, **facts)
        self._peer_seen = (self._machine.facts.peer_state, self._machine.facts.peer_role)
        self._tell_set_what_was_known(self._machine.facts, context)
        session = self._machine.facts.flow_sync
        if session is not None and session.state is FlowSyncState.IN_PROGRESS:
            context.ledger.claim(self._name.path, tables.DASH_FLOW_SYNC_SESSION_TABLE, session.session_id)
            self._asked_for = session.session_id
        return self._machine

    def _tell_new_set_of_peer(self, facts: SwitchDrivenScopeFacts, situation: Situation) -> None:
        """A set that was deleted and configured again heard nothing of what the peer had said."""
        views = situation.context.board.peek(self._views(situation.row.ha_set_id), {})
        if facts.pair is not None and facts.pair.peer_id not in views:
            self._tell_set_what_was_known(facts, situation.context)

    def _tell_set_what_was_known(self, facts: SwitchDrivenScopeFacts, context: Context) -> None:
        """The route that an earlier life installed stands on what the peer had said then, until it says something."""
        if facts.pair is not None and facts.peer_state is not None:
            known = messages.StateReport(facts.peer_state, facts.peer_term, facts.peer_role, pinned=facts.peer_pinned)
            self._tell_set(facts.pair.peer_id, known, context)

    def _told(self, situation: Situation) -> dict[str, object]:
        row, ha_set, vdpu = situation.row, situation.ha_set, situation.vdpu
        told: dict[str, object] = {
            "config": self._config_of(row),
            "ha_set_incarnation": ha_set.incarnation,
            "channel_up": ha_set.channel_up,
        }
        incarnation = situation.context.board.peek(topics.INCARNATION, 0)
        if vdpu is not None:
            incarnation = vdpu.dpu.incarnation
            told |= {
                "managed": vdpu.view.managed,
                "dpu_up": vdpu.view.up,
                "dpu_lost": vdpu.dpu.lost,
                "dpu_incarnation": incarnation,
                "bfd_reach": len(vdpu.dpu.bfd_v4) + len(vdpu.dpu.bfd_v6) if vdpu.dpu.bfd_known else None,
            }
        return told | self._told_of_peer(situation) | self._told_by_dpu(situation, incarnation)

    def _config_of(self, row: HaScopeConfigRow) -> ScopeConfig:
        if self._configured is None or self._configured[0] is not row:
            config = ScopeConfig(row.version, row.disabled, row.desired_ha_state, row.ha_set_id)
            self._configured = row, config
        return self._configured[1]

    def _told_of_peer(self, situation: Situation) -> dict[str, object]:
        """Who the other side is, and whether there is a link to it."""
        config: HaSetConfigRow | None = situation.board.row(tables.DASH_HA_SET_CONFIG_TABLE, situation.row.ha_set_id)
        if config is None:
            return {}
        if config is not self._paired_by:
            pair = self._pair_of(config)
            if pair is None:
                return {}
            self._paired_by, self._pair = config, pair
        assert self._pair is not None
        self._peer = situation.board.topic(topics.vdpu(self._pair.peer_id))
        link = situation.board.topic(topics.link(self._peer.dpu.dpu_name)) if self._peer is not None else None
        return {"pair": self._pair, "link_up": link}

    def _pair_of(self, config: HaSetConfigRow) -> Pair | None:
        """Where the two sides stand in the set; None: this vDPU is not one of two."""
        ids = config.vdpu_ids
        peers = [id_ for id_ in ids if id_ != self._name.vdpu_id]
        if self._name.vdpu_id not in ids or len(peers) != 1:
            return None
        return Pair(
            peer_id=peers[0],
            position=ids.index(self._name.vdpu_id),
            peer_position=ids.index(peers[0]),
            preferred_position=config.preferred_standalone_vdpu_index,
        )

    def _told_by_dpu(self, situation: Situation, incarnation: int) -> dict[str, object]:
        """What this incarnation of the DPU says; a field that its row lacks is unknown."""
        heard_row: Heard | None = situation.board.row(tables.DASH_HA_SCOPE_STATE_TABLE, self._name.scope_id)
        current = heard_row is not None and heard_row.incarnation == incarnation
        row: HaScopeStateRow = heard_row.row if heard_row is not None and current else HaScopeStateRow()
        return {"reported_role": row.ha_role, "flow_reconcile_asked": row.flow_reconcile_pending is True}

    def _hear_flow_sync(self, situation: Situation) -> None:
        assert self._machine is not None
        session = self._machine.facts.flow_sync
        if session is None:
            return
        told = situation.context.ledger.fields(tables.DASH_FLOW_SYNC_SESSION_TABLE, session.session_id)
        if session.state is FlowSyncState.IN_PROGRESS and told is None and situation.ha_set.peer_ip is not None:
            # An earlier life died between the state row and the DPU's row: the DPU was never told of the session.
            self._start_flow_sync(session.session_id, situation.context)
            return
        state: Heard | None = situation.board.row(tables.DASH_FLOW_SYNC_SESSION_STATE_TABLE, session.session_id)
        completed = _ENDED.get(state.row.state or "") if state is not None else None
        if completed is not None:
            self._send(events.FlowSyncEnded(session.session_id, completed), situation.context, quietly=True)

    def _send(self, event: object, context: Context, *, quietly: bool = False) -> None:
        assert self._machine is not None
        ignored = self._machine.ignored.total()
        self._step(self._machine.send(event, now_ms=context.now_ms), context)
        if quietly and self._machine.ignored.total() > ignored:
            self._machine.ignored[event_name(type(event))] -= 1

    def _step(self, effects: tuple[Effect, ...], context: Context) -> None:
        """Carry out what the machine asked in one step, and note when it moved."""
        assert self._machine is not None
        facts = self._machine.facts
        for effect in effects:
            self._carry_out(effect, facts, context)
        session = facts.flow_sync
        if session is None or session.state is not FlowSyncState.IN_PROGRESS:
            self._take_flow_sync_back(context)
        context.log_moves(self._name.path, [move for move in self._machine.moves if move.row.target is not None])
        for move in self._machine.moves:
            if move.machine == "state" and move.source is not move.target:
                self._changed_ms, self._why = context.now_ms, move.why
        peer = (facts.peer_state, facts.peer_role)
        if peer != self._peer_seen:
            self._peer_seen, self._peer_changed_ms = peer, context.now_ms

    def _carry_out(self, effect: Effect, facts: SwitchDrivenScopeFacts, context: Context) -> None:
        ledger, path = context.ledger, self._name.path
        match effect:
            case ProgramRole(program, again, requests):
                fields = role_row(program, requests)
                ledger.write(path, tables.DASH_HA_SCOPE_TABLE, self._name.scope_id, fields, again=again)
            case RemoveScope():
                ledger.delete(path, tables.DASH_HA_SCOPE_TABLE, self._name.scope_id)
                context.board.post(topics.row(tables.DASH_HA_SCOPE_STATE_TABLE, self._name.scope_id), None)
            case StartFlowSync(session_id):
                self._start_flow_sync(session_id, context)
            case SendToPeer(message):
                self._say(message, facts, context)
            case StartTimer(timer, after_ms):
                context.say([SetTimer(f"{path}/{timer}", after_ms - self._early_ms(timer, after_ms))])
            case StopTimer(timer):
                context.say([CancelTimer(f"{path}/{timer}")])
            case RaiseAlert(what):
                context.say([Alert(path, what)])
            case ResolvePeer():
                pass  # Where the peer is, is read from REMOTE_DPU at every message.
            case _:
                raise AssertionError(f"a switch-driven scope does not ask for {effect}")

    def _early_ms(self, timer: str, after_ms: int) -> int:
        """Thousands of ENIs whose link came at one moment do not greet their peers at one moment for ever after."""
        if not self._is_eni or timer != "peer_heartbeat_due":
            return 0
        return turn_of(self._name.path, max(after_ms // 4, 1))

    def _take_flow_sync_back(self, context: Context) -> None:
        """A session that has ended is no request any more."""
        if self._asked_for is not None:
            context.ledger.delete(self._name.path, tables.DASH_FLOW_SYNC_SESSION_TABLE, self._asked_for)
            self._asked_for = None

    def _start_flow_sync(self, session_id: str, context: Context) -> None:
        assert self._situation is not None
        settings = context.board.peek(topics.SETTINGS)
        target = self._situation.ha_set.peer_ip
        if settings is None or settings.cp_data_channel_port is None or target is None:
            context.say([Alert(self._name.path, "no bulk sync: cp_data_channel_port or the peer's address is missing")])
            self._send(events.FlowSyncEnded(session_id, completed=False), context)
            return
        row = FlowSyncSessionRow(
            ha_set_id=self._situation.row.ha_set_id,
            target_server_ip=target,
            target_server_port=settings.cp_data_channel_port,
            timeout=round(context.timers.bulk_sync),
        )
        self._take_flow_sync_back(context)
        self._asked_for = session_id
        context.ledger.write(self._name.path, tables.DASH_FLOW_SYNC_SESSION_TABLE, session_id, encode(row), once=True)

    def _say(self, message: messages.PeerMessage, facts: SwitchDrivenScopeFacts, context: Context) -> None:
        """Send a message to the peer's scope; a report goes to both HA sets as well."""
        if self._pair is None or self._peer is None:
            return
        speaker = Speaker(
            self._name.vdpu_id,
            self._pair.peer_id,
            self._peer_actor,
            context.now_ms,
            facts.state,
            facts.channel_up,
            facts.sync_drops,
            facts.sync_failed,
        )
        payload = encode_message(self._name.actor, spoken(message, speaker))
        targets = [f"ha-scope/{self._peer_actor}"]
        # For thousands of ENIs nothing is said twice: a scope that listens over there tells its set itself.
        heard_by_scope = self._is_eni and facts.peer_connected
        if isinstance(message, messages.StateReport) and self._situation is not None and not heard_by_scope:
            targets.append(f"ha-set/{self._situation.row.ha_set_id}")
        dpu_name = self._peer.dpu.dpu_name
        context.say([SendMessage(dpu_name, self._name.path, target, payload) for target in targets])

    def _tell_set(self, vdpu_id: str, report: messages.StateReport, context: Context) -> None:
        if self._situation is not None:
            view = ScopeView(vdpu_id, report.state, report.acked_role, report.term, report.pinned)
            context.board.contribute(self._views(self._situation.row.ha_set_id), vdpu_id, view)

    def _views(self, ha_set_id: str) -> Topic:
        return topics.views_of(ha_set_id, self._name.scope_id if self._is_eni else "")

    @property
    def _is_eni(self) -> bool:
        """The scope is one ENI of its HA set, which may have very many."""
        return self._paired_by is not None and self._paired_by.scope is HaScopeKind.ENI
