"""One look at a switch for the page: its scopes and sets, as the terminal view has them, and the health of its DPUs."""

from typing import Any

from attrs import field, frozen
from redis import RedisError

from models.database import Database
from models.table import Table
from models.tables import DASH_HA_DPU_STATE, DASH_HA_SCOPE_STATE, DASH_HA_SET_STATE, DASH_HA_VDPU_STATE
from runner.redis_rows import RedisRows
from runner.watch.sight import Look, Rows


@frozen
class SwitchLook:
    """What a switch publishes. A switch that is lost publishes nothing; ``look.lost`` says why."""

    look: Look
    dpus: Rows = field(factory=dict)
    vdpus: Rows = field(factory=dict)


@frozen
class WatchedSwitch:
    """A switch under the name that it is shown by, and where its hamgrds answer for metrics."""

    name: str
    databases: RedisRows
    metrics: tuple[str, ...] = ()

    def look(self) -> SwitchLook:
        """What it publishes now. Blocks; the keys of the database are read once for all tables."""
        try:
            names = self.databases.names(Database.STATE_DB)
            found = {table.name: self._rows(table, names) for table in _TABLES}
        except RedisError as error:
            return SwitchLook(Look(self.name, lost=f"no answer from Redis: {error}"))
        return SwitchLook(
            Look(self.name, found[DASH_HA_SCOPE_STATE.name], found[DASH_HA_SET_STATE.name]),
            found[DASH_HA_DPU_STATE.name],
            found[DASH_HA_VDPU_STATE.name],
        )

    def _rows(self, table: Table[Any], names: list[str]) -> Rows:
        prefix = f"{table.name}|"
        keys = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
        rows = {key: self.databases.row(table, key) for key in keys}
        return {key: row for key, row in rows.items() if row}


_TABLES: tuple[Table[Any], ...] = (DASH_HA_SCOPE_STATE, DASH_HA_SET_STATE, DASH_HA_DPU_STATE, DASH_HA_VDPU_STATE)
