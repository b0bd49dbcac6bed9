"""What happened in a scenario as a timeline in text, as a Mermaid sequence diagram, and as an SVG picture.

The picture reads downwards: a lane of coloured states for each side, the messages between them as arrows, and beside
each lane a bar in the colour of the side that handles the packets entering there. Time is not to scale: between two
things that happen there is room to read, and a long wait is marked.

Source: architecture "Command lines".
"""

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as Xml

from attrs import frozen

from runner.lab.sim.play import Moment, Played

SIDES = ("A", "B")
LANE = {"A": 200, "B": 700}
WIDTH = 900
LANE_WIDTH = 180
BAR_WIDTH = 14
ROW = 19
LONG_MS = 1_000

COLOURS = {"A": "#2a6fdb", "B": "#d9822b", "C": "#3c9d4e", None: "#c0392b"}
"""By the side that handles the traffic; nobody is red."""

_STATE = {
    "active": "#b7e1c0",
    "standalone": "#8fd0a0",
    "standby": "#cfe0f5",
    "dead": "#dddddd",
    "switching_to_standalone": "#f6d5a8",
    "switching_to_active": "#e5f0b5",
    "switching_to_standby": "#e5f0b5",
}


@frozen
class Row:
    """A moment and how far down it is drawn."""

    y: int
    moment: Moment


def as_text(played: Played) -> str:
    """The moments as lines, what failed at the end."""
    lines = [f"{played.name} (seed {played.seed})"]
    for moment in played.moments:
        match moment.kind:
            case "message":
                what = f"{moment.who} -> {moment.to}  {moment.what}"
            case "do":
                what = f"* {moment.what}"
            case "state":
                what = f"{moment.who} is {moment.what}"
            case "route":
                what = f"the route of {moment.who} leads to {moment.what}"
            case _:
                what = f"packets at {moment.who} are handled by {moment.what}"
        lines.append(f"{moment.at_ms / 1000:10.3f}  {what}")
    lines += [f"FAILED  {failure}" for failure in played.failures]
    return "\n".join(lines)


def as_mermaid(played: Played) -> str:
    """The moments as a Mermaid sequence diagram."""
    lines = ["sequenceDiagram", "    participant A", "    participant B"]
    for moment in played.moments:
        match moment.kind:
            case "message" if moment.to in SIDES and moment.who in SIDES:
                lines.append(f"    {moment.who}->>{moment.to}: {moment.what}")
            case "state" if moment.who in SIDES:
                lines.append(f"    Note over {moment.who}: {moment.what}")
            case "do":
                lines.append(f"    Note over A,B: {moment.at_ms / 1000:.3f} s {moment.what}")
            case "route" if moment.who in SIDES:
                lines.append(f"    Note over {moment.who}: route to {moment.what}")
    return "\n".join(lines)


def as_svg(played: Played) -> str:
    """The moments as a picture."""
    rows, marks, height = _laid_out(played.moments)
    svg = Xml.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {height}",
        width=str(WIDTH),
        height=str(height),
    )
    svg.set("font-family", "sans-serif")
    svg.set("font-size", "11")
    _arrow_head(svg)
    _rectangle(svg, 0, 0, WIDTH, height, "white")
    _text(svg, WIDTH / 2, 20, played.name, size=15)
    for side in SIDES:
        _text(svg, LANE[side], 42, f"side {side}", size=13, fill=COLOURS[side])
        _lane(svg, rows, side, height)
        _bar(svg, rows, side, height)
    for y, wait_ms in marks:
        _text(svg, WIDTH / 2, y, f"... {wait_ms / 1000:.0f} s ...", fill="#999999")
    for row in rows:
        _moment(svg, row, played.in_steps)
    _legend(svg, height)
    Xml.indent(svg)
    return Xml.tostring(svg, encoding="unicode")


def _laid_out(moments: Sequence[Moment]) -> tuple[list[Row], list[tuple[int, int]], int]:
    y, last_ms, rows, marks = 62, 0, [], []
    for moment in moments:
        if moment.at_ms - last_ms >= LONG_MS:
            y += ROW
            marks.append((y, moment.at_ms - last_ms))
            y += 6
        if moment.kind in ("message", "do") or moment.at_ms != last_ms or moment.kind == "state":
            y += ROW
        last_ms = moment.at_ms
        rows.append(Row(y, moment))
    return rows, marks, y + 2 * ROW + 40


