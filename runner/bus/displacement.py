"""When a peer is another process than before: the newest one counts, and two that share a path are found out.

Processes of ours say which they are when a link is made; a bus daemon does not. Two processes with one path would throw
each other out for ever, so one of them has to wait for a while.

Source: bus 1 (what replaces what), 8 rows 1 and 17; field-lessons FL-03.
"""

from collections import deque
from collections.abc import Callable, Iterable

import grpc
from attrs import define, field

from models.service_path import ServicePath
from runner.bus.links.introduction import Refusal
from runner.bus.links.link import Link
from runner.bus.links.owner import Hello

AT_MOST_EVERY_S = 5.0
REMEMBERED = 8
"""So many earlier processes of one path are remembered, to know them again."""


def is_another_process(old: Link, new: Hello) -> bool:
    """The one that ``old`` leads to is not the one that says ``new``.

    A bus daemon does not say which process it is. It dials once, so a second link that it dialled is either that of
    another process, or the first one is dead and only looks well from here.
    """
    before, now = old.incarnation, new.introduction.incarnation
    if before is None and now is None:
        return old.accepted and new.accepted
    return before != now


@define
class Displacement:
    """The processes of all paths. ``now_s`` tells a monotonic time in seconds."""

    now_s: Callable[[], float]
    _at_s: dict[ServicePath, float] = field(factory=dict)
    _former: dict[ServicePath, deque[str]] = field(factory=dict)

    def refusal(self, hello: Hello, links: Iterable[Link]) -> Refusal | None:
        """Why a node has to wait, of whose path there are these links, if it has to."""
        node = hello.introduction.stated_path.node
        since_s = self.now_s() - self._at_s.get(node, -AT_MOST_EVERY_S)
        if since_s >= AT_MOST_EVERY_S or not any(is_another_process(link, hello) for link in links):
            return None
        return Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{node} has replaced another process a moment ago")

    def was_replaced(self, hello: Hello) -> bool:
        """This process was replaced by another one with its path, and lives nevertheless."""
        return hello.introduction.incarnation in self._former.get(hello.introduction.stated_path.node, ())

    def happened(self, old: Link) -> None:
        """The process that a link leads to has been replaced by another one."""
        node, now_s = old.stated_path.node, self.now_s()
        # Old times say nothing, and a neighbour could state one path after the other.
        self._at_s = {each: at_s for each, at_s in self._at_s.items() if now_s - at_s < AT_MOST_EVERY_S}
        self._at_s[node] = now_s
        if old.incarnation is not None:
            former = self._former.pop(node, None) or deque(maxlen=REMEMBERED)
            former.append(old.incarnation)
            self._former[node] = former
            if len(self._former) > REMEMBERED**2:
                del self._former[next(iter(self._former))]
