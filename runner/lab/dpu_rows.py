"""The tables between hamgrd and the orchagent of a DPU, and what makes the orchagent throw a row away.

It must not know what a good row does. Source: tables 2.13, 2.14, 2.16, 2.17, 2.20.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address

from hamgr_fsm.vocabulary import HaRole

HA_SET_TABLE = "DASH_HA_SET_TABLE"
HA_SCOPE_TABLE = "DASH_HA_SCOPE_TABLE"
BFD_SESSION_TABLE = "BFD_SESSION_TABLE"
HA_SET_STATE_TABLE = "DASH_HA_SET_STATE_TABLE"
HA_SCOPE_STATE_TABLE = "DASH_HA_SCOPE_STATE_TABLE"

REQUESTS = {
    "activate_role_requested": "activate_role_pending",
    "flow_reconcile_requested": "flow_reconcile_pending",
    "brainsplit_recovered": "brainsplit_recover_pending",
}
"""The one-shot flags of a scope row, and the pending flag that each of them clears."""

NUMBERS = (
    "cp_data_channel_port",
    "dp_channel_dst_port",
    "dp_channel_src_port_min",
    "dp_channel_src_port_max",
    "dp_channel_probe_interval_ms",
    "dp_channel_probe_fail_threshold",
)


def is_true(text: str) -> bool:
    """The two spellings that the orchagent takes for true."""
    return text in ("true", "1")


def set_row_fault(fields: Mapping[str, str]) -> str | None:
    """Why the orchagent throws this HA set row away, or None when it takes it."""
    if fields.get("scope") not in ("dpu", "eni", "unspecified"):
        return f"scope: {fields.get('scope')!r}"
    for name in ("local_npu_ip", "local_ip", "peer_ip"):
        if fault := _address_fault(fields, name):
            return fault
    for name in NUMBERS:
        if not fields.get(name, "0").isdecimal():
            return f"{name}: {fields[name]!r}"
    return _vip_fault(fields)


def scope_row_fault(fields: Mapping[str, str]) -> str | None:
    """Why the orchagent throws this HA scope row away, or None when it takes it."""
    role = fields.get("ha_role", HaRole.DEAD.value)
    if role not in set(HaRole):
        return f"ha_role: {role!r}"
    return _vip_fault(fields)


def _vip_fault(fields: Mapping[str, str]) -> str | None:
    for name, family in (("vip_v4", IPv4Address), ("vip_v6", IPv6Address)):
        if fault := _address_fault(fields, name, (family,)):
            return fault
    return None


def _address_fault(
    fields: Mapping[str, str], name: str, families: tuple[type, ...] = (IPv4Address, IPv6Address)
) -> str | None:
    text = fields.get(name)
    if text is None:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return f"{name}: {text!r}"
    return None if isinstance(address, families) else f"{name}: {text!r}"
