"""What is done to the pair in each step: drawn from the seed and the number of the step, and from nothing else.

So any step can be repeated by itself. Memory can only be watched in a process that lives long: of three stretches of a
hundred steps, hamgrd of either switch is killed in the first, and only that of one switch in each of the others.
"""

import random
from collections.abc import Mapping
from enum import StrEnum

from attrs import frozen

SIDES = ("A", "B")
STRETCH = 100

TROUBLED, TWICE = 0.6, 0.2
"""How likely it is that something happens in a step, and then that something else happens in it too."""

IN_THE_MIDDLE, MIDDLE_S = 0.7, 0.12
"""How likely it is that something strikes while the switchover is under way, and how long that takes about."""

MOMENT_S = 1.0
"""Otherwise it strikes within this time: when the switchover is over, or others recover from the first strike."""


class Trouble(StrEnum):
    """Something bad that ends again."""

    KILL = "hamgrd killed"
    PAUSE = "hamgrd stands still"
    POWER = "DPU without power"
    HOST_REDIS = "Redis of the host killed"
    DPU_REDIS = "Redis of the DPU killed"
    LINK_REFUSED = "control link cut"
    LINK_SILENT = "control link silent"
    CHANNEL = "data plane channel lost"


WEIGHTS: Mapping[Trouble, int] = {
    Trouble.KILL: 50,
    Trouble.PAUSE: 12,
    Trouble.POWER: 10,
    Trouble.HOST_REDIS: 6,
    Trouble.DPU_REDIS: 5,
    Trouble.LINK_REFUSED: 6,
    Trouble.LINK_SILENT: 6,
    Trouble.CHANNEL: 5,
}

LASTS_S: Mapping[Trouble, tuple[float, float]] = {
    Trouble.KILL: (0.0, 0.5),
    Trouble.PAUSE: (0.3, 2.0),
    Trouble.POWER: (0.2, 1.5),
    Trouble.HOST_REDIS: (0.0, 1.0),
    Trouble.DPU_REDIS: (0.0, 1.0),
    Trouble.LINK_REFUSED: (0.2, 2.0),
    Trouble.LINK_SILENT: (0.2, 3.0),
    Trouble.CHANNEL: (0.2, 1.5),
}

BOTH_SIDES = (Trouble.LINK_REFUSED, Trouble.LINK_SILENT, Trouble.CHANNEL)
"""What lies between the switches, and belongs to none."""


@frozen
class Strike:
    """A trouble of a side, so many seconds after the step began, and for so long."""

    trouble: Trouble
    side: str
    after_s: float
    lasts_s: float

    @property
    def strikes(self) -> str:
        """What it happens to: two troubles of one thing cannot be told apart, or come in each other's way."""
        match self.trouble:
            case Trouble.KILL | Trouble.PAUSE:
                return f"hamgrd {self.side}"
            case Trouble.POWER | Trouble.DPU_REDIS | Trouble.CHANNEL:
                return "DPUs"
            case Trouble.HOST_REDIS:
                return f"Redis {self.side}"
        return "link"

    def __str__(self) -> str:
        who = "" if self.trouble in BOTH_SIDES else f" ({self.side})"
        return f"{self.trouble}{who} after {self.after_s:.2f} s for {self.lasts_s:.2f} s"


@frozen
class StepPlan:
    """One planned switchover: to which side, and what strikes meanwhile."""

    number: int
    to: str
    strikes: tuple[Strike, ...]

    def __str__(self) -> str:
        return f"step {self.number}: switchover to {self.to}; {'; '.join(map(str, self.strikes)) or 'undisturbed'}"


def plan(seed: int, number: int, *, kills: bool) -> StepPlan:
    """The plan of a step; ``number`` counts from 1."""
    to = SIDES[number % 2]
    if not kills:
        return StepPlan(number, to, ())
    chance = random.Random(f"hamgr soak-pair {seed} {number}")
    strikes: list[Strike] = []
    if chance.random() < TROUBLED:
        strikes.append(_strike(chance, number))
        if chance.random() < TWICE:
            another = _strike(chance, number)
            if another.strikes != strikes[0].strikes:
                strikes.append(another)
    return StepPlan(number, to, tuple(strikes))


def _strike(chance: random.Random, number: int) -> Strike:
    (trouble,) = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
    side = chance.choice(mortal(number) if trouble is Trouble.KILL else SIDES)
    moment_s = MIDDLE_S if chance.random() < IN_THE_MIDDLE else MOMENT_S
    return Strike(trouble, side, chance.uniform(0, moment_s), chance.uniform(*LASTS_S[trouble]))


def mortal(number: int) -> tuple[str, ...]:
    """The sides whose hamgrd may be killed in a step."""
    stretch = (number - 1) // STRETCH % 3
    return SIDES if stretch == 0 else (SIDES[stretch - 1],)
