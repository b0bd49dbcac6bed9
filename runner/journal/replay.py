"""Replaying a life: the recorded inputs, times and ids into a node of today, and what comes out beside what came then.

Source: architecture "The node".
"""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import TypeAlias

from attrs import define, field, frozen

from runner.journal.conversion import KIND, Json, compact, output_to_json, words_of
from runner.journal.record import Life, Step
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

    def readable(self) -> Iterator[str]:
        """The two side by side: ``-`` was recorded, ``+`` came out of the replay; what is equal is left out."""
        was, now = _lines(self.recorded), _lines(self.replayed)
        subject: str | None = None
        for line in list(unified_diff(was, now, lineterm="", n=len(was) + len(now)))[3:]:
            belongs = line[1:].startswith(INDENT)
            if line.startswith(" "):
                subject = subject if belongs else line
                continue
            if belongs and subject is not None:
                yield subject
            subject = None
            yield line


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
        remarks = [compact({KIND: "id", "recorded and not asked for": id_}) for id_ in self._left]
        return remarks + [compact({KIND: "id", "asked for and not recorded": n + 1}) for n in range(self._missing)]


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


def _raised(words: str) -> str:
    return compact({KIND: "raised", "error": words})


INDENT = "    "

_SHORT = 60


def _lines(outputs: Sequence[str]) -> list[str]:
    """Outputs as lines: what each is about, then, indented, whatever it has that is long or of many parts."""
    return [line for text in outputs for line in _described(json.loads(text))]


def _described(output: Mapping[str, Json]) -> Iterator[str]:
    short = {name: value for name, value in output.items() if _is_short(value)}
    yield " ".join(str(value) for value in short.values())
    for name, value in output.items():
        if name in short:
            continue
        if isinstance(value, dict):
            yield from (f"{INDENT}{name}.{part} = {compact(of_part)}" for part, of_part in value.items())
        else:
            yield f"{INDENT}{name} = {compact(value)}"


def _is_short(value: Json) -> bool:
    return isinstance(value, str | int) and len(str(value)) <= _SHORT
