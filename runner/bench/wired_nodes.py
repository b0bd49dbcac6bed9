"""Two nodes on a wire that loses nothing, with DPUs that take every role at once: many scopes without any process.

What is measured is the nodes; the wire only keeps inputs in order. Nothing here is random, so two runs of one size step
the same nodes with the same inputs.

Source: architecture "The node", domain "What the system is".
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from ipaddress import IPv4Address
from itertools import count
from typing import Any

from attrs import define, field

from hamgr_fsm.vocabulary import DesiredHaState, HaOwner, HaRole, HaScopeKind, HaState
from models import tables
from models.controller import HaScopeConfigRow, HaSetConfigRow, encode_ha_scope_config, encode_ha_set_config
from models.database import Database
from models.table import Table
from runner.inputs import Input, LinkChanged, MessageArrived, RowSet, RowsFound, Single, SnapshotComplete, TimerFired
from runner.lab.sides import SET_ID, A, B, Side, configuration
from runner.node import Node
from runner.outputs import CancelTimer, DeleteRow, Fault, Output, SendMessage, SetTimer, WriteRow

SIDES = (A, B)
UP = {"dpu_midplane_link_state": "up", "dpu_control_plane_state": "up", "dpu_data_plane_state": "up"}
DOWN = {"dpu_midplane_link_state": "down", "dpu_control_plane_state": "down", "dpu_data_plane_state": "down"}
PAIRED = (HaState.ACTIVE, HaState.STANDBY)

Observer = Callable[[Node, Input, Sequence[Output], int], None]
"""Told of every step: the node, the input, the outputs, and the processor time that it took in nanoseconds."""


@define(eq=False)
class End:
    """One of the two nodes and what it has written and was told."""

    side: Side
    node: Node
    rows: dict[tuple[Database, str, str], dict[str, str]] = field(factory=dict)
    heard: dict[tuple[Database, str, str], RowSet] = field(factory=dict)
    timers: dict[str, int] = field(factory=dict)
    told_at_start: list[Single] = field(factory=list)
    """Everything that the node was told before any scope was configured."""


@define(eq=False)
class WiredNodes:
    """Both ends, what is on its way, and the time in milliseconds.

    ``scopes`` is how many scopes the pair has: of kind ``eni`` all in one HA set, of kind ``dpu`` each in its own.
    """

    scopes: int
    kind: HaScopeKind = HaScopeKind.ENI
    observer: Observer | None = None
    now_ms: int = 1_718_032_540_000
    ends: tuple[End, ...] = ()
    _queue: deque[tuple[End, Single]] = field(factory=deque)
    _due: list[tuple[int, int, str, End]] = field(factory=list)
    _numbers: "count[int]" = field(factory=count)

    def __attrs_post_init__(self) -> None:
        self.ends = tuple(End(side, self.new_node(side)) for side in SIDES)
        for end in self.ends:
            self._configure(end)
        for end, happened in self._queue:
            end.told_at_start.append(happened)
        self.run()

    @staticmethod
    def new_node(side: Side) -> Node:
        """A node that knows nothing yet."""
        ids = count()
        return Node(slot_id=0, operation_ids=lambda: f"00000000-0000-4000-8000-{side.name}{next(ids):011d}")

    @property
    def scope_ids(self) -> list[str]:
        """The ids of the scopes: ENIs by their MAC, or HA sets."""
        if self.kind is HaScopeKind.ENI:
            return [f"F4939F{number:06X}" for number in range(self.scopes)]
        return self.set_ids

    @property
    def set_ids(self) -> list[str]:
        """The HA sets that the scopes are in."""
        if self.kind is HaScopeKind.ENI:
            return [SET_ID]
        return [f"haset0_{number}" for number in range(self.scopes)]

    # Lives.

    def launch(self) -> None:
        """Bring every scope to Active on the first side and Standby on the second, with all approvals."""
        for scope_id in self.scope_ids:
            for end in self.ends:
                self.configure_scope(end, scope_id)
        self.run()
        for _ in range(100):
            self.let_pass(5)
            for end in self.ends:
                self.approve(end)
            self.run()
            if self.at(self.ends[0], PAIRED[0]) and self.at(self.ends[1], PAIRED[1]):
                return
        raise RuntimeError("the pair does not form")

    def at(self, end: End, state: HaState) -> bool:
        """Every scope of one end is in a state."""
        machines = end.node.scopes.values()
        return all(machine is not None and machine.facts.state is state for machine in machines)

    def configure_scope(self, end: End, scope_id: str, **changes: object) -> None:
        """Write the configuration of one scope."""
        self._queue.append((end, self.scope_row(end, scope_id, **changes)))

    def scope_row(self, end: End, scope_id: str, **changes: object) -> RowSet:
        """The input that the configuration of one scope is."""
        first = end is self.ends[0]
        values: dict[str, object] = {
            "version": "1",
            "disabled": False,
            "owner": HaOwner.SWITCH,
            "ha_set_id": SET_ID if self.kind is HaScopeKind.ENI else scope_id,
            "desired_ha_state": DesiredHaState.ACTIVE if first else DesiredHaState.UNSPECIFIED,
            **changes,
        }
        row = HaScopeConfigRow(**values)  # type: ignore[arg-type]
        key = f"{end.side.vdpu_id}:{scope_id}"
        return self._row(end, tables.DASH_HA_SCOPE_CONFIG_TABLE, key, {"pb": encode_ha_scope_config(row)})

    def approve(self, end: End) -> None:
        """Approve everything that one side asks for."""
        for name, machine in end.node.scopes.items():
            operations = machine.facts.operations if machine is not None else ()
            if operations:
                ids = tuple(operation.operation_id for operation in operations)
                self.configure_scope(end, name.partition(":")[2], approved_pending_operation_ids=ids)

    def planes(self, end: End, planes: dict[str, str]) -> None:
        """Let the platform report the planes of one DPU."""
        self.write(end, tables.DPU_STATE, "DPU0", planes)

    def restarted(self, end: End) -> tuple[Node, list[Single]]:
        """A node that has just been started, and all that it is to hear of the life before."""
        found: dict[Database, dict[tuple[str, str], dict[str, str]]] = {
            database: {} for database in (Database.STATE_DB, Database.DPU_APPL_DB, Database.APPL_DB)
        }
        for (database, table, key), fields in end.rows.items():
            found[database][table, key] = fields
        inputs = [RowsFound(database, rows) for database, rows in found.items()]
        return self.new_node(end.side), [*inputs, *end.heard.values(), SnapshotComplete()]

    # Time and the wire.

    def write(self, end: End, table: Table[Any], key: str, fields: dict[str, str]) -> None:
        """Write a row that one node reads; it waits in the queue."""
        encoded = {name: value.encode() for name, value in fields.items()}
        self._queue.append((end, self._row(end, table, key, encoded)))

    def hand(self, end: End, happened: Single) -> None:
        """Put any input into the queue."""
        self._queue.append((end, happened))

    def let_pass(self, seconds: float) -> None:
        """Let time pass; timers that are due fire in order."""
        until = self.now_ms + round(1000 * seconds)
        while self._due and self._due[0][0] <= until:
            at_ms, _, name, end = heappop(self._due)
            if end.timers.get(name) == at_ms:
                self.now_ms = at_ms
                del end.timers[name]
                self._queue.append((end, TimerFired(name)))
                self.run()
        self.now_ms = until

    def run(self) -> None:
        """Let everything happen that is on its way."""
        queue = self._queue
        while queue:
            end, happened = queue.popleft()
            start = time.thread_time_ns()
            outputs = end.node.step(happened, self.now_ms)
            took = time.thread_time_ns() - start
            if self.observer is not None:
                self.observer(end.node, happened, outputs, took)
            for output in outputs:
                self._carry_out(end, output)

    def _row(self, end: End, table: Table[Any], key: str, fields: dict[str, bytes]) -> RowSet:
        row = RowSet(table.database, table.name, key, fields)
        end.heard[table.database, table.name, key] = row
        return row

    def _carry_out(self, end: End, output: Output) -> None:
        match output:
            case WriteRow():
                end.rows[output.database, output.table, output.key] = dict(output.fields)
                self._acknowledge(end, output)
            case DeleteRow():
                end.rows.pop((output.database, output.table, output.key), None)
            case SendMessage():
                other = self.ends[1] if end is self.ends[0] else self.ends[0]
                arrived = MessageArrived(end.side.dpu_name, output.source, output.to, output.payload)
                self._queue.append((other, arrived))
            case SetTimer():
                end.timers[output.timer] = at_ms = self.now_ms + output.after_ms
                heappush(self._due, (at_ms, next(self._numbers), output.timer, end))
            case CancelTimer():
                end.timers.pop(output.timer, None)
            case Fault():
                raise output.error

    def _acknowledge(self, end: End, row: WriteRow) -> None:
        if row.table == tables.DASH_HA_SCOPE_TABLE.name:
            role = HaRole(row.fields["ha_role"])
            self.write(end, tables.DASH_HA_SCOPE_STATE_TABLE, row.key, {"ha_role": role.value})
        elif row.table == tables.DASH_FLOW_SYNC_SESSION_TABLE.name:
            self.write(end, tables.DASH_FLOW_SYNC_SESSION_STATE_TABLE, row.key, {"state": "completed"})

    def _configure(self, end: End) -> None:
        for table, key, fields in configuration(end.side, SIDES):
            self.write(end, table, key, fields)
        self.planes(end, UP)
        for number, set_id in enumerate(self.set_ids):
            row = HaSetConfigRow(
                version="1.0",
                vip_v4=IPv4Address("3.2.1.0") + number,
                vdpu_ids=tuple(side.vdpu_id for side in SIDES),
                scope=self.kind,
                preferred_vdpu_id=SIDES[0].vdpu_id,
            )
            encoded = {"pb": encode_ha_set_config(row)}
            self._queue.append((end, self._row(end, tables.DASH_HA_SET_CONFIG_TABLE, set_id, encoded)))
            self.write(end, tables.DASH_HA_SET_STATE_TABLE, set_id, {"dp_channel_is_alive": "up"})
        if self.kind is HaScopeKind.ENI:
            for scope_id in self.scope_ids:
                fields = {"version": "1", "eni_mac": scope_id, "ha_set_id": SET_ID}
                self.write(end, tables.DASH_ENI_PLACEMENT_TABLE, scope_id, fields)
        self._queue.append((end, SnapshotComplete()))
        other = SIDES[1] if end.side is SIDES[0] else SIDES[0]
        self._queue.append((end, LinkChanged(other.dpu_name, up=True)))
