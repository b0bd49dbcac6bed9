"""What was recorded is reproduced byte for byte: every story of both owners, in this process and in another one."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hamgr_fsm.vocabulary import HaOwner
from runner.journal.record import utc
from runner.journal.telling import tell
from runner.lab.world import EPOCH_MS
from tests.journal.recording import lines_of, recorded_pair, recorded_story
from tests.lab.stories import STORIES

REAL_RUNS = sorted(Path(__file__).parent.glob("real_run*.jsonl.gz"))
"""What daemons wrote that ran as processes on real servers."""

PRINTS_DIFFERENCES = """
import sys
from pathlib import Path
from runner.journal.telling import tell
for told in (told for file in sys.argv[1:] for told in tell(Path(file))):
    print(told.number, told.steps, len(told.differences), *(line for d in told.differences for line in d.readable()))
"""


@pytest.mark.parametrize("name", STORIES)
def test_every_story_is_reproduced(name: str, tmp_path: Path) -> None:
    recorder = recorded_story(tmp_path, name)
    for side in "AB":
        (told,) = tell(recorder.file(side))
        assert [list(difference.readable()) for difference in told.differences] == []
        steps = lines_of(recorder.file(side))[1:]
        assert told.steps == len(steps) > 20
        assert told.outputs == sum(len(step["out"]) for step in steps) > 40
        assert told.torn_line is None


def test_dpu_driven_pair_is_reproduced(tmp_path: Path) -> None:
    lab, recorder = recorded_pair(tmp_path, HaOwner.DPU)
    lab.p()
    lab.off("A")
    lab.approve("B", "flow_reconcile")
    lab.run(5)
    lab.on("A")
    lab.approve("A", "activate_role")
    lab.reach("active/active", "standby/standby")
    lab.disable()
    lab.teardown()
    for side in "AB":
        (told,) = tell(recorder.file(side))
        assert told.differences == []
        assert any(step["ids"] for step in lines_of(recorder.file(side))[1:]), "operations got ids"


def test_each_life_is_replayed_by_itself(tmp_path: Path) -> None:
    lab, recorder = recorded_pair(tmp_path)
    lab.p()
    lab.kill("A")
    lab.run(10)
    lab.start("A")
    lab.run(60)
    first, second = tell(recorder.file("A"))
    assert (first.number, second.number) == (1, 2)
    assert first.differences == second.differences == []
    assert first.life.began_ms == EPOCH_MS
    assert second.life.began_ms > first.at_ms
    assert lines_of(recorder.file("A"))[first.steps + 1]["began"] == utc(second.life.began_ms)
    assert [told.number for told in tell(recorder.file("A"), life=2)] == [2]


@pytest.mark.parametrize("seed", ["1", "4711"])
def test_another_process_reproduces_it_whatever_its_hash_seed(seed: str, tmp_path: Path) -> None:
    recorder = recorded_story(tmp_path, "w13f active DPU returns")
    files = [recorder.file(side) for side in "AB"]
    done = subprocess.run(
        [sys.executable, "-c", PRINTS_DIFFERENCES, *files],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == [f"1 {len(lines_of(file)) - 1} 0" for file in files]


def test_a_compressed_journal_is_read(tmp_path: Path) -> None:
    recorder = recorded_story(tmp_path, "w03b launch alone")
    packed = tmp_path / "A.jsonl.gz"
    packed.write_bytes(gzip.compress(recorder.file("A").read_bytes()))
    (told,) = tell(packed)
    assert told.differences == []
    assert told.steps == len(lines_of(recorder.file("A"))) - 1


@pytest.mark.parametrize("file", REAL_RUNS, ids=lambda file: file.name)
def test_a_run_of_real_daemons_is_reproduced(file: Path) -> None:
    for told in tell(file):
        assert [list(difference.readable()) for difference in told.differences] == []
        assert told.happenings, "something moved"
