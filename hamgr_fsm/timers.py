"""The timers of the machines and their defaults, in seconds as in the file that overrides them.

Source: switch-driven 10; ``request`` is this project's own (see ``scope.dpu_driven``).
"""

from attrs import frozen


@frozen
class Timers:
    """How long to wait, in seconds, and how often to try."""

    request: float = 30.0
    """A DPU-driven DPU takes a request it was granted; else the controller is asked again."""

    heartbeat: float = 60.0
    """Between two refreshes of a scope's heartbeat in its state row."""

    retry_interval: float = 30.0
    """Between two attempts to connect, to get a vote, to get a shutdown accepted, to hand over a finished bulk sync."""

    max_retries: int = 3
    """How often a side tries to connect, and puts off an asker, before it decides without."""

    peer_heartbeat: float = 30.0
    """Between two heartbeats to the peer, which it answers with its state."""

    standalone_reply: float = 0.5
    """A standalone request is answered; else it is repeated, and after the second time the peer counts as silent."""

    role_activation: float = 10.0
    """The DPU acknowledges a role; also how long a peer is Dead before its role does not matter any more."""

    bulk_sync: float = 150.0
    """The active peer copies its flows to a side in InitializingToStandby."""

    init: float = 180.0
    """The peer of a side in InitializingToActive gets ready."""

    switchover: float = 30.0
    """A switchover is over."""

    switchover_retry: float = 1.0
    """Between two switchover requests."""

    drain: float = 60.0
    """A DPU that is shut down acknowledges the role dead."""

    rejoin_delay: float = 10.0
    """Everything needed for a rejoin has held for so long."""

    no_active: float = 5.0
    """Both sides have been Standby for so long."""

    hold_down: float = 30.0
    """A failure of flow synchronisation keeps the sides apart for so long; twice as long on each repeat."""

    hold_down_limit: float = 960.0
    """The longest hold-down."""

    sync_drop_limit: float = 30
    """More inline sync packets than this, lost between two polls of the counters, are too many; no time."""


DEFAULT_TIMERS = Timers()
