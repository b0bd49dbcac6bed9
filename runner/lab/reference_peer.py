"""A double of the daemon that runs on switches today, as the other half of a pair.

It has the habits that ours must live with: it sends no optional member, says most things once and never again, moves
on the message that arrives and not on what is true, serves alone as soon as the channel is down, and denies where ours
would decide. It is no model of that daemon's inside, and knows one scope of one pair.

Source: bus 5.2, 5.3; field-lessons LD-01, LD-19; scenarios C28.
"""

from collections.abc import Callable, Sequence

from attrs import define, field

from hamgr_fsm.vocabulary import DesiredHaState, HaRole, HaState, OperationType, PlaneState
from models import tables
from models.codec import decode
from models.controller import HaScopeConfigRow
from models.dpu_state import DpuStateRow, FlowSyncSessionStateRow, HaScopeStateRow, HaSetStateRow
from models.peer_messages import (
    BulkSyncUpdate,
    DPURequestEnterStandalone,
    DPURequestEnterStandaloneReply,
    HaScopeStateUpdate,
    PeerData,
    PeerHeartbeat,
    ShutdownReply,
    ShutdownRequest,
    SwitchoverRequest,
    VoteReply,
    VoteRequest,
    decode_message,
    encode_message,
)
from models.words import full_name
from runner.inputs import Input, MessageArrived, RowDeleted, RowSet, SnapshotComplete, TimerFired
from runner.lab.sides import SET_ID, Side
from runner.outputs import DeleteRow, Output, SendMessage, SetTimer, WriteRow

S = HaState
RETRY_MS = 30_000
RETRIES = 3
SCOPE_OWNER_SWITCH = 2

_ROLES = {
    S.INITIALIZING_TO_STANDBY: HaRole.STANDBY,
    S.PENDING_STANDBY_ACTIVATION: HaRole.STANDBY,
    S.STANDBY: HaRole.STANDBY,
    S.SWITCHING_TO_STANDBY: HaRole.STANDBY,
    S.ACTIVE: HaRole.ACTIVE,
    S.STANDALONE: HaRole.STANDALONE,
    S.SWITCHING_TO_ACTIVE: HaRole.SWITCHING_TO_ACTIVE,
}
_ASKS = {
    S.PENDING_ACTIVE_ACTIVATION: OperationType.ACTIVATE_ROLE,
    S.PENDING_STANDBY_ACTIVATION: OperationType.ACTIVATE_ROLE,
}
_IN_A_PAIR = frozenset(S) - {S.DEAD, S.CONNECTING, S.CONNECTED, S.DESTROYING, S.STANDALONE, S.SWITCHING_TO_STANDALONE}


