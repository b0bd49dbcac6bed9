"""One switch of the demonstration: its Redis of the host, its Redis of the DPU, its hamgrd, and the NPU's consumers.

All are real processes but the consumers, which are a thread. Everything that is done to both servers is recorded.

Source: scenarios 0.1; tables 1.1, 2.9.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from models.database import Database
from models.table import Table
from models.tables import (
    DASH_HA_DPU_STATE,
    DASH_HA_GLOBAL_CONFIG_STATE,
    DASH_HA_SCOPE_CONFIG_TABLE,
    DASH_HA_SCOPE_STATE,
    DASH_HA_SCOPE_STATE_TABLE,
    DASH_HA_SCOPE_TABLE,
    DASH_HA_SET_CONFIG_TABLE,
    DASH_HA_SET_STATE_TABLE,
    DASH_HA_VDPU_STATE,
    DPU_RESET_INFO,
    VNET_ROUTE_TUNNEL_TABLE,
    WRITTEN_TABLES,
)
from runner.demo.configuration import (
    DPU_DATABASES,
    HOST_DATABASES,
    SLOT,
    Ports,
    config_rows,
    open_switch,
    write_database_files,
)
from runner.demo.hamgrd_process import HamgrdProcess, hamgrd_command
from runner.demo.npu import BusyConsumers
from runner.demo.recorder import Change, Recorder
from runner.lab.sides import ROUTE_KEY, SET_ID, Side
from runner.private_redis import PrivateRedis

DEADLINE_S = 30.0
LOOK_EVERY_S = 0.01

HA_TABLES: tuple[Table[Any], ...] = (
    *(table for table in WRITTEN_TABLES if table is not DPU_RESET_INFO),
    DASH_HA_SET_CONFIG_TABLE,
    DASH_HA_SCOPE_CONFIG_TABLE,
    DASH_HA_SET_STATE_TABLE,
    DASH_HA_SCOPE_STATE_TABLE,
)
"""The tables in which HA leaves something, and which must be empty once nothing is configured any more.

