"""``hamgr demo``: the whole job on this machine, with real processes.

It starts a pair of switches, has the life of the pair played in one mode after the other and says how it ended: exit
code 0 only if everything expected was seen.

Source: architecture "Command lines".
"""

import json
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from types import FrameType
from typing import Annotated, NoReturn

import typer
from attrs import define
from rich.console import Console

from hamgr_fsm.vocabulary import HaOwner
from runner.demo.cast import Cast
from runner.demo.configuration import HOST_DATABASES
from runner.demo.looking_around import KeptSwitch, commands
from runner.demo.pair import Pair
from runner.demo.play import LOOK_EVERY_S, Outcome, Screen, play
from runner.demo.screen import JsonLines, Lines, OnTerminal
from runner.demo.step import Step
from runner.demo.story import STORIES, TIMERS, Story
from runner.demo.timeline import Moment
from runner.lab.sides import SET_ID
from runner.private_redis import ServerStartError

CHASSIS = HOST_DATABASES["CHASSIS_STATE_DB"][0]
"""The number of the database with the health of the DPUs."""

PACE_MS = 200
"""Slow enough to be followed, fast enough for both lives to be over in a minute."""


class Mode(StrEnum):
    """Who drives the pair that is played."""

    SWITCH = "switch"
    DPU = "dpu"
    BOTH = "both"

    @property
    def stories(self) -> Sequence[Story]:
        """The lives that are played, in their order."""
        return [story for story in STORIES if self is Mode.BOTH or story.owner.value == self.value]


def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Tell everything as JSON lines.")] = False,
    mode: Annotated[Mode, typer.Option(help="Who drives: the DPUs, the switches, or one after the other.")] = Mode.BOTH,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the healthy pair running until Ctrl-C, then go on to the end.")
    ] = False,
    pace_ms: Annotated[int, typer.Option(min=10, help="How long a simulated DPU takes for one step.")] = PACE_MS,
) -> None:
    """Play the life of a pair of switches: Redis, hamgrd, simulated DPUs and controller as real processes."""
    # A service manager's TERM must not leave children behind either, and a shell's background job is born deaf to INT.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _interrupt)
    console = Console()
    began_s = time.monotonic()
    try:
        with Pair(HaOwner.DPU, timers=TIMERS, pace_ms=pace_ms) as pair:
            seen = _play(pair, _Leavable(_screen(console, as_json, mode)), mode, keep)
            _conclude(seen, time.monotonic() - began_s, as_json, console)
            for name, switch in pair.switches.items() if not seen else ():
                typer.echo(f"the last lines of hamgrd of switch {name}:\n{switch.hamgrd.last_words()}", err=True)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except (TimeoutError, ChildProcessError, ServerStartError, FileNotFoundError) as error:
        typer.echo(f"hamgr demo: {error}", err=True)
        raise typer.Exit(1) from error
    raise typer.Exit(0 if seen else 1)


def _screen(console: Console, as_json: bool, mode: Mode) -> Screen:
    if as_json:
        return JsonLines()
    steps = sum(len(story.steps) for story in mode.stories)
    if not console.is_terminal or console.is_dumb_terminal:
        return Lines(console, steps)
    return OnTerminal(console, steps)


def _play(pair: Pair, screen: Screen, mode: Mode, keep: bool) -> bool:
    cast = Cast(pair)
    return all(_play_story(cast, story, first, screen, keep) for story, first in _numbered(mode.stories))


def _numbered(stories: Sequence[Story]) -> Iterator[tuple[Story, int]]:
    """Each story with the number of its first step."""
    first = 1
    for story in stories:
        yield story, first
        first += len(story.steps)


def _play_story(cast: Cast, story: Story, first: int, screen: Screen, keep: bool) -> bool:
    cast.pair.reset(story.owner)
    seen = play(cast, story.life, screen, first)
    if keep and seen:
        _keep(cast.pair)
    return seen and play(cast, story.leave, screen, first + len(story.life))


def _keep(pair: Pair) -> None:
    kept = (
        KeptSwitch(name, f"{pair.sides[name].vdpu_id}:{SET_ID}", switch.files, (switch.host.socket_path, CHASSIS))
        for name, switch in pair.switches.items()
    )
    try:
        typer.echo("running until Ctrl-C; in another terminal, look at", err=True)
        for line in commands(shlex.quote(sys.argv[0]), kept):
            typer.echo(line, err=True)
        while True:
            time.sleep(LOOK_EVERY_S)
    except KeyboardInterrupt:
        _leaving.clear()
        typer.echo("going on to the end", err=True)


def _conclude(seen: bool, took_s: float, as_json: bool, console: Console) -> None:
    if as_json:
        typer.echo(json.dumps({"event": "end", "all_seen": seen, "took_s": round(took_s, 3)}))
        return
    verdict = "everything expected was seen" if seen else "something expected was not seen"
    console.print(f"{verdict}, {took_s:.1f} s", highlight=False)


_leaving: list[int] = []
"""The exit code, once the demonstration has been told to end."""


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    _leaving.append(143)
    sys.exit(143)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    _leaving.append(130)
    raise KeyboardInterrupt


@define
class _Leavable:
    """A screen that ends the play when it was told to end and the exception was lost.

    An exception of a signal handler is dropped where Python cannot raise, such as in a destructor that runs just then.
    """

    _screen: Screen

    def showing(self) -> AbstractContextManager[object]:
        """To be entered while steps are played."""
        return self._screen.showing()

    def begin(self, number: int, step: Step) -> None:
        """A step begins."""
        self._screen.begin(number, step)

    def saw(self, outcome: Outcome) -> None:
        """An expectation was met, or its time is over."""
        self._screen.saw(outcome)

    def passed(self, moments: Sequence[Moment]) -> None:
        """These moments have passed; now it may be time to go."""
        if _leaving:
            sys.exit(_leaving[0])
        self._screen.passed(moments)

    def end(self, step: Step, error: str | None, took_s: float) -> None:
        """The step is over."""
        self._screen.end(step, error, took_s)
