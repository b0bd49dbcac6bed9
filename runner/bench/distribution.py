"""What many measurements of the same thing come to: median, 99th percentile and extremes, never a mean."""

import math
from collections.abc import Iterable, Sequence

from attrs import frozen


@frozen
class Distribution:
    """Samples in one unit, summed up. A percentile is a value that was really measured (nearest rank)."""

    count: int
    least: float
    median: float
    p99: float
    greatest: float

    @classmethod
    def of(cls, samples: Iterable[float]) -> "Distribution":
        """Sum samples up; raises ValueError when there are none."""
        ordered = sorted(samples)
        if not ordered:
            raise ValueError("nothing was measured")
        return cls(len(ordered), ordered[0], percentile(ordered, 50), percentile(ordered, 99), ordered[-1])


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest of the ordered samples that so many percent of them do not exceed; ``percent`` in (0, 100]."""
    if not 0 < percent <= 100:
        raise ValueError(f"{percent} is no percentage between 0 and 100")
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """How steep the straight line through the points is (least squares); 0 where x does not vary."""
    count = len(points)
    if count < 2:
        return 0.0
    mean_x, mean_y = (sum(values) / count for values in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
