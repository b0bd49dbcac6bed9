"""How a machine is declared: the states of an enumeration and, line by line, the rows between them.

A row reads as a sentence: *from* these states, *on* this event, *when* these facts hold, *do* this, *to* that state,
*why*,
*ref*. The order on the page is the priority. A row without an event is automatic: it is taken as soon as its guards
hold. A row whose target is ``STAY`` acts without moving.

The declaration is made of python-statemachine's own states and transitions, so its engine runs it; the daemon and the
tools run the same declaration with ``Stepper``.

Source: architecture "A machine", statemachine-notes 1 and 4.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
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
    ) -> None:
        """Make a state of every member; ``entry`` and ``exit`` name the actions of a state."""
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
    ) -> None:
        """Add the next row: from any of ``sources``, on an event or automatically, once all of ``when`` hold.

        Raises:
            ValueError: the row has neither an event nor a guard, so it would never let go.
        """
        guards, actions = _names(when), _names(do)
        if on is None and not guards:
            raise ValueError(f"row to {target} needs an event or a guard")
        members = (sources,) if isinstance(sources, Enum) else tuple(sources)
        goal = None if isinstance(target, _Stay) else target
        row = Row(len(self.rows) + 1, members, goal, on, guards, actions, why, ref)
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
