"""The HA set, row by row of ha-set 2, 3 and 4.1 (DPU-driven)."""

from ipaddress import IPv4Address, IPv6Address

import attrs
import pytest

from hamgr_fsm.effects import (
    AdvertiseRoute,
    Effect,
    ForgetNeighbour,
    ProgramHaSet,
    ProgramResponder,
    RemoveHaSet,
    RemoveResponder,
    ResolveNeighbour,
    WithdrawRoute,
)
from hamgr_fsm.ha_set import DpuDrivenHaSet
from hamgr_fsm.ha_set_facts import ChannelState, DpuRowState, HaSetConfig, HaSetReport, RespondersState, RouteState
from hamgr_fsm.programs import Endpoint, GlobalSettings, HaSetProgram, Neighbour, Responder, Route
from hamgr_fsm.traffic import VdpuView
from hamgr_fsm.vocabulary import HaOwner, HaScopeKind, PinState
from tests.hamgr_fsm.build import (
    A6,
    B6,
    SETTINGS,
    VIP4,
    VIP6,
    A,
    B,
    C,
    ha_set,
    ha_set_facts,
    only,
    set_config,
    settings,
)

PA_A, PA_B = IPv4Address("18.0.202.1"), IPv4Address("18.1.202.1")
NPU_A, NPU_B, NPU_C = IPv4Address("10.1.0.32"), IPv4Address("10.1.1.32"), IPv4Address("10.1.2.32")

PROGRAM = HaSetProgram(
    version="1",
    owner=HaOwner.DPU,
    kind=HaScopeKind.DPU,
    vip_v4=VIP4,
    vip_v6=None,
    local_npu_ip=NPU_A,
    local_ip=PA_A,
    peer_ip=PA_B,
    settings=GlobalSettings(
        cp_data_channel_port=6000,
        dp_channel_dst_port=7000,
        dp_channel_src_port_min=7001,
        dp_channel_src_port_max=7010,
        dp_channel_probe_interval_ms=500,
        dp_channel_probe_fail_threshold=3,
    ),
)
ROUTE = Route(
    vnet="Vnet_55",
    vips=(VIP4,),
    endpoints=(
        Endpoint("vdpu0_0", PA_A, PA_A, PinState.NONE),
        Endpoint("vdpu1_0", NPU_B, PA_B, PinState.NONE),
    ),
    primary=PA_A,
    probe_interval_ms=1000,
    directly_connected=True,
)
SESSIONS = (Responder(NPU_A, PA_A, 1000, 3), Responder(NPU_B, PA_A, 1000, 3))
NEIGHBOUR = Neighbour("Vlan55", PA_A)


def told(*effects: Effect) -> tuple[Effect, ...]:
    """Spells a step out as the effects it should have."""
    return effects


# Section 2: the DPU row.


def test_a_set_is_programmed_and_its_route_installed_once_everything_is_known() -> None:
    machine = DpuDrivenHaSet()
    assert machine.update(**ha_set_facts()) == told(
        ProgramHaSet(PROGRAM), ResolveNeighbour(NEIGHBOUR), AdvertiseRoute(ROUTE)
    )
    assert (machine.facts.dpu_row, machine.facts.route) == (DpuRowState.PROGRAMMED, RouteState.ADVERTISED)
    assert machine.facts.waiting_for == machine.facts.route_waiting_for == ""


