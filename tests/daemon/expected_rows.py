"""The rows of a scope that serves, as the tables of SONiC describe them, without times.

The values are those of the testbed. Source: tables 2.13, 2.14, 2.18 to 2.21; scenarios 0.1, 0.4.
"""

from collections.abc import Mapping

Rows = Mapping[tuple[str, str], Mapping[str, str]]

PORTS_AND_PROBES = {
    "cp_data_channel_port": "6000",
    "dp_channel_dst_port": "7000",
    "dp_channel_src_port_min": "7001",
    "dp_channel_src_port_max": "7010",
    "dp_channel_probe_interval_ms": "500",
    "dp_channel_probe_fail_threshold": "5",
}
VIPS = {"vip_v4": "3.2.1.0", "vip_v6": "3:2::1:0"}
ENDS = {"local_npu_ip": "127.1.0.32", "local_ip": "20.0.200.1", "peer_ip": "20.0.201.1"}

SESSION = {
    "tx_interval": "1000",
    "rx_interval": "1000",
    "multiplier": "3",
    "multihop": "true",
    "shutdown": "false",
    "local_addr": "20.0.200.1",
    "type": "passive",
}

DPU_ROWS: dict[tuple[str, str], Mapping[str, str]] = {
    ("DASH_HA_SET_TABLE", "haset0_0"): {
        "version": "1.0",
        "owner": "dpu",
        "scope": "dpu",
        **VIPS,
        **ENDS,
        **PORTS_AND_PROBES,
    },
    ("DASH_HA_SCOPE_TABLE", "haset0_0"): {
        "version": "1",
        "ha_role": "active",
        "ha_term": "0",
        "ha_set_id": "haset0_0",
        "disabled": "false",
        **VIPS,
        "flow_reconcile_requested": "false",
        "activate_role_requested": "true",
        "brainsplit_recovered": "false",
    },
    ("BFD_SESSION_TABLE", "default:default:127.1.0.32"): SESSION,
    ("BFD_SESSION_TABLE", "default:default:127.1.0.33"): SESSION,
}
"""What the DPU was told. The last message of the scope is the one that carried the approval."""

ROUTE = {
    "endpoint": "20.0.200.1,127.1.0.33",
    "endpoint_monitor": "20.0.200.1,20.0.201.1",
    "monitoring": "custom_bfd",
    "primary": "20.0.200.1",
    "rx_monitor_timer": "1000",
    "tx_monitor_timer": "1000",
    "check_directly_connected": "true",
    "pinned_state": "none,none",
}

NPU_ROWS: dict[tuple[str, str], Mapping[str, str]] = {
    ("VNET_ROUTE_TUNNEL_TABLE", "Vnet_55:3.2.1.0"): ROUTE,
    ("VNET_ROUTE_TUNNEL_TABLE", "Vnet_55:3:2::1:0"): ROUTE,
    ("NEIGH_RESOLVE_TABLE", "Vlan55:20.0.200.1"): {"mac": "00:00:00:00:00:00"},
}
"""What the switch itself was told."""

_NO_SESSIONS = {"v4_bfd_up_sessions": "", "v6_bfd_up_sessions": ""}

ENTITY_ROWS: dict[tuple[str, str], Mapping[str, str]] = {
    ("DASH_HA_GLOBAL_CONFIG_STATE", "global"): {
        **PORTS_AND_PROBES,
        "dpu_bfd_probe_interval_in_ms": "1000",
        "dpu_bfd_probe_multiplier": "3",
        "dpu_vnet": "Vnet_55",
        "dpu_vlan": "Vlan55",
    },
    ("DASH_HA_DPU_STATE", "dpu0_0"): {
        "remote_dpu": "false",
        "is_managed": "true",
        "up": "true",
        "state": "up",
        "dpu_id": "0",
        "vdpu_id": "vdpu0_0",
        "pa_ipv4": "20.0.200.1",
        "vip_ipv4": "3.2.1.0",
        "npu_ipv4": "127.1.0.32",
        "midplane_ipv4": "127.0.0.1",
        "dpu_midplane_link_state": "up",
        "dpu_control_plane_state": "up",
        "dpu_data_plane_state": "up",
        "reset_announced": "false",
        **_NO_SESSIONS,
    },
    ("DASH_HA_DPU_STATE", "dpu1_0"): {
        "remote_dpu": "true",
        "is_managed": "false",
        "dpu_id": "0",
        "pa_ipv4": "20.0.201.1",
        "npu_ipv4": "127.1.0.33",
        "dpu_midplane_link_state": "unknown",
        "dpu_control_plane_state": "unknown",
        "dpu_data_plane_state": "unknown",
        **_NO_SESSIONS,
    },
    ("DASH_HA_VDPU_STATE", "vdpu0_0"): {"up": "true", "main_dpu_ids": "dpu0_0", "is_managed": "true"},
    ("DASH_HA_VDPU_STATE", "vdpu1_0"): {"main_dpu_ids": "dpu1_0", "is_managed": "false"},
}
"""What is published while nothing but CONFIG_DB is configured and the DPU is up."""

SET_STATE = {
    "up": "true",
    "vdpu_ids": "vdpu0_0,vdpu1_0",
    "pinned_vdpu_bfd_probe_states": "none,none",
    "owner": "dpu",
    "programmed": "true",
    "version": "1.0",
    "scope": "dpu",
    **VIPS,
    **ENDS,
    **PORTS_AND_PROBES,
    "channel_state": "up",
    "responders_state": "present",
    "route_state": "advertised",
    "dpu_row_state": "programmed",
    "route_key": "Vnet_55:3.2.1.0,Vnet_55:3:2::1:0",
}

SCOPE_STATE = {
    "version": "1",
    **VIPS,
    "local_ip": "20.0.200.1",
    "peer_ip": "20.0.201.1",
    "local_ha_state": "active",
    "local_ha_state_last_updated_reason": "dpu initiated",
    "local_target_asic_ha_state": "active",
    "local_acked_asic_ha_state": "active",
    "local_target_term": "1",
    "local_acked_term": "1",
    "local_vdpu_midplane_state": "up",
    "local_vdpu_control_plane_state": "up",
    "local_vdpu_data_plane_state": "up",
    "local_vdpu_up_bfd_sessions_v4": "127.1.0.32,127.1.0.33",
    "local_vdpu_up_bfd_sessions_v6": "",
    "pending_operation_ids": "",
    "pending_operation_types": "",
    "owner": "dpu",
    "disabled": "false",
    "desired_ha_state": "active",
    "ha_set_id": "haset0_0",
    "relay_state": "enabled",
    "probe_state": "responding",
    "requested_operation_types": "activate_role",
}

STATE_ROWS: dict[tuple[str, str], Mapping[str, str]] = {
    **ENTITY_ROWS,
    ("DASH_HA_DPU_STATE", "dpu0_0"): {
        **ENTITY_ROWS["DASH_HA_DPU_STATE", "dpu0_0"],
        "v4_bfd_up_sessions": "127.1.0.32,127.1.0.33",
    },
    ("DASH_HA_SET_STATE", "haset0_0"): SET_STATE,
    ("DASH_HA_SCOPE_STATE", "vdpu0_0|haset0_0"): SCOPE_STATE,
}
"""What is published while the scope serves."""

SERVING: Rows = {**DPU_ROWS, **{(f"_{table}", key): row for (table, key), row in NPU_ROWS.items()}, **STATE_ROWS}
"""All of it, as long as nobody consumes what is produced for the switch."""


def without(rows: Rows, *tables: str) -> Rows:
    """The rows that are not of these tables."""
    return {row: fields for row, fields in rows.items() if row[0] not in tables}
