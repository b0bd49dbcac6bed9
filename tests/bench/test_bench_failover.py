"""``hamgr bench failover`` as a user runs it, with few runs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DEADLINE_S = 180.0
RUN_HAMGR = "from runner.command_line.hamgr import main; main()"
RUNS = 2
LAST_ROUTE = "route on the failed side's switch"


def bench(tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A benchmark whose files are all below ``tmp_path``."""
    command = [sys.executable, "-c", RUN_HAMGR, "bench", "failover", *options]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What two runs of everything come to; nothing is left behind."""
    tmp_path = tmp_path_factory.mktemp("d")
    done = bench(tmp_path, "--runs", str(RUNS), "--idle", "0.5", "--json")
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path) in _text(path)]
    assert left == []
    return dict(json.loads(done.stdout))


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def section(report: dict[str, Any], word: str) -> dict[str, Any]:
    (found,) = (each for each in report["sections"] if word in each["title"])
    return {figure["name"]: figure["value"] for figure in found["figures"]}


@pytest.mark.parametrize("word", ["planes of the active DPU", "data plane channel is lost"])
def test_role_comes_before_the_routes_and_all_are_measured(report: dict[str, Any], word: str) -> None:
    figures = section(report, word)
    assert all(figure["count"] == RUNS for figure in figures.values())
    assert all(figure["least"] > 0 for figure in figures.values())
    role, own, far = (figures[name]["least"] for name in ("role written", "route on the survivor's switch", LAST_ROUTE))
    assert role < own
    assert role < far
    net = figures["both routes, without the DPU's own delay"]
    assert 0 < net["greatest"] <= figures[LAST_ROUTE]["greatest"]


def test_switchover_without_the_dpus_is_shorter(report: dict[str, Any]) -> None:
    figures = section(report, "Planned switchover")
    whole, own = figures["both roles acknowledged"], figures["both roles acknowledged, without the DPUs' own delay"]
    assert 0 < own["greatest"] <= whole["greatest"]
    assert figures["the DPUs' own delay, three roles"]["least"] >= 0


def test_stages_add_up(report: dict[str, Any]) -> None:
    """Stages follow each other without a gap, so the greatest of all of them are no less than the greatest whole."""
    for word in ("planes", "channel"):
        stages = section(report, f"Where the time goes: {word}")
        whole = next(each for each in report["sections"] if word in each["title"] and "Failover" in each["title"])
        (last,) = (figure["value"] for figure in whole["figures"] if figure["name"] == LAST_ROUTE)
        assert sum(figure["greatest"] for figure in stages.values()) >= last["greatest"] - 0.01


def test_pair_and_machine_beside_it(report: dict[str, Any]) -> None:
    assert report["machine"]["load average"]
    idle = section(report, "Idle")
    assert idle["the pair"] == pytest.approx(idle["hamgrd of A"] + idle["hamgrd of B"])
    memory = section(report, "Memory")
    assert 10 < memory["hamgrd of A: PSS"] <= memory["hamgrd of A: RSS"] < 1000
    assert all(figure["median"] > 0 for figure in section(report, "Redis round trip").values())
    method = section(report, "What the method costs")
    assert method["commands of the four servers in one failover"]["least"] > 10


def test_formats_exclude_each_other(tmp_path: Path) -> None:
    done = bench(tmp_path, "--json", "--markdown")
    assert done.returncode == 2
    assert "exclude each other" in done.stderr
