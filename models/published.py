"""What hamgrd says about itself in STATE_DB: one row for each entity that it looks after.

The controller reads the row of a scope; the others are for operators, who must find in them why something does not
serve. hamgrd reads its own rows back after a restart, so all of them decode. Fields that are not in the design are
ours and come last. Times are wall-clock milliseconds. Source: tables 2.18, 2.19; ha-set 5.
"""

from ipaddress import IPv4Address, IPv6Address

from attrs import frozen

from hamgr_fsm.vocabulary import (
    DesiredHaState,
    HaOwner,
    HaRole,
    HaScopeKind,
    HaState,
    OperationType,
    PinState,
    PlaneState,
)
from models.quantities import IpAddress, Milliseconds, Port, Positive, Term, Uint32
from models.words import full_name, readings


@frozen(kw_only=True)
class PublishedScopeRow:
    """Everything known about an HA scope.

    The states are texts, because their spelling depends on who drives the scope: make them with ``published_state`` and
    read them with ``read_state``. ``pending_operation_types`` belongs index by index to ``pending_operation_ids``; None
    is before the first operation, empty is none left. Source: tables 2.18.
    """

    version: str | None = None
    creation_time_in_ms: Milliseconds = 0
    last_heartbeat_time_in_ms: Milliseconds = 0
    vip_v4: IPv4Address | None = None
    vip_v6: IPv6Address | None = None
    local_ip: IpAddress | None = None
    peer_ip: IpAddress | None = None
    local_ha_state: str | None = None
    local_ha_state_last_updated_time_in_ms: Milliseconds | None = None
    local_ha_state_last_updated_reason: str | None = None
    local_target_asic_ha_state: str | None = None
    local_acked_asic_ha_state: str | None = None
    local_target_term: Term | None = None
    local_acked_term: Term | None = None
    peer_ha_state: str | None = None
    peer_ha_state_last_updated_time_in_ms: Milliseconds | None = None
    peer_term: Term | None = None
    peer_acked_asic_ha_state: HaRole | None = None
    local_vdpu_midplane_state: PlaneState = PlaneState.UNKNOWN
    local_vdpu_midplane_state_last_updated_time_in_ms: Milliseconds | None = None
    local_vdpu_control_plane_state: PlaneState = PlaneState.UNKNOWN
    local_vdpu_control_plane_state_last_updated_time_in_ms: Milliseconds | None = None
    local_vdpu_data_plane_state: PlaneState = PlaneState.UNKNOWN
    local_vdpu_data_plane_state_last_updated_time_in_ms: Milliseconds | None = None
    local_vdpu_up_bfd_sessions_v4: tuple[IPv4Address, ...] = ()
    local_vdpu_up_bfd_sessions_v4_update_time_in_ms: Milliseconds | None = None
    local_vdpu_up_bfd_sessions_v6: tuple[IPv6Address, ...] = ()
    local_vdpu_up_bfd_sessions_v6_update_time_in_ms: Milliseconds | None = None
    pending_operation_ids: tuple[str, ...] | None = None
    pending_operation_types: tuple[OperationType, ...] | None = None
    pending_operation_list_last_updated_time_in_ms: Milliseconds | None = None
    switchover_id: str | None = None
    switchover_state: str | None = None
    switchover_start_time_in_ms: Milliseconds | None = None
    switchover_approved_time_in_ms: Milliseconds | None = None
    switchover_end_time_in_ms: Milliseconds | None = None
    flow_sync_session_id: str | None = None
    flow_sync_session_state: str | None = None
    flow_sync_session_start_time_in_ms: Milliseconds | None = None
    flow_sync_session_target_server: IpAddress | None = None
    owner: HaOwner | None = None
    disabled: bool | None = None
    desired_ha_state: DesiredHaState | None = None
    ha_set_id: str | None = None
    relay_state: str | None = None
    probe_state: str | None = None
    requested_operation_types: tuple[OperationType, ...] | None = None
    awaited_operation_types: tuple[OperationType, ...] | None = None
    waiting_for: str | None = None
    rejected: str | None = None
    restore: str | None = None
    """What a restart needs and no other field says, as JSON; nobody else reads it."""


@frozen(kw_only=True)
class PublishedGlobalConfigRow:
    """The settings that are in force for all HA sets. Source: tables 2.19, 2.6."""

    cp_data_channel_port: Port | None = None
    dp_channel_dst_port: Port | None = None
    dp_channel_src_port_min: Port | None = None
    dp_channel_src_port_max: Port | None = None
    dp_channel_probe_interval_ms: Positive | None = None
    dp_channel_probe_fail_threshold: Positive | None = None
    dpu_bfd_probe_interval_in_ms: Positive | None = None
    dpu_bfd_probe_multiplier: Positive | None = None
    dpu_vnet: str | None = None
    dpu_vlan: str | None = None
    last_updated_time_in_ms: Milliseconds | None = None
    waiting_for: str | None = None
    rejected: str | None = None


