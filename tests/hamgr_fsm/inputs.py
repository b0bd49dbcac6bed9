"""Random facts and events for each machine, from small pools in which values meet again.

``told`` draws any told facts in any combination, also such that the daemon would never tell; ``kept`` draws the
machine's own memory, to start from anywhere.
"""

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import frozen
from hypothesis import strategies as st

from hamgr_fsm.dpu_health import DpuHealth, DpuHealthState
from hamgr_fsm.events import Approval, RequestTimeout
from hamgr_fsm.ha_set import DpuDrivenHaSet
from hamgr_fsm.ha_set_facts import (
    ChannelState,
    DpuRowState,
    HaSetConfig,
    HaSetFacts,
    RespondersState,
    RouteState,
)
from hamgr_fsm.machine import Machine
from hamgr_fsm.programs import Neighbour, Responder
from hamgr_fsm.scope.dpu_driven import DpuDrivenScope
from hamgr_fsm.scope.dpu_driven_facts import (
    DpuDrivenScopeFacts,
    ProbeState,
    RelayState,
    ReportedState,
    ScopeConfig,
)
from hamgr_fsm.scope.operations import PendingOperation
from hamgr_fsm.traffic import VdpuView
from hamgr_fsm.vocabulary import DesiredHaState, HaOwner, PinState, PlaneState
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

ALL_INPUTS = (DPU_HEALTH, SCOPE, HA_SET)


def matching(config: HaSetConfig, *, v6: bool = False) -> tuple[VdpuView, ...]:
    """The vDPUs of a configuration in its order, as the daemon tells them."""
    known = {vdpu.vdpu_id: vdpu for vdpu in ((A6, B6, C) if v6 else (A, B, C))}
    return tuple(known[vdpu_id] for vdpu_id in config.vdpu_ids)
