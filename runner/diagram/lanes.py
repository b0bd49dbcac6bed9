"""A workflow as a picture of lanes: controller, side A, side B; time runs down, and every state a side enters is a box.

The places are computed here, not by the layout: what happens at one moment is on one line, and nothing is covered.
Lengths are inches. Source: issue "pictures": both sides' paths beside each other.
"""

from collections.abc import Sequence
from html import escape

from graphviz import Digraph  # type: ignore[import-untyped]

from hamgr_fsm.table import Row
from runner.diagram.dot import FONT, words
from runner.diagram.machines import MACHINES
from runner.diagram.palette import PALETTES, Palette, Theme
from runner.diagram.workflow import CONTROLLER, LANES, Entered, Moment, Noted, Said, Workflow

_X = {CONTROLLER: 0.0, "A": 4.2, "B": 8.6}
_OUTWARD = {"A": -1, "B": 1}
"""On which side of its lane a side's notes stand: messages run between A and B."""

_TIME_X = -1.2
_STEP, _STATE_STEP, _BELOW_STATE = 0.3, 0.5, 0.14
_ASIDE = 3.2
_LABEL_X = {(CONTROLLER, "A"): 1.5, (CONTROLLER, "B"): 6.4}


def lanes(workflow: Workflow, moments: Sequence[Moment], theme: Theme = Theme.LIGHT) -> str:
    """The workflow as text in DOT, with every place fixed."""
    palette = PALETTES[theme]
    made = Digraph(workflow.title, graph_attr=_paper(workflow, palette), node_attr=_plain(palette))
    made.attr("edge", arrowsize="0.8", color=palette.ink)
    made.attr(outputorder="edgesfirst")
    rows = {row.number: row for row in MACHINES[workflow.machine].regions[0].t.rows}
    y = 0.0
    for lane in LANES:
        made.node(f"head.{lane}", f"<<B>{_title(lane)}</B>>", pos=_at(_X[lane], y), fontsize="14")
    last_ms = -1
    for number, moment in enumerate(moments):
        entered = isinstance(moment, Entered)
        beside = entered and number > 0 and isinstance(moments[number - 1], Entered) and moment.at_ms == last_ms == 0
        y -= 0.0 if beside else _STATE_STEP if entered else _STEP
        if moment.at_ms != last_ms:
            made.node(f"time.{number}", _time(moment.at_ms), pos=_at(_TIME_X, y), fontcolor=palette.faint)
            last_ms = moment.at_ms
        _draw(made, number, moment, y, rows, palette)
        stood = beside or number > 0
        y -= _BELOW_STATE if entered and stood else 0.0
    for place, lane in enumerate(LANES):
        colour = palette.box_edge if lane == CONTROLLER else palette.sides[place - 1]
        made.node(f"end.{lane}", "", shape="point", width="0.02", pos=_at(_X[lane], y - 0.3), color=colour)
        made.edge(f"head.{lane}", f"end.{lane}", dir="none", color=colour, penwidth="2.2", id=f"lane.{lane}")
    return str(made.source)


def _draw(made: Digraph, number: int, moment: Moment, y: float, rows: dict[int, Row], palette: Palette) -> None:
    match moment:
        case Entered(_, lane, state, row, why):
            colour = palette.sides[LANES.index(lane) - 1]
            made.node(
                f"{number}.{lane}.{state}", words(state, 17), pos=_at(_X[lane], y), shape="box", style="rounded,filled",
                fillcolor=palette.state, color=colour, penwidth="2", fontsize="13", width="1.45", height="0.36",
                margin="0.06,0.03", id=f"{number}.{lane}.{state}",
            )  # fmt: skip
            if row:
                colour = palette.of(rows[row].kind)
                _aside(made, f"why.{number}", f"{row} {why}", lane, y, 0.8, fontcolor=colour, fontsize="12")
        case Noted(_, lane, text):
            _aside(made, f"note.{number}", text.replace("_", " "), lane, y, 0.1, fontcolor=palette.faint)
        case Said(_, lane, receiver, text):
            near, far = f"from.{number}", f"to.{number}"
            for name, at in ((near, lane), (far, receiver)):
                made.node(name, "", shape="point", width="0.01", height="0.01", pos=_at(_X[at], y))
            made.edge(near, far, id=f"said.{number}")
            middle = _LABEL_X.get((lane, receiver), (_X[lane] + _X[receiver]) / 2)
            made.node(f"said.{number}", text.replace("_", " "), pos=_at(middle, y))


def _title(lane: str) -> str:
    return lane if lane == CONTROLLER else f"side {lane}"


def _time(at_ms: int) -> str:
    return f"{at_ms} ms" if at_ms < 1000 else f"{at_ms / 1000:.3f} s"


def _at(x: float, y: float) -> str:
    return f"{x:.2f},{y:.2f}!"


def _aside(made: Digraph, name: str, text: str, lane: str, y: float, gap: float, **drawn: str) -> None:
    """Text on the outer side of a lane, flush with it."""
    place = _at(_X[lane] + _OUTWARD[lane] * (gap + _ASIDE / 2), y)
    flush = f"{text}\\{'r' if _OUTWARD[lane] < 0 else 'l'}"
    made.node(name, flush, pos=place, width=f"{_ASIDE}", height="0.2", fixedsize="true", style="", **drawn)


def _paper(workflow: Workflow, palette: Palette) -> dict[str, str]:
    return {
        "layout": "neato",
        "splines": "line",
        "bgcolor": palette.paper,
        "fontname": FONT,
        "fontcolor": palette.ink,
        "fontsize": "14",
        "label": f"<<B>{escape(workflow.title)} ({workflow.machine}, played in the lab)</B><BR/>&#160;>",
        "labelloc": "t",
        "pad": "0.2",
    }


def _plain(palette: Palette) -> dict[str, str]:
    return {
        "shape": "plaintext",
        "style": "filled",
        "fillcolor": palette.paper,
        "fontname": FONT,
        "fontsize": "11",
        "fontcolor": palette.ink,
        "margin": "0.04,0.01",
        "height": "0",
        "width": "0",
    }
