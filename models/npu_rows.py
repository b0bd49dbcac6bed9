"""What hamgrd writes for the switch itself: the route to an HA set, neighbours to resolve, and DPU resets to announce.

Source: tables 2.21, 2.22.
"""

from attrs import frozen

from hamgr_fsm.vocabulary import PinState
from models.quantities import IpAddress, Milliseconds, Positive


@frozen(kw_only=True)
class VnetRouteTunnelRow:
    """The route of a virtual address to the DPUs that may serve it.

    ``endpoint``, ``endpoint_monitor`` and ``pinned_state`` belong together index by index; no pins at all is an empty
    list, which is still written, because the reader would keep the old pins otherwise. Timers in milliseconds.
    Source: tables 2.21.
    """

    endpoint: tuple[IpAddress, ...]
    endpoint_monitor: tuple[IpAddress, ...]
    monitoring: str = "custom_bfd"
    primary: tuple[IpAddress, ...] = ()
    rx_monitor_timer: Positive | None = None
    tx_monitor_timer: Positive | None = None
    check_directly_connected: bool
    pinned_state: tuple[PinState, ...] = ()


@frozen(kw_only=True)
class NeighResolveRow:
    """A neighbour that the switch shall resolve; all that matters is the key. Source: tables 2.21."""

    mac: str = "00:00:00:00:00:00"


@frozen(kw_only=True)
class DpuResetInfoRow:
    """The announcement that a DPU went down, until the controller sets it back.

    ``dpu_id`` is the name of the DPU's row, not its slot. ``timestamp`` in milliseconds. Source: tables 2.22.
    """

    reset_status: bool
    timestamp: Milliseconds
    dpu_id: str
    vdpu_id: str | None = None
