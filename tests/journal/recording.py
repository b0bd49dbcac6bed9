"""Journals of daemons in the lab, written as a real daemon writes its own."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, field

from hamgr_fsm.vocabulary import HaOwner
from runner.journal.record import Life
from runner.journal.writer import RecordedNode
from runner.lab.sides import Side
from runner.lab.world import EPOCH_MS
from runner.outputs import Output, TransitionTaken
from tests.lab.pair import Pair
from tests.lab.stories import END_S, STORIES, Story


@define(eq=False)
class Recorder:
    """Makes the daemons of a world and has each side's write a journal into a folder."""

    folder: Path
    lab: Pair | None = None
    _alive: dict[str, RecordedNode] = field(factory=dict)

    @property
    def daemons(self) -> Mapping[str, Callable[[Side, int], RecordedNode]]:
        """Who makes the daemons, by side."""
        return {"A": self._make, "B": self._make}

    def file(self, name: str) -> Path:
        """The journal of a side."""
        return self.folder / f"{name}.jsonl"

    def close(self) -> None:
        """End the daemons as far as their journals go."""
        for node in self._alive.values():
            node.journal.close()

    def _make(self, side: Side, life: int) -> RecordedNode:
        if side.name in self._alive:
            # The end of a process closes its files.
            self._alive[side.name].journal.close()
        numbers = Random(f"{side.name} {life}")
        began_ms = self.lab.wall_ms if self.lab is not None else EPOCH_MS
        node = RecordedNode.begin(
            self.file(side.name), Life(slot_id=0, began_ms=began_ms), lambda: f"{numbers.getrandbits(128):032x}"
        )
        self._alive[side.name] = node
        return node


def recorded_pair(folder: Path, owner: HaOwner = HaOwner.SWITCH, **settings: Any) -> tuple[Pair, Recorder]:
    """A pair whose daemons write journals; nobody has started them yet."""
    recorder = Recorder(folder)
    lab = Pair(owner=owner, daemons=recorder.daemons, **settings)
    recorder.lab = lab
    return lab, recorder


def recorded_story(folder: Path, name: str) -> Recorder:
    """A story of the switch-driven lab, played to its end."""
    story: Story = STORIES[name]
    lab, recorder = recorded_pair(folder)
    story.start(lab)
    lab.pace.approval_ms = 400
    story.goes_on(lab)
    lab.run(END_S)
    recorder.close()
    return recorder


def lines_of(file: Path) -> list[dict[str, Any]]:
    """The lines of a journal, read without our reader."""
    return [json.loads(line) for line in file.read_text(encoding="ascii").splitlines()]


def rewrite(file: Path, lines: list[dict[str, Any]]) -> None:
    """Put other lines into a journal."""
    file.write_text("".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines), encoding="ascii")


def moves(outputs: tuple[Output, ...]) -> list[tuple[str, str, str]]:
    """Which machines moved, from where to where."""
    return [(each.scope, each.source, each.target) for each in outputs if isinstance(each, TransitionTaken)]
