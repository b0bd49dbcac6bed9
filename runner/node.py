"""The node: all entities of one process, stepped to completion by one input at a time.

``step`` is a deterministic function of the inputs so far: no input or output, no clock, no randomness. It decodes the
input onto the board, refreshes every entity that something has changed for until none is left, and returns what is to
be written, in order. The journal of its inputs reproduces its outputs.

Before ``SnapshotComplete`` it only listens: an earlier life of the daemon is read back as a whole before anything is
decided. Source: architecture "The node", switch-driven 9.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Any

from hamgr_fsm.machine import Machine
from hamgr_fsm.timers import DEFAULT_TIMERS, Timers
from hamgr_fsm.vocabulary import HaOwner
from models import tables
from models.config_db import DpuRow
from models.controller import split_scope_key
from models.database import Database
from models.peer_messages import (
    BadMessage,
    PeerEnvelope,
    UnknownKind,
    VoteReply,
    VoteRequest,
    decode_message,
    encode_message,
)
from models.table import Table
from runner import topics
from runner.board import Board
from runner.entities.dpu import DpuEntity, DpuView
from runner.entities.eni import EniEntity
from runner.entities.global_config import GlobalConfigEntity
from runner.entities.ha_scope import HaScopeEntity
from runner.entities.ha_set import HaSetEntity
from runner.entities.inline_sync import SyncPoll
from runner.entities.peer_words import vote_of_unknown_scope
from runner.entities.vdpu import VdpuEntity, VdpuReport
from runner.entity import Context, Entity
from runner.inputs import (
    Burst,
    Input,
    LinkChanged,
    MessageArrived,
    RowDeleted,
    RowSet,
    RowsFound,
    RowUnreadable,
    Single,
    SnapshotComplete,
    SyncCountersRead,
    TimerFired,
)
from runner.intake import Intake
from runner.ledger import Ledger, Unclaimed
from runner.neighbourhood import NEIGHBOURHOOD_TABLES, neighbourhood
from runner.outputs import (
    AnswerMessage,
    CancelTimer,
    Fault,
    InputRejected,
    Output,
    ReachBus,
    ReachOrchagent,
    ReadAgain,
    SendMessage,
    SetTimer,
    Verdict,
)

BOTH_OWNERS = frozenset({HaOwner.DPU, HaOwner.SWITCH})

HEARTBEAT_TIMER = "heartbeat"

MESSAGES = "messages"
"""What rejected messages are counted under."""

REPORT = '{"key":"HaScopeStateUpdate|'
_NOWHERE = ReachOrchagent(None, 0)

# The order in which entities that are due are refreshed: what others stand on comes first.
_ORDER = {kind: place for place, kind in enumerate(("ha-global", "dpu", "vdpu", "ha-set", "ha-scope", "eni"))}

_CREATED_BY: dict[str, Callable[[str], Entity]] = {
    tables.DASH_HA_GLOBAL_CONFIG.name: lambda _: GlobalConfigEntity(),
    tables.DPU.name: DpuEntity,
    tables.REMOTE_DPU.name: DpuEntity,
    tables.VDPU.name: VdpuEntity,
    tables.DASH_HA_SET_CONFIG_TABLE.name: HaSetEntity,
    tables.DASH_HA_SCOPE_CONFIG_TABLE.name: lambda key: HaScopeEntity(*split_scope_key(key)),
    tables.DASH_ENI_PLACEMENT_TABLE.name: EniEntity,
}

_CONFIGURED_BY: dict[str, Table[Any]] = {
    tables.DASH_HA_SET_TABLE.name: tables.DASH_HA_SET_CONFIG_TABLE,
    tables.DASH_HA_SET_STATE.name: tables.DASH_HA_SET_CONFIG_TABLE,
    tables.DASH_HA_VDPU_STATE.name: tables.VDPU,
}


_LAST = (AnswerMessage, ReachOrchagent, ReachBus, ReadAgain, SetTimer, CancelTimer)
"""What is said after everything else."""


class Node:
    """One DPU slot of one switch."""

    def __init__(
        self,
        *,
        slot_id: int,
        operation_ids: Callable[[], str],
        timers: Timers = DEFAULT_TIMERS,
        owners: frozenset[HaOwner] = BOTH_OWNERS,
    ) -> None:
        """Build a node that has heard nothing yet.

        ``operation_ids`` yields a new GUID in text each time it is called. ``owners``: whose scopes it drives. A
        process that cannot speak with its peer must not drive those of the switch: both sides would serve alone.
        """
        self._context = Context(slot_id, owners, timers, operation_ids, Board(_order), Ledger())
        self._intake = Intake(self._context.board)
        self._entities: dict[str, Entity] = {}
        self._dpu_names: set[str] = set()
        self._started = False
        self._orchagent: ReachOrchagent | None = None
        self._bus: ReachBus | None = None
        self._neighbourhood_changed = True
        self._strangers: Counter[str] = Counter()
        self._scopes = 0
        self._turn, self._turns = 0, 1
        self._timers_touched: set[str] = set()
        """The timers that were set or stopped so far because of the burst under way."""

    @property
    def rejected(self) -> Counter[str]:
        """How many rows were rejected so far, by table."""
        return self._intake.rejected

    @property
    def scopes(self) -> Mapping[str, Machine[Any] | None]:
        """The machine of each HA scope that is configured, by vDPU and scope id, for explanations; None: nobody here
        drives it. Only ``step`` may change it."""
        scopes = [entity for entity in self._entities.values() if isinstance(entity, HaScopeEntity)]
        return {entity.path.removeprefix("ha-scope/"): entity.machine for entity in scopes}

    def has_entity(self, path: str) -> bool:
        """There is an entity with this path, such as ``ha-scope/vdpu0_0:haset0_0``."""
        return path in self._entities

    def rows_of(self, path: str) -> list[tuple[str, str, Mapping[str, str]]]:
        """Table, key and content of every row that an entity wants to be there."""
        return self._context.ledger.owned_by(path)

    def step(self, happened: Input, now_ms: int) -> Sequence[Output]:
        """Take an input in, at a wall-clock time in milliseconds; return what is to be done, in order.

        What comes in one burst is decided one after the other as if it came alone. Only the rows are put together at
        the end: state rows first, then those of the DPU, then those of the switch, each as the last input of the burst
        left it. Messages keep the order in which they would have been said.
        """
        self._context.now_ms = now_ms
        if not isinstance(happened, Burst):
            self._take(happened)
            return self._outputs([self._said()])
        self._timers_touched = set()
        return self._outputs([self._part(each) for each in happened.inputs])

    def _part(self, happened: Single) -> list[Output]:
        """What is said because of one input of a burst; a defect that it uncovers costs this one and not the others."""
        if isinstance(happened, TimerFired) and happened.timer in self._timers_touched:
            return []
        try:
            self._take(happened)
        except Exception as error:  # noqa: BLE001
            self._context.say([Fault(type(happened).__name__, error)])
            if isinstance(happened, MessageArrived):
                self._context.say([AnswerMessage(None)])
        said = self._said()
        # A timer that an earlier input of the burst has stopped or started anew was due in vain.
        self._timers_touched |= {output.timer for output in said if isinstance(output, (SetTimer, CancelTimer))}
        return said

    def _take(self, happened: Single) -> None:
        context = self._context
        match happened:
            case RowSet() | RowDeleted() | RowUnreadable():
                self._take_in(happened)
            case RowsFound(database, rows):
                self._find(database, rows)
            case TimerFired(timer):
                self._fire(timer)
            case LinkChanged(dpu_name, up):
                context.board.post(topics.link(dpu_name), up)
            case MessageArrived():
                context.say([AnswerMessage(self._receive(happened))])
            case SyncCountersRead(counters):
                before: SyncPoll = context.board.peek(topics.SYNC_COUNTERS, SyncPoll(0, ()))
                context.board.post(topics.SYNC_COUNTERS, SyncPoll(before.number + 1, counters))
            case SnapshotComplete():
                self._started = True
                context.say([self._heartbeat()])
        if self._started:
            self._refresh_due()
            self._clean_up()
            self._reach_orchagent()
            self._reach_bus()

    def _take_in(self, change: RowSet | RowDeleted | RowUnreadable) -> None:
        self._neighbourhood_changed |= change.table in NEIGHBOURHOOD_TABLES
        rejected = self._intake.accept(change)
        if rejected is not None:
            self._context.say([rejected])
        elif isinstance(change, RowSet) and change.table in _CREATED_BY:
            entity = _CREATED_BY[change.table](change.key)
            self._scopes += isinstance(entity, HaScopeEntity) and entity.path not in self._entities
            self._entities.setdefault(entity.path, entity)
            self._context.board.due.add(entity.path)
            if isinstance(entity, DpuEntity):
                self._dpu_names.add(change.key)

    def _find(self, database: Database, rows: object) -> None:
        assert isinstance(rows, dict)
        if self._started and database is Database.DPU_APPL_DB and self._context.ledger.flushed(database, rows):
            # The DPU restarted faster than anybody reported it: all it was told is to be told again, in order.
            flushes = self._context.board.peek(topics.FLUSHES, 0)
            self._context.board.post(topics.FLUSHES, flushes + 1)
            return
        self._context.ledger.reconcile(database, rows)

    def _fire(self, timer: str) -> None:
        if timer == HEARTBEAT_TIMER:
            self._show_alive()
            return
        path, _, name = timer.rpartition("/")
        entity = self._entities.get(path)
        if entity is not None:
            entity.fire(name, self._context)

    def _receive(self, message: MessageArrived) -> Verdict:
        """Hand a message to the entity that it is for; a vote request for a scope that is unknown here is answered."""
        try:
            envelope = decode_message(message.payload)
        except BadMessage as error:
            self._reject(message, error.key, error.why)
            return Verdict.CONSUMED if isinstance(error, UnknownKind) else Verdict.UNREADABLE
        entity = self._entities.get(message.to)
        if entity is None:
            return self._answer_for_unknown(message, envelope)
        if self._speaks_for(message, envelope):
            entity.receive(envelope.sender, envelope.data, self._context)
        else:
            self._reject(message, "key", f"{envelope.sender} is not a scope of a vDPU on {message.dpu_name}")
        return Verdict.CONSUMED

    def _reject(self, message: MessageArrived, field: str, why: str) -> None:
        self._intake.rejected[MESSAGES] += 1
        where = f"message of {message.source} on {message.dpu_name} for {message.to}"
        self._context.say([InputRejected(where, field, message.payload[:80], why, MESSAGES)])

    def _speaks_for(self, message: MessageArrived, envelope: PeerEnvelope) -> bool:
        """A scope is believed only if it speaks from where its vDPU is (I-15)."""
        report: VdpuReport | None = self._context.board.peek(topics.vdpu(envelope.sender.partition(":")[0]))
        return report is not None and report.dpu.dpu_name == message.dpu_name

    def _answer_for_unknown(self, message: MessageArrived, envelope: PeerEnvelope) -> Verdict:
        """Vote for a scope that does not exist here. Source: switch-driven 5, bus 6, H-12."""
        request = envelope.data
        if not isinstance(request, VoteRequest):
            return Verdict.NOBODY
        sender = envelope.sender
        self._strangers[sender] += 1
        attempt = request.attempt if request.attempt is not None else self._strangers[sender]
        vote = vote_of_unknown_scope(attempt, self._context.timers.max_retries)
        reply = VoteReply(dst_actor_id=sender, response=vote, attempt=request.attempt)
        payload = encode_message(message.to.removeprefix("ha-scope/"), reply)
        self._context.say([SendMessage(message.dpu_name, message.to, message.source, payload)])
        return Verdict.CONSUMED

    def _show_alive(self) -> None:
        """Have the state rows of the scopes whose turn it is say that this process lives."""
        for turn in range(self._turn % self._turns, topics.HEARTBEATS, self._turns):
            self._context.board.post(topics.heartbeat(turn), self._context.now_ms)
        self._turn += 1
        self._context.say([self._heartbeat()])

    def _heartbeat(self) -> SetTimer:
        self._turns = next((2**n for n in range(6) if 2**n * topics.HEARTBEATS >= self._scopes), topics.HEARTBEATS)
        return SetTimer(HEARTBEAT_TIMER, round(1000 * self._context.timers.heartbeat / self._turns))

    def _refresh_due(self) -> None:
        board = self._context.board
        failed: set[str] = set()
        while (path := board.due.pop()) is not None:
            if path in failed:
                continue
            entity = self._entities.get(path)
            board.start_reading(path)
            if entity is None:
                board.forget(path)
                continue
            try:
                if entity.refresh(self._context):
                    board.stop_reading(path)
                else:
                    self._remove(path)
            except Exception as error:  # noqa: BLE001  (a defect in one entity must not stop the others)
                failed.add(path)
                self._context.say([Fault(path, error)])
        for path in failed:
            board.due.add(path)

    def _remove(self, path: str) -> None:
        self._context.board.forget(path)
        self._scopes -= isinstance(self._entities.pop(path), HaScopeEntity)
        self._dpu_names.discard(path.removeprefix("dpu/"))

    def _clean_up(self) -> None:
        """Delete what an earlier life left behind and nobody wants in this one."""
        for row in self._context.ledger.unclaimed():
            if self._is_orphan(row):
                self._context.ledger.discard(row)

    def _is_orphan(self, row: Unclaimed) -> bool:
        name, key = row.table.name, row.key
        if name in _CONFIGURED_BY:
            return not self._configured(_CONFIGURED_BY[name], key)
        if name == tables.DASH_HA_DPU_STATE.name:
            return not self._configured(tables.DPU, key) and not self._configured(tables.REMOTE_DPU, key)
        if name == tables.DASH_HA_GLOBAL_CONFIG_STATE.name:
            return self._context.board.peek(topics.GLOBAL_CONFIG) is None
        if name == tables.DASH_HA_SCOPE_TABLE.name:
            return not any(path.startswith("ha-scope/") and path.endswith(f":{key}") for path in self._entities)
        if name == tables.DASH_HA_SCOPE_STATE.name:
            return self._is_orphan_state(key)
        if name == tables.BFD_SESSION_TABLE.name and self._dpu_is_lost():
            # A DPU that is down answers no probe, and comes back without sessions.
            return True
        settled = all(entity.settled for entity in self._entities.values() if isinstance(entity, HaSetEntity))
        return settled and self._is_ours(row)

    def _is_orphan_state(self, key: str) -> bool:
        vdpu_id = key.partition("|")[0]
        report: VdpuReport | None = self._context.board.peek(topics.vdpu(vdpu_id))
        configured = self._configured(tables.DASH_HA_SCOPE_CONFIG_TABLE, key.replace("|", ":", 1))
        return not configured and report is not None and report.view.managed

    def _is_ours(self, row: Unclaimed) -> bool:
        """A row that only this process can have written: it is its DPU's, or a route or neighbour about its DPU."""
        if row.table in (tables.BFD_SESSION_TABLE, tables.DASH_FLOW_SYNC_SESSION_TABLE):
            return True
        if row.table is tables.DASH_ENI_FORWARD_TABLE:
            return self._is_our_entry(row)
        dpu = self._managed_dpu()
        if dpu is None or dpu.pa_v4 is None:
            return False
        if row.table is tables.NEIGH_RESOLVE_TABLE:
            return row.key.endswith(f":{dpu.pa_v4}")
        return row.table is tables.VNET_ROUTE_TUNNEL_TABLE and str(dpu.pa_v4) in row.fields.get("endpoint", "").split(
            ","
        )

    def _is_our_entry(self, row: Unclaimed) -> bool:
        """A forwarding entry of an ENI that is placed nowhere any more, to a DPU of this process."""
        placed = {entity.mac for entity in self._entities.values() if isinstance(entity, EniEntity)}
        if row.key.partition(":")[2] in placed:
            return False
        ids = row.fields.get("vdpu_ids", "").split(",")
        reports: list[VdpuReport | None] = [self._context.board.peek(topics.vdpu(id_)) for id_ in ids]
        return any(report is not None and report.view.managed for report in reports)

    def _configured(self, table: Table[Any], key: str) -> bool:
        return self._context.board.peek(topics.row(table, key)) is not None

    def _managed_dpu(self) -> DpuView | None:
        views: list[DpuView | None] = [self._context.board.peek(topics.dpu(name)) for name in sorted(self._dpu_names)]
        return next((view for view in views if view is not None and view.managed), None)

    def _dpu_is_lost(self) -> bool:
        dpu = self._managed_dpu()
        return dpu is not None and dpu.lost

    def _reach_orchagent(self) -> None:
        """Say where the managed DPU's orchagent listens whenever that changes.

        One whose configuration was deleted stays reachable until everything is taken from it (FL-38).
        """
        dpu = self._managed_dpu()
        row: DpuRow | None = self._context.board.peek(topics.row(tables.DPU, dpu.dpu_name)) if dpu is not None else None
        host: IPv4Address | None = row.midplane_ipv4 if row is not None else None
        reach = _NOWHERE
        if row is not None and host is not None:
            reach = ReachOrchagent(str(host), row.orchagent_zmq_port)
        elif self._context.ledger.dpu_has_rows:
            return
        if reach != (self._orchagent or _NOWHERE):
            self._orchagent = reach
            self._context.say([reach])

    def _reach_bus(self) -> None:
        """Say where this process stands on the bus whenever that changes."""
        if not self._neighbourhood_changed:
            return
        self._neighbourhood_changed = False
        reach = neighbourhood(self._context.board, self._context.slot_id, self._dpu_names)
        if reach != self._bus:
            self._bus = reach
            self._context.say([reach])

    def _said(self) -> list[Output]:
        """What was said since the last call, with the reports before the other messages.

        A peer decides on where this side is before it decides on what this side asks.
        """
        said, self._context.outputs = self._context.outputs, []
        if sum(isinstance(output, SendMessage) for output in said) > 1:
            said.sort(key=_is_no_report)
        return said

    def _outputs(self, parts: Sequence[Sequence[Output]]) -> list[Output]:
        """What was logged, then the rows, then the messages, then the orchagent and the timers.

        A DPU is left only after it heard what is taken from it, and reached when all that it is to hear is known: what
        an earlier life left is not always whole, and a scope must not come before its set (I-05).
        """
        logged: list[Output] = []
        messages: list[Output] = []
        last: list[Output] = []
        for said in parts:
            for output in said:
                if isinstance(output, SendMessage):
                    messages.append(output)
                elif isinstance(output, _LAST):
                    last.append(output)
                else:
                    logged.append(output)
        return [*logged, *self._context.ledger.take(), *messages, *last]


def _is_no_report(output: Output) -> bool:
    return not (isinstance(output, SendMessage) and output.payload.startswith(REPORT))


def _order(path: str) -> tuple[int, str]:
    return _ORDER[path.partition("/")[0]], path
