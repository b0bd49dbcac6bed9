"""``hamgr diagram``: the table of a machine, from its declaration."""

from pathlib import Path
from typing import Annotated

import typer

from runner.diagram import MACHINES, markdown


def diagram(
    machine: Annotated[
        str | None, typer.Argument(help=f"One of: {', '.join(MACHINES)}. All of them if omitted.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write NAME.md into this folder instead of printing.")] = None,
) -> None:
    """Print the table of a machine as Markdown."""
    if machine is not None and machine not in MACHINES:
        typer.echo(f"hamgr diagram: no machine {machine!r}; there are: {', '.join(MACHINES)}", err=True)
        raise typer.Exit(2)
    for name in MACHINES if machine is None else (machine,):
        if output is None:
            typer.echo(markdown(name))
        else:
            (output / f"{name}.md").write_text(markdown(name), encoding="utf-8")
