"""``hamgr sim``: play a scenario file in the lab, say what happened, and whether it was as expected.

Exit codes: 0 as expected, 1 not, 2 the command line or the file is wrong.

Source: architecture "Command lines"; scenarios 0.2.
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from runner.lab.check.workers import rules_named
from runner.lab.sim.pictures import as_mermaid, as_svg, as_text
from runner.lab.sim.play import Played, play
from runner.lab.sim.scenario_file import Scenario, ScenarioFileError, read
from runner.lab.sim.schedule import play_schedule
from runner.lab.sim.schema import schema


class Form(StrEnum):
    """How it is shown."""

    NONE = "none"
    TEXT = "text"
    MERMAID = "mermaid"
    SVG = "svg"


_SHOWN = {Form.TEXT: as_text, Form.MERMAID: as_mermaid, Form.SVG: as_svg}


def sim(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Scenario files; docs/scenario.schema.json says how they look.")
    ] = None,
    form: Annotated[Form | None, typer.Option("--format", help="How it is shown; text for a single file.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write what is shown into this file.")] = None,
    seed: Annotated[int | None, typer.Option(help="Play with this seed instead of those of the file.")] = None,
    print_schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of scenario files.")] = False,
) -> None:
    """Play scenario files in the lab."""
    if print_schema:
        typer.echo(json.dumps(schema(), indent=2))
        return
    if not files:
        typer.echo("hamgr sim: no scenario file is named", err=True)
        raise typer.Exit(2)
    failed = 0
    shown: list[str] = []
    form = form or (Form.TEXT if len(files) == 1 else Form.NONE)
    for path in files:
        try:
            runs = _play(read(path), seed)
        except ScenarioFileError as error:
            typer.echo(f"hamgr sim: {error}", err=True)
            raise typer.Exit(2) from None
        if form in _SHOWN:
            shown += [_SHOWN[form](played) for played in runs[:1]]
        for played in runs:
            failed += bool(played.failures)
            _conclude(path, played)
    if output is not None:
        output.write_text("\n".join(shown) + "\n", encoding="utf-8")
    elif shown:
        typer.echo("\n".join(shown))
    raise typer.Exit(1 if failed else 0)


def _play(scenario: Scenario, seed: int | None) -> list[Played]:
    if "schedule" in scenario.document:
        return [play_schedule(scenario, rules_named)]
    return [play(scenario, s) for s in ([seed] if seed is not None else scenario.seeds)]


def _conclude(path: Path, played: Played) -> None:
    end = "as expected" if not played.failures else "; ".join(played.failures)
    typer.echo(f"{path}: {played.name} (seed {played.seed}): {end}", err=True)
