"""The consumers of the tables that hamgrd produces for the NPU: they do what route and neighbour daemons do.

What is pending becomes visible and leaves no rest behind.

Source: tables 4.2, 4.3.
"""

import threading
from typing import Any

from attrs import define
from redis import RedisError

from models.database import Database
from models.table import Table
from models.tables import DASH_ENI_FORWARD_TABLE, NEIGH_RESOLVE_TABLE, VNET_ROUTE_TUNNEL_TABLE
from runner.redis_rows import RedisRows

CONSUMED: tuple[Table[Any], ...] = (VNET_ROUTE_TUNNEL_TABLE, NEIGH_RESOLVE_TABLE, DASH_ENI_FORWARD_TABLE)

LOOK_EVERY_S = 0.25
"""A consumer that hears nothing looks all the same: a notice is lost when its server is restarted."""

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
        for table in CONSUMED:
            client.eval(POP, 2, f"{table.name}_KEY_SET", f"{table.name}_DEL_SET", f"{table.name}:")


class BusyConsumers:
    """Consumers that take what is pending as soon as they are told of it, from a thread of their own."""

    def __init__(self, rows: RedisRows) -> None:
        self._consumers = NpuConsumers(rows)
        self._rows = rows
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop consuming."""
        self._closing.set()
        self._thread.join(40 * LOOK_EVERY_S)

    def _work(self) -> None:
        while not self._closing.is_set():
            try:
                self._listen()
            except RedisError:
                self._closing.wait(LOOK_EVERY_S)

    def _listen(self) -> None:
        with self._rows.client(Database.APPL_DB).pubsub(ignore_subscribe_messages=True) as notices:  # type: ignore[no-untyped-call]
            notices.psubscribe(*(f"{table.name}_CHANNEL*" for table in CONSUMED))
            while not self._closing.is_set():
                self._consumers.consume()
                notices.get_message(timeout=LOOK_EVERY_S)
