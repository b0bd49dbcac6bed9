"""What a listener and a dialler have in common: how the owner is asked and told, and what is logged and counted of it.

An owner that raises is a bug of this process; it is contained here (bus 8, row 20).
"""

from collections import Counter
from typing import TYPE_CHECKING

import grpc
import structlog
from attrs import define, field
from structlog.typing import FilteringBoundLogger

from runner.bus.links.counts import Counted
from runner.bus.links.introduction import Refusal
from runner.bus.links.link import Link
from runner.bus.links.owner import Hello, LinkOwner
from runner.bus.links.rare_log import RareLog
from runner.bus.links.socket_address import SocketAddress

if TYPE_CHECKING:
    from runner.bus.links.dialler import Dialler

log: FilteringBoundLogger = structlog.get_logger()


@define(eq=False)
class Dealings:
    """The owner as listener and dialler see it: it never raises."""

    _owner: LinkOwner
    _counts: Counter[str]
    _rarely: RareLog = field(init=False, factory=RareLog)

    def admit(self, hello: Hello) -> Refusal | None:
        """Ask the owner."""
        try:
            return self._owner.admit(hello)
        except Exception:  # noqa: BLE001
            self._owner_failed("admit", remote=str(hello.remote))
            return Refusal(grpc.StatusCode.INTERNAL, "cannot decide whether to take this link")

    def refused(self, remote: SocketAddress, refusal: Refusal) -> None:
        """Somebody did not become a link."""
        self._counts[Counted.LINKS_REFUSED] += 1
        if self._rarely.due((remote.host, refusal.status)):
            log.warning("link_refused", remote=str(remote), status=refusal.status.name, why=refusal.text)

    def up(self, hello: Hello) -> Link:
        """Make a link and tell the owner."""
        link = Link(hello, self._owner, self._counts)
        self._counts[Counted.LINKS_UP] += 1
        log.info(
            "link_up",
            link=link.id,
            path=link.stated_path.longest,
            connection_type=link.connection_type.name,
            incarnation=link.incarnation,
        )
        try:
            self._owner.link_up(link)
        except Exception:  # noqa: BLE001
            self._owner_failed("link_up", link=link.id)
            link.close("the owner failed to take the link")
        return link

    def down(self, link: Link) -> None:
        """A link is gone, and knows why: tell the owner."""
        why = link.why_closed
        self._counts[Counted.LINKS_DOWN] += 1
        log.info("link_down", link=link.id, path=link.stated_path.longest, why=why)
        try:
            self._owner.link_down(link, why)
        except Exception:  # noqa: BLE001
            self._owner_failed("link_down", link=link.id)

    def dial_failed(self, dialler: "Dialler", why: str) -> None:
        """Tell the owner that an attempt failed."""
        self._counts[Counted.DIALS_FAILED] += 1
        try:
            self._owner.dial_failed(dialler, why)
        except Exception:  # noqa: BLE001
            self._owner_failed("dial_failed", remote=str(dialler.address))

    def _owner_failed(self, callback: str, **about: object) -> None:
        self._counts[Counted.OWNER_ERRORS] += 1
        log.exception("owner_failed", callback=callback, **about)
