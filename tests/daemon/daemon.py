"""hamgrd as a test treats it: what it must have logged."""

import time
from collections.abc import Callable

from attrs import define

from runner.demo.hamgrd_process import READY, Entry, HamgrdProcess

DEADLINE_S = 20.0
LOOK_EVERY_S = 0.005


def until(holds: Callable[[], bool], what: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
    """Wait until the condition holds; fail when it does not within the deadline, and say what there is instead."""
    deadline = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {deadline_s} s; there is {what()}"
        time.sleep(LOOK_EVERY_S)


@define
class Daemon(HamgrdProcess):
    """The daemon as a child process that logs JSON to a file."""

    def wait_for_line(self, mark: int = 0, **fields: object) -> Entry:
        """The first such line; fails when it does not come."""
        until(lambda: bool(self.entries(mark, **fields)), lambda: f"no line with {fields} in\n{self.last_words()}")
        return self.entries(mark, **fields)[0]

    def wait_until_ready(self, mark: int = 0) -> None:
        """Wait until it has read everything and says so."""
        self.wait_for_line(mark, message=READY)

    def rejections(self, key: str, mark: int = 0) -> list[Entry]:
        """The lines after a mark that say that a row with this key was rejected."""
        return [e for e in self.entries(mark, message="input_rejected") if e["source"].endswith(f" {key}")]

    def wait_until_rejected(self, key: str, mark: int = 0) -> Entry:
        """The line that says so; fails when it does not come."""
        until(lambda: bool(self.rejections(key, mark)), self.last_words)
        return self.rejections(key, mark)[0]
