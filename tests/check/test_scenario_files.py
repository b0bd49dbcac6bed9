"""Scenario files: what is wrong with one is said with its place, what is not as expected is found and can be seen."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from runner.lab.sim.pictures import as_mermaid, as_svg, as_text
from runner.lab.sim.play import Played, play
from runner.lab.sim.scenario_file import Scenario, ScenarioFileError, read
from runner.lab.sim.schema import schema
from runner.lab.sim.verbs import VERBS

DOCS = Path(__file__).parents[2] / "docs"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scenario.yaml"
    path.write_text(f"name: test\n{text}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps: [{scop: {side: A}}]", "steps[0]: there is no verb 'scop'"),
        ("steps: [{wait: 1}, {scope: {side: D}}]", "steps[1].scope.side: 'D' is not one of"),
        ("steps: [{approve: {side: A}}]", "steps[0].approve: 'type' is a required property"),
        ("steps: [{expect: {A: x/y/z}}]", "steps[0].expect.A: 'x/y/z' does not match"),
        ("steps: [{expect: {A: active}, within: soon}]", "steps[0].within: 'soon' is not of type 'number'"),
        ("steps: [3]", "steps[0]: a step is a verb"),
        ("steps: []\nspeed: 1", "'speed' was unexpected"),
        ("start: p", "either 'steps' or a 'schedule' is required"),
        ("steps: []\nstart: x", "start: 'x' is not one of"),
        ("steps: [", "not YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ScenarioFileError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: ")
    assert said in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScenarioFileError, match="No such file"):
        read(tmp_path / "nowhere.yaml")


def test_the_published_schema_is_that_of_today() -> None:
    assert json.loads((DOCS / "scenario.schema.json").read_text(encoding="utf-8")) == schema()


def played(**document: object) -> Played:
    return play(Scenario("here", {"name": "test", "start": "p", **document}), 0)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"steps": [{"expect": {"A": "standby"}, "within": 1}]}, "steps[0]: within 1 s, A is active, not standby"),
        ({"steps": [{"chan": "down"}, {"wait": 5}], "always": [{"A": "active"}]}, "always[0]: at "),
        ({"steps": [{"chan": "down"}, {"wait": 5}], "never": [{"A": "standalone"}]}, "never[0]: at "),
        (
            {"steps": [{"chan": "down"}, {"expect": {"A": "active"}, "within": 1, "for": 5}]},
            "steps[1]: does not stay so for 5 s: A is ",
        ),
        ({"steps": [], "eventually": {"deciders": 2}}, "eventually: within 150.0 s, ['A'] handle packets, not 2"),
        ({"steps": [{"expect": {"term": {"A": 9}}, "within": 0}]}, "the term of A is 1, not 9"),
        ({"steps": [{"expect": {"primary": "B"}, "within": 0}]}, "the route of A leads to A, not to B"),
        ({"steps": [{"expect": {"pending": {"B": ["switchover"]}}, "within": 0}]}, "B lists [], not ['switchover']"),
        ({"steps": [{"expect": {"dropped": True}, "within": 0}]}, "packets at A are handled by A"),
    ],
)
def test_what_is_not_as_expected_is_found(document: dict[str, object], said: str) -> None:
    failures = played(**document).failures
    assert failures
    assert said in failures[0]


def test_every_verb_says_what_it_is_for() -> None:
    assert all(verb.what.endswith(".") for verb in VERBS.values())


STORY = {"steps": [{"wait": 2}, {"chan": "down"}, {"expect": {"A": "standalone/standalone"}, "within": 5}]}


def test_what_happened_can_be_read() -> None:
    text = as_text(played(**STORY))
    assert "* chan down" in text
    assert "A is standalone/standalone" in text
    assert "-> A  DPURequestEnterStandalone" in text or "-> B  DPURequestEnterStandalone" in text


def test_what_happened_can_be_drawn() -> None:
    story = played(**STORY)
    picture = ElementTree.fromstring(as_svg(story))
    space = "{http://www.w3.org/2000/svg}"
    words = [text.text for text in picture.iter(f"{space}text")]
    assert "standalone / standalone" in words
    assert "A handles packets" in words
    assert list(picture.iter(f"{space}line")), "messages are arrows"
    diagram = as_mermaid(story).splitlines()
    assert diagram[0] == "sequenceDiagram"
    assert any("A->>B" in line for line in diagram)
