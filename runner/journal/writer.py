"""Writing a journal: one write for each step, before anything of the step is carried out.

A journal that cannot be written must never stop or slow the daemon: it complains once, counts the steps that it misses,
and writes nothing more, as steps after a gap could not be replayed anyway. The next life starts anew.
"""

import fcntl
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from stat import S_ISREG
from typing import Self

import structlog
from attrs import define, evolve, field
from structlog.typing import FilteringBoundLogger

from runner.inputs import Input
from runner.journal.record import HEADER_START, Life, header_line, step_line
from runner.node import Node
from runner.outputs import Output

log: FilteringBoundLogger = structlog.get_logger()


@define(eq=False)
class Journal:
    """The journal of one life, appended to a file that may hold earlier lives. Nothing here raises."""

    path: Path
    steps: int = 0
    """How many steps of this life were recorded."""

    missed: int = 0
    """How many steps of this life could not be recorded."""

    _file: int | None = None

    @classmethod
    def begin(cls, path: Path, life: Life) -> Self:
        """Open the file, make it if there is none, and write the header of a life."""
        journal = cls(path)
        try:
            journal._file, torn = _open(path)
            mend = "\n" if torn else ""
            journal._write(mend + header_line(evolve(life, after_torn_line=torn)))
        except Exception as error:  # noqa: BLE001  (a journal is never a reason not to start)
            journal._give_up(error)
        return journal

    @property
    def writable(self) -> bool:
        """Steps are being recorded."""
        return self._file is not None

    def step(
        self, happened: Input, now_ms: int, outputs: Sequence[Output] | BaseException, ids: Sequence[str] = ()
    ) -> None:
        """Record a step: the input, its time, what came of it, and the ids that were handed out for it.

        An exception in the place of the outputs: the node raised it.
        """
        if self._file is None:
            self.missed += 1
            return
        try:
            self._write(step_line(self.steps + 1, now_ms, happened, ids, outputs))
            self.steps += 1
        except Exception as error:  # noqa: BLE001  (a journal is never a reason to stop)
            self.missed += 1
            self._give_up(error)

    def close(self) -> None:
        """Write nothing more. The lines are with the operating system already."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, line: str) -> None:
        assert self._file is not None
        rest = memoryview(line.encode() + b"\n")
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def _give_up(self, error: Exception) -> None:
        log.error("journal_lost", file=str(self.path), why=str(error), after_steps=self.steps, instead="no journal")
        try:
            self.close()
        except OSError:
            self._file = None


def _open(path: Path) -> tuple[int, bool]:
    """A descriptor that appends to the file, and whether the file ends within a line.

    Raises:
        OSError: it cannot be opened for writing, or another process writes it.
        ValueError: it holds something else than a journal.
    """
    # A pipe that nobody reads must not stop the daemon: it is refused instead.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
    try:
        if not S_ISREG(os.fstat(file).st_mode):
            return file, False
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file, _ends_within_a_line(path)
    except BlockingIOError as error:
        os.close(file)
        raise OSError("another process writes it") from error
    except BaseException:
        os.close(file)
        raise


def _ends_within_a_line(path: Path) -> bool:
    with path.open("rb") as content:
        start = content.read(len(HEADER_START))
        if not HEADER_START.startswith(start):
            raise ValueError("it is no journal: nothing is appended to it")
        if not start:
            return False
        content.seek(-1, os.SEEK_END)
        return content.read(1) != b"\n"


@define(eq=False)
class HandedOut:
    """A source of ids that remembers which ones it gave."""

    _new_id: Callable[[], str]
    _given: list[str] = field(factory=list)

    def __call__(self) -> str:
        """Another id."""
        self._given.append(self._new_id())
        return self._given[-1]

    def take(self) -> tuple[str, ...]:
        """The ids since the last call."""
        given, self._given = tuple(self._given), []
        return given


@define(eq=False)
class RecordedNode:
    """A node whose steps are recorded, each before it is carried out. The shell takes it in the place of the node."""

    node: Node
    journal: Journal
    _ids: HandedOut

    @classmethod
    def begin(cls, path: Path, life: Life, new_id: Callable[[], str]) -> Self:
        """Build the node of a life and record what happens to it in a file."""
        ids = HandedOut(new_id)
        return cls(life.node(ids), Journal.begin(path, life), ids)

    def step(self, happened: Input, now_ms: int) -> Sequence[Output]:
        """Take one input in, as ``Node.step``, whatever it raises included."""
        try:
            outputs = self.node.step(happened, now_ms)
        except Exception as error:
            self.journal.step(happened, now_ms, error, self._ids.take())
            raise
        self.journal.step(happened, now_ms, outputs, self._ids.take())
        return outputs
