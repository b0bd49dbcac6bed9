"""Which files ``diagrams/`` holds, and what is in each of them.

Texts (DOT, Mermaid, Markdown) are the same on every machine, byte for byte. The SVG pictures are drawn by whatever
Graphviz is installed: other versions and fonts draw the same thing a little differently.

Source: architecture "Rooms", "Command lines".
"""

from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from runner.diagram import mermaid, tables
from runner.diagram.dot import dot
from runner.diagram.lanes import lanes
from runner.diagram.machines import MACHINES
from runner.diagram.palette import Theme
from runner.diagram.picture import Only, picture
from runner.diagram.render import ImageFormat, render
from runner.diagram.workflow import WORKFLOWS, played

IN_PARTS = ("switch-driven-scope",)
"""Machines so large that their parts are drawn as well."""


@frozen
class Drawing:
    """A picture in all its forms. ``name`` is that of its files, without ending."""

    name: str
    light: str
    dark: str
    mermaid: str
    markdown: str | None


def drawings() -> Iterator[Drawing]:
    """Everything that is drawn into the folder."""
    for name in MACHINES:
        yield _machine(name, None)
        if name in IN_PARTS:
            yield from (_machine(name, only) for only in Only)
    for (machine, name), workflow in WORKFLOWS.items():
        moments = played(workflow)
        light, dark = (lanes(workflow, moments, theme) for theme in Theme)
        table = tables.markdown(tables.workflow_sheets(workflow, moments))
        yield Drawing(f"{machine}-{name}", light, dark, mermaid.sequence(workflow, moments), table)


def texts() -> dict[str, str]:
    """The content of every generated text by the name of its file."""
    files: dict[str, str] = {}
    for drawing in drawings():
        files[f"{drawing.name}.dot"] = drawing.light
        files[f"{drawing.name}.mmd"] = drawing.mermaid
        if drawing.markdown is not None:
            files[f"{drawing.name}.md"] = drawing.markdown
    return files


def pictures() -> dict[str, str]:
    """What every generated SVG is drawn from, as DOT, by the name of its file."""
    files: dict[str, str] = {}
    for drawing in drawings():
        files[f"{drawing.name}.svg"], files[f"{drawing.name}-dark.svg"] = drawing.light, drawing.dark
    return files


def write_everything(folder: Path) -> None:
    """Write all generated files into a folder.

    Raises:
        RenderError: Graphviz is not there; the texts are written, the pictures are as they were.
    """
    for name, content in texts().items():
        (folder / name).write_text(content, encoding="utf-8")
    for name, source in pictures().items():
        (folder / name).write_bytes(render(source, ImageFormat.SVG))


def _machine(name: str, only: Only | None) -> Drawing:
    shown = picture(name, only=only)
    light, dark = (dot(shown, theme) for theme in Theme)
    table = tables.markdown(tables.machine_sheets(name)) if only is None else None
    return Drawing(f"{name}-{only}" if only else name, light, dark, mermaid.flowchart(shown), table)
