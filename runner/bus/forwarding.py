"""What a node does with a message: pass it on, answer it, hand it to hamgrd, or drop it.

Nothing is sent here: a decision names the links that may carry a message, the best one first.

* A message whose body is a response is never answered with an error: two nodes would answer each other for ever.
* What came from another node and is for a third one is not passed on: two nodes that both lost a third could hold each
  other for the way to it. Every node of a cluster has a link to every other one, so nobody needs it.

Source: bus 2 (routing), 3.2, 3.3, 4.3; weaknesses 11, 12, 19.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol, TypeAlias

from attrs import evolve, frozen

from models.service_path import RouteScope, ServicePath, hamgrd_base
from models.swbus import (
    MAX_HOP_COUNT,
    ConnectionType,
    ErrorCode,
    ManagementRequest,
    ManagementRequestType,
    Ping,
    Response,
    RouteAnnouncement,
    RouteEntry,
    SwbusMessage,
    TraceRoute,
    answer,
)

ROUTE_NOT_FOUND = "Route not found"

Endpoint: TypeAlias = tuple[IPv4Address | IPv6Address, int]
"""Address and port."""


class DropReason(StrEnum):
    """Why a message ends here; what the counters are called."""

    ANNOUNCEMENT_IGNORED = "route announcement: links say enough"
    ANNOUNCEMENT_INVALID = "route announcement with a bad entry"
    ANNOUNCEMENT_FOR_ANOTHER = "route announcement for another node"
    MANAGEMENT_NOT_UNDERSTOOD = "management request that is not understood"
    NOT_FOR_A_NODE = "data or response for a node, which has no use for it"
    NOT_FOR_HAMGRD = "request that hamgrd itself has no use for"
    RESPONSE_NOT_CARRIED = "response without a way to whom it is for"


@frozen
class NextHop:
    """A link that leads somewhere, and how many links it is to there: 1 for the other end of the link itself."""

    link_id: str
    hop_count: int = 1


@frozen
class Forward:
    """Put a message on the first of these links that takes it, as it is; if none does, see ``Forwarding.refused``."""

    link_ids: tuple[str, ...]
    message: SwbusMessage


@frozen
class Answer:
    """The same for an answer of this node itself."""

    link_ids: tuple[str, ...]
    message: SwbusMessage


@frozen
class DeliverHere:
    """Hand a message to the hamgrd of this node."""

    message: SwbusMessage


@frozen
class Drop:
    """A message ends here, unanswered."""

    reason: DropReason
    detail: str = ""


Decision = Forward | Answer | DeliverHere | Drop


class Links(Protocol):
    """What a node has to know of its links."""

    def next_hops(self, key: str) -> Sequence[NextHop]:
        """The links that lead to a routing key (``ServicePath.routing_keys``), in any order."""
        ...

    def route_entries(self) -> Sequence[RouteEntry]:
        """One for each way over a link that is no client's, for whoever asks for the table of routes."""
        ...

    def node_at(self, endpoint: Endpoint) -> ServicePath | None:
        """The node that listens at an address and port, if there is a link to it."""
        ...


def ttl_after(ttl: int, hop_count: int) -> int | None:
    """The ttl that a message has on its next link, None when it would run out before it has come ``hop_count`` links
    far."""
    return ttl - 1 if ttl > hop_count else None


