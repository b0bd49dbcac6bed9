"""Which messages of other daemons are for an entity of this one, and what their senders are answered.

A message is acknowledged when it was consumed: the step that it led to is done and its rows are written. Until then a
repetition of it is not answered. A repetition of what was consumed, and a late copy of something older, is acknowledged
and goes no further.

Source: bus 5.1, 6 rules 1 and 2; weaknesses 3, 4, 5, 24.
"""

import json
from collections import Counter
from enum import StrEnum
from typing import TypeAlias, get_args

from attrs import define, field, frozen

from models.peer_messages import BadMessage, PeerData, decode_message
from models.service_path import ServicePath, hamgrd_base
from models.swbus import DataRequest, ErrorCode, SwbusMessage

SCOPE = "ha-scope"
SET_BACK = 10**9
"""An id that is lower by this much, one second of the sender's clock, is no late copy: the sender has started again and
its clock was set back."""

REMEMBERED = 65_536
"""So many streams are remembered; of those that nobody handles, the one that was silent for longest is forgotten."""

KINDS = frozenset(record.__name__ for record in get_args(PeerData))

Stream: TypeAlias = tuple[ServicePath, ServicePath, str]
"""Source, destination, key. The destination belongs to it: one report goes to a scope and to its set, under one key."""


class Counted(StrEnum):
    """What the inbox counts."""

    HANDED_OVER = "handed over"
    CONSUMED = "consumed"
    DUPLICATE = "repetition, or older than what was consumed"
    IN_HAND = "repetition of what is being handled"
    OVERLOADED = "not taken, too much is being handled"
    UNKNOWN_KIND = "kind of message that is not known"
    INVALID_PAYLOAD = "payload that cannot be read"
    INVALID_SOURCE = "source that has no business with the addressee"


@frozen
class HandOver:
    """Give the JSON text to the entity, and tell the inbox afterwards that it was ``consumed`` or ``abandoned``."""

    message: SwbusMessage
    key: str
    payload: str

    @property
    def to(self) -> str:
        """The entity, by its name."""
        return self.message.header.destination.resource

    @property
    def stream(self) -> Stream:
        """What it has in common with older and newer messages that say the same."""
        return self.message.header.source, self.message.header.destination, self.key


@frozen
class Acknowledge:
    """Answer the sender; ``why`` is for the log of this side and empty for what is no error."""

    code: ErrorCode = ErrorCode.OK
    error_message: str = ""
    why: str = ""


@frozen
class Wait:
    """Do not answer: it is in hand, or cannot be taken now, and the sender will repeat it."""


Verdict = HandOver | Acknowledge | Wait


@define
class Received:
    """The newest message of a stream that was consumed, and those that are in hand."""

    message: SwbusMessage | None = None
    verdict: Acknowledge = Acknowledge()
    version: int = 0
    first_ms: int = 0
    last_ms: int = 0
    """When the first and the newest one were consumed, in milliseconds since 1970; only for display."""

    in_hand: list[int] = field(factory=list)


@define
class Inbox:
    """What was heard from other daemons, as far as it is needed to know the next message for a new one."""

    own_node: ServicePath
    remembered: int = REMEMBERED
    counts: Counter[Counted] = field(factory=Counter)
    _streams: dict[Stream, Received] = field(factory=dict)

    def arrived(self, message: SwbusMessage) -> Verdict:
        """What to do with a data request for an entity."""
        assert isinstance(message.body, DataRequest)
        try:
            key = key_of(message.body.payload)
        except BadMessage as error:
            return self._invalid(str(error))
        why = self._refusal(message, key)
        if why is not None:
            self.counts[Counted.INVALID_SOURCE] += 1
            return Acknowledge(ErrorCode.INVALID_SOURCE, "invalid source", why)
        if kind_of(key) not in KINDS:
            self.counts[Counted.UNKNOWN_KIND] += 1
            return Acknowledge(why=f"{key[:80]}: not a kind of message that is known")
        payload = message.body.payload.decode()
        try:
            decode_message(payload)
        except BadMessage as error:
            return self._invalid(str(error))
        return self._take(HandOver(message, key, payload))

    def consumed(self, handed: HandOver, unix_ms: int, verdict: Acknowledge | None = None) -> Acknowledge:
        """What was handed over has been handled, by default well; returns what its sender is answered."""
        message = handed.message
        received = self._streams.pop(handed.stream, None) or Received()
        self._streams[handed.stream] = received
        answered = Acknowledge() if verdict is None else verdict
        _drop(received, message.header.id)
        self.counts[Counted.CONSUMED] += 1
        last = received.message
        if last is None or not _is_late(message.header.id, last.header.id):
            received.first_ms = received.first_ms if received.version else unix_ms
            received.message, received.verdict = message, answered
            received.version += 1
            received.last_ms = unix_ms
        return answered

    def abandoned(self, handed: HandOver) -> None:
        """What was handed over was not handled: it is taken again when the sender repeats it."""
        received = self._streams.get(handed.stream)
        if received is None:
            return
        _drop(received, handed.message.header.id)
        if received.message is None and not received.in_hand:
            del self._streams[handed.stream]

    def received_by(self, destination: ServicePath) -> list[Received]:
        """The newest message of every stream to an entity, for its state dump."""
        return [
            received
            for (_, to, _), received in self._streams.items()
            if to == destination and received.message is not None
        ]

    def _refusal(self, message: SwbusMessage, key: str) -> str | None:
        """Why the source has no business with the addressee, None if it has."""
        source, destination = message.header.source, message.header.destination
        if source.base != hamgrd_base(source) or source.resource_type != SCOPE:
            return f"{source} is no scope"
        if source.node == self.own_node:
            return f"{source} is in this node"
        if _sender(key) != source.resource_id:
            return f"{source} sends in the name of {_sender(key)[:80]}"
        if destination.resource_type == SCOPE and _scope_id(source) != _scope_id(destination):
            return f"{source} is not the peer of {destination}"
        return None

    def _invalid(self, why: str) -> Acknowledge:
        self.counts[Counted.INVALID_PAYLOAD] += 1
        return Acknowledge(ErrorCode.INVALID_PAYLOAD, "invalid payload", why)

    def _take(self, offered: HandOver) -> Verdict:
        number = offered.message.header.id
        received = self._streams.get(offered.stream)
        if received is not None:
            if number in received.in_hand:
                self.counts[Counted.IN_HAND] += 1
                return Wait()
            last = received.message
            if last is not None and _is_late(number, last.header.id):
                self.counts[Counted.DUPLICATE] += 1
                return received.verdict if number == last.header.id else Acknowledge()
            if received.in_hand and _is_late(number, received.in_hand[-1]):
                self.counts[Counted.IN_HAND] += 1
                return Wait()
        elif not self._make_room():
            self.counts[Counted.OVERLOADED] += 1
            return Wait()
        else:
            received = self._streams[offered.stream] = Received()
        received.in_hand.append(number)
        self.counts[Counted.HANDED_OVER] += 1
        return offered

    def _make_room(self) -> bool:
        if len(self._streams) < self.remembered:
            return True
        # A dict keeps the order of insertion, and what is consumed is inserted anew.
        idle = next((stream for stream, received in self._streams.items() if not received.in_hand), None)
        if idle is None:
            return False
        del self._streams[idle]
        return True


def key_of(payload: bytes) -> str:
    """The key of an envelope.

    Raises:
        BadMessage: not UTF-8, not JSON, not an object with ``key``, a text, and ``data``.
    """
    try:
        envelope = json.loads(payload.decode())
    except (ValueError, RecursionError) as error:
        raise BadMessage("(message)", f"no JSON: {error}") from error
    if not isinstance(envelope, dict) or not isinstance(envelope.get("key"), str) or "data" not in envelope:
        raise BadMessage("(message)", "no object with a key and data")
    key: str = envelope["key"]
    return key


def kind_of(key: str) -> str:
    """The kind of message that a key names; empty when it names none."""
    kind, bar, _ = key.partition("|")
    return kind if bar else ""


def _sender(key: str) -> str:
    return key.partition("|")[2]


def _scope_id(path: ServicePath) -> str:
    """A scope is named by the vDPU, a colon and the id that it shares with its peer, which may contain more colons."""
    return path.resource_id.partition(":")[2]


def _is_late(number: int, last: int) -> bool:
    """The same message as the last one, or one that was sent before it."""
    return last - SET_BACK < number <= last


def _drop(received: Received, number: int) -> None:
    if number in received.in_hand:
        received.in_hand.remove(number)
