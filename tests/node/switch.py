"""A switch in memory: databases as dictionaries, one node, one simulated DPU, and whatever a test writes.

Nothing waits: a write is followed by everything that it causes. The store is the only fake; node and DPU are real.
"""

from collections import defaultdict, deque
from collections.abc import Mapping
from ipaddress import ip_address
from itertools import count
from typing import Any

from hamgr_fsm.vocabulary import DesiredHaState, HaOwner, HaScopeKind, PinState
from models import tables
from models.controller import HaScopeConfigRow, HaSetConfigRow, encode_ha_scope_config, encode_ha_set_config
from models.database import Database
from models.table import Table
from runner.inputs import Input, RowDeleted, RowSet, RowsFound, SnapshotComplete, TimerFired
from runner.lab.dpu import SimulatedDpu
from runner.lab.dpu_writes import DpuWrite, EmptyDatabase, MergeRow
from runner.node import Node
from runner.outputs import CancelTimer, DeleteRow, Fault, Output, ReadAgain, SetTimer, WriteRow

SCOPE_KEY = "vdpu0_0:haset0_0"
SCOPE_STATE_KEY = "vdpu0_0|haset0_0"
SET_ID = "haset0_0"
ROUTE_KEY = "Vnet_55:3.2.1.0"

CONFIGURATION: tuple[tuple[Table[Any], str, dict[str, str]], ...] = (
    (tables.LOOPBACK_INTERFACE, "Loopback0|10.1.0.32/32", {"NULL": "NULL"}),
    (
        tables.DPU,
        "dpu0_0",
        {
            "state": "up",
            "dpu_id": "0",
            "vdpu_id": "vdpu0_0",
            "pa_ipv4": "20.0.200.1",
            "midplane_ipv4": "169.254.200.1",
            "orchagent_zmq_port": "8100",
            "swbus_port": "23606",
        },
    ),
    (
        tables.REMOTE_DPU,
        "dpu1_0",
        {"type": "cluster", "dpu_id": "0", "pa_ipv4": "20.0.201.1", "npu_ipv4": "10.1.0.33", "swbus_port": "23606"},
    ),
    (tables.VDPU, "vdpu0_0", {"main_dpu_ids": "dpu0_0"}),
    (tables.VDPU, "vdpu1_0", {"main_dpu_ids": "dpu1_0"}),
    (
        tables.DASH_HA_GLOBAL_CONFIG,
        "GLOBAL",
        {
            "cp_data_channel_port": "6000",
            "dp_channel_dst_port": "7000",
            "dp_channel_src_port_min": "7001",
            "dp_channel_src_port_max": "7010",
            "dp_channel_probe_interval_ms": "500",
            "dp_channel_probe_fail_threshold": "5",
            "dpu_bfd_probe_interval_in_ms": "1000",
            "dpu_bfd_probe_multiplier": "3",
            "dpu_vnet": "Vnet_55",
            "dpu_vlan": "Vlan55",
        },
    ),
)
"""CONFIG_DB of side A as in scenarios 0.1 and the examples of tables 2."""

Row = tuple[str, str]


def set_fields(**changes: Any) -> dict[str, bytes]:
    """The row of the HA set as a controller writes it, with changes."""
    values: dict[str, Any] = {
        "version": "1.0",
        "vip_v4": "3.2.1.0",
        "vdpu_ids": ("vdpu0_0", "vdpu1_0"),
        "scope": HaScopeKind.DPU,
        "pinned_vdpu_bfd_probe_states": (PinState.NONE, PinState.NONE),
        "preferred_vdpu_id": "vdpu0_0",
        **changes,
    }
    for name in ("vip_v4", "vip_v6"):
        if isinstance(values.get(name), str):
            values[name] = ip_address(values[name])
    return {"pb": encode_ha_set_config(HaSetConfigRow(**values))}


def scope_fields(**changes: Any) -> dict[str, bytes]:
    """The row of the HA scope as a controller writes it, with changes."""
    values: dict[str, Any] = {
        "version": "1",
        "disabled": False,
        "owner": HaOwner.DPU,
        "ha_set_id": SET_ID,
        "desired_ha_state": DesiredHaState.ACTIVE,
        **changes,
    }
    return {"pb": encode_ha_scope_config(HaScopeConfigRow(**values))}


class Killed(Exception):  # noqa: N818  (nobody's error)
    """The daemon was killed in the middle of carrying out a step."""


