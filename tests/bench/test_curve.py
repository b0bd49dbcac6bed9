"""Growth of a cost over the number of scopes, and its picture."""

from xml.etree import ElementTree

import pytest

from runner.bench.curve import Curve, Point, section
from runner.bench.curve_picture import picture
from runner.bench.distribution import Distribution


def curve(*points: tuple[int, float]) -> Curve:
    return Curve("cost & more", "ms", [Point(scopes, Distribution.of([value])) for scopes, value in points])


@pytest.mark.parametrize(
    ("points", "exponent"),
    [
        ([(64, 64.0), (1024, 1024.0), (4096, 4096.0)], 1.0),
        ([(64, 5.0), (1024, 5.0)], 0.0),
        ([(64, 64.0**2), (1024, 1024.0**2)], 2.0),
        ([(1, 500.0), (64, 64.0), (1024, 1024.0)], 1.0),
        ([(1, 1.0), (64, 64.0)], 1.0),
    ],
)
def test_exponent_is_the_power_that_fits(points: list[tuple[int, float]], exponent: float) -> None:
    assert curve(*points).exponent == pytest.approx(exponent)


def test_one_point_does_not_grow() -> None:
    assert curve((64, 1.0)).exponent is None
    assert [figure.name for figure in section("title", [curve((64, 1.0))]).figures] == ["cost & more, N = 64"]


def test_section_has_every_point_and_the_exponent() -> None:
    figures = section("title", [curve((64, 1.0), (1024, 16.0))]).figures
    assert [figure.name for figure in figures] == [
        "cost & more, N = 64",
        "cost & more, N = 1024",
        "cost & more, growth exponent",
    ]


def test_picture_is_well_formed_and_has_a_line_for_each_curve() -> None:
    drawn = ElementTree.fromstring(picture("a < b", [curve((1, 0.5), (64, 70.0)), curve((1, 3.0), (64, 3.0))]))
    lines = [each for each in drawn if each.tag.endswith("polyline")]
    assert len(lines) == 2
    texts = [each.text or "" for each in drawn if each.tag.endswith("text")]
    assert "a < b" in texts
    assert any("cost & more" in text for text in texts)


def test_greater_costs_are_drawn_higher() -> None:
    drawn = ElementTree.fromstring(picture("t", [curve((1, 1.0), (64, 70.0), (1024, 900.0))]))
    (line,) = [each for each in drawn if each.tag.endswith("polyline")]
    places = [tuple(map(float, pair.split(","))) for pair in (line.get("points") or "").split()]
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert [y for _, y in places] == sorted((y for _, y in places), reverse=True)


def test_nothing_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        picture("t", [])
