"""Who plays in the demonstration: the databases, the controller, the simulated DPU, and hamgrd itself.

A step acts through the cast and looks through the cast; it knows no process ids and no files.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import IO, Any, Protocol

from attrs import define, field, frozen

from runner.demo.controller import Controller
from runner.demo.npu import NpuConsumers, Witness
from runner.redis_rows import RedisRows


@frozen
class SentRow:
    """A row that hamgrd sent to the DPU; ``fields`` is None for a deletion."""

    table: str
    key: str
    fields: Mapping[str, str] | None = field(hash=False)

    def __str__(self) -> str:
        return f"{'-' if self.fields is None else '+'}{self.table}:{self.key}"


class DpuHandle:
    """The simulated DPU from outside: stimuli go in as JSON lines, what reached it comes out as JSON lines."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.received: list[SentRow] = []
        self.refused: list[str] = []
        self.requests: dict[str, int] = {}
        self._news = threading.Condition()
        self._done = 0
        self._ready = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def tell(self, stimulus: str, deadline_s: float = 5.0, **arguments: Any) -> None:
        """Let something happen to the DPU, and wait until it has.

        Raises TimeoutError when the DPU does not confirm in time.
        """
        before = self._done
        line = json.dumps({"do": stimulus, **arguments}) + "\n"
        _input_of(self.process).write(line.encode())
        _input_of(self.process).flush()
        with self._news:
            if not self._news.wait_for(lambda: self._done > before, deadline_s):
                raise TimeoutError(f"the simulated DPU did not confirm {stimulus} within {deadline_s} s")

    def wait_until_ready(self, deadline_s: float) -> None:
        """Wait for the process to be up; raises TimeoutError."""
        with self._news:
            if not self._news.wait_for(lambda: self._ready, deadline_s):
                raise TimeoutError(f"the simulated DPU was not ready within {deadline_s} s")

    def received_since(self, mark: int) -> list[SentRow]:
        """What hamgrd sent after the first ``mark`` rows."""
        return self.received[mark:]

    def _read(self) -> None:
        output = self.process.stdout
        assert output is not None
        for line in output:
            with self._news:
                self._take(json.loads(line))
                self._news.notify_all()

    def _take(self, event: Mapping[str, Any]) -> None:
        if "received" in event:
            self.received.append(SentRow(**event["received"]))
            self.requests = event["requests"]
        elif "refused" in event:
            self.refused.append(event["refused"])
        elif "done" in event:
            self._done += 1
        elif "ready" in event:
            self._ready = True
        elif "error" in event:
            print(f"simulated DPU: {event['error']}", file=sys.stderr)


class Hamgrd(Protocol):
    """The daemon, as a step may treat it."""

    def restart(self, deadline_s: float) -> None:
        """End it with SIGKILL and start it again; returns when it is ready. Raises TimeoutError."""


@define
class Cast:
    """Everybody a step may turn to. ``notes`` carry what one step saw to a later one."""

    rows: RedisRows
    controller: Controller
    dpu: DpuHandle
    hamgrd: Hamgrd
    npu: NpuConsumers
    witness: Witness
    notes: dict[str, str] = field(factory=dict)
    mark: int = 0
    """How many rows the DPU had received when the present step began."""

    changes_mark: int = 0
    """How many changes the witness had seen when the present step began."""

    def step_begins(self) -> None:
        """What is seen from here on belongs to the next step."""
        self.mark, self.changes_mark = len(self.dpu.received), len(self.witness.changes)


def _input_of(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin
