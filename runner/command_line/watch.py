"""``hamgr watch``: the HA scopes of one switch or of a pair of switches, live.

On a terminal a frame that is drawn anew at every look; elsewhere a line for each change. A database that does not
answer is said so and tried again. Exit codes: 0 ended with Ctrl-C or a signal, 2 the configuration cannot be used.

Source: architecture "Command lines".
"""

import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from types import FrameType
from typing import Annotated, NoReturn

import typer
from attrs import frozen
from redis import RedisError
from rich.console import Console
from rich.live import Live

from models.tables import DASH_HA_SCOPE_STATE, DASH_HA_SET_STATE
from runner.command_line.show import WIDTH_WITHOUT_TERMINAL
from runner.command_line.watched_switches import DbConfigs, GlobalDbConfigs, Names, SwitchesMisused, open_switches
from runner.redis_rows import RedisRows
from runner.watch.frame import change_line, frame, looks_lost
from runner.watch.sight import Look, Sight

ENDED, MISUSED = 0, 2


@frozen
class Watched:
    """A switch that is looked at, under the name that it is shown by."""

    name: str
    databases: RedisRows

    def look(self) -> Look:
        """What it publishes now."""
        try:
            return Look(self.name, self.databases.rows(DASH_HA_SCOPE_STATE), self.databases.rows(DASH_HA_SET_STATE))
        except RedisError as error:
            return Look(self.name, lost=f"no answer from Redis: {error}")


def watch(
    db_config: DbConfigs = None,
    global_db_config: GlobalDbConfigs = None,
    name: Names = None,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 0.5,
    once: Annotated[bool, typer.Option("--once", help="Look once, show it, and end.")] = False,
) -> None:
    """Watch the HA scopes of one switch or of a pair, live."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH_WITHOUT_TERMINAL)
    with ExitStack() as stack:
        try:
            opened = open_switches(db_config, global_db_config, name)
        except SwitchesMisused as error:
            _misuse(str(error))
        switches = [Watched(called, databases) for called, databases in opened]
        for each in switches:
            stack.callback(each.databases.close)
        try:
            if once:
                sight = Sight()
                sight.look([each.look() for each in switches])
                console.print(frame(sight, _now_ms(), console.width))
            elif console.is_terminal and not console.is_dumb_terminal:
                _live(switches, console, interval)
            else:
                _lines(switches, console, interval)
        except KeyboardInterrupt:
            raise typer.Exit(ENDED) from None


def _live(switches: Sequence[Watched], console: Console, interval_s: float) -> None:
    sight = Sight()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            sight.look([each.look() for each in switches])
            live.update(frame(sight, _now_ms(), console.width, console.height), refresh=True)
            time.sleep(interval_s)


def _lines(switches: Sequence[Watched], console: Console, interval_s: float) -> None:
    sight, lost = Sight(), {each.name: False for each in switches}
    while True:
        for change in sight.look([each.look() for each in switches]):
            console.print(change_line(change), markup=False, highlight=False, soft_wrap=True)
        gone = {look.switch: look.lost for look in looks_lost(sight.looks)}
        for switch, was_lost in lost.items():
            if was_lost != (switch in gone):
                text = gone.get(switch, "answers again")
                console.print(f"{switch}: {text}", markup=False, highlight=False, soft_wrap=True)
            lost[switch] = switch in gone
        time.sleep(interval_s)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _misuse(what: str) -> NoReturn:
    typer.echo(f"hamgr watch: {what}", err=True)
    raise typer.Exit(MISUSED)
