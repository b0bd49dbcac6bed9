"""Random worlds end well; one that does not is made short and written as a scenario file that plays it again."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from runner.command_line.hamgr import app
from runner.lab.sim import soak
from runner.lab.sim.play import play
from runner.lab.sim.scenario_file import Scenario, read


@pytest.mark.parametrize("seed", range(12))
def test_a_random_world_ends_well(seed: int) -> None:
    assert soak.run(seed) is None


def test_the_same_seed_is_the_same_world() -> None:
    assert soak.world(3) == soak.world(3) != soak.world(4)


def test_a_world_is_a_scenario_file(tmp_path: Path) -> None:
    path = tmp_path / "world.yaml"
    path.write_text(yaml.safe_dump(soak.world(1)), encoding="utf-8")
    assert read(path).document == soak.world(1)


def test_a_failure_is_made_short() -> None:
    document = soak.world(5)
    steps = [{"wait": 1.0}, {"kill": "A"}, {"wait": 2.0}, {"chan": "down"}, {"wait": 3.0}, *soak.MENDING]
    document["steps"] = steps

    def fails(candidate: dict[str, Any]) -> bool:
        return {"kill": "A"} in candidate["steps"] and {"chan": "down"} in candidate["steps"]

    short = soak.shortened(document, fails)
    assert short["steps"] == [{"kill": "A"}, {"chan": "down"}, *soak.MENDING]


def test_a_failure_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    impossible = {"expect": {"A": "standby/standby"}, "within": 1}
    monkeypatch.setattr(soak, "MENDING", [*soak.MENDING[:-1], impossible])
    path = tmp_path / "failure.yaml"
    result = CliRunner().invoke(app, ["soak", "--worlds", "1", "--seed", "2", "--output", str(path)])
    assert result.exit_code == 1
    assert "A is active/active, not standby/standby" in result.output
    again = read(path)
    assert play(Scenario(str(path), again.document), again.seeds[0]).failures
    assert len(again.document["steps"]) == len(soak.MENDING)


def test_worlds_that_end_well() -> None:
    result = CliRunner().invoke(app, ["soak", "--worlds", "2"])
    assert result.exit_code == 0
    assert "2 worlds ended well, seeds 0 to 1" in result.output
