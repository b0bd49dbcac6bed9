"""How a look at the switches is shown: one frame on a terminal, or a line for each change.

It decides layout only. Colours of states are those of the groups that the machines declare.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby

from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from hamgr_fsm.scope.dpu_driven import Dpu
from hamgr_fsm.scope.switch_driven import Scope
from runner.watch.sight import Change, Look, Side, Sight

_OF_GROUP = {
    "launching": "cyan",
    "serving": "green",
    "switching over": "magenta",
    "standalone": "yellow",
    "leaving": "bright_black",
}
_COLOURS = {
    str(state.value): _OF_GROUP[group]
    for region in (Dpu, Scope)
    for group, states in region.t.groups.items()
    for state in states
}
_PLANES = {"up": ("●", "green"), "down": ("●", "bold red"), "unknown": ("○", "yellow"), "": ("○", "bright_black")}
_CHANNEL = {"up": "green", "down": "bold red", "unknown": "yellow"}

WIDE = 140
"""Columns from which on every value has a column of its own; below, two share one."""

STALE_MS = 150_000
"""A daemon says every minute that it is alive; one that has not for so long probably is not."""


def frame(sight: Sight, now_ms: int, width: int, height: int | None = None) -> RenderableType:
    """Everything that is to be seen, in so many columns.

    ``height``: lines of the terminal; so many changes are shown as have room.
    """
    sides = sight.sides
    operations = [(side, operation) for side in sides for operation in side.operations]
    parts: list[RenderableType] = [
        _heading(sight.looks, now_ms),
        _scopes(sides, now_ms) if width >= WIDE else _narrow_scopes(sides, now_ms),
    ]
    if operations:
        grid = Grid(box=None, show_header=False, padding=(0, 2, 0, 0))
        for side, operation in operations:
            grid.add_row(Text(side.name), Text(operation.type, style="bold"), Text(operation.id, style="bright_black"))
        parts.append(Panel(grid, title="needs approval", title_align="left", border_style="yellow", box=ROUNDED))
    used = (
        8
        + len(looks_lost(sight.looks))
        + sum(_lines(side) for side in sides)
        + (len(operations) + 2 if operations else 0)
    )
    room = len(sight.changes) if height is None else max(3, height - used)
    parts.append(_changes(list(sight.changes)[:room], now_ms))
    return Group(*parts)


def change_line(change: Change) -> str:
    """A change in one line, for what is no terminal."""
    before = f"{change.before} -> " if change.before else ""
    why = f": {change.why}" if change.why else ""
    return f"{_moment(change.at_ms)} {change.switch} {change.name} {before}{change.after or 'gone'}{why}"


def looks_lost(looks: Iterable[Look]) -> list[Look]:
    """The looks that found nobody."""
    return [look for look in looks if look.lost is not None]


def _heading(looks: Sequence[Look], now_ms: int) -> RenderableType:
    line = Text.assemble(("hamgr watch", "bold"), "  ", _moment(now_ms), "  ")
    for look in looks:
        line.append("● ", style="bold red" if look.lost is not None else "green")
        line.append(f"{look.switch}  ")
    line.append("Ctrl-C ends", style="bright_black")
    lost = [Text(f"  {look.switch}: {look.lost}", style="red") for look in looks_lost(looks)]
    return Group(line, *lost)


def _scopes(sides: Sequence[Side], now_ms: int) -> RenderableType:
    grid = Grid(box=ROUNDED, expand=True, border_style="bright_black", header_style="bold")
    for heading in ("HA scope", "switch", "vDPU"):
        grid.add_column(heading, no_wrap=True)
    grid.add_column("state", no_wrap=True)
    for heading in ("since", "DPU role", "term", "peer", "health", "channel"):
        grid.add_column(heading, no_wrap=True)
    grid.add_column("why, and what it waits for", ratio=1, overflow="fold")
    for scope_id, of_scope in groupby(sides, key=lambda side: side.scope_id):
        for number, side in enumerate(of_scope):
            grid.add_row(Text(scope_id if number == 0 else "", style="bold"), *_side(side, now_ms))
        grid.add_section()
    if not sides:
        grid.add_row(Text("no HA scope is published", style="bright_black"))
    return grid


def _narrow_scopes(sides: Sequence[Side], now_ms: int) -> RenderableType:
    grid = Grid(box=ROUNDED, expand=True, border_style="bright_black", header_style="bold", show_lines=True)
    for heading in ("side", "state", "DPU", "peer", "why, and what it waits for"):
        grid.add_column(heading, overflow="fold", ratio=2 if heading.startswith("why") else None)
    for side in sides:
        age = Text(f"{_age(side.since_ms, now_ms)}, term {side.term or '-'}", style="bright_black")
        channel = Text.assemble("channel ", (side.channel, _CHANNEL[side.channel]))
        grid.add_row(
            Text.assemble((side.switch, "bold"), f"\n{side.vdpu_id}\n{side.scope_id}"),
            Text.assemble(_state(side.state), "\n", age),
            Text.assemble(_role(side), "\n", _health(side)),
            Text.assemble(_peer(side), "\n", channel),
            _reasons(side, now_ms),
        )
    if not sides:
        grid.add_row(Text("no HA scope is published", style="bright_black"))
    return grid


def _side(side: Side, now_ms: int) -> Sequence[RenderableType]:
    return (
        Text(side.switch),
        Text(side.vdpu_id),
        _state(side.state),
        Text(_age(side.since_ms, now_ms)),
        _role(side),
        Text(side.term),
        _peer(side),
        _health(side),
        Text(side.channel, style=_CHANNEL[side.channel]),
        _reasons(side, now_ms),
    )


def _state(state: str) -> Text:
    return Text(state.replace("_", " ") or "-", style=f"bold {_COLOURS.get(state, 'white')}")


def _role(side: Side) -> Text:
    if side.asked == side.acked or not side.asked:
        return Text(side.acked or "unknown", style="green" if side.acked else "yellow")
    acked = side.acked or "unknown"
    return Text.assemble((acked, "yellow"), " -> ", (side.asked, "bold yellow"))


def _peer(side: Side) -> Text:
    if not side.peer_state:
        return Text("unknown", style="bright_black")
    return Text.assemble(_state(side.peer_state), (f" {side.peer_term}", "bright_black"))


def _health(side: Side) -> Text:
    marks = [_PLANES.get(plane, _PLANES[""]) for plane in side.planes]
    return Text.assemble(*marks, (f" {side.bfd} BFD", "" if side.bfd else "bright_black"))


def _reasons(side: Side, now_ms: int) -> Text:
    lines = [Text(side.why)] if side.why else []
    lines += [Text("disabled by the controller", style="bright_black")] if side.disabled else []
    lines += [Text(f"waits for {side.waiting_for}", style="yellow")] if side.waiting_for else []
    lines += [Text(f"rejected: {side.rejected}", style="red")] if side.rejected else []
    lines += (
        [Text(f"switchover {side.switchover}", style="magenta")] if side.switchover not in ("", "completed") else []
    )
    if side.alive_ms is not None and now_ms - side.alive_ms > STALE_MS:
        lines.append(Text(f"its daemon was last alive {_age(side.alive_ms, now_ms)} ago", style="bold red"))
    return Text("\n").join(lines)


def _lines(side: Side) -> int:
    """How many lines a side takes at least."""
    told = (side.why, side.waiting_for, side.rejected, side.switchover, "disabled" if side.disabled else "")
    return max(1, sum(bool(text) for text in told))


def _changes(changes: Sequence[Change], now_ms: int) -> RenderableType:
    grid = Grid(box=None, show_header=False, padding=(0, 2, 0, 0))
    for change in changes:
        moved = (
            Text.assemble(_state(change.before), " -> ", _state(change.after))
            if change.before
            else _state(change.after)
        )
        age = Text(f"{_age(change.at_ms, now_ms)} ago" if change.at_ms is not None else "", style="bright_black")
        grid.add_row(
            _moment(change.at_ms), age, change.switch, change.name, moved, Text(change.why, style="bright_black")
        )
    return Panel(grid, title="last transitions", title_align="left", border_style="bright_black", box=ROUNDED)


def _age(at_ms: int | None, now_ms: int) -> str:
    if at_ms is None:
        return "-"
    seconds = max(0, now_ms - at_ms) // 1000
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min" if seconds < 86400 else f"{seconds // 86400} d"


def _moment(at_ms: int | None) -> str:
    if at_ms is None:
        return "            "
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
