"""What a node costs with N scopes of kind ``eni`` in one HA set: inputs, a launch, a failover, a restart, memory.

Measured is the processor time of the thread that steps the nodes: what else the machine does, it does in its own time.
Two nodes are wired in memory (``wired_nodes``), so that every scope lives as it would in a pair. No Redis, no bus.

Source: issue of scale; architecture "The node".
"""

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count

from hamgr_fsm.vocabulary import HaState
from models import tables
from models.database import Database
from runner.bench.curve import Curve, Point
from runner.bench.distribution import Distribution
from runner.bench.wired_nodes import DOWN, UP, End, WiredNodes
from runner.inputs import Burst, Input, MessageArrived, RowSet, Single, TimerFired
from runner.node import Node
from runner.outputs import Output, TransitionTaken

REPEATED = 400
KIB = 1024

Sizes = Iterable[int]


def launched(scopes: int) -> WiredNodes:
    """A pair whose scopes are all Active on the first side and Standby on the second."""
    pair = WiredNodes(scopes)
    pair.launch()
    return pair


class MovesOrNot:
    """The time of every input, apart by whether it made a machine of a scope move; in microseconds."""

    def __init__(self) -> None:
        self.moved: list[float] = []
        self.stayed: list[float] = []

    def __call__(self, node: Node, happened: Input, outputs: Sequence[Output], took_ns: int) -> None:
        moved = any(isinstance(each, TransitionTaken) and each.source != each.target for each in outputs)
        (self.moved if moved else self.stayed).append(took_ns / 1000)


def step_costs(sizes: Sizes) -> list[Curve]:
    """The cost of one input by kind: those that change nothing, and those of a whole launch that move a scope."""
    points: dict[str, list[Point]] = {}
    for scopes in sizes:
        pair = WiredNodes(scopes)
        pair.observer = watching = MovesOrNot()
        pair.launch()
        points.setdefault("with a transition", []).append(Point(scopes, Distribution.of(watching.moved)))
        for kind, happened in _quiet_inputs(pair):
            points.setdefault(kind, []).append(Point(scopes, _repeated(pair.ends[0], happened, pair.now_ms)))
    return [Curve(kind, "µs", each) for kind, each in points.items()]


