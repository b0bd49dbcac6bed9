"""The node's timers on the event loop's clock, which no change of the time of day moves (LD-54).

All of them stand in one heap, and the loop waits for the first: a thousand scopes are no thousand handles.

Source: field-lessons I-20.
"""

import asyncio
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count

from attrs import define, field

MANY_STALE = 1024
"""So many entries of the heap that stand for nothing any more are worth clearing away."""


@define
class TimerWheel:
    """Timers by name. ``due`` is called when one is due; the call has to lead to :meth:`take`, at once or later."""

    _due: Callable[[str], None]
    _running: dict[str, int] = field(factory=dict)
    """The number under which each timer that runs stands in the heap."""

    _heap: list[tuple[float, int, str]] = field(factory=list)
    _numbers: "count[int]" = field(factory=count)
    _waiting: asyncio.TimerHandle | None = None
    _fired: set[str] = field(factory=set)

    def set(self, name: str, after_ms: int) -> None:
        """Start a timer; one of the same name starts anew, even if it is due and not taken yet."""
        self.cancel(name)
        loop = asyncio.get_running_loop()
        self._running[name] = number = next(self._numbers)
        heappush(self._heap, (loop.time() + after_ms / 1000, number, name))
        if self._heap[0][1] == number:
            self._wait(loop)

    def cancel(self, name: str) -> None:
        """Forget a timer, even if it is due and not taken yet."""
        self._fired.discard(name)
        self._running.pop(name, None)
        if len(self._heap) > 2 * len(self._running) + MANY_STALE:
            self._heap = [entry for entry in self._heap if self._running.get(entry[2]) == entry[1]]
            heapify(self._heap)

    def cancel_all(self) -> None:
        """Forget every timer."""
        self._running.clear()
        self._fired.clear()
        self._heap.clear()
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def take(self, name: str) -> bool:
        """Use up a timer that is due. False: it was set anew or cancelled since, so nobody waits for it any more."""
        if name not in self._fired:
            return False
        self._fired.discard(name)
        return True

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = loop.call_at(self._heap[0][0], self._fire) if self._heap else None

    def _fire(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._heap and self._heap[0][0] <= now:
            _, number, name = heappop(self._heap)
            if self._running.get(name) == number:
                del self._running[name]
                self._fired.add(name)
                self._due(name)
        self._wait(loop)
