"""What is looked at only when somebody asks: the scopes as they are now, and what carries inputs and outputs.

Source: architecture, "The I/O shell"; bus 6.
"""

from asyncio import Queue
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Any

from attrs import field, frozen
from prometheus_client import Metric as Family
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from models.database import Database
from runner.bus.bus import Bus
from runner.bus.links.counts import Counted as LinkCounted
from runner.database_link import DatabaseLink
from runner.metrics import declaration
from runner.metrics.declaration import Kind, Metric
from runner.metrics.scopes import STATES
from runner.metrics.steps import StepMetrics
from runner.orchagent_producer import OrchagentProducer
from runner.table_writer import TableWriter

Sample = tuple[tuple[str, ...], float]


@frozen(eq=False)
class Carriers:
    """The parts of a daemon that know something worth showing. ``orchagent`` is None where rows go by Redis alone."""

    slot_id: int
    links: Mapping[Database, DatabaseLink]
    writer: TableWriter
    queue: "Queue[Any]"
    orchagent: OrchagentProducer | None = None
    bus: Bus | None = None
    snapshots: Counter[Database] = field(factory=Counter)
    """How often each database was read as a whole."""


@frozen(eq=False)
class CarrierMetrics(Collector):
    """Collects anew at every look. Every value is copied at once: the daemon goes on meanwhile."""

    steps: StepMetrics
    carriers: Carriers

    def collect(self) -> Iterator[Family]:
        """All families."""
        yield family(declaration.INFO, [((version("hamgr"), str(self.carriers.slot_id)), 1)])
        yield from self._scopes()
        yield from self._databases()
        yield from self._peers()
        if self.carriers.bus is not None:
            yield from self._bus(self.carriers.bus)

    def describe(self) -> Iterable[Family]:
        """Nothing: what there is cannot clash, and the carriers may not be there yet."""
        return ()

    def _scopes(self) -> Iterator[Family]:
        seen = list(self.steps.scopes.seen.items())
        named = [(name, scope) for name, scope in seen if self.steps.has_series(name)]
        in_state = Counter(scope.state for _, scope in seen)
        pending = Counter(operation for _, scope in seen for operation in scope.operations)
        yield family(declaration.SCOPES, [((state,), in_state[state]) for state in STATES])
        yield family(
            declaration.SCOPE_STATE,
            [((name, state), float(scope.state == state)) for name, scope in named for state in STATES],
        )
        yield family(
            declaration.SCOPE_SINCE,
            [((name,), scope.since_ms / 1000) for name, scope in named if scope.since_ms is not None],
        )
        yield family(declaration.SCOPE_TERM, [((name,), scope.term) for name, scope in named if scope.term is not None])
        yield family(declaration.SCOPE_WAITING, [((name,), float(scope.waiting)) for name, scope in named])
        yield family(declaration.SCOPES_WITHOUT_SERIES, [((), len(seen) - len(named))])
        yield family(declaration.PENDING_OPERATIONS, [((kind,), number) for kind, number in sorted(pending.items())])

    def _databases(self) -> Iterator[Family]:
        links, snapshots = list(self.carriers.links.items()), self.carriers.snapshots
        yield family(declaration.QUEUE_DEPTH, [((), self.carriers.queue.qsize())])
        yield family(declaration.DATABASE_AVAILABLE, [((name,), float(link.available)) for name, link in links])
        yield family(declaration.DATABASE_READ, [((name,), snapshots[name]) for name, _ in links])
        yield family(declaration.ROWS_DROPPED, [((), self.carriers.writer.dropped)])
        if self.carriers.orchagent is not None:
            yield family(declaration.ORCHAGENT_CONNECTED, [((), float(self.carriers.orchagent.connected))])

    def _peers(self) -> Iterator[Family]:
        peers = dict(self.steps.peers)
        yield family(declaration.PEERS, [((), len(peers))])
        reachable = [((dpu,), float(up)) for dpu, up in sorted(peers.items()) if up is not None]
        yield family(declaration.PEER_REACHABLE, reachable)

    @staticmethod
    def _bus(bus: Bus) -> Iterator[Family]:
        counts, endpoint = dict(bus.counts), bus.endpoint
        up, down = (counts.get(each, 0) for each in (LinkCounted.LINKS_UP, LinkCounted.LINKS_DOWN))
        yield family(declaration.LINKS, [((), up - down)])
        yield family(declaration.BUS_EVENTS, [((event,), number) for event, number in sorted(counts.items())])
        fates: list[Sample] = []
        if endpoint is not None:
            for direction, box in (("out", endpoint.outbox), ("in", endpoint.inbox)):
                fates += [((direction, str(fate)), number) for fate, number in sorted(dict(box.counts).items())]
        yield family(declaration.MESSAGES, fates)
        yield family(declaration.MESSAGES_OWED, [((), endpoint.outbox.owed() if endpoint is not None else 0)])


def family(metric: Metric, samples: Iterable[Sample]) -> Family:
    """A metric with its present values, each with the values of its labels."""
    made: CounterMetricFamily | GaugeMetricFamily
    if metric.kind is Kind.COUNTER:
        made = CounterMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    else:
        made = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in samples:
        made.add_metric([str(label) for label in labels], value)
    return made
