"""The controller of a long life: it approves whatever is asked, and again what is still asked some time later.

Source: switch-driven 7; scenarios 0.2.
"""

import time

from attrs import define, field
from redis import RedisError

from runner.demo.pair import Pair

AGAIN_AFTER_S = 1.0
"""An approval may be overwritten by the next one before a dead hamgrd could read it; a controller looks again."""


@define
class ApprovingController:
    """Approves everything, at once."""

    pair: Pair
    approved_at_s: dict[str, float] = field(factory=dict)
    count: int = 0

    def look(self) -> None:
        """Approve what is asked now. A database that is away asks nothing."""
        now_s = time.monotonic()
        for name in self.pair.pair:
            try:
                asked = self.pair[name].pending
                due = [id_ for id_ in asked if now_s - self.approved_at_s.get(id_, -AGAIN_AFTER_S) >= AGAIN_AFTER_S]
                if due:
                    self.pair.approve_id(name, *due)
            except RedisError:
                continue
            self.approved_at_s |= dict.fromkeys(due, now_s)
            self.count += len(due)
