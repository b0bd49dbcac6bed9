"""The first ten minutes: a pair is kept, looked at, broken and asked, with the commands that are printed."""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

DEADLINE_S = 60.0


def started(command: str) -> subprocess.Popen[str]:
    # The console script may not be on the path of this process: the module is the same.
    arguments = [sys.executable, "-m", "runner.command_line.hamgr", *shlex.split(command)[1:]]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "200"}
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def said(command: str) -> str:
    process = started(command)
    told, complaint = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, complaint
    return told


@pytest.fixture(scope="module")
def printed() -> Iterator[list[str]]:
    """The commands that a kept demonstration prints."""
    process = started("hamgr demo --mode switch --keep")
    commands: list[str] = []
    try:
        assert process.stderr is not None
        while not (commands and "HSET" in commands[-1]):
            line = process.stderr.readline()
            assert line, "the demonstration has ended"
            if line.startswith("  "):
                commands.append(line.strip())
        yield commands
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DEADLINE_S)


def test_every_printed_command_does_what_it_says(printed: list[str]) -> None:
    web, watch, explain_a, explain_b, breaking = printed
    assert "vdpu0_0:haset0_0: HA_STATE_ACTIVE" in said(explain_a)
    assert "vdpu1_0:haset0_0: HA_STATE_STANDBY" in said(explain_b)
    both = said(f"{watch} --once")
    assert "active" in both
    assert "standby" in both
    page = started(f"{web} --listen 127.0.0.1:0")
    assert page.stderr is not None
    with urllib.request.urlopen(page.stderr.readline().split()[2], timeout=DEADLINE_S) as answer:
        assert answer.status == 200
    page.terminate()
    page.communicate(timeout=DEADLINE_S)

    subprocess.run(shlex.split(breaking), check=True, capture_output=True, timeout=DEADLINE_S)
    end = time.monotonic() + DEADLINE_S
    while "waits for:" not in (told := said(explain_a)):
        assert time.monotonic() < end, told
    assert "HA_STATE_STANDALONE" in said(explain_b)


def test_rest_of_the_readme_needs_nothing_that_runs() -> None:
    with tempfile.TemporaryDirectory() as directory:
        drawn = Path(directory) / "machine.mmd"
        said(f"hamgr diagram switch-driven-scope --output {drawn}")
        assert "switching_to_active" in drawn.read_text(encoding="utf-8")


def test_readme_names_the_guard_and_what_the_checker_says() -> None:
    root = Path(__file__).parents[2]
    assert "`peer_gave_way`" in (root / "README.md").read_text(encoding="utf-8")
    process = started("hamgr check --defect takes-over-too-early")
    told, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert "   7  B     the DPU takes its role" in told
