"""The health of one managed DPU, and when it has restarted.

Decides whether the DPU is up, down or unknown, and when its loss is to be announced as a reset. A DPU that went down by
its midplane or control plane comes back empty: its *incarnation* grows, whoever has told it something must tell it
again, and nothing that it said counts any more. One that only looked like that is heard again. Unknown is neither up
nor down: a missing row moves nothing.

Must not know where planes are read from or what is told to the DPU.

Source: ha-set 1, field-lessons FL-09, FL-48, LD-47.
"""

from enum import StrEnum

from attrs import define, frozen

from hamgr_fsm.effects import AnnounceDpuReset, HearDpuAgain
from hamgr_fsm.facts import Facts, kept, told
from hamgr_fsm.machine import Machine
from hamgr_fsm.table import RECOVERY, STAY, UNPLANNED, FactMachine, Table
from hamgr_fsm.vocabulary import PlaneState


class DpuHealthState(StrEnum):
    """What is known of the DPU's health."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


@frozen
class DpuReport:
    """What others hear of a DPU's health.

    ``up`` is None while unknown. ``lost`` is true from a reset until midplane and control plane are back: telling the
    DPU anything then is in vain. ``incarnation`` counts its restarts since this process started.
    """

    up: bool | None
    lost: bool
    incarnation: int


@define
class DpuHealthFacts(Facts):
    """The planes of one DPU and what was made of them."""

    health: DpuHealthState = kept(DpuHealthState.UNKNOWN)
    midplane: PlaneState = told(PlaneState.UNKNOWN)
    control_plane: PlaneState = told(PlaneState.UNKNOWN)
    data_plane: PlaneState = told(PlaneState.UNKNOWN)
    flushes: int = told(0)
    """How often everything this process had told the DPU was found gone; it grows."""

    lost: bool = kept(False)
    """A reset was announced and the DPU has not come back since."""

    incarnation: int = kept(0)
    flushes_seen: int = kept(0)

    @property
    def all_up(self) -> bool:
        """Midplane, control plane and data plane are up."""
        return self.midplane is self.control_plane is self.data_plane is PlaneState.UP

    @property
    def some_down(self) -> bool:
        """A plane is down."""
        return PlaneState.DOWN in (self.midplane, self.control_plane, self.data_plane)

    @property
    def undecided(self) -> bool:
        """No plane is down, yet not all are up: a plane has not been reported, or the reporter is restarting."""
        return not self.all_up and not self.some_down

    @property
    def newly_lost(self) -> bool:
        """The midplane or the control plane is down, and this loss has not been announced.

        The data plane alone going down is no restart. Source: ha-set 1, FL-48.
        """
        return not self.lost and PlaneState.DOWN in (self.midplane, self.control_plane)

    @property
    def returned(self) -> bool:
        """Midplane and control plane are up again after a loss."""
        return self.lost and self.midplane is self.control_plane is PlaneState.UP

    @property
    def flushed(self) -> bool:
        """What the DPU was told has vanished without its planes having been seen down. Source: scenarios W21."""
        return self.flushes != self.flushes_seen

    @property
    def report(self) -> DpuReport:
        """What others hear of it."""
        up = {DpuHealthState.UP: True, DpuHealthState.DOWN: False, DpuHealthState.UNKNOWN: None}[self.health]
        return DpuReport(up, self.lost, self.incarnation)


_ALL = tuple(DpuHealthState)


class Health(FactMachine):
    """Unknown, Up, Down; a loss and a return are noticed in whatever state."""

    state_fact = "health"
    t = Table(DpuHealthState, initial=DpuHealthState.UNKNOWN)

    # fmt: off
    # A restart is noticed before the health moves, so that nobody hears "down" of an incarnation that has ended.
    t.row(_ALL, STAY, when="newly_lost", do="announce_reset", why="midplane or control plane down", ref="ha-set 1")
    t.row(_ALL, STAY, when="flushed", do="start_incarnation", why="what it was told has vanished", ref="scenarios W21")
    t.row(_ALL, STAY, when="returned", do="welcome_back", why="midplane and control plane are back", ref="ha-set 1")

    t.row((DpuHealthState.UNKNOWN, DpuHealthState.DOWN), DpuHealthState.UP, when="all_up",
          why="all planes up", ref="ha-set 1", kind=RECOVERY)
    t.row((DpuHealthState.UNKNOWN, DpuHealthState.UP), DpuHealthState.DOWN, when="some_down",
          why="a plane is down", ref="ha-set 1", kind=UNPLANNED)
    t.row((DpuHealthState.UP, DpuHealthState.DOWN), DpuHealthState.UNKNOWN, when="undecided",
          why="a plane is unknown", ref="ha-set 1, FL LD-47", kind=UNPLANNED)
    # fmt: on

    @staticmethod
    def announce_reset(model: DpuHealthFacts) -> None:
        """Tell the controller once, and count a new incarnation: the present one is over."""
        model.lost = True
        model.incarnation += 1
        model.outbox.append(AnnounceDpuReset())

    @staticmethod
    def start_incarnation(model: DpuHealthFacts) -> None:
        """Everything told so far is gone, although no plane was seen down."""
        model.flushes_seen = model.flushes
        model.incarnation += 1
        model.outbox.append(HearDpuAgain())

    @staticmethod
    def welcome_back(model: DpuHealthFacts) -> None:
        """Whoever waits for the DPU may tell it everything again.

        Not before: what a DPU without power has said stands in its databases until it boots and empties them.
        """
        model.lost = False
        model.outbox.append(HearDpuAgain())


class DpuHealth(Machine[DpuHealthFacts]):
    """The health machine of one managed DPU."""

    regions = (Health,)
    record = DpuHealthFacts