The announcement of a reset is not among them: the controller takes it back, nobody else.
"""

ALWAYS_PUBLISHED = (DASH_HA_GLOBAL_CONFIG_STATE, DASH_HA_DPU_STATE, DASH_HA_VDPU_STATE)
"""What is published as long as CONFIG_DB says that there is something to publish, with or without scopes and sets."""

VOLATILE = (Database.APPL_DB, Database.STATE_DB, Database.DPU_APPL_DB, Database.DPU_STATE_DB)
"""What a switch loses when it is rebooted."""


def until(holds: Callable[[], bool], what: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
    """Wait until a condition holds; raises TimeoutError, which says what there is instead."""
    deadline = time.monotonic() + deadline_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {deadline_s} s; there is {what()}")
        time.sleep(LOOK_EVERY_S)


class Server(Enum):
    """The Redis servers of a switch."""

    HOST = "host"
    DPU = "DPU"


class Switch:
    """A switch with one DPU. :meth:`close` ends everything that it started, whatever state it is in."""

    def __init__(self, side: Side, directory: Path, ports: Ports, sides: Sequence[Side]) -> None:
        directory.mkdir(parents=True)
        self.side, self.ports, self.sides = side, ports, tuple(sides)
        # What is done to a server is on disk before it is answered: a killed one comes back with all of it.
        self.host, self.dpu_server = (
            PrivateRedis(directory=directory / name, persistent=True) for name in ("host", "dpu")
        )
        self.files = write_database_files(directory, self.host, self.dpu_server)
        self.rows = open_switch(*self.files)
        self.hamgrd = HamgrdProcess(hamgrd_command(self.files, SLOT), directory / "hamgrd.log")
        self.recorders: tuple[Recorder, ...] = ()
        self._consumers: BusyConsumers | None = None

    def open(self) -> None:
        """Start both servers, record them, and write CONFIG_DB; hamgrd does not run yet."""
        self.host.start()
        self.dpu_server.start()
        self.recorders = (
            Recorder(self.host, dict(HOST_DATABASES.values())),
            Recorder(self.dpu_server, dict(DPU_DATABASES.values())),
        )
        self._consumers = BusyConsumers(self.rows)
        self.configure()

    def close(self) -> None:
        """End hamgrd, consumers, recorders and servers."""
        self.hamgrd.stop()
        if self._consumers is not None:
            self._consumers.close()
        for recorder in self.recorders:
            recorder.close()
        self.rows.close()
        self.dpu_server.remove()
        self.host.remove()

    def lose(self, server: Server) -> None:
        """A Redis server dies at once. What was done to it until then is on disk."""
        self._server(server).stop(kill=True)

    def regain(self, server: Server) -> None:
        """The server is there again, with everything that it had."""
        self._server(server).start()
        self.recorders[server is Server.DPU].follow()

    def _server(self, server: Server) -> PrivateRedis:
        return self.host if server is Server.HOST else self.dpu_server

    def configure(self) -> None:
        """The operator writes CONFIG_DB."""
        for table, key, fields in config_rows(self.side, self.ports, self.sides):
            self.rows.write(table, key, fields)

    def deconfigure(self) -> None:
        """The operator deletes CONFIG_DB."""
        for table, key, _ in reversed(config_rows(self.side, self.ports, self.sides)):
            self.rows.remove(table, key)

    # What can be asked.

    @property
    def state(self) -> dict[str, str]:
        """The published row of the scope; empty when there is none."""
        return self.rows.row(DASH_HA_SCOPE_STATE, self.side.state_key)

    @property
    def at(self) -> str:
        """Control state and acknowledged role, such as ``active/active``; what is not known is empty."""
        return where(self.state)

    @property
    def term(self) -> int:
        """The term that is published; 0 when there is none."""
        return int(self.state.get("local_target_term") or 0)

    @property
    def pending(self) -> dict[str, str]:
        """The operations that wait for the controller: types by id."""
        return pending(self.state)

    @property
    def primary(self) -> str | None:
        """The side that is the primary of the route; None without a route."""
        return self.side_at(self.rows.row(VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY).get("primary"))

    @property
    def told(self) -> dict[str, str]:
        """The row of the scope as the DPU was told it; empty when it was told none."""
        return self.rows.row(DASH_HA_SCOPE_TABLE, SET_ID)

    def side_at(self, address: str | None) -> str | None:
        """The side that an endpoint of a route of this switch leads to."""
        leads_to = {(side.pa if side == self.side else side.npu): side.name for side in self.sides}
        return leads_to.get(address or "")

    def left(self, *apart_from: Table[Any]) -> list[str]:
        """Every key that belongs to HA, visible or pending, with its database; not those of some tables."""
        tables = [table for table in HA_TABLES if table not in apart_from]
        return [
            f"{database.value} {name}"
            for database in sorted({table.database for table in tables})
            for name in self.rows.names(database)
            if any(name.removeprefix("_").startswith(table.name) for table in tables if table.database is database)
        ]

    def marks(self) -> tuple[int, ...]:
        """Where the records of both servers are now."""
        return tuple(recorder.mark() for recorder in self.recorders)

    def changes(self, marks: Sequence[int], *tables: Table[Any]) -> list[Change]:
        """What became of the rows of these tables, or of all, after these marks; in the order of time."""
        names = [table.name for table in tables]
        found = [
            change
            for recorder, mark in zip(self.recorders, marks, strict=True)
            for change in recorder.since(mark, *names)
        ]
        return sorted(found, key=lambda change: change.at_s)

    def acknowledged(self, marks: Sequence[int] | None = None) -> list[tuple[float, str]]:
        """The roles that the DPU has acknowledged after these marks, or ever; ``""`` where its row was lost."""
        rows = self.changes(marks or [0] * len(self.recorders), DASH_HA_SCOPE_STATE_TABLE)
        return [(change.at_s, change.became("ha_role") or "") for change in rows if change.key == SET_ID]


def ctl(state: Mapping[str, str] | None) -> str:
    """The control state of a published row in lower case and without its prefix."""
    return (state or {}).get("local_ha_state", "").removeprefix("HA_STATE_").lower()


def where(state: Mapping[str, str] | None) -> str:
    """Control state and acknowledged role of a published row."""
    return f"{ctl(state)}/{(state or {}).get('local_acked_asic_ha_state', '')}"


def pending(state: Mapping[str, str]) -> dict[str, str]:
    """The pending operations of a published row: types by id."""
    ids, types = state.get("pending_operation_ids", ""), state.get("pending_operation_types", "")
    return dict(zip(ids.split(","), types.split(","), strict=True)) if ids else {}
