"""What hamgrd writes for a DPU: its HA sets, its HA scopes, and the BFD sessions it answers.

Rows are always written whole, because the copy that tools see mirrors the last message. A field without a value is left
out: the DPU throws a whole row away for an empty address. Source: tables 2.13, 2.14, 2.20.
"""

import re
from ipaddress import IPv4Address, IPv6Address

from attrs import field, frozen

from hamgr_fsm.vocabulary import HaOwner, HaRole, HaScopeKind
from models.codec import ONE_SHOT
from models.quantities import UINT32_MAX, IpAddress, Port, Positive, Term, Uint32

_LEADING_INTEGER = re.compile(r"\s*([0-9]{1,10})(?![0-9])")


@frozen(kw_only=True)
class HaSetRow:
    """An HA set as a DPU needs it: its two ends, its virtual addresses and the data plane channel.

    ``version`` is the controller's text. Intervals are milliseconds. Source: tables 2.13.
    """

    version: str = ""
    vip_v4: IPv4Address | None = None
    vip_v6: IPv6Address | None = None
    owner: HaOwner
    scope: HaScopeKind
    local_npu_ip: IpAddress
    local_ip: IpAddress
    peer_ip: IpAddress
    cp_data_channel_port: Port | None = None
    dp_channel_dst_port: Port | None = None
    dp_channel_src_port_min: Port | None = None
    dp_channel_src_port_max: Port | None = None
    dp_channel_probe_interval_ms: Positive | None = None
    dp_channel_probe_fail_threshold: Positive | None = None


@frozen(kw_only=True)
class HaScopeRow:
    """An HA scope as a DPU needs it: the role to take.

    The fields from ``disabled`` on belong to DPU-driven scopes and stay None in switch-driven ones. Source: tables
    2.14.
    """

    version: Uint32 = 0
    ha_role: HaRole
    ha_term: Term = 0
    ha_set_id: str
    disabled: bool | None = None
    vip_v4: IPv4Address | None = None
    vip_v6: IPv6Address | None = None
    flow_reconcile_requested: bool | None = field(default=None, metadata=ONE_SHOT)
    activate_role_requested: bool | None = field(default=None, metadata=ONE_SHOT)
    brainsplit_recovered: bool | None = field(default=None, metadata=ONE_SHOT)


@frozen(kw_only=True)
class BfdSessionRow:
    """A BFD session that a DPU answers for one switch. Intervals in milliseconds; None leaves the DPU's own default.

    Source: tables 2.20.
    """

    tx_interval: Positive | None = None
    rx_interval: Positive | None = None
    multiplier: Positive | None = None
    multihop: bool = True
    shutdown: bool = False
    local_addr: IpAddress
    type: str = "passive"


@frozen(kw_only=True)
class FlowSyncSessionRow:
    """Asks a DPU to copy its flows to another one. ``timeout`` in seconds. Source: tables 2.15."""

    type: str = "bulk_sync"
    ha_set_id: str
    target_server_ip: IpAddress
    target_server_port: Port
    timeout: Positive


def dpu_version(text: str) -> int:
    """The version as a DPU takes it: the integer that the controller's text begins with, else 0.

    0 as well if it does not fit 32 bits, since a cut number would be another version. Source: tables 2.8.
    """
    match = _LEADING_INTEGER.match(text)
    value = int(match[1]) if match else 0
    return value if value <= UINT32_MAX else 0
