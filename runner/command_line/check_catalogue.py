"""What ``hamgr check`` does besides exploring: list the catalogue, score the mutants, compare two rule sets."""

import json
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.table import Table

from runner.lab.check.campaign import Campaign
from runner.lab.check.compare import difference
from runner.lab.check.defects import CATALOGUE, HARMLESS
from runner.lab.check.happenings import words
from runner.lab.check.mutants import mutants
from runner.lab.check.workers import rules_named, score

KNOWN = {**CATALOGUE, **HARMLESS}
"""Every defect by its name, whether it is found or does no harm."""


def list_catalogue(as_json: bool) -> None:
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


def score_mutants(jobs: int, as_json: bool) -> None:
    """Explore under every mutant of the tables, and list those that nothing finds."""
    names = [mutant.name for mutant in mutants()]
    survivors, seconds = [], 0.0
    for number, scored in enumerate(score(names, jobs), 1):
        seconds += scored.seconds
        if scored.found is None:
            survivors.append(scored.name)
        if not as_json:
            end = "survives" if scored.found is None else f"{scored.found.invariant}: {scored.found.what}"
            typer.echo(f"{number}/{len(names)} {scored.name}: {end}", err=True)
    if as_json:
        typer.echo(json.dumps({"mutants": len(names), "survivors": survivors, "seconds": round(seconds, 1)}, indent=2))
        return
    typer.echo(f"{len(names) - len(survivors)} of {len(names)} mutants are found; {seconds:.0f} s of processor time")
    for name in survivors:
        typer.echo(f"  survives: {name}")


def compare(one: str, other: str, campaigns: Sequence[Campaign]) -> bool:
    """Say where two rule sets differ; False if nothing was found.

    Raises:
        KeyError: there are no rules of one of the names.
    """
    rules = rules_named(one), rules_named(other)
    for campaign in campaigns:
        found = difference(*rules, campaign)
        if found is None:
            continue
        typer.echo(f"after {len(found.trace)} steps of {campaign.words()}:")
        for step in found.trace:
            typer.echo(f"  {step.who:5} {words(step.happening)}")
        typer.echo(f"{one}: {found.one}\n{other}: {found.other}")
        return True
    typer.echo(f"{one} and {other} do the same in everything that was explored")
    return False
