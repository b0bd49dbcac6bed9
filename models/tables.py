"""Every table that hamgrd reads or writes, and the record that one of its rows is.

Source: tables 2.0.
"""

from typing import Any

from models.config_db import (
    DeviceMetadataRow,
    DpuRow,
    HaGlobalConfigRow,
    LoopbackInterfaceRow,
    RemoteDpuRow,
    VdpuRow,
)
from models.controller import HaScopeConfigRow, HaSetConfigRow
from models.database import Database
from models.dpu_rows import BfdSessionRow, FlowSyncSessionRow, HaScopeRow, HaSetRow
from models.dpu_state import BfdProbeStateRow, DpuStateRow, FlowSyncSessionStateRow, HaScopeStateRow, HaSetStateRow
from models.eni_rows import EniForwardRow, EniPlacementRow
from models.npu_rows import DpuResetInfoRow, NeighResolveRow, VnetRouteTunnelRow
from models.published import (
    PublishedDpuRow,
    PublishedGlobalConfigRow,
    PublishedScopeRow,
    PublishedSetRow,
    PublishedVdpuRow,
)
from models.table import Table, Transport

DEVICE_METADATA = Table("DEVICE_METADATA", Database.CONFIG_DB, DeviceMetadataRow)
LOOPBACK_INTERFACE = Table("LOOPBACK_INTERFACE", Database.CONFIG_DB, LoopbackInterfaceRow)
DPU = Table("DPU", Database.CONFIG_DB, DpuRow)
REMOTE_DPU = Table("REMOTE_DPU", Database.CONFIG_DB, RemoteDpuRow)
VDPU = Table("VDPU", Database.CONFIG_DB, VdpuRow)
DASH_HA_GLOBAL_CONFIG = Table("DASH_HA_GLOBAL_CONFIG", Database.CONFIG_DB, HaGlobalConfigRow)

DASH_HA_SET_CONFIG_TABLE = Table("DASH_HA_SET_CONFIG_TABLE", Database.APPL_DB, HaSetConfigRow)
DASH_HA_SCOPE_CONFIG_TABLE = Table("DASH_HA_SCOPE_CONFIG_TABLE", Database.APPL_DB, HaScopeConfigRow)

DASH_ENI_PLACEMENT_TABLE = Table("DASH_ENI_PLACEMENT_TABLE", Database.APPL_DB, EniPlacementRow)

DPU_STATE = Table("DPU_STATE", Database.CHASSIS_STATE_DB, DpuStateRow)
DASH_BFD_PROBE_STATE = Table("DASH_BFD_PROBE_STATE", Database.DPU_STATE_DB, BfdProbeStateRow)
DASH_HA_SET_STATE_TABLE = Table("DASH_HA_SET_STATE_TABLE", Database.DPU_STATE_DB, HaSetStateRow)
DASH_HA_SCOPE_STATE_TABLE = Table("DASH_HA_SCOPE_STATE_TABLE", Database.DPU_STATE_DB, HaScopeStateRow)

DASH_FLOW_SYNC_SESSION_STATE_TABLE = Table(
    "DASH_FLOW_SYNC_SESSION_STATE_TABLE", Database.DPU_STATE_DB, FlowSyncSessionStateRow
)

DASH_FLOW_SYNC_SESSION_TABLE = Table(
    "DASH_FLOW_SYNC_SESSION_TABLE", Database.DPU_APPL_DB, FlowSyncSessionRow, Transport.ORCHAGENT
)
DASH_HA_SET_TABLE = Table("DASH_HA_SET_TABLE", Database.DPU_APPL_DB, HaSetRow, Transport.ORCHAGENT)
DASH_HA_SCOPE_TABLE = Table("DASH_HA_SCOPE_TABLE", Database.DPU_APPL_DB, HaScopeRow, Transport.ORCHAGENT)
BFD_SESSION_TABLE = Table("BFD_SESSION_TABLE", Database.DPU_APPL_DB, BfdSessionRow, Transport.ORCHAGENT)

VNET_ROUTE_TUNNEL_TABLE = Table(
    "VNET_ROUTE_TUNNEL_TABLE", Database.APPL_DB, VnetRouteTunnelRow, Transport.PRODUCER_STATE_TABLE
)
NEIGH_RESOLVE_TABLE = Table("NEIGH_RESOLVE_TABLE", Database.APPL_DB, NeighResolveRow, Transport.PRODUCER_STATE_TABLE)
DASH_ENI_FORWARD_TABLE = Table(
    "DASH_ENI_FORWARD_TABLE", Database.APPL_DB, EniForwardRow, Transport.PRODUCER_STATE_TABLE
)

DPU_RESET_INFO = Table("DPU_RESET_INFO", Database.STATE_DB, DpuResetInfoRow, Transport.TABLE)
DASH_HA_SCOPE_STATE = Table("DASH_HA_SCOPE_STATE", Database.STATE_DB, PublishedScopeRow, Transport.TABLE)
DASH_HA_GLOBAL_CONFIG_STATE = Table(
    "DASH_HA_GLOBAL_CONFIG_STATE", Database.STATE_DB, PublishedGlobalConfigRow, Transport.TABLE
)
DASH_HA_DPU_STATE = Table("DASH_HA_DPU_STATE", Database.STATE_DB, PublishedDpuRow, Transport.TABLE)
DASH_HA_VDPU_STATE = Table("DASH_HA_VDPU_STATE", Database.STATE_DB, PublishedVdpuRow, Transport.TABLE)
DASH_HA_SET_STATE = Table("DASH_HA_SET_STATE", Database.STATE_DB, PublishedSetRow, Transport.TABLE)

READ_TABLES: tuple[Table[Any], ...] = (
    DEVICE_METADATA,
    LOOPBACK_INTERFACE,
    DPU,
    REMOTE_DPU,
    VDPU,
    DASH_HA_GLOBAL_CONFIG,
    DASH_HA_SET_CONFIG_TABLE,
    DASH_HA_SCOPE_CONFIG_TABLE,
    DASH_ENI_PLACEMENT_TABLE,
    DPU_STATE,
    DASH_BFD_PROBE_STATE,
    DASH_HA_SET_STATE_TABLE,
    DASH_HA_SCOPE_STATE_TABLE,
    DASH_FLOW_SYNC_SESSION_STATE_TABLE,
)
"""The tables that somebody else writes and hamgrd reads."""

WRITTEN_TABLES: tuple[Table[Any], ...] = (
    DASH_HA_SET_TABLE,
    DASH_HA_SCOPE_TABLE,
    BFD_SESSION_TABLE,
    DASH_FLOW_SYNC_SESSION_TABLE,
    VNET_ROUTE_TUNNEL_TABLE,
    NEIGH_RESOLVE_TABLE,
    DASH_ENI_FORWARD_TABLE,
    DPU_RESET_INFO,
    DASH_HA_SCOPE_STATE,
    DASH_HA_GLOBAL_CONFIG_STATE,
    DASH_HA_DPU_STATE,
    DASH_HA_VDPU_STATE,
    DASH_HA_SET_STATE,
)
"""The tables that hamgrd writes, and reads back after a restart."""

_BY_NAME = {(table.database, table.name): table for table in READ_TABLES + WRITTEN_TABLES}


def table_named(database: Database, name: str) -> Table[Any]:
    """The table of that name in that database; equal names in other databases are other tables.

    Raises KeyError for a table that hamgrd does not know.
    """
    return _BY_NAME[database, name]
