"""``hamgr demo`` as a user runs it, and the play behind it: what it sees, what it says, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from hamgr_fsm.vocabulary import HaOwner
from models.tables import DASH_HA_DPU_STATE
from runner.demo.cast import Cast
from runner.demo.configuration import A
from runner.demo.expectation import Expectation, Sighting, row_shows
from runner.demo.pair import Pair
from runner.demo.play import play
from runner.demo.screen import Lines
from runner.demo.step import Step
from runner.demo.story import STORIES, Story

DEADLINE_S = 180.0
DPU_DRIVEN = STORIES[0]
LIFE = DPU_DRIVEN.life
RUN_HAMGR = "from runner.command_line.hamgr import main; main()"


def demo(tmp_path: Path, *options: str) -> subprocess.Popen[str]:
    """A demonstration whose files are all below ``tmp_path``."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", RUN_HAMGR, "demo", "--pace-ms", "50", *options]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def assert_nothing_left(tmp_path: Path) -> None:
    """No file is left, and no process that was told of one."""
    assert list(tmp_path.iterdir()) == []
    own = [line for line in command_lines() if str(tmp_path) in line]
    assert own == []


def command_lines() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a path short enough for the unix sockets below it."""
    return tmp_path_factory.mktemp("d")


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.owner.value)
def test_whole_life_is_seen_and_nothing_is_left(short_path: Path, story: Story) -> None:
    process = demo(short_path, "--json", "--mode", story.owner.value)
    told, complaints = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, told[-2000:] + complaints
    *events, end = [json.loads(line) for line in told.splitlines()]
    assert end["all_seen"] is True
    assert [event["title"] for event in events if event["event"] == "step"] == [step.title for step in story.steps]
    assert all(event["met"] for event in events if event["event"] == "expectation")
    passed = [event["sides"] for event in events if event["event"] == "moment"]
    for name in "AB":
        states = {sides[name]["state"] for sides in passed if name in sides}
        assert {"dead", "connecting", "standalone"} <= states, "also what was there for a moment only"
    assert_nothing_left(short_path)


@pytest.mark.parametrize(("how", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_ended_demonstration_leaves_nothing(short_path: Path, how: signal.Signals, code: int) -> None:
    process = demo(short_path)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("[ 1/")
    process.send_signal(how)
    process.communicate(timeout=DEADLINE_S)
    assert process.returncode == code
    assert_nothing_left(short_path)


def test_kept_demonstration_goes_on_to_the_end_when_interrupted(short_path: Path) -> None:
    process = demo(short_path, "--keep", "--mode", "dpu")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("running until Ctrl-C")
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0
    assert f"[{len(DPU_DRIVEN.steps)}/{len(DPU_DRIVEN.steps)}]" in told
    assert_nothing_left(short_path)


@pytest.fixture
def cast() -> Iterator[Cast]:
    with Pair(HaOwner.DPU) as pair:
        yield Cast(pair)


def test_failure_says_what_was_expected_and_what_was_there(cast: Cast) -> None:
    wrong = Step(
        "nothing happens",
        lambda _: None,
        (row_shows("A", DASH_HA_DPU_STATE, A.dpu_name, up="perhaps"),),
        ref="none",
        within_s=0.3,
    )
    paper = StringIO()
    assert play(cast, (LIFE[0], wrong, LIFE[1]), Lines(Console(file=paper, width=200), 3)) is False
    text = paper.getvalue()
    assert "FAIL" in text
    assert f"A STATE_DB DASH_HA_DPU_STATE {A.dpu_name}: up=perhaps" in text
    assert "found: up=true" in text
    assert "[ 3/3]" not in text, "what follows a failure is not played"


def test_act_that_fails_is_told(cast: Cast) -> None:
    paper = StringIO()
    assert play(cast, (LIFE[3],), Lines(Console(file=paper, width=200), 1)) is False
    assert "no scope asks for" in paper.getvalue()


def test_what_must_hold_for_a_while_fails_at_the_first_look_that_breaks_it(cast: Cast) -> None:
    looks = iter([True, True, False, True])
    brief = Expectation("calm", lambda _: Sighting(next(looks), "a look"), for_s=5.0)
    assert (
        play(cast, (Step("wait", lambda _: None, (brief,), ref="none"),), Lines(Console(file=StringIO()), 1)) is False
    )
    assert next(looks) is True, "no further look was taken"
