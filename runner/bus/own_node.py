"""A node of our own: listens where ``swbus_port`` says, keeps links to all neighbours, serves this host's clients.

A pair of nodes has two links, one dialled from each side, which fail independently of each other. A peer whose process
is another one than before has none of the old links, whatever they look like from here: they are closed at once.

Source: bus 1, 3, 4; 8 rows 1, 12, 16, 17, 23, 24; field-lessons FL-03.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Hashable, Sequence
from random import Random

import grpc
import structlog
from attrs import Factory, define, field
from structlog.typing import FilteringBoundLogger

from models.service_path import RouteScope, ServicePath
from models.swbus import (
    ANNOUNCEMENT_TTL,
    BadFrame,
    ConnectionType,
    Header,
    Ping,
    Response,
    RouteAnnouncement,
    RouteEntry,
    SwbusMessage,
    decode,
    encode,
)
from runner.bus.displacement import Displacement, is_another_process
from runner.bus.endpoint import Endpoint
from runner.bus.forwarding import Answer, DeliverHere, Drop, Forward, Forwarding, NextHop
from runner.bus.forwarding import Endpoint as Place
from runner.bus.links.channel_options import KeepAlive
from runner.bus.links.dialler import Dialler
from runner.bus.links.introduction import Introduction, Refusal
from runner.bus.links.link import Link
from runner.bus.links.listener import Listener
from runner.bus.links.owner import Hello
from runner.bus.links.rare_log import RareLog
from runner.bus.links.socket_address import SocketAddress
from runner.bus.links.tls import Tls
from runner.bus.membership import Membership, node_introduction
from runner.bus.message_ids import MessageIds
from runner.outputs import Neighbour

DISPLACED_ANSWERS_WITHIN_S = 0.5
"""How long a link that was replaced may prove that its process still lives."""

KEEP_ALIVE = KeepAlive(time_s=0.6, timeout_s=1.0)
"""A dead link is given up a good while before its peer counts as silent, for the other link may be well; a process that
is only held up has a second for an answer."""

log: FilteringBoundLogger = structlog.get_logger()


@define(eq=False)
class OwnNode:
    """The node of this process. ``endpoint`` is set before it starts."""

    own: ServicePath
    incarnation: str
    membership: Membership
    ids: MessageIds
    random: Random
    tls: Tls | None = None
    counts: Counter[str] = field(factory=Counter)
    endpoint: Endpoint = field(init=False)
    swbusd: None = field(init=False, default=None)
    """There is none: this node is its own."""

    _introduction: Introduction = field(init=False)
    _listener: Listener = field(init=False)
    _forwarding: Forwarding = field(init=False)
    _diallers: dict[str, Dialler] = field(factory=dict)
    _links: list[Link] = field(factory=list)
    """Those that are up, the newest last."""

    _incarnations: dict[str, str | None] = field(factory=dict)
    _displaced: dict[Link, int] = field(factory=dict)
    """Links that were replaced, with the id of the ping that tells whether somebody is still there."""

    _displacement: Displacement = field(factory=lambda: Displacement(time.monotonic))
    _rarely: RareLog = Factory(RareLog)

    def __attrs_post_init__(self) -> None:
        self._introduction = node_introduction(self.own, self.incarnation)
        self._listener = Listener(self, self._introduction, self.random, self.counts, self.tls, KEEP_ALIVE)
        self._forwarding = Forwarding(self.own, self, self.ids.next)

    def listen(self, address: SocketAddress) -> None:
        """Accept links there from now on."""
        self._listener.listen(address)

    async def meet(self, neighbours: Sequence[Neighbour]) -> None:
        """Keep a link to each of these, and to nobody else."""
        self.membership.become(neighbours)
        wanted = self._endpoints(neighbours)
        gone = [name for name, dialler in self._diallers.items() if wanted.get(name) != list(dialler.addresses)]
        stopping = [self._diallers.pop(name) for name in gone]
        for name in gone:
            self._incarnations.pop(name, None)
        await asyncio.gather(*(dialler.stop() for dialler in stopping))
        self._expel_strangers()
        self.endpoint.meet([neighbour.dpu_name for neighbour in neighbours])
        for name in self.membership.neighbours.keys() - wanted.keys():
            self.endpoint.no_way(name)
        for name, addresses in wanted.items():
            if name not in self._diallers:
                dialler = Dialler(addresses, self, self._introduction, self.random, self.counts, self.tls, KEEP_ALIVE)
                self._diallers[name] = dialler
                dialler.start()

    async def stop(self) -> None:
        """Close every link."""
        await asyncio.gather(self._listener.stop(), *(dialler.stop() for dialler in self._diallers.values()))

    # The way of the endpoint.

    def send(self, message: SwbusMessage, key: Hashable | None = None) -> bool:
        """Send what hamgrd of this node says."""
        return any(
            isinstance(decision, Forward) and self._put(decision.link_ids, decision.message, key)
            for decision in self._forwarding.arrived(message, ConnectionType.IN_NODE)
        )

    def node_of(self, dpu_name: str) -> ServicePath | None:
        """The node of a neighbour."""
        found = self.membership.node_of(dpu_name)
        if found is not None:
            return found
        accepted = (link.stated_path.node for link in self._links if self._name_of(link) == dpu_name)
        return next(accepted, None)

    def name_of(self, node: ServicePath) -> str | None:
        """The neighbour that a node is."""
        by_link = (self._name_of(link) for link in self._links_to(node))
        return next(filter(None, by_link), None) or self.membership.name_of(node)

    def look_again(self) -> None:
        """Nothing to do: the diallers look all the time."""

    # What a node knows of its links (forwarding.Links).

    def next_hops(self, key: str) -> list[NextHop]:
        """The links that lead to a routing key."""
        return [
            NextHop(link.id)
            for link in self._links
            if self._is_good(link) and link.connection_type.route_key(link.stated_path) == key
        ]

    def route_entries(self) -> list[RouteEntry]:
        """One for each link to another node."""
        return [
            RouteEntry(
                service_path=link.stated_path.node,
                nh_id=link.id,
                nh_service_path=link.stated_path.node,
                route_scope=RouteScope.IN_CLUSTER,
                hop_count=1,
            )
            for link in self._links
            if link.connection_type.between_nodes and self._is_good(link)
        ]

    def node_at(self, endpoint: Place) -> ServicePath | None:
        """The node that listens there, by any link to it: also by one that it dialled."""
        address, port = str(endpoint[0]), endpoint[1]
        for neighbour in self.membership.neighbours.values():
            if neighbour.port == port and address in neighbour.addresses and self._links_of(neighbour.dpu_name):
                return self.node_of(neighbour.dpu_name)
        return None

    # What the links tell (links.LinkOwner).

    def admit(self, hello: Hello) -> Refusal | None:
        """Whether there may be a link."""
        refusal = self.membership.refusal(hello) if hello.accepted else self._refusal_of_dialled(hello)
        if refusal is not None or not hello.introduction.connection_type.between_nodes:
            return refusal
        if self._displacement.was_replaced(hello):
            self._path_shared(hello)
        return self._displacement.refusal(hello, self._links_to(hello.introduction.stated_path.node))

    def link_up(self, link: Link) -> None:
        """A link is there: older ones that it replaces go, and the neighbour is asked whether it is there."""
        if not link.connection_type.between_nodes:
            for each in self._links:
                if each.stated_path == link.stated_path:
                    self._replace(each, "replaced by a newer link")
            self._links.append(link)
            return
        others = self._links_to(link.stated_path.node)
        self._links.append(link)
        self._announce(link)
        for each in others:
            if is_another_process(each, link.hello):
                self._displace(each)
            elif each.accepted and link.accepted:
                self._replace(each, "replaced by a link of the same process")
        name = self._name_of(link)
        if name is None:
            return
        before = self._incarnations.get(name, link.incarnation)
        self._incarnations[name] = link.incarnation
        if before != link.incarnation:
            self.endpoint.restarted(name)
        else:
            self.endpoint.way_found(name)

    def link_down(self, link: Link, why: str) -> None:
        """A link is gone."""
        self._links.remove(link)
        displaced = self._displaced.pop(link, None) is not None
        name = self._name_of(link)
        if name is None or displaced or not link.connection_type.between_nodes:
            return
        if self._links_of(name):
            self.endpoint.way_found(name)
        else:
            self.endpoint.no_way(name)

    def dial_failed(self, dialler: Dialler, why: str) -> None:
        """A neighbour cannot be reached, this time."""
        name = next((name for name, each in self._diallers.items() if each is dialler), None)
        if name is None:
            return
        if self._rarely.due((name, why)):
            log.warning("peer_not_reached", dpu=name, address=str(dialler.address), why=why, then="tried again")
        if not self._links_of(name):
            self.endpoint.no_way(name)

    async def frame_arrived(self, link: Link, frame: bytes) -> None:
        """A frame has come over a link."""
        try:
            message = decode(frame)
        except BadFrame as error:
            self._drop("frame that cannot be read", str(error), link)
            return
        if link in self._displaced:
            # Whatever else it says is of a process that does not count any more.
            self._displaced_speaks(link, message)
            return
        if not self._may_say(link, message):
            self._drop("source that this link does not lead to", str(message.header.source), link)
            return
        for decision in self._forwarding.arrived(message, link.connection_type):
            match decision:
                case Forward(link_ids, carried):
                    if not self._put(link_ids, carried):
                        self._answer_refused(message)
                case Answer(link_ids, carried):
                    self._put(link_ids, carried)
                case DeliverHere(mine):
                    await self.endpoint.delivered(mine)
                case Drop(reason, detail):
                    self.counts[str(reason)] += 1
                    log.debug("message_dropped", why=str(reason), detail=detail, link=link.id)

    # Links and who they lead to.

    def _name_of(self, link: Link) -> str | None:
        if not link.accepted:
            return self._dialled(link.remote)
        if not link.connection_type.between_nodes:
            return None
        return self.membership.name_of(link.stated_path.node, link.remote.host)

    def _is_good(self, link: Link) -> bool:
        return link not in self._displaced and not link.closed

    def _links_of(self, dpu_name: str) -> list[Link]:
        return [link for link in self._links if self._is_good(link) and self._name_of(link) == dpu_name]

    def _links_to(self, node: ServicePath) -> list[Link]:
        return [
            link
            for link in self._links
            if self._is_good(link) and link.connection_type.between_nodes and link.stated_path.node == node
        ]

    def _endpoints(self, neighbours: Sequence[Neighbour]) -> dict[str, list[SocketAddress]]:
        """Where each neighbour listens. Two of them cannot listen at one address: only the first can be met."""
        found: dict[str, list[SocketAddress]] = {}
        for neighbour in neighbours:
            addresses = [SocketAddress(address, neighbour.port) for address in neighbour.addresses]
            taken = next((name for name, others in found.items() if set(others) & set(addresses)), None)
            if taken is None:
                found[neighbour.dpu_name] = addresses
                continue
            self.counts["neighbours_refused"] += 1
            if self._rarely.due((neighbour.dpu_name, taken)):
                log.error("neighbour_refused", dpu=neighbour.dpu_name, why=f"its address and port are those of {taken}")
        return found

    def _dialled(self, remote: SocketAddress) -> str | None:
        return next((name for name, dialler in self._diallers.items() if remote in dialler.addresses), None)

    def _refusal_of_dialled(self, hello: Hello) -> Refusal | None:
        name = self._dialled(hello.remote)
        if name is None:
            return Refusal(grpc.StatusCode.CANCELLED, "no neighbour any more")
        why = self.membership.found(name, hello.introduction.stated_path)
        self._expel_strangers()
        return None if why is None else Refusal(grpc.StatusCode.FAILED_PRECONDITION, why)

    def _expel_strangers(self) -> None:
        """More is known of who the neighbours are: whoever would not be let in now has to go."""
        for link in self._links:
            if self.membership.refusal(link.hello):
                link.close("no neighbour any more")

    def _replace(self, old: Link, why: str) -> None:
        self.counts["links_replaced"] += 1
        old.close(why)

    def _displace(self, old: Link) -> None:
        """The peer is another process now: what is left of the old one is dead or about to die, unless it answers."""
        self._displacement.happened(old)
        if not old.accepted:
            # Dialled anew at once, and whoever answers then says which process it is.
            self._replace(old, "its peer has started anew")
            return
        self.counts["links_replaced"] += 1
        ping_id = self.ids.next(self.own)
        self._displaced[old] = ping_id
        old.put(encode(SwbusMessage(Header(id=ping_id, source=self.own, destination=old.stated_path), Ping())))
        asyncio.get_running_loop().call_later(DISPLACED_ANSWERS_WITHIN_S, old.close, "replaced by a newer link")

    def _displaced_speaks(self, link: Link, message: SwbusMessage) -> None:
        if isinstance(message.body, Response) and message.body.request_id == self._displaced[link]:
            self._path_shared(link.hello)
            link.close("two processes share its path")

    def _path_shared(self, hello: Hello) -> None:
        self.counts["paths_shared"] += 1
        path, remote = str(hello.introduction.stated_path), str(hello.remote)
        if self._rarely.due(("path_shared", path)):
            log.error("path_shared", path=path, remote=remote, why="two processes state it")

    @staticmethod
    def _may_say(link: Link, message: SwbusMessage) -> bool:
        """A peer speaks for its node, a client for itself: nobody passes on what others say."""
        source = message.header.source
        if link.connection_type.between_nodes:
            return source.node == link.stated_path.node
        return source.base == link.stated_path.base

    def _announce(self, link: Link) -> None:
        """Ourselves, and nobody else: whoever hears it must not come by us to go elsewhere."""
        entry = RouteEntry(service_path=self.own, route_scope=RouteScope.IN_CLUSTER)
        header = Header(
            id=self.ids.next(self.own),
            source=self.own,
            destination=link.stated_path.node,
            ttl=ANNOUNCEMENT_TTL - 1,
        )
        link.put(encode(SwbusMessage(header, RouteAnnouncement((entry,)))))

    def _answer_refused(self, message: SwbusMessage) -> None:
        match self._forwarding.refused(message):
            case Answer(link_ids, answered):
                self._put(link_ids, answered)
            case Drop(reason):
                self.counts[str(reason)] += 1

    def _put(self, link_ids: Sequence[str], message: SwbusMessage, key: Hashable | None = None) -> bool:
        frame = encode(message)
        by_id = {link.id: link for link in self._links}
        return any(by_id[link_id].put(frame, key) for link_id in link_ids)

    def _drop(self, why: str, detail: str, link: Link) -> None:
        self.counts[why] += 1
        if self._rarely.due((why, link.remote.host)):
            log.warning("frame_dropped", why=why, detail=detail, link=link.id)
