"""The control links between the daemons: what becomes of each message, and when a link is noticed to come or go.

It decides how often and when a message arrives; who carries it there is the world's business. As the bus does, it hands
no message over that is older than one of the same sender and kind that was handed over before, nor one twice; so
reordering and repetition are seen between kinds, and by a daemon that has just started. Randomness comes in as numbers.

Source: bus 5.1, 6; scenarios 0.2 (link).
"""

import json
from random import Random

from attrs import define, field, frozen

MAX_DELAY_MS = 5_000


@frozen
class Letter:
    """A message on its way. ``number`` counts those of its sender; ``epoch`` is that of the link that carries it."""

    sender: str
    receiver: str
    source: str
    to: str
    payload: str
    number: int
    epoch: int

    @property
    def key(self) -> str:
        """Kind and id of the entity that sends, as in the payload."""
        key = json.loads(self.payload)["key"]
        assert isinstance(key, str)
        return key

    @property
    def kind(self) -> str:
        """What kind of message it is."""
        return self.key.partition("|")[0]


@define
class Conditions:
    """What the links do to messages; probabilities from 0 to 1, times in milliseconds."""

    delay_ms: int = 2
    jitter_ms: int = 0
    loss: float = 0.0
    repetition: float = 0.0
    reordering: float = 0.0
    loses: set[str] = field(factory=set)
    """Kinds of messages that are lost every time."""


@define
class Link:
    """The control link between two daemons."""

    up: bool = True
    """The network would carry it; it is there while both daemons live as well."""

    epoch: int = 0


@define
class Network:
    """The links between all daemons."""

    chances: Random
    conditions: Conditions = field(factory=Conditions)
    _links: dict[frozenset[str], Link] = field(factory=dict)
    _numbers: dict[str, int] = field(factory=dict)
    _last_arrival_ms: dict[tuple[str, str], int] = field(factory=dict)
    _handed_over: dict[tuple[str, str, str], int] = field(factory=dict)
    sent: list[tuple[int, Letter]] = field(factory=list)
    """Everything that was ever sent, with its time."""

    def link(self, one: str, other: str) -> Link:
        """The link between two daemons."""
        return self._links.setdefault(frozenset((one, other)), Link())

    def carry(
        self, sender: str, receiver: str, source: str, to: str, payload: str, now_ms: int
    ) -> list[tuple[int, Letter]]:
        """When a message arrives: never, once, or more often."""
        self._numbers[sender] = number = self._numbers.get(sender, 0) + 1
        link = self.link(sender, receiver)
        letter = Letter(sender, receiver, source, to, payload, number, link.epoch)
        self.sent.append((now_ms, letter))
        if not link.up or letter.kind in self.conditions.loses or self._happens(self.conditions.loss):
            return []
        arrivals = [(self._arrival_ms(letter, now_ms), letter)]
        if self._happens(self.conditions.repetition):
            later_ms = arrivals[0][0] + 1 + round(self.chances.random() * MAX_DELAY_MS)
            arrivals.append((later_ms, letter))
        return arrivals

    def hands_over(self, letter: Letter) -> bool:
        """The message is for the receiver: its link is still there, and nothing newer of its kind was handed over."""
        link = self.link(letter.sender, letter.receiver)
        stream = (letter.receiver, letter.to, letter.key)
        if not link.up or letter.epoch != link.epoch or letter.number <= self._handed_over.get(stream, 0):
            return False
        self._handed_over[stream] = letter.number
        return True

    def renew(self, one: str, other: str) -> None:
        """The connection is lost: what is on its way does not arrive any more."""
        self.link(one, other).epoch += 1

    def forget(self, receiver: str) -> None:
        """A daemon has started: it does not know what its earlier life was handed."""
        self._handed_over = {stream: last for stream, last in self._handed_over.items() if stream[0] != receiver}

    def _arrival_ms(self, letter: Letter, now_ms: int) -> int:
        jitter_ms = round(self.chances.random() * self.conditions.jitter_ms) if self.conditions.jitter_ms else 0
        arrival_ms = now_ms + self.conditions.delay_ms + jitter_ms
        path = (letter.sender, letter.receiver)
        if self._happens(self.conditions.reordering):
            return arrival_ms
        # One stream keeps its order.
        self._last_arrival_ms[path] = arrival_ms = max(arrival_ms, self._last_arrival_ms.get(path, 0))
        return arrival_ms

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self.chances.random() < probability
