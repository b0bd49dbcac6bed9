"""Three ways to follow the demonstration: live on a terminal, as lines, and as JSON lines for programs.

They show the same: each step, what was expected of it and when it was seen, and at a failure what was there instead.
"""

import json
from collections.abc import Sequence

from attrs import define, field
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
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
    """The list of steps with the present one unfolded, and below it the rows as they are now."""

    console: Console
    all_steps: Sequence[Step]
    live: Live = field(init=False)
    number: int = 0
    outcomes: list[Outcome] = field(factory=list)
    took_s: list[float] = field(factory=list)
    error: str | None = None
    rows: Grid = field(factory=Grid)

    def __attrs_post_init__(self) -> None:
        self.live = Live(console=self.console, refresh_per_second=10, get_renderable=self._picture)

    def begin(self, number: int, step: Step) -> None:
        self.number, self.outcomes = number, []

    def saw(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def look(self, cast: Cast) -> None:
        self.rows = _rows(cast)

    def end(self, step: Step, error: str | None, took_s: float) -> None:
        self.took_s.append(took_s)
        self.error = error

    def _picture(self) -> Group:
        return Group(self._steps(), Panel(self.rows, title="rows now", title_align="left"))

    def _steps(self) -> Grid:
        grid = Grid.grid(padding=(0, 1))
        for number, step in enumerate(self.all_steps, 1):
            done = number <= len(self.took_s)
            failed = number == self.number and self._failed
            mark = "[red]FAIL" if failed else "[green]ok" if done else "[yellow]..." if number == self.number else ""
            grid.add_row(
                mark, f"{self.took_s[number - 1]:5.1f} s" if done else "", escape(step.title), f"[dim]{step.ref}"
            )
            if number == self.number and (not done or failed or number == len(self.all_steps)):
                self._unfold(grid)
        return grid

    @property
    def _failed(self) -> bool:
        return self.error is not None or any(not outcome.sighting.met for outcome in self.outcomes)

    def _unfold(self, grid: Grid) -> None:
        for outcome in self.outcomes:
            style = "green" if outcome.sighting.met else "red"
            grid.add_row("", f"{outcome.after_s:5.1f} s", Text(f"  {outcome.expectation.says}", style=style))
            if not outcome.sighting.met:
                grid.add_row("", "", Text(f"  found: {outcome.sighting.found}", style="red"))
        if self.error is not None:
            grid.add_row("", "", Text(f"  {self.error}", style="red"))


def _rows(cast: Cast) -> Grid:
    grid = Grid.grid(padding=(0, 2))
    for table, names in SHOWN_ROWS:
        for key, row in cast.rows.rows(table).items():
            shown = "  ".join(f"{name}={row[name]}" for name in names if row.get(name))
            grid.add_row(
                Text(table.database.value, style="dim"), Text(f"{table.name} {key}"), Text(shown, style="cyan")
            )
    return grid
