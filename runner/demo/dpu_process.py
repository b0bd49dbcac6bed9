"""A simulated DPU as a process of its own: ``python -m runner.demo.dpu_process``.

It listens where an orchagent listens, writes its state rows to the DPU's databases, and takes stimuli as JSON lines on
standard input, such as ``{"do": "power_on"}`` or ``{"do": "lose_npu", "address": "10.1.0.33"}``. What reached it and
what it did is told as JSON lines on standard output. It ends when its standard input does, so that nobody who started
it can leave it behind. What a DPU does is not decided here but in ``runner.lab.dpu``.

Source: tables 4.4; scenarios 0.2.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import zmq
from attrs import define, field

from hamgr_fsm.vocabulary import PlaneState
from models.tables import table_named
from runner.demo.configuration import open_switch
from runner.lab.dpu import SimulatedDpu
from runner.lab.dpu_writes import DpuWrite, EmptyDatabase, MergeRow, RemoveRow
from runner.orchagent_message import unpack
from runner.redis_rows import RedisRows

RECEIVE_LIMIT = 10_000
"""High-water mark of the receiving socket, as the real orchagent sets it."""


@define
class OrchagentSocket:
    """Where the DPU takes rows. Closed while the DPU has no power: what is sent then is lost or waits at the sender."""

    endpoint: str
    socket: zmq.Socket[bytes] | None = None

    def open(self) -> None:
        """Listen. A context of its own lets the port be free again as soon as the socket is closed."""
        if self.socket is None:
            self.socket = zmq.Context().socket(zmq.PULL)
            self.socket.setsockopt(zmq.RCVHWM, RECEIVE_LIMIT)
            self.socket.bind(self.endpoint)

    def close(self) -> None:
        """Stop listening, and drop what was not taken yet."""
        if self.socket is not None:
            context = self.socket.context
            self.socket.close(linger=0)
            context.term()
            self.socket = None


@define
class DpuProcess:
    """The loop around a simulated DPU: rows, stimuli, and the passing of time."""

    dpu: SimulatedDpu
    rows: RedisRows
    orchagent: OrchagentSocket
    pace_s: float
    unread: bytes = b""
    next_step_s: float = field(factory=time.monotonic)
    refused_told: int = 0

    def run(self) -> None:
        """Go on until standard input ends."""
        say(ready=True)
        while self._wait():
            if time.monotonic() >= self.next_step_s:
                self.next_step_s = time.monotonic() + self.pace_s
                self._carry_out(self.dpu.advance(now_s()))
        self.orchagent.close()

    def _wait(self) -> bool:
        """Take whatever comes until the next step is due; False when standard input has ended."""
        poller = zmq.Poller()
        poller.register(sys.stdin.fileno(), zmq.POLLIN)
        socket = self.orchagent.socket
        if socket is not None:
            poller.register(socket, zmq.POLLIN)
        ready = dict(poller.poll(max(0, round((self.next_step_s - time.monotonic()) * 1000))))
        if socket is not None and socket in ready:
            self._receive(socket.recv())
        return sys.stdin.fileno() not in ready or self._read_stimuli()

    def _receive(self, message: bytes) -> None:
        _, rows = unpack(message)
        for row in rows:
            fields = dict(row.fields) or None
            if fields is None:
                writes = self.dpu.row_deleted(row.table, row.key, now_s())
            else:
                writes = self.dpu.row_set(row.table, row.key, fields, now_s())
            say(received={"table": row.table, "key": row.key, "fields": fields}, requests=self._requests())
            self._carry_out(writes)
        for complaint in self.dpu.refused[self.refused_told :]:
            say(refused=complaint)
        self.refused_told = len(self.dpu.refused)

    def _requests(self) -> dict[str, int]:
        flags = {flag for _, flag in self.dpu.requests}
        return {flag: self.dpu.requests_of(flag) for flag in sorted(flags)}

    def _read_stimuli(self) -> bool:
        chunk = os.read(sys.stdin.fileno(), 65536)
        *lines, self.unread = (self.unread + chunk).split(b"\n")
        for line in filter(None, lines):
            self._stimulate(json.loads(line))
        return bool(chunk)

    def _stimulate(self, stimulus: Mapping[str, Any]) -> None:
        arguments = dict(stimulus)
        name = arguments.pop("do")
        act = self._stimuli().get(name)
        if act is None:
            say(error=f"no such stimulus: {name}")
            return
        self._carry_out(act(**arguments) or [])
        # Something happened in the world: time passes anew, so that its first consequence takes a whole step.
        self.next_step_s = time.monotonic() + self.pace_s
        say(done=name)

    def _stimuli(self) -> dict[str, Callable[..., list[DpuWrite] | None]]:
        dpu = self.dpu
        return {
            "power_on": self._power_on,
            "power_off": self._power_off,
            "restart_swss": self._restart_swss,
            "report_planes": lambda **planes: dpu.report_planes(
                now_s(), **{plane: PlaneState(state) for plane, state in planes.items()}
            ),
            "lose_plane_report": dpu.lose_plane_report,
            "peer_appears": dpu.peer_appears,
            "peer_lost": dpu.peer_lost,
            "split_brain": dpu.split_brain,
            "report_channel": dpu.report_channel,
            "lose_npu": dpu.lose_npu,
            "reach_npu": dpu.reach_npu,
        }

    def _power_on(self) -> list[DpuWrite]:
        return self._started(self.dpu.power_on(now_s()))

    def _power_off(self) -> list[DpuWrite]:
        self.orchagent.close()
        return self.dpu.power_off(now_s())

    def _restart_swss(self, seen: bool = True) -> list[DpuWrite]:
        self.orchagent.close()
        return self._started(self.dpu.restart_swss(now_s(), seen))

    def _started(self, writes: list[DpuWrite]) -> list[DpuWrite]:
        """An orchagent listens once its databases are empty: a row that came earlier would lose its copy there."""
        self._carry_out([write for write in writes if isinstance(write, EmptyDatabase)])
        self.orchagent.open()
        return [write for write in writes if not isinstance(write, EmptyDatabase)]

    def _carry_out(self, writes: list[DpuWrite]) -> None:
        for write in writes:
            match write:
                case MergeRow(database, table, key, fields):
                    self.rows.write(table_named(database, table), key, fields)
                    if "ha_state" in fields:
                        say(state=fields["ha_state"])
                case RemoveRow(database, table, key):
                    self.rows.remove(table_named(database, table), key)
                case EmptyDatabase(database):
                    self.rows.empty(database)


def now_s() -> int:
    """The wall clock in whole seconds, as an orchagent writes it."""
    return int(time.time())


def say(**event: object) -> None:
    """Tell whoever started this process."""
    print(json.dumps(event), flush=True)


def serve(
    endpoint: Annotated[str, typer.Option(help="Where to listen, such as tcp://127.0.0.1:8100.")],
    db_config: Annotated[Path, typer.Option(help="The switch's database_config.json.")],
    global_db_config: Annotated[Path, typer.Option(help="The switch's database_global.json, which names the DPU's.")],
    slot: Annotated[int, typer.Option(help="Slot of the DPU.")] = 0,
    pace_ms: Annotated[int, typer.Option(help="How long the DPU takes for one step.")] = 200,
    both_active: Annotated[bool, typer.Option(help="Call both halves of a healthy pair active.")] = False,
) -> None:
    """Run a simulated DPU until standard input ends."""
    rows = open_switch(db_config, global_db_config, slot)
    dpu = SimulatedDpu(slot=slot, both_active=both_active)
    DpuProcess(dpu, rows, OrchagentSocket(endpoint), pace_ms / 1000).run()


if __name__ == "__main__":
    typer.run(serve)
