"""What the entities of a node know of each other: topics that are posted, and readers that are told of every change.

Reading a topic is registering for it: the reader gets the present value at once and becomes due whenever another
value is posted. A reader that is refreshed reads anew, so its registrations are always those of its last refresh.
Nothing here depends on the order in which things are posted.

Source: domain "Actors" (registrations), architecture "The node".
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Any

Topic = tuple[Hashable, ...]


class Due:
    """Who has to be refreshed, first those that others stand on; ``order`` says who is first."""

    def __init__(self, order: Callable[[str], tuple[Any, ...]] = lambda path: (path,)) -> None:
        self._order = order
        self._waiting: set[str] = set()
        self._heap: list[tuple[tuple[Any, ...], str]] = []

    def add(self, path: str) -> None:
        """Somebody is due; nothing changes when it already was."""
        if path not in self._waiting:
            self._waiting.add(path)
            heappush(self._heap, (self._order(path), path))

    def discard(self, path: str) -> None:
        """Somebody is not due any more."""
        self._waiting.discard(path)

    def pop(self) -> str | None:
        """Take the first one; None when nobody is due."""
        while self._heap:
            _, path = heappop(self._heap)
            if path in self._waiting:
                self._waiting.discard(path)
                return path
        return None

    def clear(self) -> None:
        """Nobody is due."""
        self._waiting.clear()
        self._heap.clear()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._waiting, key=self._order))


class Board:
    """The topics of one node and who reads them."""

    def __init__(self, order: Callable[[str], tuple[Any, ...]] = lambda path: (path,)) -> None:
        self._values: dict[Topic, Any] = {}
        self._readers: dict[Topic, str | set[str]] = {}
        """Most topics are about one scope and have one reader: a set for each would be the greater part of a scope."""

        self._topics: defaultdict[str, set[Topic]] = defaultdict(set)
        self._read_now: set[Topic] = set()
        self._said: dict[Topic, dict[str, Any]] = {}
        self._counts: defaultdict[Topic, Counter[Any]] = defaultdict(Counter)
        self.due = Due(order)
        """The readers that something has changed for since they were refreshed."""

    def post(self, topic: Topic, value: Any) -> None:
        """Make ``value`` what a topic says; None is as if nothing had ever been posted."""
        before = self._values.get(topic)
        if before is value or before == value:
            return
        if value is None:
            del self._values[topic]
        else:
            self._values[topic] = value
        readers = self._readers.get(topic, ())
        for reader in (readers,) if isinstance(readers, str) else readers:
            self.due.add(reader)

    def withdraw(self, beginning: Topic) -> None:
        """Make all topics that begin so say nothing any more."""
        for topic in [topic for topic in self._values if topic[: len(beginning)] == beginning]:
            self.post(topic, None)

    def contribute(self, topic: Topic, contributor: str, value: Any) -> None:
        """Make ``value`` what one contributor says on a topic that has a few; None takes the contribution back."""
        said: Mapping[str, Any] = self.peek(topic, {})
        if said.get(contributor) == value:
            return
        others = {who: what for who, what in said.items() if who != contributor}
        said = others if value is None else {**others, contributor: value}
        self.post(topic, dict(sorted(said.items())) or None)

    def join(self, topic: Topic, contributor: str, value: Any) -> None:
        """Make ``value`` what one contributor says on a topic that may have thousands; None takes it back.

        Readers see the set of what is said, not who says it: they are due only when there is something new among it
        or when the last one has stopped saying something.
        """
        said = self._said.setdefault(topic, {})
        before = said.get(contributor)
        if before == value:
            return
        counts = self._counts[topic]
        if before is not None:
            del said[contributor]
            counts[before] -= 1
        if value is not None:
            said[contributor] = value
            counts[value] += 1
        if (before is not None and not counts[before]) or (value is not None and counts[value] == 1):
            self._counts[topic] = counts = +counts
            self.post(topic, frozenset(counts) or None)

    def peek(self, topic: Topic, default: Any = None) -> Any:
        """What a topic says now, without registering for it."""
        return self._values.get(topic, default)

    def read(self, reader: str, topic: Topic, default: Any = None) -> Any:
        """What a topic says now; ``reader`` becomes due when it says something else."""
        self._read_now.add(topic)
        topics = self._topics[reader]
        if topic not in topics:
            topics.add(topic)
            self._register(reader, topic)
        return self._values.get(topic, default)

    def start_reading(self, reader: str) -> None:
        """``reader`` is about to read anew everything that it wants to be told of."""
        self._read_now = set()
        self.due.discard(reader)

    def stop_reading(self, reader: str) -> None:
        """``reader`` has read: what it did not read since :meth:`start_reading`, it is not told of any more."""
        topics = self._topics[reader]
        if len(topics) != len(self._read_now):
            for topic in topics - self._read_now:
                self._leave(reader, topic)
            topics &= self._read_now

    def forget(self, reader: str) -> None:
        """``reader`` is gone."""
        for topic in self._topics.pop(reader, ()):
            self._leave(reader, topic)
        self.due.discard(reader)

    def _register(self, reader: str, topic: Topic) -> None:
        readers = self._readers.setdefault(topic, reader)
        if isinstance(readers, set):
            readers.add(reader)
        elif readers != reader:
            self._readers[topic] = {readers, reader}

    def _leave(self, reader: str, topic: Topic) -> None:
        readers = self._readers[topic]
        if isinstance(readers, set):
            readers.discard(reader)
        if not readers or readers == reader:
            del self._readers[topic]
