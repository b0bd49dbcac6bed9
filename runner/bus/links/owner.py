"""What the owner of the links is asked and told.

Source: bus 4.3 ("order when a link is made") and 8, rows 15 to 17.
"""

from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from runner.bus.links.introduction import Introduction, Refusal
from runner.bus.links.socket_address import SocketAddress

if TYPE_CHECKING:
    from runner.bus.links.dialler import Dialler
    from runner.bus.links.link import Link


@frozen
class Hello:
    """Somebody at the other end, before there is a link.

    ``accepted`` is True if the peer dialled us; its port is a passing one then. ``certificate_names`` are the common
    name, the DNS names and the addresses in the certificate of a peer that dialled by TLS, which is known to be signed
    by our authority. They are empty without TLS, and for a listener that we dialled: there gRPC has compared the
    certificate with the address.
    """

    accepted: bool
    remote: SocketAddress
    introduction: Introduction
    certificate_names: frozenset[str] = frozenset()


class LinkOwner(Protocol):
    """Whom the links serve. All methods are called in the event loop; only :meth:`frame_arrived` may wait.

    Whatever these methods raise is logged as an error and counted; it never ends a listener or a dialler.
    """

    def admit(self, hello: Hello) -> Refusal | None:
        """Whether there may be a link with a peer that dialled us or answered us.

        A peer that dialled is told the refusal; one that answered makes the attempt fail. An exception refuses as well.
        """
        ...

    def link_up(self, link: "Link") -> None:
        """There is a link. A peer that dialled learns of it only after this returned, and no frame comes before.

        To replace an older link, call its ``close()`` here. An exception ends the link.
        """
        ...

    def link_down(self, link: "Link", why: str) -> None:
        """The link is gone; told once for every link that was up, also after our own ``close()``. No frame follows."""
        ...

    async def frame_arrived(self, link: "Link", frame: bytes) -> None:
        """A frame from the peer. The next one is not read before this returned, which slows the peer down.

        An exception loses this frame, not the link. Cancelled when the link goes meanwhile.
        """
        ...

    def dial_failed(self, dialler: "Dialler", why: str) -> None:
        """One attempt to dial failed; the next follows by itself. Nothing was logged."""
        ...
