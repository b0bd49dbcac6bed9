"""Three ways to follow the demonstration: live on a terminal, as lines, and as JSON lines for programs.

They show the same: each step, what was expected of it and when it was seen, at a failure what was there instead, and
beside it the timeline of the pair: states, roles, terms, and who carries the traffic.
"""

import json
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

import attrs
from attrs import define, field
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from runner.demo.play import Outcome, Screen
from runner.demo.step import Step
from runner.demo.timeline import Moment, SideView

MOMENTS_SHOWN = 12
"""How many moments of the timeline are on the terminal at a time."""

STYLES = {"active": "bold green", "standby": "cyan", "standalone": "bold yellow", "dead": "dim"}


@define
class Lines(Screen):
    """One line for everything that happens: fit for a pipe, a log and a dumb terminal."""

    console: Console
    steps: int
    began_s: float = field(factory=time.time)

    def showing(self) -> AbstractContextManager[object]:
        return nullcontext()

    def begin(self, number: int, step: Step) -> None:
        self._print(f"[{number:2}/{self.steps}] {step.title}  ({step.ref})")

    def saw(self, outcome: Outcome) -> None:
        mark = "ok  " if outcome.sighting.met else "FAIL"
        self._print(f"        {mark} {outcome.after_s:6.2f} s  {outcome.expectation.says}")
        if not outcome.sighting.met:
            self._print(f"             found: {outcome.sighting.found}")

    def passed(self, moments: Sequence[Moment]) -> None:
        for moment in moments:
            sides = "  |  ".join(f"{name} {_told(view)}" for name, view in sorted(moment.sides.items()))
            self._print(f"        {moment.at_s - self.began_s:8.2f}    {sides}")

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

    def passed(self, moments: Sequence[Moment]) -> None:
        for moment in moments:
            sides = {name: attrs.asdict(view) for name, view in moment.sides.items()}
            self._tell(event="moment", at_s=moment.at_s, sides=sides)

    def end(self, step: Step, error: str | None, took_s: float) -> None:
        self._tell(event="step_end", title=step.title, error=error, took_s=round(took_s, 3))

    def _tell(self, **event: object) -> None:
        print(json.dumps({"step": self.number, **event}), flush=True)


@define
class OnTerminal(Screen):
    """Steps that are over stay on the terminal, what they showed included; below them the present one moves.

    Under it is the timeline, one column for each side.
    """

    console: Console
    steps: int
    live: Live = field(init=False)
    heading: Text = field(factory=Text)
    outcomes: list[Outcome] = field(factory=list)
    moments: list[Moment] = field(factory=list)

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
        self.outcomes = [*self.outcomes, outcome]

    def passed(self, moments: Sequence[Moment]) -> None:
        self.moments = [*self.moments, *moments][-MOMENTS_SHOWN:]

    def end(self, step: Step, error: str | None, took_s: float) -> None:
        lines = self._lines()
        if error is not None:
            lines.append(_line("FAIL", "red", took_s, error))
        self.live.console.print(Group(*lines))
        self.heading, self.outcomes = Text(), []

    def _present(self) -> Group:
        waiting = [Text("        ...", style="yellow")] if self.heading else []
        return Group(*self._lines(), *waiting, Panel(_timeline(self.moments), title="timeline", title_align="left"))

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


def _timeline(moments: Sequence[Moment]) -> Grid:
    names = sorted({name for moment in moments for name in moment.sides})
    grid = Grid(*("time", *(f"switch {name}" for name in names)), box=None, padding=(0, 2), header_style="bold")
    for moment in moments:
        at = datetime.fromtimestamp(moment.at_s).strftime("%H:%M:%S.%f")[:-3]
        views = [moment.sides.get(name, SideView()) for name in names]
        grid.add_row(Text(at, style="dim"), *(Text(_told(view), STYLES.get(view.state, "")) for view in views))
    return grid


def _told(view: SideView) -> str:
    """State, acknowledged role and term; what is asked for; where the traffic goes."""
    who = f"{view.state or '-'}/{view.role or '-'}" + (f" term {view.term}" if view.term else "")
    return who + (f" asks {view.asks}" if view.asks else "") + (f" traffic to {view.sends_to}" if view.sends_to else "")
