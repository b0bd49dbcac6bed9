"""A report as JSON, as Markdown and on a terminal."""

import json
from io import StringIO

import pytest
from rich.console import Console

from runner.bench.distribution import Distribution
from runner.bench.report import Figure, Report, Section

REPORT = Report(
    {"machine": "2 processors", "load average": "0.1"},
    (
        Section(
            "Failover",
            (Figure("role written", "ms", Distribution(200, 1.0, 9.876, 12.34, 123.4)), Figure("commands", "", 7.0)),
            ("Counted from the signal.",),
        ),
        Section("Memory", (Figure("RSS", "MiB", 0.0),)),
    ),
)


def test_markdown() -> None:
    assert REPORT.as_markdown() == (
        "machine: 2 processors; load average: 0.1.\n"
        "\n"
        "| Failover | median | p99 | max | runs |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| role written, ms | 9.88 | 12.3 | 123 | 200 |\n"
        "| commands | 7.00 |  |  | 1 |\n"
        "\n"
        "Counted from the signal.\n"
        "\n"
        "| Memory | median | p99 | max | runs |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| RSS, MiB | 0 |  |  | 1 |\n"
    )


def test_json() -> None:
    content = json.loads(REPORT.as_json())
    assert content["machine"] == {"machine": "2 processors", "load average": "0.1"}
    figure = content["sections"][0]["figures"][0]
    assert figure["name"] == "role written"
    assert figure["value"] == {"count": 200, "least": 1.0, "median": 9.876, "p99": 12.34, "greatest": 123.4}
    assert content["sections"][1]["figures"] == [{"name": "RSS", "unit": "MiB", "value": 0.0}]


@pytest.mark.parametrize("word", ["role written, ms", "12.3", "Counted from the signal.", "2 processors", "Memory"])
def test_terminal(word: str) -> None:
    shown = StringIO()
    REPORT.print(Console(file=shown, width=100))
    assert word in shown.getvalue()
