"""The examples of the specification: what others write decodes to the expected record, what we write is exactly that.

Source: tables 2.1 to 2.22.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

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
from models import tables
from models.codec import decode, encode, one_shot_fields
from models.config_db import DeviceMetadataRow, DpuRow, HaGlobalConfigRow, RemoteDpuRow, VdpuRow
from models.controller import HaScopeConfigRow, HaSetConfigRow
from models.dpu_rows import BfdSessionRow, HaScopeRow, HaSetRow
from models.dpu_state import BfdProbeStateRow, DpuStateRow, HaScopeStateRow, HaSetStateRow
from models.npu_rows import DpuResetInfoRow, NeighResolveRow, VnetRouteTunnelRow
from models.published import PublishedScopeRow, PublishedVdpuRow
from models.table import Table
from tests.models.rows import redis_hash

V4 = IPv4Address
TEN_PAST_THREE = "Mon Jun 10 03:15:42 PM UTC 2024"

GLOBAL_CONFIG = {
    "cp_data_channel_port": "6000",
    "dp_channel_dst_port": "7000",
    "dp_channel_src_port_min": "7001",
    "dp_channel_src_port_max": "7010",
    "dp_channel_probe_interval_ms": "500",
    "dp_channel_probe_fail_threshold": "5",
}
CHANNEL: dict[str, Any] = {name: int(value) for name, value in GLOBAL_CONFIG.items()}

READ = [
    (
        tables.DEVICE_METADATA,
        {
            "region": "west",
            "cluster": "cluster1",
            "hostname": "switch1",
            "type": "LeafRouter",
            "subtype": "SmartSwitch",
        },
        DeviceMetadataRow(
            region="west", cluster="cluster1", hostname="switch1", type="LeafRouter", subtype="SmartSwitch"
        ),
    ),
    (
        tables.DPU,
        {
            "state": "up",
            "dpu_id": "0",
            "vdpu_id": "vdpu0_0",
            "pa_ipv4": "20.0.200.1",
            "vip_ipv4": "3.2.1.0",
            "midplane_ipv4": "169.254.200.1",
            "orchagent_zmq_port": "8100",
            "swbus_port": "23606",
            "gnmi_port": "50051",
            "local_port": "8080",
        },
        DpuRow(
            state="up",
            dpu_id=0,
            vdpu_id="vdpu0_0",
            pa_ipv4=V4("20.0.200.1"),
            vip_ipv4=V4("3.2.1.0"),
            midplane_ipv4=V4("169.254.200.1"),
            orchagent_zmq_port=8100,
            swbus_port=23606,
            gnmi_port="50051",
            local_port="8080",
        ),
    ),
    (
        tables.REMOTE_DPU,
        {
            "type": "cluster",
            "dpu_id": "0",
            "pa_ipv4": "20.0.201.1",
            "npu_ipv4": "10.1.1.32",
            "swbus_port": "23606",
        },
        RemoteDpuRow(dpu_id=0, pa_ipv4=V4("20.0.201.1"), npu_ipv4=V4("10.1.1.32"), swbus_port=23606),
    ),
    (tables.VDPU, {"main_dpu_ids": "dpu0_0"}, VdpuRow(main_dpu_ids=("dpu0_0",))),
    (
        tables.DASH_HA_GLOBAL_CONFIG,
        GLOBAL_CONFIG
        | {
            "dpu_bfd_probe_interval_in_ms": "1000",
            "dpu_bfd_probe_multiplier": "3",
            "dpu_vnet": "Vnet_55",
            "dpu_vlan": "Vlan55",
        },
        HaGlobalConfigRow(
            **CHANNEL,
            dpu_bfd_probe_interval_in_ms=1000,
            dpu_bfd_probe_multiplier=3,
            dpu_vnet="Vnet_55",
            dpu_vlan="Vlan55",
        ),
    ),
    (
        tables.DASH_HA_SET_CONFIG_TABLE,
        {
            "version": "1.0",
            "vip_v4": "3.2.1.0",
            "vip_v6": "3:2::1:0",
            "vdpu_ids": "[vdpu0_0, vdpu1_0]",
            "scope": "dpu",
            "pinned_vdpu_bfd_probe_states": "[none, none]",
            "preferred_vdpu_id": "vdpu0_0",
            "preferred_standalone_vdpu_index": "0",
        },
        HaSetConfigRow(
            version="1.0",
            vip_v4=V4("3.2.1.0"),
            vip_v6=IPv6Address("3:2::1:0"),
            vdpu_ids=("vdpu0_0", "vdpu1_0"),
            scope=HaScopeKind.DPU,
            pinned_vdpu_bfd_probe_states=(PinState.NONE, PinState.NONE),
            preferred_vdpu_id="vdpu0_0",
        ),
    ),
    (
        tables.DASH_HA_SCOPE_CONFIG_TABLE,
        {
            "version": "1",
            "disabled": "false",
            "owner": "switch",
            "desired_ha_state": "unspecified",
            "ha_set_id": "haset0_0",
            "approved_pending_operation_ids": "[8dda84ea-fdb4-4edd-b88c-55fc96d02a6f]",
        },
        HaScopeConfigRow(
            version="1",
            owner=HaOwner.SWITCH,
            desired_ha_state=DesiredHaState.UNSPECIFIED,
            ha_set_id="haset0_0",
            approved_pending_operation_ids=("8dda84ea-fdb4-4edd-b88c-55fc96d02a6f",),
        ),
    ),
    (
        tables.DPU_STATE,
        {
            "id": "1",
            "dpu_midplane_link_state": "up",
            "dpu_midplane_link_time": TEN_PAST_THREE,
            "dpu_midplane_link_reason": "",
            "dpu_control_plane_state": "up",
            "dpu_data_plane_state": "up",
            "dpu_data_plane_time": TEN_PAST_THREE,
        },
        DpuStateRow(
            dpu_midplane_link_state=PlaneState.UP,
            dpu_midplane_link_time=1718032542000,
            dpu_control_plane_state=PlaneState.UP,
            dpu_data_plane_state=PlaneState.UP,
            dpu_data_plane_time=1718032542000,
        ),
    ),
    (
        tables.DASH_BFD_PROBE_STATE,
        {
            "v4_bfd_up_sessions": '"10.1.0.32", "10.1.1.32"',
            "v4_bfd_up_sessions_timestamp": f'"{TEN_PAST_THREE}"',
            "v6_bfd_up_sessions": "",
        },
        BfdProbeStateRow(
            v4_bfd_up_sessions=(V4("10.1.0.32"), V4("10.1.1.32")), v4_bfd_up_sessions_timestamp=1718032542000
        ),
    ),
    (
        tables.DASH_HA_SET_STATE_TABLE,
        {"last_updated_time": "1718032542", "dp_channel_is_alive": "up"},
        HaSetStateRow(last_updated_time=1718032542000, dp_channel_is_alive=True),
    ),
    (
        tables.DASH_HA_SCOPE_STATE_TABLE,
        {
            "last_updated_time": "1718032542",
            "ha_role": "active",
            "ha_role_start_time": "1718032542",
            "ha_state": "active",
            "ha_state_start_time": "1718032542",
            "ha_term": "2",
            "activate_role_pending": "true",
        },
        HaScopeStateRow(
            last_updated_time=1718032542000,
            ha_role=HaRole.ACTIVE,
            ha_role_start_time=1718032542000,
            ha_state=HaState.ACTIVE,
            ha_state_start_time=1718032542000,
            ha_term=2,
            activate_role_pending=True,
        ),
    ),
]

WRITTEN = [
    (
        tables.DASH_HA_SET_TABLE,
        {
            "version": "1.0",
            "vip_v4": "3.2.1.0",
            "vip_v6": "3:2::1:0",
            "owner": "switch",
            "scope": "dpu",
            "local_npu_ip": "10.1.0.32",
            "local_ip": "20.0.200.1",
            "peer_ip": "20.0.201.1",
            **GLOBAL_CONFIG,
        },
        HaSetRow(
            version="1.0",
            vip_v4=V4("3.2.1.0"),
            vip_v6=IPv6Address("3:2::1:0"),
            owner=HaOwner.SWITCH,
            scope=HaScopeKind.DPU,
            local_npu_ip=V4("10.1.0.32"),
            local_ip=V4("20.0.200.1"),
            peer_ip=V4("20.0.201.1"),
            **CHANNEL,
        ),
    ),
    (
        tables.DASH_HA_SCOPE_TABLE,
        {"version": "1", "ha_role": "active", "ha_term": "3", "ha_set_id": "haset0_0"},
        HaScopeRow(version=1, ha_role=HaRole.ACTIVE, ha_term=3, ha_set_id="haset0_0"),
    ),
    (
        tables.DASH_HA_SCOPE_TABLE,
        {
            "version": "1",
            "ha_role": "active",
            "ha_term": "0",
            "ha_set_id": "haset0_0",
            "disabled": "false",
            "vip_v4": "3.2.1.0",
            "vip_v6": "3:2::1:0",
            "flow_reconcile_requested": "false",
            "activate_role_requested": "true",
            "brainsplit_recovered": "false",
        },
        HaScopeRow(
            version=1,
            ha_role=HaRole.ACTIVE,
            ha_set_id="haset0_0",
            disabled=False,
            vip_v4=V4("3.2.1.0"),
            vip_v6=IPv6Address("3:2::1:0"),
            flow_reconcile_requested=False,
            activate_role_requested=True,
            brainsplit_recovered=False,
        ),
    ),
    (
        tables.BFD_SESSION_TABLE,
        {
            "tx_interval": "1000",
            "rx_interval": "1000",
            "multiplier": "3",
            "multihop": "true",
            "shutdown": "false",
            "local_addr": "20.0.200.1",
            "type": "passive",
        },
        BfdSessionRow(tx_interval=1000, rx_interval=1000, multiplier=3, local_addr=V4("20.0.200.1")),
    ),
    (
        tables.VNET_ROUTE_TUNNEL_TABLE,
        {
            "endpoint": "20.0.200.1,10.1.1.32",
            "endpoint_monitor": "20.0.200.1,20.0.201.1",
            "monitoring": "custom_bfd",
            "primary": "20.0.200.1",
            "rx_monitor_timer": "1000",
            "tx_monitor_timer": "1000",
            "check_directly_connected": "true",
            "pinned_state": "none,none",
        },
        VnetRouteTunnelRow(
            endpoint=(V4("20.0.200.1"), V4("10.1.1.32")),
            endpoint_monitor=(V4("20.0.200.1"), V4("20.0.201.1")),
            primary=(V4("20.0.200.1"),),
            rx_monitor_timer=1000,
            tx_monitor_timer=1000,
            check_directly_connected=True,
            pinned_state=(PinState.NONE, PinState.NONE),
        ),
    ),
    (tables.NEIGH_RESOLVE_TABLE, {"mac": "00:00:00:00:00:00"}, NeighResolveRow()),
    (
        tables.DPU_RESET_INFO,
        {"reset_status": "true", "timestamp": "1718032542123", "dpu_id": "dpu0_0", "vdpu_id": "vdpu0_0"},
        DpuResetInfoRow(reset_status=True, timestamp=1718032542123, dpu_id="dpu0_0", vdpu_id="vdpu0_0"),
    ),
    (
        tables.DASH_HA_VDPU_STATE,
        {"up": "true", "main_dpu_ids": "dpu0_0", "is_managed": "true", "last_updated_time_in_ms": "1718032542123"},
        PublishedVdpuRow(up=True, main_dpu_ids=("dpu0_0",), is_managed=True, last_updated_time_in_ms=1718032542123),
    ),
]

SCOPE_STATE = """
version: 1
creation_time_in_ms: 0
last_heartbeat_time_in_ms: 0
vip_v4: 3.2.1.0
vip_v6: 3:2::1:0
local_ip: 20.0.200.1
peer_ip: 20.0.201.1
local_ha_state: HA_STATE_ACTIVE
local_ha_state_last_updated_time_in_ms: 1718032542123
local_ha_state_last_updated_reason: the controller approved
local_target_asic_ha_state: active
local_acked_asic_ha_state: active
local_target_term: 1
peer_ha_state: HA_STATE_STANDBY
peer_ha_state_last_updated_time_in_ms: 1718032545001
peer_term: 1
peer_acked_asic_ha_state: standby
local_vdpu_midplane_state: up
local_vdpu_midplane_state_last_updated_time_in_ms: 1718032542000
local_vdpu_control_plane_state: up
local_vdpu_control_plane_state_last_updated_time_in_ms: 1718098215000
local_vdpu_data_plane_state: up
local_vdpu_data_plane_state_last_updated_time_in_ms: 1718235930000
local_vdpu_up_bfd_sessions_v4: 10.1.0.32,10.1.1.32
local_vdpu_up_bfd_sessions_v4_update_time_in_ms: 1718032542000
local_vdpu_up_bfd_sessions_v6:
local_vdpu_up_bfd_sessions_v6_update_time_in_ms: 1718032542000
pending_operation_ids:
pending_operation_types:
pending_operation_list_last_updated_time_in_ms: 1718032541000
"""


def name_of(value: object) -> str:
    return str(value) if isinstance(value, Table) else ""


@pytest.mark.parametrize(("table", "fields", "record"), READ + WRITTEN, ids=name_of)
def test_example_decodes(table: Table[Any], fields: dict[str, str], record: object) -> None:
    assert decode(table, "key", redis_hash(fields)) == record


@pytest.mark.parametrize(("table", "fields", "record"), WRITTEN, ids=name_of)
def test_example_is_written_exactly(table: Table[Any], fields: dict[str, str], record: object) -> None:
    assert list(encode(record).items()) == list(fields.items())


def test_published_scope_is_written_exactly_and_read_back() -> None:
    lines = (line.partition(":") for line in SCOPE_STATE.strip().split("\n"))
    fields = {name: value.strip() for name, _, value in lines}
    row = decode(tables.DASH_HA_SCOPE_STATE, "vdpu0_0|haset0_0", redis_hash(fields))
    assert isinstance(row, PublishedScopeRow)
    assert row.pending_operation_ids == ()
    assert list(encode(row).items()) == list(fields.items())


def test_pending_operations_are_two_lists_side_by_side() -> None:
    row = PublishedScopeRow(
        pending_operation_ids=("a", "b"),
        pending_operation_types=(OperationType.ACTIVATE_ROLE, OperationType.FLOW_RECONCILE),
    )
    fields = encode(row)
    assert fields["pending_operation_ids"] == "a,b"
    assert fields["pending_operation_types"] == "activate_role,flow_reconcile"
    assert "pending_operation_ids" not in encode(PublishedScopeRow())


def test_pins_are_written_even_if_there_are_none() -> None:
    one = (V4("1.1.1.1"),)
    row = VnetRouteTunnelRow(endpoint=one, endpoint_monitor=one, check_directly_connected=False)
    assert encode(row)["pinned_state"] == ""
    assert encode(row)["check_directly_connected"] == "false"


def test_requests_to_a_dpu_are_one_shot() -> None:
    assert one_shot_fields(tables.DASH_HA_SCOPE_TABLE) == {
        "flow_reconcile_requested",
        "activate_role_requested",
        "brainsplit_recovered",
    }
    assert one_shot_fields(tables.DASH_HA_SET_TABLE) == frozenset()
