"""Small machines that show what the base does, free of HA."""

from enum import StrEnum
from typing import ClassVar

from attrs import define, frozen

from hamgr_fsm.effects import RaiseAlert
from hamgr_fsm.facts import Facts, kept, told
from hamgr_fsm.machine import Machine
from hamgr_fsm.table import STAY, FactMachine, Table, Told


class Door(StrEnum):
    """Where the door is."""

    SHUT = "shut"
    OPEN = "open"
    LOCKED = "locked"


class Bell(StrEnum):
    """Whether the bell rings."""

    QUIET = "quiet"
    RINGING = "ringing"


@frozen
class Knock:
    """Somebody knocked."""

    by: str


@frozen
class Sneeze:
    """Nothing to do with doors."""


@define
class DoorFacts(Facts):
    """What is known of a door with a bell."""

    door: Door = kept(Door.SHUT)
    bell: Bell = kept(Bell.QUIET)
    opened: int = kept(0)
    visitors: tuple[str, ...] = kept(())

    pushed: bool = told(False)
    stuck: bool = told(False)
    welcome: str = told("anna")

    @property
    def left_alone(self) -> bool:
        """Nobody pushes the door."""
        return not self.pushed

    @property
    def is_open(self) -> bool:
        """The door is open."""
        return self.door is Door.OPEN

    @property
    def is_not_open(self) -> bool:
        """The door is not open."""
        return self.door is not Door.OPEN

    @property
    def reason_to_lock(self) -> str:
        """Why the door is locked."""
        return f"{self.welcome} has the key"


class DoorRegion(FactMachine):
    """The door."""

    state_fact = "door"
    t = Table(
        Door,
        initial=Door.SHUT,
        entry={Door.OPEN: ["count_opening"]},
        exit={Door.OPEN: ["say_it_leaves"]},
    )

    t.row(Door.SHUT, Door.OPEN, when="pushed", do=("creak", "jam"), why="pushed", ref="toy 1")
    t.row(Door.OPEN, Door.SHUT, when="left_alone", why="nobody pushes", ref="toy 2")
    t.row((Door.SHUT, Door.OPEN), STAY, on="knock", when="knows", do="let_in", why="a friend", ref="toy 3")
    t.row(Door.SHUT, Door.LOCKED, on="knock", why=Told("reason_to_lock"), ref="toy 4")
    t.row(Door.LOCKED, Door.SHUT, when="pushed", why="broken open", ref="toy 5")

    @staticmethod
    def knows(model: DoorFacts, ev: Knock) -> bool:
        """The one who knocks is welcome."""
        return model.welcome == ev.by

    @staticmethod
    def creak(model: DoorFacts) -> None:
        """Make a noise."""
        model.outbox.append(RaiseAlert("creak"))

    @staticmethod
    def jam(model: DoorFacts) -> None:
        """Fail half-way, when stuck."""
        if model.stuck:
            raise RuntimeError("the door is stuck")

    @staticmethod
    def let_in(model: DoorFacts, ev: Knock) -> None:
        """Remember the visitor under a new number."""
        model.visitors = (*model.visitors, f"{ev.by} {model.new_id()}")
        model.outbox.append(RaiseAlert("welcome"))

    @staticmethod
    def count_opening(model: DoorFacts) -> None:
        """One opening more."""
        model.opened += 1

    @staticmethod
    def say_it_leaves(model: DoorFacts) -> None:
        """The door is about to be shut."""
        model.outbox.append(RaiseAlert("leaving open"))


class BellRegion(FactMachine):
    """The bell: it rings while the door is open."""

    state_fact = "bell"
    t = Table(Bell, initial=Bell.QUIET)

    t.row(Bell.QUIET, Bell.RINGING, when="is_open", do="ring", why="the door is open", ref="toy 6")
    t.row(Bell.RINGING, Bell.QUIET, when="is_not_open", why="the door is shut", ref="toy 7")

    @staticmethod
    def ring(model: DoorFacts) -> None:
        """Make a noise."""
        model.outbox.append(RaiseAlert("ring"))


class DoorWithBell(Machine[DoorFacts]):
    """The bell stands first: it hears of the door in the round after."""

    regions = (BellRegion, DoorRegion)
    record = DoorFacts


