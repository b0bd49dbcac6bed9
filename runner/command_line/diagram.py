"""``hamgr diagram``: pictures and tables of the machines, from declarations, and of workflows, from runs of the lab.

Exit codes: 0 done, 1 a running scope was asked for and is not there, 2 misuse, also a picture without Graphviz.

Source: architecture "Command lines".
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from attrs import frozen

from models.published import read_state
from runner.command_line import state_view
from runner.command_line.published_rows import DbConfig, GlobalDbConfig, chosen, one_line_errors, published
from runner.database_config import GLOBAL_FILE, MAIN_FILE
from runner.diagram import mermaid, tables
from runner.diagram.dot import dot
from runner.diagram.generated import write_everything
from runner.diagram.lanes import lanes
from runner.diagram.machines import MACHINES
from runner.diagram.palette import Theme
from runner.diagram.picture import Only, Picture, picture, state_names
from runner.diagram.render import ImageFormat, RenderError, render
from runner.diagram.workflow import WORKFLOWS, played, workflows_of


class Format(StrEnum):
    """What a picture or table is written as."""

    TABLE = "table"
    MARKDOWN = "markdown"
    HTML = "html"
    CSV = "csv"
    DOT = "dot"
    MERMAID = "mermaid"
    SVG = "svg"
    PNG = "png"


_ENDINGS = {".txt": Format.TABLE, ".md": Format.MARKDOWN, ".mmd": Format.MERMAID, ".htm": Format.HTML}


@frozen
class Asked:
    """What of a machine is asked for."""

    machine: str
    only: Only | None
    around: str | None
    workflow: str | None
    highlight: tuple[str, ...]
    theme: Theme


def diagram(
    machine: Annotated[
        str | None,
        typer.Argument(
            help=f"One of: {', '.join(MACHINES)}. Without it, OUTPUT is a folder and everything goes there."
        ),
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="Default: what the ending of OUTPUT says, else a table.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write here instead of printing.")] = None,
    only: Annotated[Only | None, typer.Option(help="Only this part of a life.")] = None,
    around: Annotated[str | None, typer.Option(help="Only this state and its neighbours, with all guards.")] = None,
    workflow: Annotated[
        str | None,
        typer.Option(
            help="Both sides during a workflow, beside each other. "
            + "; ".join(f"{name}: {', '.join(workflows_of(name))}" for name in MACHINES if workflows_of(name))
        ),
    ] = None,
    highlight: Annotated[list[str] | None, typer.Option(help="Mark a state: STATE or REGION.STATE.")] = None,
    scope: Annotated[str | None, typer.Option(help="Mark where this running scope is: VDPU:SCOPE.")] = None,
    theme: Annotated[Theme, typer.Option(help="What it is looked at on.")] = Theme.LIGHT,
    db_config: DbConfig = MAIN_FILE,
    global_db_config: GlobalDbConfig = GLOBAL_FILE,
) -> None:
    """Draw a machine, a part of it, or a workflow; or write its table."""
    marks = tuple(highlight or ())
    if scope is not None:
        of_scope, states = _running(scope, db_config, global_db_config)
        if machine not in (None, of_scope):
            _misuse(f"{scope} is a {of_scope}, not a {machine}")
        machine, marks = of_scope, marks + states
    if machine is None:
        _everything(output)
        return
    asked = Asked(machine, only, around.lower() if around else None, workflow, marks, theme)
    _check(asked)
    try:
        content = _content(asked, form or _by_ending(output))
    except (ValueError, RenderError) as error:
        _misuse(str(error))
    if output is not None:
        output.write_bytes(content)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)


def _everything(output: Path | None) -> None:
    if output is None or not output.is_dir():
        _misuse(f"name a machine ({', '.join(MACHINES)}), or an existing folder to write everything into with --output")
    try:
        write_everything(output)
    except RenderError as error:
        _misuse(str(error))


def _check(asked: Asked) -> None:
    if asked.machine not in MACHINES:
        _misuse(f"no machine {asked.machine!r}; there are: {', '.join(MACHINES)}")
    states = state_names(MACHINES[asked.machine])
    for state in (asked.around, *(mark.rpartition(".")[2] for mark in asked.highlight)):
        if state is not None and state not in states:
            _misuse(f"{asked.machine} has no state {state}; there are: {', '.join(states)}")
    if asked.workflow is None:
        return
    if asked.only is not None or asked.around is not None or asked.highlight:
        _misuse("a workflow is drawn as a whole: --only, --around, --highlight and --scope do not go with it")
    if (asked.machine, asked.workflow) not in WORKFLOWS:
        names = ", ".join(workflows_of(asked.machine)) or "none"
        _misuse(f"{asked.machine} has no workflow {asked.workflow!r}; there are: {names}")


def _content(asked: Asked, form: Format) -> bytes:
    if form in (Format.SVG, Format.PNG):
        return render(_dot(asked), ImageFormat(form.value))
    if form is Format.DOT:
        return _dot(asked).encode()
    if form is Format.MERMAID:
        return _mermaid(asked).encode()
    return tables.FORMATS[form.value](_sheets(asked)).encode()


def _dot(asked: Asked) -> str:
    if asked.workflow is not None:
        workflow = WORKFLOWS[asked.machine, asked.workflow]
        return lanes(workflow, played(workflow), asked.theme)
    return dot(_picture(asked), asked.theme)


def _mermaid(asked: Asked) -> str:
    if asked.workflow is not None:
        workflow = WORKFLOWS[asked.machine, asked.workflow]
        return mermaid.sequence(workflow, played(workflow), asked.theme)
    return mermaid.flowchart(_picture(asked), asked.theme)


def _sheets(asked: Asked) -> list[tables.Sheet]:
    if asked.workflow is not None:
        workflow = WORKFLOWS[asked.machine, asked.workflow]
        return tables.workflow_sheets(workflow, played(workflow))
    return tables.machine_sheets(asked.machine, asked.only, asked.around)


def _picture(asked: Asked) -> Picture:
    return picture(asked.machine, only=asked.only, around=asked.around, highlight=asked.highlight)


def _running(scope: str, db_config: Path, global_db_config: Path) -> tuple[str, tuple[str, ...]]:
    """The machine of a running scope and the states in which its regions are, as it publishes them."""
    view = state_view.HA_SCOPE
    with one_line_errors():
        (row,) = chosen(view, published(view, db_config, global_db_config), scope).values()
    state = read_state(row.get("local_ha_state"))
    driven_by_dpu = row.get("owner") == "dpu"
    regions = {
        "dpu" if driven_by_dpu else "state": state.value if state is not None else None,
        "relay": row.get("relay_state"),
        "probe": row.get("probe_state"),
    }
    marks = tuple(f"{region}.{where}" for region, where in regions.items() if where is not None)
    return "dpu-driven-scope" if driven_by_dpu else "switch-driven-scope", marks


def _by_ending(output: Path | None) -> Format:
    if output is None:
        return Format.TABLE
    ending = output.suffix.lower()
    known = _ENDINGS | {f".{form}": form for form in Format}
    if ending not in known:
        _misuse(f"{output}: the ending says no format; give one with --format")
    return known[ending]


def _misuse(what: str) -> NoReturn:
    typer.echo(f"hamgr diagram: {what}", err=True)
    raise typer.Exit(2)
