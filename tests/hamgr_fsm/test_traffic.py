"""Routes and next hops as pure functions, line by line of ha-set 4.1 and 4.3.

Source: ha-set 4, field-lessons FL-32, FL-49, LD-13.
"""

from ipaddress import IPv4Address

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamgr_fsm.programs import Endpoint, Route
from hamgr_fsm.traffic import AS_IT_IS, Card, VdpuView, configured_route, next_hop, pin_of
from hamgr_fsm.vocabulary import HaScopeKind, PinState
from tests.hamgr_fsm.build import A6, B6, SETTINGS, VIP4, VIP6, A, B, settings

NONE, UP, DOWN = PinState.NONE, PinState.UP, PinState.DOWN
PA_A, PA_B = IPv4Address("18.0.202.1"), IPv4Address("18.1.202.1")
NPU_A, NPU_B = IPv4Address("10.1.0.32"), IPv4Address("10.1.1.32")


def route(
    *vdpus: VdpuView,
    preferred: str = "vdpu0_0",
    pins: tuple[PinState, ...] = (),
    vips: tuple[IPv4Address, ...] = (VIP4,),
) -> Route:
    """The route of these vDPUs; it must exist."""
    found = configured_route(vdpus, preferred=preferred, pins=pins, vips=vips, settings=SETTINGS)
    assert found is not None
    return found


# 4.1: the route of a DPU-driven set.


def test_the_route_leads_to_the_local_dpu_itself_and_to_the_remote_one_by_its_npu() -> None:
    assert route(A, B) == Route(
        vnet="Vnet_55",
        vips=(VIP4,),
        endpoints=(Endpoint("vdpu0_0", PA_A, PA_A, NONE), Endpoint("vdpu1_0", NPU_B, PA_B, NONE)),
        primary=PA_A,
        probe_interval_ms=1000,
        directly_connected=True,
    )


def test_the_preferred_vdpu_is_first_and_primary_wherever_it_stands() -> None:
    for found in (route(A, B, preferred="vdpu1_0"), route(B, A, preferred="vdpu1_0")):
        assert [endpoint.vdpu_id for endpoint in found.endpoints] == ["vdpu1_0", "vdpu0_0"]
        assert found.primary == NPU_B


@pytest.mark.parametrize("preferred", ["", "vdpu9_9"])
def test_without_a_preferred_vdpu_the_first_in_configuration_is_primary(preferred: str) -> None:
    assert route(B, A, preferred=preferred).primary == NPU_B
    assert route(A, B, preferred=preferred).primary == PA_A


def test_both_switches_install_the_same_order_and_the_same_primary() -> None:
    here = route(A, B)
    there = route(attrs.evolve(A, managed=False, local=False), attrs.evolve(B, managed=True, local=True))
    assert [endpoint.vdpu_id for endpoint in there.endpoints] == [endpoint.vdpu_id for endpoint in here.endpoints]
    assert [endpoint.monitor for endpoint in there.endpoints] == [endpoint.monitor for endpoint in here.endpoints]
    assert there.primary == NPU_A
    assert there.endpoints[0].vdpu_id == here.endpoints[0].vdpu_id == "vdpu0_0"


def test_a_route_without_a_local_endpoint_is_not_directly_connected() -> None:
    assert not route(B, preferred="").directly_connected
    assert route(B, A).directly_connected


def test_every_vip_is_one_row_of_the_same_route() -> None:
    found = configured_route((A6, B6), preferred="", pins=(), vips=(VIP4, VIP6), settings=SETTINGS)
    assert found is not None and found.vips == (VIP4, VIP6)


@pytest.mark.parametrize(
    ("vdpus", "vips", "vnet"),
    [
        ((), (VIP4,), "Vnet_55"),
        ((A, B), (), "Vnet_55"),
        ((A, B), (VIP4,), None),
        ((A, attrs.evolve(B, npu_v4=None)), (VIP4,), "Vnet_55"),
        ((A, attrs.evolve(B, pa_v4=None)), (VIP4,), "Vnet_55"),
        ((attrs.evolve(A, pa_v4=None), B), (VIP4,), "Vnet_55"),
    ],
    ids=["no vDPU", "no VIP", "no VNET", "no NPU of the peer", "no address of the peer", "no own address"],
)
def test_there_is_no_route_while_something_is_missing(
    vdpus: tuple[VdpuView, ...], vips: tuple[IPv4Address, ...], vnet: str | None
) -> None:
    assert configured_route(vdpus, preferred="", pins=(), vips=vips, settings=settings(dpu_vnet=vnet)) is None


