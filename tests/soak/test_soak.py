"""A short soak of a real pair, and what is said when the pair is not intact."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.demo.pair import Pair
from runner.lab.dpu_roles import Acks
from runner.soak import soak as soak_module
from runner.soak.soak import Soak

DEADLINE_S = 280.0
RUN_HAMGR = "from runner.command_line.hamgr import main; main()"
SWITCHOVERS = 15


def soak_pair(tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A soak whose files are all below ``tmp_path``."""
    command = [sys.executable, "-c", RUN_HAMGR, "soak-pair", *options]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def test_pair_outlives_kills(tmp_path_factory: pytest.TempPathFactory) -> None:
    tmp_path = tmp_path_factory.mktemp("d")
    done = soak_pair(tmp_path, "--switchovers", str(SWITCHOVERS), "--seed", "2", "--kills", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    *steps, end = map(json.loads, done.stdout.splitlines())
    assert [step["step"] for step in steps] == list(range(1, SWITCHOVERS + 1))
    assert all(step["wrong"] == [] for step in steps)
    assert end["good"]
    assert end["troubles"]["hamgrd killed"] >= 3
    assert end["memory"]["A"]["lives"] + end["memory"]["B"]["lives"] > 2, "both live on, and somebody was killed"
    assert list(tmp_path.iterdir()) == []


def test_step_that_goes_wrong_is_told_and_its_logs_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak_module, "INTACT_WITHIN_S", 1.0)
    with Pair() as pair:
        pair.p()
        soak = Soak(pair, seed=1, kills=False, keep_logs_in=tmp_path / "kept")
        first, second = soak.run(1, 1), soak.run(2, 5)
        (intact,) = first
        assert intact.wrong == ()
        assert not soak.keep_logs_in.exists()
        pair.acks("A", Acks.REFUSED)
        (broken,) = second
    assert broken.plan.number == 2, "nothing is done any more after that"
    assert any("not intact after" in wrong for wrong in broken.wrong)
    assert (soak.keep_logs_in / "A" / "hamgrd.log").stat().st_size > 0
    assert (soak.keep_logs_in / "B" / "hamgrd.log").stat().st_size > 0
    assert (soak.keep_logs_in / "wrong.txt").read_text().startswith("step 2: switchover to A")
