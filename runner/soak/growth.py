"""Whether the memory of a daemon that is killed now and then grows: from samples of all of its lives.

Each life begins anew, and grows at first because everything is done for the first time. So the beginning of each life
is left out, and what is looked at is how memory rises within lives, over all of them together.
"""

from collections.abc import Iterable, Sequence

from attrs import define, field, frozen

from runner.bench.distribution import slope

WARMING_UP = 20
"""So many switchovers of each life are left out."""

KIB = 1024


@frozen
class Growth:
    """What became of the memory of one daemon. ``per_switchover``: None where no life was long enough to tell."""

    lives: int
    longest: int
    """Switchovers in the longest life."""

    greatest: int
    """The most that it ever had, in bytes."""

    watched: int
    """Samples that ``per_switchover`` is computed from."""

    per_switchover: float | None
    """Bytes by which memory rises with each switchover."""


@define
class MemorySamples:
    """The samples of one daemon, in their order; a life is known by its process id."""

    samples: list[tuple[int, int]] = field(factory=list)

    def take(self, process_id: int, size: int) -> None:
        """Note the memory of a process after a switchover, in bytes."""
        self.samples.append((process_id, size))

    def growth(self) -> Growth:
        """What they come to."""
        lives = list(_lives(self.samples))
        watched = [_centred(life[WARMING_UP:]) for life in lives if len(life) > WARMING_UP + 1]
        points = [point for life in watched for point in life]
        return Growth(
            lives=len(lives),
            longest=max(map(len, lives), default=0),
            greatest=max((size for _, size in self.samples), default=0),
            watched=len(points),
            per_switchover=slope(points) if points else None,
        )


def _lives(samples: Iterable[tuple[int, int]]) -> Iterable[list[int]]:
    sizes: dict[int, list[int]] = {}
    for process_id, size in samples:
        sizes.setdefault(process_id, []).append(size)
    return sizes.values()


def _centred(sizes: Sequence[int]) -> list[tuple[float, float]]:
    """Points around the middle of a life, so that several lives can be laid over each other."""
    middle, mean = (len(sizes) - 1) / 2, sum(sizes) / len(sizes)
    return [(number - middle, size - mean) for number, size in enumerate(sizes)]
