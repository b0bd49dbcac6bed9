"""A replayed life as an operator wants to hear it: what moved, when, and because of which input.

What is told is what was recorded; what the replay made differently stands beside it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from attrs import define, evolve, field, frozen

from runner.inputs import Input
from runner.journal.cause import Causes
from runner.journal.reader import Torn, read_journal
from runner.journal.record import Life, Step
from runner.journal.replay import Difference, NodeOf, Replay
from runner.node import Node
from runner.outputs import Alert, Fault, InputRejected, TransitionTaken

Said: TypeAlias = TransitionTaken | Alert | InputRejected | Fault
"""Outputs that are for people."""


@frozen
class Happening:
    """A step in which something was said, and the input that caused it, also in words."""

    step: int
    at_ms: int
    happened: Input
    cause: str
    said: tuple[Said, ...]
    raised: str | None = None

    def about(self, path: str) -> "Happening | None":
        """Only what is about one entity; None if that is nothing."""
        said = tuple(each for each in self.said if subject(each) == path)
        return Happening(self.step, self.at_ms, self.happened, self.cause, said) if said else None


def subject(said: Said) -> str:
    """The path of the entity that something is about; of a rejected input, where it came from."""
    match said:
        case TransitionTaken():
            return said.scope.rpartition(" ")[0]
        case Alert():
            return said.subject
        case Fault():
            return said.entity
        case InputRejected():
            return said.source


@define(eq=False)
class ToldLife:
    """A life, replayed up to some step."""

    number: int
    """Counted from 1 in the file."""

    life: Life
    node: Node
    """The node as the replay left it."""

    steps: int = 0
    outputs: int = 0
    """How many steps were replayed, and how many outputs were recorded for them."""

    at_ms: int = 0
    """The time of the last step that was replayed."""

    happenings: list[Happening] = field(factory=list)
    differences: list[Difference] = field(factory=list)
    torn_line: int | None = None
    """The line of the file within which the life ended, if it did."""


@frozen
class Until:
    """The last step to replay, by its number or by the time after which no step counts."""

    step: int | None = None
    at_ms: int | None = None

    def includes(self, step: Step) -> bool:
        """The step is not after the end."""
        return (self.step is None or step.number <= self.step) and (self.at_ms is None or step.at_ms <= self.at_ms)


TO_THE_END = Until()


def tell(
    path: Path, *, life: int | None = None, until: Until = TO_THE_END, node_of: NodeOf = Life.node
) -> Iterator[ToldLife]:
    """Replay the lives of a journal one after the other, or the one of that number.

    Raises:
        BadJournal: the file cannot be read, is of another format, or is damaged.
    """
    teller: _Teller | None = None
    number = 0
    for record in read_journal(path):
        match record:
            case Life():
                if teller is not None:
                    yield teller.told
                number += 1
                teller = _Teller(number, record, until, node_of) if life in (None, number) else None
            case Step() if teller is not None:
                teller.step(record)
            case Torn(line) if teller is not None:
                teller.told.torn_line = line
    if teller is not None:
        yield teller.told


class _Teller:
    def __init__(self, number: int, life: Life, until: Until, node_of: NodeOf) -> None:
        self._replay = Replay(life, node_of)
        self._causes = Causes()
        self._until = until
        self._over = False
        self.told = ToldLife(number, life, self._replay.node)

    def step(self, recorded: Step) -> None:
        """Replay one step and note what it is good for."""
        self._over = self._over or not self._until.includes(recorded)
        if self._over:
            return
        told = self.told
        cause = self._causes.describe(recorded.happened)
        difference = self._replay.step(recorded)
        if difference is not None:
            told.differences.append(evolve(difference, cause=cause))
        said = tuple(output for output in recorded.outputs if isinstance(output, Said))
        if said or recorded.raised:
            happening = Happening(recorded.number, recorded.at_ms, recorded.happened, cause, said, recorded.raised)
            told.happenings.append(happening)
        told.steps, told.outputs, told.at_ms = self._replay.steps, self._replay.outputs, recorded.at_ms


def of_scope(happenings: Sequence[Happening], path: str) -> list[Happening]:
    """What was said about one entity."""
    return [about for each in happenings if (about := each.about(path)) is not None]
