"""hamgrd as a client of the switch's own bus daemon: one link, and the daemon finds the way to everybody else.

Where a neighbour is, is read from the daemon's table of routes. It is not asked to resolve an endpoint: one that it has
no link to would break our link to it.

Source: bus 1, 3.3 ("management 2 is a trap"), 4.3 (a); field-lessons FL-08.
"""

import asyncio
from collections import Counter
from collections.abc import Hashable, Sequence
from contextlib import suppress
from random import Random

import structlog
from attrs import define, field
from structlog.typing import FilteringBoundLogger

from models.service_path import ServicePath, hamgrd_base
from models.swbus import (
    BadFrame,
    Header,
    ManagementRequest,
    ManagementRequestType,
    Response,
    RouteEntry,
    SwbusMessage,
    decode,
    encode,
)
from runner.bus.endpoint import Endpoint
from runner.bus.links.dialler import Dialler
from runner.bus.links.introduction import Refusal
from runner.bus.links.link import Link
from runner.bus.links.owner import Hello
from runner.bus.links.rare_log import RareLog
from runner.bus.links.socket_address import SocketAddress
from runner.bus.links.tls import Tls
from runner.bus.membership import Membership, client_introduction
from runner.bus.message_ids import MessageIds
from runner.outputs import Neighbour

LOOK_EVERY_S = 2.0
"""How often the table of routes is read: a neighbour may come, go, or be another node than before."""

LOOK_FOR_MISSING_EVERY_S = 0.5
"""The same while there is no route to one of them."""

LOOK_AT_MOST_EVERY_S = 0.1
"""However many strangers speak."""

RESOLVER = "_resolve_peer"

log: FilteringBoundLogger = structlog.get_logger()


