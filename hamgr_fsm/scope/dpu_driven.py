"""The DPU-driven HA scope: the DPU runs the HA protocol, hamgrd relays, follows and drives the BFD responders.

Three regions over the same facts. They settle in the order dpu, probe, relay: what the DPU says decides whether its
probes are answered, and when a DPU is to be shut down its probes fall silent before it is told, so that all switches
move the traffic while both sides still forward.

A request that was granted is a message: exactly one row carries it. If the DPU has not taken it after the request
timer, the controller is asked again under a new id; the old grant is never repeated.

Source: dpu-driven; field-lessons FL-12, FL-50, LD-34, LD-35, H-57, H-58.
"""

from hamgr_fsm.effects import (
    Effect,
    ProgramScope,
    RaiseAlert,
    RemoveScope,
    RespondToProbes,
    SilenceProbes,
    StartTimer,
    StopTimer,
)
from hamgr_fsm.events import Approval
from hamgr_fsm.machine import Machine
from hamgr_fsm.scope.dpu_driven_facts import (
    NO_REQUESTS,
    DpuDrivenScopeFacts,
    ProbeState,
    RelayState,
    ReportedState,
    reports,
)
from hamgr_fsm.scope.operations import open_types, raised, withdrawn
from hamgr_fsm.table import PLANNED, RECOVERY, STAY, UNPLANNED, FactMachine, Kind, Table, Told

REQUEST_TIMER = "request"
"""Runs while a request that was granted has not been taken."""

_S = ReportedState
_ALL = tuple(ReportedState)
_KNOWN: tuple[ReportedState, ...] = tuple(state for state in _ALL if state is not _S.UNKNOWN)

LAUNCHING = (_S.CONNECTING, _S.CONNECTED, _S.INITIALIZING_TO_ACTIVE, _S.INITIALIZING_TO_STANDBY)
PENDING = (_S.PENDING_ACTIVE_ACTIVATION, _S.PENDING_STANDBY_ACTIVATION, _S.PENDING_STANDALONE_ACTIVATION)
PAIRED = (_S.ACTIVE, _S.STANDBY)

GROUPS = {
    "leaving": (_S.DEAD, _S.DESTROYING),
    "launching": (*LAUNCHING, *PENDING),
    "serving": PAIRED,
    "standalone": (_S.SWITCHING_TO_STANDALONE, _S.STANDALONE),
}
"""The states as a reader should see them together."""

WORKFLOWS: tuple[tuple[tuple[ReportedState, ...], ReportedState, str, str, Kind], ...] = (
    ((_S.DEAD,), _S.CONNECTING, "launch", "dpu-driven 6, W16", PLANNED),
    ((_S.CONNECTING,), _S.CONNECTED, "connected to peer", "dpu-driven 6, W16", PLANNED),
    ((_S.CONNECTED,), _S.INITIALIZING_TO_ACTIVE, "becomes the active side", "dpu-driven 6, W16", PLANNED),
    ((_S.CONNECTED,), _S.INITIALIZING_TO_STANDBY, "becomes the standby side", "dpu-driven 6, W16", PLANNED),
    ((_S.INITIALIZING_TO_ACTIVE,), _S.PENDING_ACTIVE_ACTIVATION, "ready to be active", "dpu-driven 6, W16", PLANNED),
    ((_S.INITIALIZING_TO_STANDBY,), _S.PENDING_STANDBY_ACTIVATION, "ready to be standby", "dpu-driven 6, W16", PLANNED),
    (
        (*LAUNCHING, _S.PENDING_ACTIVE_ACTIVATION),
        _S.PENDING_STANDALONE_ACTIVATION,
        "no peer",
        "dpu-driven 6, M9.4",
        UNPLANNED,
    ),
    ((_S.PENDING_ACTIVE_ACTIVATION,), _S.ACTIVE, "activated", "dpu-driven 6, W16", PLANNED),
    ((_S.PENDING_STANDBY_ACTIVATION,), _S.STANDBY, "activated", "dpu-driven 6, W16", PLANNED),
    # DPUs are known that call both sides of a healthy pair active (D-16).
    ((_S.PENDING_STANDBY_ACTIVATION,), _S.ACTIVE, "activated", "FL D-16", PLANNED),
    ((_S.PENDING_STANDALONE_ACTIVATION,), _S.STANDALONE, "activated", "dpu-driven 6, M9.4", PLANNED),
    ((_S.STANDALONE,), _S.ACTIVE, "the peer is back", "dpu-driven 6, M9.5", RECOVERY),
    ((_S.ACTIVE,), _S.STANDBY, "the sides change over", "dpu-driven 1", PLANNED),
    ((_S.STANDBY,), _S.ACTIVE, "the sides change over", "dpu-driven 1", PLANNED),
    (
        (*PAIRED, *LAUNCHING, *PENDING),
        _S.SWITCHING_TO_STANDALONE,
        "peer shut down or lost",
        "dpu-driven 6, W17, W18",
        UNPLANNED,
    ),
    (
        (*PAIRED, _S.SWITCHING_TO_STANDALONE),
        _S.STANDALONE,
        "peer shut down or lost",
        "dpu-driven 6, W17, W18",
        UNPLANNED,
    ),
    ((_S.STANDALONE, _S.SWITCHING_TO_STANDALONE), _S.STANDBY, "yields to the peer", "dpu-driven 6, W19", RECOVERY),
    (
        (*LAUNCHING, *PENDING, *PAIRED, _S.STANDALONE, _S.SWITCHING_TO_STANDALONE),
        _S.DESTROYING,
        "shut down",
        "W17",
        PLANNED,
    ),
    ((_S.DESTROYING, *LAUNCHING), _S.DEAD, "shut down", "dpu-driven 6, W17", PLANNED),
)
"""The steps of a DPU that the design's workflows contain: from, to, why, where described, what part of a life."""


def _odd_sources(target: ReportedState) -> tuple[ReportedState, ...]:
    """The states from which no workflow leads to ``target``."""
    usual = {source for sources, to, *_ in WORKFLOWS if to is target for source in sources}
    return tuple(state for state in _KNOWN if state is not target and state not in usual)


class Dpu(FactMachine):
    """What the DPU says it is, and what it asks for."""

    state_fact = "dpu"
    t = Table(ReportedState, initial=ReportedState.UNKNOWN, groups=GROUPS)

    # fmt: off
    # What the DPU asks is listed whatever state it is in.
    t.row(_ALL, STAY, when="request_taken", do="note_request_taken",
          why="the DPU took the request", ref="dpu-driven 3, FL-12")
    t.row(_ALL, STAY, when="lists_something_dropped", do="withdraw_operations",
          why="the DPU no longer asks", ref="dpu-driven 3, FL LD-35")
    t.row(_ALL, STAY, when="asks_something_new", do="raise_operations",
          why="the DPU asks for approval", ref="dpu-driven 3")
    t.row(_ALL, STAY, on="request_timeout", when="request_not_taken", do="ask_again",
          why="the DPU did not take the request", ref="dpu-driven 3, FL-52")

    # The first report is followed from anywhere, and so is its loss.
    for _to in _KNOWN:
        t.row(_S.UNKNOWN, _to, when=reports(_to), do="note_workflow",
              why="first report", ref="dpu-driven 1", kind=PLANNED)
    t.row(_KNOWN, _S.UNKNOWN, when="nothing_reported", do="note_workflow",
          why="nothing known", ref="dpu-driven 4", kind=UNPLANNED)
    t.row(_KNOWN[1:], _S.DEAD, when="forced_dead", do="note_workflow",
          why="disabled", ref="dpu-driven 6, FL-50", kind=PLANNED)

    for _from, _to, _why, _ref, _kind in WORKFLOWS:
        t.row(_from, _to, when=reports(_to), do="note_workflow", why=_why, ref=_ref, kind=_kind)

    # The DPU knows best what it is: a step outside the workflows is followed, and said to be odd.
    for _to in _KNOWN:
        t.row(_odd_sources(_to), _to, when=reports(_to), do="note_anomaly",
              why=Told("odd_step"), ref="dpu-driven 1", kind=UNPLANNED)
    del _from, _to, _why, _ref, _kind
    # fmt: on

    @staticmethod
    def note_workflow(model: DpuDrivenScopeFacts) -> None:
        """The step is one that the design knows."""
        model.anomaly = ""

    @staticmethod
    def note_anomaly(model: DpuDrivenScopeFacts) -> None:
        """Remember and report a step that usually means a missed report or a restarted DPU."""
        model.anomaly = model.odd_step
        model.outbox.append(RaiseAlert(model.odd_step))

    @staticmethod
    def raise_operations(model: DpuDrivenScopeFacts) -> None:
        """List one operation for each thing asked; one that is open keeps its id."""
        model.operations = raised(model.operations, model.unlisted, model.new_id)
        model.operations_changed_ms = model.now_ms

    @staticmethod
    def withdraw_operations(model: DpuDrivenScopeFacts) -> None:
        """Take operations off the list that nobody asks for."""
        dropped = open_types(model.operations) - (model.asked or NO_REQUESTS)
        model.operations = withdrawn(model.operations, dropped)
        model.operations_changed_ms = model.now_ms

    @staticmethod
    def note_request_taken(model: DpuDrivenScopeFacts) -> None:
        """What the DPU dropped, it has taken: when it asks again, that is a new request."""
        model.awaited &= model.asked or NO_REQUESTS
        if not model.awaited:
            model.outbox.append(StopTimer(REQUEST_TIMER))

    @staticmethod
    def ask_again(model: DpuDrivenScopeFacts) -> None:
        """Put the request before the controller again; repeating the grant could make it take effect twice."""
        model.outbox.append(RaiseAlert("the DPU did not take: " + ", ".join(sorted(model.awaited))))
        model.awaited = NO_REQUESTS


class Probe(FactMachine):
    """Whether the DPU's BFD responders should be there."""

    state_fact = "probe"
    t = Table(ProbeState, initial=ProbeState.SILENT)

    # fmt: off
    t.row(ProbeState.SILENT, ProbeState.RESPONDING, when="should_respond", do="respond",
          why="the DPU serves", ref="dpu-driven 5", kind=PLANNED)
    t.row(ProbeState.RESPONDING, ProbeState.SILENT, when="must_be_silent", do="silence",
          why="the DPU does not serve or is to stop", ref="dpu-driven 5", kind=PLANNED)
    # fmt: on

    @staticmethod
    def respond(model: DpuDrivenScopeFacts) -> None:
        """Ask for the responders."""
        model.outbox.append(RespondToProbes())

    @staticmethod
    def silence(model: DpuDrivenScopeFacts) -> None:
        """Ask for the responders to be gone."""
        model.outbox.append(SilenceProbes())


_R = RelayState
_PROGRAMMED = (_R.DISABLED, _R.ENABLED)


class Relay(FactMachine):
    """What the DPU has been told of the scope."""

    state_fact = "relay"
    t = Table(RelayState, initial=RelayState.UNPROGRAMMED)

    # fmt: off
    t.row((_R.UNPROGRAMMED, *_PROGRAMMED), _R.DELETING, when="unconfigured", do=("remove_row", "forget_requests"),
          why="configuration deleted", ref="dpu-driven 2", kind=PLANNED)
    # A restarted DPU is empty: there is nothing to delete, and no request of its past may reach it.
    t.row(_PROGRAMMED, _R.UNPROGRAMMED, when="dpu_restarted", do="forget_requests",
          why="the DPU restarted and is empty", ref="dpu-driven 2, ha-set 1", kind=UNPLANNED)
    t.row(_PROGRAMMED, _R.UNPROGRAMMED, when="set_replaced", do="remove_row",
          why="its HA set was removed or created anew", ref="dpu-driven 2, FL-13", kind=PLANNED)
    t.row(_R.UNPROGRAMMED, _R.DISABLED, when="ready_disabled", do="write_row",
          why="HA set programmed", ref="dpu-driven 2", kind=PLANNED)
    t.row(_R.UNPROGRAMMED, _R.ENABLED, when="ready_enabled", do="write_row",
          why="HA set programmed", ref="dpu-driven 2", kind=PLANNED)
    t.row(_R.DISABLED, _R.ENABLED, when="ready_enabled", do="write_row",
          why="admin enabled", ref="dpu-driven 2", kind=PLANNED)
    t.row(_R.ENABLED, _R.DISABLED, when="ready_disabled", do="write_row",
          why="admin disabled", ref="dpu-driven 2", kind=PLANNED)
    t.row(_PROGRAMMED, STAY, on="approval", when="approves_something_open", do="grant",
          why="approved by the controller", ref="dpu-driven 3")
    t.row(_PROGRAMMED, STAY, when="row_outdated", do="write_row",
          why="what the row carries changed", ref="dpu-driven 2")
    t.row(_R.DELETING, _R.UNPROGRAMMED, when="configured", why="configured again", ref="FL-06", kind=PLANNED)
    # fmt: on

    @staticmethod
    def approves_something_open(model: DpuDrivenScopeFacts, ev: Approval) -> bool:
        """An approved id is that of an open operation."""
        return bool(model.approves(ev.operation_ids))

    @staticmethod
    def grant(model: DpuDrivenScopeFacts, ev: Approval) -> None:
        """Consume the approved operations: the next row carries the requests, and no other does."""
        types = frozenset(model.approves(ev.operation_ids))
        model.operations = withdrawn(model.operations, types)
        model.operations_changed_ms = model.now_ms
        model.granted |= types

    @staticmethod
    def write_row(model: DpuDrivenScopeFacts) -> None:
        """Tell the DPU the whole scope, with the requests that are granted and not carried yet."""
        requests = model.granted
        model.programmed = model.program
        model.programmed_requests = requests
        model.programmed_in = (model.ha_set_incarnation, model.dpu_incarnation)
        model.granted = NO_REQUESTS
        model.outbox.append(ProgramScope(model.program, requests))
        if requests:
            model.awaited |= requests
            model.outbox.append(StartTimer(REQUEST_TIMER, round(1000 * model.timers.request)))

    @staticmethod
    def remove_row(model: DpuDrivenScopeFacts) -> None:
        """Take the scope from the DPU; it may have one from an earlier life even if this one told it nothing."""
        model.programmed = None
        model.programmed_requests = NO_REQUESTS
        model.outbox.append(RemoveScope())

    @staticmethod
    def forget_requests(model: DpuDrivenScopeFacts) -> None:
        """What the DPU asked in its past, and what it was granted, means nothing to it now."""
        if model.awaited:
            model.outbox.append(StopTimer(REQUEST_TIMER))
        model.granted = model.awaited = model.programmed_requests = NO_REQUESTS
        if model.operations:
            model.operations = ()
            model.operations_changed_ms = model.now_ms


class DpuDrivenScope(Machine[DpuDrivenScopeFacts]):
    """The HA scope of a DPU that drives it by itself."""

    regions = (Dpu, Probe, Relay)
    record = DpuDrivenScopeFacts

    def _repeat(self) -> tuple[Effect, ...]:
        """The row without its requests: those were messages. The wait for the DPU to take them starts anew."""
        facts = self.facts
        effects: list[Effect] = []
        if facts.programmed is not None and facts.relay in _PROGRAMMED:
            effects.append(ProgramScope(facts.programmed))
        if facts.awaited:
            effects.append(StartTimer(REQUEST_TIMER, round(1000 * facts.timers.request)))
        return tuple(effects)
