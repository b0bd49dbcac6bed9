"""``hamgr soak``: random worlds for as long as one likes; a failure is written as a scenario file, as short as it gets.

Exit codes: 0 every world ended well, 1 one did not, 2 the command line is wrong.

Source: architecture "Command lines"; switch-driven 11.
"""

import time
from pathlib import Path
from typing import Annotated

import typer
import yaml

from runner.lab.sim.soak import Failure, run


def soak(
    minutes: Annotated[float, typer.Option(min=0, help="For how long to go on.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The seed of the first world; each further one has the next.")] = 0,
    worlds: Annotated[int | None, typer.Option(min=1, help="So many worlds instead of so many minutes.")] = None,
    output: Annotated[Path, typer.Option(help="Where a failure is written.")] = Path("soak-failure.yaml"),
) -> None:
    """Play random worlds until one does not end well."""
    end_s = time.monotonic() + 60 * minutes
    played = 0
    try:
        while played < worlds if worlds is not None else time.monotonic() < end_s:
            failure = run(seed + played)
            played += 1
            if failure is not None:
                _write(failure, output)
                raise typer.Exit(1)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
    typer.echo(f"{played} worlds ended well, seeds {seed} to {seed + played - 1}")


def _write(failure: Failure, output: Path) -> None:
    text = yaml.safe_dump(failure.document, sort_keys=False, width=118)
    output.write_text(text, encoding="utf-8")
    typer.echo(f"{failure.document['name']} does not end well: {'; '.join(failure.failures)}")
    typer.echo(f"written to {output}; hamgr sim plays it again")
