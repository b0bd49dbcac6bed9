"""What every kind of run has in common: who serves before it, the quiet before it, and reading what was done in it."""

import random
import time
from collections.abc import Mapping, Sequence

from attrs import define, field

from runner.bench.milestones import BEGIN, Milestone, MissingMilestoneError, times
from runner.bench.tap import Command, Tap
from runner.demo.pair import Pair
from runner.lab.sides import Side

QUIET_S = (0.15, 0.4)
"""How long nothing is done before a run; by chance, so that it does not beat in time with anything periodic."""

LOOK_AFTER_S = 0.1
"""When and how often the servers are asked what they did; what is measured is mostly over by then."""

DEADLINE_S = 20.0

Reached = Mapping[str, float]
"""When each milestone of a run was reached, in seconds."""


@define
class Runs:
    """The runs of a pair. ``chance`` draws how long it is quiet before each."""

    pair: Pair
    chance: random.Random = field(factory=lambda: random.Random(1))
    commands: list[int] = field(factory=list)
    """How many commands all servers carried out in each run."""

    @property
    def sides(self) -> tuple[Side, Side]:
        """The active side and the other."""
        active = next(name for name in self.pair.pair if self.pair[name].at == "active/active")
        return self.pair.sides[active], self.pair.sides[self.pair.peer_of(active)]

    def wait_quietly(self) -> None:
        """Let what was done before come to its end."""
        time.sleep(self.chance.uniform(*QUIET_S))

    def heard(self, tap: Tap, milestones: Sequence[Milestone]) -> Reached:
        """Read what was done until all milestones are reached. Raises TimeoutError."""
        heard: list[Command] = []
        deadline = time.monotonic() + DEADLINE_S
        while True:
            time.sleep(LOOK_AFTER_S)
            heard += tap.read()
            try:
                reached = times(heard, milestones)
            except MissingMilestoneError as error:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{error} was not reached within {DEADLINE_S} s: {self.pair}") from error
            else:
                end_s = max(reached.values())
                self.commands.append(sum(1 for command in heard if reached[BEGIN] <= command.at_s <= end_s))
                return reached
