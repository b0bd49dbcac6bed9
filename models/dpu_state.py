"""What DPUs report: their health, the BFD sessions they answer, and where their firmware is with a set or a scope.

Every field may be absent, because the writers set fields one at a time; absent means not known, never a default that
somebody could act on. Source: tables 2.11, 2.12, 2.16, 2.17.
"""

import re
from ipaddress import IPv4Address, IPv6Address

from attrs import frozen

from hamgr_fsm.vocabulary import HaRole, HaState, PlaneState
from models.codec import bad_row
from models.quantities import Alive, Term, WireTime

_SLOT_KEY = re.compile(r"dpu([0-9]{1,3})", re.IGNORECASE)


@frozen(kw_only=True)
class DpuStateRow:
    """The health of the three planes of a DPU and since when. Times in milliseconds. Source: tables 2.11."""

    dpu_midplane_link_state: PlaneState = PlaneState.UNKNOWN
    dpu_midplane_link_time: WireTime | None = None
    dpu_control_plane_state: PlaneState = PlaneState.UNKNOWN
    dpu_control_plane_time: WireTime | None = None
    dpu_data_plane_state: PlaneState = PlaneState.UNKNOWN
    dpu_data_plane_time: WireTime | None = None


@frozen(kw_only=True)
class BfdProbeStateRow:
    """The switches whose BFD sessions are up on a DPU. Times in milliseconds. Source: tables 2.12."""

    v4_bfd_up_sessions: tuple[IPv4Address, ...] = ()
    v4_bfd_up_sessions_timestamp: WireTime | None = None
    v6_bfd_up_sessions: tuple[IPv6Address, ...] = ()
    v6_bfd_up_sessions_timestamp: WireTime | None = None


@frozen(kw_only=True)
class HaSetStateRow:
    """Whether the data plane channel of an HA set works; None: the DPU has not said. Source: tables 2.16."""

    last_updated_time: WireTime | None = None
    dp_channel_is_alive: Alive | None = None


@frozen(kw_only=True)
class HaScopeStateRow:
    """Where the firmware of a DPU is with an HA scope, and what it waits for.

    Any field may be missing, a row may be a single flag: missing changes nothing (LD-66). Times come in seconds and
    are milliseconds here. Source: tables 2.17.
    """

    last_updated_time: WireTime | None = None
    ha_role: HaRole | None = None
    ha_role_start_time: WireTime | None = None
    ha_state: HaState | None = None
    ha_state_start_time: WireTime | None = None
    ha_term: Term | None = None
    activate_role_pending: bool | None = None
    flow_reconcile_pending: bool | None = None
    brainsplit_recover_pending: bool | None = None


@frozen(kw_only=True)
class FlowSyncSessionStateRow:
    """How far a copying of flows is; its times are of the DPU's own clock and are not used. Source: tables 2.15."""

    type: str | None = None
    state: str | None = None


def dpu_state_slot(key: str) -> int:
    """The slot that a key of DPU_STATE speaks of: 3 for ``DPU3`` or ``dpu3``.

    Raises ``BadRow`` for any other key. Source: tables 2.11.
    """
    match = _SLOT_KEY.fullmatch(key)
    if match is None:
        raise bad_row("DPU_STATE", key, "(key)", key, "not DPU and a slot number")
    return int(match[1])
