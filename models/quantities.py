"""Numbers and words with a meaning: what the type of a record's field says about its range, unit and spelling.

The codec reads these marks; to everybody else the values are plain ``int`` and ``bool``.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, TypeAlias

from attrs import frozen


@frozen
class Range:
    """A whole number from ``low`` to ``high``, both included; a row with another number is rejected."""

    low: int
    high: int


@frozen
class PointInTime:
    """Wall-clock milliseconds, read from seconds, milliseconds or the 12-hour text; an unreadable time is no time."""


@frozen
class Words:
    """A truth value that is written with words of its own; true and false are read as well, ``unknown`` is neither."""

    true: str
    false: str


@frozen
class Mac:
    """The address of a virtual NIC; read with colons, dashes or neither, and always written in one way."""


IpAddress: TypeAlias = IPv4Address | IPv6Address
"""An address of either family."""

UINT32_MAX = 2**32 - 1

Uint32 = Annotated[int, Range(0, UINT32_MAX)]
"""Any unsigned number of 32 bits."""

Positive = Annotated[int, Range(1, UINT32_MAX)]
"""An interval in milliseconds or a count of repetitions: 0 would mean never or at once, which nobody can want."""

Port = Annotated[int, Range(1, 65535)]
"""A TCP or UDP port that something listens on."""

Slot = Annotated[int, Range(0, 7)]
"""The number of a DPU in its own switch."""

Term = Annotated[int, Range(0, 2**64 - 1)]
"""How many times flows have diverged; only compared, never a time."""

Milliseconds = Annotated[int, Range(0, 2**63 - 1)]
"""Wall-clock milliseconds since the epoch in rows that hamgrd itself wrote: read exactly as written."""

WireTime = Annotated[int, PointInTime()]
"""Wall-clock milliseconds since the epoch, from a writer whose unit is not agreed (tables 2.24 rule 6)."""

Alive = Annotated[bool, Words("up", "down")]
"""A channel that is up or down (tables 2.16)."""

MacAddress = Annotated[str, Mac()]
"""Six octets in capitals with colons between them, as the reader of forwarding entries wants them (tables 2.21)."""
