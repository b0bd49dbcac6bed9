"""Keeps a complaint that repeats itself from filling the log: a peer of the reference redials every millisecond.

Source: bus 8, rows 4 and 18.
"""

import time
from collections.abc import Callable, Hashable

from attrs import define, field

AGAIN_AFTER_S = 60.0

MOST_KINDS = 256
"""Kinds carry addresses of strangers; not more of them than this are remembered."""


@define(eq=False)
class RareLog:
    """Says when a complaint of a kind may be logged: the first time, then once a minute."""

    _now_s: Callable[[], float] = time.monotonic
    _logged_at_s: dict[Hashable, float] = field(factory=dict)

    def due(self, kind: Hashable) -> bool:
        """True if a complaint of this kind is to be logged now; it counts as logged then."""
        now_s, last_s = self._now_s(), self._logged_at_s.get(kind)
        if last_s is not None and now_s < last_s + AGAIN_AFTER_S:
            return False
        self._logged_at_s.pop(kind, None)
        if len(self._logged_at_s) >= MOST_KINDS:
            del self._logged_at_s[next(iter(self._logged_at_s))]
        self._logged_at_s[kind] = now_s
        return True

    def forget(self) -> None:
        """The trouble is over: the next complaint of any kind is news."""
        self._logged_at_s.clear()
