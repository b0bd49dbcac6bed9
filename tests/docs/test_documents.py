"""The documents cannot rot: their examples run, their links lead somewhere, their options are those that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)|src(?:set)?=\"([^\"]+)\"")


def examples() -> list[tuple[str, str]]:
    """Every Python example with where it stands."""
    return [
        (f"{document.name}-{number}", code)
        for document in DOCUMENTS
        for number, code in enumerate(EXAMPLE.findall(document.read_text(encoding="utf-8")), 1)
    ]


@pytest.mark.parametrize(("where", "code"), examples(), ids=[where for where, _ in examples()])
def test_example_runs(where: str, code: str) -> None:
    exec(compile(code, where, "exec"), {"__name__": "example"})


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for page, image in LINK.findall(document.read_text(encoding="utf-8")):
        target = page or image
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_every_option_of_the_daemon_is_documented() -> None:
    source = (ROOT / "runner" / "command_line" / "hamgrd.py").read_text(encoding="utf-8")
    options = re.findall(r"^    (\w+): Annotated", source, re.MULTILINE)
    guide = (ROOT / "docs" / "daemon.md").read_text(encoding="utf-8")
    assert options
    assert [option for option in options if f"--{option.replace('_', '-')}" not in guide] == []
