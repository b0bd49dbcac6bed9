"""What the entities of a node know of each other: topics that are posted, and readers that are told of every change.

Reading a topic is registering for it: the reader gets the present value at once and becomes due whenever another
value is posted. A reader that is refreshed reads anew, so its registrations are always those of its last refresh.
Nothing here depends on the order in which things are posted.

Source: domain "Actors" (registrations), architecture "The node".
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from typing import Any

Topic = tuple[Hashable, ...]


class Board:
    """The topics of one node and who reads them."""

    def __init__(self) -> None:
        self._values: dict[Topic, Any] = {}
        self._readers: defaultdict[Topic, set[str]] = defaultdict(set)
        self._topics: defaultdict[str, set[Topic]] = defaultdict(set)
        self.due: set[str] = set()
        """The readers that something has changed for since they were refreshed."""

    def post(self, topic: Topic, value: Any) -> None:
        """Make ``value`` what a topic says; None is as if nothing had ever been posted."""
        if self._values.get(topic) == value:
            return
        if value is None:
            del self._values[topic]
        else:
            self._values[topic] = value
        self.due |= self._readers[topic]

    def contribute(self, topic: Topic, contributor: str, value: Any) -> None:
        """Make ``value`` what one contributor says on a topic that has many; None takes the contribution back."""
        others = {who: said for who, said in self.peek(topic, {}).items() if who != contributor}
        said: Mapping[str, Any] = others if value is None else {**others, contributor: value}
        self.post(topic, dict(sorted(said.items())) or None)

    def peek(self, topic: Topic, default: Any = None) -> Any:
        """What a topic says now, without registering for it."""
        return self._values.get(topic, default)

    def read(self, reader: str, topic: Topic, default: Any = None) -> Any:
        """What a topic says now; ``reader`` becomes due when it says something else."""
        self._readers[topic].add(reader)
        self._topics[reader].add(topic)
        return self._values.get(topic, default)

    def start_reading(self, reader: str) -> None:
        """Forget what ``reader`` had registered for: it is about to read anew, or is gone."""
        for topic in self._topics.pop(reader, ()):
            self._readers[topic].discard(reader)
        self.due.discard(reader)
