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
    _rarely: RareLog = field(factory=RareLog)

    def __attrs_post_init__(self) -> None:
        introduction = client_introduction(hamgrd_base(self.own), self.incarnation)
        self._dialler = Dialler([self.swbusd], self, introduction, self.random, self.counts, self.tls)

    async def meet(self, neighbours: Sequence[Neighbour]) -> None:
        """Find these neighbours, and nobody else."""
        self.membership.become(neighbours)
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
        """The neighbour that a node is."""
        return next((name for name, path in self.membership.paths.items() if path == node), None)

    def look_again(self) -> None:
        """Read the table of routes at once."""
        self._look_now.set()

    # What the link tells (links.LinkOwner).

    def admit(self, hello: Hello) -> Refusal | None:
        """The daemon is who the address says."""
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
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._look_now.wait()

    @property
    def _asker(self) -> ServicePath:
        return hamgrd_base(self.own).with_resource(RESOLVER, "0")

    def _read_routes(self, entries: Sequence[RouteEntry]) -> None:
        for name, neighbour in self.membership.neighbours.items():
            node = _node_at(neighbour, entries)
            known = self.membership.paths.get(name)
            if node is None:
                self.membership.paths.pop(name, None)
                self.endpoint.no_way(name)
            elif node != known:
                if why := self.membership.found(name, node):
                    log.error("peer_path_refused", dpu=name, why=why)
                elif known is None:
                    self.endpoint.way_found(name)
                else:
                    self.endpoint.restarted(name)

    def _lose_everybody(self) -> None:
        for name in self.membership.neighbours:
            self.membership.paths.pop(name, None)
            self.endpoint.no_way(name)


def _node_at(neighbour: Neighbour, entries: Sequence[RouteEntry]) -> ServicePath | None:
    """The node of a neighbour: which the daemon dialled there, else which dialled from there and is for that slot."""
    listening = {f"swbs-to://{address}:{neighbour.port}" for address in neighbour.addresses}
    dialling = tuple(f"swbs-from://{address}:" for address in neighbour.addresses)
    nodes = [(entry.nh_id, entry.nh_service_path.node) for entry in entries if entry.nh_service_path is not None]
    listed = (node for next_hop, node in nodes if next_hop in listening)
    suffix = f"-dpu{neighbour.slot}"
    calling = (node for hop, node in nodes if hop.startswith(dialling) and node.node_id.endswith(suffix))
    return next(listed, None) or next(calling, None)
