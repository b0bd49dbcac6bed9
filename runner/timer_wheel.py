"""The node's timers on the event loop's clock, which no change of the time of day moves (LD-54).

Source: field-lessons I-20.
"""

import asyncio
from collections.abc import Callable

from attrs import define, field


@define
class TimerWheel:
    """Timers by name. ``due`` is called when one is due; the call has to lead to :meth:`take`, at once or later."""

    _due: Callable[[str], None]
    _running: dict[str, asyncio.TimerHandle] = field(factory=dict)
    _fired: set[str] = field(factory=set)

    def set(self, name: str, after_ms: int) -> None:
        """Start a timer; one of the same name starts anew, even if it is due and not taken yet."""
        self.cancel(name)
        self._running[name] = asyncio.get_running_loop().call_later(after_ms / 1000, self._fire, name)

    def cancel(self, name: str) -> None:
        """Forget a timer, even if it is due and not taken yet."""
        self._fired.discard(name)
        if handle := self._running.pop(name, None):
            handle.cancel()

    def cancel_all(self) -> None:
        """Forget every timer."""
        for name in list(self._running):
            self.cancel(name)
        self._fired.clear()

    def take(self, name: str) -> bool:
        """Use up a timer that is due. False: it was set anew or cancelled since, so nobody waits for it any more."""
        if name not in self._fired:
            return False
        self._fired.discard(name)
        return True

    def _fire(self, name: str) -> None:
        del self._running[name]
        self._fired.add(name)
        self._due(name)