@frozen(kw_only=True)
class PublishedDpuRow:
    """A DPU, of this switch or another, as it is known here.

    ``is_managed``: this process looks after it. ``reset_announced``: the controller has been told that it went down,
    and must not be told again for the same fall. Source: tables 2.19, 2.3, 2.4, 2.11, 2.12.
    """

    remote_dpu: bool | None = None
    is_managed: bool | None = None
    up: bool | None = None
    state: str | None = None
    dpu_id: Uint32 | None = None
    vdpu_id: str | None = None
    pa_ipv4: IPv4Address | None = None
    pa_ipv6: IPv6Address | None = None
    vip_ipv4: IPv4Address | None = None
    vip_ipv6: IPv6Address | None = None
    npu_ipv4: IPv4Address | None = None
    npu_ipv6: IPv6Address | None = None
    midplane_ipv4: IPv4Address | None = None
    orchagent_zmq_port: Port | None = None
    swbus_port: Port | None = None
    dpu_midplane_link_state: PlaneState = PlaneState.UNKNOWN
    dpu_midplane_link_time_in_ms: Milliseconds | None = None
    dpu_control_plane_state: PlaneState = PlaneState.UNKNOWN
    dpu_control_plane_time_in_ms: Milliseconds | None = None
    dpu_data_plane_state: PlaneState = PlaneState.UNKNOWN
    dpu_data_plane_time_in_ms: Milliseconds | None = None
    v4_bfd_up_sessions: tuple[IPv4Address, ...] = ()
    v4_bfd_up_sessions_timestamp_in_ms: Milliseconds | None = None
    v6_bfd_up_sessions: tuple[IPv6Address, ...] = ()
    v6_bfd_up_sessions_timestamp_in_ms: Milliseconds | None = None
    last_updated_time_in_ms: Milliseconds | None = None
    reset_announced: bool | None = None
    waiting_for: str | None = None
    rejected: str | None = None


@frozen(kw_only=True)
class PublishedVdpuRow:
    """A vDPU; ``up`` is None while its DPU is not known. Source: tables 2.19, 2.5."""

    up: bool | None = None
    main_dpu_ids: tuple[str, ...] = ()
    is_managed: bool | None = None
    last_updated_time_in_ms: Milliseconds | None = None
    waiting_for: str | None = None
    rejected: str | None = None


@frozen(kw_only=True)
class PublishedSetRow:
    """An HA set: what was configured, what the DPU was given, and what the route is.

    ``up`` is the data plane channel, None until the DPU reports it. ``programmed``: the DPU's row of this set is
    written in the DPU's present life. Source: tables 2.19, 2.13.
    """

    up: bool | None = None
    vdpu_ids: tuple[str, ...] = ()
    pinned_vdpu_bfd_probe_states: tuple[PinState, ...] = ()
    owner: HaOwner | None = None
    programmed: bool | None = None
    version: str | None = None
    vip_v4: IPv4Address | None = None
    vip_v6: IPv6Address | None = None
    scope: HaScopeKind | None = None
    local_npu_ip: IpAddress | None = None
    local_ip: IpAddress | None = None
    peer_ip: IpAddress | None = None
    cp_data_channel_port: Port | None = None
    dp_channel_dst_port: Port | None = None
    dp_channel_src_port_min: Port | None = None
    dp_channel_src_port_max: Port | None = None
    dp_channel_probe_interval_ms: Positive | None = None
    dp_channel_probe_fail_threshold: Positive | None = None
    last_updated_time_in_ms: Milliseconds | None = None
    channel_state: str | None = None
    responders_state: str | None = None
    route_state: str | None = None
    dpu_row_state: str | None = None
    route_key: str | None = None
    waiting_for: str | None = None
    rejected: str | None = None


def published_state(state: HaState, owner: HaOwner) -> str:
    """A state as the controller expects it: ``HA_STATE_ACTIVE``, or the DPU's own ``active`` where the DPU drives."""
    return state.value if owner is HaOwner.DPU else full_name(state)


def read_state(text: str | None) -> HaState | None:
    """The state in either spelling and any case; None where there is none, also for a word that is no state."""
    state = readings(HaState).get((text or "").strip().lower())
    return state if isinstance(state, HaState) else None
