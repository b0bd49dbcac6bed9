"""The page on metrics is written by hand but for its table, which stands between two marks."""

from pathlib import Path

from runner.metrics.declaration import reference

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
BEGIN, END = "<!-- generated -->\n", "<!-- end -->"


def with_table(page: str) -> str:
    """The page with the table of today.

    Raises:
        ValueError: the marks are not there.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there is no {BEGIN.strip()} and {END} in the page")
    return f"{before}{BEGIN}\n{reference()}\n{END}{after}"
