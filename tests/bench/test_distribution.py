"""The statistics: nearest-rank percentiles and the slope of a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.bench.distribution import Distribution, percentile, slope

SAMPLES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300)


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [(1, 50, 1), (1, 99, 1), (2, 50, 1), (3, 50, 2), (100, 50, 50), (100, 99, 99), (200, 99, 198), (200, 100, 200)],
)
def test_percentile_of_the_first_numbers(count: int, percent: float, expected: float) -> None:
    assert percentile(range(1, count + 1), percent) == expected


@given(SAMPLES, st.floats(0.1, 100))
def test_percentile_is_the_smallest_sample_that_enough_do_not_exceed(samples: list[float], percent: float) -> None:
    ordered = sorted(samples)
    found = percentile(ordered, percent)

    def share(limit: float) -> float:
        return 100 * sum(1 for sample in ordered if sample <= limit) / len(ordered)

    assert found in ordered
    assert share(found) >= percent - 1e-9
    assert all(share(sample) < percent + 1e-9 for sample in ordered if sample < found)


@pytest.mark.parametrize("percent", [0, -1, 100.5])
def test_percentage_that_is_none(percent: float) -> None:
    with pytest.raises(ValueError, match="no percentage"):
        percentile([1.0], percent)


@given(SAMPLES)
def test_distribution_is_in_order(samples: list[float]) -> None:
    of = Distribution.of(samples)
    assert of.count == len(samples)
    assert of.least == min(samples)
    assert of.greatest == max(samples)
    assert of.least <= of.median <= of.p99 <= of.greatest


def test_nothing_has_no_distribution() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        Distribution.of([])


@given(st.integers(-50, 50), st.integers(-50, 50), st.lists(st.integers(-99, 99), min_size=2, unique=True))
def test_slope_of_a_line_is_its_slope(rise: int, start: int, xs: list[int]) -> None:
    assert slope([(x, rise * x + start) for x in xs]) == pytest.approx(rise, abs=1e-6)


def test_slope_where_there_is_none() -> None:
    assert slope([]) == slope([(1, 5)]) == slope([(1, 5), (1, 9)]) == 0.0
