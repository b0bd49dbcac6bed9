"""The library is pure and safe to import anywhere: it decides, and has nothing to do it with.

Source: architecture "Rooms".
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hamgr_fsm
from tests.hamgr_fsm.machines import modules

ROOT = Path(hamgr_fsm.__file__).parent

STANDARD = {"collections", "enum", "functools", "inspect", "ipaddress", "itertools", "operator", "re", "typing"}
"""What a decision may be made of. No clock, randomness, socket, thread, log or file is among it."""

FOREIGN = {"attr", "attrs", "statemachine"}

FORBIDDEN_CALLS = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}

SOURCES = sorted(ROOT.rglob("*.py"))

FRESH = """
import logging, sys, threading
before = (list(logging.root.handlers), logging.root.level, threading.active_count())
loaded = set(sys.modules)
{imports}
new = {{name.split(".")[0] for name in set(sys.modules) - loaded}}
assert not new & {{"models", "runner", "redis", "zmq", "structlog", "typer", "google"}}, new
assert (list(logging.root.handlers), logging.root.level, threading.active_count()) == before
ours = [name for name in logging.root.manager.loggerDict if name.startswith("hamgr")]
assert not ours, ours
asyncio = sys.modules.get("asyncio")
assert asyncio is None or asyncio._get_running_loop() is None
print("pure")
"""


def named(path: Path) -> str:
    """A readable name for a source."""
    return str(path.relative_to(ROOT.parent))


def imported(tree: ast.AST) -> set[str]:
    """The top-level names that a source imports."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." if node.level else (node.module or "").split(".")[0])
    return names


def called(tree: ast.AST) -> set[str]:
    """The plain names that a source calls."""
    return {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def run_fresh(imports: str) -> subprocess.CompletedProcess[str]:
    """Import in an interpreter that knows nothing yet."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", FRESH.format(imports=imports)],
        cwd=ROOT.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("source", SOURCES, ids=named)
def test_sources_import_only_what_decisions_are_made_of(source: Path) -> None:
    tree = ast.parse(source.read_text())
    assert imported(tree) <= STANDARD | FOREIGN | {"hamgr_fsm"}
    assert not called(tree) & FORBIDDEN_CALLS


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "from datetime import datetime",
        "import models.tables",
        "from random import choice",
        "import os.path",
    ],
)
def test_a_source_with_a_way_out_is_found(source: str) -> None:
    assert imported(ast.parse(source)) - STANDARD - FOREIGN - {"hamgr_fsm"}


def test_every_module_is_among_the_sources() -> None:
    assert len(modules()) == len(SOURCES)


def test_importing_the_library_starts_and_configures_nothing() -> None:
    result = run_fresh("\n".join(f"import {module}" for module in modules()))
    assert (result.stdout, result.stderr) == ("pure\n", "")


def test_importing_the_package_alone_loads_no_machine() -> None:
    result = run_fresh("import hamgr_fsm\nassert 'statemachine' not in sys.modules")
    assert (result.stdout, result.stderr) == ("pure\n", "")


def test_an_impure_import_would_be_seen() -> None:
    assert "AssertionError" in run_fresh("import models.tables").stderr