@pytest.mark.parametrize(
    ("missing", "waits_for"),
    [
        ({"config": None}, "configuration of the HA set"),
        ({"config": set_config(vdpu_ids=())}, "exactly two vDPUs in vdpu_ids, which has 0"),
        ({"config": set_config(vdpu_ids=("vdpu0_0",)), "vdpus": (A,)}, "exactly two vDPUs in vdpu_ids, which has 1"),
        (
            {"config": set_config(vdpu_ids=("vdpu0_0", "vdpu1_0", "vdpu2_0")), "vdpus": (A, B, C)},
            "exactly two vDPUs in vdpu_ids, which has 3",
        ),
        ({"vdpus": ()}, "vDPU vdpu0_0, vdpu1_0"),
        ({"vdpus": (A,)}, "vDPU vdpu1_0"),
        ({"vdpus": (attrs.evolve(A, managed=False), B)}, "exactly one vDPU that is managed here"),
        ({"vdpus": (A, attrs.evolve(B, managed=True))}, "exactly one vDPU that is managed here"),
        ({"settings": None}, "global configuration"),
        ({"vdpus": (attrs.evolve(A, pa_v4=None), B)}, "pa_ipv4 of both DPUs"),
        ({"vdpus": (A, attrs.evolve(B, pa_v4=None))}, "pa_ipv4 of both DPUs"),
        ({"vdpus": (attrs.evolve(A, npu_v4=None), B)}, "an IPv4 address of Loopback0"),
        ({"owner": HaOwner.UNSPECIFIED}, "a configured HA scope, which says who owns the set"),
        ({"dpu_lost": True}, "the DPU to come back after its reset"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_set_waits_and_says_what_for(missing: dict[str, object], waits_for: str) -> None:
    machine = DpuDrivenHaSet()
    effects = machine.update(**ha_set_facts(**missing), serving=True)
    assert only(ProgramHaSet, effects) == []
    assert only(ProgramResponder, effects) == []
    assert machine.facts.waiting_for == waits_for
    assert machine.facts.report.incarnation is None
    assert ProgramHaSet(PROGRAM) in machine.update(**ha_set_facts(dpu_lost=False))


@pytest.mark.parametrize("last", list(ha_set_facts()))
def test_it_does_not_matter_what_is_told_last(last: str) -> None:
    facts = ha_set_facts()
    machine = DpuDrivenHaSet()
    machine.update(**{name: value for name, value in facts.items() if name != last})
    machine.update(**{last: facts[last]})
    assert (machine.facts.programmed, machine.facts.advertised) == (PROGRAM, ROUTE)


def test_the_owner_that_the_dpu_is_told_is_the_one_of_the_scope() -> None:
    assert ha_set(owner=HaOwner.SWITCH).facts.programmed == attrs.evolve(PROGRAM, owner=HaOwner.SWITCH)


@pytest.mark.parametrize(
    ("change", "program"),
    [
        ({"config": set_config(version="2")}, attrs.evolve(PROGRAM, version="2")),
        ({"owner": HaOwner.SWITCH}, attrs.evolve(PROGRAM, owner=HaOwner.SWITCH)),
        (
            {"vdpus": (A, attrs.evolve(B, pa_v4=IPv4Address("18.9.202.1")))},
            attrs.evolve(PROGRAM, peer_ip=IPv4Address("18.9.202.1")),
        ),
    ],
    ids=["version", "owner", "peer_ip"],
)
def test_a_change_that_an_existing_set_takes_is_written_over_it(
    change: dict[str, object], program: HaSetProgram
) -> None:
    machine = ha_set()
    incarnation = machine.facts.incarnation
    effects = machine.update(**change)
    assert [e for e in effects if isinstance(e, ProgramHaSet | RemoveHaSet)] == [ProgramHaSet(program)]
    assert machine.facts.report.incarnation == incarnation


@pytest.mark.parametrize(
    ("change", "program"),
    [
        ({"config": set_config(vip_v4=IPv4Address("3.2.1.9"))}, attrs.evolve(PROGRAM, vip_v4=IPv4Address("3.2.1.9"))),
        ({"config": set_config(vip_v6=VIP6)}, attrs.evolve(PROGRAM, vip_v6=VIP6)),
        ({"config": set_config(kind=HaScopeKind.ENI)}, attrs.evolve(PROGRAM, kind=HaScopeKind.ENI)),
        (
            {"settings": settings(dp_channel_dst_port=7777)},
            attrs.evolve(PROGRAM, settings=attrs.evolve(PROGRAM.settings, dp_channel_dst_port=7777)),
        ),
        (
            {"vdpus": (attrs.evolve(A, npu_v4=IPv4Address("10.1.0.99")), B)},
            attrs.evolve(PROGRAM, local_npu_ip=IPv4Address("10.1.0.99")),
        ),
        (
            {"vdpus": (attrs.evolve(A, pa_v4=IPv4Address("18.0.202.9")), B)},
            attrs.evolve(PROGRAM, local_ip=IPv4Address("18.0.202.9")),
        ),
    ],
    ids=["vip_v4", "vip_v6", "scope kind", "channel port", "local NPU", "local DPU"],
)
def test_any_other_change_deletes_the_set_before_it_creates_it(
    change: dict[str, object], program: HaSetProgram
) -> None:
    machine = ha_set()
    incarnation = machine.facts.incarnation
    effects = machine.update(**change)
    rows = [e for e in effects if isinstance(e, ProgramHaSet | RemoveHaSet)]
    assert rows == [RemoveHaSet(), ProgramHaSet(program)]
    # The scopes see another incarnation, and with it that theirs have to be created anew.
    assert machine.facts.report.incarnation == incarnation + 1


@pytest.mark.parametrize(
    "change",
    [
        {"settings": settings(dpu_bfd_probe_interval_ms=2000)},
        {"settings": settings(dpu_vnet="Vnet_66")},
        {"settings": settings(dpu_vlan="Vlan66")},
        {"config": set_config(pins=(PinState.DOWN,))},
        {"config": set_config(preferred="vdpu1_0")},
        {"config": set_config(preferred_standalone_index=1)},
        {"channel_up": False},
        {"serving": True},
        {"vdpus": (attrs.evolve(A, up=False), B)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_the_row_does_not_carry_does_not_touch_it(change: dict[str, object]) -> None:
    effects = ha_set().update(**change)
    assert [e for e in effects if isinstance(e, ProgramHaSet | RemoveHaSet)] == []


def test_the_same_facts_again_write_nothing() -> None:
    machine = ha_set(serving=True)
    assert machine.update(**ha_set_facts(serving=True)) == ()


def test_a_programmed_set_keeps_its_row_while_something_is_unknown_for_a_while() -> None:
    machine = ha_set(serving=True)
    for gap in ({"settings": None}, {"vdpus": (B,)}, {"owner": HaOwner.UNSPECIFIED}):
        assert machine.update(**gap) == ()
        assert machine.facts.dpu_row is DpuRowState.PROGRAMMED
        assert machine.update(**ha_set_facts(serving=True)) == ()


def test_deleting_the_configuration_removes_everything_it_led_to() -> None:
    machine = ha_set(serving=True)
    assert machine.update(config=None, vdpus=()) == told(
        RemoveHaSet(),
        RemoveResponder(NPU_A),
        RemoveResponder(NPU_B),
        WithdrawRoute("Vnet_55", VIP4),
        ForgetNeighbour(NEIGHBOUR),
    )
    facts = machine.facts
    assert (facts.dpu_row, facts.responders, facts.route) == (
        DpuRowState.REMOVED,
        RespondersState.NONE,
        RouteState.NONE,
    )
    assert (facts.programmed, facts.sessions, facts.advertised, facts.resolved) == (None, (), None, None)
    assert facts.report == HaSetReport()


def test_a_set_that_is_configured_again_is_created_again() -> None:
    machine = ha_set()
    machine.update(config=None, vdpus=())
    effects = machine.update(**ha_set_facts())
    assert effects == told(ProgramHaSet(PROGRAM), ResolveNeighbour(NEIGHBOUR), AdvertiseRoute(ROUTE))
    assert machine.facts.report.incarnation == 2


def test_a_set_none_of_whose_vdpus_is_managed_here_any_more_takes_everything_back() -> None:
    machine = ha_set(serving=True)
    effects = machine.update(vdpus=(attrs.evolve(A, managed=False), B))
    assert effects == told(
        RemoveHaSet(),
        RemoveResponder(NPU_A),
        RemoveResponder(NPU_B),
        WithdrawRoute("Vnet_55", VIP4),
        ForgetNeighbour(NEIGHBOUR),
    )
    assert machine.facts.dpu_row is DpuRowState.WAITING


def test_a_set_that_was_never_managed_here_programs_nothing() -> None:
    machine = DpuDrivenHaSet()
    machine.update()
    effects = machine.update(**ha_set_facts(vdpus=(attrs.evolve(A, managed=False), B), serving=True))
    assert effects == ()


def test_a_lost_dpu_is_not_told_and_a_returned_one_is_told_everything() -> None:
    machine = ha_set(serving=True)
    assert machine.update(dpu_lost=True, dpu_incarnation=1, channel_up=None, serving=False) == told(
        RemoveResponder(NPU_A), RemoveResponder(NPU_B)
    )
    assert machine.facts.dpu_row is DpuRowState.WAITING
    assert machine.facts.report.incarnation is None
    assert machine.update(dpu_lost=False) == told(ProgramHaSet(PROGRAM))
    assert machine.facts.report.incarnation == 2
    # Sessions follow once the scope's DPU serves again, although nothing has changed in any row.
    assert machine.update(serving=True) == told(*map(ProgramResponder, SESSIONS))


def test_a_dpu_that_was_flushed_unseen_is_told_everything_in_order() -> None:
    machine = ha_set(serving=True)
    assert machine.update(dpu_incarnation=1) == told(
        ProgramHaSet(PROGRAM),
        RemoveResponder(NPU_A),
        RemoveResponder(NPU_B),
        *map(ProgramResponder, SESSIONS),
    )


def test_a_new_peer_rewrites_row_sessions_and_route() -> None:
    machine = ha_set(serving=True)
    effects = machine.update(config=set_config(vdpu_ids=("vdpu0_0", "vdpu2_0")), vdpus=(A, C))
    peer = IPv4Address("18.2.202.1")
    assert effects == told(
        ProgramHaSet(attrs.evolve(PROGRAM, peer_ip=peer)),
        RemoveResponder(NPU_B),
        ProgramResponder(Responder(NPU_C, PA_A, 1000, 3)),
        AdvertiseRoute(
            attrs.evolve(ROUTE, endpoints=(ROUTE.endpoints[0], Endpoint("vdpu2_0", NPU_C, peer, PinState.NONE)))
        ),
    )
    assert machine.facts.report.peer_ip == peer


# Section 2: the channel, and what scopes hear.


@pytest.mark.parametrize("start", ChannelState)
@pytest.mark.parametrize(
    ("reported", "state"), [(True, ChannelState.UP), (False, ChannelState.DOWN), (None, ChannelState.UNKNOWN)]
)
def test_the_channel_is_what_the_dpu_reports(start: ChannelState, reported: bool | None, state: ChannelState) -> None:
    machine = DpuDrivenHaSet(channel=start)
    machine.update(channel_up=reported)
    assert machine.facts.channel is state


def test_scopes_hear_of_the_set_only_once_it_is_programmed() -> None:
    machine = DpuDrivenHaSet()
    machine.update(**ha_set_facts(owner=HaOwner.UNSPECIFIED))
    assert machine.facts.report == HaSetReport()
    machine.update(owner=HaOwner.DPU)
    assert machine.facts.report == HaSetReport(1, VIP4, None, PA_A, PA_B, channel_up=True)


@pytest.mark.parametrize("channel_up", [True, False, None])
def test_scopes_hear_whether_the_channel_is_up(channel_up: bool | None) -> None:
    assert ha_set(channel_up=channel_up).facts.report.channel_up is channel_up


# Section 3: the responders.


def test_sessions_are_there_only_while_the_scope_wants_probes_answered() -> None:
    machine = ha_set()
    assert machine.facts.responders is RespondersState.NONE
    assert machine.update(serving=True) == told(*map(ProgramResponder, SESSIONS))
    assert machine.update(serving=False) == told(RemoveResponder(NPU_A), RemoveResponder(NPU_B))
    assert machine.facts.responders is RespondersState.NONE


def test_no_session_before_the_set_itself() -> None:
    machine = DpuDrivenHaSet()
    assert only(ProgramResponder, machine.update(**ha_set_facts(owner=HaOwner.UNSPECIFIED, serving=True))) == []
    effects = machine.update(owner=HaOwner.DPU)
    assert effects[:3] == told(ProgramHaSet(PROGRAM), *map(ProgramResponder, SESSIONS))


@pytest.mark.parametrize(
    ("vdpus", "npus"),
    [
        ((A6, B6), {NPU_A, NPU_B, IPv6Address("fc00:1::32"), IPv6Address("fc00:2::32")}),
        ((A6, B), {NPU_A, NPU_B, IPv6Address("fc00:1::32")}),
        ((attrs.evolve(A6, pa_v6=None), B6), {NPU_A, NPU_B}),
        ((A, attrs.evolve(B, npu_v4=None)), {NPU_A}),
        ((A, attrs.evolve(B, npu_v4=NPU_A, local=True)), {NPU_A}),
    ],
    ids=["both families", "one NPU without IPv6", "DPU without IPv6", "unknown NPU", "both DPUs in one switch"],
)
def test_one_session_for_each_address_of_an_npu_that_the_dpu_can_answer(
    vdpus: tuple[VdpuView, ...], npus: set[IPv4Address | IPv6Address]
) -> None:
    machine = ha_set(vdpus=vdpus, serving=True)
    sessions = machine.facts.sessions
    assert {session.npu_address for session in sessions} == npus
    assert len(sessions) == len(npus)
    for session in sessions:
        own = PA_A if session.npu_address.version == 4 else IPv6Address("18::1")
        assert session.local_address == own


def test_a_change_of_probe_settings_writes_every_session_again() -> None:
    machine = ha_set(serving=True)
    effects = machine.update(settings=settings(dpu_bfd_probe_interval_ms=300, dpu_bfd_probe_multiplier=5))
    assert [e.responder for e in only(ProgramResponder, effects)] == [
        Responder(NPU_A, PA_A, 300, 5),
        Responder(NPU_B, PA_A, 300, 5),
    ]
    assert only(RemoveResponder, effects) == []


def test_a_changed_address_of_an_npu_removes_the_old_session_and_leaves_the_others() -> None:
    machine = ha_set(serving=True)
    effects = machine.update(vdpus=(A, attrs.evolve(B, npu_v4=NPU_C)))
    rows = [e for e in effects if isinstance(e, ProgramResponder | RemoveResponder)]
    assert rows == [RemoveResponder(NPU_B), ProgramResponder(Responder(NPU_C, PA_A, 1000, 3))]


# Section 4.1: the route.


def test_the_neighbour_is_resolved_before_the_first_route_and_not_again() -> None:
    machine = DpuDrivenHaSet()
    effects = [e for e in machine.update(**ha_set_facts()) if isinstance(e, ResolveNeighbour | AdvertiseRoute)]
    assert effects == [ResolveNeighbour(NEIGHBOUR), AdvertiseRoute(ROUTE)]
    assert only(ResolveNeighbour, machine.update(config=set_config(preferred="vdpu1_0"))) == []


def test_another_vlan_resolves_the_neighbour_there_and_forgets_the_old_one() -> None:
    assert ha_set().update(settings=settings(dpu_vlan="Vlan66")) == told(
        ForgetNeighbour(NEIGHBOUR), ResolveNeighbour(Neighbour("Vlan66", PA_A))
    )


def test_a_vlan_that_comes_later_is_used_then() -> None:
    machine = ha_set(settings=settings(dpu_vlan=None))
    assert (machine.facts.advertised, machine.facts.resolved) == (ROUTE, None)
    assert machine.update(settings=SETTINGS) == told(ResolveNeighbour(NEIGHBOUR))


@pytest.mark.parametrize(
    ("change", "primary", "order"),
    [
        ({"preferred": "vdpu1_0"}, NPU_B, ["vdpu1_0", "vdpu0_0"]),
        ({"preferred": ""}, PA_A, ["vdpu0_0", "vdpu1_0"]),
        ({"preferred": "vdpu9_9"}, PA_A, ["vdpu0_0", "vdpu1_0"]),
    ],
    ids=["the other one", "none", "unknown"],
)
def test_the_route_follows_the_preferred_vdpu(
    change: dict[str, object], primary: IPv4Address, order: list[str]
) -> None:
    machine = ha_set()
    machine.update(config=set_config(**change))
    route = machine.facts.advertised
    assert route is not None
    assert route.primary == primary
    assert [endpoint.vdpu_id for endpoint in route.endpoints] == order


def test_the_route_of_a_dpu_driven_set_does_not_ask_who_serves_or_is_up() -> None:
    machine = ha_set(serving=True)
    for change in (
        {"serving": False},
        {"channel_up": False},
        {"vdpus": (attrs.evolve(A, up=False), B)},
        {"dpu_lost": True, "dpu_incarnation": 1},
    ):
        effects = machine.update(**change)
        assert [e for e in effects if isinstance(e, AdvertiseRoute | WithdrawRoute)] == []
        assert machine.facts.advertised == ROUTE


def test_rows_of_a_vip_that_is_gone_are_withdrawn_before_the_route_is_written() -> None:
    machine = ha_set(config=set_config(vip_v6=VIP6))
    effects = machine.update(config=set_config())
    assert [e for e in effects if isinstance(e, AdvertiseRoute | WithdrawRoute)] == [
        WithdrawRoute("Vnet_55", VIP6),
        AdvertiseRoute(ROUTE),
    ]


def test_another_vnet_withdraws_the_rows_of_the_old_one() -> None:
    assert ha_set().update(settings=settings(dpu_vnet="Vnet_66")) == told(
        WithdrawRoute("Vnet_55", VIP4), AdvertiseRoute(attrs.evolve(ROUTE, vnet="Vnet_66"))
    )


@pytest.mark.parametrize(
    ("missing", "waits_for"),
    [
        ({"settings": settings(dpu_vnet=None)}, "dpu_vnet in the global configuration"),
        ({"config": set_config(vip_v4=None)}, "a VIP in the configuration of the HA set"),
        ({"vdpus": (A, attrs.evolve(B, npu_v4=None))}, "npu_ipv4 of the peer's DPU"),
    ],
    ids=["dpu_vnet", "vip", "npu of the peer"],
)
def test_what_only_the_route_needs_postpones_the_route_alone(missing: dict[str, object], waits_for: str) -> None:
    machine = ha_set(**missing, serving=True)
    assert machine.facts.dpu_row is DpuRowState.PROGRAMMED
    assert machine.facts.responders is RespondersState.PRESENT
    assert (machine.facts.route, machine.facts.route_waiting_for) == (RouteState.NONE, waits_for)
    machine.update(**ha_set_facts())
    assert machine.facts.advertised == ROUTE


def test_an_installed_route_stays_while_there_is_no_other() -> None:
    machine = ha_set()
    assert machine.update(settings=settings(dpu_vnet=None)) == ()
    assert machine.facts.advertised == ROUTE


def test_the_configuration_has_defaults_that_wait() -> None:
    machine = DpuDrivenHaSet()
    machine.update(config=HaSetConfig())
    assert machine.facts.waiting_for == "exactly two vDPUs in vdpu_ids, which has 0"
