"""The switches of the demonstration: who they are, their database configuration files, and their CONFIG_DB.

Addresses of DPUs are those of a lab; the switches have addresses of this machine, because a hamgrd listens at the one
of its switch, and so has the midplane, because a DPU is a process here.

Source: tables 1.1, 1.2, 2.1 to 2.6; scenarios 0.1.
"""

import json
from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from models.controller import HaSetConfigRow
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
from runner.lab import sides
from runner.lab.controller import initial_set
from runner.lab.sides import GLOBAL_CONFIG, VIP, Side
from runner.private_redis import PrivateRedis
from runner.redis_rows import RedisRows, open_rows

SLOT = 0
VIP_V6 = "3:2::1:0"

A = evolve(sides.A, npu="127.1.0.32")
B = evolve(sides.B, npu="127.1.0.33")
C = evolve(sides.C, npu="127.1.0.34")
"""The replacement of a re-pairing."""

PAIR = (A, B)

HOST_DATABASES = {"APPL_DB": (0, ":"), "CONFIG_DB": (4, "|"), "STATE_DB": (6, "|"), "CHASSIS_STATE_DB": (13, "|")}
DPU_DATABASES = {"DPU_APPL_DB": (15, ":"), "DPU_STATE_DB": (17, "|"), "DPU_COUNTERS_DB": (18, ":")}
"""Number and key separator of each database, as on a production switch."""

ConfigRow = tuple[Table[Any], str, Mapping[str, str]]


@frozen
class Ports:
    """TCP ports of one switch."""

    orchagent: int
    """Where the orchagent of its DPU listens."""

    bus: int
    """Where its hamgrd listens for others."""

    peers: Mapping[str, int] = field(factory=dict)
    """Where the hamgrd of another switch is reached from here, by the name of the side; else where this one listens.

    It may be another port than that one listens on: something may stand in between.
    """


def config_rows(own: Side, ports: Ports, sides: Sequence[Side] = PAIR) -> tuple[ConfigRow, ...]:
    """The rows of CONFIG_DB of one switch: itself, its own DPU, those of the others, and a vDPU on each."""
    metadata = {
        "region": "west",
        "cluster": "cluster1",
        "hostname": f"switch{own.name.lower()}",
        "subtype": "SmartSwitch",
    }
    local = {
        "state": "up",
        "dpu_id": str(SLOT),
        "vdpu_id": own.vdpu_id,
        "pa_ipv4": own.pa,
        "vip_ipv4": VIP,
        "midplane_ipv4": "127.0.0.1",
        "orchagent_zmq_port": str(ports.orchagent),
        "swbus_port": str(ports.bus),
    }
    others = [side for side in sides if side != own]
    return (
        (DEVICE_METADATA, "localhost", metadata),
        (LOOPBACK_INTERFACE, f"Loopback0|{own.npu}/32", {"NULL": "NULL"}),
        (DASH_HA_GLOBAL_CONFIG, "global", GLOBAL_CONFIG),
        (DPU, own.dpu_name, local),
        *((REMOTE_DPU, side.dpu_name, _remote(side, ports)) for side in others),
        *((VDPU, side.vdpu_id, {"main_dpu_ids": side.dpu_name}) for side in (own, *others)),
    )


def configured_set(sides: Sequence[Side] = PAIR) -> HaSetConfigRow:
    """The HA set of the first two sides, with an address of each family."""
    return evolve(initial_set(tuple(sides)), vip_v6=IPv6Address(VIP_V6))


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


def _remote(side: Side, ports: Ports) -> dict[str, str]:
    return {
        "type": "cluster",
        "dpu_id": str(SLOT),
        "pa_ipv4": side.pa,
        "npu_ipv4": side.npu,
        "swbus_port": str(ports.peers.get(side.name, ports.bus)),
    }


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
