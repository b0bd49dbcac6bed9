"""Every metric: its name, its kind, its labels, and what it means. docs/metrics.md has them as a table.

Names and units follow Prometheus: seconds, totals, timestamps instead of ages.
"""

from enum import StrEnum

from attrs import frozen

OTHER = "other"
"""The label of every entity that has no series of its own."""

MOST_ENTITIES = 200
"""So many entities of each kind have series of their own; those that come later share the label ``other``."""

FAST = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
REACTION = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
STAY = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 86400.0, 604800.0)
"""Upper bounds of the buckets, in seconds."""


class Kind(StrEnum):
    """What Prometheus calls it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@frozen
class Metric:
    """One metric. A counter's name ends with ``_total``."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


INFO = Metric("hamgr_info", Kind.GAUGE, "1; which hamgrd this is.", ("version", "slot"))

SCOPES = Metric(
    "hamgr_scopes", Kind.GAUGE, "HA scopes of this daemon, by state; unknown: not reported yet.", ("state",)
)
SCOPE_STATE = Metric(
    "hamgr_scope_state", Kind.GAUGE, "1 for the state that the scope is in, 0 for all others.", ("scope", "state")
)
SCOPE_SINCE = Metric(
    "hamgr_scope_state_since_timestamp_seconds",
    Kind.GAUGE,
    "When the scope entered its state, in seconds since 1970.",
    ("scope",),
)
SCOPE_TERM = Metric("hamgr_scope_term", Kind.GAUGE, "The term of the scope.", ("scope",))
SCOPE_WAITING = Metric(
    "hamgr_scope_waiting", Kind.GAUGE, "1 while the scope waits for something before it serves; else 0.", ("scope",)
)
SCOPES_WITHOUT_SERIES = Metric(
    "hamgr_scopes_without_series",
    Kind.GAUGE,
    f"Scopes beyond the first {MOST_ENTITIES}, which have no series of their own.",
)
PENDING_OPERATIONS = Metric(
    "hamgr_pending_operations", Kind.GAUGE, "Operations that wait for the controller's approval.", ("type",)
)

TRANSITIONS = Metric(
    "hamgr_transitions_total",
    Kind.COUNTER,
    "Rows of a machine's table that were taken; section is where the specification has the row.",
    ("entity", "region", "from", "to", "section"),
)
STATE_DURATION = Metric(
    "hamgr_scope_state_duration_seconds",
    Kind.HISTOGRAM,
    "How long a scope was in a state that it has left.",
    ("state",),
    STAY,
)
ROLE_ACKNOWLEDGEMENT = Metric(
    "hamgr_role_acknowledgement_seconds",
    Kind.HISTOGRAM,
    "From a role written for the DPU until the DPU has acknowledged it; switch-driven scopes.",
    ("role",),
    REACTION,
)
FAILOVER = Metric(
    "hamgr_failover_seconds",
    Kind.HISTOGRAM,
    "From the input that took a scope out of its pair until the role standalone was written for its DPU.",
    (),
    REACTION,
)

INPUTS = Metric("hamgr_inputs_total", Kind.COUNTER, "Inputs of the node, by kind.", ("kind",))
REJECTED = Metric(
    "hamgr_rejected_inputs_total", Kind.COUNTER, "Inputs that were refused as a whole, by table or kind.", ("table",)
)
ROWS = Metric("hamgr_rows_total", Kind.COUNTER, "Rows that the node wanted written or deleted, by table.", ("table",))
ALERTS = Metric("hamgr_alerts_total", Kind.COUNTER, "Things that an operator should know; each is a line of the log.")
BUGS = Metric("hamgr_bugs_total", Kind.COUNTER, "Defects of the program that were met; the input in hand was lost.")
STEP_DURATION = Metric(
    "hamgr_step_duration_seconds",
    Kind.HISTOGRAM,
    "How long one input took: decide is the node, carry_out is writing what it wants.",
    ("part",),
    FAST,
)
QUEUE_DEPTH = Metric("hamgr_input_queue_depth", Kind.GAUGE, "Batches of inputs that wait for the node.")

DATABASE_AVAILABLE = Metric(
    "hamgr_database_available", Kind.GAUGE, "1 while the database answers; else 0.", ("database",)
)
DATABASE_READ = Metric(
    "hamgr_database_connections_total",
    Kind.COUNTER,
    "How often the database was connected to and read as a whole; every one after the first is a reconnect.",
    ("database",),
)
ROWS_DROPPED = Metric(
    "hamgr_rows_dropped_total",
    Kind.COUNTER,
    "Rows that were not written because their database was away; they are written when it is back.",
)
ORCHAGENT_CONNECTED = Metric(
    "hamgr_orchagent_connected", Kind.GAUGE, "1 while the DPU's orchagent can be sent rows; else 0."
)

PEERS = Metric("hamgr_bus_peers", Kind.GAUGE, "Neighbours that the configuration names.")
PEER_REACHABLE = Metric(
    "hamgr_bus_peer_reachable",
    Kind.GAUGE,
    "1 while the neighbour's hamgrd answers, 0 when it is lost; absent until that is known.",
    ("dpu",),
)
LINKS = Metric("hamgr_bus_links", Kind.GAUGE, "Connections of the bus that are up, in both directions.")
MESSAGES = Metric(
    "hamgr_bus_messages_total", Kind.COUNTER, "Messages to and from other hamgrds, by fate.", ("direction", "fate")
)
MESSAGES_OWED = Metric("hamgr_bus_messages_owed", Kind.GAUGE, "Messages that no receiver has acknowledged yet.")
BUS_EVENTS = Metric(
    "hamgr_bus_events_total", Kind.COUNTER, "What the links of the bus count, in their own words.", ("event",)
)

METRICS: tuple[Metric, ...] = (
    INFO,
    SCOPES,
    SCOPE_STATE,
    SCOPE_SINCE,
    SCOPE_TERM,
    SCOPE_WAITING,
    SCOPES_WITHOUT_SERIES,
    PENDING_OPERATIONS,
    TRANSITIONS,
    STATE_DURATION,
    ROLE_ACKNOWLEDGEMENT,
    FAILOVER,
    INPUTS,
    REJECTED,
    ROWS,
    ALERTS,
    BUGS,
    STEP_DURATION,
    QUEUE_DEPTH,
    DATABASE_AVAILABLE,
    DATABASE_READ,
    ROWS_DROPPED,
    ORCHAGENT_CONNECTED,
    PEERS,
    PEER_REACHABLE,
    LINKS,
    MESSAGES,
    MESSAGES_OWED,
    BUS_EVENTS,
)
"""All of them, in the order in which they are explained."""


def reference() -> str:
    """The metrics as a table in Markdown."""
    head = "| metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n"
    lines = (
        f"| `{metric.name}` | {metric.kind} | {' '.join(f'`{each}`' for each in metric.labels)} | {metric.meaning} |\n"
        for metric in METRICS
    )
    return head + "".join(lines)
