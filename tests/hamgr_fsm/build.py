"""A working pair in facts, and machines put where a test begins.

The pair is vDPU A in the slot of this process and vDPU B in the other switch. Every builder goes the way the daemon
goes, by telling facts, so that no test starts from a state that cannot be reached.
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address
from itertools import count
from typing import Any, TypeVar

import attrs

from hamgr_fsm.dpu_health import DpuHealth
from hamgr_fsm.effects import Effect, ProgramScope
from hamgr_fsm.facts import Facts
from hamgr_fsm.ha_set import DpuDrivenHaSet
from hamgr_fsm.ha_set_facts import HaSetConfig
from hamgr_fsm.machine import Machine
from hamgr_fsm.programs import GlobalSettings
from hamgr_fsm.scope.dpu_driven import DpuDrivenScope
from hamgr_fsm.scope.dpu_driven_facts import ReportedState, ScopeConfig
from hamgr_fsm.scope.switch_driven_facts import Pair
from hamgr_fsm.traffic import ScopeView, VdpuView
from hamgr_fsm.vocabulary import HaOwner, HaRole, HaState, OperationType, PlaneState

EffectT = TypeVar("EffectT")

VIP4, VIP6 = IPv4Address("3.2.1.0"), IPv6Address("3:2::1:0")

A = VdpuView(
    "vdpu0_0",
    managed=True,
    local=True,
    pa_v4=IPv4Address("18.0.202.1"),
    npu_v4=IPv4Address("10.1.0.32"),
    up=True,
)
B = VdpuView(
    "vdpu1_0",
    managed=False,
    local=False,
    pa_v4=IPv4Address("18.1.202.1"),
    npu_v4=IPv4Address("10.1.1.32"),
)
C = attrs.evolve(B, vdpu_id="vdpu2_0", pa_v4=IPv4Address("18.2.202.1"), npu_v4=IPv4Address("10.1.2.32"))
"""Takes the place of B when the pair is formed anew."""

A6 = attrs.evolve(A, pa_v6=IPv6Address("18::1"), npu_v6=IPv6Address("fc00:1::32"))
B6 = attrs.evolve(B, pa_v6=IPv6Address("18::2"), npu_v6=IPv6Address("fc00:2::32"))

SETTINGS = GlobalSettings(
    cp_data_channel_port=6000,
    dp_channel_dst_port=7000,
    dp_channel_src_port_min=7001,
    dp_channel_src_port_max=7010,
    dp_channel_probe_interval_ms=500,
    dp_channel_probe_fail_threshold=3,
    dpu_bfd_probe_interval_ms=1000,
    dpu_bfd_probe_multiplier=3,
    dpu_vnet="Vnet_55",
    dpu_vlan="Vlan55",
)
SET_CONFIG = HaSetConfig(
    version="1",
    vip_v4=VIP4,
    vdpu_ids=(A.vdpu_id, B.vdpu_id),
    preferred=A.vdpu_id,
    pins=(),
    preferred_standalone_index=0,
)
SCOPE_CONFIG = ScopeConfig(version="1", disabled=False, ha_set_id="haset0_0")

ACTIVATE = OperationType.ACTIVATE_ROLE
RECONCILE = OperationType.FLOW_RECONCILE
RECOVER = OperationType.BRAINSPLIT_RECOVER


class Ids:
    """A source of ids that never repeats one, and says what the next will be."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def __call__(self) -> str:
        return f"id-{next(self._numbers)}"


def only(kind: type[EffectT], effects: Iterable[Effect]) -> list[EffectT]:
    """The effects of one kind, in order."""
    return [effect for effect in effects if isinstance(effect, kind)]


def dpu(**facts: object) -> DpuHealth:
    """A DPU all of whose planes are up, and then what is told."""
    machine = DpuHealth()
    machine.update(midplane=PlaneState.UP, control_plane=PlaneState.UP, data_plane=PlaneState.UP)
    if facts:
        machine.update(**facts)
    return machine


def ha_set_facts(**facts: object) -> dict[str, object]:
    """Everything an HA set needs to be programmed, with some of it replaced."""
    return {
        "config": SET_CONFIG,
        "settings": SETTINGS,
        "vdpus": (A, B),
        "owner": HaOwner.DPU,
        "channel_up": True,
        **facts,
    }


def ha_set(**facts: object) -> DpuDrivenHaSet:
    """An HA set that was told everything it needs, with some of it replaced."""
    machine = DpuDrivenHaSet()
    machine.update(**ha_set_facts(**facts))
    return machine


def scope_facts(**facts: object) -> dict[str, object]:
    """Everything a scope needs to be programmed, with some of it replaced."""
    return {
        "config": SCOPE_CONFIG,
        "managed": True,
        "dpu_up": True,
        "ha_set_incarnation": 1,
        "vip_v4": VIP4,
        **facts,
    }


def switch_ha_set_facts(**facts: object) -> dict[str, object]:
    """Everything an HA set of a switch-driven scope needs to be programmed and to have a route."""
    serving = ScopeView(A.vdpu_id, HaState.ACTIVE, HaRole.ACTIVE, 1)
    return ha_set_facts(**{"owner": HaOwner.SWITCH, "serving": True, "scopes": (serving,), **facts})


def switch_scope_facts(**facts: object) -> dict[str, object]:
    """Everything a switch-driven scope needs to launch, with some of it replaced; its DPU has the role dead."""
    return {
        "config": SCOPE_CONFIG,
        "managed": True,
        "pair": Pair(B.vdpu_id, position=0, peer_position=1, preferred_position=0),
        "dpu_up": True,
        "ha_set_incarnation": 1,
        "channel_up": True,
        "link_up": True,
        "reported_role": HaRole.DEAD,
        **facts,
    }


def scope(**facts: object) -> DpuDrivenScope:
    """A scope that was told everything it needs, with some of it replaced."""
    machine = DpuDrivenScope(new_id=Ids())
    machine.update(**scope_facts(**facts))
    return machine


def serving_scope(state: ReportedState = ReportedState.ACTIVE, **facts: object) -> DpuDrivenScope:
    """A scope whose DPU serves and asks nothing."""
    return scope(**{"reported": state, "asked": frozenset(), **facts})


def config(**changes: object) -> ScopeConfig:
    """The scope's configuration with some of it replaced."""
    return attrs.evolve(SCOPE_CONFIG, **changes)  # type: ignore[arg-type]


def set_config(**changes: object) -> HaSetConfig:
    """The set's configuration with some of it replaced."""
    return attrs.evolve(SET_CONFIG, **changes)  # type: ignore[arg-type]


def settings(**changes: object) -> GlobalSettings:
    """The global configuration with some of it replaced."""
    return attrs.evolve(SETTINGS, **changes)  # type: ignore[arg-type]


def carried(effects: Iterable[Effect]) -> list[frozenset[OperationType]]:
    """The requests of each row of the scope that was written, in order."""
    return [effect.requests for effect in only(ProgramScope, effects)]


def asking(*types: OperationType) -> frozenset[OperationType]:
    """What a DPU asks."""
    return frozenset(types)


def facts_of(machine: type[Machine[Any]], presets: Mapping[str, object]) -> Facts:
    """A record of facts with its own source of ids, for an engine to work on."""
    facts = machine.record(new_id=Ids())
    for name, value in presets.items():
        setattr(facts, name, value)
    return facts
