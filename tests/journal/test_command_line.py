"""What an operator sees of ``hamgr replay``, and how it ends."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from hamgr_fsm.scope.switch_driven_facts import SwitchDrivenScopeFacts
from runner.command_line.replay import replay
from runner.journal.record import VERSION, Life
from runner.journal.writer import Journal
from tests.journal.recording import lines_of, recorded_pair, recorded_story, rewrite

A, B = "vdpu0_0:haset0_0", "vdpu1_0:haset0_0"

app = typer.Typer()
app.command()(replay)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def lines(*arguments: object, exit_code: int = 0) -> list[str]:
    result = run(*arguments)
    assert result.exit_code == exit_code, result.output
    return result.stdout.splitlines()


@pytest.fixture(scope="module")
def switchover(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded_story(tmp_path_factory.mktemp("story"), "w04 switchover").file("B")


@pytest.fixture
def journal(tmp_path: Path, switchover: Path) -> Path:
    file = tmp_path / "journal"
    file.write_bytes(switchover.read_bytes())
    return file


def step_to(journal: Path, target: str) -> dict[str, Any]:
    return next(step for step in lines_of(journal)[1:] if any(out.get("target") == target for out in step["out"]))


def test_timeline_says_what_moved_when_why_and_because_of_what(journal: Path) -> None:
    shown = lines(journal)
    assert shown[0] == "life 1: slot 0, drives scopes of owner dpu and switch, began 2024-06-10T15:15:40.000Z"
    steps = lines_of(journal)[1:]
    outputs = sum(len(step["out"]) for step in steps)
    assert shown[-1] == f"life 1: {len(steps)} steps, {outputs} outputs, identical"
    place = shown.index(f"    {B} state: dead -> connecting: launch (switch-driven 3, row 12)")
    launched = step_to(journal, "connecting")["step"]
    assert re.fullmatch(
        rf"2024-06-10T15:15:48\.00\dZ step {launched}: DASH_HA_SCOPE_CONFIG_TABLE {B} set: disabled true -> false",
        shown[place - 1],
    )
    moved = [line for line in shown if line.startswith(f"    {B} state: ")]
    assert moved[-1].startswith(f"    {B} state: switching_to_active -> active: ")
    approved = shown[shown.index(next(line for line in shown if ": switchover approved" in line)) - 1]
    assert "approved_pending_operation_ids (" in approved, "the controller's protobuf is read"


def test_only_one_scope(journal: Path) -> None:
    for wanted in (B, f"ha-scope/{B}"):
        moved = [line for line in lines(journal, "--scope", wanted) if line.startswith("    ")]
        assert moved
        assert all(line.startswith(f"    {B} ") for line in moved)
    of_set = [line for line in lines(journal, "--scope", "ha-set/haset0_0") if line.startswith("    ")]
    assert of_set
    assert all(line.startswith("    ha-set/haset0_0 ") for line in of_set)
    assert [line for line in lines(journal, "--scope", "x:y") if line.startswith("    ")] == []


def test_until_a_step_shows_the_scopes_as_they_were_after_it(journal: Path) -> None:
    number = step_to(journal, "pending_standby_activation")["step"]
    before, after = (lines(journal, "--until", each) for each in (number - 1, number))
    assert f"  {B}: state initializing_to_standby, relay programmed" in before
    assert f"  {B}: state pending_standby_activation, relay programmed" in after
    assert "    target_role standby" in after
    assert "    in_sync true" in after
    assert "    in_sync true" not in before
    assert "    in_sync false" not in before, "nothing is said of a fact that is as in a machine that knows nothing"
    assert after[-1].startswith(f"life 1: {number} steps, ")
    assert after[-1].endswith(", identical")


def test_until_a_time_includes_the_steps_of_that_millisecond(journal: Path) -> None:
    step = step_to(journal, "connecting")
    at = f"2024-06-10T15:15:{40 + (step['at_ms'] - 1718032540000) / 1000:06.3f}"
    assert any(f"  {B}: state connecting" in line for line in lines(journal, "--until", f"{at}Z"))
    assert any(f"  {B}: state connecting" in line for line in lines(journal, "--until", at)), "without a zone it is UTC"
    just_before = f"2024-06-10T15:15:{40 + (step['at_ms'] - 1718032540001) / 1000:06.3f}"
    assert any(f"  {B}: state dead" in line for line in lines(journal, "--until", just_before))


def test_time_without_a_zone_is_utc_wherever_the_machine_is(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        here, there = (lines(journal, "--until", f"2024-06-10T15:15:48{zone}") for zone in ("", "Z"))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert here == there
    assert not here[-1].startswith("life 1: 0 steps")


def test_steps_after_the_time_do_not_count_although_the_clock_was_set_back(journal: Path) -> None:
    header, *steps = lines_of(journal)
    steps[30]["at_ms"] = steps[-1]["at_ms"] + 5000
    rewrite(journal, [header, *steps])
    at = steps[-1]["at_ms"] - 1718032540000
    assert lines(journal, "--until", f"2024-06-10T15:{15 + (40 + at // 1000) // 60}:{(40 + at // 1000) % 60:02}.999")[
        -1
    ].startswith("life 1: 30 steps, ")


def test_until_before_everything(journal: Path) -> None:
    shown = lines(journal, "--until", "2001-01-01")
    assert shown[-1] == "life 1: 0 steps, 0 outputs, identical"
    assert "after step 0 of life 1:" in shown


def test_explain_says_how_it_came_here_and_what_holds_each_row(journal: Path) -> None:
    number = step_to(journal, "standby")["step"]
    shown = lines(journal, "--explain", B, "--until", number)
    assert f"{B}: state standby, relay programmed" in shown
    story, rows = "\n".join(shown).split("what would move it on, in order of priority:")
    assert [line.split(": ")[1] for line in story.splitlines() if f"{B} state: " in line] == [
        "dead -> connecting",
        "connecting -> connected",
        "connected -> initializing_to_standby",
        "initializing_to_standby -> pending_standby_activation",
        "pending_standby_activation -> standby",
    ]
    assert "ha-set/" not in story.replace("for ha-set/", ""), "only what the scope itself did"
    disabled = rows.index("    -> dead: admin disabled (switch-driven 3, row 10)")
    assert rows[disabled:].splitlines()[1:3] == [
        "         no  disabled: The controller has disabled the scope.",
        "               facts: config ScopeConfig(version 1, disabled false, desired unspecified, ha_set_id haset0_0)",
    ]
    assert re.search(r"-> switching_to_active: switchover approved \(.*on approval\)\n +\? ", rows)
    assert re.search(r"  relay programmed\n    -> deleting: ", rows)


def test_explanation_shows_what_follows_from_the_facts_and_the_facts(journal: Path) -> None:
    number = step_to(journal, "standby")["step"]
    content = json.loads(run(journal, "--explain", B, "--until", number, "--json").stdout)
    scope = content["lives"][0]["scopes"][B]
    assert scope["states"] == {"state": "standby", "relay": "programmed"}
    assert scope["facts"]["peer_state"] == "pending_active_activation" or scope["facts"]["peer_state"] == "active"
    down = next(row for row in scope["rows"] if row["target"] == "switching_to_standalone" and not row["open"])
    part = down["parts"][0]
    assert part["holds"] is False
    assert part["facts"], "a guard looks at something"
    for row in scope["rows"]:
        for part in row["parts"]:
            for name, value in part["facts"].items():
                assert scope["facts"].get(name, value) == value
            assert (part["holds"] is None) <= (part["facts"] == {})
    assert any(part["conclusions"] for row in scope["rows"] for part in row["parts"])


def test_explanation_changes_nothing(journal: Path) -> None:
    plain = json.loads(run(journal, "--until", 60, "--json").stdout)["lives"][0]["scopes"][B]
    explained = json.loads(run(journal, "--explain", B, "--until", 60, "--json").stdout)["lives"][0]["scopes"][B]
    assert explained.pop("rows")
    assert explained == plain


def test_unknown_scope_cannot_be_explained(journal: Path) -> None:
    result = run(journal, "--explain", "x:y")
    assert result.exit_code == 2
    assert result.stderr.startswith("hamgr replay: no HA scope x:y after step ")
    assert result.stderr.endswith(f"; there is {B}\n")


def test_scope_that_is_gone_is_explained_by_its_story(tmp_path: Path) -> None:
    file = recorded_story(tmp_path, "m9.1 removal").file("A")
    shown = lines(file, "--explain", A)
    assert f"{A}: nobody here drives it" in shown
    assert any("-> dead: " in line for line in shown)


def test_json_holds_the_timeline(journal: Path) -> None:
    content = json.loads(run(journal, "--json").stdout)
    (life,) = content["lives"]
    assert content["identical"] is life["identical"] is True
    assert life["steps"] == len(lines_of(journal)) - 1
    launched = step_to(journal, "connecting")
    happening = next(each for each in life["timeline"] if each["step"] == launched["step"])
    assert happening["input"] == launched["in"]
    assert happening["at_ms"] == launched["at_ms"]
    assert happening["said"] == [out for out in launched["out"] if out["is"] == "TransitionTaken"]


def test_difference_ends_with_exit_code_one(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    number = step_to(journal, "connecting")["step"]
    monkeypatch.setattr(SwitchDrivenScopeFacts, "can_launch", property(lambda _: False))
    shown = lines(journal, exit_code=1)
    place = next(place for place, line in enumerate(shown) if line.endswith(" steps differ"))
    assert re.match(rf"2024-06-10T15:15:48\.00\dZ step {number}: DASH_HA_SCOPE_CONFIG_TABLE ", shown[place + 1])
    assert f"    -TransitionTaken ha-scope/{B} state dead connecting launch switch-driven 3 12" in shown
    assert re.fullmatch(r"and \d+ steps more", shown[-1])
    assert lines(journal, "--until", number - 1)[-1].endswith("identical")
    content = json.loads(run(journal, "--json").stdout)
    assert content["identical"] is False
    assert content["lives"][0]["differences"][0]["step"] == number


def test_damage_ends_with_exit_code_two_and_one_line(journal: Path) -> None:
    rewrite(journal, lines_of(journal)[1:])
    for more in ((), ("--json",), ("--until", "3"), ("--explain", B)):
        result = run(journal, *more)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1
        assert result.stderr.startswith(f"hamgr replay: {journal}")


@pytest.mark.parametrize("until", ["noon", "-3", "2024-13-01", ""])
def test_what_is_no_moment_is_refused(journal: Path, until: str) -> None:
    result = run(journal, f"--until={until}")
    assert result.exit_code == 2
    assert f"--until {until}: neither the number of a step nor a time" in result.stderr


def test_torn_end_is_told(journal: Path) -> None:
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-20])
    last = len(whole.splitlines())
    shown = lines(journal)
    assert f"life 1: ended while line {last} was written, which is left out" in shown
    assert shown[-1].endswith(", identical")
    assert json.loads(run(journal, "--json").stdout)["lives"][0]["torn_line"] == last


def test_journal_of_another_version_is_told(journal: Path) -> None:
    header, *steps = lines_of(journal)
    rewrite(journal, [{**header, "hamgr": "0.0.1"}, *steps])
    assert f"life 1: recorded by hamgr 0.0.1, replayed by hamgr {VERSION}" in lines(journal)


@pytest.fixture
def two_lives(tmp_path: Path) -> Path:
    lab, recorder = recorded_pair(tmp_path)
    lab.p()
    lab.kill("A")
    lab.run(10)
    lab.start("A")
    lab.run(30)
    recorder.close()
    return recorder.file("A")


def test_lives_are_told_one_after_the_other_or_one_alone(two_lives: Path) -> None:
    both = lines(two_lives)
    assert [line for line in both if line.endswith("identical")] == [
        line for number in (1, 2) for line in lines(two_lives, "--life", number) if line.endswith("identical")
    ]
    assert [line[:7] for line in both if line.startswith("life ")] == ["life 1:", "life 1:", "life 2:", "life 2:"]


def test_a_moment_is_one_of_the_last_life_unless_said_otherwise(two_lives: Path) -> None:
    began = [line["began"] for line in lines_of(two_lives) if "began" in line]
    assert "after step 5 of life 2" in "\n".join(lines(two_lives, "--until", 5))
    assert "after step 5 of life 1" in "\n".join(lines(two_lives, "--until", 5, "--life", 1))
    assert "of life 1, " in "\n".join(lines(two_lives, "--until", began[1].replace("Z", "")[:-4]))
    assert "of life 2, " in "\n".join(lines(two_lives, "--until", began[1]))
    assert "of life 2, " in "\n".join(lines(two_lives, "--explain", A))


def test_life_that_is_not_there_is_refused(two_lives: Path) -> None:
    result = run(two_lives, "--life", 3)
    assert result.exit_code == 2
    assert result.stderr == f"hamgr replay: --life 3: {two_lives} has 2\n"


def test_life_that_nothing_happened_in(tmp_path: Path) -> None:
    Journal.begin(tmp_path / "journal", Life(slot_id=3, began_ms=0)).close()
    assert lines(tmp_path / "journal") == [
        "life 1: slot 3, drives scopes of owner dpu and switch, began 1970-01-01T00:00:00.000Z",
        "life 1: 0 steps, 0 outputs, identical",
    ]
