"""What the operator configured in CONFIG_DB: the DPUs of both switches, the vDPUs, and the settings of all HA sets.

Decides nothing. Source: tables 2.1 to 2.6.
"""

from ipaddress import IPv4Address, IPv6Address

from attrs import Factory, field, frozen

from models import readers
from models.codec import ALSO_NAMED, bad_row
from models.quantities import IpAddress, Port, Positive, Range, Slot, Uint32

SWBUS_PORT_BASE = 23606
"""The bus of the DPU in slot n listens on this port plus n unless the row says otherwise."""

ORCHAGENT_ZMQ_PORT = 8100
"""Where the orchagent of a DPU listens unless the row says otherwise."""

_LOOPBACK = "Loopback0"


@frozen(kw_only=True)
class DpuRow:
    """A DPU of this switch.

    ``dpu_id`` is its slot. Without ``pa_ipv4`` or ``midplane_ipv4`` the DPU is not ready to be used, which is not an
    error: they may follow. ``state`` is the configured admin state and free text in practice. Source: tables 2.3.
    """

    dpu_id: Slot
    state: str | None = None
    vdpu_id: str | None = None
    pa_ipv4: IPv4Address | None = None
    pa_ipv6: IPv6Address | None = None
    vip_ipv4: IPv4Address | None = None
    vip_ipv6: IPv6Address | None = None
    midplane_ipv4: IPv4Address | None = None
    orchagent_zmq_port: Port = ORCHAGENT_ZMQ_PORT
    swbus_port: Port = Factory(lambda row: SWBUS_PORT_BASE + row.dpu_id, takes_self=True)
    gnmi_port: str | None = None
    local_port: str | None = None


@frozen(kw_only=True)
class RemoteDpuRow:
    """A DPU of another switch of the cluster.

    ``dpu_id`` is its slot over there and may equal a slot of this switch. ``npu_ipv4`` is the loopback of the switch
    that owns it. Source: tables 2.4.
    """

    type: str = "cluster"
    dpu_id: Uint32
    pa_ipv4: IPv4Address
    pa_ipv6: IPv6Address | None = None
    npu_ipv4: IPv4Address
    npu_ipv6: IPv6Address | None = None
    swbus_port: Port


@frozen(kw_only=True)
class VdpuRow:
    """A virtual DPU and the DPUs that carry it, of which only the first is used. Source: tables 2.5."""

    main_dpu_ids: tuple[str, ...]
    profile: str | None = None
    tier: str | None = None

    @property
    def main_dpu_id(self) -> str:
        """The name of the DPU or remote DPU that carries this vDPU."""
        return self.main_dpu_ids[0]


@frozen(kw_only=True)
class HaGlobalConfigRow:
    """Settings of all HA sets of this switch. Each may be absent, which postpones only what needs it.

    Intervals are milliseconds, thresholds and multipliers counts. ``dpu_vnet`` is read from its deprecated name
    ``vnet_name`` where only that is set. Source: tables 2.6.
    """

    cp_data_channel_port: Port | None = None
    dp_channel_dst_port: Port | None = None
    dp_channel_src_port_min: Port | None = None
    dp_channel_src_port_max: Port | None = None
    dp_channel_probe_interval_ms: Positive | None = None
    dp_channel_probe_fail_threshold: Positive | None = None
    dpu_bfd_probe_interval_in_ms: Positive | None = None
    dpu_bfd_probe_multiplier: Positive | None = None
    dpu_vnet: str | None = field(default=None, metadata={ALSO_NAMED: ("vnet_name",)})
    dpu_vlan: str | None = None


@frozen(kw_only=True)
class DeviceMetadataRow:
    """Which switch this is; the first three make up its address on the bus. Source: tables 2.1."""

    region: str
    cluster: str
    hostname: str
    type: str | None = None
    subtype: str | None = None


@frozen
class LoopbackInterfaceRow:
    """A loopback row has nothing but its key, which ``loopback_address`` reads. Source: tables 2.2."""


def loopback_address(key: str) -> IpAddress | None:
    """The address that a key of LOOPBACK_INTERFACE gives to ``Loopback0``.

    None for the row of the interface itself, for other loopbacks and for link-local IPv6, which no peer can reach.
    Raises ``BadRow`` if what follows ``Loopback0|`` is no address with an optional prefix length. Source: tables 2.2.
    """
    name, separator, prefix = key.partition("|")
    if name != _LOOPBACK or not separator:
        return None
    host, slash, length = prefix.partition("/")
    try:
        value = readers.address(host.strip())
        if slash:
            readers.number(length.strip(), Range(0, value.max_prefixlen))
    except readers.Unreadable as error:
        raise bad_row("LOOPBACK_INTERFACE", key, "(key)", prefix, error.why) from error
    return None if isinstance(value, IPv6Address) and value.is_link_local else value
