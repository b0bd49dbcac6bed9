"""What a machine asks for: imperative records, in the order in which they should happen.

An effect names no table, no field and no connection; which HA set, scope or DPU it is for is known to whoever stepped
the machine. Nothing here decides anything.

Source: architecture "A machine".
"""

from attrs import frozen

from hamgr_fsm.messages import PeerMessage
from hamgr_fsm.programs import (
    Address,
    EniForward,
    HaScopeProgram,
    HaSetProgram,
    Neighbour,
    Responder,
    RoleProgram,
    Route,
)
from hamgr_fsm.vocabulary import OperationType


@frozen
class AnnounceDpuReset:
    """Tell the controller that the DPU was reset. Source: ha-set 1."""


@frozen
class HearDpuAgain:
    """What the DPU said before is forgotten: read it again wherever the DPU says it, unchanged or not.

    A DPU that did not restart, whatever it looked like, never says again what it said already. Source: scenarios C29.
    """


@frozen
class ProgramHaSet:
    """Tell the DPU the HA set. Source: ha-set 2."""

    program: HaSetProgram


@frozen
class RemoveHaSet:
    """Take the HA set from the DPU. Source: ha-set 2."""


@frozen
class ProgramScope:
    """Tell the DPU the HA scope; ``requests`` are granted with this write and with no other. Source: dpu-driven 2."""

    program: HaScopeProgram
    requests: frozenset[OperationType] = frozenset()


@frozen
class ProgramRole:
    """Ask the DPU to take a role. Source: switch-driven 4.

    ``again``: it was asked before and may not have heard. ``requests`` are granted with this write and with no other.
    """

    program: RoleProgram
    again: bool = False
    requests: frozenset[OperationType] = frozenset()


@frozen
class StartFlowSync:
    """Have the DPU copy its flow table to the peer's DPU. Source: switch-driven 4, 7."""

    session_id: str


@frozen
class SendToPeer:
    """Say something to the other side of the pair. Source: switch-driven 4."""

    message: PeerMessage


@frozen
class ResolvePeer:
    """Find out anew where the other side is. Source: switch-driven 4."""


@frozen
class RemoveScope:
    """Take the HA scope from the DPU. Source: dpu-driven 2."""


@frozen
class ProgramResponder:
    """Make the DPU answer the probes of one NPU. Source: ha-set 3."""

    responder: Responder


@frozen
class RemoveResponder:
    """Make the DPU stop answering the probes of one NPU. Source: ha-set 3."""

    npu_address: Address


@frozen
class RespondToProbes:
    """The DPU serves: its BFD responders should be there. Source: dpu-driven 5."""


@frozen
class SilenceProbes:
    """The DPU does not serve: its BFD responders should be gone. Source: dpu-driven 5."""


@frozen
class ResolveNeighbour:
    """Have the switch resolve the DPU's address. Source: ha-set 4.1."""

    neighbour: Neighbour


@frozen
class ForgetNeighbour:
    """The switch need not resolve the address for this HA set any more. Source: ha-set 4.1."""

    neighbour: Neighbour


@frozen
class AdvertiseRoute:
    """Install the route, one row per VIP. Source: ha-set 4.1."""

    route: Route


@frozen
class WithdrawRoute:
    """Remove the row of one VIP. Source: ha-set 4.1."""

    vnet: str
    vip: Address


@frozen
class ForwardEni:
    """Install the forwarding entry of an ENI; ``moves_traffic``: its packets go elsewhere from now on.

    Source: ha-set 4.2.
    """

    program: EniForward
    moves_traffic: bool = True


@frozen
class ForwardEniNoMore:
    """Remove the forwarding entry of an ENI. Source: ha-set 4.2."""

    vnet: str
    mac: str


@frozen
class LeaveEniToAnother:
    """Another process of this switch looks after the forwarding entry from now on. Source: ha-set 4.2."""

    vnet: str
    mac: str


@frozen
class StartTimer:
    """Send ``TimerFired`` of this name after a delay, once; a running timer of the name starts anew."""

    timer: str
    after_ms: int


@frozen
class StopTimer:
    """Forget the timer; nothing happens when it is not running."""

    timer: str


@frozen
class RaiseAlert:
    """Something an operator should know although nothing failed."""

    what: str


Effect = (
    AnnounceDpuReset
    | HearDpuAgain
    | ProgramHaSet
    | RemoveHaSet
    | ProgramScope
    | ProgramRole
    | StartFlowSync
    | SendToPeer
    | ResolvePeer
    | RemoveScope
    | ProgramResponder
    | RemoveResponder
    | RespondToProbes
    | SilenceProbes
    | ResolveNeighbour
    | ForgetNeighbour
    | AdvertiseRoute
    | WithdrawRoute
    | ForwardEni
    | ForwardEniNoMore
    | LeaveEniToAnother
    | StartTimer
    | StopTimer
    | RaiseAlert
)
