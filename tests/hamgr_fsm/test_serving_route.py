"""The route of a switch-driven HA set: over all pairs of reports it leads to whoever serves, and to nobody else."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamgr_fsm.effects import AdvertiseRoute, WithdrawRoute
from hamgr_fsm.ha_set import SwitchDrivenHaSet
from hamgr_fsm.ha_set_facts import HaSetConfig
from hamgr_fsm.programs import GlobalSettings, Route
from hamgr_fsm.traffic import ScopeView, VdpuView, serving_route, serving_vdpu
from hamgr_fsm.vocabulary import HaOwner, HaRole, HaState, PinState

VIP = IPv4Address("3.2.1.0")
SETTINGS = GlobalSettings(dpu_vnet="Vnet_55", dpu_vlan="Vlan55", dpu_bfd_probe_interval_ms=1000)
A, B = "vdpu0_0", "vdpu1_0"
VDPUS = (
    VdpuView(A, True, True, IPv4Address("20.0.200.1"), npu_v4=IPv4Address("10.1.0.32")),
    VdpuView(B, False, False, IPv4Address("20.0.201.1"), npu_v4=IPv4Address("10.1.0.33")),
)
SERVING = ((HaState.ACTIVE, HaRole.ACTIVE), (HaState.STANDALONE, HaRole.STANDALONE))

views = st.builds(
    ScopeView,
    vdpu_id=st.just(A),
    state=st.sampled_from(HaState),
    acked_role=st.sampled_from([*HaRole, None]),
    term=st.integers(0, 3),
    pinned=st.booleans(),
)
pins = st.lists(st.sampled_from(PinState), max_size=2)
health = st.sampled_from([True, False, None])


def route(vdpus: tuple[VdpuView, ...], scopes: list[ScopeView], pins: list[PinState] | None = None) -> Route | None:
    return serving_route(vdpus, scopes, pins=pins or [], vips=[VIP], settings=SETTINGS)


def of(view: ScopeView, vdpu_id: str) -> ScopeView:
    return ScopeView(vdpu_id, view.state, view.acked_role, view.term, view.pinned)


def with_health(a: bool | None, b: bool | None) -> tuple[VdpuView, ...]:
    return tuple(
        VdpuView(v.vdpu_id, v.managed, v.local, v.pa_v4, npu_v4=v.npu_v4, up=up)
        for v, up in zip(VDPUS, (a, b), strict=True)
    )


@given(views, views, pins, health, health)
def test_i03_the_primary_serves_and_is_not_down(
    a: ScopeView, b: ScopeView, pinned: list[PinState], up_a: bool | None, up_b: bool | None
) -> None:
    vdpus, scopes = with_health(up_a, up_b), [of(a, A), of(b, B)]
    found = route(vdpus, scopes, pinned)
    serving = [s for s, up in zip(scopes, (up_a, up_b), strict=True) if s.serves and up is not False]
    assert (found is None) == (not serving)
    if found is not None:
        assert found.endpoints[0].vdpu_id in {scope.vdpu_id for scope in serving}
        assert found.primary == found.endpoints[0].address


@given(views, views, pins)
def test_i04_lists_belong_together_and_pins_are_matched_by_vdpu(
    a: ScopeView, b: ScopeView, pinned: list[PinState]
) -> None:
    found = route(VDPUS, [of(a, A), of(b, B)], pinned)
    if found is None:
        return
    wanted = {id_: pinned[i] if i < len(pinned) else PinState.NONE for i, id_ in enumerate((A, B))}
    assert {endpoint.vdpu_id: endpoint.pin for endpoint in found.endpoints} == wanted
    monitors = {A: IPv4Address("20.0.200.1"), B: IPv4Address("20.0.201.1")}
    assert all(endpoint.monitor == monitors[endpoint.vdpu_id] for endpoint in found.endpoints)


@given(views, views)
def test_fl32_the_order_of_the_reports_does_not_matter(a: ScopeView, b: ScopeView) -> None:
    reports = [of(a, A), of(b, B)]
    assert route(VDPUS, reports) == route(VDPUS, reports[::-1])


@given(views, views)
def test_both_switches_follow_the_same_vdpu(a: ScopeView, b: ScopeView) -> None:
    reports = [of(a, A), of(b, B)]
    here = serving_vdpu(VDPUS, reports)
    there = serving_vdpu(
        tuple(VdpuView(v.vdpu_id, not v.managed, not v.local, v.pa_v4, npu_v4=v.npu_v4) for v in VDPUS), reports
    )
    assert here == there


@pytest.mark.parametrize(
    ("a", "b", "winner"),
    [
        (ScopeView(A, *SERVING[0], 1), ScopeView(B, *SERVING[1], 2), B),
        (ScopeView(A, *SERVING[0], 2), ScopeView(B, *SERVING[1], 1), A),
        (ScopeView(A, *SERVING[1], 1), ScopeView(B, *SERVING[1], 1), A),
        (ScopeView(A, *SERVING[1], 5), ScopeView(B, *SERVING[1], 1, pinned=True), B),
        (ScopeView(A, HaState.ACTIVE, HaRole.STANDBY, 9), ScopeView(B, *SERVING[1], 1), B),
        (ScopeView(A, HaState.SWITCHING_TO_STANDALONE, HaRole.ACTIVE, 9), ScopeView(B, HaState.STANDBY, None, 1), None),
    ],
)
def test_ld60_of_two_claims_the_one_that_wins_the_conflict_counts(
    a: ScopeView, b: ScopeView, winner: str | None
) -> None:
    assert serving_vdpu(VDPUS, [a, b]) == winner


def test_fl33_a_vdpu_that_has_never_reported_is_left_out() -> None:
    found = route(VDPUS, [ScopeView(A, *SERVING[1], 1)], [PinState.UP, PinState.DOWN])
    assert found is not None
    assert [(endpoint.vdpu_id, endpoint.pin) for endpoint in found.endpoints] == [(A, PinState.UP)]


def machine() -> SwitchDrivenHaSet:
    ha_set = SwitchDrivenHaSet()
    ha_set.update(
        config=HaSetConfig(vip_v4=VIP, vdpu_ids=(A, B), preferred=A),
        settings=SETTINGS,
        vdpus=VDPUS,
        owner=HaOwner.SWITCH,
    )
    return ha_set


def advertised(ha_set: SwitchDrivenHaSet, **facts: object) -> list[str]:
    """The primaries of the routes that an update installs."""
    effects = ha_set.update(**facts)
    return [str(effect.route.primary) for effect in effects if isinstance(effect, AdvertiseRoute)]


def test_no_route_before_somebody_serves_and_the_last_one_stays_while_nobody_does() -> None:
    ha_set = machine()
    assert ha_set.facts.advertised is None
    assert advertised(ha_set, scopes=(ScopeView(A, *SERVING[0], 1),)) == ["20.0.200.1"]
    nobody = (ScopeView(A, HaState.STANDBY, HaRole.STANDBY, 1), ScopeView(B, HaState.STANDBY, HaRole.STANDBY, 1))
    assert advertised(ha_set, scopes=nobody) == []
    assert ha_set.facts.advertised is not None


def test_ld09_configuration_does_not_bring_the_route_back_to_the_preferred_side() -> None:
    ha_set = machine()
    reports = (ScopeView(A, HaState.STANDBY, HaRole.STANDBY, 2), ScopeView(B, *SERVING[0], 2))
    assert advertised(ha_set, scopes=reports) == ["10.1.0.33"]
    config = HaSetConfig(version="2", vip_v4=VIP, vdpu_ids=(A, B), preferred=A, pins=(PinState.DOWN,))
    assert advertised(ha_set, config=config) == ["10.1.0.33"]
    assert advertised(ha_set, config=HaSetConfig(version="3", vip_v4=VIP, vdpu_ids=(A, B), preferred=A)) == [
        "10.1.0.33"
    ]


def test_route_goes_with_the_set() -> None:
    ha_set = machine()
    ha_set.update(scopes=(ScopeView(A, *SERVING[0], 1),))
    assert WithdrawRoute("Vnet_55", VIP) in ha_set.update(config=None)


def test_a_new_vnet_moves_the_route() -> None:
    ha_set = machine()
    ha_set.update(scopes=(ScopeView(A, *SERVING[0], 1),))
    effects = ha_set.update(settings=GlobalSettings(dpu_vnet="Vnet_66", dpu_vlan="Vlan55"))
    assert WithdrawRoute("Vnet_55", VIP) in effects


def test_neighbour_follows_the_vlan() -> None:
    ha_set = machine()
    ha_set.update(scopes=(ScopeView(A, *SERVING[0], 1),))
    ha_set.update(settings=GlobalSettings(dpu_vnet="Vnet_55", dpu_vlan="Vlan66"))
    assert ha_set.facts.resolved is not None
    assert ha_set.facts.resolved.vlan == "Vlan66"
