"""Replaying a life: the recorded inputs, times and ids into a node of today, and what comes out beside what came then.

Source: architecture "The node".
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from attrs import define, field, frozen

from runner.journal.conversion import KIND, compact, output_to_json, words_of
from runner.journal.record import Life, Step
from runner.journal.side_by_side import side_by_side
from runner.node import Node

NodeOf: TypeAlias = Callable[[Life, Callable[[], str]], Node]
"""Builds the node of a life around a source of ids."""


@frozen
class Difference:
    """A step that did not come out as it was recorded."""

    step: Step
    recorded: tuple[str, ...]
    """What the journal says came out, each as one line of JSON."""

    replayed: tuple[str, ...]
    cause: str = ""
    """The input in words."""

    def readable(self) -> Iterator[str]:
        """The two side by side: ``-`` was recorded, ``+`` came out of the replay; what is equal is left out."""
        return side_by_side(self.recorded, self.replayed)


@define(eq=False)
class _RecordedIds:
    """Hands out the ids of the journal; one that it has not is made up, so that the difference can be shown."""

    _left: deque[str] = field(factory=deque)
    _missing: int = 0

    def expect(self, ids: Sequence[str]) -> None:
        """The ids of the next step."""
        self._left = deque(ids)
        self._missing = 0

    def __call__(self) -> str:
        """The next one."""
        if self._left:
            return self._left.popleft()
        self._missing += 1
        return f"not recorded: id {self._missing}"

    @property
    def remarks(self) -> list[str]:
        """What is wrong with how many were asked for."""
        remarks = [_remark("recorded and not asked for", id_) for id_ in self._left]
        return remarks + [_remark("asked for and not recorded", n + 1) for n in range(self._missing)]


class Replay:
    """A life that is lived again."""

    def __init__(self, life: Life, node_of: NodeOf = Life.node) -> None:
        """Begin. ``node_of`` builds the node, by default as the daemon does."""
        self._ids = _RecordedIds()
        self.life = life
        self.node = node_of(life, self._ids)
        self.steps = 0
        self.outputs = 0
        """How many steps were replayed, and how many outputs they had when they were recorded."""

    def step(self, recorded: Step) -> Difference | None:
        """Replay the next step; say how it differs from the record, if it does."""
        self._ids.expect(recorded.ids)
        replayed: list[str]
        try:
            outputs = self.node.step(recorded.happened, recorded.at_ms)
            replayed = [compact(output_to_json(output)) for output in outputs]
        except Exception as error:  # noqa: BLE001  (a defect that was recorded is replayed like anything else)
            replayed = [_raised(words_of(error))]
        self.steps += 1
        self.outputs += len(recorded.written)
        expected = [*recorded.written] if recorded.raised is None else [_raised(recorded.raised)]
        replayed += self._ids.remarks
        return Difference(recorded, tuple(expected), tuple(replayed)) if expected != replayed else None


def _remark(what: str, id_: str | int) -> str:
    return compact({KIND: "id", "what": what, "id": id_})


def _raised(words: str) -> str:
    return compact({KIND: "raised", "error": words})
