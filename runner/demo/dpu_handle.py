"""The simulated DPUs from outside: stimuli go in as JSON lines, what reached them comes out as JSON lines."""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import IO, Any

from attrs import define, field, frozen


@frozen
class SentRow:
    """A row that hamgrd sent to a DPU; ``fields`` is None for a deletion."""

    table: str
    key: str
    fields: Mapping[str, str] | None = field(hash=False)

    def __str__(self) -> str:
        return f"{'-' if self.fields is None else '+'}{self.table}:{self.key}"


@define
class DpuSeen:
    """What was seen of one DPU since it was started. Nothing of it is forgotten when the DPU restarts."""

    received: list[SentRow] = field(factory=list)
    refused: list[str] = field(factory=list)
    requests: dict[str, int] = field(factory=dict)
    """How often it was sent each one-shot flag as true."""

    held: set[tuple[str, str]] = field(factory=set)
    """The rows that it has been sent since it booted and that were not deleted: table and key."""

    roles: list[tuple[float, str]] = field(factory=list)
    """The roles that its ASIC has been in, with the time of day in seconds when each began."""

    def take(self, row: SentRow) -> None:
        """It was sent a row."""
        self.received.append(row)
        if row.fields is None:
            self.held.discard((row.table, row.key))
        else:
            self.held.add((row.table, row.key))

    @property
    def role(self) -> str:
        """The role that its ASIC is in."""
        return self.roles[-1][1] if self.roles else "dead"


class DpuHandle:
    """The process of the simulated DPUs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.seen: dict[str, DpuSeen] = {}
        self._news = threading.Condition()
        self._done = 0
        self._ready = False
        self._complaint = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __getitem__(self, side: str) -> DpuSeen:
        return self.seen.setdefault(side, DpuSeen())

    def tell(self, stimulus: str, deadline_s: float = 10.0, **arguments: Any) -> None:
        """Let something happen to the DPUs, and wait until it has.

        Raises TimeoutError when it is not confirmed in time, ValueError when there is no such stimulus.
        """
        before, self._complaint = self._done, ""
        line = json.dumps({"do": stimulus, **arguments}) + "\n"
        _input_of(self.process).write(line.encode())
        _input_of(self.process).flush()
        with self._news:
            if not self._news.wait_for(lambda: self._done > before or bool(self._complaint), deadline_s):
                raise TimeoutError(f"the simulated DPUs did not confirm {stimulus} within {deadline_s} s")
        if self._complaint:
            raise ValueError(self._complaint)

    def wait_until_ready(self, deadline_s: float) -> None:
        """Wait for the process to be up; raises TimeoutError."""
        with self._news:
            if not self._news.wait_for(lambda: self._ready, deadline_s):
                raise TimeoutError(f"the simulated DPUs were not ready within {deadline_s} s")

    def _read(self) -> None:
        output = self.process.stdout
        assert output is not None
        for line in output:
            with self._news:
                self._take(json.loads(line))
                self._news.notify_all()

    def _take(self, event: Mapping[str, Any]) -> None:
        match event:
            case {"side": side, "received": row, "requests": requests}:
                self[side].take(SentRow(**row))
                self[side].requests = dict(requests)
            case {"side": side, "started": _}:
                self[side].held.clear()
            case {"side": side, "refused": complaint}:
                self[side].refused.append(complaint)
            case {"side": side, "role": role, "at_s": at_s}:
                self[side].roles.append((at_s, role))
            case {"side": side, "lost": write, "error": error}:
                print(f"simulated DPU of {side}: {error}; lost {write}", file=sys.stderr)
            case {"done": _}:
                self._done += 1
            case {"ready": _}:
                self._ready = True
            case {"error": complaint}:
                self._complaint = complaint


def _input_of(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin
