"""Random facts and events for each machine, from small pools in which values meet again.

``told`` draws any told facts in any combination, also such that the daemon would never tell; ``kept`` draws the
machine's own memory, to start from anywhere.
"""

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import frozen
from hypothesis import strategies as st

from hamgr_fsm import events, messages
from hamgr_fsm.dpu_health import DpuHealth, DpuHealthState
from hamgr_fsm.eni_forwarding import EniForwarding, EniPlacement, EntryState
from hamgr_fsm.events import Approval, RequestTimeout
from hamgr_fsm.ha_set import DpuDrivenHaSet, SwitchDrivenHaSet
from hamgr_fsm.ha_set_facts import (
    ChannelState,
    DpuRowState,
    HaSetConfig,
    HaSetFacts,
    RespondersState,
    RouteState,
)
from hamgr_fsm.machine import Machine, event_name
from hamgr_fsm.messages import Selection, StateReport
from hamgr_fsm.programs import EniForward, Neighbour, Responder
from hamgr_fsm.scope.dpu_driven import DpuDrivenScope
from hamgr_fsm.scope.dpu_driven_facts import (
    DpuDrivenScopeFacts,
    ProbeState,
    RelayState,
    ReportedState,
    ScopeConfig,
)
from hamgr_fsm.scope.election import Vote
from hamgr_fsm.scope.operations import PendingOperation
from hamgr_fsm.scope.precedence import Signals
from hamgr_fsm.scope.switch_driven import SwitchDrivenScope
from hamgr_fsm.scope.switch_driven_facts import (
    STATES,
    FlowSync,
    Pair,
    RowState,
    SwitchDrivenScopeFacts,
    Switchover,
    Trigger,
)
from hamgr_fsm.scope.switch_driven_timers import TIMERS
from hamgr_fsm.traffic import ScopeView, VdpuView
from hamgr_fsm.vocabulary import (
    DesiredHaState,
    FlowSyncState,
    HaOwner,
    HaRole,
    HaState,
    OperationType,
    PinState,
    PlaneState,
    SwitchoverState,
)
from tests.hamgr_fsm.build import (
    A6,
    ACTIVATE,
    B6,
    RECONCILE,
    RECOVER,
    SETTINGS,
    VIP4,
    VIP6,
    A,
    B,
    C,
    ha_set_facts,
    scope_facts,
    settings,
    switch_ha_set_facts,
    switch_scope_facts,
)

FactsMap = Mapping[str, Any]
Step = tuple[dict[str, Any], object | None]


@frozen
class Inputs:
    """What one class of machines can be given."""

    machine: type[Machine[Any]]
    told: Mapping[str, st.SearchStrategy[Any]] = attrs.field(repr=False)
    kept: Mapping[str, st.SearchStrategy[Any]] = attrs.field(repr=False)
    events: st.SearchStrategy[object] = attrs.field(repr=False)
    working: FactsMap = attrs.field(repr=False)
    """Told facts with which the machine has done all it can: half of the sequences start from there."""

    def all_told(self) -> st.SearchStrategy[dict[str, Any]]:
        """Every told fact."""
        return st.fixed_dictionaries(dict(self.told))

    def presets(self) -> st.SearchStrategy[dict[str, Any]]:
        """Some facts of any kind, and every state."""
        states = [region.state_fact for region in self.machine.regions]
        required = {name: self.kept[name] for name in states}
        optional = {name: s for name, s in {**self.told, **self.kept}.items() if name not in states}
        return st.fixed_dictionaries(required, optional=optional)

    def steps(self, max_size: int = 10) -> st.SearchStrategy[list[Step]]:
        """A sequence of updates, some of them with an event; the first tells nothing, or what makes it work."""
        starts: list[FactsMap] = [self.working, self.working, {}]
        steps = st.lists(st.tuples(self.updates(), st.none() | self.events), max_size=max_size)
        return st.builds(lambda start, drawn: [(dict(start), None), *drawn], st.sampled_from(starts), steps)

    def updates(self) -> st.SearchStrategy[dict[str, Any]]:
        """A few told facts; one change at a time reaches what a heap of changes never does."""
        one = st.sampled_from(sorted(self.told)).flatmap(lambda name: st.fixed_dictionaries({name: self.told[name]}))
        return one | st.fixed_dictionaries({}, optional=dict(self.told))


DPU_HEALTH = Inputs(
    DpuHealth,
    told={
        "now_ms": st.sampled_from([0, 1000, 2000]),
        "midplane": st.sampled_from(PlaneState),
        "control_plane": st.sampled_from(PlaneState),
        "data_plane": st.sampled_from(PlaneState),
        "flushes": st.integers(0, 3),
    },
    kept={
        "health": st.sampled_from(DpuHealthState),
        "lost": st.booleans(),
        "incarnation": st.integers(0, 3),
        "flushes_seen": st.integers(0, 3),
    },
    events=st.sampled_from([RequestTimeout(), Approval(())]),
    working=dict.fromkeys(("midplane", "control_plane", "data_plane"), PlaneState.UP),
)

OPERATION_IDS = ("id-1", "id-2", "id-3", "id-4", "id-5", "old-1", "old-2")

_APPROVALS = st.lists(st.sampled_from(OPERATION_IDS), max_size=4).map(lambda ids: Approval(tuple(ids)))
_REQUESTS = st.frozensets(st.sampled_from([ACTIVATE, RECONCILE, RECOVER]))
_OPERATIONS = st.lists(
    st.builds(PendingOperation, st.sampled_from(["old-1", "old-2"]), st.sampled_from([ACTIVATE, RECONCILE, RECOVER])),
    max_size=2,
    unique_by=(lambda operation: operation.operation_id, lambda operation: operation.type),
).map(tuple)

SCOPE_CONFIGS = st.builds(
    ScopeConfig,
    version=st.sampled_from(["1", "2"]),
    disabled=st.booleans(),
    desired=st.sampled_from(DesiredHaState),
    ha_set_id=st.just("haset0_0"),
)

_a_program = DpuDrivenScopeFacts(config=ScopeConfig("1", ha_set_id="haset0_0"), vip_v4=VIP4).program

SCOPE = Inputs(
    DpuDrivenScope,
    told={
        "now_ms": st.sampled_from([0, 1000, 2000]),
        "config": SCOPE_CONFIGS | st.none(),
        # A pair that works most of the time reaches more than one that seldom does.
        "managed": st.sampled_from([True, True, True, False]),
        "dpu_up": st.sampled_from([True, True, None, False]),
        "dpu_lost": st.sampled_from([False, False, False, True]),
        "dpu_incarnation": st.integers(0, 2),
        "ha_set_incarnation": st.sampled_from([1, 1, 2, None]),
        "vip_v4": st.sampled_from([VIP4, None]),
        "vip_v6": st.sampled_from([VIP6, None]),
        "reported": st.sampled_from(ReportedState),
        "asked": _REQUESTS | st.none(),
    },
    kept={
        "relay": st.sampled_from(RelayState),
        "dpu": st.sampled_from(ReportedState),
        "probe": st.sampled_from(ProbeState),
        "programmed": st.sampled_from([_a_program, None]),
        "programmed_requests": _REQUESTS,
        "programmed_in": st.tuples(st.sampled_from([1, 2, None]), st.integers(0, 2)),
        "operations": _OPERATIONS,
        "operations_changed_ms": st.sampled_from([None, 500]),
        "granted": _REQUESTS,
        "awaited": _REQUESTS,
        "anomaly": st.sampled_from(["", "unexpected: dead -> active"]),
    },
    events=_APPROVALS | st.just(RequestTimeout()),
    working=scope_facts(reported=ReportedState.ACTIVE, asked=frozenset({ACTIVATE, RECOVER})),
)

SET_CONFIGS = st.builds(
    HaSetConfig,
    version=st.sampled_from(["1", "2"]),
    vip_v4=st.sampled_from([VIP4, VIP4, None]),
    vip_v6=st.sampled_from([VIP6, None]),
    vdpu_ids=st.sampled_from(
        [("vdpu0_0", "vdpu1_0"), ("vdpu1_0", "vdpu0_0"), ("vdpu0_0", "vdpu2_0"), ("vdpu0_0",), ()]
    ),
    pins=st.lists(st.sampled_from(PinState), max_size=2).map(tuple),
    preferred=st.sampled_from(["vdpu0_0", "vdpu1_0", ""]),
)

VDPUS: tuple[tuple[VdpuView, ...], ...] = (
    (),
    (A,),
    (B,),
    (A, B),
    (B, A),
    (A6, B6),
    (A6, B),
    (A, C),
    (B, C),
    (A, attrs.evolve(B, npu_v4=None)),
    (attrs.evolve(A, pa_v4=None), B),
    (attrs.evolve(A, managed=False), B),
    (A, attrs.evolve(B, managed=True, local=True, npu_v4=A.npu_v4)),
    (A, attrs.evolve(B, pa_v4=C.pa_v4)),
)

ALL_SETTINGS = (
    SETTINGS,
    SETTINGS,
    settings(cp_data_channel_port=6001),
    settings(dpu_bfd_probe_interval_ms=2000),
    settings(dpu_vnet=None),
    settings(dpu_vnet="Vnet_66"),
    settings(dpu_vlan=None),
    settings(dpu_vlan="Vlan66"),
)

_set_program = HaSetFacts(
    config=HaSetConfig(version="1", vip_v4=VIP4, vdpu_ids=(A.vdpu_id, B.vdpu_id)),
    settings=SETTINGS,
    vdpus=(A, B),
    owner=HaOwner.DPU,
)

assert A.npu_v4 is not None and A.pa_v4 is not None and B.npu_v4 is not None and B.pa_v4 is not None

_SESSIONS = (Responder(A.npu_v4, A.pa_v4, 1000, 3), Responder(B.npu_v4, A.pa_v4, 1000, 3))

_SCOPE_VIEWS = st.lists(
    st.builds(
        ScopeView,
        vdpu_id=st.sampled_from([A.vdpu_id, B.vdpu_id]),
        state=st.sampled_from([HaState.ACTIVE, HaState.STANDALONE, HaState.STANDBY, HaState.DEAD]),
        acked_role=st.sampled_from([HaRole.ACTIVE, HaRole.STANDALONE, HaRole.STANDBY, None]),
        term=st.integers(0, 2),
        pinned=st.booleans(),
    ),
    max_size=2,
    unique_by=lambda view: view.vdpu_id,
).map(tuple)

HA_SET = Inputs(
    DpuDrivenHaSet,
    told={
        "now_ms": st.sampled_from([0, 1000, 2000]),
        "config": SET_CONFIGS | st.none(),
        "settings": st.sampled_from([*ALL_SETTINGS, None]),
        "vdpus": st.sampled_from([*VDPUS, (A, B), (A, B), (A6, B6)]),
        "owner": st.sampled_from([HaOwner.DPU, HaOwner.DPU, *HaOwner]),
        "dpu_lost": st.sampled_from([False, False, False, True]),
        "dpu_incarnation": st.integers(0, 2),
        "channel_up": st.sampled_from([True, False, None]),
        "serving": st.booleans(),
        "scopes": _SCOPE_VIEWS,
    },
    kept={
        "dpu_row": st.sampled_from(DpuRowState),
        "channel": st.sampled_from(ChannelState),
        "responders": st.sampled_from(RespondersState),
        "route": st.sampled_from(RouteState),
        "programmed": st.sampled_from([_set_program.program, None]),
        "programmed_in": st.sampled_from([0, 1, None]),
        "incarnation": st.integers(0, 3),
        "sessions": st.sampled_from([(), _SESSIONS[:1], _SESSIONS]),
        "sessions_in": st.integers(0, 2),
        "advertised": st.sampled_from([_set_program.wanted_route, None]),
        "resolved": st.sampled_from([Neighbour("Vlan55", A.pa_v4), Neighbour("Vlan77", A.pa_v4), None]),
    },
    events=st.sampled_from([RequestTimeout(), Approval(())]),
    working=ha_set_facts(serving=True),
)

SWITCH_HA_SET = attrs.evolve(
    HA_SET,
    machine=SwitchDrivenHaSet,
    told={**HA_SET.told, "owner": st.sampled_from([HaOwner.SWITCH, HaOwner.SWITCH, *HaOwner])},
    working=switch_ha_set_facts(),
)

_PLACEMENTS = st.builds(
    EniPlacement,
    mac=st.sampled_from(["F4:93:9F:EF:C4:7E", "F4:93:9F:EF:C4:7E", "F4:93:9F:EF:C4:7F"]),
    ha_set_id=st.sampled_from(["haset0_0", "haset0_1"]),
    pinned_index=st.sampled_from([None, None, 0, 1, 5]),
    outbound_vni=st.sampled_from([None, 77]),
)
ENTRY = EniForward("Vnet_55", "F4:93:9F:EF:C4:7E", (A.vdpu_id, B.vdpu_id), A.vdpu_id)

ENI = Inputs(
    EniForwarding,
    told={
        "now_ms": st.sampled_from([0, 1000, 2000]),
        "placement": _PLACEMENTS | st.none(),
        "vdpu_ids": st.sampled_from([(A.vdpu_id, B.vdpu_id), (A.vdpu_id, B.vdpu_id), (B.vdpu_id,), None]),
        "vdpus": st.sampled_from([*VDPUS, (A, B), (A, B), (attrs.evolve(A, managed=False), B)]),
        "scopes": _SCOPE_VIEWS,
        "vnet": st.sampled_from(["Vnet_55", "Vnet_55", "Vnet_66", None]),
    },
    kept={
        "entry": st.sampled_from(EntryState),
        "installed": st.sampled_from([ENTRY, attrs.evolve(ENTRY, primary=B.vdpu_id)]),
        "installed_for": st.sampled_from(["haset0_0", "haset0_1", ""]),
    },
    events=st.sampled_from([RequestTimeout(), Approval(())]),
    working={
        "placement": EniPlacement("F4:93:9F:EF:C4:7E", "haset0_0"),
        "vdpu_ids": (A.vdpu_id, B.vdpu_id),
        "vdpus": (A, B),
        "scopes": (ScopeView(A.vdpu_id, HaState.ACTIVE, HaRole.ACTIVE, 1),),
        "vnet": "Vnet_55",
    },
)

_IDS = ("id-1", "id-2", "old-1", "old-2")
_SWITCH_TYPES = [ACTIVATE, RECONCILE, OperationType.SWITCHOVER]
_ROLES = st.sampled_from(HaRole)
_SWITCH_OPERATIONS = st.lists(
    st.builds(PendingOperation, st.sampled_from(["old-1", "old-2"]), st.sampled_from(_SWITCH_TYPES)),
    max_size=2,
    unique_by=(lambda operation: operation.operation_id, lambda operation: operation.type),
).map(tuple)
_MAYBE = st.none() | st.booleans()
SIGNALS = st.builds(
    Signals,
    position=st.sampled_from([0, 1]),
    dpu_up=_MAYBE,
    in_sync=_MAYBE,
    manual_pin=_MAYBE,
    peer_shutdown=_MAYBE,
    role_failed=_MAYBE,
    bfd_reach=st.sampled_from([None, 0, 1, 2]),
    desired=st.none() | st.sampled_from(DesiredHaState),
    preferred=_MAYBE,
    term=st.sampled_from([None, 0, 1, 2]),
    serving=_MAYBE,
    triggered=_MAYBE,
)
# Two sides of a pair never share a place in vdpu_ids: this one is at 0, the peer at 1.
OUR_SIGNALS = SIGNALS.map(lambda signals: attrs.evolve(signals, position=0))
THEIR_SIGNALS = SIGNALS.map(lambda signals: attrs.evolve(signals, position=1))

REPORTS = st.builds(
    StateReport,
    state=st.sampled_from(STATES),
    term=st.integers(0, 3),
    acked_role=st.none() | _ROLES,
    ready_to_pair=st.booleans(),
    pinned=st.booleans(),
    in_sync=st.booleans(),
)

TIMER_EVENTS = {
    event_name(event): event()
    for event in vars(events).values()
    if isinstance(event, type) and event_name(event) in {timer.event for timer in TIMERS}
}
"""The end of each timer of a switch-driven scope."""

PEER_MESSAGES = st.one_of(
    REPORTS,
    st.builds(messages.VoteRequest, st.integers(0, 2), st.sampled_from(DesiredHaState), st.sampled_from([None, 1, 4])),
    st.builds(messages.VoteReply, st.sampled_from(Vote), st.sampled_from([None, 0, 1])),
    st.builds(messages.SwitchoverRequest, st.sampled_from(_IDS)),
    st.builds(messages.SwitchoverReply, st.sampled_from(_IDS), st.booleans()),
    st.builds(messages.ShutdownReply, st.booleans()),
    st.builds(messages.StandaloneRequest, THEIR_SIGNALS, st.sampled_from([None, *_IDS])),
    st.builds(messages.StandaloneReply, st.sampled_from(Selection), st.sampled_from([None, *_IDS])),
    st.sampled_from([messages.Heartbeat(), messages.BulkSyncDone(), messages.ShutdownRequest()]),
)

_switch_program = SwitchDrivenScopeFacts(config=ScopeConfig("1", ha_set_id="haset0_0")).program

SWITCH_SCOPE = Inputs(
    SwitchDrivenScope,
    told={
        "now_ms": st.sampled_from([0, 1000, 2000]),
        "config": st.sampled_from([ScopeConfig("1", ha_set_id="haset0_0")]) | SCOPE_CONFIGS | st.none(),
        "managed": st.sampled_from([True, True, True, False]),
        "pair": st.sampled_from([Pair("vdpu1_0"), Pair("vdpu1_0"), Pair("vdpu2_0"), None]),
        "dpu_up": st.sampled_from([True, True, None, False]),
        "dpu_lost": st.sampled_from([False, False, False, True]),
        "dpu_incarnation": st.sampled_from([0, 0, 1]),
        "ha_set_incarnation": st.sampled_from([1, 1, 1, 2, None]),
        "bfd_reach": st.sampled_from([None, 0, 2]),
        "channel_up": st.sampled_from([True, True, None, False]),
        "reported_role": st.none() | _ROLES,
        "update_failed": st.sampled_from([False, False, True]),
        "flow_reconcile_asked": st.sampled_from([False, False, True]),
        "drops_seen": st.sampled_from([False, False, True]),
        "switching_ack": st.booleans(),
        "link_up": st.sampled_from([True, True, False]),
        "peer_state": st.none() | st.sampled_from(STATES),
    },
    kept={
        "state": st.sampled_from(STATES),
        "relay": st.sampled_from(RowState),
        "left": st.sampled_from(STATES),
        "peer_connected": st.booleans(),
        "peer_term": st.integers(0, 3),
        "peer_role": st.none() | _ROLES,
        "peer_ready_to_pair": st.booleans(),
        "peer_pinned": st.booleans(),
        "peer_in_sync": st.booleans(),
        "peer_serves_alone": st.booleans(),
        "paired_with": st.sampled_from(["", "vdpu1_0"]),
        "target_role": _ROLES,
        "term": st.integers(0, 3),
        "in_sync": st.booleans(),
        "programmed": st.sampled_from([_switch_program, None]),
        "programmed_in": st.tuples(st.sampled_from([1, 2, None]), st.integers(0, 1)),
        "reported": st.none() | REPORTS,
        "connect_timed_out": st.booleans(),
        "role_failed": st.booleans(),
        "peer_dead_confirmed": st.booleans(),
        "no_active": st.booleans(),
        "switchover_timed_out": st.booleans(),
        "attempts": st.integers(0, 4),
        "running": st.frozensets(st.sampled_from(sorted(TIMER_EVENTS)), max_size=6),
        "operations": _SWITCH_OPERATIONS,
        "operations_changed_ms": st.sampled_from([None, 500]),
        "switchover": st.none()
        | st.builds(Switchover, st.sampled_from(_IDS), st.sampled_from(SwitchoverState), st.just(100)),
        "rejections": st.integers(0, 3),
        "switchover_held_off": st.booleans(),
        "synchronised": st.booleans(),
        "sync_failed": st.booleans(),
        "sync_drops": st.booleans(),
        "hold_downs": st.integers(0, 8),
        "no_flows_yet": st.booleans(),
        "flow_sync": st.none() | st.builds(FlowSync, st.sampled_from(_IDS), st.sampled_from(FlowSyncState), st.just(1)),
        "sync_open": st.booleans(),
        "sync_announced": st.booleans(),
        "peer_shutdown": st.booleans(),
        "signals": st.none() | OUR_SIGNALS,
        "episode": st.sampled_from(["", *_IDS]),
        "promised": st.booleans(),
        "answered": st.none() | st.tuples(st.sampled_from(_IDS), st.sampled_from(Selection)),
        "denied": st.just(False),
        "denied_triggers": st.frozensets(st.sampled_from(Trigger), max_size=3),
        "granted": st.frozensets(st.just(RECONCILE)),
        "reconcile_awaited": st.booleans(),
        "greeted": st.booleans(),
        "unnumbered_votes": st.integers(0, 4),
    },
    events=st.one_of(
        PEER_MESSAGES,
        PEER_MESSAGES,
        st.sampled_from(sorted(TIMER_EVENTS.values(), key=repr)),
        st.lists(st.sampled_from(_IDS), max_size=3).map(lambda ids: Approval(tuple(ids))),
        st.builds(events.FlowSyncEnded, st.sampled_from(_IDS), st.booleans()),
    ),
    working=switch_scope_facts(),
)

ALL_INPUTS = (DPU_HEALTH, SCOPE, HA_SET, SWITCH_HA_SET, SWITCH_SCOPE, ENI)


def matching(config: HaSetConfig, *, v6: bool = False) -> tuple[VdpuView, ...]:
    """The vDPUs of a configuration in its order, as the daemon tells them."""
    known = {vdpu.vdpu_id: vdpu for vdpu in ((A6, B6, C) if v6 else (A, B, C))}
    return tuple(known[vdpu_id] for vdpu_id in config.vdpu_ids)
