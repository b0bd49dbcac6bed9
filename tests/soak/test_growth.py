"""Growth of memory over several lives: what rises within lives counts, not how lives differ or begin."""

import random

import pytest

from runner.command_line.soak_pair import FLAT, flat
from runner.soak.growth import WARMING_UP, MemorySamples

MIB = 1024 * 1024


def samples(*lives: list[int]) -> MemorySamples:
    taken = MemorySamples()
    for process_id, life in enumerate(lives, 100):
        for size in life:
            taken.take(process_id, size)
    return taken


def life(length: int, start: int, rises: int) -> list[int]:
    """Warms up by 10 MiB, then rises so much with each switchover."""
    return [start - max(0, WARMING_UP - number) * MIB // 2 + number * rises for number in range(length)]


@pytest.mark.parametrize("rises", [0, 1000, 50_000, -2000])
def test_what_rises_within_lives(rises: int) -> None:
    growth = samples(life(80, 80 * MIB, rises), life(30, 70 * MIB, rises), life(60, 95 * MIB, rises)).growth()
    assert growth.per_switchover == pytest.approx(rises, abs=1)
    assert (growth.lives, growth.longest) == (3, 80)
    assert growth.watched == 60 + 10 + 40
    assert flat(growth) is (rises < FLAT)


def test_noise_is_no_growth() -> None:
    chance = random.Random(5)
    noisy = [[80 * MIB + chance.randrange(-200_000, 200_000) for _ in range(100)] for _ in range(4)]
    assert flat(samples(*noisy).growth())


def test_lives_that_are_too_short_tell_nothing() -> None:
    growth = samples(life(WARMING_UP, 80 * MIB, 0), life(5, 90 * MIB, 0)).growth()
    assert growth.per_switchover is None
    assert flat(growth)


def test_nothing_at_all() -> None:
    growth = MemorySamples().growth()
    assert (growth.lives, growth.longest, growth.greatest, growth.per_switchover) == (0, 0, 0, None)