def test_ld13_pins_are_matched_by_vdpu_and_not_by_position() -> None:
    found = route(A, B, preferred="vdpu1_0", pins=(DOWN, UP))
    assert [(endpoint.vdpu_id, endpoint.pin) for endpoint in found.endpoints] == [("vdpu1_0", UP), ("vdpu0_0", DOWN)]


def test_a_missing_pin_is_none() -> None:
    assert [endpoint.pin for endpoint in route(A, B, pins=(DOWN,)).endpoints] == [DOWN, NONE]
    assert pin_of("vdpu9_9", ("vdpu0_0",), (DOWN,)) is NONE


def test_fl49_a_pin_changes_the_pins_and_nothing_else() -> None:
    plain, pinned = route(A, B), route(A, B, pins=(DOWN, NONE))
    unpinned = [attrs.evolve(endpoint, pin=NONE) for endpoint in pinned.endpoints]
    assert attrs.evolve(pinned, endpoints=tuple(unpinned)) == plain
    assert pinned.primary == PA_A


def test_fl32_both_vdpus_are_always_endpoints() -> None:
    for up_a in (True, False, None):
        for up_b in (True, False, None):
            assert len(route(attrs.evolve(A, up=up_a), attrs.evolve(B, up=up_b)).endpoints) == 2


@given(
    order=st.permutations([A, B, attrs.evolve(B, vdpu_id="vdpu2_0", pa_v4=IPv4Address("18.2.202.1"))]),
    preferred=st.sampled_from(["vdpu0_0", "vdpu1_0", "vdpu2_0", ""]),
    pins=st.lists(st.sampled_from(PinState), max_size=3).map(tuple),
)
def test_endpoints_stand_in_order_with_their_own_monitor_and_pin(
    order: list[VdpuView], preferred: str, pins: tuple[PinState, ...]
) -> None:
    found = route(*order, preferred=preferred, pins=pins)
    ids = [vdpu.vdpu_id for vdpu in order]
    first = [preferred] if preferred else []
    assert [e.vdpu_id for e in found.endpoints] == first + [id_ for id_ in ids if id_ != preferred]
    assert found.primary == found.endpoints[0].address
    for endpoint in found.endpoints:
        position = ids.index(endpoint.vdpu_id)
        assert endpoint.monitor == order[position].pa_v4
        assert endpoint.address == (order[position].pa_v4 if order[position].local else order[position].npu_v4)
        assert endpoint.pin is (pins[position] if position < len(pins) else NONE)


# 4.3: the next hop of a packet.

LEFT = Card("vdpu0_0", probe_up=True)
RIGHT = Card("vdpu1_0", probe_up=True)
DEAD_LEFT, DEAD_RIGHT = attrs.evolve(LEFT, probe_up=False), attrs.evolve(RIGHT, probe_up=False)


def claims(card: Card, at: int) -> Card:
    """The card says that it serves."""
    return attrs.evolve(card, claimed_at=at)


def pinned(card: Card, pin: PinState) -> Card:
    """The card with its probe overridden."""
    return attrs.evolve(card, pin=pin)


def test_a_packet_in_the_npu_tunnel_goes_on_as_it_is() -> None:
    assert next_hop((LEFT, DEAD_RIGHT), kind=HaScopeKind.DPU, preferred="vdpu0_0", in_npu_tunnel=True) == AS_IT_IS


