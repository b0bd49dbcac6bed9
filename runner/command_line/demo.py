"""``hamgr demo``: the whole job on this machine, with real processes.

It sets the stage, has the story played on it and says how it ended: exit code 0 only if everything expected was seen.

Source: architecture "Command lines".
"""

import json
import signal
import sys
import time
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from runner.demo.cast import Cast
from runner.demo.play import LOOK_EVERY_S, Screen, play
from runner.demo.screen import JsonLines, Lines, OnTerminal
from runner.demo.stage import Stage
from runner.demo.story import LEAVE, LIFE, STORY
from runner.private_redis import ServerStartError

PACE_MS = 300
"""Slow enough to be followed, fast enough to be over in a quarter of a minute."""


def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Tell everything as JSON lines.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the active scope running until Ctrl-C, then go on to the end.")
    ] = False,
    pace_ms: Annotated[int, typer.Option(min=10, help="How long the simulated DPU takes for one step.")] = PACE_MS,
) -> None:
    """Play the life of an HA scope: Redis, hamgrd, a simulated DPU and a simulated controller as real processes."""
    # A service manager's TERM must not leave children behind either, and a shell's background job is born deaf to INT.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    console = Console()
    began_s = time.monotonic()
    try:
        with Stage(pace_ms) as stage:
            seen = _play(stage, _screen(console, as_json), keep)
            _conclude(seen, time.monotonic() - began_s, as_json, console)
            if not seen and stage.hamgrd is not None:
                typer.echo(f"the last lines of hamgrd:\n{stage.hamgrd.last_words()}", err=True)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except (TimeoutError, ChildProcessError, ServerStartError, FileNotFoundError) as error:
        typer.echo(f"hamgr demo: {error}", err=True)
        raise typer.Exit(1) from error
    raise typer.Exit(0 if seen else 1)


def _screen(console: Console, as_json: bool) -> Screen:
    if as_json:
        return JsonLines()
    if not console.is_terminal or console.is_dumb_terminal:
        return Lines(console, len(STORY))
    return OnTerminal(console, len(STORY))


def _play(stage: Stage, screen: Screen, keep: bool) -> bool:
    cast = stage.open()
    seen = play(cast, LIFE, screen)
    if keep:
        _keep(cast, stage)
    return seen and play(cast, LEAVE, screen, first=len(LIFE) + 1)


def _keep(cast: Cast, stage: Stage) -> None:
    main_file, global_file = stage.database_files
    options = f"--db-config {main_file} --global-db-config {global_file}"
    typer.echo(f"running until Ctrl-C; look around with: hamgr show ha scope {options}", err=True)
    try:
        while True:
            cast.npu.consume()
            time.sleep(LOOK_EVERY_S)
    except KeyboardInterrupt:
        typer.echo("going on to the end", err=True)


def _conclude(seen: bool, took_s: float, as_json: bool, console: Console) -> None:
    if as_json:
        typer.echo(json.dumps({"event": "end", "all_seen": seen, "took_s": round(took_s, 3)}))
        return
    verdict = "everything expected was seen" if seen else "something expected was not seen"
    console.print(f"{verdict}, {took_s:.1f} s", highlight=False)


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(143)