def endpoint_of(text: str) -> Endpoint | None:
    """Read ``10.0.0.2:23606`` or ``[fc00::2]:23606``; None for anything else."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        return None
    well_written = bracketed == isinstance(address, IPv6Address) and port.isascii() and port.isdecimal()
    if not (colon and well_written and len(port) <= 5 and int(port) <= 65_535):
        return None
    return address, int(port)


@frozen
class Forwarding:
    """The decisions of one node. ``next_id`` gives the next id of a path that sends."""

    own: ServicePath
    links: Links
    next_id: Callable[[ServicePath], int]

    def arrived(self, message: SwbusMessage, over: ConnectionType) -> list[Decision]:
        """What becomes of a message that came over a link of some type, in order. What hamgrd of this node says counts
        as come over ``IN_NODE``."""
        destination = message.header.destination
        for_this_node = self._is_this_node(destination)
        decisions: list[Decision] = []
        match message.body:
            case TraceRoute():
                decisions.append(self._answer(message, ErrorCode.OK, source=self.own))
                if for_this_node:
                    return decisions
            case RouteAnnouncement():
                return [self._announcement(message, message.body)]
        if for_this_node:
            return [*decisions, self._use(message)]
        if over.between_nodes and destination.node != self.own:
            return [*decisions, self._no_route(message)]
        return [*decisions, self._pass_on(message)]

    def refused(self, message: SwbusMessage) -> Decision:
        """What becomes of a message that no link took."""
        return self._error(message, ErrorCode.NO_ROUTE, ROUTE_NOT_FOUND, source=self.own)

    def _is_this_node(self, path: ServicePath) -> bool:
        return path.node == self.own and not path.service_type and not path.service_id

    def _announcement(self, message: SwbusMessage, announcement: RouteAnnouncement) -> Drop:
        if message.header.destination != self.own:
            return Drop(DropReason.ANNOUNCEMENT_FOR_ANOTHER, str(message.header.destination))
        for entry in announcement.entries:
            if entry.hop_count > MAX_HOP_COUNT or not RouteScope.IN_CLUSTER <= entry.route_scope <= RouteScope.GLOBAL:
                detail = f"{entry.service_path}: hop count {entry.hop_count}, scope {int(entry.route_scope)}"
                return Drop(DropReason.ANNOUNCEMENT_INVALID, detail)
        return Drop(DropReason.ANNOUNCEMENT_IGNORED)

    def _use(self, message: SwbusMessage) -> Decision:
        match message.body:
            case Ping():
                return self._answer(message, ErrorCode.OK)
            case ManagementRequest(ManagementRequestType.GET_ROUTES):
                return self._answer(message, ErrorCode.OK, route_entries=tuple(self.links.route_entries()))
            case ManagementRequest(ManagementRequestType.RESOLVE_PEER) as asked:
                return self._resolve(message, asked.argument("endpoint"))
            case ManagementRequest(number):
                return Drop(DropReason.MANAGEMENT_NOT_UNDERSTOOD, f"type {int(number)}")
        return Drop(DropReason.NOT_FOR_A_NODE)

    def _resolve(self, message: SwbusMessage, text: str | None) -> Decision:
        endpoint = None if text is None else endpoint_of(text)
        if endpoint is None:
            return Drop(DropReason.MANAGEMENT_NOT_UNDERSTOOD, f"endpoint {text!r}")
        node = self.links.node_at(endpoint)
        if node is None:
            # The reference daemon does not survive any error code but those for bad input as the answer to this.
            return self._answer(message, ErrorCode.INVALID_DESTINATION, f"no link to {text}")
        return self._answer(message, ErrorCode.OK, query_result=node.longest)

    def _pass_on(self, message: SwbusMessage) -> Decision:
        destination = message.header.destination
        if self._is_hamgrd(destination):
            return DeliverHere(message)
        next_hops = self._next_hops(destination)
        if not next_hops:
            return self._no_route(message)
        link_ids, carried = _carried(message, next_hops)
        if not link_ids:
            return self._error(message, ErrorCode.UNREACHABLE, "TTL expired", source=self.own)
        return Forward(link_ids, carried)

    def _no_route(self, message: SwbusMessage) -> Decision:
        destination = message.header.destination
        source = destination if destination.node == self.own else self.own
        return self._error(message, ErrorCode.NO_ROUTE, ROUTE_NOT_FOUND, source=source)

    def _error(self, message: SwbusMessage, code: ErrorCode, why: str, source: ServicePath) -> Decision:
        if isinstance(message.body, Response):
            return Drop(DropReason.RESPONSE_NOT_CARRIED, f"{message.header.destination}: {why}")
        return self._answer(message, code, why, source=source)

    def _answer(
        self,
        request: SwbusMessage,
        code: ErrorCode,
        error_message: str = "",
        *,
        source: ServicePath | None = None,
        route_entries: tuple[RouteEntry, ...] | None = None,
        query_result: str | None = None,
    ) -> Decision:
        answering = request.header.destination if source is None else source
        reply = answer(
            request,
            self.next_id(answering),
            code,
            error_message,
            source=answering,
            route_entries=route_entries,
            query_result=query_result,
        )
        if self._is_hamgrd(reply.header.destination):
            return DeliverHere(reply)
        link_ids, carried = _carried(reply, self._next_hops(reply.header.destination))
        if not link_ids:
            return Drop(DropReason.RESPONSE_NOT_CARRIED, f"answer to {reply.header.destination}")
        return Answer(link_ids, carried)

    def _is_hamgrd(self, path: ServicePath) -> bool:
        return path.base == hamgrd_base(self.own)

    def _next_hops(self, destination: ServicePath) -> Sequence[NextHop]:
        keys = (destination.service_key,) if destination.node == self.own else destination.routing_keys
        found = next((hops for key in keys if (hops := self.links.next_hops(key))), ())
        return sorted(found, key=lambda hop: (hop.hop_count, hop.link_id))


def _carried(message: SwbusMessage, next_hops: Sequence[NextHop]) -> tuple[tuple[str, ...], SwbusMessage]:
    """The links that a message can still go over, and the message as it goes over them."""
    ttl = message.header.ttl
    link_ids = tuple(hop.link_id for hop in next_hops if ttl_after(ttl, hop.hop_count) is not None)
    return link_ids, evolve(message, header=evolve(message.header, ttl=max(0, ttl - 1)))
