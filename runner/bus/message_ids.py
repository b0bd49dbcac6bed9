"""Ids of messages: they grow for every path that sends, also across restarts of the daemon.

Source: bus 3.2, 6 rule 6.
"""

from collections.abc import Callable, Hashable

from attrs import define, field

REMEMBERED = 65_536
"""So many paths have a counter of their own; a path that was forgotten starts above everything that was ever used."""


@define
class MessageIds:
    """One counter for each path that sends.

    ``wall_clock_ns`` tells the time of day in nanoseconds; it is asked only when a path sends for the first time, so
    that no later step of the clock matters.
    """

    wall_clock_ns: Callable[[], int]
    remembered: int = REMEMBERED
    _last: dict[Hashable, int] = field(factory=dict)
    _highest: int = 0

    def next(self, source: Hashable) -> int:
        """The id of the next message that this path sends, higher than every earlier one of it."""
        last = self._last.pop(source, None)
        number = max(self.wall_clock_ns(), self._highest + 1) if last is None else last + 1
        self._last[source] = number
        self._highest = max(self._highest, number)
        if len(self._last) > self.remembered:
            # The path that has been silent for longest: a dict keeps the order of insertion.
            del self._last[next(iter(self._last))]
        return number
