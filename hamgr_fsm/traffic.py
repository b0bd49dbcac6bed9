"""Where traffic goes: the route of an HA set and the next hop of a packet, as pure functions.

Both depend on nothing but what they are given, so they do not depend on the order in which it became known. The pins of
an operator replace what a BFD probe says; they never change which side is the primary.

Source: ha-set 4, field-lessons FL-32, FL-49, LD-13.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from attrs import frozen

from hamgr_fsm.programs import Endpoint, GlobalSettings, Route
from hamgr_fsm.vocabulary import HaRole, HaScopeKind, HaState, PinState


@frozen
class VdpuView:
    """What an HA set knows of one of its vDPUs.

    ``managed``: its DPU is in the slot of this process. ``local``: its DPU is in this switch. ``npu_v4`` and
    ``npu_v6`` are the addresses of the switch that holds it. ``up`` is None while unknown, and always for a DPU in
    another switch.
    """

    vdpu_id: str
    managed: bool
    local: bool
    pa_v4: IPv4Address | None = None
    pa_v6: IPv6Address | None = None
    npu_v4: IPv4Address | None = None
    npu_v6: IPv6Address | None = None
    up: bool | None = None


def pin_of(vdpu_id: str, vdpu_ids: Sequence[str], pins: Sequence[PinState]) -> PinState:
    """The pin of a vDPU: pins stand in the order of ``vdpu_ids`` and may be fewer; a missing one is none."""
    return dict(zip(vdpu_ids, pins, strict=False)).get(vdpu_id, PinState.NONE)


def configured_route(
    vdpus: Sequence[VdpuView],
    *,
    preferred: str,
    pins: Sequence[PinState],
    vips: Sequence[IPv4Address | IPv6Address],
    settings: GlobalSettings,
) -> Route | None:
    """The route of a DPU-driven HA set: the preferred vDPU first and primary, the others in the order of configuration.

    ``vdpus`` and ``pins`` stand in the order of configuration. None while something it needs is missing: the VNET, a
    VIP, or an address of a vDPU. Source: ha-set 4.1.
    """
    if settings.dpu_vnet is None or not vips or not vdpus:
        return None
    ids = [vdpu.vdpu_id for vdpu in vdpus]
    endpoints = []
    # Sorting is stable: after the preferred one the order of configuration remains.
    for vdpu in sorted(vdpus, key=lambda v: v.vdpu_id != preferred):
        address = vdpu.pa_v4 if vdpu.local else vdpu.npu_v4
        if address is None or vdpu.pa_v4 is None:
            return None
        endpoints.append(Endpoint(vdpu.vdpu_id, address, vdpu.pa_v4, pin_of(vdpu.vdpu_id, ids, pins)))
    return Route(
        vnet=settings.dpu_vnet,
        vips=tuple(vips),
        endpoints=tuple(endpoints),
        primary=endpoints[0].address,
        probe_interval_ms=settings.dpu_bfd_probe_interval_ms,
        directly_connected=any(vdpu.local for vdpu in vdpus),
    )


@frozen
class ScopeView:
    """What an HA set knows of the scope on one of its vDPUs: what that side last reported of itself."""

    vdpu_id: str
    state: HaState
    acked_role: HaRole | None
    term: int
    pinned: bool = False

    @property
    def serves(self) -> bool:
        """It reports that it serves, and its DPU has taken a role in which it decides flows. Source: I4, FL-02."""
        return self.state in (HaState.ACTIVE, HaState.STANDALONE) and self.acked_role in _DECIDING


_DECIDING = (HaRole.ACTIVE, HaRole.STANDALONE)


def serving_vdpu(vdpus: Sequence[VdpuView], scopes: Sequence[ScopeView]) -> str | None:
    """The vDPU that serves: if both claim to, the one that wins the conflict, never one whose DPU is down.

    None while nobody serves. It does not depend on the order of ``scopes``. Source: ha-set 4.1, FL-01, FL-32, LD-60.
    """
    up = {vdpu.vdpu_id: position for position, vdpu in enumerate(vdpus) if vdpu.up is not False}
    claims = [
        (scope.pinned, scope.term, -up[scope.vdpu_id], scope.vdpu_id)
        for scope in scopes
        if scope.serves and scope.vdpu_id in up
    ]
    return max(claims)[3] if claims else None


def serving_route(
    vdpus: Sequence[VdpuView],
    scopes: Sequence[ScopeView],
    *,
    pins: Sequence[PinState],
    vips: Sequence[IPv4Address | IPv6Address],
    settings: GlobalSettings,
) -> Route | None:
    """The route of a switch-driven HA set: the vDPU that serves first and primary, then its peer.

    A vDPU that has never reported is left out. None while nobody serves or something is missing: then the last route
    stays. Source: ha-set 4.1, FL-33.
    """
    serving = serving_vdpu(vdpus, scopes)
    if serving is None:
        return None
    reported = {scope.vdpu_id for scope in scopes}
    ids = [vdpu.vdpu_id for vdpu in vdpus]
    pin = {id_: pin_of(id_, ids, pins) for id_ in ids}
    known = [vdpu for vdpu in vdpus if vdpu.vdpu_id in reported]
    return configured_route(
        known,
        preferred=serving,
        pins=[pin[vdpu.vdpu_id] for vdpu in known],
        vips=vips,
        settings=settings,
    )


@frozen
class Card:
    """One side of a pair as a switch sees it when a packet arrives.

    ``probe_up`` is what BFD says of the card, ``pin`` what an operator says instead. ``claimed_at`` is when the side
    last claimed to serve, in any unit that grows, or None when it does not.
    """

    vdpu_id: str
    probe_up: bool
    pin: PinState = PinState.NONE
    claimed_at: int | None = None

    @property
    def reachable(self) -> bool:
        """The card takes packets: its probe is up, or pinned up."""
        return self.probe_up if self.pin is PinState.NONE else self.pin is PinState.UP


@frozen
class NextHop:
    """Where a packet goes: the vDPU, or None when it is dropped; and why."""

    vdpu_id: str | None
    why: str


AS_IT_IS = NextHop(None, "already in the NPU tunnel: forwarded as it is")


def next_hop(
    cards: Sequence[Card],
    *,
    kind: HaScopeKind,
    pinned: str | None = None,
    preferred: str | None = None,
    in_npu_tunnel: bool = False,
) -> NextHop:
    """Decide where one packet goes; the first rule that applies decides.

    ``pinned`` is an ENI's pinned next hop, ``preferred`` the vDPU that takes packets when nobody claims them in scope
    ``dpu``. Source: ha-set 4.3.
    """
    if in_npu_tunnel:
        return AS_IT_IS
    reachable = [card for card in cards if card.reachable]
    if len(reachable) == 1:
        return NextHop(reachable[0].vdpu_id, "the only card that is up")
    if pinned is not None:
        return NextHop(pinned, "pinned next hop")
    claims = [(card.claimed_at, card.vdpu_id) for card in cards if card.claimed_at is not None]
    if len(claims) == 1:
        return NextHop(claims[0][1], "the side that serves")
    if claims:
        return NextHop(max(claims)[1], "both claim to serve: the one that claimed last")
    if kind is HaScopeKind.ENI or preferred is None:
        return NextHop(None, "nobody serves: dropped")
    return NextHop(preferred, "nobody claims to serve: the preferred DPU")
