"""``hamgr bench``: how fast things are on this machine. Each benchmark is a command of its own.

Exit codes: 0 measured, 1 it could not be.

Source: architecture "Command lines".
"""

import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress

from runner.bench.curve import SIZES, Curve
from runner.bench.failover_report import IDLE_S, failover_report
from runner.bench.node_costs import (
    failover_costs,
    idle_costs,
    launch_costs,
    memory_costs,
    restart_costs,
    step_costs,
    storm_costs,
)
from runner.bench.report import Report
from runner.bench.scale_report import NODE_NOTES, PROCESS_NOTES, scale_report
from runner.bench.scope_failover import scope_failovers
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
    scopes: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Measure pairs of so many ENI scopes instead, each of them --runs times."),
    ] = None,
    image: Annotated[Path | None, typer.Option("--picture", help="With --scopes: draw the curves as SVG.")] = None,
) -> None:
    """From a failure in Redis to role, route and state rows; the planned switchover; the idle pair."""
    if as_json and as_markdown:
        raise typer.BadParameter("--json and --markdown exclude each other")
    if scopes:
        curves = partial(scope_failovers, scopes, runs)
        _report("failover of real daemons", curves, PROCESS_NOTES, image, as_json, as_markdown)
        return
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


Scopes = Annotated[list[int] | None, typer.Option("--scopes", min=1, help="How many; may be given more than once.")]
Runs = Annotated[int, typer.Option("--runs", min=1, help="How often each is measured.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="Print tables in Markdown.")]
Image = Annotated[Path | None, typer.Option("--picture", help="Draw the curves as SVG.")]


@bench.command("step")
def step(scopes: Scopes = None, as_json: AsJson = False, as_markdown: AsMarkdown = False, image: Image = None) -> None:
    """The cost of one input, by kind, with and without a transition."""
    _report("one input", partial(step_costs, _sizes(scopes)), NODE_NOTES, image, as_json, as_markdown)


@bench.command("launch")
def launch(
    scopes: Scopes = None, runs: Runs = 3, as_json: AsJson = False, as_markdown: AsMarkdown = False, image: Image = None
) -> None:
    """From the configuration of all scopes until every pair has formed."""
    _report("launch", partial(launch_costs, _sizes(scopes), runs), NODE_NOTES, image, as_json, as_markdown)


@bench.command("node-failover")
def node_failover(
    scopes: Scopes = None, runs: Runs = 3, as_json: AsJson = False, as_markdown: AsMarkdown = False, image: Image = None
) -> None:
    """What the decisions of a failover cost, without Redis and bus; ``failover --scopes`` has those as well."""
    curves = partial(failover_costs, _sizes(scopes), runs)
    _report("failover, decisions only", curves, NODE_NOTES, image, as_json, as_markdown)


@bench.command("restart")
def restart(
    scopes: Scopes = None, runs: Runs = 5, as_json: AsJson = False, as_markdown: AsMarkdown = False, image: Image = None
) -> None:
    """From the rows of an earlier life until all scopes are resumed."""
    _report("restart", partial(restart_costs, _sizes(scopes), runs), NODE_NOTES, image, as_json, as_markdown)


@bench.command("memory")
def memory(
    scopes: Scopes = None, as_json: AsJson = False, as_markdown: AsMarkdown = False, image: Image = None
) -> None:
    """Memory of a node for each scope beyond the first."""
    _report("memory", partial(memory_costs, _sizes(scopes)), NODE_NOTES, image, as_json, as_markdown)


@bench.command("config-storm")
def config_storm(
    scopes: Scopes = None, runs: Runs = 5, as_json: AsJson = False, as_markdown: AsMarkdown = False, image: Image = None
) -> None:
    """The configuration of all scopes changes at once."""
    curves = partial(storm_costs, _sizes(scopes), runs)
    _report("configuration storm", curves, NODE_NOTES, image, as_json, as_markdown)


@bench.command("idle")
def idle(scopes: Scopes = None, as_json: AsJson = False, as_markdown: AsMarkdown = False, image: Image = None) -> None:
    """What a node takes while nothing happens."""
    _report("idle", partial(idle_costs, _sizes(scopes)), NODE_NOTES, image, as_json, as_markdown)


def _sizes(scopes: list[int] | None) -> Sequence[int]:
    return sorted(set(scopes)) if scopes else SIZES


def _report(
    title: str,
    curves: Callable[[], Sequence[Curve]],
    notes: Sequence[str],
    image: Path | None,
    as_json: bool,
    as_markdown: bool,
) -> None:
    if as_json and as_markdown:
        raise typer.BadParameter("--json and --markdown exclude each other")
    # A service manager's TERM must not leave children behind.
    signal.signal(signal.SIGTERM, _leave)
    try:
        report = scale_report(title, curves, notes, image)
    except (TimeoutError, ChildProcessError, ServerStartError, OSError) as error:
        typer.echo(f"hamgr bench: {error}", err=True)
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