def _quiet_inputs(pair: WiredNodes) -> list[tuple[str, Single]]:
    """Inputs that move nothing, for a scope in the middle."""
    end, scope_id = pair.ends[0], pair.scope_ids[pair.scopes // 2]
    key = f"{end.side.vdpu_id}:{scope_id}"
    heard: dict[str, MessageArrived] = {}

    def hear(node: Node, happened: Input, outputs: Sequence[Output], took_ns: int) -> None:
        if node is end.node and isinstance(happened, MessageArrived) and happened.to.endswith(key):
            heard[happened.payload[8:].partition("|")[0]] = happened

    pair.observer = hear
    pair.let_pass(61)
    pair.observer = None
    rows = end.heard
    return [
        ("the DPU's row again", rows[Database.DPU_STATE_DB, tables.DASH_HA_SCOPE_STATE_TABLE.name, scope_id]),
        ("configuration again", rows[Database.APPL_DB, tables.DASH_HA_SCOPE_CONFIG_TABLE.name, key]),
        ("report without news", heard["HaScopeStateUpdate"]),
        ("heartbeat, answered", heard["PeerHeartbeat"]),
        ("timer of a heartbeat", TimerFired(f"ha-scope/{key}/peer_heartbeat_due")),
    ]


def _repeated(end: End, happened: Single, now_ms: int) -> Distribution:
    taken = []
    for at_ms in range(now_ms, now_ms + REPEATED):
        began = time.thread_time_ns()
        end.node.step(happened, at_ms)
        taken.append((time.thread_time_ns() - began) / 1000)
    return Distribution.of(taken)


def launch_costs(sizes: Sizes, runs: int) -> list[Curve]:
    """Processor time of both nodes from the first configuration of a scope until all pairs have formed."""
    points = [
        Point(scopes, Distribution.of(_spent_ms(WiredNodes(scopes).launch) for _ in range(runs))) for scopes in sizes
    ]
    return [Curve("launch, both nodes", "ms", points)]


def failover_costs(sizes: Sizes, runs: int) -> list[Curve]:
    """Processor time of both nodes from the failure of the DPU that serves until every scope serves on the other."""
    points = []
    for scopes in sizes:
        pair, taken = launched(scopes), []
        for _ in range(runs):
            serving, other = sorted(pair.ends, key=lambda end: not pair.at(end, HaState.ACTIVE))
            taken.append(_spent_ms(partial(_fail, pair, serving)))
            if not pair.at(other, HaState.STANDALONE):
                raise RuntimeError("not every scope serves on the other side")
            _heal(pair, serving, other)
        points.append(Point(scopes, Distribution.of(taken)))
    return [Curve("failover, both nodes", "ms", points)]


def _fail(pair: WiredNodes, end: End) -> None:
    pair.planes(end, DOWN)
    pair.run()


def _heal(pair: WiredNodes, end: End, serving: End) -> None:
    """The DPU comes back, and the pair forms again: it is the standby now."""
    pair.planes(end, UP)
    pair.run()
    for set_id in pair.set_ids:
        # The DPU is another incarnation, which says anew what it knows of the channel.
        pair.write(end, tables.DASH_HA_SET_STATE_TABLE, set_id, {"dp_channel_is_alive": "up"})
    pair.run()
    for _ in range(60):
        pair.let_pass(5)
        pair.approve(end)
        pair.run()
        if pair.at(serving, HaState.ACTIVE) and pair.at(end, HaState.STANDBY):
            return
    raise RuntimeError("the pair does not form again")


def restart_costs(sizes: Sizes, runs: int) -> list[Curve]:
    """Processor time of a new node from the first row that it finds until all scopes are resumed."""
    points = []
    for scopes in sizes:
        pair, taken = launched(scopes), []
        for _ in range(runs):
            node, inputs = pair.restarted(pair.ends[0])
            burst = Burst(tuple(inputs))
            taken.append(_spent_ms(partial(node.step, burst, pair.now_ms)))
            if any(machine is None or machine.facts.state is not HaState.ACTIVE for machine in node.scopes.values()):
                raise RuntimeError("not every scope was resumed")
        points.append(Point(scopes, Distribution.of(taken)))
    return [Curve("restart of a node", "ms", points)]


def storm_costs(sizes: Sizes, runs: int) -> list[Curve]:
    """Processor time of a node when the configuration of all its scopes changes at once, in one burst."""
    points = []
    for scopes in sizes:
        pair, taken, versions = launched(scopes), [], count(2)
        end = pair.ends[0]
        for _ in range(runs):
            version = str(next(versions))
            burst = Burst(tuple(pair.scope_row(end, scope_id, version=version) for scope_id in pair.scope_ids))
            taken.append(_spent_ms(partial(end.node.step, burst, pair.now_ms)))
        points.append(Point(scopes, Distribution.of(taken)))
    return [Curve("configuration of all scopes changes", "ms", points)]


def idle_costs(sizes: Sizes, seconds: int = 120) -> list[Curve]:
    """The share of a processor that a node takes while nothing happens but signs of life."""
    points = []
    for scopes in sizes:
        pair = launched(scopes)
        pair.let_pass(120)
        pair.observer = watching = MovesOrNot()
        pair.let_pass(seconds)
        share = 100 * sum(watching.stayed) / 1e6 / seconds / len(pair.ends)
        points.append(Point(scopes, Distribution.of([share])))
    return [Curve("idle node", "% of a core", points)]


def memory_costs(sizes: Sizes) -> list[Curve]:
    """Memory of one node for each scope beyond the first, as Python's allocator counts it, with all that it knows."""
    used = {scopes: _memory(scopes) for scopes in sorted({1, *sizes})}
    points = [
        Point(scopes, Distribution.of([(used[scopes] - used[1]) / (scopes - 1) / KIB])) for scopes in used if scopes > 1
    ]
    return [Curve("memory for each scope", "KiB", points)]


def _memory(scopes: int) -> int:
    """What a restarted node holds, in bytes. A restart, because the life before would be counted as well."""
    pair = launched(scopes)
    node, inputs = pair.restarted(pair.ends[0])
    gc.collect()
    tracemalloc.start()
    try:
        for happened in inputs:
            node.step(_copied(happened), pair.now_ms)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def _copied(happened: Single) -> Single:
    """The row as a reader would hand it over, in memory of its own."""
    if isinstance(happened, RowSet):
        fields = {bytes(name, "ascii").decode(): bytes(bytearray(value)) for name, value in happened.fields.items()}
        return RowSet(happened.database, happened.table, happened.key, fields)
    return happened


def _spent_ms(act: Callable[[], object]) -> float:
    gc.collect()
    began = time.thread_time_ns()
    act()
    return (time.thread_time_ns() - began) / 1e6
