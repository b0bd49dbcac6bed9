"""A switch for tests of the daemon: a Redis server of the host, one of each DPU, hamgrd, and a DPU in the test's hand.

hamgrd and the servers are real processes; what is done to them is recorded. The test is controller, operator and world.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import evolve

from hamgr_fsm.vocabulary import OperationType
from models.database import Database
from models.table import Table, Transport
from models.tables import (
    DASH_HA_SCOPE_STATE,
    DASH_HA_SET_CONFIG_TABLE,
    DASH_HA_SET_STATE_TABLE,
    DPU_STATE,
    VDPU,
    WRITTEN_TABLES,
)
from runner.demo.configuration import (
    DPU_DATABASES,
    HOST_DATABASES,
    A,
    B,
    ConfigRow,
    Ports,
    config_rows,
    open_switch,
    write_database_files,
)
from runner.demo.hamgrd_process import hamgrd_command
from runner.demo.npu import NpuConsumers
from runner.demo.ports import quiet_port
from runner.demo.recorder import Change, Recorder
from runner.private_redis import PrivateRedis
from runner.redis_rows import Fields, RedisRows
from tests.daemon.controller import HA_SET_ID, VDPU_ID, Controller
from tests.daemon.daemon import Daemon, until
from tests.daemon.dpu_in_hand import DpuInHand

SCOPE_ROW = f"{VDPU_ID}|{HA_SET_ID}"
SCOPE_KEY = f"{VDPU_ID}:{HA_SET_ID}"
PASSING = ("_time_in_ms", "_timestamp_in_ms", "timestamp", "orchagent_zmq_port", "swbus_port")
"""The ends of the names of fields that are never the same twice: they say when, or which port was free."""

WRITTEN = tuple(table.name for table in WRITTEN_TABLES)
PENDING = tuple(f"_{table.name}" for table in WRITTEN_TABLES if table.transport is Transport.PRODUCER_STATE_TABLE)

BARRIERS: Mapping[Database, tuple[Table[Any], str, Fields]] = {
    Database.CONFIG_DB: (VDPU, "barrier-{}", {"tier": "none"}),
    Database.APPL_DB: (DASH_HA_SET_CONFIG_TABLE, "barrier-{}", {"pb": b"\xff"}),
    Database.CHASSIS_STATE_DB: (DPU_STATE, "barrier-{}", {"id": "0"}),
    Database.DPU_STATE_DB: (DASH_HA_SET_STATE_TABLE, "barrier-{}", {"dp_channel_is_alive": "perhaps"}),
}
"""A row for each database that is about nothing and is rejected: once that is logged, all before it was handled."""

RowId = tuple[str, str]

_numbers = count(1)


class Switch:
    """A switch with one DPU, in slot 0. A context manager: leaving it ends everything that it started."""

    def __init__(self, directory: Path, *, options: Sequence[str] = ()) -> None:
        self.directory = directory
        self.options = tuple(options)
        self.host, self.dpu_server = (PrivateRedis() for _ in range(2))
        self.files = write_database_files(directory, self.host, self.dpu_server)
        self.rows = open_switch(*self.files)
        self.controller = Controller(self.rows)
        self.consumers = NpuConsumers(self.rows)
        self.orchagent_port = quiet_port()
        self.bus_port, self.peer_port = quiet_port(A.npu), quiet_port(B.npu)
        self.dpu = DpuInHand(self.orchagent_port, self.rows)
        self.hamgrd = Daemon(self.command(0), directory / "hamgrd.log")
        self.recorders: dict[str, Recorder] = {}

    def __enter__(self) -> Self:
        try:
            self.host.start()
            self.dpu_server.start()
            self.record()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything, whatever state it is in."""
        self.hamgrd.kill()
        self.dpu.close()
        for recorder in self.recorders.values():
            recorder.close()
        self.rows.close()
        self.host.remove()
        self.dpu_server.remove()

    def command(self, slot: int) -> list[str]:
        """hamgrd's command line."""
        return hamgrd_command(self.files, slot, *self.options)

    def record(self) -> None:
        """Record what is done to both servers from now on."""
        for recorder in self.recorders.values():
            recorder.close()
        self.recorders = {
            "host": Recorder(self.host, dict(HOST_DATABASES.values())),
            "dpu": Recorder(self.dpu_server, dict(DPU_DATABASES.values())),
        }

    # What a test does.

    def config_rows(self) -> tuple[ConfigRow, ...]:
        """The rows of CONFIG_DB. Nobody is where the peer should be."""
        return config_rows(A, Ports(self.orchagent_port, self.bus_port, {B.name: self.peer_port}))

    def configure(self, *without: Table[Any]) -> None:
        """Write the rows of CONFIG_DB, but those of some tables."""
        for table, key, fields in self.config_rows():
            if table not in without:
                self.rows.write(table, key, fields)

    def deconfigure(self) -> None:
        """Delete the rows of CONFIG_DB."""
        for table, key, _ in reversed(self.config_rows()):
            self.rows.remove(table, key)

    def planned_up(self) -> None:
        """From nothing to serving; hamgrd runs already."""
        self.configure()
        self.dpu.do(lambda dpu, _: dpu.peer_appears())
        self.dpu.power_on()
        self.controller.configure_set()
        self.controller.configure_scope(disabled=False)
        self.serve()

    def serve(self) -> None:
        """The DPU goes its way to the serving state; the controller approves what it must."""
        self.wait_until_asked(OperationType.ACTIVATE_ROLE)
        self.approve(OperationType.ACTIVATE_ROLE)
        self.wait_for_state("active")
        self.wait_for_sessions()

    def wait_until_asked(self, kind: OperationType) -> str:
        """Let the DPU go on until the controller is asked for this approval; gives the id."""
        until(lambda: self._goes_on(kind in self.controller.pending()), lambda: self.state)
        return self.controller.pending()[kind]

    def approve(self, kind: OperationType) -> None:
        """Approve what is pending."""
        self.controller.approve(kind)
        until(lambda: kind not in self.controller.pending(), lambda: self.state)

    def wait_for_state(self, state: str) -> None:
        """Let the DPU go on until the scope is published in this state, and acknowledged in it."""
        until(
            lambda: self._goes_on(
                self.state.get("local_ha_state") == self.state.get("local_acked_asic_ha_state") == state
            ),
            lambda: self.state,
        )

    def wait_for_sessions(self, *addresses: str) -> None:
        """Let the DPU go on until it says that these BFD sessions are up; those of both switches if none is named."""
        listed = ",".join(addresses) or "127.1.0.32,127.1.0.33"
        until(lambda: self._goes_on(self.state.get("local_vdpu_up_bfd_sessions_v4") == listed), lambda: self.state)

    def wait_for_row(self, table: Table[Any], key: str, **fields: str) -> None:
        """Wait until a row shows these values among others."""
        until(lambda: fields.items() <= self.rows.row(table, key).items(), lambda: self.rows.row(table, key))

    def wait_until_gone(self, table: Table[Any], key: str) -> None:
        """Wait until there is no such row."""
        until(lambda: not self.rows.row(table, key), lambda: self.rows.row(table, key))

    def barrier(self, *databases: Database) -> None:
        """Wait until hamgrd has handled all that was written before, to these databases or to all that it reads."""
        barrier(self.hamgrd, self.rows, *databases)

    def wait_for_the_wire(self) -> None:
        """Wait until the DPU has got everything that it was sent: a row that is new to it comes last."""
        version = str(1000 + next(_numbers))
        self.controller.scope = evolve(self.controller.scope, version=version)
        self.controller.configure_scope()
        until(
            lambda: (self.dpu.last("DASH_HA_SCOPE_TABLE", HA_SET_ID) or {}).get("version") == version,
            self.dpu.told,
        )

    # What a test asks.

    @property
    def state(self) -> dict[str, str]:
        """The published row of the scope; empty when there is none."""
        return self.rows.row(DASH_HA_SCOPE_STATE, SCOPE_ROW)

    def ha_rows(self, passing: bool = True) -> dict[RowId, dict[str, str]]:
        """Every row that hamgrd has written and that is there, also what waits for a consumer (as ``_TABLE``)."""
        found = {}
        for table in WRITTEN_TABLES:
            for key, row in self.rows.rows(table).items():
                found[table.name, key] = row
            if table.transport is Transport.PRODUCER_STATE_TABLE:
                names = [n for n in self.rows.names(table.database) if n.startswith(f"_{table.name}:")]
                for name in names:
                    waiting: Mapping[bytes, bytes] = self.rows.client(table.database).hgetall(name)  # type: ignore[assignment]
                    key = name.partition(":")[2]
                    found[f"_{table.name}", key] = {n.decode(): v.decode() for n, v in waiting.items()}
        return found if passing else {row: lasting(fields) for row, fields in found.items()}

    def marks(self) -> tuple[int, int]:
        """Where the records of both servers are now."""
        return self.recorders["host"].mark(), self.recorders["dpu"].mark()

    def changes(self, marks: tuple[int, int] = (0, 0), *tables: Table[Any]) -> list[Change]:
        """What became of the rows that hamgrd writes, or of those of some tables, after these marks."""
        names = tuple(table.name for table in tables) or (*WRITTEN, *PENDING)
        host, dpu = marks
        return [*self.recorders["host"].since(host, *names), *self.recorders["dpu"].since(dpu, *names)]

    def _goes_on(self, met: bool) -> bool:
        """One look at a condition that the DPU may have to take a step for."""
        if not met:
            self.dpu.advance()
        return met


def barrier(hamgrd: Daemon, rows: RedisRows, *databases: Database) -> None:
    """Wait until one hamgrd has handled all that was written before to these databases, or to all that it reads."""
    for database in databases or BARRIERS:
        table, name, fields = BARRIERS[database]
        key = name.format(next(_numbers))
        rows.write(table, key, fields)
        hamgrd.wait_until_rejected(key)
        rows.remove(table, key)


def lasting(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields of a row that are the same in every run."""
    return {name: value for name, value in fields.items() if not name.endswith(PASSING)}
