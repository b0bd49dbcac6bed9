"""What hamgrd still owes to its neighbours: which message goes when, again and for how long.

A neighbour is the daemon that manages a DPU of another switch, by the name of that DPU. For one key and one entity of
a neighbour only the newest message counts; it supersedes the older one, which is never sent again. A state report is
owed until it is acknowledged. Every other message is a request or a reply that its machine repeats by a timer of its
own: it is dropped when it is old, so that no neighbour ever hears a wish that nobody has any more (LD-04, LD-22).

All times are milliseconds of a monotonic clock. Source: bus 6; weaknesses 1, 5, 6, 13, 26.
"""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from heapq import heapify, heappop, heappush
from typing import TypeAlias

from attrs import define, field, frozen

from models.service_path import ServicePath, hamgrd_base
from models.swbus import DataRequest, ErrorCode, Header, SwbusMessage

STATE_REPORT = "HaScopeStateUpdate"

FIRST_RESEND_OF_REPORT_MS = 500
FIRST_RESEND_MS = 2_000
"""Longer, because the reference daemon counts a vote request that it hears twice as another attempt."""

LONGEST_RESEND_MS = 15_000
JITTER = 0.2
"""A resend comes up to this share of its interval later, so that two daemons do not stay in step."""

EXPIRY_MS = 10_000
MAX_OWED = 10_000
REMEMBERED = 16_384
"""So many settled messages are kept for state dumps."""

MANY_OWED, QUEUED_FOR_MS = 128, 4_000
"""From so many unacknowledged messages on, a neighbour is given so much time before it is told anything again."""

Stream: TypeAlias = tuple[str, str, str]
"""Neighbour, entity there, key."""


class Counted(StrEnum):
    """What the outbox counts."""

    SENT = "sent"
    RESENT = "resent"
    POSTPONED = "not resent yet, the receiver is at work on earlier ones"
    ACKNOWLEDGED = "acknowledged"
    SUPERSEDED = "superseded before it was acknowledged"
    EXPIRED = "expired"
    QUEUE_FULL = "refused, too much is owed"
    REJECTED = "rejected by the receiver"
    ANSWERED_LATE = "answer to a message that is not owed any more"


@frozen
class Outgoing:
    """A message to an entity of a neighbour; ``source`` and ``destination`` are named like ``ha-scope/vdpu0:set0``.

    A resend is equal to what was sent first.
    """

    id: int
    neighbour: str
    source: str
    destination: str
    key: str
    payload: str

    @property
    def stream(self) -> Stream:
        """What a newer message has in common with the older one that it supersedes."""
        return self.neighbour, self.destination, self.key

    def framed(self, own_node: ServicePath, neighbour_node: ServicePath) -> SwbusMessage:
        """The message of the bus, once the node of the neighbour is known."""
        header = Header(
            id=self.id,
            source=hamgrd_base(own_node).entity(self.source),
            destination=hamgrd_base(neighbour_node).entity(self.destination),
        )
        return SwbusMessage(header, DataRequest(self.payload.encode()))


@define(eq=False)
class Sent:
    """The newest message of a stream, and how it fared."""

    message: Outgoing
    posted_ms: int
    first_posted_ms: int
    """When the first message of this stream was posted."""

    version: int
    """How many messages of this stream there were, this one included."""

    place: int
    """Its place in the order of posting."""

    last_sent_ms: int | None = None
    acked: bool = False
    response: tuple[ErrorCode, str] | None = None
    response_source: ServicePath | None = None

    _interval_ms: int = 0
    _ticket: int = -1

    @property
    def is_report(self) -> bool:
        """A state report never expires."""
        return _kind(self.message.key) == STATE_REPORT

    @property
    def expires_ms(self) -> int | None:
        """From when on it is not sent any more."""
        return None if self.is_report else self.posted_ms + EXPIRY_MS


@frozen
class Due:
    """What is to be sent now, in the order in which it was posted, and what was dropped because it is too old."""

    send: list[Outgoing]
    expired: list[Outgoing]


