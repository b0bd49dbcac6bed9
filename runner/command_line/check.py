"""``hamgr check``: explore every way in which a pair can go, and say what was covered and what breaks.

Exit codes: 0 nothing was found, 1 something was, 2 the command line is wrong. With ``--defect`` a defect that is found
is what was asked for, and the exit code is 1 all the same: these rules are wrong.

Source: architecture "Command lines"; switch-driven 11.
"""

import json
import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress as Bar

from runner.command_line.check_catalogue import KNOWN, compare, list_catalogue, score_mutants
from runner.command_line.check_report import as_json as report_as_json
from runner.command_line.check_report import summarise
from runner.lab.check.explorer import Found
from runner.lab.check.presets import PRESETS
from runner.lab.check.rules import TRUE
from runner.lab.check.schedule_file import as_schedule
from runner.lab.check.situations import SITUATIONS
from runner.lab.check.trace import as_mermaid, as_text, lines, play
from runner.lab.check.workers import Explored, Job, Progress, explore, rules_named


class Form(StrEnum):
    """How a counterexample is shown."""

    TEXT = "text"
    MERMAID = "mermaid"
    SCENARIO = "scenario"


def check(
    preset: Annotated[str, typer.Option(help=f"What to explore: {', '.join(PRESETS)}.")] = "quick",
    situation: Annotated[
        str | None, typer.Option(help="Only the campaigns of the preset that begin in this situation.")
    ] = None,
    defect: Annotated[str | None, typer.Option(help="Put a known mistake back, and explore where it shows.")] = None,
    list_defects: Annotated[bool, typer.Option("--list-defects", help="List the known mistakes.")] = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="Explore under the rules of the daemon in use today.")
    ] = False,
    ignore: Annotated[
        list[str] | None, typer.Option(help="An invariant that may be violated, by its id; may be repeated.")
    ] = None,
    mutate: Annotated[bool, typer.Option("--mutants", help="Explore under every small mistake of the tables.")] = False,
    rules: Annotated[
        tuple[str, str], typer.Option("--compare", help="Show where two rule sets differ: true, reference or a defect.")
    ] = ("", ""),
    form: Annotated[Form, typer.Option("--format", help="How a counterexample is shown.")] = Form.TEXT,
    output: Annotated[Path | None, typer.Option(help="Write the counterexample into this file.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="How many processes explore.")] = os.cpu_count() or 1,
    as_json: Annotated[bool, typer.Option("--json", help="Say everything as one JSON object.")] = False,
) -> None:
    """Explore a pair of the real machines within a budget of faults."""
    if list_defects:
        list_catalogue(as_json)
        return
    if mutate:
        score_mutants(jobs, as_json)
        return
    if any(rules):
        raise typer.Exit(_compared(rules, preset))
    if preset not in PRESETS:
        raise _misuse(f"no preset {preset!r}; there are: {', '.join(PRESETS)}")
    if defect is not None and defect not in KNOWN:
        raise _misuse(f"no defect {defect!r}; hamgr check --list-defects names them")
    ignored = frozenset(ignore or ())
    if defect is not None:
        work: list[Job] = [(0, KNOWN[defect].campaign, defect, ignored)]
    else:
        under = "reference" if reference else TRUE.name
        campaigns = [c for c in PRESETS[preset] if situation in (None, c.situation)]
        if not campaigns:
            raise _misuse(f"no campaign begins in {situation!r}; there are: {', '.join(SITUATIONS)}")
        work = [(number, campaign, under, ignored) for number, campaign in enumerate(campaigns)]
    explored = _explore(work, jobs, quiet=as_json)
    found = next((e for e in explored if e.report.found is not None), None)
    covered = len(explored) == len(work) and all(e.report.complete or e.report.found for e in explored)
    if as_json:
        typer.echo(json.dumps(report_as_json(explored, covered), indent=2))
    else:
        summarise(explored, len(work), covered)
    if found is not None:
        _show(found, form, output, as_json)
        raise typer.Exit(1)


def _compared(rules: tuple[str, str], preset: str) -> int:
    try:
        return int(compare(*rules, PRESETS[preset]))
    except KeyError as error:
        raise _misuse(f"no rules {error}; there are: true, reference, and those of --list-defects") from None


def _misuse(what: str) -> typer.Exit:
    typer.echo(f"hamgr check: {what}", err=True)
    return typer.Exit(2)


def _explore(work: Sequence[Job], jobs: int, quiet: bool) -> list[Explored]:
    # The largest ones first, so that no process is left with one at the end.
    ordered = sorted(work, key=lambda job: -sum(pool.number for pool in job[1].budget.pools))
    explored: list[Explored] = []
    states: dict[int, int] = {}
    console = Console(stderr=True)
    with Bar(console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task("exploring", total=len(work))

        def tell(progress: Progress) -> None:
            states[progress.number] = progress.states
            bar.update(task, description=f"{sum(states.values()):,} states")

        for done in explore(ordered, jobs, tell):
            explored.append(done)
            tell(Progress(done.number, done.report.states))
            bar.advance(task)
    return sorted(explored, key=lambda e: e.number)


def _show(explored: Explored, form: Form, output: Path | None, as_json: bool) -> None:
    found = explored.report.found
    assert found is not None
    text = _told(explored, found, form)
    if output is not None:
        output.write_text(text + "\n")
    if not as_json:
        typer.echo(f"\n{found.violation.invariant}: {found.violation.what}\n")
        typer.echo(text if output is None else f"written to {output}")


def _told(explored: Explored, found: Found, form: Form) -> str:
    situation = explored.campaign.situation
    if form is Form.SCENARIO:
        return as_schedule(explored.rules, situation, found)
    scenes = list(play(rules_named(explored.rules), situation, lines(found)))
    return as_mermaid(scenes) if form is Form.MERMAID else as_text(scenes)
