"""The switch of the demonstration: its database configuration files, and what an operator wrote to its CONFIG_DB.

Addresses are those of a lab switch; only the midplane is this machine, because the DPU is a process here.

Source: tables 1.1, 1.2, 2.1 to 2.6; scenarios 0.1.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.database import Database
from models.table import Table
from models.tables import (
    DASH_HA_GLOBAL_CONFIG,
    DEVICE_METADATA,
    DPU,
    LOOPBACK_INTERFACE,
    REMOTE_DPU,
    VDPU,
)
from runner.database_config import load_database_config
from runner.private_redis import PrivateRedis
from runner.redis_rows import RedisRows, open_rows

SLOT = 0
DPU_NAME = "dpu0_0"
NPU_ADDRESS = "10.1.0.32"
PEER_NPU_ADDRESS = "10.1.0.33"
DPU_ADDRESS = "20.0.200.1"
PEER_DPU_ADDRESS = "20.0.201.1"
VIP_V4 = "3.2.1.0"
VIP_V6 = "3:2::1:0"
VNET = "Vnet_55"

HOST_DATABASES = {"APPL_DB": (0, ":"), "CONFIG_DB": (4, "|"), "STATE_DB": (6, "|"), "CHASSIS_STATE_DB": (13, "|")}
DPU_DATABASES = {"DPU_APPL_DB": (15, ":"), "DPU_STATE_DB": (17, "|"), "DPU_COUNTERS_DB": (18, ":")}
"""Number and key separator of each database, as on a production switch."""

ConfigRow = tuple[Table[Any], str, Mapping[str, str]]


def config_rows(orchagent_zmq_port: int) -> tuple[ConfigRow, ...]:
    """The rows of CONFIG_DB: the switch, one DPU of its own, one of the other switch, and a vDPU on each."""
    return (
        (
            DEVICE_METADATA,
            "localhost",
            {"region": "west", "cluster": "cluster1", "hostname": "switch1", "subtype": "SmartSwitch"},
        ),
        (LOOPBACK_INTERFACE, f"Loopback0|{NPU_ADDRESS}/32", {"NULL": "NULL"}),
        (
            DASH_HA_GLOBAL_CONFIG,
            "global",
            {
                "cp_data_channel_port": "6000",
                "dp_channel_dst_port": "7000",
                "dp_channel_src_port_min": "7001",
                "dp_channel_src_port_max": "7010",
                "dp_channel_probe_interval_ms": "500",
                "dp_channel_probe_fail_threshold": "5",
                "dpu_bfd_probe_interval_in_ms": "1000",
                "dpu_bfd_probe_multiplier": "3",
                "dpu_vnet": VNET,
                "dpu_vlan": "Vlan55",
            },
        ),
        (
            DPU,
            DPU_NAME,
            {
                "state": "up",
                "dpu_id": str(SLOT),
                "vdpu_id": "vdpu0_0",
                "pa_ipv4": DPU_ADDRESS,
                "vip_ipv4": VIP_V4,
                "midplane_ipv4": "127.0.0.1",
                "orchagent_zmq_port": str(orchagent_zmq_port),
                "swbus_port": "23606",
            },
        ),
        (
            REMOTE_DPU,
            "dpu1_0",
            {
                "type": "cluster",
                "dpu_id": "0",
                "pa_ipv4": PEER_DPU_ADDRESS,
                "npu_ipv4": PEER_NPU_ADDRESS,
                "swbus_port": "23606",
            },
        ),
        (VDPU, "vdpu0_0", {"main_dpu_ids": DPU_NAME}),
        (VDPU, "vdpu1_0", {"main_dpu_ids": "dpu1_0"}),
    )


def write_database_files(directory: Path, host: PrivateRedis, dpu: PrivateRedis) -> tuple[Path, Path]:
    """Write the configuration files of both servers; gives the main file and the global file."""
    main_file = directory / "database_config.json"
    main_file.write_text(_main_file("redis", host, HOST_DATABASES))
    (directory / "dpu0").mkdir()
    (directory / "dpu0" / "database_config.json").write_text(_main_file("redis", dpu, DPU_DATABASES))
    global_file = directory / "database_global.json"
    includes = [
        {"include": main_file.name},
        {"include": "dpu0/database_config.json", "container_name": f"dpu{SLOT}"},
    ]
    global_file.write_text(json.dumps({"INCLUDES": includes, "VERSION": "1.0"}, indent=2))
    return main_file, global_file


def open_switch(main_file: Path, global_file: Path, slot: int = SLOT) -> RedisRows:
    """The databases of the switch and of the DPU in a slot."""
    names = (*HOST_DATABASES, *DPU_DATABASES)
    return open_rows(load_database_config(main_file, global_file), (Database(name) for name in names), slot)


def _main_file(instance: str, server: PrivateRedis, databases: Mapping[str, tuple[int, str]]) -> str:
    content = {
        "INSTANCES": {
            instance: {
                "hostname": "127.0.0.1",
                "port": server.port,
                "unix_socket_path": str(server.socket_path),
            }
        },
        "DATABASES": {
            name: {"id": number, "separator": separator, "instance": instance}
            for name, (number, separator) in databases.items()
        },
        "VERSION": "1.0",
    }
    return json.dumps(content, indent=2)
