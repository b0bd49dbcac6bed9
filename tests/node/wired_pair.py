"""Two nodes on a wire that loses nothing, with DPUs that take every role at once: several switch-driven sets."""

from collections import deque
from itertools import count
from typing import Any

from hamgr_fsm.vocabulary import DesiredHaState, HaOwner
from models import tables
from models.table import Table
from runner.inputs import Input, LinkChanged, MessageArrived, RowSet, SnapshotComplete, TimerFired
from runner.node import Node
from runner.outputs import CancelTimer, DeleteRow, Fault, Output, SendMessage, SetTimer, WriteRow
from tests.node.switch import CONFIGURATION, scope_fields, set_fields

UP = {"dpu_midplane_link_state": "up", "dpu_control_plane_state": "up", "dpu_data_plane_state": "up"}


class End:
    """One of the two nodes and what it has written."""

    def __init__(self, number: int) -> None:
        ids = count()
        self.number = number
        self.node = Node(slot_id=0, operation_ids=lambda: f"{number}-{next(ids)}")
        self.rows: dict[tuple[str, str], dict[str, str]] = {}
        self.timers: dict[str, int] = {}


class WiredPair:
    """Both ends, what is on its way, and the time in milliseconds."""

    def __init__(self, set_ids: tuple[str, ...]) -> None:
        self.now_ms = 1_718_032_540_000
        self.ends = (End(0), End(1))
        self._queue: deque[tuple[End, Input]] = deque()
        for end in self.ends:
            self._configure(end, set_ids)
        self.run()

    def write(self, number: int, table: Table[Any], key: str, fields: dict[str, Any]) -> None:
        """Write a row that one node reads, and let everything happen that it causes."""
        self._hand(self.ends[number], table, key, fields)
        self.run()

    def deliver(self, number: int, dpu_name: str, source: str, to: str, payload: str) -> None:
        """Let a message of whoever it may be reach one node."""
        self._queue.append((self.ends[number], MessageArrived(dpu_name, source, to, payload)))
        self.run()

    def scope(self, number: int, set_id: str, **changes: Any) -> None:
        """Write the scope of one side."""
        fields = scope_fields(owner=HaOwner.SWITCH, ha_set_id=set_id, **changes)
        self.write(number, tables.DASH_HA_SCOPE_CONFIG_TABLE, f"vdpu{number}_0:{set_id}", fields)

    def approve(self, number: int, set_id: str, desired: DesiredHaState) -> None:
        """Approve what one side asks for."""
        ids = self.state(number, set_id).get("pending_operation_ids", "").split(",")
        self.scope(number, set_id, desired_ha_state=desired, approved_pending_operation_ids=tuple(filter(None, ids)))

    def state(self, number: int, set_id: str) -> dict[str, str]:
        """The state row of one side."""
        return self.ends[number].rows["DASH_HA_SCOPE_STATE", f"vdpu{number}_0|{set_id}"]

    def states(self, set_id: str) -> tuple[str, str]:
        """Where both sides are."""
        a, b = (self.state(number, set_id)["local_ha_state"].removeprefix("HA_STATE_") for number in (0, 1))
        return a, b

    def let_pass(self, seconds: int) -> None:
        """Let time pass; timers that are due fire in order."""
        until = self.now_ms + 1000 * seconds
        while due := [(at, end.number, name) for end in self.ends for name, at in end.timers.items() if at <= until]:
            self.now_ms, number, name = min(due)
            del self.ends[number].timers[name]
            self._queue.append((self.ends[number], TimerFired(name)))
            self.run()
        self.now_ms = until

    def run(self) -> None:
        """Let everything happen that is on its way."""
        while self._queue:
            end, happened = self._queue.popleft()
            for output in end.node.step(happened, self.now_ms):
                self._carry_out(end, output)

    def _hand(self, end: End, table: Table[Any], key: str, fields: dict[str, Any]) -> None:
        encoded = {name: value if isinstance(value, bytes) else str(value).encode() for name, value in fields.items()}
        self._queue.append((end, RowSet(table.database, table.name, key, encoded)))

    def _carry_out(self, end: End, output: Output) -> None:
        match output:
            case WriteRow():
                end.rows[output.table, output.key] = dict(output.fields)
                self._acknowledge(end, output)
            case DeleteRow():
                end.rows.pop((output.table, output.key), None)
            case SendMessage():
                self._queue.append(
                    (
                        self.ends[1 - end.number],
                        MessageArrived(f"dpu{end.number}_0", output.source, output.to, output.payload),
                    )
                )
            case SetTimer():
                end.timers[output.timer] = self.now_ms + output.after_ms
            case CancelTimer():
                end.timers.pop(output.timer, None)
            case Fault():
                raise output.error

    def _acknowledge(self, end: End, row: WriteRow) -> None:
        if row.table == tables.DASH_HA_SCOPE_TABLE.name:
            self._hand(end, tables.DASH_HA_SCOPE_STATE_TABLE, row.key, {"ha_role": row.fields["ha_role"]})
        elif row.table == tables.DASH_FLOW_SYNC_SESSION_TABLE.name:
            self._hand(end, tables.DASH_FLOW_SYNC_SESSION_STATE_TABLE, row.key, {"state": "completed"})

    def _configure(self, end: End, set_ids: tuple[str, ...]) -> None:
        own, other = end.number, 1 - end.number
        self._queue.append((end, SnapshotComplete()))
        local = {"dpu_id": 0, "pa_ipv4": f"20.0.20{own}.1", "midplane_ipv4": "169.254.200.1"}
        remote = {
            "type": "cluster",
            "dpu_id": 0,
            "pa_ipv4": f"20.0.20{other}.1",
            "npu_ipv4": f"10.1.0.{32 + other}",
            "swbus_port": 23606,
        }
        self._hand(end, tables.LOOPBACK_INTERFACE, f"Loopback0|10.1.0.{32 + own}/32", {"NULL": "NULL"})
        self._hand(end, tables.DPU, f"dpu{own}_0", local)
        self._hand(end, tables.REMOTE_DPU, f"dpu{other}_0", remote)
        for number in (0, 1):
            self._hand(end, tables.VDPU, f"vdpu{number}_0", {"main_dpu_ids": f"dpu{number}_0"})
        self._hand(end, tables.DASH_HA_GLOBAL_CONFIG, "GLOBAL", CONFIGURATION[-1][2])
        self._hand(end, tables.DPU_STATE, "DPU0", UP)
        self._queue.append((end, LinkChanged(f"dpu{other}_0", up=True)))
        for number, set_id in enumerate(set_ids):
            self._hand(end, tables.DASH_HA_SET_CONFIG_TABLE, set_id, set_fields(vip_v4=f"3.2.1.{number}"))
            self._hand(end, tables.DASH_HA_SET_STATE_TABLE, set_id, {"dp_channel_is_alive": "up"})
