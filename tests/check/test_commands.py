"""hamgr check and hamgr sim: what they print, and their exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from runner.command_line.hamgr import app
from runner.lab.check.defects import CATALOGUE, HARMLESS

SCENARIOS = Path(__file__).parents[2] / "docs" / "scenarios"


def hamgr(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_a_defect_is_found() -> None:
    result = hamgr("check", "--defect", "no-way-out-of-standalone", "--jobs", "1")
    assert result.exit_code == 1
    assert "I9: rests in disorder" in result.output
    assert "B is initializing_to_standby/standby" in result.output


def test_a_harmless_defect_is_not_found_and_rows_never_taken_are_listed() -> None:
    result = hamgr("check", "--defect", "promise-forgotten", "--jobs", "1")
    assert result.exit_code == 0
    assert "rows never taken: " in result.output
    assert "flow reconciliation approved" in result.output


def test_as_json() -> None:
    result = hamgr("check", "--defect", "scope-before-set", "--jobs", "2", "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert said["campaigns"][0]["found"]["invariant"] == "I5"
    assert said["campaigns"][0]["found"]["steps"][0] == {"who": "A", "what": "the DPU loses power"}


@pytest.mark.parametrize("form", ["mermaid", "text"])
def test_a_counterexample_can_be_written(tmp_path: Path, form: str) -> None:
    path = tmp_path / "found"
    result = hamgr("check", "--defect", "claims-lost-flows", "--jobs", "1", "--format", form, "--output", str(path))
    assert result.exit_code == 1
    text = path.read_text(encoding="utf-8")
    assert text.startswith("sequenceDiagram") is (form == "mermaid")
    assert "the DPU loses power" in text


@pytest.mark.parametrize("name", ["asks-before-it-is-prepared", "no-rejoin"])
def test_a_counterexample_can_be_played_again(tmp_path: Path, name: str) -> None:
    path = tmp_path / "found.yaml"
    hamgr("check", "--defect", name, "--jobs", "1", "--format", "scenario", "--output", str(path))
    assert hamgr("sim", str(path)).exit_code == 0
    # Under the true rules the same steps are not possible, or do not show it.
    path.write_text(path.read_text(encoding="utf-8").replace(f"rules: {name}", "rules: 'true'"), encoding="utf-8")
    assert hamgr("sim", str(path)).exit_code == (1 if name == "asks-before-it-is-prepared" else 0)


@pytest.mark.parametrize("arguments", [("--preset", "huge"), ("--defect", "none"), ("--jobs", "0"), ("--format", "x")])
def test_misuse_of_check(arguments: tuple[str, ...]) -> None:
    assert hamgr("check", *arguments).exit_code == 2


def test_the_catalogue_is_listed() -> None:
    listed = json.loads(hamgr("check", "--list-defects", "--json").stdout)
    assert {entry["name"] for entry in listed} == {*CATALOGUE, *HARMLESS}
    assert "LD-01" in hamgr("check", "--list-defects").output


def test_sim_plays_files() -> None:
    files = [str(SCENARIOS / f"{name}.yaml") for name in ("m2.1-planned-switchover", "c17-link-lost")]
    assert hamgr("sim", *files).exit_code == 0


def test_sim_fails(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("name: x\nsteps: [{expect: {A: standby}, within: 1}]\n", encoding="utf-8")
    result = hamgr("sim", str(path))
    assert result.exit_code == 1
    assert "steps[0]: within 1 s" in result.output


@pytest.mark.parametrize("text", ["name: x", "name: x\nschedule: {rules: none, from: paired, steps: []}"])
def test_sim_refuses(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    assert hamgr("sim", str(path)).exit_code == 2
    assert hamgr("sim").exit_code == 2


DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["takes-over-too-early", "reference-switchover"])
def test_the_pictures_of_the_guide_are_those_of_today(tmp_path: Path, name: str) -> None:
    path = tmp_path / "picture.svg"
    counterexample = DOCS / "counterexamples" / f"{name}.yaml"
    assert hamgr("sim", str(counterexample), "--format", "svg", "--output", str(path)).exit_code == 0
    assert path.read_text(encoding="utf-8") == (DOCS / "pictures" / f"{name}.svg").read_text(encoding="utf-8")


def test_the_counterexample_of_the_guide_is_found() -> None:
    ignored = [argument for id_ in ("I3", "I7", "W04", "I1") for argument in ("--ignore", id_)]
    result = hamgr("check", "--reference", "--situation", "switching", "--jobs", "1", "--format", "scenario", *ignored)
    assert result.exit_code == 1
    found = (DOCS / "counterexamples" / "reference-switchover.yaml").read_text(encoding="utf-8")
    assert found.rstrip() in result.output


def test_two_rule_sets_are_compared() -> None:
    result = hamgr("check", "--compare", "true", "both-go-alone")
    assert result.exit_code == 1
    assert "both-go-alone: A is standalone in term 2" in result.output
    assert hamgr("check", "--compare", "true", "nothing").exit_code == 2
