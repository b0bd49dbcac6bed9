"""What can be wrong with the rows that hamgrd reads, table by table. Source: tables 2 and 3."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from models.table import Table
from models.tables import (
    DASH_BFD_PROBE_STATE,
    DASH_HA_DPU_STATE,
    DASH_HA_GLOBAL_CONFIG,
    DASH_HA_GLOBAL_CONFIG_STATE,
    DASH_HA_SCOPE_CONFIG_TABLE,
    DASH_HA_SCOPE_STATE,
    DASH_HA_SCOPE_STATE_TABLE,
    DASH_HA_SET_CONFIG_TABLE,
    DASH_HA_SET_STATE,
    DASH_HA_SET_STATE_TABLE,
    DASH_HA_VDPU_STATE,
    DEVICE_METADATA,
    DPU,
    DPU_STATE,
    LOOPBACK_INTERFACE,
    REMOTE_DPU,
    VDPU,
)
from tests.daemon.switch import SCOPE_ROW

MEGABYTE = b"x" * 1_000_000

SHOWN_IN: Mapping[Table[Any], tuple[Table[Any], str]] = {
    DPU: (DASH_HA_DPU_STATE, "dpu0_0"),
    REMOTE_DPU: (DASH_HA_DPU_STATE, "dpu1_0"),
    VDPU: (DASH_HA_VDPU_STATE, "vdpu0_0"),
    DASH_HA_GLOBAL_CONFIG: (DASH_HA_GLOBAL_CONFIG_STATE, "global"),
    DASH_HA_SET_CONFIG_TABLE: (DASH_HA_SET_STATE, "haset0_0"),
    DASH_HA_SCOPE_CONFIG_TABLE: (DASH_HA_SCOPE_STATE, SCOPE_ROW),
    DPU_STATE: (DASH_HA_DPU_STATE, "dpu0_0"),
    DASH_BFD_PROBE_STATE: (DASH_HA_DPU_STATE, "dpu0_0"),
    DASH_HA_SET_STATE_TABLE: (DASH_HA_SET_STATE, "haset0_0"),
    DASH_HA_SCOPE_STATE_TABLE: (DASH_HA_SCOPE_STATE, SCOPE_ROW),
}
"""Where the rejection of a row is published. The rows of the other tables belong to nothing that is published."""

KEYS: Mapping[Table[Any], str] = {
    DEVICE_METADATA: "localhost",
    LOOPBACK_INTERFACE: "Loopback0|127.1.0.32/32",
    DPU: "dpu0_0",
    REMOTE_DPU: "dpu1_0",
    VDPU: "vdpu0_0",
    DASH_HA_GLOBAL_CONFIG: "global",
    DASH_HA_SET_CONFIG_TABLE: "haset0_0",
    DASH_HA_SCOPE_CONFIG_TABLE: "vdpu0_0:haset0_0",
    DPU_STATE: "DPU0",
    DASH_BFD_PROBE_STATE: "dash_ha",
    DASH_HA_SET_STATE_TABLE: "haset0_0",
    DASH_HA_SCOPE_STATE_TABLE: "haset0_0",
}


@frozen
class Bad:
    """What is wrong with a row: ``fields`` are set in the good one, ``without`` is left out of it."""

    table: Table[Any]
    at_fault: str
    fields: Mapping[str, bytes] = field(factory=dict, hash=False)
    without: tuple[str, ...] = ()
    shown: str = ""
    """A part of the value that is logged."""

    def __str__(self) -> str:
        said = self.shown[:20] or (f"no {self.without[0]}" if self.without else "bytes")
        return f"{self.table.name} {self.at_fault} {said}"


def value(table: Table[Any], name: str, text: str) -> Bad:
    return Bad(table, name, {name: text.encode()}, shown=text)


def raw(table: Table[Any], name: str, content: bytes, shown: str, *without: str) -> Bad:
    return Bad(table, name, {name: content}, without, shown)


def missing(table: Table[Any], name: str) -> Bad:
    return Bad(table, name, without=(name,))


BAD: tuple[Bad, ...] = (
    missing(DEVICE_METADATA, "hostname"),
    raw(DEVICE_METADATA, "region", b"\xff", "\\xff"),
    missing(DPU, "dpu_id"),
    value(DPU, "dpu_id", "eight"),
    value(DPU, "dpu_id", "99999999999999999999999"),
    value(DPU, "pa_ipv4", "300.1.1.1"),
    value(DPU, "orchagent_zmq_port", "70000"),
    raw(DPU, "midplane_ipv4", b"\xc3\x28", "\\xc3("),
    raw(DPU, "vdpu_id", MEGABYTE, "xxx"),
    missing(REMOTE_DPU, "npu_ipv4"),
    value(REMOTE_DPU, "pa_ipv4", "nowhere"),
    value(REMOTE_DPU, "swbus_port", "0x10"),
    missing(VDPU, "main_dpu_ids"),
    raw(VDPU, "main_dpu_ids", b"dpu\x80", "dpu\\x80"),
    value(DASH_HA_GLOBAL_CONFIG, "dpu_bfd_probe_interval_in_ms", "often"),
    value(DASH_HA_GLOBAL_CONFIG, "cp_data_channel_port", "-1"),
    value(DASH_HA_GLOBAL_CONFIG, "dpu_bfd_probe_multiplier", "18446744073709551616"),
    raw(DASH_HA_SET_CONFIG_TABLE, "pb", b"\xff\xfe garbage", "\\xff\\xfe garbage"),
    raw(DASH_HA_SET_CONFIG_TABLE, "pb", b"\x0a\x031.0\x12\x05\x0d", "1.0"),
    raw(DASH_HA_SET_CONFIG_TABLE, "pb", MEGABYTE, "xxx"),
    raw(DASH_HA_SET_CONFIG_TABLE, "pb", b"", ""),
    raw(DASH_HA_SET_CONFIG_TABLE, "json", b'{"version": ', '{"version"', "pb"),
    raw(DASH_HA_SET_CONFIG_TABLE, "scope", b"rack", "rack", "pb"),
    raw(DASH_HA_SCOPE_CONFIG_TABLE, "pb", b"\x0a\x0111\x00", "11"),
    raw(DASH_HA_SCOPE_CONFIG_TABLE, "pb", MEGABYTE, "xxx"),
    Bad(DASH_HA_SCOPE_CONFIG_TABLE, "owner", {"pb": b"\x0a\x011\x18\x09"}, shown="9"),
    Bad(DASH_HA_SCOPE_CONFIG_TABLE, "desired_ha_state", {"pb": b"\x0a\x011\x18\x01\x28\x09"}, shown="9"),
    raw(DASH_HA_SCOPE_CONFIG_TABLE, "owner", b"nobody", "nobody", "pb"),
    raw(DASH_HA_SCOPE_CONFIG_TABLE, "disabled", b"perhaps", "perhaps", "pb"),
    raw(DPU_STATE, "dpu_control_plane_state", b"\xff", "\\xff"),
    raw(DPU_STATE, "dpu_data_plane_state", MEGABYTE, "xxx"),
    value(DASH_BFD_PROBE_STATE, "v4_bfd_up_sessions", "nobody"),
    value(DASH_BFD_PROBE_STATE, "v6_bfd_up_sessions", "127.1.0.32"),
    value(DASH_HA_SET_STATE_TABLE, "dp_channel_is_alive", "perhaps"),
    value(DASH_HA_SCOPE_STATE_TABLE, "ha_state", "dancing"),
    value(DASH_HA_SCOPE_STATE_TABLE, "ha_state", "switching_to_active"),
    value(DASH_HA_SCOPE_STATE_TABLE, "ha_role", "king"),
    value(DASH_HA_SCOPE_STATE_TABLE, "ha_term", "many"),
    value(DASH_HA_SCOPE_STATE_TABLE, "activate_role_pending", "soon"),
)
