"""The other programs of the switch that the demonstration needs: who consumes hamgrd's NPU rows, and who watches.

``NpuConsumers`` does what the route and neighbour daemons do with a pending row, so that rows become visible and leave
no rest behind. ``Witness`` notes every change of a row as it happens: what came and went between two looks is seen too.

Source: tables 4.2, 4.3.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from attrs import define, field, frozen
from redis.client import PubSub

from models.database import Database
from models.table import Table
from models.tables import DASH_HA_SCOPE_STATE, NEIGH_RESOLVE_TABLE, VNET_ROUTE_TUNNEL_TABLE
from runner.redis_rows import RedisRows

LOOK_EVERY_S = 0.05

POP = """
local popped = redis.call('SPOP', KEYS[1], 128)
for _, key in ipairs(popped) do
  local row, pending = ARGV[1] .. key, '_' .. ARGV[1] .. key
  if redis.call('SREM', KEYS[2], key) == 1 then redis.call('DEL', row) end
  local fields = redis.call('HGETALL', pending)
  if #fields > 0 then redis.call('HSET', row, unpack(fields)) end
  redis.call('DEL', pending)
end
return #popped
"""
"""Move what is pending into the rows themselves, as one step: a producer may write at any moment."""


@define
class NpuConsumers:
    """The consumers of the tables that hamgrd produces for the NPU."""

    rows: RedisRows

    def consume(self) -> None:
        """Take what is pending now."""
        client = self.rows.client(Database.APPL_DB)
        for table in (VNET_ROUTE_TUNNEL_TABLE, NEIGH_RESOLVE_TABLE):
            client.eval(POP, 2, f"{table.name}_KEY_SET", f"{table.name}_DEL_SET", f"{table.name}:")


@frozen
class Change:
    """A row was written (``fields`` as they are right after) or deleted (None)."""

    table: str
    key: str
    fields: Mapping[str, str] | None = field(hash=False)


class Witness:
    """Everything that happens to the published scopes and to the routes, in its order, from a thread of its own."""

    WATCHED: tuple[Table[Any], ...] = (DASH_HA_SCOPE_STATE, VNET_ROUTE_TUNNEL_TABLE)

    def __init__(self, rows: RedisRows) -> None:
        self.changes: list[Change] = []
        self._rows = rows
        self._subscription: PubSub = rows.client(Database.STATE_DB).pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        patterns = {f"__keyspace@*__:{table.name}[:|]*": partial(self._note, table) for table in self.WATCHED}
        self._subscription.psubscribe(**patterns)
        self._thread = self._subscription.run_in_thread(sleep_time=LOOK_EVERY_S, daemon=True)

    def close(self) -> None:
        """Stop watching."""
        self._thread.stop()
        self._thread.join(timeout=10 * LOOK_EVERY_S)

    def _note(self, table: Table[Any], message: Mapping[str, bytes]) -> None:
        name = message["channel"].decode().split(":", 1)[1]
        key = name[len(table.name) + 1 :]
        fields = None if message["data"] == b"del" else self._rows.row(table, key)
        self.changes.append(Change(table.name, key, fields))