class Switch:
    """The databases of side A, its node and its DPU."""

    def __init__(self, *, slot_id: int = 0, started: bool = True) -> None:
        self.now_ms = 1_718_032_540_000
        self.slot_id = slot_id
        self.databases: dict[Database, dict[Row, dict[str, bytes]]] = defaultdict(dict)
        self.dpu = SimulatedDpu()
        self.written: list[WriteRow | DeleteRow] = []
        self.said: list[Output] = []
        self.journal: list[tuple[Input, int]] = []
        self.timers: dict[str, int] = {}
        self.lives = count()
        self.outputs_until_crash: int | None = None
        """When not None, the daemon dies after so many more row outputs."""

        self.comes_back = True
        """A daemon that died is started again at once."""

        self.happenings: deque[Input] = deque()
        self.node = self._new_node()
        if started:
            self.happen(SnapshotComplete())

    def _new_node(self) -> Node:
        life, number = next(self.lives), count()
        return Node(
            slot_id=self.slot_id,
            operation_ids=lambda: f"00000000-0000-4000-8000-{life:04d}{next(number):08d}",
            owners=frozenset({HaOwner.DPU}),
        )

    # What a test does.

    def write(self, table: Table[Any], key: str, fields: Mapping[str, str | bytes]) -> None:
        """HSET a row that hamgrd reads."""
        row = self.databases[table.database].setdefault((table.name, key), {})
        row.update({name: value.encode() if isinstance(value, str) else value for name, value in fields.items()})
        self.happen(RowSet(table.database, table.name, key, dict(row)))

    def delete(self, table: Table[Any], key: str) -> None:
        """DEL a row that hamgrd reads."""
        self.databases[table.database].pop((table.name, key), None)
        self.happen(RowDeleted(table.database, table.name, key))

    def configure(self) -> None:
        """Write all of CONFIG_DB."""
        for table, key, fields in CONFIGURATION:
            self.write(table, key, fields)

    def ha_set(self, **changes: Any) -> None:
        """Write the row of the HA set."""
        self.write(tables.DASH_HA_SET_CONFIG_TABLE, SET_ID, set_fields(**changes))

    def scope(self, **changes: Any) -> None:
        """Write the row of the HA scope."""
        self.write(tables.DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY, scope_fields(**changes))

    def approve(self, **changes: Any) -> None:
        """Write the row of the HA scope with the ids of all pending operations."""
        self.scope(approved_pending_operation_ids=tuple(self.pending()), **changes)

    def dpu_does(self, writes: list[DpuWrite]) -> None:
        """Let the DPU write what it has to write."""
        for write in writes:
            self._dpu_write(write)
        self._run()

    def settle(self) -> None:
        """Let the DPU go on by itself until nothing more happens."""
        for _ in range(40):
            self.now_ms += 1000
            self.dpu_does(self.dpu.advance(self.now_ms // 1000))
            if self.dpu.settled:
                return
        raise AssertionError("the DPU does not come to rest")

    def power_on(self) -> None:
        self.dpu_does(self.dpu.power_on(self.now_ms // 1000))

    def power_off(self) -> None:
        self.dpu_does(self.dpu.power_off(self.now_ms // 1000))

    def audit(self) -> None:
        """What the daemon reads of its own rows now and then."""
        for database in (Database.STATE_DB, Database.DPU_APPL_DB, Database.APPL_DB):
            self.happen(self._found(database))

    def fire(self, timer: str) -> None:
        """A timer that runs is due."""
        self.now_ms += self.timers.pop(timer)
        self.happen(TimerFired(timer))

    def planned_up(self) -> None:
        """Configuration, power, peer, and the way to the serving state."""
        self.configure()
        self.power_on()
        self.dpu.peer_appears()
        self.ha_set()
        self.scope(disabled=True)
        self.scope()
        self.settle()
        self.approve()
        self.settle()

    def restart(self) -> None:
        """Start the daemon again on what the databases hold."""
        self.happenings.clear()
        self.outputs_until_crash = None
        self.timers.clear()
        self.node = self._new_node()
        for database in (Database.STATE_DB, Database.DPU_APPL_DB, Database.APPL_DB):
            self.happen(self._found(database))
        for row in self._read(*Database):
            self.happen(row)
        self.happen(SnapshotComplete())

    # What a test asks.

    def row(self, table: Table[Any], key: str) -> dict[str, str] | None:
        """A row as text, or None."""
        fields = self.databases[table.database].get((table.name, key))
        return None if fields is None else {name: value.decode() for name, value in fields.items()}

    def keys(self, table: Table[Any]) -> set[str]:
        """The keys of a table."""
        return {key for name, key in self.databases[table.database] if name == table.name}

    @property
    def state(self) -> dict[str, str]:
        """The published row of the scope."""
        row = self.row(tables.DASH_HA_SCOPE_STATE, SCOPE_STATE_KEY)
        assert row is not None, "the scope publishes nothing"
        return row

    @property
    def dpu_scope(self) -> dict[str, str]:
        """What the DPU was told of the scope."""
        row = self.row(tables.DASH_HA_SCOPE_TABLE, SET_ID)
        assert row is not None, "the DPU was told no scope"
        return row

    def pending(self) -> dict[str, str]:
        """The pending operations: types by id."""
        ids = self.state.get("pending_operation_ids", "")
        types = self.state.get("pending_operation_types", "")
        return dict(zip(ids.split(","), types.split(","), strict=True)) if ids else {}

    def ha_rows(self, *, without: tuple[Table[Any], ...] = ()) -> dict[Row, dict[str, str]]:
        """Every row that hamgrd has written and that is there."""
        return {
            (table.name, key): row
            for table in tables.WRITTEN_TABLES
            if table not in without
            for key in self.keys(table)
            if (row := self.row(table, key)) is not None
        }

    def since(self, mark: int) -> list[tuple[str, str, str]]:
        """What was written after a mark (``len(switch.written)``): operation, table, key."""
        return [("W" if isinstance(o, WriteRow) else "D", o.table, o.key) for o in self.written[mark:]]

    def said_of(self, kind: type[Output]) -> list[Any]:
        """What the node said of one kind."""
        return [output for output in self.said if isinstance(output, kind)]

    # How it works.

    def happen(self, happened: Input) -> None:
        """Hand an input over and carry everything out that follows from it."""
        self.happenings.append(happened)
        self._run()

    def _read(self, *databases: Database) -> list[RowSet]:
        """Every row that hamgrd reads in these databases."""
        return [
            RowSet(table.database, name, key, dict(fields))
            for table in tables.READ_TABLES
            if table.database in databases
            for (name, key), fields in self.databases[table.database].items()
            if name == table.name
        ]

    def _run(self) -> None:
        while self.happenings:
            happened = self.happenings.popleft()
            self.now_ms += 1
            self.journal.append((happened, self.now_ms))
            try:
                for output in self.node.step(happened, self.now_ms):
                    self._carry_out(output)
            except Killed:
                if not self.comes_back:
                    raise
                self.restart()

    def _carry_out(self, output: Output) -> None:
        match output:
            case WriteRow() | DeleteRow():
                if self.outputs_until_crash is not None:
                    if self.outputs_until_crash == 0:
                        raise Killed
                    self.outputs_until_crash -= 1
                self.written.append(output)
                self._store(output)
            case SetTimer(timer, after_ms):
                self.timers[timer] = after_ms
            case CancelTimer(timer):
                self.timers.pop(timer, None)
            case ReadAgain(database):
                self.happenings.extend(self._read(database))
            case Fault(_, error):
                raise error
            case _:
                self.said.append(output)

    def _store(self, output: WriteRow | DeleteRow) -> None:
        rows = self.databases[output.database]
        row = (output.table, output.key)
        to_dpu = output.database is Database.DPU_APPL_DB
        if isinstance(output, DeleteRow):
            rows.pop(row, None)
            writes = self.dpu.row_deleted(*row, self.now_ms // 1000) if to_dpu else []
        else:
            before = {} if to_dpu else rows.get(row, {})
            merged = {name: value for name, value in before.items() if name not in output.vanished}
            rows[row] = merged | {name: value.encode() for name, value in output.fields.items()}
            writes = self.dpu.row_set(*row, output.fields, self.now_ms // 1000) if to_dpu else []
        for write in writes:
            self._dpu_write(write)

    def _dpu_write(self, write: DpuWrite) -> None:
        if isinstance(write, EmptyDatabase):
            self.databases[write.database].clear()
            return
        rows = self.databases[write.database]
        row = (write.table, write.key)
        if isinstance(write, MergeRow):
            rows.setdefault(row, {}).update({name: value.encode() for name, value in write.fields.items()})
            self.happenings.append(RowSet(write.database, write.table, write.key, dict(rows[row])))
        else:
            rows.pop(row, None)
            self.happenings.append(RowDeleted(write.database, write.table, write.key))

    def _found(self, database: Database) -> RowsFound:
        mine = {table.name for table in tables.WRITTEN_TABLES if table.database is database}
        rows = {
            row: {name: value.decode() for name, value in fields.items()}
            for row, fields in self.databases[database].items()
            if row[0] in mine
        }
        return RowsFound(database, rows)