class Mood(StrEnum):
    """A state to leave at once."""

    CALM = "calm"
    ANGRY = "angry"


@define
class MoodFacts(Facts):
    """What moves a machine that never rests while it is provoked."""

    mood: Mood = kept(Mood.CALM)
    swings: int = kept(0)
    provoked: bool = told(False)


class RestlessRegion(FactMachine):
    """Two rows that enable each other."""

    state_fact = "mood"
    t = Table(Mood, initial=Mood.CALM, entry={Mood.ANGRY: ["swing"]})

    t.row(Mood.CALM, Mood.ANGRY, when="provoked", why="provoked", ref="toy 8")
    t.row(Mood.ANGRY, Mood.CALM, when="provoked", why="provoked", ref="toy 9")

    @staticmethod
    def swing(model: MoodFacts) -> None:
        """Count and tell."""
        model.swings += 1
        model.outbox.append(RaiseAlert("swing"))


class Restless(Machine[MoodFacts]):
    """A mistake inside one region."""

    regions = (RestlessRegion,)
    record = MoodFacts


@define
class PairFacts(Facts):
    """Two flags that two regions turn against each other."""

    left: Mood = kept(Mood.CALM)
    right: Mood = kept(Mood.CALM)
    provoked: bool = told(False)

    @property
    def same(self) -> bool:
        """Both are of the same mood, and provoked."""
        return self.provoked and self.left is self.right

    @property
    def different(self) -> bool:
        """They differ, and are provoked."""
        return self.provoked and self.left is not self.right


class LeftRegion(FactMachine):
    """Wants to differ."""

    state_fact = "left"
    t = Table(Mood, initial=Mood.CALM)
    t.row(Mood.CALM, Mood.ANGRY, when="same", why="wants to differ", ref="toy 10")
    t.row(Mood.ANGRY, Mood.CALM, when="same", why="wants to differ", ref="toy 10")


class RightRegion(FactMachine):
    """Wants to agree."""

    state_fact = "right"
    t = Table(Mood, initial=Mood.CALM)
    t.row(Mood.CALM, Mood.ANGRY, when="different", why="wants to agree", ref="toy 11")
    t.row(Mood.ANGRY, Mood.CALM, when="different", why="wants to agree", ref="toy 11")


class RestlessPair(Machine[PairFacts]):
    """A mistake between two regions, each of which comes to rest by itself."""

    regions: ClassVar[tuple[type[FactMachine], ...]] = (LeftRegion, RightRegion)
    record = PairFacts


@define
class SwitchFacts(Facts):
    """A light with two reasons to change."""

    mood: Mood = kept(Mood.CALM)
    first: bool = told(False)
    second: bool = told(False)


class OneWayRegion(FactMachine):
    """Two rows out of one state, the first of which wins."""

    state_fact = "mood"
    t = Table(Mood, initial=Mood.CALM)
    t.row(Mood.CALM, Mood.ANGRY, when="first", do="say_first", why="first", ref="toy 12")
    t.row(Mood.CALM, Mood.ANGRY, when="second", do="say_second", why="second", ref="toy 13")

    @staticmethod
    def say_first(model: SwitchFacts) -> None:
        """Tell that the first row was taken."""
        model.outbox.append(RaiseAlert("first"))

    @staticmethod
    def say_second(model: SwitchFacts) -> None:
        """Tell that the second row was taken."""
        model.outbox.append(RaiseAlert("second"))


class OtherWayRegion(FactMachine):
    """The same rows, swapped: a planted mistake."""

    state_fact = "mood"
    t = Table(Mood, initial=Mood.CALM)
    t.row(Mood.CALM, Mood.ANGRY, when="second", do="say_second", why="second", ref="toy 13")
    t.row(Mood.CALM, Mood.ANGRY, when="first", do="say_first", why="first", ref="toy 12")

    say_first = staticmethod(OneWayRegion.say_first)
    say_second = staticmethod(OneWayRegion.say_second)


class OneWay(Machine[SwitchFacts]):
    """The rows in the right order."""

    regions = (OneWayRegion,)
    record = SwitchFacts
