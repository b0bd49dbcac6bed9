"""The documentation site is built strictly, needs nothing from elsewhere, and has every page and every declaration."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest
from mkdocs.config.base import load_config
from typer.testing import CliRunner

from hamgr_fsm.timers import Timers
from models.tables import READ_TABLES, WRITTEN_TABLES
from runner.command_line.hamgr import app
from runner.diagram.machines import MACHINES
from runner.documentation import hooks
from runner.documentation.reference import pages

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Every page that was built, by its path."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert (built.returncode, built.stdout + built.stderr) == (0, "")
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}


def test_every_page_is_built_and_in_the_navigation(site: Mapping[str, str]) -> None:
    navigation = site["index.html"].partition("md-sidebar--primary")[2].partition("md-sidebar--secondary")[0]
    for path in DOCS.glob("*.md"):
        assert f'href="{path.stem}.html"' in navigation or path.stem == "index", path.name
    for name in (*pages(), *(f"diagrams/{machine}.md" for machine in MACHINES)):
        assert f'href="{name.removesuffix(".md")}.html"' in navigation, name


def test_no_page_loads_anything_from_elsewhere(site: Mapping[str, str]) -> None:
    for name, page in site.items():
        assert (
            re.findall(r"<(?:script|img|source|iframe|link)[^>]*\b(?:src|srcset|href)=\"https?:[^\"]*\"", page) == []
        ), name


def test_every_picture_that_a_page_shows_is_there(site: Mapping[str, str]) -> None:
    shown = [
        (name, image) for name, page in site.items() for image in re.findall(r"src(?:set)?=\"([^\"]+\.svg)\"", page)
    ]
    assert len(shown) > 20
    for name, image in shown:
        path = os.path.normpath(Path(name).parent / image)
        assert (ROOT / path).exists() or (DOCS / path).exists(), f"{name} shows {image}"


def test_reference_has_every_declaration(site: Mapping[str, str]) -> None:
    tables = site["reference/tables.html"]
    assert [table.name for table in READ_TABLES + WRITTEN_TABLES if f">{table.name}<" not in tables] == []
    timers = site["reference/timers.html"]
    assert [field.name for field in attrs.fields(Timers) if field.name not in timers] == []
    for name, machine in MACHINES.items():
        facts = [field.name for field in attrs.fields(machine.record) if field.name not in ("new_id", "outbox")]
        assert [fact for fact in facts if f"<code>{fact}</code>" not in site["reference/facts.html"]] == []
        reasons = [row.why for region in machine.regions for row in region.t.rows if '"' not in row.why]
        assert [why for why in reasons if why.split("'")[0] not in site[f"diagrams/{name}.html"]] == []


def test_reference_has_every_command(site: Mapping[str, str]) -> None:
    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200", "TERM": "dumb"}).stdout
    commands = re.findall(r"^. (\w[\w-]*) ", told.partition("Commands")[2], re.MULTILINE)
    assert {"demo", "explain", "web"} <= set(commands)
    assert [each for each in commands if f'id="hamgr-{each}' not in site["reference/commands.html"]] == []


def test_facts_and_fields_have_the_meaning_that_is_written_under_them(site: Mapping[str, str]) -> None:
    assert "Wall-clock time of the step in milliseconds since 1970" in site["reference/facts.html"]


def test_page_that_nobody_has_placed_is_not_lost_and_one_that_is_missing_breaks_nothing(tmp_path: Path) -> None:
    (tmp_path / "index.md").write_text("# Start")
    (tmp_path / "surprise.md").write_text("# Surprise")
    config = load_config(str(ROOT / "mkdocs.yml"), docs_dir=str(tmp_path))
    nav = hooks.on_config(config).nav
    assert {"More": ["surprise.md"]} in list(nav or [])
    assert "check.md" not in str(nav)


def test_every_test_that_a_page_names_exists() -> None:
    for path in DOCS.glob("*.md"):
        for file, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", path.read_text(encoding="utf-8")):
            assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), f"{path.name}: {name}"
    assert (DOCS / "differences.md").read_text(encoding="utf-8").count("`tests/") > 40


def test_counterexample_in_the_guide_is_what_the_checker_says() -> None:
    guide = (DOCS / "changing.md").read_text(encoding="utf-8")
    told = CliRunner().invoke(app, ["check", "--defect", "takes-over-too-early"]).stdout
    trace = told[told.index("I1: both sides decide") :].rstrip()
    assert "\n".join(f"    {line}" if line else "" for line in trace.splitlines()) in guide


def test_guard_in_the_guide_is_the_one_that_there_is() -> None:
    guide = (DOCS / "changing.md").read_text(encoding="utf-8")
    source = (ROOT / "hamgr_fsm" / "scope" / "switch_driven_facts.py").read_text(encoding="utf-8")
    guard = guide[guide.index("    @property") : guide.index("\n\nTake everything")]
    assert guard in source
