"""Addresses on the bus: a place in the network, a service there, a resource of that service.

A path has three spellings as text and one as protobuf; paths are compared field by field, never as texts.

Source: bus 2.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Self

from attrs import evolve, frozen

HAMGRD = ("hamgrd", "0")
"""Service type and id of hamgrd in its node."""


class RouteScope(IntEnum):
    """How far a route to a path is told; the numbers are those of the wire."""

    CLIENT = 0
    IN_NODE = 1
    IN_CLUSTER = 2
    IN_REGION = 3
    GLOBAL = 4


@frozen
class ServicePath:
    """An address; a field that says nothing is empty.

    The id of a region and of a cluster must not contain a dot; the name of a node may. An id of a resource may contain
    a slash, which protobuf keeps and text does not.
    """

    region_id: str = ""
    cluster_id: str = ""
    node_id: str = ""
    service_type: str = ""
    service_id: str = ""
    resource_type: str = ""
    resource_id: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read any of the spellings. Never fails: what is too much is dropped, what is missing is empty."""
        location, *service = text.split("/")[:5]
        place = location.split(".", 2)
        return cls(*place, *[""] * (3 - len(place)), *service)

    @property
    def longest(self) -> str:
        """The spelling of logs, management answers and state dumps: each half up to its first empty field."""
        service = self._service_fields
        return ".".join(_until_empty(self._place)) + ("/" + "/".join(_until_empty(service)) if any(service) else "")

    @property
    def padded(self) -> str:
        """The spelling of a node's metadata: all slashes there are, ``r.c.n////`` for the node itself."""
        place = list(self._place)
        while place and not place[-1]:
            place.pop()
        return "/".join((".".join(place), *self._service_fields))

    @property
    def service_key(self) -> str:
        """The key of routes to one service, and the spelling of an edge client's metadata: ``r.c.n/type/id``."""
        return f"{self.node_key}/{self.service_type}/{self.service_id}"

    @property
    def node_key(self) -> str:
        """The key of routes to one node: ``r.c.n``."""
        return f"{self.cluster_key}.{self.node_id}"

    @property
    def cluster_key(self) -> str:
        """The key of routes to a cluster: ``r.c``."""
        return f"{self.region_id}.{self.cluster_id}"

    @property
    def routing_keys(self) -> tuple[str, str, str, str]:
        """The keys under which a way to this path is looked up, the most exact one first."""
        return self.service_key, self.node_key, self.cluster_key, self.region_id

    @property
    def node(self) -> "ServicePath":
        """The node that this path lies in."""
        return ServicePath(*self._place)

    @property
    def base(self) -> "ServicePath":
        """The service that this path lies in, without a resource."""
        return evolve(self, resource_type="", resource_id="")

    @property
    def resource(self) -> str:
        """The resource alone, as entities of the node are named: ``ha-scope/vdpu0:set0``; empty when there is none."""
        return f"{self.resource_type}/{self.resource_id}" if self.resource_type or self.resource_id else ""

    @property
    def route_scope(self) -> RouteScope:
        """How far a route to this path is told, from the fields that are set."""
        if not self.cluster_id:
            return RouteScope.GLOBAL
        if not self.node_id:
            return RouteScope.IN_REGION
        return RouteScope.CLIENT if self.service_id else RouteScope.IN_CLUSTER

    def with_resource(self, resource_type: str, resource_id: str) -> "ServicePath":
        """A resource of the same service."""
        return evolve(self, resource_type=resource_type, resource_id=resource_id)

    def entity(self, resource: str) -> "ServicePath":
        """A resource of the same service, by its text: the reverse of :attr:`resource`."""
        resource_type, _, resource_id = resource.partition("/")
        return self.with_resource(resource_type, resource_id)

    def __str__(self) -> str:
        return self.longest

    @property
    def _place(self) -> tuple[str, str, str]:
        return self.region_id, self.cluster_id, self.node_id

    @property
    def _service_fields(self) -> tuple[str, str, str, str]:
        return self.service_type, self.service_id, self.resource_type, self.resource_id


def slot_node(region: str, cluster: str, hostname: str, slot_id: int) -> ServicePath:
    """The node that serves one DPU slot of a switch, from the three fields of ``DEVICE_METADATA|localhost``."""
    return ServicePath(region, cluster, f"{hostname}-dpu{slot_id}")


def hamgrd_base(node: ServicePath) -> ServicePath:
    """The path of hamgrd itself in a node."""
    return ServicePath(node.region_id, node.cluster_id, node.node_id, *HAMGRD)


def _until_empty(fields: Sequence[str]) -> Sequence[str]:
    return fields[: fields.index("")] if "" in fields else fields