@define
class Outbox:
    """The messages of one daemon that are not acknowledged yet.

    ``next_id`` gives the next id of an entity that sends, by its name. ``chance`` gives numbers from 0 up to 1.
    Messages to a neighbour wait until it is told that there is a link to it; it should be told so only once the path of
    the neighbour's node is known.
    """

    next_id: Callable[[str], int]
    chance: Callable[[], float]
    max_owed: int = MAX_OWED
    remembered: int = REMEMBERED
    counts: Counter[Counted] = field(factory=Counter)
    _owed: dict[Stream, Sent] = field(factory=dict)
    _settled: dict[Stream, Sent] = field(factory=dict)
    _by_id: dict[tuple[str, int], Sent] = field(factory=dict)
    _linked: set[str] = field(factory=set)
    _acked_up_to: dict[str, int] = field(factory=dict)
    """When the newest message was sent that a neighbour has acknowledged, in milliseconds."""

    _schedule: list[tuple[int, int, Sent]] = field(factory=list)
    _posts: int = 0
    _tickets: int = 0

    def post(self, neighbour: str, source: str, destination: str, key: str, payload: str, now_ms: int) -> ErrorCode:
        """Owe a message, due at once.

        OK, or QUEUE_FULL for a request or reply that was not taken because too much is owed already; its machine tries
        again by its timer. A state report is always taken, and so is whatever supersedes an older message.
        """
        stream = (neighbour, destination, key)
        older = self._owed.get(stream)
        if older is None and len(self._owed) >= self.max_owed and _kind(key) != STATE_REPORT:
            self.counts[Counted.QUEUE_FULL] += 1
            return ErrorCode.QUEUE_FULL
        message = Outgoing(self.next_id(source), neighbour, source, destination, key, payload)
        self._posts += 1
        if older is not None:
            self.counts[Counted.SUPERSEDED] += 1
            self._cease(older)
        known = older or self._settled.pop(stream, None)
        sent = Sent(
            message,
            posted_ms=now_ms,
            first_posted_ms=now_ms if known is None else known.first_posted_ms,
            version=1 if known is None else known.version + 1,
            place=self._posts,
        )
        self._owed[stream] = self._by_id[source, message.id] = sent
        self._start(sent, now_ms)
        return ErrorCode.OK

    def link_changed(self, neighbour: str, up: bool, now_ms: int) -> None:
        """A link to a neighbour came up or was replaced, and all that is owed is due at once; or there is none."""
        (self._linked.add if up else self._linked.discard)(neighbour)
        self._acked_up_to.pop(neighbour, None)
        for sent in self._owed.values():
            if sent.message.neighbour == neighbour:
                self._start(sent, now_ms)

    def due(self, now_ms: int) -> Due:
        """What is to be sent now. What is returned counts as sent: whatever became of it, it comes again when its
        resend is due."""
        due: list[Sent] = []
        expired: list[Outgoing] = []
        while self._schedule and self._schedule[0][0] <= now_ms:
            _, ticket, sent = heappop(self._schedule)
            if ticket != sent._ticket:
                continue
            if sent.expires_ms is not None and sent.expires_ms <= now_ms:
                self.counts[Counted.EXPIRED] += 1
                self._settle(sent)
                expired.append(sent.message)
            elif self._is_queued(sent, now_ms):
                self.counts[Counted.POSTPONED] += 1
                self._wake(sent, now_ms + sent._interval_ms)
            else:
                due.append(sent)
                self._send(sent, now_ms)
        due.sort(key=lambda sent: sent.place)
        return Due([sent.message for sent in due], expired)

    def next_due(self) -> int | None:
        """When :meth:`due` has something to say next, None when nothing is awaited."""
        while self._schedule and self._schedule[0][1] != self._schedule[0][2]._ticket:
            heappop(self._schedule)
        return self._schedule[0][0] if self._schedule else None

    def answered(
        self,
        source: str,
        request_id: int,
        code: ErrorCode,
        error_message: str = "",
        response_source: ServicePath | None = None,
    ) -> Outgoing | None:
        """A response came for a message that an entity of this daemon had sent; returns that message, if it is owed.

        OK settles it. So does INVALID_PAYLOAD: the same bytes would be rejected again. Any other answer is noted, and
        the message is sent again when its resend is due.
        """
        sent = self._by_id.get((source, request_id))
        if sent is None:
            self.counts[Counted.ANSWERED_LATE] += 1
            return None
        sent.response, sent.response_source = (code, error_message), response_source
        if code is ErrorCode.OK:
            self.counts[Counted.ACKNOWLEDGED] += 1
            sent.acked = True
            if sent.last_sent_ms is not None:
                self._acked_up_to[sent.message.neighbour] = max(
                    sent.last_sent_ms, self._acked_up_to.get(sent.message.neighbour, sent.last_sent_ms)
                )
        else:
            self.counts[Counted.REJECTED] += 1
        if code in (ErrorCode.OK, ErrorCode.INVALID_PAYLOAD):
            self._settle(sent)
        return sent.message

    def forget(self, neighbour: str) -> None:
        """A neighbour is not configured any more: nothing is owed to it."""
        self._linked.discard(neighbour)
        self._acked_up_to.pop(neighbour, None)
        for sent in [sent for sent in self._owed.values() if sent.message.neighbour == neighbour]:
            self._cease(sent)
        self._settled = {stream: sent for stream, sent in self._settled.items() if stream[0] != neighbour}

    def owed(self) -> int:
        """How many messages are not acknowledged."""
        return len(self._owed)

    def sent_by(self, source: str) -> list[Sent]:
        """The newest message of every stream of an entity, for its state dump."""
        return [
            sent for sents in (self._settled, self._owed) for sent in sents.values() if sent.message.source == source
        ]

    def _is_queued(self, sent: Sent, now_ms: int) -> bool:
        """Very many messages are on their way to a neighbour, and it has not acknowledged a later one than this.

        It is at work on what came before: to say this one again would only give it more to do. Not for ever: one that
        was lost is said again after a while all the same.
        """
        if sent.last_sent_ms is None or len(self._owed) < MANY_OWED or now_ms - sent.last_sent_ms > QUEUED_FOR_MS:
            return False
        acked_up_to = self._acked_up_to.get(sent.message.neighbour)
        return acked_up_to is not None and acked_up_to <= sent.last_sent_ms

    def _start(self, sent: Sent, now_ms: int) -> None:
        """Begin with the shortest interval, at once if there is a link."""
        sent._interval_ms = FIRST_RESEND_OF_REPORT_MS if sent.is_report else FIRST_RESEND_MS
        self._wake(sent, now_ms if sent.message.neighbour in self._linked else None)

    def _send(self, sent: Sent, now_ms: int) -> None:
        self.counts[Counted.SENT if sent.last_sent_ms is None else Counted.RESENT] += 1
        sent.last_sent_ms = now_ms
        self._wake(sent, now_ms + round(sent._interval_ms * (1 + JITTER * self.chance())))
        sent._interval_ms = min(2 * sent._interval_ms, LONGEST_RESEND_MS)

    def _wake(self, sent: Sent, at_ms: int | None) -> None:
        """Look at a message again at a time, and when it expires; earlier plans for it are void."""
        self._tickets += 1
        sent._ticket = self._tickets
        times = [time for time in (at_ms, sent.expires_ms) if time is not None]
        if times:
            heappush(self._schedule, (min(times), sent._ticket, sent))
        if len(self._schedule) > 2 * len(self._owed) + 64:
            self._schedule = [plan for plan in self._schedule if plan[1] == plan[2]._ticket]
            heapify(self._schedule)

    def _settle(self, sent: Sent) -> None:
        self._cease(sent)
        self._settled[sent.message.stream] = sent
        if len(self._settled) > self.remembered:
            del self._settled[next(iter(self._settled))]

    def _cease(self, sent: Sent) -> None:
        sent._ticket = -1
        del self._owed[sent.message.stream]
        del self._by_id[sent.message.source, sent.message.id]


def _kind(key: str) -> str:
    return key.partition("|")[0]
