"""The benchmarks of a node measure what they say, with few scopes; no figure is judged here."""

from collections.abc import Callable, Sequence

import pytest

from runner.bench import node_costs
from runner.bench.curve import Curve

SIZES = (1, 3)


@pytest.mark.parametrize(
    "measure",
    [
        lambda: node_costs.step_costs(SIZES),
        lambda: node_costs.launch_costs(SIZES, 2),
        lambda: node_costs.failover_costs(SIZES, 2),
        lambda: node_costs.restart_costs(SIZES, 2),
        lambda: node_costs.storm_costs(SIZES, 2),
        lambda: node_costs.idle_costs(SIZES, 60),
    ],
    ids=["step", "launch", "failover", "restart", "storm", "idle"],
)
def test_every_size_is_measured(measure: Callable[[], Sequence[Curve]]) -> None:
    curves = measure()
    assert curves
    for curve in curves:
        assert tuple(point.scopes for point in curve.points) == SIZES
        assert all(point.value.greatest > 0 for point in curve.points)


def test_a_scope_takes_memory() -> None:
    (curve,) = node_costs.memory_costs((1, 8))
    assert [point.scopes for point in curve.points] == [8]
    assert curve.points[0].value.median > 1


def test_kinds_of_inputs_change_nothing_but_one() -> None:
    kinds = {curve.name for curve in node_costs.step_costs((1,))}
    assert kinds == {
        "with a transition",
        "the DPU's row again",
        "configuration again",
        "report without news",
        "heartbeat, answered",
        "timer of a heartbeat",
    }
