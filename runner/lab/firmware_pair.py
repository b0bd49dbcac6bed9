"""Two DPUs that run the HA protocol between themselves: what each sees of the other, from what both are.

The firmware's machine takes the peer as given; this says what is given. Source: dpu-driven 1, 6, scenarios M9.3.
"""

from collections.abc import Mapping

from hamgr_fsm.vocabulary import HaState
from runner.lab.dpu import SimulatedDpu
from runner.lab.dpu_firmware import Firmware, Peer


def path_up(one: SimulatedDpu, other: SimulatedDpu) -> bool:
    """Packets get from one DPU to the other."""
    powered = one.powered and other.powered
    return powered and one.world.channel_up is not False and other.world.channel_up is not False


def couple(dpus: Mapping[str, SimulatedDpu], name: str, peer: str) -> None:
    """Let one DPU see what the other is."""
    own, other = _firmware(dpus[name]), _firmware(dpus[peer])
    world = dpus[name].world
    reachable = path_up(dpus[name], dpus[peer]) and other is not None and other.wanted
    if not reachable:
        world.peer = Peer.ABSENT if world.peer is Peer.ABSENT else Peer.LOST
        return
    assert other is not None
    both_alone = own is not None and own.state is HaState.STANDALONE and other.state is HaState.STANDALONE
    # A side that gave way keeps seeing a partner until both have left the split.
    if both_alone and world.peer is Peer.LOST:
        world.peer = Peer.ALONE
    elif not both_alone:
        world.peer = Peer.PRESENT


def _firmware(dpu: SimulatedDpu) -> Firmware | None:
    scopes = dpu.orchagent.scopes.values() if dpu.powered else ()
    return next((scope.firmware for scope in scopes if isinstance(scope.firmware, Firmware)), None)
