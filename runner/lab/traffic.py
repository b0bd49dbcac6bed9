"""Where a packet would go at this instant: which DPU its switch forwards it to, and what that DPU would do with it.

Two decisions follow each other. The switch's is ``next_hop`` over the route that it was told and the BFD sessions that
are up. The DPU's depends on its role alone: it handles the packet, tunnels it to a peer that does, or drops it.

Source: ha-set 4.3, switch-driven 2, scenarios 0.5 (L0).
"""

from attrs import frozen

from hamgr_fsm.traffic import Card, next_hop
from hamgr_fsm.vocabulary import HaRole, HaScopeKind, PinState
from models import tables
from runner.lab.firmware_pair import path_up
from runner.lab.sides import ROUTE_KEY
from runner.lab.world import World

DECIDES = frozenset({HaRole.ACTIVE, HaRole.STANDALONE, HaRole.SWITCHING_TO_ACTIVE})
"""The roles in which a DPU handles packets by itself."""


@frozen
class Fate:
    """What becomes of a packet that enters at the switch of ``entered``.

    ``to`` is the side whose DPU it is forwarded to, ``handled_by`` the side whose DPU handles it; None: it is dropped.
    """

    entered: str
    to: str | None
    handled_by: str | None
    why: str

    @property
    def dropped(self) -> bool:
        """Nobody handles the packet."""
        return self.handled_by is None


def deciders(world: World) -> tuple[str, ...]:
    """The sides whose DPU handles packets by itself."""
    return tuple(name for name, switch in world.switches.items() if switch.dpu.role in DECIDES)


def fate(world: World, entered: str) -> Fate:
    """Follow a packet that reaches the fabric at the switch of a side; a withdrawn VIP leads it to another."""
    if entered in world.withdrawn:
        others = [name for name in world.switches if name not in world.withdrawn]
        if not others:
            return Fate(entered, None, None, "nobody advertises the VIP")
        entered = others[0]
    cards, primary = _cards(world, entered)
    if not cards:
        return Fate(entered, None, None, "there is no route")
    hop = next_hop(cards, kind=HaScopeKind.DPU, preferred=primary)
    return _at_dpu(world, entered, _side_of(world, hop.vdpu_id), hop.why)


def _cards(world: World, entered: str) -> tuple[list[Card], str | None]:
    """The cards of the route on this switch, as its BFD monitor sees them, and the vDPU of the primary."""
    row = world[entered].store.row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)
    if row is None:
        return [], None
    monitors, pins = row["endpoint_monitor"].split(","), row["pinned_state"].split(",")
    endpoints, primary = row["endpoint"].split(","), row["primary"]
    npu = world[entered].side.npu
    cards, primary_vdpu = [], None
    for monitor, pin, endpoint in zip(monitors, pins, endpoints, strict=True):
        name = next(side.name for side in world.sides if side.pa == monitor)
        dpu, vdpu_id = world[name].dpu, world[name].side.vdpu_id
        is_primary = endpoint == primary
        primary_vdpu = vdpu_id if is_primary else primary_vdpu
        probe_up = dpu.powered and npu in dpu.up_sessions
        cards.append(Card(vdpu_id, probe_up, PinState(pin), claimed_at=0 if is_primary else None))
    return cards, primary_vdpu


def _side_of(world: World, vdpu_id: str | None) -> str | None:
    return next((side.name for side in world.sides if side.vdpu_id == vdpu_id), None)


def _at_dpu(world: World, entered: str, to: str | None, why: str) -> Fate:
    if to is None:
        return Fate(entered, None, None, why)
    dpu = world[to].dpu
    if dpu.role in DECIDES:
        return Fate(entered, to, to, why)
    if dpu.role is HaRole.DEAD:
        return Fate(entered, to, None, f"{why}; the DPU of {to} is dead")
    for other in deciders(world):
        if path_up(dpu, world[other].dpu):
            return Fate(entered, to, other, f"{why}; tunnelled to the peer")
    return Fate(entered, to, None, f"{why}; the DPU of {to} is standby and reaches nobody who decides")
