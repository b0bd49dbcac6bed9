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
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress as Bar
from rich.table import Table

from hamgr_fsm.table import Row
from runner.lab.check.defects import CATALOGUE, HARMLESS
from runner.lab.check.explorer import Found
from runner.lab.check.presets import PRESETS
from runner.lab.check.rules import TRUE
from runner.lab.check.schedule_file import as_schedule
from runner.lab.check.trace import as_mermaid, as_text, lines, play
from runner.lab.check.workers import Explored, Job, Progress, explore, rules_named

KNOWN = {**CATALOGUE, **HARMLESS}


class Form(StrEnum):
    """How a counterexample is shown."""

    TEXT = "text"
    MERMAID = "mermaid"
    SCENARIO = "scenario"


def check(
    preset: Annotated[str, typer.Option(help=f"What to explore: {', '.join(PRESETS)}.")] = "quick",
    defect: Annotated[str | None, typer.Option(help="Put a known mistake back, and explore where it shows.")] = None,
    list_defects: Annotated[bool, typer.Option("--list-defects", help="List the known mistakes.")] = False,
    form: Annotated[Form, typer.Option("--format", help="How a counterexample is shown.")] = Form.TEXT,
    output: Annotated[Path | None, typer.Option(help="Write the counterexample into this file.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="How many processes explore.")] = os.cpu_count() or 1,
    as_json: Annotated[bool, typer.Option("--json", help="Say everything as one JSON object.")] = False,
) -> None:
    """Explore a pair of the real machines within a budget of faults."""
    if list_defects:
        _list(as_json)
        return
    if preset not in PRESETS:
        raise _misuse(f"no preset {preset!r}; there are: {', '.join(PRESETS)}")
    if defect is not None and defect not in KNOWN:
        raise _misuse(f"no defect {defect!r}; hamgr check --list-defects names them")
    if defect is None:
        work: list[Job] = [(number, campaign, TRUE.name) for number, campaign in enumerate(PRESETS[preset])]
    else:
        work = [(0, KNOWN[defect].campaign, defect)]
    explored = _explore(work, jobs, quiet=as_json)
    found = next((e for e in explored if e.report.found is not None), None)
    covered = len(explored) == len(work) and all(e.report.complete or e.report.found for e in explored)
    if as_json:
        typer.echo(json.dumps(_as_json(explored, covered), indent=2))
    else:
        _summarise(explored, len(work), covered)
    if found is not None:
        _show(found, form, output, as_json)
        raise typer.Exit(1)


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


def _summarise(explored: Sequence[Explored], asked: int, covered: bool) -> None:
    table = Table(box=None, pad_edge=False)
    for heading, justify in (
        ("campaign", "left"),
        ("states", "right"),
        ("depth", "right"),
        ("cut", "right"),
        ("", "left"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for e in explored:
        found, report = e.report.found, e.report
        end = found.violation.invariant if found else ("" if report.complete else "not complete")
        table.add_row(e.campaign.words(), f"{report.states:,}", str(report.depth), f"{report.cut:,}", end)
    Console().print(table)
    states, seconds = sum(e.report.states for e in explored), sum(e.seconds for e in explored)
    typer.echo(
        f"{states:,} states, {states / max(seconds, 1e-9):,.0f} a second and core, {seconds:.1f} s of processor time"
    )
    missed = _never_taken(explored)
    typer.echo(f"rows never taken: {len(missed)}")
    for row in missed:
        typer.echo(f"  {row}")
    if not covered:
        typer.echo(f"interrupted: {sum(e.report.complete for e in explored)} of {asked} campaigns are complete")


def _never_taken(explored: Sequence[Explored]) -> list[str]:
    taken = {row for e in explored for row in e.report.taken}
    missed = []
    for region in rules_named(explored[0].rules if explored else TRUE.name).scope.regions:
        missed += [
            f"{region.state_fact} {row.number}: {_row_words(row)}"
            for row in region.t.rows
            if (region.state_fact, row.number) not in taken
        ]
    return missed


def _row_words(row: Row) -> str:
    sources = ", ".join(str(source.value) for source in row.sources[:3]) + (", ..." if len(row.sources) > 3 else "")
    target = row.target.value if row.target is not None else "stays"
    return f"{sources} -> {target}: {row.why}"


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


def _list(as_json: bool) -> None:
    if as_json:
        listed = [
            {
                "name": d.name,
                "lesson": d.lesson,
                "what": d.what,
                "campaign": d.campaign.words(),
                "harmless_because": d.harmless_because or None,
            }
            for d in KNOWN.values()
        ]
        typer.echo(json.dumps(listed, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("defect", "lesson", "what is wrong"):
        table.add_column(heading)
    for d in KNOWN.values():
        note = f" (does no harm within bounds: {d.harmless_because})" if d.harmless_because else ""
        table.add_row(d.name, d.lesson, d.what + note)
    Console().print(table)


def _as_json(explored: Sequence[Explored], covered: bool) -> dict[str, Any]:
    return {
        "complete": covered,
        "never_taken": _never_taken(explored),
        "campaigns": [
            {
                "campaign": e.campaign.words(),
                "rules": e.rules,
                "states": e.report.states,
                "transitions": e.report.transitions,
                "depth": e.report.depth,
                "cut": e.report.cut,
                "complete": e.report.complete,
                "seconds": round(e.seconds, 3),
                "found": _found_as_json(e.report.found),
            }
            for e in explored
        ],
    }


def _found_as_json(found: Found | None) -> dict[str, Any] | None:
    if found is None:
        return None
    steps = [{"who": line.who, "what": line.what} for line in lines(found)]
    return {"invariant": found.violation.invariant, "what": found.violation.what, "steps": steps}
