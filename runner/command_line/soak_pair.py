"""``hamgr soak-pair``: one pair of real processes, many planned switchovers in a row, and random kills.

Exit codes: 0 the pair was intact after every step and memory is flat, 1 it was not, or could not be started.

Source: the soak that issue 4 of the project asks for.
"""

import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from attrs import asdict

from runner.bench.distribution import Distribution
from runner.demo.pair import Pair
from runner.private_redis import ServerStartError
from runner.soak.growth import KIB, Growth
from runner.soak.soak import Soak, StepResult, plain, troubles

FLAT = 32 * KIB
"""Memory that rises by less than this with each switchover is flat: the allocator moves by more from day to day."""

ENOUGH_SAMPLES = 60
"""Fewer samples tell nothing about growth."""

TELL_EVERY = 25


def soak_pair(
    switchovers: Annotated[int, typer.Option(min=1, help="How many planned switchovers.")] = 1000,
    seed: Annotated[int, typer.Option(help="Draws what happens meanwhile.")] = 1,
    kills: Annotated[
        bool, typer.Option("--kills", help="Kill and pause hamgrd, Redis, DPUs and links at random moments.")
    ] = False,
    first: Annotated[int, typer.Option(min=1, help="The step to begin with: a step can be repeated alone.")] = 1,
    journals: Annotated[
        bool, typer.Option("--journals", help="Have both hamgrd record journals; kept, like the logs, on failure.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each step and one at the end.")
    ] = False,
) -> None:
    """Switch a pair over again and again, break what it stands on meanwhile, and look that it is intact each time."""
    # A service manager's TERM must not leave children behind.
    signal.signal(signal.SIGTERM, _leave)
    began_s = time.monotonic()
    kept = Path(tempfile.mkdtemp(prefix="hamgr-soak-"))
    kept.rmdir()
    try:
        with Pair() as pair:
            if journals:
                _record(pair)
            pair.p()
            soak = Soak(pair, seed, kills, kept)
            for result in soak.run(first, switchovers):
                _tell(result, as_json)
            good = _conclude(soak, switchovers, time.monotonic() - began_s, as_json)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except (TimeoutError, ChildProcessError, ServerStartError, FileNotFoundError) as error:
        typer.echo(f"hamgr soak-pair: {error}", err=True)
        raise typer.Exit(1) from error
    raise typer.Exit(0 if good else 1)


def _record(pair: Pair) -> None:
    for name, switch in pair.switches.items():
        pair.stop(name)
        switch.hamgrd.command += ["--journal", str(switch.hamgrd.log.with_name("journal.jsonl"))]
        pair.start(name)


def _tell(result: StepResult, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(plain(result)))
    elif result.wrong or result.plan.number % TELL_EVERY == 0:
        typer.echo(f"{result.plan} ({result.took_s:.2f} s)")
    for wrong in result.wrong if not as_json else ():
        typer.echo(f"  {wrong}")


def _conclude(soak: Soak, wanted: int, took_s: float, as_json: bool) -> bool:
    wrong = [result for result in soak.results if result.wrong]
    growing = [name for name, growth in soak.growth.items() if not flat(growth)]
    good = not wrong and not growing and len(soak.results) == wanted
    times = Distribution.of(result.took_s for result in soak.results)
    if as_json:
        summary = {
            "event": "end",
            "good": good,
            "seed": soak.seed,
            "switchovers": len(soak.results),
            "took_s": round(took_s, 1),
            "step_s": asdict(times),
            "troubles": troubles(soak.results),
            "memory": {name: asdict(growth) for name, growth in soak.growth.items()},
            "logs": str(soak.keep_logs_in) if wrong else None,
        }
        typer.echo(json.dumps(summary))
        return good
    typer.echo(f"{len(soak.results)} switchovers, {len(wrong)} wrong, {took_s:.0f} s; seed {soak.seed}")
    typer.echo(f"until intact: median {times.median:.2f} s, p99 {times.p99:.2f} s, max {times.greatest:.2f} s")
    for trouble, count in sorted(troubles(soak.results).items()):
        typer.echo(f"{trouble}: {count}")
    for name, growth in soak.growth.items():
        typer.echo(f"memory of hamgrd of {name}: {_in_words(growth)}{' and is not flat' if name in growing else ''}")
    if wrong:
        number = wrong[-1].plan.number
        again = f"hamgr soak-pair --seed {soak.seed} --first {number} --switchovers 1{' --kills' if soak.kills else ''}"
        typer.echo(f"logs are kept in {soak.keep_logs_in}; again: {again} --journals")
    return good


def flat(growth: Growth) -> bool:
    """Memory does not rise, as far as the samples tell."""
    return growth.per_switchover is None or growth.watched < ENOUGH_SAMPLES or growth.per_switchover < FLAT


def _in_words(growth: Growth) -> str:
    rises = (
        "too short to tell" if growth.per_switchover is None else f"{growth.per_switchover / KIB:+.2f} KiB/switchover"
    )
    lives = f"{growth.lives} lives, the longest of {growth.longest} switchovers"
    return f"at most {growth.greatest / KIB / KIB:.1f} MiB, {rises} ({growth.watched} samples), {lives}"


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(143)