@pytest.mark.parametrize(
    ("cards", "wanted"),
    [
        ((LEFT, DEAD_RIGHT), "vdpu0_0"),
        ((DEAD_LEFT, RIGHT), "vdpu1_0"),
        ((pinned(LEFT, DOWN), RIGHT), "vdpu1_0"),
        ((DEAD_LEFT, pinned(DEAD_RIGHT, UP)), "vdpu1_0"),
        ((claims(DEAD_LEFT, 9), RIGHT), "vdpu1_0"),
        ((pinned(LEFT, DOWN), pinned(DEAD_RIGHT, UP)), "vdpu1_0"),
    ],
    ids=["right down", "left down", "left pinned down", "right pinned up", "claims but down", "pins against probes"],
)
def test_the_only_card_that_is_up_takes_the_packet(cards: tuple[Card, Card], wanted: str) -> None:
    for kind in (HaScopeKind.DPU, HaScopeKind.ENI):
        # Not even a pinned next hop or a claim sends packets to a card that is known to be dead.
        other = next(card.vdpu_id for card in cards if card.vdpu_id != wanted)
        assert next_hop(cards, kind=kind, pinned=other, preferred=other).vdpu_id == wanted


both = pytest.mark.parametrize(
    ("left", "right"),
    [(LEFT, RIGHT), (DEAD_LEFT, DEAD_RIGHT), (pinned(DEAD_LEFT, UP), RIGHT), (pinned(LEFT, DOWN), DEAD_RIGHT)],
    ids=["both up", "both down", "both up by a pin", "both down by a pin"],
)


@both
def test_a_pinned_next_hop_wins_over_claims(left: Card, right: Card) -> None:
    hop = next_hop((claims(left, 9), right), kind=HaScopeKind.ENI, pinned="vdpu1_0")
    assert (hop.vdpu_id, hop.why) == ("vdpu1_0", "pinned next hop")


@both
def test_the_side_that_serves_takes_the_packet(left: Card, right: Card) -> None:
    assert next_hop((claims(left, 1), right), kind=HaScopeKind.ENI).vdpu_id == "vdpu0_0"
    assert next_hop((left, claims(right, 0)), kind=HaScopeKind.DPU, preferred="vdpu0_0").vdpu_id == "vdpu1_0"


@both
def test_of_two_that_claim_the_last_one_takes_the_packet(left: Card, right: Card) -> None:
    for kind in (HaScopeKind.DPU, HaScopeKind.ENI):
        assert next_hop((claims(left, 3), claims(right, 2)), kind=kind).vdpu_id == "vdpu0_0"
        assert next_hop((claims(left, 3), claims(right, 4)), kind=kind, preferred="vdpu0_0").vdpu_id == "vdpu1_0"


@both
def test_nobody_serving_drops_the_packet_of_an_eni_and_leaves_that_of_a_dpu_to_the_preferred_one(
    left: Card, right: Card
) -> None:
    assert next_hop((left, right), kind=HaScopeKind.ENI, preferred="vdpu0_0").vdpu_id is None
    assert next_hop((left, right), kind=HaScopeKind.DPU, preferred="vdpu1_0").vdpu_id == "vdpu1_0"
    assert next_hop((left, right), kind=HaScopeKind.DPU).vdpu_id is None


@pytest.mark.parametrize("pin", PinState)
def test_a_pin_of_none_leaves_the_probe_as_it_is(pin: PinState) -> None:
    for probe_up in (True, False):
        assert Card("x", probe_up, pin).reachable is {NONE: probe_up, UP: True, DOWN: False}[pin]


@given(
    st.builds(Card, st.just("l"), st.booleans(), st.sampled_from(PinState), st.none() | st.integers(0, 3)),
    st.builds(Card, st.just("r"), st.booleans(), st.sampled_from(PinState), st.none() | st.integers(0, 3)),
    st.sampled_from([HaScopeKind.DPU, HaScopeKind.ENI]),
    st.sampled_from([None, "l", "r"]),
)
def test_the_next_hop_does_not_depend_on_the_order_of_the_cards(
    left: Card, right: Card, kind: HaScopeKind, pin: str | None
) -> None:
    for preferred in ("l", "r", None):
        one = next_hop((left, right), kind=kind, pinned=pin, preferred=preferred)
        assert one == next_hop((right, left), kind=kind, pinned=pin, preferred=preferred)
        assert one.why
