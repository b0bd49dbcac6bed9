"""Figures as a reader wants them: a table on the terminal, a table in Markdown, or JSON."""

import json
from collections.abc import Mapping, Sequence

from attrs import asdict, frozen
from rich.console import Console
from rich.table import Table

from runner.bench.distribution import Distribution

COLUMNS = ("median", "p99", "max", "runs")


@frozen
class Figure:
    """One thing that was measured, often (a distribution) or once (a number)."""

    name: str
    unit: str
    value: Distribution | float

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """Median, 99th percentile, greatest, and how often it was measured."""
        if isinstance(self.value, Distribution):
            of = self.value
            return _text(of.median), _text(of.p99), _text(of.greatest), str(of.count)
        return _text(self.value), "", "", "1"


@frozen
class Section:
    """Figures that belong together. ``notes`` say how they are to be read."""

    title: str
    figures: Sequence[Figure]
    notes: Sequence[str] = ()


@frozen
class Report:
    """All that a benchmark has found. ``machine`` says where, and what else it was doing."""

    machine: Mapping[str, str]
    sections: Sequence[Section]

    def as_json(self) -> str:
        """One JSON object."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False)

    def as_markdown(self) -> str:
        """A table for each section."""
        lines = [f"{'; '.join(f'{name}: {value}' for name, value in self.machine.items())}.", ""]
        for section in self.sections:
            lines += [f"| {section.title} | {' | '.join(COLUMNS)} |", f"| --- |{' ---: |' * len(COLUMNS)}"]
            lines += [f"| {name_of(figure)} | {' | '.join(figure.cells)} |" for figure in section.figures]
            lines += ["", *(f"{note}\n" for note in section.notes)]
        return "\n".join(lines).rstrip() + "\n"

    def print(self, console: Console) -> None:
        """The same for a terminal."""
        for name, value in self.machine.items():
            console.print(f"{name}: {value}", highlight=False)
        for section in self.sections:
            table = Table(title=section.title, title_justify="left", caption="\n".join(section.notes) or None)
            table.add_column("")
            for column in COLUMNS:
                table.add_column(column, justify="right")
            for figure in section.figures:
                table.add_row(name_of(figure), *figure.cells)
            console.print(table)


def name_of(figure: Figure) -> str:
    """The name of a figure with its unit."""
    return f"{figure.name}, {figure.unit}" if figure.unit else figure.name


def _text(value: float) -> str:
    """Three digits say all that such a measurement knows."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
