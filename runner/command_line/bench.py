"""``hamgr bench``: how fast things are on this machine. Each benchmark is a command of its own.

Exit codes: 0 measured, 1 it could not be.

Source: architecture "Command lines".
"""

import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from types import FrameType
from typing import Annotated, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress

from runner.bench.failover_report import IDLE_S, failover_report
from runner.bench.report import Report
from runner.private_redis import ServerStartError

RUNS = 200

bench = typer.Typer(no_args_is_help=True, help="Measure on this machine; for figures that mean something, an idle one.")

T = TypeVar("T")


class Format(StrEnum):
    """How a report is shown."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    JSON = "json"


@bench.callback()
def _measure() -> None:
    """A callback keeps the name of a benchmark on the command line even where there is only one."""


@bench.command("failover")
def failover(
    runs: Annotated[int, typer.Option(min=2, help="How often each failure, and the switchover, is measured.")] = RUNS,
    idle: Annotated[float, typer.Option(min=0.5, help="Seconds over which the idle pair is looked at.")] = IDLE_S,
    seed: Annotated[int, typer.Option(help="Draws how long it is quiet before each run.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print tables in Markdown.")] = False,
) -> None:
    """From a failure in Redis to role, route and state rows; the planned switchover; the idle pair."""
    if as_json and as_markdown:
        raise typer.BadParameter("--json and --markdown exclude each other")
    # A service manager's TERM must not leave children behind.
    signal.signal(signal.SIGTERM, _leave)
    with _progress() as progress:

        def follow(series: Iterable[T], what: str, count: int) -> Iterable[T]:
            return progress.track(series, count, description=what) if progress else _told(series, what, count)

        try:
            report = failover_report(runs, idle, seed, follow)
        except (TimeoutError, ChildProcessError, ServerStartError, FileNotFoundError) as error:
            typer.echo(f"hamgr bench failover: {error}", err=True)
            raise typer.Exit(1) from error
    show(report, Format.JSON if as_json else Format.MARKDOWN if as_markdown else Format.TERMINAL)


def show(report: Report, how: Format) -> None:
    """Print a report."""
    match how:
        case Format.JSON:
            typer.echo(report.as_json())
        case Format.MARKDOWN:
            typer.echo(report.as_markdown(), nl=False)
        case Format.TERMINAL:
            report.print(Console())


def _progress() -> AbstractContextManager[Progress | None]:
    console = Console(stderr=True)
    return Progress(console=console, transient=True) if console.is_terminal else nullcontext()


def _told(series: Iterable[T], what: str, count: int) -> Iterator[T]:
    typer.echo(f"{what}: {count} runs", err=True)
    yield from series


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(143)
