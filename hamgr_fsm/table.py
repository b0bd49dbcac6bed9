"""How a machine is declared: the states of an enumeration and, line by line, the rows between them.

A row reads as a sentence: *from* these states, *on* this event, *when* these facts hold, *do* this, *to* that state,
*why*, *ref*. The order on the page is the priority. A row without an event is automatic: it is taken as soon as its
guards hold. A row whose target is ``STAY`` acts without moving.

Two things are said for the reader alone: the *kind* of a row, and the *groups* that the states fall into. Pictures are
coloured and boxed by them; no machine ever asks.

The declaration is made of python-statemachine's own states and transitions, so its engine runs it; the daemon and the
tools run the same declaration with ``Stepper``.

Source: architecture "A machine", statemachine-notes 1 and 4.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, StrEnum
from typing import ClassVar, Final

from attrs import frozen
from statemachine import State, StateChart
from statemachine.states import States
from statemachine.transition import Transition

from hamgr_fsm.facts import Facts


class _Stay(Enum):
    STAY = "stay"


STAY: Final = _Stay.STAY
"""The target of a row that acts and leaves the state as it is."""


class Kind(StrEnum):
    """What part of a life a row belongs to."""

    PLANNED = "planned"
    """Somebody wants it: launch, approval, switchover, shutdown."""

    UNPLANNED = "unplanned"
    """Something failed, and the pair comes apart because of it."""

    RECOVERY = "recovery"
    """The way back: rejoining, giving way in a conflict, giving up what did not work."""

    UPKEEP = "upkeep"
    """It acts without moving: something is noted, answered or said again."""


PLANNED: Final = Kind.PLANNED
UNPLANNED: Final = Kind.UNPLANNED
RECOVERY: Final = Kind.RECOVERY


class Told(str):
    """The name of a fact that yields a row's reason, for rows whose reason depends on the facts."""

    __slots__ = ()


@frozen
class Row:
    """One line of a table: what the declaration says, for the stepper, for explanations and for diagrams."""

    number: int
    sources: tuple[Enum, ...]
    target: Enum | None
    event: str | None
    guards: tuple[str, ...]
    actions: tuple[str, ...]
    why: str
    ref: str
    kind: Kind | None = None
    """None: the declaration does not say."""

    def reason(self, facts: Facts) -> str:
        """The human reason for taking this row now."""
        return str(getattr(facts, self.why)) if isinstance(self.why, Told) else self.why


class RowTransition(Transition):
    """A transition that knows which row of the table it came from."""

    row: Row


class Table(States):
    """The states of one machine and its rows, in order of priority."""

    def __init__(
        self,
        members: Iterable[Enum],
        *,
        initial: Enum,
        entry: Mapping[Enum, Sequence[str]] | None = None,
        exit: Mapping[Enum, Sequence[str]] | None = None,
        groups: Mapping[str, Sequence[Enum]] | None = None,
    ) -> None:
        """Make a state of every member; ``entry`` and ``exit`` name the actions of a state.

        ``groups``: what a reader should see together, in reading order; a state is in one group at most.
        """
        super().__init__(
            {
                member.name.lower(): State(
                    name="".join(word.capitalize() for word in member.name.split("_")),
                    value=member,
                    initial=member is initial,
                    enter=list((entry or {}).get(member, ())) or None,
                    exit=list((exit or {}).get(member, ())) or None,
                )
                for member in members
            }
        )
        self.rows: list[Row] = []
        self.groups: dict[str, tuple[Enum, ...]] = {name: tuple(states) for name, states in (groups or {}).items()}

    def row(
        self,
        sources: Enum | Sequence[Enum],
        target: Enum | _Stay,
        *,
        on: str | None = None,
        when: str | Sequence[str] = (),
        do: str | Sequence[str] = (),
        why: str,
        ref: str,
        kind: Kind | None = None,
    ) -> None:
        """Add the next row: from any of ``sources``, on an event or automatically, once all of ``when`` hold.

        A row that stays is upkeep by itself; of one that moves ``kind`` says what part of a life it is.

        Raises:
            ValueError: the row has neither an event nor a guard, so it would never let go.
        """
        guards, actions = _names(when), _names(do)
        if on is None and not guards:
            raise ValueError(f"row to {target} needs an event or a guard")
        members = (sources,) if isinstance(sources, Enum) else tuple(sources)
        goal = None if isinstance(target, _Stay) else target
        kind = Kind.UPKEEP if kind is None and goal is None else kind
        row = Row(len(self.rows) + 1, members, goal, on, guards, actions, why, ref, kind)
        self.rows.append(row)
        state_of = {state.value: state for state in self}
        for member in members:
            source = state_of[member]
            transition = RowTransition(
                source,
                source if goal is None else state_of[goal],
                internal=goal is None,
                event=on,
                cond=list(guards) or None,
                on=list(actions) or None,
            )
            transition.row = row
            source.transitions.add_transitions(transition)


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


class FactMachine(StateChart[Facts]):
    """One flat machine over a record of facts; its state is the fact named by ``state_fact``.

    The flags turn off what must never happen in HA: a guard that raises counting as false, an action that raises being
    swallowed. Machines may end in a state that nothing leaves and may list states that only a report can reach.
    """

    catch_errors_as_events = False
    atomic_configuration_update = True
    enable_self_transition_entries = False
    validate_trap_states = False
    validate_disconnected_states = False

    state_fact: ClassVar[str]
    """The fact that holds the state of this machine."""

    t: ClassVar[Table]
    """The rows."""
