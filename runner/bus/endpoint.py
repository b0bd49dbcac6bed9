"""hamgrd on the bus: what it still owes to others, what it hears from them, and whether they are there.

It knows neither links nor whether a bus daemon is in between; that is the business of the way by which its messages
leave. Messages of others are handed over one by one, and answered when their step is done.

Source: bus 2 (routing inside hamgrd), 3.3, 6; architecture, "The I/O shell".
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from contextlib import suppress
from random import Random
from typing import Protocol

import structlog
from attrs import Factory, define, field, frozen
from structlog.typing import FilteringBoundLogger

from models.service_path import ServicePath, hamgrd_base
from models.swbus import ErrorCode, Header, Ping, Response, SwbusMessage, answer
from runner.bus.forwarding import ROUTE_NOT_FOUND, Drop
from runner.bus.hamgrd_answers import HamgrdAnswers, Reply, Settle, TakeIn
from runner.bus.inbox import Acknowledge, HandOver, Inbox
from runner.bus.links.rare_log import RareLog
from runner.bus.message_ids import MessageIds
from runner.bus.outbox import Outbox
from runner.bus.reachability import PING_EVERY_S, Reachability
from runner.bus.state_dump import WantedRow, state_dump
from runner.inputs import LinkChanged, MessageArrived
from runner.outputs import SendMessage, Verdict

LOOKS_EVERY_S = PING_EVERY_S + 0.25
"""Who looks less often although there are pings to send was kept from it by its own work."""

MOST_IN_HAND = 256
"""So many messages of others wait for their step; then nothing more is read, and those who send have to wait."""

log: FilteringBoundLogger = structlog.get_logger()


@frozen
class Delivery:
    """A message for the node, and whom to tell what became of it; None: its step failed."""

    happened: MessageArrived
    answered: Callable[[Verdict | None], None] = field(eq=False)


class Way(Protocol):
    """How messages leave this daemon."""

    def send(self, message: SwbusMessage, key: Hashable | None = None) -> bool:
        """Send a message; one with the same key that still waits is replaced. False: it was not taken."""
        ...

    def node_of(self, dpu_name: str) -> ServicePath | None:
        """The node of a neighbour, as far as it is known."""
        ...

    def name_of(self, node: ServicePath) -> str | None:
        """The neighbour that a node is, None for anybody else."""
        ...

    def look_again(self) -> None:
        """Somebody spoke who is not known: find out at once who the neighbours are."""
        ...


class KnownEntities(Protocol):
    """The entities of the node, by names like ``ha-scope/vdpu0:set0``."""

    def has_entity(self, path: str) -> bool:
        """There is such an entity."""
        ...

    def rows_of(self, path: str) -> Iterable[tuple[str, str, Mapping[str, str]]]:
        """Table, key and fields of every row that it wants to be there."""
        ...


@define(eq=False)
class Endpoint:
    """One hamgrd, at one place of the bus. ``hand_over`` must not wait."""

    own_node: ServicePath
    way: Way
    entities: KnownEntities
    hand_over: Callable[[Delivery | LinkChanged], None]
    ids: MessageIds
    random: Random
    counts: Counter[str] = field(factory=Counter)
    outbox: Outbox = field(init=False)
    inbox: Inbox = field(init=False)
    _answers: HamgrdAnswers = field(init=False)
    _neighbours: dict[str, Reachability] = field(factory=dict)
    _in_hand: asyncio.Semaphore = Factory(lambda: asyncio.Semaphore(MOST_IN_HAND))
    _news: asyncio.Event = field(factory=asyncio.Event)
    _rarely: RareLog = field(factory=RareLog)
    _looked_s: float = Factory(time.monotonic)
    """When it was last looked for what is due."""

    def __attrs_post_init__(self) -> None:
        self.outbox = Outbox(lambda source: self.ids.next(self.base.entity(source)), self.random.random)
        self.inbox = Inbox(self.own_node)
        self._answers = HamgrdAnswers(self.base, self, self.ids.next)

    @property
    def base(self) -> ServicePath:
        """The path of this hamgrd."""
        return hamgrd_base(self.own_node)

    # What the node wants, and what it is told.

    def send(self, message: SendMessage) -> None:
        """Owe a message to a neighbour."""
        key = _key(message.payload)
        code = self.outbox.post(message.dpu_name, message.source, message.to, key, message.payload, _now_ms())
        if code is not ErrorCode.OK and self._rarely.due(code):
            log.error("message_not_taken", to=message.to, on=message.dpu_name, key=key, why=code.name.lower())
        self._work()

    def meet(self, dpu_names: Collection[str]) -> None:
        """These are the neighbours from now on; the others are lost, and nothing is owed to them."""
        for name in self._neighbours.keys() - set(dpu_names):
            self._tell(name, self._neighbours.pop(name).left())
            self.outbox.forget(name)
        for name in dpu_names:
            self._neighbours.setdefault(name, Reachability())
        self._work()

    # What the way tells.

    def way_found(self, dpu_name: str) -> None:
        """There is a way to a neighbour, or another one than before."""
        if (neighbour := self._neighbours.get(dpu_name)) is not None:
            neighbour.way_found(_now_s())
            if neighbour.up:
                # What was on the way that is gone did perhaps not arrive.
                self.outbox.link_changed(dpu_name, True, _now_ms())
            self._work()

    def no_way(self, dpu_name: str) -> None:
        """There is no way to a neighbour, or an attempt to find one has failed."""
        if (neighbour := self._neighbours.get(dpu_name)) is not None:
            self._tell(dpu_name, neighbour.no_way())

    def restarted(self, dpu_name: str) -> None:
        """The process of a neighbour is another one than before."""
        if (neighbour := self._neighbours.get(dpu_name)) is not None:
            self._tell(dpu_name, neighbour.restarted(_now_s()))
            self._work()

    async def delivered(self, message: SwbusMessage) -> None:
        """A message for this hamgrd or one of its entities. Returns when another one may follow."""
        match self._answers.delivered(message):
            case Reply(reply):
                self.way.send(reply)
            case Settle(_, response):
                self._settle(message, response)
            case TakeIn():
                await self._take_in(message)
            case Drop(reason, detail):
                self._drop(str(reason), detail, message)

    def exists(self, entity: str) -> bool:
        """There is such an entity."""
        return self.entities.has_entity(entity)

    def state_dump(self, entity: str) -> str:
        """What an entity heard, wants and said, as text."""
        offset_ms = time.time_ns() // 1_000_000 - _now_ms()
        return state_dump(
            self.own_node,
            self.inbox.received_by(self.base.entity(entity)),
            [WantedRow(*row) for row in self.entities.rows_of(entity)],
            self.outbox.sent_by(entity),
            node_of=self.way.node_of,
            unix_ms_of=lambda at_ms: at_ms + offset_ms,
        )

    # What goes on by itself.

    async def run(self) -> None:
        """Send what is due, and look after the neighbours, until cancelled."""
        while True:
            self._do_what_is_due()
            self._news.clear()
            look_s = self._next_look_s()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if look_s is None else max(0.0, look_s - _now_s())):
                    await self._news.wait()

    def _next_look_s(self) -> float | None:
        due_ms = self.outbox.next_due()
        looks = [neighbour.next_look_s() for neighbour in self._neighbours.values()]
        times = [look for look in looks if look is not None]
        return min([*times, due_ms / 1000] if due_ms is not None else times, default=None)

    def _work(self) -> None:
        """Do what is due, and have the time of the next look worked out anew."""
        self._do_what_is_due()
        self._news.set()

    def _do_what_is_due(self) -> None:
        now_s = _now_s()
        blind_s = now_s - self._looked_s - LOOKS_EVERY_S
        self._looked_s = now_s
        for dpu_name, neighbour in self._neighbours.items():
            if blind_s > 0:
                neighbour.not_looked(blind_s)
            self._tell(dpu_name, neighbour.silence(now_s))
            if neighbour.ping_due(now_s):
                self._ping(dpu_name, neighbour, now_s)
        self._send_due()

    def _ping(self, dpu_name: str, neighbour: Reachability, now_s: float) -> None:
        ping_id = self.ids.next(self.base)
        neighbour.pinged(ping_id, now_s)
        node = self.way.node_of(dpu_name)
        if node is not None:
            self.way.send(SwbusMessage(Header(id=ping_id, source=self.base, destination=hamgrd_base(node)), Ping()))

    def _send_due(self) -> None:
        due = self.outbox.due(_now_ms())
        for message in due.send:
            node = self.way.node_of(message.neighbour)
            if node is not None:
                self.way.send(message.framed(self.own_node, node), message.stream)
        for message in due.expired:
            log.info("message_expired", key=message.key, to=message.destination, on=message.neighbour)

    def _tell(self, dpu_name: str, up: bool | None) -> None:
        if up is None:
            return
        log.info("peer_link", dpu=dpu_name, up=up)
        self.counts["peer_links_up" if up else "peer_links_lost"] += 1
        self.outbox.link_changed(dpu_name, up, _now_ms())
        self.hand_over(LinkChanged(dpu_name, up))
        self._news.set()

    def _settle(self, message: SwbusMessage, response: Response) -> None:
        ok = response.error_code is ErrorCode.OK
        destination = message.header.destination
        if destination == self.base:
            for dpu_name, neighbour in list(self._neighbours.items()):
                if neighbour.waits_for(response.request_id):
                    self._tell(dpu_name, neighbour.answered(response.request_id, ok))
            return
        name = self.way.name_of(message.header.source.node)
        if ok and name is not None and name in self._neighbours:
            self._neighbours[name].heard(_now_s())
        settled = self.outbox.answered(
            destination.resource,
            response.request_id,
            response.error_code,
            response.error_message,
            message.header.source,
        )
        if settled is not None and not ok:
            code = response.error_code.name.lower()
            self.counts[f"message answered with {code}"] += 1
            if self._rarely.due((settled.stream, code)):
                log.warning("message_rejected", key=settled.key, on=settled.neighbour, by=code)
        self._news.set()

    async def _take_in(self, message: SwbusMessage) -> None:
        match self.inbox.arrived(message):
            case Acknowledge() as acknowledged:
                self._acknowledge(message, acknowledged)
            case HandOver() as handed:
                dpu_name = self.way.name_of(message.header.source.node)
                if dpu_name is None:
                    self.inbox.abandoned(handed)
                    self._drop("message of nobody that is known", str(message.header.source), message)
                    self.way.look_again()
                    return
                try:
                    await self._in_hand.acquire()
                except asyncio.CancelledError:
                    # The link that it came by has gone while it waited; it comes again by another one.
                    self.inbox.abandoned(handed)
                    raise
                if dpu_name in self._neighbours:
                    self._neighbours[dpu_name].heard(_now_s())
                arrived = MessageArrived(dpu_name, message.header.source.resource, handed.to, handed.payload)
                self.hand_over(Delivery(arrived, lambda verdict: self._answered(handed, verdict)))

    def _answered(self, handed: HandOver, verdict: Verdict | None) -> None:
        """The step of a message is done."""
        self._in_hand.release()
        unix_ms = time.time_ns() // 1_000_000
        match verdict:
            case Verdict.CONSUMED:
                self._acknowledge(handed.message, self.inbox.consumed(handed, unix_ms))
            case Verdict.UNREADABLE:
                bad = Acknowledge(ErrorCode.INVALID_PAYLOAD, "invalid payload")
                self._acknowledge(handed.message, self.inbox.consumed(handed, unix_ms, bad))
            case Verdict.NOBODY:
                self.inbox.abandoned(handed)
                number = self.ids.next(self.base)
                self.way.send(answer(handed.message, number, ErrorCode.NO_ROUTE, ROUTE_NOT_FOUND, source=self.base))
            case None:
                self.inbox.abandoned(handed)

    def _acknowledge(self, message: SwbusMessage, acknowledged: Acknowledge) -> None:
        if acknowledged.why:
            self.counts[f"message refused: {acknowledged.error_message or 'unknown kind'}"] += 1
            if self._rarely.due((str(message.header.source), acknowledged.why)):
                log.warning("message_refused", source=str(message.header.source), why=acknowledged.why)
        number = self.ids.next(message.header.destination)
        self.way.send(answer(message, number, acknowledged.code, acknowledged.error_message))

    def _drop(self, why: str, detail: str, message: SwbusMessage) -> None:
        self.counts[why] += 1
        if self._rarely.due((why, str(message.header.source))):
            log.warning("message_dropped", why=why, detail=detail, source=str(message.header.source))


def _key(payload: str) -> str:
    """The key of an envelope of ours, which begins with it."""
    return payload.split('"', 4)[3]


def _now_s() -> float:
    return time.monotonic()


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
