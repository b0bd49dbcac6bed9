"""Where this process stands on the bus and who its neighbours are, from the rows of CONFIG_DB.

The DPUs of other switches are neighbours, and those in other slots of this switch, which other processes manage.

Source: bus 1, 2; tables 2.1 to 2.4; field-lessons FL-07.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

from models import tables
from models.config_db import DeviceMetadataRow, DpuRow, RemoteDpuRow
from runner import topics
from runner.board import Board
from runner.outputs import Neighbour, ReachBus

NEIGHBOURHOOD_TABLES = frozenset(
    table.name for table in (tables.DEVICE_METADATA, tables.LOOPBACK_INTERFACE, tables.DPU, tables.REMOTE_DPU)
)
"""The tables that say it."""

METADATA_KEY = "localhost"


def neighbourhood(board: Board, slot_id: int, dpu_names: Iterable[str]) -> ReachBus:
    """What the board says of the bus, for the process of a slot; ``dpu_names`` are all DPUs that are configured."""
    loopback = tuple(str(address) for address in board.peek(topics.LOOPBACK, ()))
    metadata: DeviceMetadataRow | None = board.peek(topics.row(tables.DEVICE_METADATA, METADATA_KEY))
    own: DpuRow | None = None
    neighbours = []
    for name in sorted(dpu_names):
        local: DpuRow | None = board.peek(topics.row(tables.DPU, name))
        remote: RemoteDpuRow | None = board.peek(topics.row(tables.REMOTE_DPU, name))
        if local is not None and local.dpu_id == slot_id:
            own = own or local
        elif local is not None and loopback:
            neighbours.append(Neighbour(name, local.dpu_id, loopback, local.swbus_port))
        elif local is None and remote is not None:
            addresses = _texts(remote.npu_ipv4, remote.npu_ipv6)
            neighbours.append(Neighbour(name, remote.dpu_id, addresses, remote.swbus_port))
    waiting_for = [
        what
        for what, there in (
            (f"DEVICE_METADATA|{METADATA_KEY} with region, cluster and hostname", metadata),
            ("an address of Loopback0", loopback),
            (f"a DPU row with dpu_id {slot_id}", own),
        )
        if not there
    ]
    return ReachBus(
        node=f"{metadata.region}.{metadata.cluster}.{metadata.hostname}-dpu{slot_id}" if metadata is not None else "",
        addresses=loopback,
        port=own.swbus_port if own is not None else 0,
        neighbours=tuple(neighbours),
        waiting_for=tuple(waiting_for),
    )


def _texts(*addresses: IPv4Address | IPv6Address | None) -> tuple[str, ...]:
    return tuple(str(address) for address in addresses if address is not None)
