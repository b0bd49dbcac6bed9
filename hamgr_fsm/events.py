"""What happens once and is not a level: an approval, a timer.

Rows name an event by its class in snake case. Everything that stays true after it happened is a fact and is not here.

Source: switch-driven 1.
"""

from attrs import frozen


@frozen
class Approval:
    """The controller approved pending operations, in the order of its list; ids that are not pending mean nothing."""

    operation_ids: tuple[str, ...]


@frozen
class RequestTimeout:
    """The DPU has had its time to take the request it was granted."""


@frozen
class ConnectDue:
    """It is time to try to reach the peer again."""


@frozen
class VoteDue:
    """It is time to ask for a vote again."""


@frozen
class InitDue:
    """The peer has had its time to get ready."""


@frozen
class RoleDue:
    """The DPU has had its time to acknowledge its role."""


@frozen
class BulkSyncDue:
    """The active peer has had its time to copy its flows."""


@frozen
class SyncAnnounceDue:
    """It is time to tell the peer again that it has all flows."""


@frozen
class SwitchoverDue:
    """A switchover has had its time."""


@frozen
class SwitchoverRetryDue:
    """It is time to ask for the switchover again."""


@frozen
class SelectionHoldDue:
    """A denied standalone request may be put before the peer again."""


@frozen
class SwitchoverHoldDue:
    """A failed switchover may be offered again."""


@frozen
class ShutdownDue:
    """It is time to ask for the shutdown again."""


@frozen
class DrainDue:
    """The DPU has had its time to take the role dead."""


@frozen
class RejoinDue:
    """Everything needed for a rejoin has held long enough."""


@frozen
class NoActiveDue:
    """Nobody has been active for too long."""


@frozen
class StandaloneReplyDue:
    """The peer has had its time to answer a standalone request."""


@frozen
class PeerDeadDue:
    """The peer has been Dead for so long that its role does not matter."""


@frozen
class HoldDownDue:
    """A failure of flow synchronisation has kept the sides apart long enough."""


@frozen
class HoldDownForgotten:
    """The last failure of flow synchronisation is so long ago that the next one counts as the first."""


@frozen
class PeerHeartbeatDue:
    """It is time for a heartbeat to the peer."""


@frozen
class FlowSyncEnded:
    """The DPU says how a copying of flows ended."""

    session_id: str
    completed: bool
