"""A picture as DOT, the language of Graphviz. Making the text needs nothing but the Python package.

States have the id ``REGION.STATE``, the text of an arrow ``REGION.row-N-M-from-STATE``, and both have a class, so that
a web page can find them.
"""

from collections.abc import Iterable
from html import escape
from textwrap import wrap

from graphviz import Digraph  # type: ignore[import-untyped]

from hamgr_fsm.table import Kind, Row
from runner.diagram.palette import MEANINGS, PALETTES, STYLES, Palette, Theme
from runner.diagram.picture import Arrow, Group, Picture, RegionPicture, Sweep, condition, told

FONT = "Helvetica"
LINE = 26
"""Letters in a line of a label."""

NOTE_LINE = 64

_GAP, _INDENT = "&#160;", "&#160;&#160;&#160;"
"""Spaces that no viewer drops."""


def dot(shown: Picture, theme: Theme = Theme.LIGHT) -> str:
    """The picture as text in DOT."""
    return str(graph(shown, theme).source)


def graph(shown: Picture, theme: Theme = Theme.LIGHT) -> Digraph:
    """The picture as a graph."""
    palette = PALETTES[theme]
    made = Digraph(shown.name.replace("-", "_"), graph_attr=_paper(palette), node_attr=_node(palette))
    made.attr("edge", arrowsize="0.7", color=palette.ink)
    several = len(shown.regions) > 1
    for region in shown.regions:
        with made.subgraph(name=f"cluster_{region.name}" if several else None) as part:
            if several:
                part.attr(label=f"{region.name}: {region.title}\\l", **_box(palette, outer=True))
            _draw_region(part, region, shown.detailed, palette)
    made.attr(label=_title(shown, palette), labelloc="t", labeljust="l")
    return made


def _draw_region(part: Digraph, region: RegionPicture, detailed: bool, palette: Palette) -> None:
    order = _reading_order(region)
    if region.initial in order:
        part.node(node_id(region, region.initial))  # What is named first comes first: a life is read from there.
    for group in region.groups:
        with part.subgraph(name=_cluster(region, group)) as box:
            if group.name:
                box.attr(label=group.name, **_box(palette))
            for state in group.states:
                box.node(node_id(region, state), words(state), **_state(region, state, palette))
    for arrow in region.arrows:
        _draw_arrow(part, region, arrow, order, detailed, palette)
    if region.sweeps or region.unmoving or region.told:
        part.node(
            f"{region.name}.notes", _notes(region, palette), shape="plaintext", style="", id=f"{region.name}.notes"
        )


def _draw_arrow(
    part: Digraph, region: RegionPicture, arrow: Arrow, order: list[str], detailed: bool, palette: Palette
) -> None:
    """A line that runs through its text: labels beside a line may cover each other, and belong to no line visibly.

    Every line is told downwards, and has its head on the other end if need be: nothing leads in circles then, and the
    reading order is what the layout makes of it.
    """
    down = order.index(arrow.source) < order.index(arrow.target)
    upper, lower = (arrow.source, arrow.target) if down else (arrow.target, arrow.source)
    name = f"{region.name}.row-" + "-".join(str(row.number) for row in arrow.rows) + f"-from-{arrow.source}"
    box = next((g for g in region.groups if g.name and arrow.source in g.states and arrow.target in g.states), None)
    with part.subgraph(name=_cluster(region, box)) as inside:
        behind = palette.box if box is not None else palette.paper
        inside.node(name, _label(arrow, detailed), id=name, fillcolor=behind, **_text(arrow.kind, palette))
    line = _line(arrow.kind, palette)
    part.edge(node_id(region, upper), name, dir="none" if down else "back", **line)
    part.edge(name, node_id(region, lower), dir="forward" if down else "none", **line)


def _cluster(region: RegionPicture, group: Group | None) -> str | None:
    return f"cluster_{region.name}_{group.name}".replace(" ", "_") if group is not None and group.name else None


def _reading_order(region: RegionPicture) -> list[str]:
    """The states from top to bottom: where a life starts, then the groups as they are declared."""
    return sorted(region.states, key=lambda state: state != region.initial)


def node_id(region: RegionPicture, state: str) -> str:
    """The name of a state's node."""
    return f"{region.name}.{state}"


def words(state: str, width: int = 14) -> str:
    """A state as it is read, broken into lines of so many letters."""
    text = state.replace("_", " ")
    return "\n".join(wrap(text[0].upper() + text[1:], width))


def _label(arrow: Arrow, detailed: bool) -> str:
    lines = [line for row in arrow.rows for line in _row_lines(row, detailed)]
    return "<" + "".join(f'{line}<BR ALIGN="LEFT"/>' for line in lines) + ">"


