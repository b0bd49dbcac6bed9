"""Which neighbour somebody on the bus is, and who may connect at all.

A node's path is believed of who listens at the address that ``REMOTE_DPU`` names, since we went there ourselves. Of who
comes to us it is believed if the address is that of the neighbour's switch and the path ends in the neighbour's slot.

Source: bus 2 (paths of nodes), 8 rows 4, 16, 23 and 24.
"""

from collections.abc import Iterable
from ipaddress import ip_address

import grpc
from attrs import define, field

from models.service_path import HAMGRD, ServicePath
from models.swbus import ConnectionType
from runner.bus.links.introduction import Introduction, Refusal
from runner.bus.links.owner import Hello
from runner.outputs import Neighbour


@define
class Membership:
    """The neighbours of one node, and the paths of those that are known."""

    own: ServicePath
    own_addresses: frozenset[str]
    """Those of this switch; whoever comes from there, or from a loopback address, is a process of this host."""

    neighbours: dict[str, Neighbour] = field(factory=dict)
    paths: dict[str, ServicePath] = field(factory=dict)
    """The path of a neighbour's node, by the name of its DPU, as found where it listens."""

    def become(self, neighbours: Iterable[Neighbour]) -> None:
        """These are the neighbours from now on; what was known of those that stay as they were is kept."""
        wanted = {neighbour.dpu_name: neighbour for neighbour in neighbours}
        self.paths = {name: path for name, path in self.paths.items() if self.neighbours.get(name) == wanted.get(name)}
        self.neighbours = wanted

    def found(self, dpu_name: str, node: ServicePath) -> str | None:
        """A node is where a neighbour is to be found; why that cannot be, if it cannot."""
        if node.node == self.own:
            return f"{node} is this node itself"
        other = next((name for name, path in self.paths.items() if path == node.node and name != dpu_name), None)
        if other is not None:
            return f"{node} is the daemon of {other} already"
        self.paths[dpu_name] = node.node
        return None

    def name_of(self, node: ServicePath, host: str | None = None) -> str | None:
        """The neighbour whose node has this path: as found, else the only one that it can be, coming from ``host``."""
        found = self._found_as(node)
        if found is not None:
            return found
        there = self.neighbours if host is None else self._coming_from(host)
        possible = [name for name in self._candidates(node) if name in there]
        return possible[0] if len(possible) == 1 else None

    def node_of(self, dpu_name: str) -> ServicePath | None:
        """The path of a neighbour's node, as far as it is known."""
        return self.paths.get(dpu_name)

    def refusal(self, hello: Hello) -> Refusal | None:
        """Whether somebody may have a link to this node, or why not."""
        if not hello.accepted:
            return None
        match hello.introduction.connection_type:
            case ConnectionType.CLIENT:
                return self._refusal_of_client(hello)
            case ConnectionType.IN_CLUSTER:
                return self._refusal_of_node(hello)
        kind = hello.introduction.connection_type.metadata_word
        return _denied(f"{kind} is not served here: only nodes of the cluster and clients of this host")

    def _refusal_of_client(self, hello: Hello) -> Refusal | None:
        stated = hello.introduction.stated_path
        if not self._is_local(hello.remote.host):
            return _denied(f"clients of {hello.remote.host} are not served: only those of this host")
        if stated.node != self.own or (stated.service_type, stated.service_id) in (HAMGRD, ("", "")):
            return _denied(f"no client of this node has the path {stated}")
        return None

    def _refusal_of_node(self, hello: Hello) -> Refusal | None:
        node, host = hello.introduction.stated_path.node, hello.remote.host
        if node == self.own:
            return _denied(f"{node} is this node itself")
        at_address = self._coming_from(host)
        if not at_address:
            return _denied(f"{host} is no neighbour: neither DPU nor REMOTE_DPU names it")
        known = self._found_as(node)
        possible = {known} if known is not None else set(self._candidates(node))
        if not possible & at_address:
            return _denied(f"{node} does not belong to {host}")
        return None

    def _candidates(self, node: ServicePath) -> list[str]:
        """The neighbours that a path not found yet may belong to: those without a path, in the slot that it ends in."""
        unknown = [name for name in self.neighbours if name not in self.paths]
        slot = _slot(node)
        return [name for name in unknown if slot is None or self.neighbours[name].slot == slot]

    def _found_as(self, node: ServicePath) -> str | None:
        return next((name for name, path in self.paths.items() if path == node.node), None)

    def _coming_from(self, host: str) -> set[str]:
        """The neighbours that an address belongs to. Through one of this host that is nobody's, such as that of a
        relay, anybody may come."""
        there = {name for name, neighbour in self.neighbours.items() if host in neighbour.addresses}
        return there or (set(self.neighbours) if self._is_local(host) else set())

    def _is_local(self, host: str) -> bool:
        return host in self.own_addresses or ip_address(host).is_loopback


def _slot(node: ServicePath) -> int | None:
    """The slot that a node's name ends in, ``switch1-dpu3``; None where nodes are named otherwise."""
    _, found, number = node.node_id.rpartition("-dpu")
    return int(number) if found and number.isascii() and number.isdecimal() and len(number) < 4 else None


def _denied(why: str) -> Refusal:
    return Refusal(grpc.StatusCode.PERMISSION_DENIED, why)


def node_introduction(own: ServicePath, incarnation: str) -> Introduction:
    """How this node introduces itself to other nodes, and to whoever connects."""
    return Introduction(own, ConnectionType.IN_CLUSTER, incarnation)


def client_introduction(base: ServicePath, incarnation: str) -> Introduction:
    """How hamgrd introduces itself to the bus daemon of its node."""
    return Introduction(base, ConnectionType.IN_NODE, incarnation)
