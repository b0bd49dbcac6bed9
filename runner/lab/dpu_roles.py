"""A scope that the switch drives, in the DPU: it takes the role it is asked to take and says so, or does not.

It decides what is acknowledged, and which role the ASIC is really in. It must not know rows, databases or times: the
orchagent turns an acknowledgement into a row. How a DPU answers is a setting, because a test must be able to have it
answer late, never or wrongly, and because two generations of DPU software differ.

Source: field-lessons D-01 to D-03, D-13, scenarios 0.2 (acks, sync).
"""

from enum import Enum, auto

from attrs import define, field

from hamgr_fsm.vocabulary import HaRole, HaState


class Acks(Enum):
    """How a DPU answers the writing of a role."""

    AT_ONCE = auto()
    HELD = auto()
    """Roles are neither taken nor acknowledged until the DPU is released."""

    REFUSED = auto()
    """The ASIC takes no role; nothing is ever said."""

    WRONG = auto()
    """Another role than the one that was asked is taken and acknowledged."""


class SyncEnd(Enum):
    """How a copying of the flow table ends."""

    COMPLETED = auto()
    FAILED = auto()
    SILENT = auto()
    """Nothing is ever said."""


@define
class Manners:
    """How a DPU behaves in switch-driven mode; it outlives every restart."""

    acks: Acks = Acks.AT_ONCE
    wrong_role: HaRole = HaRole.STANDBY
    switching_acked: bool = True
    """False: software before August 2026, which neither acknowledges nor remembers switching_to_active (D-03)."""

    sync: SyncEnd = SyncEnd.COMPLETED
    sync_takes_s: int = 1
    flow_reconcile: bool = False
    """The DPU asks for flow reconciliation as soon as it decides flows."""


# The state of the same name that the orchagent writes beside an acknowledged role.
_STATE = {
    HaRole.DEAD: HaState.DEAD,
    HaRole.ACTIVE: HaState.ACTIVE,
    HaRole.STANDBY: HaState.STANDBY,
    HaRole.STANDALONE: HaState.STANDALONE,
    HaRole.SWITCHING_TO_ACTIVE: HaState.SWITCHING_TO_ACTIVE,
}


@define
class RoleTaker:
    """One switch-driven scope in one life of the orchagent."""

    manners: Manners
    taken: HaRole = HaRole.DEAD
    """What the ASIC is in."""

    remembered: HaRole | None = None
    """What the orchagent believes the ASIC to be in; a role equal to it is a repeated message (D-02)."""

    held: list[HaRole] = field(factory=list)

    @property
    def state(self) -> HaState:
        """The state of the same name as the role."""
        return _STATE[self.taken]

    @property
    def role(self) -> HaRole:
        """The role that counts for BFD: the one taken."""
        return self.taken

    @property
    def settled(self) -> bool:
        """It does nothing by itself."""
        return True

    def ask(self, role: HaRole) -> list[HaRole]:
        """Ask for a role; the roles that are acknowledged because of it, in order."""
        match self.manners.acks:
            case Acks.HELD:
                self.held.append(role)
                return []
            case Acks.REFUSED:
                return []
        return self._take(role)

    def release(self) -> list[HaRole]:
        """Take everything that was held; the roles that are acknowledged, in order."""
        held, self.held = self.held, []
        return [acked for role in held for acked in self._take(role)]

    def _take(self, role: HaRole) -> list[HaRole]:
        if role is self.remembered:
            return []
        if role is HaRole.SWITCHING_TO_ACTIVE and not self.manners.switching_acked:
            self.taken = role
            return []
        self.remembered = role
        self.taken = self.manners.wrong_role if self.manners.acks is Acks.WRONG else role
        return [self.taken]
