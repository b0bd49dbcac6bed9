"""DPUs that take every row at once: ``python -m runner.bench.quick_dpus FILE``, for measurements with many scopes.

Each listens where its orchagent would. A role is acknowledged as soon as it is read, and all that is read at once in
one pipeline, so that what is measured is hamgrd and not the simulation of a DPU. It ends with its standard input.

Source: tables 2.14 to 2.17, 4.4.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zmq
from attrs import frozen
from redis import Redis

from models import tables
from models.database import Database
from runner.demo.configuration import open_switch
from runner.orchagent_message import unpack

MOST_AT_ONCE = 512


@frozen
class QuickDpu:
    """One of them: the socket of its orchagent and the database of its states."""

    socket: zmq.Socket[bytes]
    client: Redis

    def take(self) -> None:
        """Take what has come by now and say that it is done."""
        with self.client.pipeline(transaction=False) as pipeline:
            for _ in range(MOST_AT_ONCE):
                try:
                    _, rows = unpack(self.socket.recv(zmq.NOBLOCK))
                except zmq.Again:
                    break
                for row in rows:
                    fields = dict(row.fields)
                    state = _state_of(row.table, fields) if fields else {}
                    table = _STATES.get(row.table)
                    if table is not None and state:
                        pipeline.hset(f"{table}|{row.key}", mapping=state)
                    elif table is not None:
                        pipeline.delete(f"{table}|{row.key}")
            pipeline.execute()


_STATES = {
    tables.DASH_HA_SET_TABLE.name: tables.DASH_HA_SET_STATE_TABLE.name,
    tables.DASH_HA_SCOPE_TABLE.name: tables.DASH_HA_SCOPE_STATE_TABLE.name,
    tables.DASH_FLOW_SYNC_SESSION_TABLE.name: tables.DASH_FLOW_SYNC_SESSION_STATE_TABLE.name,
}


def _state_of(table: str, fields: Mapping[str, str]) -> dict[Any, Any]:
    now = str(int(time.time()))
    if table == tables.DASH_HA_SET_TABLE.name:
        return {"last_updated_time": now, "dp_channel_is_alive": "up"}
    if table == tables.DASH_FLOW_SYNC_SESSION_TABLE.name:
        return {"last_updated_time": now, "state": "completed"}
    return {"last_updated_time": now, "ha_role": fields.get("ha_role", "dead"), "ha_role_start_time": now}


def serve(file: Path) -> None:
    """Run them until standard input ends."""
    dpus = []
    poller = zmq.Poller()
    poller.register(sys.stdin.fileno(), zmq.POLLIN)
    for side in json.loads(file.read_text()).values():
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PULL)
        socket.setsockopt(zmq.RCVHWM, 0)
        socket.bind(side["endpoint"])
        poller.register(socket, zmq.POLLIN)
        rows = open_switch(Path(side["db_config"]), Path(side["global_db_config"]))
        dpus.append(QuickDpu(socket, rows.client(Database.DPU_STATE_DB)))
    print(json.dumps({"ready": True}), flush=True)
    while True:
        ready = dict(poller.poll())
        if sys.stdin.fileno() in ready:
            return
        for dpu in dpus:
            if dpu.socket in ready:
                dpu.take()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