@define(eq=False)
class ReferencePeer:
    """One life of it. ``new_id`` yields a GUID."""

    own: Side
    peer: Side
    new_id: Callable[[], str]

    config: HaScopeConfigRow | None = None
    started: bool = False
    dpu_up: bool = False
    channel_up: bool | None = None
    acked: HaRole | None = None
    state: HaState = S.DEAD
    role: HaRole = HaRole.DEAD
    term: int = 0
    peer_connected: bool = False
    peer_state: HaState | None = None
    peer_role: str | None = None
    peer_term: int = 0
    tries: int = 0
    votes: int = 0
    operation: tuple[str, OperationType] | None = None
    session: str | None = None
    switchover_id: str = ""
    out: list[Output] = field(factory=list)
    now_ms: int = 0

    def step(self, happened: Input, now_ms: int) -> Sequence[Output]:
        """Handle one input."""
        self.out, self.now_ms = [], now_ms
        match happened:
            case RowSet():
                self._row(happened)
            case RowDeleted(_, table, key) if table == tables.DASH_HA_SCOPE_CONFIG_TABLE.name:
                if key == self.own.scope_key:
                    self._deleted()
            case SnapshotComplete():
                self.started = True
                self._configured()
            case TimerFired(timer):
                self._timer(timer)
            case MessageArrived(to=to, payload=payload) if to == self.own.scope_path and self.config is not None:
                self._message(decode_message(payload).data)
        if self.started and self.config is not None:
            self._launch()
        return self.out

    # Rows.

    def _row(self, row: RowSet) -> None:
        table = tables.table_named(row.database, row.table)
        record = decode(table, row.key, row.fields) if row.key else None
        match record:
            case HaScopeConfigRow() if row.key == self.own.scope_key:
                self.config = record
                if self.started:
                    self._configured()
            case DpuStateRow():
                states = (record.dpu_midplane_link_state, record.dpu_control_plane_state, record.dpu_data_plane_state)
                self._health(up=all(state is PlaneState.UP for state in states))
            case HaSetStateRow():
                self._channel(record.dp_channel_is_alive)
            case HaScopeStateRow():
                self.acked = record.ha_role
                self._acknowledged()
            case FlowSyncSessionStateRow() if row.key == self.session and record.state == "completed":
                self.session = None
                self._say(BulkSyncUpdate(dst_actor_id=self.peer.scope_key, finished=True))

    def _configured(self) -> None:
        """Its HA set and scope go to the DPU; approvals and wishes are taken as they come."""
        config = self.config
        if config is None:
            return
        self._write_set()
        if config.disabled:
            if self.state is not S.DEAD:
                self._enter(S.DEAD)
            self._program(HaRole.DEAD)
            self._report()
            return
        approved = self.operation is not None and self.operation[0] in config.approved_pending_operation_ids
        if approved and self.operation is not None:
            kind, self.operation = self.operation[1], None
            self._approved(kind)
        if self.state is S.STANDBY and config.desired_ha_state is DesiredHaState.ACTIVE and self.operation is None:
            self._ask(OperationType.SWITCHOVER)
        if self.state is S.STANDBY and config.desired_ha_state is DesiredHaState.DEAD:
            self._say(ShutdownRequest(reason="planned shutdown"))
        self._publish()

    def _approved(self, kind: OperationType) -> None:
        if kind is OperationType.SWITCHOVER:
            self.switchover_id = self.new_id()
            self._enter(S.SWITCHING_TO_ACTIVE)
            self._say(self._switchover("Syn"))
        elif self.state is S.PENDING_ACTIVE_ACTIVATION:
            self._enter(S.ACTIVE)
            self._say(BulkSyncUpdate(dst_actor_id=self.peer.scope_key, finished=True))
        elif self.state is S.PENDING_STANDBY_ACTIVATION:
            self.term = self.peer_term
            self._enter(S.STANDBY)

    def _deleted(self) -> None:
        self.config = None
        self.state, self.role, self.acked = S.DEAD, HaRole.DEAD, None
        self._report()
        for table, key in ((tables.DASH_HA_SCOPE_TABLE, SET_ID), (tables.DASH_HA_SCOPE_STATE, self.own.state_key)):
            self.out.append(DeleteRow(table.database, table.name, key))

    def _health(self, *, up: bool) -> None:
        went_down, self.dpu_up = self.dpu_up and not up, up
        if not went_down:
            if up and self.config is not None and self.started:
                self._write_set()
                self._program(self.role)
            return
        self.acked = None
        if self.state in _IN_A_PAIR or self.state is S.STANDALONE:
            self._enter(S.SWITCHING_TO_STANDALONE)
            self._say(self._request())

    def _channel(self, up: bool | None) -> None:
        went_down, self.channel_up = self.channel_up is True and up is False, up
        if went_down and self.state in _IN_A_PAIR and self.dpu_up:
            self._enter(S.STANDALONE)

    def _acknowledged(self) -> None:
        self._publish()
        self._report()
        if self.state is S.DESTROYING and self.acked is HaRole.DEAD:
            self._enter(S.DEAD)
        self._after_report()

    # Messages.

    def _message(self, data: PeerData) -> None:
        match data:
            case HaScopeStateUpdate():
                self._heard(data)
            case PeerHeartbeat():
                self._report()
            case VoteRequest():
                self._say(VoteReply(dst_actor_id=self.peer.scope_key, response=self._vote(data)))
            case VoteReply(response=word):
                self._voted(word)
            case BulkSyncUpdate(finished=True) if self.state is S.INITIALIZING_TO_STANDBY:
                self._enter(S.PENDING_STANDBY_ACTIVATION)
            case SwitchoverRequest():
                self._switches(data)
            case ShutdownRequest():
                accepts = self.state is S.ACTIVE
                self._say(ShutdownReply(response="accepted" if accepts else "rejected"))
                if accepts:
                    self._enter(S.STANDALONE)
            case ShutdownReply(response="rejected"):
                self._set_timer("shutdown")
            case DPURequestEnterStandalone():
                self._asked(data)
            case DPURequestEnterStandaloneReply(response=word) if self.state is S.SWITCHING_TO_STANDALONE:
                # Denied, it stays where it is (LD-19).
                following = {"EnterStandalone": S.STANDALONE, "EnterStandby": S.STANDBY}.get(word)
                if following is not None:
                    self._enter(following)

    def _heard(self, report: HaScopeStateUpdate) -> None:
        self.peer_connected = True
        self.peer_state = next((s for s in HaState if full_name(s) == report.new_state), None)
        self.peer_role = report.acked_asic_ha_state
        self.peer_term = int(report.term or 0)
        self._after_report()

    def _after_report(self) -> None:
        """Move on what the peer is, as far as the present state waits for it."""
        peer = (self.peer_state, self.peer_role)
        match self.state:
            case S.CONNECTING if self.peer_connected and self.channel_up:
                self._enter(S.CONNECTED)
                self._vote_request()
            case S.INITIALIZING_TO_ACTIVE if peer == (S.INITIALIZING_TO_STANDBY, "standby"):
                self._enter(S.PENDING_ACTIVE_ACTIVATION)
            case S.STANDALONE if peer == (S.INITIALIZING_TO_STANDBY, "standby"):
                self._enter(S.ACTIVE)
            case S.ACTIVE if peer == (S.INITIALIZING_TO_STANDBY, "standby") and self.acked is HaRole.ACTIVE:
                self._copy_flows()
            case S.ACTIVE | S.STANDBY if self.peer_state is S.DEAD and self.dpu_up:
                self._enter(S.STANDALONE)
            case S.STANDBY if self._wants_dead and peer == (S.STANDALONE, "standalone"):
                self._enter(S.DESTROYING)
            case S.SWITCHING_TO_ACTIVE if peer == (S.SWITCHING_TO_STANDBY, "standby"):
                self._enter(S.ACTIVE)
            case S.SWITCHING_TO_STANDBY if peer == (S.ACTIVE, "active"):
                self.term = self.peer_term
                self._enter(S.STANDBY)

    def _vote(self, asker: VoteRequest) -> str:
        """The table of its election. Source: bus 5.2."""
        desired = self.config.desired_ha_state if self.config is not None else DesiredHaState.UNSPECIFIED
        theirs = asker.desired_state == "DESIRED_HA_STATE_ACTIVE"
        if desired is DesiredHaState.STANDALONE:
            return "RetryLater"
        if self.state is S.ACTIVE:
            return "BecomeStandby"
        if self.state is S.DESTROYING or (self.state is S.DEAD and self._wants_dead):
            return "BecomeStandalone"
        if self.state in (S.DEAD, S.CONNECTING):
            self.votes += 1
            return "RetryLater" if self.votes <= RETRIES else "BecomeStandalone"
        term = int(asker.term) if asker.term.isdecimal() else 0
        if self.term != term:
            return "BecomeStandby" if self.term > term else "BecomeActive"
        if (desired is DesiredHaState.ACTIVE) != theirs:
            return "BecomeActive" if theirs else "BecomeStandby"
        return "RetryLater"

    def _voted(self, word: str) -> None:
        if self.state is not S.CONNECTED:
            return
        if word == "RetryLater":
            self._set_timer("vote")
            return
        following = {
            "BecomeActive": S.INITIALIZING_TO_ACTIVE,
            "BecomeStandby": S.INITIALIZING_TO_STANDBY,
            "BecomeStandalone": S.STANDALONE,
        }
        self._enter(following[word])
        self._after_report()

    def _switches(self, data: SwitchoverRequest) -> None:
        if data.flag == "Syn":
            wanted = self.config is not None and self.config.desired_ha_state is DesiredHaState.ACTIVE
            accepts = self.state is S.ACTIVE and not wanted
            self.switchover_id = data.switchover_id
            self._say(self._switchover("Fin" if accepts else "Rst"))
            if accepts:
                self._enter(S.SWITCHING_TO_STANDBY)
        elif data.flag == "Rst" and self.state is S.SWITCHING_TO_ACTIVE:
            self.tries += 1
            if self.tries > RETRIES:
                self._enter(S.STANDBY)
            else:
                self._set_timer("switchover")

    def _asked(self, asker: DPURequestEnterStandalone) -> None:
        """The table of its standalone selection. Source: bus 5.2."""
        serves_best = self.config is not None and self.config.desired_ha_state in (
            DesiredHaState.ACTIVE,
            DesiredHaState.STANDALONE,
        )
        drops = asker.inline_sync_packet_drops or asker.bulk_sync_failure
        if not asker.local_dpu_up:
            answer, own = "EnterStandby", S.STANDALONE
        elif not self.dpu_up:
            answer, own = "EnterStandalone", S.STANDBY
        elif drops:
            answer, own = ("EnterStandby", S.STANDALONE) if serves_best else ("EnterStandalone", S.STANDBY)
        else:
            self._say(DPURequestEnterStandaloneReply(response="Deny"))
            return
        self._say(DPURequestEnterStandaloneReply(response=answer))
        if self.state is not own and self.state not in (S.DEAD, S.CONNECTING, S.CONNECTED):
            self._enter(own)

    # Timers.

    def _timer(self, timer: str) -> None:
        match timer.removeprefix("reference/"):
            case "connect" if self.state is S.CONNECTING:
                self.tries += 1
                if self.tries > RETRIES:
                    self._enter(S.STANDALONE)
                else:
                    self._connect()
            case "vote" if self.state is S.CONNECTED:
                self._vote_request()
            case "switchover" if self.state is S.SWITCHING_TO_ACTIVE:
                self._say(self._switchover("Syn"))
            case "shutdown" if self.state is S.STANDBY and self._wants_dead:
                self._say(ShutdownRequest(reason="planned shutdown"))

    # What it does.

    @property
    def _wants_dead(self) -> bool:
        return self.config is not None and self.config.desired_ha_state is DesiredHaState.DEAD

    def _launch(self) -> None:
        assert self.config is not None
        if self.state is S.DEAD and not self.config.disabled and not self._wants_dead and self.dpu_up:
            self._enter(S.CONNECTING)
            self._connect()
            self._after_report()

    def _connect(self) -> None:
        self._say(PeerHeartbeat(dst_actor_id=self.peer.scope_key))
        self._set_timer("connect")

    def _enter(self, state: HaState) -> None:
        self.state, self.tries, self.operation = state, 0, None
        if state in (S.ACTIVE, S.STANDALONE):
            self.term += 1
        self._program(_ROLES.get(state, self.role if state is S.SWITCHING_TO_STANDALONE else HaRole.DEAD))
        if state in _ASKS:
            self._ask(_ASKS[state])
        if state is S.STANDBY and self.config is not None and self.config.desired_ha_state is DesiredHaState.ACTIVE:
            self._ask(OperationType.SWITCHOVER)
        self._publish()
        self._report()

    def _ask(self, kind: OperationType) -> None:
        self.operation = (self.new_id(), kind)

    def _vote_request(self) -> None:
        desired = self.config.desired_ha_state if self.config is not None else DesiredHaState.UNSPECIFIED
        self._say(
            VoteRequest(
                dst_actor_id=self.peer.scope_key,
                term=str(self.term),
                state=full_name(S.CONNECTING),
                desired_state=full_name(desired),
            )
        )

    def _request(self) -> DPURequestEnterStandalone:
        return DPURequestEnterStandalone(
            dp_channel_is_alive=self.channel_up is True,
            local_dpu_up=self.dpu_up,
            pinned_vdpu_bfd_probe_state="",
            inline_sync_packet_drops=False,
            bulk_sync_failure=False,
        )

    def _switchover(self, flag: str) -> SwitchoverRequest:
        return SwitchoverRequest(dst_actor_id=self.peer.scope_key, switchover_id=self.switchover_id, flag=flag)

    def _copy_flows(self) -> None:
        if self.session is None:
            self.session = self.new_id()
            fields = {
                "type": "bulk_sync",
                "ha_set_id": SET_ID,
                "target_server_ip": self.peer.pa,
                "target_server_port": "6000",
                "timeout": "150",
            }
            table = tables.DASH_FLOW_SYNC_SESSION_TABLE
            self.out.append(WriteRow(table.database, table.name, self.session, fields))

    def _report(self) -> None:
        update = HaScopeStateUpdate(
            owner=SCOPE_OWNER_SWITCH,
            new_state=full_name(self.state),
            timestamp=self.now_ms,
            term=str(self.term),
            vdpu_id=self.own.vdpu_id,
            peer_vdpu_id=self.peer.vdpu_id,
            acked_asic_ha_state=self.acked.value if self.acked is not None else None,
        )
        self._say(update)
        self._send(f"ha-set/{SET_ID}", update)

    def _say(self, data: PeerData) -> None:
        self._send(self.peer.scope_path, data)

    def _send(self, to: str, data: PeerData) -> None:
        self.out.append(
            SendMessage(self.peer.dpu_name, self.own.scope_path, to, encode_message(self.own.scope_key, data))
        )

    def _set_timer(self, name: str) -> None:
        self.out.append(SetTimer(f"reference/{name}", RETRY_MS))

    def _program(self, role: HaRole) -> None:
        self.role = role
        fields = {"version": "1", "ha_role": role.value, "ha_term": str(self.term), "ha_set_id": SET_ID}
        table = tables.DASH_HA_SCOPE_TABLE
        self.out.append(WriteRow(table.database, table.name, SET_ID, fields))

    def _write_set(self) -> None:
        fields = {
            "version": "1",
            "owner": "switch",
            "scope": "dpu",
            "local_npu_ip": self.own.npu,
            "local_ip": self.own.pa,
            "peer_ip": self.peer.pa,
        }
        table, sessions = tables.DASH_HA_SET_TABLE, tables.BFD_SESSION_TABLE
        self.out.append(WriteRow(table.database, table.name, SET_ID, fields))
        for npu in (self.own.npu, self.peer.npu):
            session = {"type": "passive", "local_addr": self.own.pa, "multihop": "true"}
            self.out.append(WriteRow(sessions.database, sessions.name, f"default:default:{npu}", session))

    def _publish(self) -> None:
        fields = {
            "local_ha_state": full_name(self.state),
            "local_target_asic_ha_state": self.role.value,
            "local_acked_asic_ha_state": self.acked.value if self.acked is not None else "",
            "local_target_term": str(self.term),
            "pending_operation_ids": self.operation[0] if self.operation is not None else "",
            "pending_operation_types": self.operation[1].value if self.operation is not None else "",
        }
        table = tables.DASH_HA_SCOPE_STATE
        self.out.append(WriteRow(table.database, table.name, self.own.state_key, fields))
