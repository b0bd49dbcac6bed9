"""Who takes part in a simulated pair: the sides with their addresses, and what CONFIG_DB of each switch says of all.

Source: scenarios 0.1, tables 2.2 to 2.6.
"""

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from models import tables
from models.table import Table

SET_ID = "haset0_0"
VNET = "Vnet_55"
VIP = "3.2.1.0"
ROUTE_KEY = f"{VNET}:{VIP}"


@frozen
class Side:
    """A DPU, its vDPU and the switch that it sits in. ``pa`` is the DPU's address, ``npu`` the switch's."""

    name: str
    vdpu_id: str
    dpu_name: str
    pa: str
    npu: str

    @property
    def scope_key(self) -> str:
        """The key of the scope's configuration."""
        return f"{self.vdpu_id}:{SET_ID}"

    @property
    def state_key(self) -> str:
        """The key of the scope's state row."""
        return f"{self.vdpu_id}|{SET_ID}"

    @property
    def scope_path(self) -> str:
        """The resource path of the scope."""
        return f"ha-scope/{self.scope_key}"


A = Side("A", "vdpu0_0", "dpu0_0", "20.0.200.1", "10.1.0.32")
B = Side("B", "vdpu1_0", "dpu1_0", "20.0.201.1", "10.1.0.33")
C = Side("C", "vdpu1_2", "dpu2_0", "20.0.202.1", "10.1.0.34")
"""The replacement of a re-pairing, in a switch of its own."""

Row = tuple[Table[Any], str, dict[str, str]]

GLOBAL_CONFIG = {
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
}


def configuration(own: Side, sides: tuple[Side, ...]) -> Iterator[Row]:
    """CONFIG_DB of the switch of one side."""
    yield tables.LOOPBACK_INTERFACE, f"Loopback0|{own.npu}/32", {"NULL": "NULL"}
    for side in sides:
        if side is own:
            yield tables.DPU, side.dpu_name, _local(side)
        else:
            yield tables.REMOTE_DPU, side.dpu_name, _remote(side)
        yield tables.VDPU, side.vdpu_id, {"main_dpu_ids": side.dpu_name}
    yield tables.DASH_HA_GLOBAL_CONFIG, "GLOBAL", GLOBAL_CONFIG


def _local(side: Side) -> dict[str, str]:
    return {
        "state": "up",
        "dpu_id": "0",
        "vdpu_id": side.vdpu_id,
        "pa_ipv4": side.pa,
        "midplane_ipv4": "169.254.200.1",
        "orchagent_zmq_port": "8100",
        "swbus_port": "23606",
    }


def _remote(side: Side) -> dict[str, str]:
    return {"type": "cluster", "dpu_id": "0", "pa_ipv4": side.pa, "npu_ipv4": side.npu, "swbus_port": "23606"}
