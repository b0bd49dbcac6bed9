"""What ``hamgr check`` says of its explorations: a table for people, an object for programs."""

from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from hamgr_fsm.table import Row
from runner.lab.check.explorer import Found
from runner.lab.check.rules import TRUE
from runner.lab.check.trace import lines
from runner.lab.check.workers import Explored, rules_named


def summarise(explored: Sequence[Explored], asked: int, covered: bool) -> None:
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
    speed = states / max(seconds, 1e-9)
    typer.echo(f"{states:,} states, {speed:,.0f} a second and core, {seconds:.1f} s of processor time")
    if not covered:
        typer.echo(
            f"not everything was seen: {sum(e.report.complete for e in explored)} of {asked} campaigns are complete"
        )
    if any(e.report.found is not None for e in explored):
        return
    missed = _never_taken(explored)
    typer.echo(f"rows never taken: {len(missed)}")
    for row in missed:
        typer.echo(f"  {row}")


def _never_taken(explored: Sequence[Explored]) -> list[str]:
    taken = {row for e in explored for row in e.report.taken}
    missed = []
    for region in rules_named(explored[0].rules if explored else TRUE.name).scope.regions:
        missed += [
            f"{region.state_fact} {row.number}: {row_words(row)}"
            for row in region.t.rows
            if (region.state_fact, row.number) not in taken
        ]
    return missed


def row_words(row: Row) -> str:
    sources = ", ".join(str(source.value) for source in row.sources[:3]) + (", ..." if len(row.sources) > 3 else "")
    target = row.target.value if row.target is not None else "stays"
    return f"{sources} -> {target}: {row.why}"


def as_json(explored: Sequence[Explored], covered: bool) -> dict[str, Any]:
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
