"""What is counted of the inputs and outputs that pass by: the shell shows every step, and nothing else is asked.

Series of entities are bounded. The first so many have labels of their own, later ones share one; when an entity is
deleted its series go, and its place is free again.
"""

import collections
from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import define, field
from prometheus_client import CollectorRegistry, Counter, Histogram

from models.database import Database
from models.tables import (
    DASH_HA_DPU_STATE,
    DASH_HA_SCOPE_STATE,
    DASH_HA_SCOPE_TABLE,
    DASH_HA_SET_STATE,
    DASH_HA_VDPU_STATE,
)
from runner.inputs import Burst, Input, LinkChanged, RowsFound, Single, SnapshotComplete
from runner.metrics import declaration
from runner.metrics.declaration import MOST_ENTITIES, OTHER, Metric
from runner.metrics.scopes import Scopes
from runner.outputs import Alert, DeleteRow, Fault, InputRejected, Output, ReachBus, TransitionTaken, WriteRow

Entities = Callable[[str], Iterable[tuple[str, str, Mapping[str, str]]]]
"""Table, key and fields of every row that an entity wants, by its path."""

SCOPE = "ha-scope"
_PUBLISHED = {
    DASH_HA_DPU_STATE.name: "dpu",
    DASH_HA_VDPU_STATE.name: "vdpu",
    DASH_HA_SET_STATE.name: "ha-set",
    DASH_HA_SCOPE_STATE.name: SCOPE,
}
"""The kind of entity that a state row is of: it lives as long as its row."""


