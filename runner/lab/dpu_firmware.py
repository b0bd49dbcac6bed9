"""The firmware of a simulated DPU: the DPU-driven machine of one HA scope, with the peer DPU behind it.

It decides which state the scope is in and tells it as the three events that a DPU raises: a state was reached, flows
need reconciliation, a split brain was found. It must not know rows, databases or times: ``dpu_orchagent`` turns events
into rows. One call of :meth:`Firmware.advance` is one step, so the caller decides how fast a DPU is. The transitions
are one vendor's choice: the design leaves them to the vendor, and hamgrd may not rely on them.

Source: dpu-driven 5 and 6, scenarios W16 to W19 and M9.3 to M9.5, field-lessons D-10, D-11, D-16, FL-50.
"""

from enum import Enum, auto

from attrs import define, evolve, frozen

from hamgr_fsm.vocabulary import HaRole, HaState

PATIENCE = 3
"""Steps that a scope spends in Connecting before it concludes that there is no peer."""

SERVING = frozenset({HaState.ACTIVE, HaState.STANDBY, HaState.STANDALONE})
"""States in which a scope handles packets, and in which BFD sessions of its DPU are up."""

PAIRED = frozenset({HaState.ACTIVE, HaState.STANDBY})

FORMING = frozenset(
    {
        HaState.CONNECTED,
        HaState.INITIALIZING_TO_ACTIVE,
        HaState.INITIALIZING_TO_STANDBY,
        HaState.PENDING_ACTIVE_ACTIVATION,
        HaState.PENDING_STANDBY_ACTIVATION,
    }
)
"""States on the way to a pair: without the peer they end in the activation of a standalone."""

PENDING = frozenset(
    {
        HaState.PENDING_ACTIVE_ACTIVATION,
        HaState.PENDING_STANDBY_ACTIVATION,
        HaState.PENDING_STANDALONE_ACTIVATION,
    }
)
"""States in which the DPU waits for the approval of its role."""


class Peer(Enum):
    """What this side sees of the peer DPU."""

    ABSENT = auto()
    """Never seen."""

    PRESENT = auto()
    """Reachable, and ready to be the other half of a pair."""

    LOST = auto()
    """Was there and is gone: shut down, failed or cut off."""

    ALONE = auto()
    """Reachable, and it serves alone as well: a split brain once this side serves alone."""


@define
class World:
    """What surrounds the DPU; every scope sees the same."""

    peer: Peer = Peer.ABSENT
    channel_up: bool | None = None
    """What the data plane channel to the peer is reported to be; None before its first event (D-08)."""


@frozen
class StateReached:
    """The scope is in this state now."""

    state: HaState


@frozen
class FlowReconcileNeeded:
    """The flows of this side may differ from the peer's and have to be reconciled."""


@frozen
class SplitBrainDetected:
    """Both sides serve alone."""


FirmwareEvent = StateReached | FlowReconcileNeeded | SplitBrainDetected