def _spans(rows: Sequence[Row], kind: str, side: str, height: int) -> Iterator[tuple[int, int, str]]:
    found = [row for row in rows if row.moment.kind == kind and row.moment.who == side]
    for row, following in zip(found, [*found[1:], None], strict=True):
        yield row.y, following.y if following else height - 40, row.moment.what


def _lane(svg: Xml.Element, rows: Sequence[Row], side: str, height: int) -> None:
    left = LANE[side] - LANE_WIDTH / 2
    for top, bottom, what in _spans(rows, "state", side, height):
        colour = _STATE.get(what.partition("/")[0].split(" ")[0], "#f0e6f6")
        _rectangle(svg, left, top, LANE_WIDTH, bottom - top, colour, edge="#888888")
        state, _, role = what.partition("/")
        said = f"{state} / {role or '-'}"
        _text(svg, LANE[side], top + 12, said, size=9 if len(said) < 40 else 7)


def _bar(svg: Xml.Element, rows: Sequence[Row], side: str, height: int) -> None:
    left = LANE[side] - LANE_WIDTH / 2 - BAR_WIDTH - 4 if side == "A" else LANE[side] + LANE_WIDTH / 2 + 4
    for top, bottom, what in _spans(rows, "traffic", side, height):
        colour = COLOURS.get(None if what == "nobody" else what, COLOURS[None])
        _rectangle(svg, left, top, BAR_WIDTH, bottom - top, colour)


def _moment(svg: Xml.Element, row: Row, in_steps: bool) -> None:
    moment = row.moment
    match moment.kind:
        case "message" if moment.who in SIDES and moment.to in SIDES:
            assert moment.who is not None
            assert moment.to is not None
            sign = 1 if moment.who == "A" else -1
            start, end = LANE[moment.who] + sign * LANE_WIDTH / 2, LANE[moment.to] - sign * LANE_WIDTH / 2
            line = Xml.SubElement(svg, "line", x1=str(start), y1=str(row.y), x2=str(end), y2=str(row.y))
            line.set("stroke", "#555555")
            line.set("marker-end", "url(#head)")
            _text(svg, WIDTH / 2, row.y - 3, moment.what, size=9)
        case "do":
            when = f"step {moment.at_ms}" if in_steps else f"{moment.at_ms / 1000:.1f} s"
            _text(svg, 8, row.y + 3, when, size=9, anchor="start", fill="#777777")
            _text(svg, WIDTH / 2, row.y + 3, moment.what, size=11, weight="bold")
        case "route":
            at = LANE[moment.who] if moment.who in SIDES else WIDTH / 2
            _text(svg, at, row.y - 2, f"route to {moment.what}", size=8, fill=COLOURS.get(moment.what, "#c0392b"))


def _legend(svg: Xml.Element, height: int) -> None:
    x = 40.0
    for name in (*SIDES, None):
        _rectangle(svg, x, height - 24, 12, 12, COLOURS[name])
        _text(svg, x + 18, height - 14, f"{name} handles packets" if name else "packets are lost", anchor="start")
        x += 170


def _arrow_head(svg: Xml.Element) -> None:
    marker = Xml.SubElement(Xml.SubElement(svg, "defs"), "marker", id="head", refX="7", refY="3")
    for name, value in (("markerWidth", "8"), ("markerHeight", "6"), ("orient", "auto")):
        marker.set(name, value)
    Xml.SubElement(marker, "path", d="M0,0 L8,3 L0,6 z", fill="#555555")


def _rectangle(
    svg: Xml.Element, x: float, y: float, width: float, height: float, fill: str, edge: str | None = None
) -> None:
    rectangle = Xml.SubElement(svg, "rect", x=str(x), y=str(y), width=str(width), height=str(height), fill=fill)
    if edge is not None:
        rectangle.set("stroke", edge)


def _text(
    svg: Xml.Element,
    x: float,
    y: float,
    what: str,
    *,
    size: int = 10,
    fill: str = "#222222",
    anchor: str = "middle",
    weight: str = "normal",
) -> None:
    text = Xml.SubElement(svg, "text", x=str(x), y=str(y), fill=fill)
    for name, value in (("text-anchor", anchor), ("font-size", str(size)), ("font-weight", weight)):
        text.set(name, value)
    text.text = what
