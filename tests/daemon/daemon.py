"""hamgrd as a test treats it: started, killed, stopped, and read by the lines of its log."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define

from runner.demo.stage import HamgrdProcess

DEADLINE_S = 20.0
LOOK_EVERY_S = 0.005

Entry = Mapping[str, Any]


def until(holds: Callable[[], bool], what: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
    """Wait until the condition holds; fail when it does not within the deadline, and say what there is instead."""
    deadline = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {deadline_s} s; there is {what()}"
        time.sleep(LOOK_EVERY_S)


@define
class Daemon(HamgrdProcess):
    """The daemon as a child process that logs JSON to a file."""

    def launch(self) -> None:
        """Start it and wait for nothing."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def alive(self) -> bool:
        """It runs."""
        return self.process is not None and self.process.poll() is None

    def ended(self, deadline_s: float = DEADLINE_S) -> int:
        """Wait for its end; gives its exit code."""
        assert self.process is not None
        return self.process.wait(deadline_s)

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def pause(self) -> None:
        """Let it stand still: it sees and does nothing until :meth:`resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def mark(self) -> int:
        """How many lines it has logged."""
        return len(self._lines())

    def entries(self, mark: int = 0, **fields: object) -> list[Entry]:
        """Its log lines after a mark in which these fields have these values."""
        entries = [json.loads(line) for line in self._lines()[mark:] if line.startswith("{")]
        return [entry for entry in entries if fields.items() <= entry.items()]

    def wait_for_line(self, mark: int = 0, **fields: object) -> Entry:
        """The first such line; fails when it does not come."""
        until(lambda: bool(self.entries(mark, **fields)), lambda: f"no line with {fields} in\n{self.last_words()}")
        return self.entries(mark, **fields)[0]

    def wait_until_ready(self, mark: int = 0) -> None:
        """Wait until it has read everything and says so."""
        self.wait_for_line(mark, message="hamgrd ready")

    def rejections(self, key: str, mark: int = 0) -> list[Entry]:
        """The lines after a mark that say that a row with this key was rejected."""
        return [e for e in self.entries(mark, message="input_rejected") if e["source"].endswith(f" {key}")]

    def wait_until_rejected(self, key: str, mark: int = 0) -> Entry:
        """The line that says so; fails when it does not come."""
        until(lambda: bool(self.rejections(key, mark)), self.last_words)
        return self.rejections(key, mark)[0]

    def complaints(self) -> list[Entry]:
        """The lines that no test may see: defects of the program."""
        return [entry for entry in self.entries() if entry["level"] == "error"]

    def _lines(self) -> list[str]:
        if not self.log.exists():
            return []
        # A line that is being written is not a line yet.
        return self.log.read_text(errors="replace").split("\n")[:-1]

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