@define
class Firmware:
    """One scope's machine in the DPU: hamgrd's rows configure it and bring the approvals."""

    world: World
    both_active: bool = False
    """This vendor calls both halves of a healthy pair active (D-16)."""

    state: HaState | None = None
    """None until the first event."""

    term: int = 0
    disabled: bool = True
    role: HaRole = HaRole.DEAD
    shut_down: bool = False
    """It went down by role dead, and stays down until it was disabled once (FL-50)."""

    role_activated: bool = False
    split_brain_told: bool = False
    steps_connecting: int = 0

    @property
    def wanted(self) -> bool:
        """The scope may run: it is enabled, its role is not dead and no earlier shutdown holds it down."""
        return not self.disabled and self.role is not HaRole.DEAD and not self.shut_down

    def configure(self, role: HaRole, disabled: bool) -> None:
        """Take role and admin state of a scope row; what follows from them comes with the next steps."""
        self.role, self.disabled = role, disabled
        if disabled:
            self.shut_down = False
        elif role is HaRole.DEAD:
            self.shut_down = True

    def activate_role(self) -> None:
        """The approval of a pending role; without a pending role it means nothing."""
        if self.state in PENDING:
            self.role_activated = True

    def recover_from_split_brain(self) -> None:
        """The approval of the recovery: the peer gives way."""
        if self.world.peer is Peer.ALONE:
            self.world.peer = Peer.PRESENT

    @property
    def settled(self) -> bool:
        """Another step would change nothing."""
        ahead = evolve(self)
        return not ahead.advance() and ahead == self

    @property
    def acked_role(self) -> HaRole:
        """The role that the ASIC is in; a scope that does not serve yet is dead to it."""
        match self.state:
            case HaState.ACTIVE:
                return HaRole.STANDBY if self.both_active and self.role is HaRole.STANDBY else HaRole.ACTIVE
            case HaState.STANDBY:
                return HaRole.STANDBY
            case HaState.STANDALONE | HaState.SWITCHING_TO_STANDALONE:
                return HaRole.STANDALONE
        return HaRole.DEAD

    def advance(self) -> list[FirmwareEvent]:
        """Take one step. The events say what became visible; an empty list that nothing did."""
        if self.state is None:
            return self._reach(HaState.DEAD)
        if not self.wanted:
            return self._go_down()
        following = self._following()
        if following is not None:
            return self._reach(following)
        return self._tell_split_brain()

    def _go_down(self) -> list[FirmwareEvent]:
        if self.state is HaState.DEAD:
            return []
        if self.disabled or self.state is HaState.DESTROYING:
            return self._reach(HaState.DEAD)
        return self._reach(HaState.DESTROYING)

    def _following(self) -> HaState | None:
        """The state that the next step reaches, or None when the scope stays where it is."""
        if self.state in FORMING and self.world.peer is not Peer.PRESENT:
            return HaState.PENDING_STANDALONE_ACTIVATION
        if self.state in PENDING:
            return self._activated() if self.role_activated else None
        if self.state in PAIRED:
            return None if self.world.peer is Peer.PRESENT else HaState.SWITCHING_TO_STANDALONE
        match self.state:
            case HaState.DEAD | HaState.DESTROYING:
                return HaState.CONNECTING
            case HaState.CONNECTING:
                return self._connected()
            case HaState.CONNECTED if self.role is HaRole.ACTIVE:
                return HaState.INITIALIZING_TO_ACTIVE
            case HaState.CONNECTED:
                return HaState.INITIALIZING_TO_STANDBY
            case HaState.INITIALIZING_TO_ACTIVE:
                return HaState.PENDING_ACTIVE_ACTIVATION
            case HaState.INITIALIZING_TO_STANDBY:
                return HaState.PENDING_STANDBY_ACTIVATION
            case HaState.SWITCHING_TO_STANDALONE:
                return HaState.STANDALONE
            case HaState.STANDALONE if self.world.peer is Peer.PRESENT:
                return HaState.ACTIVE if self.role is HaRole.ACTIVE else self._standby()
        return None

    def _connected(self) -> HaState | None:
        if self.world.peer is Peer.PRESENT:
            return HaState.CONNECTED
        self.steps_connecting += 1
        return HaState.PENDING_STANDALONE_ACTIVATION if self.steps_connecting >= PATIENCE else HaState.CONNECTING

    def _activated(self) -> HaState:
        match self.state:
            case HaState.PENDING_ACTIVE_ACTIVATION:
                return HaState.ACTIVE
            case HaState.PENDING_STANDBY_ACTIVATION:
                return self._standby()
        return HaState.STANDALONE

    def _standby(self) -> HaState:
        return HaState.ACTIVE if self.both_active else HaState.STANDBY

    def _reach(self, state: HaState) -> list[FirmwareEvent]:
        if state is self.state:
            return []
        came_from, self.state = self.state, state
        self.role_activated = False
        if state is not HaState.CONNECTING:
            self.steps_connecting = 0
        if state in SERVING:
            self.term += 1
        if state is not HaState.STANDALONE:
            self.split_brain_told = False
        events: list[FirmwareEvent] = [StateReached(state)]
        if came_from is HaState.SWITCHING_TO_STANDALONE and self.world.peer is Peer.LOST:
            events.append(FlowReconcileNeeded())
        return events

    def _tell_split_brain(self) -> list[FirmwareEvent]:
        if self.state is not HaState.STANDALONE or self.world.peer is not Peer.ALONE or self.split_brain_told:
            return []
        self.split_brain_told = True
        return [SplitBrainDetected()]
