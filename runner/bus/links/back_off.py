"""How long to wait before something that failed is tried again.

Source: bus 8, row 18.
"""

import random

from attrs import define, field

FIRST_DELAY_S, LONGEST_DELAY_S = 0.1, 5.0


@define(eq=False)
class BackOff:
    """Delays that double from the first to the longest, each shortened by up to a half at random."""

    _random: random.Random
    _next_s: float = field(init=False, default=FIRST_DELAY_S)

    def reset(self) -> None:
        """Something went well: the next delay is the first again."""
        self._next_s = FIRST_DELAY_S

    def delay_s(self) -> float:
        """The next delay in seconds."""
        full_s, self._next_s = self._next_s, min(self._next_s * 2, LONGEST_DELAY_S)
        return full_s * (1 - self._random.random() / 2)
