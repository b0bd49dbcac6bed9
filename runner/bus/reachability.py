"""Whether the daemon that manages another DPU can be spoken to.

A way to its node is not enough: behind a bus daemon its hamgrd may be dead, and what is put into a half-open link
vanishes. So it is pinged, and a link counts as up when hamgrd itself has answered. Times are seconds of a monotonic
clock and handed in.

Source: bus 3.3 (ping), 8 rows 1 and 10; field-lessons FL-03, FL-08.
"""

from attrs import define, field

PING_EVERY_S = 1.0
SILENT_AFTER_S = 2.0
"""A daemon that has answered no ping for so long is lost."""


@define
class Reachability:
    """One neighbour. Methods give what is to be told: True came, False lost, None nothing new."""

    up: bool | None = None
    """None until the first attempt has ended; unknown is not lost."""

    _has_way: bool = False
    _pings: dict[int, float] = field(factory=dict)
    _next_ping_s: float = 0.0
    _heard_s: float = float("-inf")

    def way_found(self, now_s: float) -> None:
        """There is a way to its node, perhaps another one than before: ping at once."""
        self._has_way = True
        self._next_ping_s = now_s

    def no_way(self) -> bool | None:
        """There is no way to its node, or an attempt to find one has failed."""
        self._has_way = False
        self._pings.clear()
        return self._becomes(False)

    def left(self) -> bool | None:
        """Nobody wants to speak to it any more. What was never up is not lost by that."""
        return self._becomes(False) if self.up else None

    def restarted(self, now_s: float) -> bool | None:
        """Its process is another one than before: what it knew is gone, whatever the way to it looks like."""
        self._pings.clear()
        self.way_found(now_s)
        return self._becomes(False) if self.up else None

    def ping_due(self, now_s: float) -> bool:
        """It is time for a ping."""
        return self._has_way and now_s >= self._next_ping_s

    def pinged(self, ping_id: int, now_s: float) -> None:
        """A ping has been sent."""
        self._pings[ping_id] = now_s
        self._next_ping_s = now_s + PING_EVERY_S

    def answered(self, ping_id: int, ok: bool) -> bool | None:
        """A ping was answered, by hamgrd or by somebody who says that it is not there."""
        if self._pings.pop(ping_id, None) is None:
            return None
        if ok:
            self._pings.clear()
        return self._becomes(ok)

    def heard(self, now_s: float) -> None:
        """Its hamgrd has said something else: it is there, however long its answer to a ping waits behind that."""
        self._heard_s = now_s

    def not_looked(self, for_s: float) -> None:
        """This process did not look for so long: what came meanwhile may still be unread, so that is no silence."""
        self._pings = {ping_id: sent_s + for_s for ping_id, sent_s in self._pings.items()}

    def waits_for(self, ping_id: int) -> bool:
        """This ping is open."""
        return ping_id in self._pings

    def silence(self, now_s: float) -> bool | None:
        """Time has passed."""
        answerable = {ping_id: sent_s for ping_id, sent_s in self._pings.items() if now_s < self._silent_at(sent_s)}
        if len(answerable) == len(self._pings):
            return None
        # What comes to the others now is too late to mean anything.
        self._pings = answerable
        return self._becomes(False)

    def next_look_s(self) -> float | None:
        """When there is something to do at the latest; None: nothing before something else happens."""
        times = [self._silent_at(sent_s) for sent_s in self._pings.values()]
        return min([*times, self._next_ping_s] if self._has_way else times, default=None)

    def _silent_at(self, sent_s: float) -> float:
        return (max(sent_s, self._heard_s) if self.up else sent_s) + SILENT_AFTER_S

    def _becomes(self, up: bool) -> bool | None:
        if self.up is up:
            return None
        self.up = up
        return up
