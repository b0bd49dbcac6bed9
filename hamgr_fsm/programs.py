"""What a DPU and the switch can be told: the content of HA set, HA scope, BFD responder and route.

Plain records; the machines decide which one holds, the runner writes them as rows. A program carries no identity: which
HA set or scope it is for is known to whoever owns the machine.

Source: tables 2.13, 2.14, 2.20, 2.21; ha-set 2 to 4.
"""

from ipaddress import IPv4Address, IPv6Address

from attrs import frozen

from hamgr_fsm.vocabulary import DesiredHaState, HaOwner, HaRole, HaScopeKind, PinState

Address = IPv4Address | IPv6Address


@frozen
class GlobalSettings:
    """The global configuration of HA on this switch. Ports 1 to 65535, intervals in milliseconds; None where unset."""

    cp_data_channel_port: int | None = None
    dp_channel_dst_port: int | None = None
    dp_channel_src_port_min: int | None = None
    dp_channel_src_port_max: int | None = None
    dp_channel_probe_interval_ms: int | None = None
    dp_channel_probe_fail_threshold: int | None = None
    dpu_bfd_probe_interval_ms: int | None = None
    dpu_bfd_probe_multiplier: int | None = None
    dpu_vnet: str | None = None
    dpu_vlan: str | None = None


@frozen
class HaSetProgram:
    """The HA set as its DPU is told it."""

    version: str
    owner: HaOwner
    kind: HaScopeKind
    vip_v4: IPv4Address | None
    vip_v6: IPv6Address | None
    local_npu_ip: IPv4Address
    local_ip: IPv4Address
    peer_ip: IPv4Address
    settings: GlobalSettings


@frozen
class HaScopeProgram:
    """The HA scope as its DPU is told it, but for the requests, which are messages and not state."""

    version: str
    disabled: bool
    role: HaRole
    ha_set_id: str
    vip_v4: IPv4Address | None
    vip_v6: IPv6Address | None


@frozen
class RoleProgram:
    """A switch-driven HA scope as its DPU is told it: the role to take, and the term for whoever reads the row."""

    version: str
    role: HaRole
    term: int
    ha_set_id: str


@frozen
class Responder:
    """A passive BFD session on the DPU towards one NPU; interval in milliseconds."""

    npu_address: Address
    local_address: Address
    interval_ms: int | None
    multiplier: int | None


@frozen
class Endpoint:
    """One vDPU of a route: where packets for it are sent, and which address its liveness is probed at."""

    vdpu_id: str
    address: IPv4Address
    monitor: IPv4Address
    pin: PinState


@frozen
class Route:
    """The VNET tunnel route of an HA set: one row per VIP, endpoints in order, the primary by address."""

    vnet: str
    vips: tuple[Address, ...]
    endpoints: tuple[Endpoint, ...]
    primary: IPv4Address
    probe_interval_ms: int | None
    directly_connected: bool


@frozen
class Neighbour:
    """An address of the managed DPU that the switch must have resolved before a route leads there."""

    vlan: str
    address: IPv4Address


@frozen
class EniForward:
    """The forwarding entry of an ENI: the vDPUs that have it and the one that takes its packets."""

    vnet: str
    mac: str
    vdpu_ids: tuple[str, ...]
    primary: str
    outbound_vni: int | None = None
    outbound_lookup: str | None = None


def role_of(desired: DesiredHaState) -> HaRole:
    """The role that a DPU-driven scope is given for a desired state; the one without a wish is the standby."""
    return _ROLE[desired]


_ROLE = {
    DesiredHaState.UNSPECIFIED: HaRole.STANDBY,
    DesiredHaState.DEAD: HaRole.DEAD,
    DesiredHaState.ACTIVE: HaRole.ACTIVE,
    DesiredHaState.STANDALONE: HaRole.STANDALONE,
}
