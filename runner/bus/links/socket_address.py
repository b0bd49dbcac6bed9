"""Where a socket is: an IP address and a port, in the ways that the bus, gRPC and people write them.

Source: bus 3.3.
"""

import ipaddress
from typing import Self
from urllib.parse import unquote

from attrs import field, frozen

MOST_PORT = 65535


def _plain(host: str) -> str:
    """An IP address in its one normal form; an IPv4 address seen through an IPv6 socket is the IPv4 address."""
    address = ipaddress.ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


@frozen(order=True)
class SocketAddress:
    """An IPv4 or IPv6 address and a port, 0 to 65535.

    Raises:
        ValueError: no IP address (names are never resolved), or no port.
    """

    host: str = field(converter=_plain)
    port: int

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.port <= MOST_PORT:
            raise ValueError(f"port {self.port} is not between 0 and {MOST_PORT}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``10.0.0.1:23606`` or ``[fc00::1]:23606``; ``ValueError`` for anything else."""
        host, _, port = text.rpartition(":")
        if host.startswith("[") != (":" in host):
            raise ValueError(f"{text!r} is neither address:port nor [address]:port")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))

    @classmethod
    def from_grpc(cls, peer: str) -> Self:
        """The address in gRPC's words for a peer: ``ipv4:10.0.0.1:80`` or ``ipv6:%5Bfc00::1%5D:80``."""
        return cls.parse(unquote(peer.partition(":")[2]))

    @property
    def is_ipv6(self) -> bool:
        """True for IPv6."""
        return ":" in self.host

    @property
    def bare(self) -> str:
        """``host:port`` without brackets, as ids of links are written."""
        return f"{self.host}:{self.port}"

    @property
    def dialled(self) -> str:
        """What gRPC dials; it looks nothing up then."""
        return f"ipv6:{self}" if self.is_ipv6 else f"ipv4:{self}"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.is_ipv6 else self.bare
