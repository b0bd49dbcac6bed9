"""What the two sides of a switch-driven pair say to each other.

A message that comes in is handed to the machine as an event; one that goes out is the payload of ``SendToPeer``.
Replies carry back what they answer, so that a late or repeated one can be told from the one that is waited for. None
in a member that is not mandatory means that the other side did not say.

Source: switch-driven 1.1, 4, 5, 6; bus 5.3, 5.7.
"""

from enum import StrEnum

from attrs import frozen

from hamgr_fsm.scope.election import Vote
from hamgr_fsm.scope.precedence import Signals
from hamgr_fsm.vocabulary import DesiredHaState, HaRole, HaState


@frozen
class StateReport:
    """Where the sender is. ``acked_role`` is what its DPU has acknowledged, None while unknown."""

    state: HaState
    term: int
    acked_role: HaRole | None
    ready_to_pair: bool = True
    pinned: bool = False
    in_sync: bool = False


@frozen
class Heartbeat:
    """Are you there? Answered with a state report."""


@frozen
class VoteRequest:
    """Who of us shall be active? ``attempt`` counts from 1; None from a side that does not count."""

    term: int
    desired: DesiredHaState
    attempt: int | None = None


@frozen
class VoteReply:
    """What the asker is to become."""

    vote: Vote
    attempt: int | None = None


@frozen
class BulkSyncDone:
    """All flows have been copied to you."""


@frozen
class SwitchoverRequest:
    """Let me take over."""

    switchover_id: str


@frozen
class SwitchoverReply:
    """Whether the switchover is accepted; that it was carried out shows in the reports."""

    switchover_id: str
    accepted: bool


@frozen
class ShutdownRequest:
    """I want to shut down: serve alone."""


@frozen
class ShutdownReply:
    """Whether the sender will serve alone."""

    accepted: bool


class Selection(StrEnum):
    """What the asker of a standalone request is told to become."""

    ENTER_STANDALONE = "enter_standalone"
    ENTER_STANDBY = "enter_standby"
    DENY = "deny"


@frozen
class StandaloneRequest:
    """One of us must serve alone; these are my signals. ``episode`` names the occasion; None from a side that does
    not."""

    signals: Signals
    episode: str | None = None


@frozen
class StandaloneReply:
    """What the asker is to become."""

    selection: Selection
    episode: str | None = None


PeerMessage = (
    StateReport
    | Heartbeat
    | VoteRequest
    | VoteReply
    | BulkSyncDone
    | SwitchoverRequest
    | SwitchoverReply
    | ShutdownRequest
    | ShutdownReply
    | StandaloneRequest
    | StandaloneReply
)


def implied_state(message: object) -> HaState | None:
    """The state in which the sender must be, whatever report is still on its way. Source: switch-driven 1.1."""
    match message:
        case VoteRequest():
            return HaState.CONNECTED
        case SwitchoverRequest():
            return HaState.SWITCHING_TO_ACTIVE
        case ShutdownRequest():
            return HaState.STANDBY
        case StandaloneRequest():
            return HaState.SWITCHING_TO_STANDALONE
        case StandaloneReply(selection=Selection.ENTER_STANDALONE):
            return HaState.STANDBY
        case StandaloneReply(selection=Selection.ENTER_STANDBY):
            return HaState.STANDALONE
        case _:
            return None
