"""Three ways to follow the demonstration: live on a terminal, as lines, and as JSON lines for programs.

They show the same: each step, what was expected of it and when it was seen, and at a failure what was there instead.
"""

import json
from contextlib import AbstractContextManager, nullcontext

from attrs import define, field
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from models.tables import (
    BFD_SESSION_TABLE,
    DASH_HA_SCOPE_STATE,
    DASH_HA_SCOPE_STATE_TABLE,
    DASH_HA_SCOPE_TABLE,
    DASH_HA_SET_TABLE,
    VNET_ROUTE_TUNNEL_TABLE,
)
from runner.demo.cast import Cast
from runner.demo.play import Outcome, Screen
from runner.demo.story import Step

SHOWN_ROWS = (
    (
        DASH_HA_SCOPE_STATE,
        ("local_ha_state", "local_acked_asic_ha_state", "pending_operation_types", "local_vdpu_midplane_state"),
    ),
    (DASH_HA_SCOPE_STATE_TABLE, ("ha_state", "ha_role", "ha_term")),
    (DASH_HA_SET_TABLE, ("owner", "local_ip", "peer_ip")),
    (DASH_HA_SCOPE_TABLE, ("disabled", "ha_role", "activate_role_requested")),
    (BFD_SESSION_TABLE, ("type", "local_addr")),
    (VNET_ROUTE_TUNNEL_TABLE, ("endpoint", "primary")),
)
"""The rows that are shown live, and the fields of theirs that move."""


@define
class Lines(Screen):
    """One line when a step begins, one for each expectation: fit for a pipe, a log and a dumb terminal."""

    console: Console
    steps: int

    def showing(self) -> AbstractContextManager[object]:
        return nullcontext()

    def begin(self, number: int, step: Step) -> None:
        self._print(f"[{number:2}/{self.steps}] {step.title}  ({step.ref})")

    def saw(self, outcome: Outcome) -> None:
        mark = "ok  " if outcome.sighting.met else "FAIL"
        self._print(f"        {mark} {outcome.after_s:6.2f} s  {outcome.expectation.says}")
        if not outcome.sighting.met:
            self._print(f"             found: {outcome.sighting.found}")

    def look(self, cast: Cast) -> None:
        """Lines do not show rows."""

    def end(self, step: Step, error: str | None, took_s: float) -> None:
        if error is not None:
            self._print(f"        FAIL {took_s:6.2f} s  {error}")

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


@define
class JsonLines(Screen):
    """One JSON object for each thing that happens."""

    number: int = 0

    def showing(self) -> AbstractContextManager[object]:
        return nullcontext()

    def begin(self, number: int, step: Step) -> None:
        self.number = number
        self._tell(event="step", title=step.title, ref=step.ref)

    def saw(self, outcome: Outcome) -> None:
        self._tell(
            event="expectation",
            expected=outcome.expectation.says,
            met=outcome.sighting.met,
            found=outcome.sighting.found,
            after_s=round(outcome.after_s, 3),
        )

    def look(self, cast: Cast) -> None:
        """Programs read the databases themselves."""

    def end(self, step: Step, error: str | None, took_s: float) -> None:
        self._tell(event="step_end", title=step.title, error=error, took_s=round(took_s, 3))

    def _tell(self, **event: object) -> None:
        print(json.dumps({"step": self.number, **event}), flush=True)


@define
class OnTerminal(Screen):
    """Steps that are over stay on the terminal, what they showed included; below them the present one moves.

    Under it are the rows as they are now.
    """

    console: Console
    steps: int
    live: Live = field(init=False)
    heading: Text = field(factory=Text)
    outcomes: list[Outcome] = field(factory=list)
    rows: Grid = field(factory=Grid)

    def __attrs_post_init__(self) -> None:
        self.live = Live(console=self.console, refresh_per_second=10, get_renderable=self._present, transient=True)

    def showing(self) -> AbstractContextManager[object]:
        return self.live

    def begin(self, number: int, step: Step) -> None:
        self.heading = Text.assemble(
            (f"[{number:2}/{self.steps}] ", "dim"), (step.title, "bold"), (f"  {step.ref}", "dim")
        )
        self.outcomes = []

    def saw(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def look(self, cast: Cast) -> None:
        self.rows = _rows(cast)

    def end(self, step: Step, error: str | None, took_s: float) -> None:
        lines = self._lines()
        if error is not None:
            lines.append(_line("FAIL", "red", took_s, error))
        self.live.console.print(Group(*lines))
        self.heading, self.outcomes = Text(), []

    def _present(self) -> Group:
        waiting = [Text("        ...", style="yellow")] if self.heading else []
        return Group(*self._lines(), *waiting, Panel(self.rows, title="rows now", title_align="left"))

    def _lines(self) -> list[Text]:
        lines = [self.heading]
        for outcome in self.outcomes:
            mark, style = ("ok  ", "green") if outcome.sighting.met else ("FAIL", "red")
            lines.append(_line(mark, style, outcome.after_s, outcome.expectation.says))
            if not outcome.sighting.met:
                lines.append(Text(f"             found: {outcome.sighting.found}", style="red"))
        return lines


def _line(mark: str, style: str, after_s: float, what: str) -> Text:
    return Text.assemble("        ", (mark, style), (f" {after_s:6.2f} s  ", "dim"), what)


def _rows(cast: Cast) -> Grid:
    grid = Grid.grid(padding=(0, 2))
    for table, names in SHOWN_ROWS:
        for key, row in cast.rows.rows(table).items():
            shown = "  ".join(f"{name}={row[name]}" for name in names if row.get(name))
            grid.add_row(
                Text(table.database.value, style="dim"), Text(f"{table.name} {key}"), Text(shown, style="cyan")
            )
    return grid
