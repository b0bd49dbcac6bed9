"""How a cost grows with the number of scopes: the points, the exponent of the power of N that fits them, a picture.

An exponent of 1 is a cost that grows as the scopes do, 0 one that does not grow. Source: issue of scale.
"""

import math
from collections.abc import Sequence

from attrs import frozen

from runner.bench.distribution import Distribution, slope
from runner.bench.report import Figure, Section

SIZES = (1, 64, 1024, 4096)


@frozen
class Point:
    """What was measured with so many scopes."""

    scopes: int
    value: Distribution


@frozen
class Curve:
    """One cost over the number of scopes."""

    name: str
    unit: str
    points: Sequence[Point]

    @property
    def exponent(self) -> float | None:
        """The power of N that the medians grow with, by a straight line through their logarithms; None for one point.

        A single scope says more about what a node costs by itself than about growth: it is left out where there are
        at least two others.
        """
        found = [(point.scopes, point.value.median) for point in self.points if point.value.median > 0]
        several = [point for point in found if point[0] > 1]
        chosen = several if len(several) > 1 else found
        if len(chosen) < 2:
            return None
        return slope([(math.log(scopes), math.log(median)) for scopes, median in chosen])


def section(title: str, curves: Sequence[Curve], notes: Sequence[str] = ()) -> Section:
    """The points of some curves and how they grow, as figures."""
    figures: list[Figure] = []
    for curve in curves:
        figures += [Figure(f"{curve.name}, N = {point.scopes}", curve.unit, point.value) for point in curve.points]
        if curve.exponent is not None:
            figures.append(Figure(f"{curve.name}, growth exponent", "", curve.exponent))
    return Section(title, figures, notes)
