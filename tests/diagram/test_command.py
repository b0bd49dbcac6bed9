"""``hamgr diagram``: formats, parts, marks, and what it says when it cannot."""

import csv
import os
import shutil
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from models.tables import DASH_HA_SCOPE_STATE
from runner.command_line.hamgr import app
from runner.diagram.machines import MACHINES
from tests.demo.conftest import Switch, switch

__all__ = ["switch"]

SCOPE = "switch-driven-scope"
needs_graphviz = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def diagram(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, ["diagram", *arguments], env=env)


def shown(*arguments: str) -> str:
    result = diagram(*arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def refused(*arguments: str, env: dict[str, str] | None = None) -> str:
    result = diagram(*arguments, env=env)
    assert result.exit_code == 2
    assert not result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith("hamgr diagram: ")
    return line


@pytest.mark.parametrize("machine", sorted(MACHINES))
@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("dot", "digraph"),
        ("mermaid", "flowchart TB"),
        ("markdown", "# "),
        ("html", "<!doctype html>"),
        ("csv", "region,#,"),
    ],
)
def test_formats_that_need_no_program(machine: str, form: str, start: str) -> None:
    assert shown(machine, "--format", form).startswith(start)


def test_a_table_is_what_is_shown_by_itself() -> None:
    assert "can_launch" in shown(SCOPE)
    assert "can_launch" in shown(SCOPE, "--format", "table")


def test_csv_has_every_row() -> None:
    lines = list(csv.DictReader(StringIO(shown(SCOPE, "--format", "csv"))))
    assert len(lines) == sum(len(region.t.rows) for region in MACHINES[SCOPE].regions)
    assert {line["kind"] for line in lines} == {"planned", "unplanned", "recovery", "upkeep"}


def test_a_part_of_the_table() -> None:
    lines = list(csv.DictReader(StringIO(shown(SCOPE, "--format", "csv", "--only", "failures"))))
    assert {line["kind"] for line in lines} == {"unplanned"}


def test_html_escapes_what_it_shows() -> None:
    assert "<script" not in shown(SCOPE, "--format", "html")
    assert "-&gt;" not in shown(SCOPE, "--format", "csv")


@needs_graphviz
@pytest.mark.parametrize(("form", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_images(form: str, start: bytes, tmp_path: Path) -> None:
    target = tmp_path / f"picture.{form}"
    shown(SCOPE, "--output", str(target))
    assert target.read_bytes().startswith(start)


@needs_graphviz
def test_image_of_a_workflow(tmp_path: Path) -> None:
    target = tmp_path / "picture.svg"
    shown(SCOPE, "--workflow", "switchover", "--output", str(target), "--theme", "dark")
    assert "SwitchoverRequest" in target.read_text()


def test_workflow_as_text_and_sequence() -> None:
    assert "switching_to_active" in shown(SCOPE, "--workflow", "switchover")
    assert shown(SCOPE, "--workflow", "switchover", "--format", "mermaid").startswith("sequenceDiagram")


def test_without_graphviz_an_image_is_refused_with_what_to_install(tmp_path: Path) -> None:
    line = refused(SCOPE, "--format", "svg", env={"PATH": str(tmp_path)})
    assert "Debian's package is graphviz" in line
    assert diagram(SCOPE, "--format", "dot", env={"PATH": str(tmp_path)}).exit_code == 0


@pytest.fixture
def broken_graphviz(tmp_path: Path) -> Iterator[str]:
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho no such font >&2\nexit 3\n")
    program.chmod(0o755)
    yield f"{tmp_path}{os.pathsep}{os.environ['PATH']}"


def test_a_program_that_fails_is_told_with_its_words(broken_graphviz: str) -> None:
    assert "no such font" in refused(SCOPE, "--format", "png", env={"PATH": broken_graphviz})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "no machine 'nonsense'; there are: dpu-health"),
        ([SCOPE, "--around", "asleep"], "no state asleep"),
        ([SCOPE, "--highlight", "asleep"], "no state asleep"),
        ([SCOPE, "--workflow", "party"], "no workflow 'party'; there are: launch, switchover"),
        ([SCOPE, "--workflow", "launch", "--only", "planned"], "drawn as a whole"),
        ([SCOPE, "--output", "picture.bmp"], "the ending says no format"),
        ([], "name a machine"),
    ],
)
def test_misuse_is_one_line(arguments: list[str], said: str) -> None:
    assert said in refused(*arguments)


def test_state_of_a_running_scope_is_marked(switch: Switch) -> None:
    row = {"local_ha_state": "HA_STATE_STANDBY", "owner": "switch", "relay_state": "programmed"}
    switch.rows.write(DASH_HA_SCOPE_STATE, "vdpu0_0|haset0_0", row)
    text = shown("--scope", "vdpu0_0:haset0_0", "--format", "dot", *switch.options)
    lit = [line.split()[0] for line in text.splitlines() if 'class="state lit"' in line]
    assert lit == ['"state.standby"', '"relay.programmed"']


def test_a_scope_of_another_machine_is_misuse(switch: Switch) -> None:
    switch.rows.write(DASH_HA_SCOPE_STATE, "vdpu0_0|haset0_0", {"local_ha_state": "active", "owner": "dpu"})
    line = refused(SCOPE, "--scope", "vdpu0_0:haset0_0", *switch.options)
    assert "vdpu0_0:haset0_0 is a dpu-driven-scope" in line


def test_a_scope_that_is_not_there_is_no_misuse(switch: Switch) -> None:
    switch.rows.write(DASH_HA_SCOPE_STATE, "vdpu0_0|haset0_0", {"local_ha_state": "active", "owner": "dpu"})
    result = diagram("--scope", "vdpu9_0:haset0_0", *switch.options)
    assert result.exit_code == 1
    assert "no row vdpu9_0|haset0_0" in result.stderr
