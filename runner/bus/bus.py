"""The bus as the shell sees it: where to be and whom to meet goes in, messages and news of links come out.

Everything that may wait happens in a task of its own, so nothing here ever holds up a step of the node.

Source: bus 1, 4.3; architecture, "The I/O shell".
"""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Literal, NoReturn

import structlog
from attrs import define, field, frozen
from structlog.typing import FilteringBoundLogger

from models.service_path import ServicePath
from runner.bus.edge import Edge
from runner.bus.endpoint import Delivery, Endpoint, KnownEntities
from runner.bus.links.introduction import is_plain, printable
from runner.bus.links.socket_address import SocketAddress
from runner.bus.links.tls import Tls
from runner.bus.membership import Membership
from runner.bus.message_ids import MessageIds
from runner.bus.own_node import OwnNode
from runner.inputs import LinkChanged
from runner.outputs import ReachBus, SendMessage

OWN: Literal["own"] = "own"

STILL_WAITING_S = 10.0
"""How often it is said again what the bus waits for."""

log: FilteringBoundLogger = structlog.get_logger()


@frozen
class BusOptions:
    """What the command line says of the bus.

    ``swbusd``: the bus daemon of this node, whose client this process is; ``OWN``: the one at Loopback0 and
    ``swbus_port``, as CONFIG_DB has them; None: a node of its own. ``listen``: where that node listens; None: there.
    """

    swbusd: SocketAddress | Literal["own"] | None = None
    listen: SocketAddress | None = None
    tls: Tls | None = None


@define(eq=False)
class Bus:
    """One process on the bus. ``hand_over`` must not wait."""

    options: BusOptions
    entities: KnownEntities
    hand_over: Callable[[Delivery | LinkChanged], None]
    on_waiting: Callable[[str], None] = lambda what: None
    """Told in words when something is waited for."""

    counts: Counter[str] = field(factory=Counter)
    random: Random = field(factory=Random)
    _ids: MessageIds = field(factory=lambda: MessageIds(time.time_ns))
    _incarnation: str = field(factory=lambda: uuid.uuid4().hex)
    _wanted: ReachBus | None = None
    _news: asyncio.Event = field(factory=asyncio.Event)
    _place: OwnNode | Edge | None = None
    _worker: asyncio.Task[None] | None = None

    def reach(self, wanted: ReachBus) -> None:
        """Be there from now on, and meet these neighbours."""
        self._wanted = wanted
        self._news.set()

    def send(self, message: SendMessage) -> None:
        """Owe a message to a neighbour. One that cannot be met at all is nobody to owe anything to."""
        if self._place is None or not self._is_neighbour(message.dpu_name):
            self.counts["messages to nobody"] += 1
            return
        self._place.endpoint.send(message)

    @property
    def endpoint(self) -> Endpoint | None:
        """hamgrd on the bus, while it is there."""
        return self._place.endpoint if self._place is not None else None

    async def run(self) -> NoReturn:
        """Follow what is wanted, until cancelled."""
        try:
            while True:
                await self._follow(self._wanted)
                await self._news_or_patience()
        finally:
            await self._leave()

    def _is_neighbour(self, dpu_name: str) -> bool:
        return self._wanted is not None and any(each.dpu_name == dpu_name for each in self._wanted.neighbours)

    async def _news_or_patience(self) -> None:
        waiting = self._wanted is not None and bool(self._wanted.waiting_for)
        news = asyncio.create_task(self._news.wait())
        tasks = [news] if self._worker is None else [news, self._worker]
        try:
            await asyncio.wait(tasks, timeout=STILL_WAITING_S if waiting else None, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
        self._news.clear()
        if self._worker is not None and self._worker.done():
            # A bug. A daemon that only seems to be on the bus would be worse than one that starts anew.
            self._worker.result()

    async def _follow(self, wanted: ReachBus | None) -> None:
        if wanted is None:
            return
        for what in wanted.waiting_for:
            log.warning(f"waiting for {what}")
            self.on_waiting(f"waiting for {what}")
        if wanted.waiting_for and not (wanted.node and self._knows_where_to_be):
            await self._leave()
            return
        own, swbusd = ServicePath.parse(wanted.node), self._swbusd(wanted)
        if not _is_node(own):
            log.error("bus_not_entered", node=wanted.node, why="no path of a node in printable ASCII")
            self.on_waiting(f"no node of the bus can be called {printable(wanted.node)}")
            await self._leave()
            return
        if self._place is not None and (self._place.own, self._place.swbusd) != (own, swbusd):
            await self._leave()
        if self._place is None:
            self._place = self._enter(own, swbusd, wanted)
            self._worker = asyncio.create_task(self._place.endpoint.run(), name="bus endpoint")
            log.info("bus_entered", node=wanted.node, swbusd=str(swbusd or "none"))
        self._place.membership.own_addresses = frozenset(wanted.addresses)
        if isinstance(self._place, OwnNode):
            self._place.listen(self.options.listen or SocketAddress(wanted.addresses[0], wanted.port))
        await self._place.meet(wanted.neighbours)

    @property
    def _knows_where_to_be(self) -> bool:
        """The command line says it; Loopback0 and the row of the DPU need not."""
        return self.options.listen is not None or isinstance(self.options.swbusd, SocketAddress)

    def _swbusd(self, wanted: ReachBus) -> SocketAddress | None:
        """The bus daemon whose client to be."""
        if self.options.swbusd == OWN:
            return SocketAddress(wanted.addresses[0], wanted.port)
        return self.options.swbusd if isinstance(self.options.swbusd, SocketAddress) else None

    def _enter(self, own: ServicePath, swbusd: SocketAddress | None, wanted: ReachBus) -> OwnNode | Edge:
        membership = Membership(own, frozenset(wanted.addresses))
        place: OwnNode | Edge
        if swbusd is None:
            place = OwnNode(own, self._incarnation, membership, self._ids, self.random, self.options.tls, self.counts)
        else:
            tls = self.options.tls
            place = Edge(own, self._incarnation, membership, self._ids, self.random, swbusd, tls, self.counts)
        place.endpoint = Endpoint(own, place, self.entities, self.hand_over, self._ids, self.random, self.counts)
        return place

    async def _leave(self) -> None:
        """Be nowhere: every neighbour is lost."""
        place, self._place = self._place, None
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            await asyncio.wait([worker])
        if place is not None:
            await place.stop()
            place.endpoint.meet([])


def _is_node(path: ServicePath) -> bool:
    """Every field that a node has is there, no other one is, and gRPC's metadata can carry it."""
    return path == path.node and all((path.region_id, path.cluster_id, path.node_id)) and is_plain(path.padded)
