"""Failovers of very many ENI scopes with real daemons: from the failure's row to the last role and the last entry.

Times are those of the Redis servers (``tap``). The processor time of the daemons is beside them, because what else the
machine does lengthens the one and hardly the other.

Source: issue of scale; ha-set 4.2.
"""

import time
from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from models.tables import DASH_HA_SCOPE_TABLE, DPU_STATE
from runner.bench.curve import Curve, Point
from runner.bench.distribution import Distribution
from runner.bench.many_scopes import DEADLINE_S, ManyScopes
from runner.bench.process_figures import processor_s, resident
from runner.bench.rig import servers
from runner.bench.tap import Command, Tap

IDLE_S = 10.0
LOOK_EVERY_S = 0.1


@frozen
class Figures:
    """What was measured of one pair, in milliseconds unless said otherwise."""

    launch_s: float
    last_role: float
    last_entry: float
    processor: float
    """Processor time of both daemons for the failover."""

    idle_percent: float
    """Of a core, of the busier daemon."""

    restart_s: float
    """From the start of the process that serves until it is ready: until all scopes are resumed."""

    resident_mib: float


def scope_failovers(sizes: Iterable[int], runs: int) -> list[Curve]:
    """Measure pairs of so many scopes, each anew. Raises TimeoutError when one does not get where it should."""
    found: dict[int, list[Figures]] = {scopes: [measured(scopes) for _ in range(runs)] for scopes in sizes}

    def curve(name: str, unit: str, field_name: str) -> Curve:
        points = [
            Point(scopes, Distribution.of(getattr(each, field_name) for each in figures))
            for scopes, figures in found.items()
        ]
        return Curve(name, unit, points)

    return [
        curve("failure to last role", "ms", "last_role"),
        curve("failure to last entry of both switches", "ms", "last_entry"),
        curve("processor time of both daemons", "ms", "processor"),
        curve("launch, configuration to last pair", "s", "launch_s"),
        curve("restart until ready", "s", "restart_s"),
        curve("idle daemon", "% of a core", "idle_percent"),
        curve("resident memory", "MiB", "resident_mib"),
    ]


def measured(scopes: int) -> Figures:
    """Launch, rest, failover and restart of one pair."""
    with ManyScopes(scopes) as pair:
        pair.prepare()
        launch_s = pair.launch()
        time.sleep(2.0)
        idle = _idle_percent(pair)
        memory = max(resident(number) for number in _processes(pair))
        before = sum(map(processor_s, _processes(pair)))
        with Tap(servers(pair)) as tap:
            pair.fail()
            heard = _until_over(pair, tap)
        spent = sum(map(processor_s, _processes(pair))) - before
        began = min(c.at_s for c in heard if c.key.startswith(DPU_STATE.name) and c.sets("dpu_midplane_link_state"))
        role, entry = _last_role(pair, heard), _last_entry(pair, heard)
        second = pair[pair.pair[1]]
        second.hamgrd.stop()
        started = time.monotonic()
        second.hamgrd.start(DEADLINE_S)
        restart_s = time.monotonic() - started
    return Figures(
        launch_s, 1000 * (role - began), 1000 * (entry - began), 1000 * spent, idle, restart_s, memory / (1 << 20)
    )


def _processes(pair: ManyScopes) -> Sequence[int]:
    return [daemon.pid for name in pair.pair if (daemon := pair[name].hamgrd.process) is not None]


def _idle_percent(pair: ManyScopes) -> float:
    before = [processor_s(number) for number in _processes(pair)]
    time.sleep(IDLE_S)
    return max(100 * (processor_s(number) - was) / IDLE_S for number, was in zip(_processes(pair), before, strict=True))


def _until_over(pair: ManyScopes, tap: Tap) -> list[Command]:
    """What the servers did until every scope serves on the second side and both switches forward there."""
    heard: list[Command] = []
    deadline = time.monotonic() + DEADLINE_S
    while True:
        time.sleep(LOOK_EVERY_S)
        heard += tap.read()
        roles, entries = _roles(pair, heard), _entries(pair, heard)
        if len(roles) == len(pair.scope_ids) and all(len(each) == len(pair.scope_ids) for each in entries.values()):
            return heard
        if time.monotonic() > deadline:
            reached = {name: len(each) for name, each in entries.items()}
            raise TimeoutError(f"after {DEADLINE_S} s {len(roles)} roles and {reached} entries were written")


def _roles(pair: ManyScopes, heard: Iterable[Command]) -> dict[str, float]:
    """When the second DPU was first told to serve, by the key of the row."""
    where = (pair.pair[1], "dpu")
    found: dict[str, float] = {}
    for command in heard:
        told = command.where == where and command.key.startswith(DASH_HA_SCOPE_TABLE.name)
        if told and command.sets("ha_role") == "standalone":
            found.setdefault(command.key, command.at_s)
    return found


def _entries(pair: ManyScopes, heard: Iterable[Command]) -> Mapping[str, dict[str, float]]:
    """When each switch was first told to forward an ENI to the second side, by the key of the entry."""
    found: dict[str, dict[str, float]] = {name: {} for name in pair.pair}
    target = pair.sides[pair.pair[1]].vdpu_id
    for command in heard:
        name, kind = command.where
        if kind == "host" and "DASH_ENI_FORWARD_TABLE_KEY_SET" in command.words and "primary_vdpu" in command.words:
            words = command.words
            if words[words.index("primary_vdpu") + 1] == target:
                key = next(word for word in words if word.startswith("_DASH_ENI_FORWARD_TABLE"))
                found[name].setdefault(key, command.at_s)
    return found


def _last_role(pair: ManyScopes, heard: Sequence[Command]) -> float:
    return max(_roles(pair, heard).values())


def _last_entry(pair: ManyScopes, heard: Sequence[Command]) -> float:
    return max(at_s for entries in _entries(pair, heard).values() for at_s in entries.values())
