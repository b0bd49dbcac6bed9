"""The report of ``hamgr bench failover``: what is run in which order, and which figures are made of it.

Source: the figures that issue 4 of the project asks for.
"""

import os
import platform
import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from runner.bench.distribution import Distribution
from runner.bench.failover import FIRST_ROW, KINDS, PLANES_DOWN, STAGES, Kind, failovers, unheard_failovers
from runner.bench.milestones import BEGIN, Stage, since
from runner.bench.process_figures import memory, processor_s
from runner.bench.redis_figures import SAMPLES, redis_section
from runner.bench.report import Figure, Report, Section
from runner.bench.rig import measured_pair
from runner.bench.runs import Reached, Runs
from runner.bench.switchover import ACKNOWLEDGED, switchovers
from runner.bench.switchover import STAGES as SWITCHOVER_STAGES
from runner.demo.pair import Pair

IDLE_S = 30.0
UNHEARD_SHARE = 4
"""One run without anybody listening for so many runs with."""

MIB = 1024 * 1024

LAST_ROUTE = "route on the failed side's switch"

FAILOVER_FIGURES = (
    "role written",
    "route on the survivor's switch",
    LAST_ROUTE,
    FIRST_ROW,
    "survivor: state row",
    "survivor: state row with the acknowledged role",
    "failed side: last state row",
)

T = TypeVar("T")
Follow = Callable[[Iterable[T], str, int], Iterable[T]]
"""Shows whoever waits how far a series of runs is: the runs, what they are, and how many there will be."""


def failover_report(count: int, idle_s: float, seed: int, follow: Follow[Reached]) -> Report:
    """Measure everything on a pair of its own; ``count`` runs of each kind."""
    sections = []
    load = os.getloadavg()[0]
    with measured_pair() as pair:
        runs = Runs(pair, random.Random(seed))
        idle = idle_section(pair, idle_s)
        for kind in KINDS.values():
            runs.commands.clear()
            reached = list(follow(failovers(runs, kind, count), kind.name, count))
            sections += [failover_section(kind, reached), stage_section(kind.name, STAGES, reached)]
            if kind is PLANES_DOWN:
                alone = list(unheard_failovers(runs, kind, max(2, count // UNHEARD_SHARE)))
                method = method_section(reached, alone, runs.commands)
        reached = list(follow(switchovers(runs, count), "switchover", count))
        sections += [switchover_section(reached), stage_section("switchover", SWITCHOVER_STAGES, reached)]
        sections += [idle, memory_section(pair), method]
        sections.append(redis_section(pair[pair.pair[0]].host, max(100, min(SAMPLES, 20 * count))))
    return Report(machine(load, os.getloadavg()[0]), sections)


def machine(before: float, after: float) -> dict[str, str]:
    """Where this was measured, and how busy it was with this and everything else."""
    return {
        "machine": f"{os.cpu_count()} processors {platform.machine()}, {platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "load average": f"{before:.1f} at the beginning, {after:.1f} at the end",
        "measured": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def failover_section(kind: Kind, reached: Sequence[Reached]) -> Section:
    """From the failure until everything that has to be written is written."""
    figures = [_until(name, reached) for name in FAILOVER_FIGURES]
    own = [sum(stage.took_ms(run) for stage in STAGES if stage.dpu) for run in reached]
    net = _less([since(run, BEGIN, LAST_ROUTE) for run in reached], own)
    figures.insert(3, Figure("both routes, without the DPU's own delay", "ms", Distribution.of(net)))
    return Section(f"Failover, counted from the moment that {kind.says}", figures)


def switchover_section(reached: Sequence[Reached]) -> Section:
    """From the approval until both roles are acknowledged, with and without what the DPUs take."""
    dpus = [stage for stage in SWITCHOVER_STAGES if stage.dpu]
    own = [sum(stage.took_ms(run) for stage in dpus) for run in reached]
    total = [since(run, BEGIN, ACKNOWLEDGED) for run in reached]
    names = ["route on the new side's switch", "route on the old side's switch"]
    names += ["both state rows show it: new side", "both state rows show it: old side"]
    figures = [
        Figure(f"{ACKNOWLEDGED}, without the DPUs' own delay", "ms", Distribution.of(_less(total, own))),
        Figure("the DPUs' own delay, three roles", "ms", Distribution.of(own)),
        _until(ACKNOWLEDGED, reached),
        *(_until(name, reached) for name in names),
    ]
    return Section("Planned switchover, counted from the approval (DASH_HA_SCOPE_CONFIG_TABLE)", figures)


def stage_section(title: str, stages: Sequence[Stage], reached: Sequence[Reached]) -> Section:
    """Where the time goes, one stage after the other."""
    figures = [Figure(stage.name, "ms", Distribution.of(stage.took_ms(run) for run in reached)) for stage in stages]
    return Section(f"Where the time goes: {title}", figures)


def method_section(heard: Sequence[Reached], unheard: Sequence[float], commands: Sequence[int]) -> Section:
    """The same with and without listening to the servers, and what there is to hear."""
    acknowledged = [since(run, BEGIN, "role acknowledged") for run in heard]
    figures = (
        Figure("role acknowledged while MONITOR listens, by the servers' stamps", "ms", Distribution.of(acknowledged)),
        Figure("role taken with nobody listening, by the DPU's word", "ms", Distribution.of(unheard)),
        Figure("commands of the four servers in one failover", "", Distribution.of(commands)),
    )
    return Section("What the method costs (planes)", figures)


def idle_section(pair: Pair, idle_s: float) -> Section:
    """Processor time of both hamgrd while nothing happens."""
    ids = {name: _process_id(pair, name) for name in pair.pair}
    before, began_s = {name: processor_s(id_) for name, id_ in ids.items()}, time.monotonic()
    time.sleep(idle_s)
    took_s = time.monotonic() - began_s
    used = {name: 100 * (processor_s(id_) - before[name]) / took_s for name, id_ in ids.items()}
    figures = [Figure(f"hamgrd of {name}", "% of one processor", value) for name, value in used.items()]
    figures.append(Figure("the pair", "% of one processor", sum(used.values())))
    return Section(f"Idle for {idle_s:.0f} s", figures)


def memory_section(pair: Pair) -> Section:
    """Memory of both hamgrd after everything else was measured."""
    figures = []
    for name in pair.pair:
        has = memory(_process_id(pair, name))
        figures.append(Figure(f"hamgrd of {name}: RSS", "MiB", has.rss / MIB))
        figures.append(Figure(f"hamgrd of {name}: PSS", "MiB", has.pss / MIB))
    return Section("Memory after all runs", figures)


def _process_id(pair: Pair, name: str) -> int:
    process = pair[name].hamgrd.process
    assert process is not None
    return process.pid


def _until(name: str, reached: Sequence[Reached]) -> Figure:
    return Figure(name, "ms", Distribution.of(since(run, BEGIN, name) for run in reached))


def _less(total: Sequence[float], part: Sequence[float]) -> list[float]:
    return [whole - own for whole, own in zip(total, part, strict=True)]