@define(eq=False)
class Edge:
    """The link to the bus daemon of this node. ``endpoint`` is set before it starts."""

    own: ServicePath
    incarnation: str
    membership: Membership
    ids: MessageIds
    random: Random
    swbusd: SocketAddress
    tls: Tls | None = None
    counts: Counter[str] = field(factory=Counter)
    endpoint: Endpoint = field(init=False)
    _dialler: Dialler = field(init=False)
    _looker: asyncio.Task[None] | None = None
    _look_now: asyncio.Event = field(factory=asyncio.Event)
    _asked: int | None = None
    _with_route: set[str] = field(factory=set)
    """The neighbours that the table of routes showed last. The path of another one is kept: what it says may come
    before the table shows it again, and a peer that is not answered may say it again only after 15 s."""

    _rarely: RareLog = field(factory=RareLog)

    def __attrs_post_init__(self) -> None:
        introduction = client_introduction(hamgrd_base(self.own), self.incarnation)
        self._dialler = Dialler([self.swbusd], self, introduction, self.random, self.counts, self.tls)

    async def meet(self, neighbours: Sequence[Neighbour]) -> None:
        """Find these neighbours, and nobody else."""
        self.membership.become(neighbours)
        self._with_route &= self.membership.paths.keys()
        self.endpoint.meet([neighbour.dpu_name for neighbour in neighbours])
        self._dialler.start()
        self._looker = self._looker or asyncio.create_task(self._look(), name="bus routes")
        self._look_now.set()

    async def stop(self) -> None:
        """Close the link."""
        if self._looker is not None:
            self._looker.cancel()
            await asyncio.wait([self._looker])
        await self._dialler.stop()

    # The way of the endpoint.

    def send(self, message: SwbusMessage, key: Hashable | None = None) -> bool:
        """Send by the daemon. An edge client leaves the ttl as it is."""
        link = self._dialler.link
        return link is not None and link.put(encode(message), key)

    def node_of(self, dpu_name: str) -> ServicePath | None:
        """The node of a neighbour."""
        return self.membership.node_of(dpu_name)

    def name_of(self, node: ServicePath) -> str | None:
        """The neighbour that a node is. Only who was found counts: the daemon lets others speak as well."""
        return next((name for name, path in self.membership.paths.items() if path == node), None)

    def look_again(self) -> None:
        """Read the table of routes at once."""
        self._look_now.set()

    # What the link tells (links.LinkOwner).

    def admit(self, hello: Hello) -> Refusal | None:
        """The daemon is who the address says. One of another node cannot help us, which is worth knowing."""
        node = hello.introduction.stated_path.node
        if node != self.own:
            self.counts["swbusd of another node"] += 1
            if self._rarely.due(node):
                log.error("swbusd_of_another_node", address=str(hello.remote), node=str(node), own=str(self.own))
        return None

    def link_up(self, link: Link) -> None:
        """The daemon is there."""
        self._look_now.set()

    def link_down(self, link: Link, why: str) -> None:
        """The daemon is gone, and everybody with it."""
        self._lose_everybody()

    def dial_failed(self, dialler: Dialler, why: str) -> None:
        """The daemon cannot be reached, this time."""
        if self._rarely.due(why):
            log.warning("swbusd_not_reached", address=str(dialler.address), why=why, then="tried again")
        self._lose_everybody()

    async def frame_arrived(self, link: Link, frame: bytes) -> None:
        """A frame has come from the daemon."""
        try:
            message = decode(frame)
        except BadFrame as error:
            self.counts["frame that cannot be read"] += 1
            if self._rarely.due(str(error)):
                log.warning("frame_dropped", why=str(error), link=link.id)
            return
        body = message.body
        if isinstance(body, Response) and body.request_id == self._asked and body.route_entries is not None:
            self._asked = None
            self._read_routes(body.route_entries)
            return
        await self.endpoint.delivered(message)

    # The table of routes.

    async def _look(self) -> None:
        while True:
            self._look_now.clear()
            self._asked = self.ids.next(self._asker)
            header = Header(id=self._asked, source=self._asker, destination=self.own)
            self.send(SwbusMessage(header, ManagementRequest(ManagementRequestType.GET_ROUTES)))
            await asyncio.sleep(LOOK_AT_MOST_EVERY_S)
            all_found = self._with_route >= self.membership.neighbours.keys()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S if all_found else LOOK_FOR_MISSING_EVERY_S):
                    await self._look_now.wait()

    @property
    def _asker(self) -> ServicePath:
        return hamgrd_base(self.own).with_resource(RESOLVER, "0")

    def _read_routes(self, entries: Sequence[RouteEntry]) -> None:
        for name, neighbour in self.membership.neighbours.items():
            node = _node_at(neighbour, entries, self.own)
            known = self.membership.paths.get(name)
            if node is None or not self._is(name, node):
                self._lose(name)
            elif name not in self._with_route:
                self._with_route.add(name)
                self.endpoint.way_found(name)
            elif node != known:
                self.endpoint.restarted(name)

    def _is(self, name: str, node: ServicePath) -> bool:
        """The neighbour is this node from now on, unless that cannot be."""
        if self.membership.paths.get(name) == node:
            return True
        # Not what it was: another neighbour may be that now.
        self.membership.paths.pop(name, None)
        why = self.membership.found(name, node)
        if why is not None and self._rarely.due((name, why)):
            log.error("peer_path_refused", dpu=name, why=why)
        return why is None

    def _lose(self, name: str) -> None:
        self._with_route.discard(name)
        self.endpoint.no_way(name)

    def _lose_everybody(self) -> None:
        for name in self.membership.neighbours:
            self._lose(name)


def _node_at(neighbour: Neighbour, entries: Sequence[RouteEntry], own: ServicePath) -> ServicePath | None:
    """The node of a neighbour: which the daemon dialled there, else which dialled from there and is for that slot."""
    suffix = f"-dpu{neighbour.slot}"
    calling = None
    for entry in entries:
        end = _end_of(entry.nh_id)
        if end is None or entry.nh_service_path is None or end[1].host not in neighbour.addresses:
            continue
        dialled, remote = end
        node = entry.nh_service_path.node
        if dialled and remote.port == neighbour.port:
            return node
        if not dialled and node.node_id.endswith(suffix) and node != own:
            calling = calling or node
    return calling


def _end_of(next_hop: str) -> tuple[bool, SocketAddress] | None:
    """Whether the daemon dialled, and where the other end is; None for an id that does not say it."""
    for scheme, dialled in (("swbs-to://", True), ("swbs-from://", False)):
        if next_hop.startswith(scheme):
            host, _, port = next_hop.removeprefix(scheme).rpartition(":")
            try:
                return dialled, SocketAddress(host.removeprefix("[").removesuffix("]"), int(port))
            except ValueError:
                return None
    return None
