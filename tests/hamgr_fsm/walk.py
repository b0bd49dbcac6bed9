"""An example for every row of every table, found by walking through facts in a fixed order.

A row that no walk takes is a row that nobody can take, or a walk that has to grow with the tables: either is worth a
failing test, see ``test_rows.py``.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import attrs
from attrs import frozen

from hamgr_fsm.dpu_health import DpuHealth, DpuHealthState
from hamgr_fsm.eni_forwarding import EniForwarding, EniPlacement, EntryState
from hamgr_fsm.events import Approval, RequestTimeout
from hamgr_fsm.ha_set import DpuDrivenHaSet, SwitchDrivenHaSet
from hamgr_fsm.ha_set_facts import ChannelState, DpuRowState, HaSetFacts, RespondersState, RouteState
from hamgr_fsm.machine import Machine
from hamgr_fsm.programs import Neighbour
from hamgr_fsm.scope.dpu_driven import DpuDrivenScope
from hamgr_fsm.scope.dpu_driven_facts import DpuDrivenScopeFacts, ProbeState, RelayState, ReportedState
from hamgr_fsm.scope.operations import PendingOperation
from hamgr_fsm.scope.switch_driven import SwitchDrivenScope
from hamgr_fsm.traffic import ScopeView
from hamgr_fsm.vocabulary import DesiredHaState, HaRole, HaState, PlaneState
from tests.hamgr_fsm.build import (
    ACTIVATE,
    RECONCILE,
    SETTINGS,
    VIP6,
    A,
    B,
    Ids,
    asking,
    config,
    ha_set_facts,
    scope_facts,
    set_config,
    settings,
    switch_ha_set_facts,
)
from tests.hamgr_fsm.inputs import ENTRY
from tests.hamgr_fsm.switch_driven_build import at
from tests.hamgr_fsm.switch_driven_cases import CASES

assert A.pa_v4 is not None
PA_A = A.pa_v4

Choices = Mapping[str, Sequence[object]]


@frozen
class Walk:
    """Every combination of some facts, on top of fixed ones, once without and once with each event."""

    machine: type[Machine[Any]]
    fixed: Mapping[str, object]
    choices: Choices
    events: tuple[object | None, ...] = (None,)

    def steps(self) -> Iterator[tuple[dict[str, object], object | None]]:
        """The facts and the event of each combination, in a fixed order."""
        for values in product(*self.choices.values()):
            for event in self.events:
                yield {**self.fixed, **dict(zip(self.choices, values, strict=True))}, event


@frozen
class Example:
    """Facts and an event from which a machine takes a row."""

    machine: type[Machine[Any]]
    region: str
    number: int
    presets: Mapping[str, object]
    event: object | None

    def __str__(self) -> str:
        return f"{self.machine.__name__}-{self.region}-{self.number}"


_written_scope = DpuDrivenScopeFacts(**scope_facts())  # type: ignore[arg-type]
_written_switch_set = HaSetFacts(**switch_ha_set_facts())  # type: ignore[arg-type]
_written_set = HaSetFacts(**ha_set_facts())  # type: ignore[arg-type]

_B_SERVES = (ScopeView(B.vdpu_id, HaState.STANDALONE, HaRole.STANDALONE, 2),)

_PLANES = Walk(
    DpuHealth,
    fixed={},
    choices={
        "health": tuple(DpuHealthState),
        "midplane": tuple(PlaneState),
        "control_plane": tuple(PlaneState),
        "data_plane": tuple(PlaneState),
        "lost": (False, True),
        "flushes": (0, 1),
    },
)

_REPORTS = Walk(
    DpuDrivenScope,
    fixed=scope_facts(),
    choices={
        "config": (config(), config(disabled=True)),
        "dpu": tuple(ReportedState),
        "reported": tuple(ReportedState),
    },
)

_ASKING = Walk(
    DpuDrivenScope,
    fixed=scope_facts(),
    choices={
        "asked": (None, asking(), asking(ACTIVATE), asking(ACTIVATE, RECONCILE)),
        "operations": ((), (PendingOperation("old-1", ACTIVATE),), (PendingOperation("old-2", RECONCILE),)),
        "awaited": (asking(), asking(ACTIVATE)),
        "relay": tuple(RelayState),
    },
    events=(None, RequestTimeout(), Approval(("old-1",))),
)

_PROBING = Walk(
    DpuDrivenScope,
    fixed=scope_facts(dpu=ReportedState.ACTIVE, reported=ReportedState.ACTIVE),
    choices={
        "probe": tuple(ProbeState),
        "config": tuple(config(disabled=off, desired=wish) for off in (False, True) for wish in DesiredHaState),
        "dpu_up": (True, False, None),
    },
)

_RELAYING = Walk(
    DpuDrivenScope,
    fixed=scope_facts(),
    choices={
        "relay": tuple(RelayState),
        "config": (config(), config(disabled=True), config(version="2"), None),
        "ha_set_incarnation": (1, 2, None),
        "dpu_incarnation": (0, 1),
        "dpu_lost": (False, True),
        "managed": (True, False),
        "programmed": (_written_scope.program, None),
        "programmed_in": ((1, 0),),
    },
)

_DPU_ROW = Walk(
    DpuDrivenHaSet,
    fixed=ha_set_facts(programmed=_written_set.program),
    choices={
        "dpu_row": tuple(DpuRowState),
        "config": (set_config(), set_config(version="2"), set_config(vip_v6=VIP6), None),
        "vdpus": ((A, B), (A,), (attrs.evolve(A, managed=False), B)),
        "programmed_in": (0,),
        "dpu_incarnation": (0, 1),
        "dpu_lost": (False, True),
    },
)

_CHANNEL = Walk(
    DpuDrivenHaSet,
    fixed=ha_set_facts(),
    choices={"channel": tuple(ChannelState), "channel_up": (True, False, None)},
)

_RESPONDING = Walk(
    DpuDrivenHaSet,
    fixed=ha_set_facts(programmed=_written_set.program, dpu_row=DpuRowState.PROGRAMMED),
    choices={
        "responders": tuple(RespondersState),
        "serving": (True, False),
        "sessions": (_written_set.wanted_sessions, _written_set.wanted_sessions[:1], ()),
        "dpu_incarnation": (0, 1),
        "programmed_in": (0, 1),
        "sessions_in": (0,),
    },
)

_ROUTE = Walk(
    DpuDrivenHaSet,
    fixed=ha_set_facts(),
    choices={
        "route": tuple(RouteState),
        "advertised": (_written_set.wanted_route, None),
        "resolved": (None, _written_set.wanted_neighbour, Neighbour("Vlan77", PA_A)),
        "config": (set_config(), None),
        "settings": (SETTINGS, settings(dpu_vlan=None)),
    },
)

_SERVING = Walk(
    SwitchDrivenHaSet,
    fixed=switch_ha_set_facts(),
    choices={
        "route": tuple(RouteState),
        "advertised": (_written_switch_set.serving_route, None),
        "resolved": (None, _written_set.wanted_neighbour, Neighbour("Vlan77", PA_A)),
        "config": (set_config(), None),
        "settings": (SETTINGS, settings(dpu_vlan=None)),
        "scopes": (_written_switch_set.scopes, ()),
    },
)

_FORWARDING = Walk(
    EniForwarding,
    fixed={"vdpu_ids": (A.vdpu_id, B.vdpu_id), "installed_for": "haset0_0"},
    choices={
        "entry": tuple(EntryState),
        "installed": (ENTRY, None),
        "placement": (EniPlacement(ENTRY.mac, "haset0_0"), EniPlacement("F4:93:9F:EF:C4:7F", "haset0_0"), None),
        "vdpus": (
            (A, B),
            (attrs.evolve(A, managed=False), B),
            (attrs.evolve(A, managed=False, local=False), B),
        ),
        "scopes": ((), (ScopeView(A.vdpu_id, HaState.ACTIVE, HaRole.ACTIVE, 1),), _B_SERVES),
        "vnet": (ENTRY.vnet,),
    },
)

# Both variants of the HA set share all regions but the route.
_SHARED = (_DPU_ROW, _CHANNEL, _RESPONDING)

WALKS = (
    _PLANES,
    _REPORTS,
    _ASKING,
    _PROBING,
    _RELAYING,
    *_SHARED,
    _ROUTE,
    *(attrs.evolve(walk, machine=SwitchDrivenHaSet) for walk in _SHARED),
    _SERVING,
    _FORWARDING,
)


def _steps() -> Iterator[tuple[type[Machine[Any]], Mapping[str, object], object | None]]:
    for walk in WALKS:
        for presets, event in walk.steps():
            yield walk.machine, presets, event
    for case in CASES:
        rest = dict(at(case.state, **case.given).snapshot().facts)
        yield SwitchDrivenScope, {**rest, **case.told}, case.event


@cache
def examples() -> tuple[Example, ...]:
    """The first example, on the walks and among the cases, for each row that they take."""
    found: dict[tuple[type[Machine[Any]], str, int], Example] = {}
    for kind, presets, event in _steps():
        machine = kind(new_id=Ids(), **presets)
        _ = machine.update() if event is None else machine.send(event)
        for move in machine.moves:
            example = Example(kind, move.machine, move.row.number, presets, event)
            found.setdefault((kind, move.machine, move.row.number), example)
    return tuple(sorted(found.values(), key=str))
