"""Why a scope stands where it stands: what was published of it, every row out of its states, and what holds each back.

``explain_scope`` is a pure function of a node. What it cannot know from databases, whether there is a link to the peer,
is taken from the caller or assumed, and said.

Source: architecture "A machine", "Command lines".
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from attrs import frozen

from hamgr_fsm.machine import Machine
from hamgr_fsm.vocabulary import HaState
from runner.explain.what_if import Outcome, altered, what_if
from runner.journal.explanation import Way, facts, states, ways
from runner.node import Node
from runner.outputs import Alert, Fault, InputRejected, Output, TransitionTaken

_NO_PEER_YET = (HaState.DEAD, HaState.CONNECTING)


class Link(StrEnum):
    """What is known of the control link to the peer."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


@frozen
class Published:
    """What the daemon last said of the scope in its state row; ``since_ms`` in milliseconds since 1970."""

    state: str | None
    since_ms: int | None
    why: str | None
    waiting_for: str | None
    rejected: str | None
    peer_state: str | None


@frozen
class Answer:
    """Where a scope stands and what each row out of there waits for. ``machine`` is None if nobody drives it."""

    scope: str
    published: Published
    machine: Machine[Any] | None
    notes: tuple[str, ...]
    outcome: Outcome | None = None

    @property
    def states(self) -> dict[str, str]:
        """The state of each region."""
        return states(self.machine) if self.machine is not None else {}

    @property
    def facts(self) -> dict[str, object]:
        """All facts, by name."""
        return facts(self.machine) if self.machine is not None else {}

    @property
    def ways(self) -> Sequence[Way]:
        """Every row out of the present states, in order of priority, region by region."""
        return ways(self.machine) if self.machine is not None else ()


def explain_scope(
    node: Node,
    scope: str,
    row: Mapping[str, str],
    *,
    said: Sequence[Output] = (),
    link: Link | None = None,
    assumptions: Sequence[str] = (),
) -> Answer:
    """Explain one scope of a node.

    ``scope``: its vDPU and its id, with a colon between. ``row``: what was published of it. ``said``: what the node
    said while it was rebuilt. ``link``: None leaves it to what the scope remembers of its peer.

    Raises:
        KeyError: the node has no such scope.
        BadAssumption: an assumption makes no sense.
    """
    machine = node.scopes[scope]
    published = _published(row)
    notes = [f"what the databases hold moves it at once: {move}" for move in _moves(said, scope)]
    notes += _troubles(said)
    if machine is not None and published.state is None:
        notes.append("no daemon publishes a state of it: what follows is what one that drives it would do")
    if machine is not None and "peer_connected" in facts(machine):
        machine, told = _linked(machine, link)
        notes += told
    outcome = what_if(machine, assumptions) if machine is not None and assumptions else None
    return Answer(scope, published, machine, tuple(notes), outcome)


def _published(row: Mapping[str, str]) -> Published:
    since = row.get("local_ha_state_last_updated_time_in_ms", "")
    return Published(
        state=row.get("local_ha_state"),
        since_ms=int(since) if since.isdecimal() else None,
        why=row.get("local_ha_state_last_updated_reason"),
        waiting_for=row.get("waiting_for"),
        rejected=row.get("rejected"),
        peer_state=row.get("peer_ha_state"),
    )


def _linked(machine: Machine[Any], link: Link | None) -> tuple[Machine[Any], list[str]]:
    """The machine with the link as it is told or assumed: a daemon that starts does not know it, one that runs does."""
    known = machine.facts
    if link is None:
        heard = known.peer_state is not None and known.state not in _NO_PEER_YET
        link, source = (Link.UP, "assumed up, since the peer is known") if heard else (Link.UNKNOWN, "not known")
    else:
        source = f"taken as {link}"
    told: Mapping[str, object] = {
        Link.UP: {"link_up": True, "peer_connected": known.peer_state is not None, "greeted": True},
        Link.DOWN: {"link_up": False, "peer_connected": False, "greeted": False},
        Link.UNKNOWN: {},
    }[link]
    linked = altered(machine, told)
    # What a running daemon has done about its link long ago is no news.
    linked.update()
    moved = [move for move in linked.moves if move.row.target is not None]
    notes = [f"the link to the peer is in no database: {source}"]
    notes += [f"with that it moves: {m.source.value} -> {m.target.value}: {m.why} (row {m.row.number})" for m in moved]
    return linked, notes


def _moves(said: Sequence[Output], scope: str) -> list[str]:
    moved = [output for output in said if isinstance(output, TransitionTaken)]
    ours = [move for move in moved if move.scope.startswith(f"ha-scope/{scope} ") and move.source != move.target]
    return [f"{move.source} -> {move.target}: {move.why} (row {move.row})" for move in ours]


def _troubles(said: Sequence[Output]) -> list[str]:
    notes = []
    for output in said:
        match output:
            case Alert(subject, what):
                notes.append(f"alert: {subject}: {what}")
            case InputRejected():
                notes.append(f'rejected: {output.source}: {output.field}="{output.value}": {output.why}')
            case Fault(entity, error):
                notes.append(f"defect: {entity}: {error!r}")
    return notes