@define(eq=False)
class StepMetrics:
    """Everything that is derived from steps. Times are seconds of a clock that only goes forward."""

    registry: CollectorRegistry
    rows_of: Entities = lambda path: ()
    most_entities: int = MOST_ENTITIES
    scopes: Scopes = field(factory=Scopes)
    peers: dict[str, bool | None] = field(factory=dict)
    """The neighbours by the name of their DPU, and whether they are reachable; None: not known yet."""

    _transitions: Counter = field(init=False)
    _stays: Histogram = field(init=False)
    _acknowledgements: Histogram = field(init=False)
    _failovers: Histogram = field(init=False)
    _inputs: Counter = field(init=False)
    _rejected: Counter = field(init=False)
    _rows: Counter = field(init=False)
    _alerts: Counter = field(init=False)
    _bugs: Counter = field(init=False)
    _durations: Histogram = field(init=False)
    _named: dict[str, set[tuple[str, ...]]] = field(factory=dict)
    """By path: the entities that have series of their own, and the labels of their transitions."""

    _places: collections.Counter[str] = field(factory=collections.Counter)
    """How many of each kind have series of their own."""

    _found: dict[str, Mapping[str, str]] | None = field(factory=dict)
    """State rows of scopes that were there at start, until it is known whose they are; then None."""

    def __attrs_post_init__(self) -> None:
        self._transitions = self._counter(declaration.TRANSITIONS)
        self._stays = self._histogram(declaration.STATE_DURATION)
        self._acknowledgements = self._histogram(declaration.ROLE_ACKNOWLEDGEMENT)
        self._failovers = self._histogram(declaration.FAILOVER)
        self._inputs = self._counter(declaration.INPUTS)
        self._rejected = self._counter(declaration.REJECTED)
        self._rows = self._counter(declaration.ROWS)
        self._alerts = self._counter(declaration.ALERTS)
        self._bugs = self._counter(declaration.BUGS)
        self._durations = self._histogram(declaration.STEP_DURATION)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.meaning, metric.labels, registry=self.registry)

    def _histogram(self, metric: Metric) -> Histogram:
        return Histogram(metric.name, metric.meaning, metric.labels, registry=self.registry, buckets=metric.buckets)

    def observe(
        self, happened: Input, outputs: Sequence[Output], started_s: float, decided_s: float, ended_s: float
    ) -> None:
        """A step is over: its input, what the node answered, and when it began, was decided and was carried out."""
        self._durations.labels("decide").observe(decided_s - started_s)
        self._durations.labels("carry_out").observe(ended_s - decided_s)
        for single in happened.inputs if isinstance(happened, Burst) else (happened,):
            self._inputs.labels(type(single).__name__).inc()
            self._note(single, started_s)
        for output in outputs:
            self._take(happened, output, started_s, ended_s)

    def _note(self, happened: Single, started_s: float) -> None:
        match happened:
            case LinkChanged(dpu_name, up):
                self.peers[dpu_name] = up
            case RowsFound(database, rows) if database is Database.STATE_DB and self._found is not None:
                self._found |= {key: row for (table, key), row in rows.items() if table == DASH_HA_SCOPE_STATE.name}
            case SnapshotComplete():
                self._adopt(started_s)

    def failed(self, happened: Input) -> None:
        """A step came to nothing. What comes in a burst is tried again one by one, and counted then."""
        if not isinstance(happened, Burst):
            self._inputs.labels(type(happened).__name__).inc()
        self._bugs.inc()

    def has_series(self, scope: str) -> bool:
        """A scope has series of its own."""
        return f"{SCOPE}/{scope}" in self._named

    def _adopt(self, now_s: float) -> None:
        """Nothing is written at start that is there already. The database holds the rows of other slots as well."""
        for key in self._found or ():
            scope = key.replace("|", ":", 1)
            for table, own, fields in self.rows_of(f"{SCOPE}/{scope}"):
                if (table, own) == (DASH_HA_SCOPE_STATE.name, key):
                    self._name(f"{SCOPE}/{scope}")
                    self.scopes.published(scope, fields, now_s)
        self._found = None

    def _take(self, happened: Input, output: Output, started_s: float, ended_s: float) -> None:
        match output:
            case WriteRow(table=table):
                self._rows.labels(table).inc()
                self._written(output, started_s, ended_s)
            case DeleteRow(table=table, key=key):
                self._rows.labels(table).inc()
                if table in _PUBLISHED:
                    self._forget(table, key)
            case TransitionTaken():
                self._moved(output, started_s)
            case InputRejected():
                self._rejected.labels(output.table).inc()
            case Alert():
                self._alerts.inc()
            case Fault():
                self._bugs.inc()
            case ReachBus(neighbours=neighbours):
                self.peers = {each.dpu_name: self.peers.get(each.dpu_name) for each in neighbours}
            case _:
                pass

    def _written(self, row: WriteRow, started_s: float, ended_s: float) -> None:
        if row.table in _PUBLISHED:
            self._name(f"{_PUBLISHED[row.table]}/{row.key.replace('|', ':', 1)}")
        if row.table == DASH_HA_SCOPE_STATE.name:
            stay, acknowledged = self.scopes.published(row.key.replace("|", ":", 1), row.fields, started_s)
            if stay is not None:
                self._stays.labels(stay.state).observe(stay.seconds)
            if acknowledged is not None:
                self._acknowledgements.labels(acknowledged.role).observe(acknowledged.seconds)
        elif row.table == DASH_HA_SCOPE_TABLE.name:
            failover_s = self.scopes.role_written(row.key, row.fields.get("ha_role"), ended_s)
            if failover_s is not None:
                self._failovers.observe(failover_s)

    def _moved(self, taken: TransitionTaken, started_s: float) -> None:
        path, _, region = taken.scope.rpartition(" ")
        self._name(path)
        labels = (path if path in self._named else OTHER, region, taken.source, taken.target, taken.ref)
        self._transitions.labels(*labels).inc()
        if path in self._named:
            self._named[path].add(labels)
        kind, _, name = path.partition("/")
        if kind == SCOPE:
            self.scopes.moved(name, region, taken.target, started_s)

    def _name(self, path: str) -> None:
        """Give an entity series of its own while there is room."""
        kind = path.partition("/")[0]
        if path not in self._named and self._places[kind] < self.most_entities:
            self._named[path] = set()
            self._places[kind] += 1

    def _forget(self, table: str, key: str) -> None:
        name = key.replace("|", ":", 1)
        kind = _PUBLISHED[table]
        labels_of_all = self._named.pop(f"{kind}/{name}", None)
        if labels_of_all is not None:
            self._places[kind] -= 1
            for labels in labels_of_all:
                self._transitions.remove(*labels)
        if table == DASH_HA_SCOPE_STATE.name:
            self.scopes.gone(name)