def _row_lines(row: Row, detailed: bool) -> Iterable[str]:
    first, *rest = wrap(told(row), LINE)
    # One run of text: where the font changes, every viewer leaves another gap.
    yield f"{row.number}{_GAP}{escape(first)}"
    yield from (f"{_INDENT}{escape(line)}" for line in rest)
    if detailed:
        for line in wrap(condition(row), LINE + 6):
            yield f"{_INDENT}<I>{escape(line)}</I>"


def _notes(region: RegionPicture, palette: Palette) -> str:
    rows = []
    if region.sweeps:
        rows.append('<TR><TD ALIGN="LEFT" COLSPAN="2"><B>from many states</B></TD></TR>')
    rows += [_sweep(sweep, palette) for sweep in region.sweeps]
    for name, means in region.told:
        line = escape(f"({name.replace('_', ' ')}): {means}")
        rows.append(f'<TR><TD ALIGN="LEFT" COLSPAN="2"><FONT COLOR="{palette.faint}">{line}</FONT></TD></TR>')
    if region.unmoving:
        plural = "rows that act" if region.unmoving > 1 else "row that acts"
        more = f"and {region.unmoving} {plural} without moving: see the table"
        rows.append(f'<TR><TD ALIGN="LEFT" COLSPAN="2"><FONT COLOR="{palette.faint}">{more}</FONT></TD></TR>')
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="1" CELLPADDING="1">{"".join(rows)}</TABLE>>'


def _sweep(sweep: Sweep, palette: Palette) -> str:
    lines = "".join(f"{escape(line)}<BR ALIGN='LEFT'/>" for line in wrap(sweep.text, NOTE_LINE))
    colour = palette.of(sweep.kind)
    return (
        f'<TR><TD ALIGN="RIGHT" VALIGN="TOP"><FONT COLOR="{colour}"><B>{sweep.numbers}</B></FONT></TD>'
        f'<TD ALIGN="LEFT" BALIGN="LEFT"><FONT COLOR="{colour}">{lines}</FONT></TD></TR>'
    )


def _title(shown: Picture, palette: Palette) -> str:
    line = {kind: "- - -" if STYLES.get(kind) == "dashed" else "-----" for kind in shown.kinds}
    legend = "   ".join(
        f'<FONT COLOR="{palette.of(kind)}">{line[kind]} {escape(MEANINGS[kind])}</FONT>' for kind in shown.kinds
    )
    return f'<<B>{escape(shown.title)}</B><BR ALIGN="LEFT"/>{legend}<BR ALIGN="LEFT"/>>'


def _text(kind: Kind | None, palette: Palette) -> dict[str, str]:
    return {
        "shape": "plaintext",
        "style": "filled",
        "margin": "0.03,0.02",
        "height": "0",
        "width": "0",
        "fontsize": "11",
        "fontcolor": palette.of(kind),
        "class": str(kind or "plain"),
    }


def _line(kind: Kind | None, palette: Palette) -> dict[str, str]:
    colour = palette.of(kind)
    return {"color": colour, "class": str(kind or "plain"), "style": STYLES.get(kind, "solid")}


def _state(region: RegionPicture, state: str, palette: Palette) -> dict[str, str]:
    drawn = {"id": node_id(region, state), "class": "state"}
    if state == region.initial:
        drawn["peripheries"] = "2"
    if state == region.highlighted:
        drawn |= {"fillcolor": palette.lit, "fontcolor": palette.lit_ink, "penwidth": "2.5", "class": "state lit"}
    return drawn


def _paper(palette: Palette) -> dict[str, str]:
    return {
        "rankdir": "TB",
        "outputorder": "edgesfirst",
        "bgcolor": palette.paper,
        "fontname": FONT,
        "fontsize": "14",
        "fontcolor": palette.ink,
        "nodesep": "0.25",
        "ranksep": "0.3",
        "pad": "0.2",
        "newrank": "true",
    }


def _node(palette: Palette) -> dict[str, str]:
    return {
        "shape": "box",
        "style": "rounded,filled",
        "fillcolor": palette.state,
        "color": palette.ink,
        "fontcolor": palette.ink,
        "fontname": FONT,
        "fontsize": "14",
    }


def _box(palette: Palette, *, outer: bool = False) -> dict[str, str]:
    return {
        "style": "rounded" if outer else "rounded,filled",
        "color": palette.box_edge,
        "fillcolor": palette.box,
        "fontcolor": palette.faint,
        "fontsize": "12",
        "labeljust": "l",
    }
