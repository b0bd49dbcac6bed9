"""Every shipped scenario file is played in the lab, with each of its seeds, and ends as it says."""

from pathlib import Path

import pytest

from runner.lab.sim.play import play
from runner.lab.sim.scenario_file import read

FILES = sorted((Path(__file__).parents[2] / "docs" / "scenarios").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario_ends_as_expected(path: Path) -> None:
    scenario = read(path)
    for seed in scenario.seeds:
        assert play(scenario, seed).failures == []


def test_there_are_many_and_each_says_where_it_comes_from() -> None:
    assert len(FILES) > 80
    assert all(read(path).document["source"].startswith("scenarios ") for path in FILES)
