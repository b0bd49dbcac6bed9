"""The simulated DPUs of all switches as one process: ``python -m runner.demo.dpu_process FILE``.

Each listens where its orchagent would and writes its state rows to its databases. The process takes stimuli as JSON
lines on standard input, such as ``{"do": "power_on", "side": "A"}`` or ``{"do": "bfd", "side": "A", "sides": ["B"]}``.
What reached the DPUs and what became of them is told as JSON lines on standard output. It ends when its standard input
does, so that nobody who started it can leave it behind. What DPUs do is not decided here but in ``dpu_world``.

Source: tables 4.4; scenarios 0.2.
"""

import inspect
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import zmq
from attrs import define, field
from redis import RedisError

from models.tables import table_named
from runner.demo.configuration import SLOT, open_switch
from runner.demo.dpu_world import DpuWorld, Writes
from runner.demo.orchagent_socket import OrchagentSocket
from runner.lab.dpu import SimulatedDpu
from runner.lab.dpu_writes import DpuWrite, EmptyDatabase, MergeRow, RemoveRow
from runner.orchagent_message import unpack
from runner.redis_rows import RedisRows

STIMULI = frozenset(
    {
        "pair",
        "power_on",
        "power_off",
        "crash",
        "restart_swss",
        "report_planes",
        "lose_plane_report",
        "channel",
        "bfd",
        "acks",
        "sync",
        "behave",
    }
)
"""What may be asked of the world: methods of :class:`DpuWorld`, which take the stimulus' other members as arguments."""


@define
class Seat:
    """What a DPU has around it: its databases, the socket of its orchagent, and what was told of it already."""

    rows: RedisRows
    orchagent: OrchagentSocket
    refused_told: int = 0
    role_told: str = ""


@define
class DpuProcess:
    """The loop around the DPUs: rows, stimuli, and the passing of time."""

    world: DpuWorld
    seats: Mapping[str, Seat]
    pace_s: float
    unread: bytes = b""
    next_step_s: float = field(factory=time.monotonic)

    def run(self) -> None:
        """Go on until standard input ends."""
        say(ready=True)
        while self._wait():
            if time.monotonic() >= self.next_step_s:
                self.next_step_s = time.monotonic() + self.pace_s
                self._carry_out(self.world.advance(now_s()))
        for seat in self.seats.values():
            seat.orchagent.close()

    def _wait(self) -> bool:
        """Take whatever comes until the next step is due; False when standard input has ended."""
        poller = zmq.Poller()
        poller.register(sys.stdin.fileno(), zmq.POLLIN)
        listening = {name: seat.orchagent.socket for name, seat in self.seats.items() if seat.orchagent.socket}
        for socket in listening.values():
            poller.register(socket, zmq.POLLIN)
        ready = dict(poller.poll(max(0, round((self.next_step_s - time.monotonic()) * 1000))))
        for name, socket in listening.items():
            if socket in ready:
                self._receive(name, socket.recv())
        return sys.stdin.fileno() not in ready or self._read_stimuli()

    def _receive(self, name: str, message: bytes) -> None:
        dpu, seat = self.world.dpus[name], self.seats[name]
        _, rows = unpack(message)
        for row in rows:
            fields = dict(row.fields) or None
            if fields is None:
                writes = dpu.row_deleted(row.table, row.key, now_s())
            else:
                writes = dpu.row_set(row.table, row.key, fields, now_s())
            received = {"table": row.table, "key": row.key, "fields": fields}
            say(side=name, received=received, requests=_requests(dpu))
            self._carry_out([(name, write) for write in writes])
        for complaint in dpu.refused[seat.refused_told :]:
            say(side=name, refused=complaint)
        seat.refused_told = len(dpu.refused)

    def _read_stimuli(self) -> bool:
        chunk = os.read(sys.stdin.fileno(), 65536)
        *lines, self.unread = (self.unread + chunk).split(b"\n")
        for line in filter(None, lines):
            self._stimulate(json.loads(line))
        return bool(chunk)

    def _stimulate(self, stimulus: Mapping[str, Any]) -> None:
        arguments = dict(stimulus)
        name = arguments.pop("do")
        if name not in STIMULI:
            say(error=f"no such stimulus: {name}")
            return
        act = getattr(self.world, name)
        if "now_s" in inspect.signature(act).parameters:
            arguments["now_s"] = now_s()
        side = arguments.get("side", "")
        if name in ("power_off", "crash", "restart_swss"):
            self.seats[side].orchagent.close()
        writes = act(*arguments.pop("names", ()), **arguments)
        if name in ("power_on", "restart_swss"):
            writes = self._started(side, writes)
        self._carry_out(writes)
        # Something happened in the world: time passes anew, so that its first consequence takes a whole step.
        self.next_step_s = time.monotonic() + self.pace_s
        say(done=name)

    def _started(self, name: str, writes: Writes) -> Writes:
        """An orchagent listens once its databases are empty: a row that came earlier would lose its copy there."""
        self._carry_out([write for write in writes if isinstance(write[1], EmptyDatabase)])
        self.seats[name].orchagent.open()
        say(side=name, started=True)
        return [write for write in writes if not isinstance(write[1], EmptyDatabase)]

    def _carry_out(self, writes: Writes) -> None:
        for name, write in writes:
            try:
                _write(self.seats[name].rows, write)
            except RedisError as error:
                # A database of the DPU is gone; whoever took it away restarts the DPU with it.
                say(side=name, lost=str(write), error=str(error))
        self._tell_roles()

    def _tell_roles(self) -> None:
        for name, dpu in self.world.dpus.items():
            if dpu.role.value != self.seats[name].role_told:
                self.seats[name].role_told = dpu.role.value
                say(side=name, role=dpu.role.value, at_s=time.time())


def _write(rows: RedisRows, write: DpuWrite) -> None:
    match write:
        case MergeRow(database, table, key, fields):
            rows.write(table_named(database, table), key, fields)
        case RemoveRow(database, table, key):
            rows.remove(table_named(database, table), key)
        case EmptyDatabase(database):
            rows.empty(database)


def _requests(dpu: SimulatedDpu) -> dict[str, int]:
    flags = {flag for _, flag in dpu.requests}
    return {flag: dpu.requests_of(flag) for flag in sorted(flags)}


def now_s() -> int:
    """The wall clock in whole seconds, as an orchagent writes it."""
    return int(time.time())


def say(**event: object) -> None:
    """Tell whoever started this process."""
    print(json.dumps(event), flush=True)


def serve(
    file: Annotated[Path, typer.Argument(help="JSON object: of each side endpoint, npu, db_config, global_db_config.")],
    pace_ms: Annotated[int, typer.Option(help="How long a DPU takes for one step.")] = 200,
    both_active: Annotated[bool, typer.Option(help="Call both halves of a healthy pair active.")] = False,
) -> None:
    """Run the simulated DPUs until standard input ends; the first two sides of the file are the pair."""
    sides = json.loads(file.read_text())
    dpus = {name: SimulatedDpu(slot=SLOT, both_active=both_active) for name in sides}
    first, second = list(sides)[:2]
    world = DpuWorld(dpus, {name: side["npu"] for name, side in sides.items()}, (first, second))
    world.behave(now_s())
    seats = {
        name: Seat(
            open_switch(Path(side["db_config"]), Path(side["global_db_config"])), OrchagentSocket(side["endpoint"])
        )
        for name, side in sides.items()
    }
    DpuProcess(world, seats, pace_ms / 1000).run()


if __name__ == "__main__":
    typer.run(serve)
