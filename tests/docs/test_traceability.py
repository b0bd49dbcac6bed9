"""The traceability table has every section and row of today, and the tests that it names exist and are enough."""

import re
from pathlib import Path

from tests.traceability import markdown, regions, sections

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "traceability.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
ROW = re.compile(r"^\| (.+: \w+) (\d+) \|.*\| (.*) \((\d+)\) \|$", re.MULTILINE)


def without_tests(document: str) -> str:
    """The table with its last column emptied."""
    lines = document.splitlines()
    return "\n".join(f"{line[: line.rindex('|', 0, -1)]}|" if ROW.match(line) else line for line in lines)


def test_sections_and_rows_are_those_of_today() -> None:
    assert without_tests(DOCUMENT) == without_tests(markdown({}, {})), "run make traceability"


def test_every_row_is_in_the_table() -> None:
    listed = {(region, int(number)) for region, number, *_ in ROW.findall(DOCUMENT)}
    assert listed == {(name, row.number) for name, region in regions() for row in region.t.rows}
    assert sum(map(len, sections().values())) == len(ROW.findall(DOCUMENT))


def test_every_row_is_taken_by_a_test() -> None:
    untested = [
        f"{region} {number}" for region, number, tests, count in ROW.findall(DOCUMENT) if not tests or count == "0"
    ]
    assert untested == []


def test_every_test_that_is_named_exists() -> None:
    named = set(NAMED.findall(DOCUMENT))
    assert named
    sources = {file: (ROOT / "tests" / file).read_text(encoding="utf-8") for file, _ in named}
    assert [f"{file}::{test}" for file, test in sorted(named) if f"def {test}(" not in sources[file]] == []
