"""From what Redis holds to one value: the tolerant reading of texts, lists, numbers, times and addresses.

Each function takes a text that was stripped by ``scalar`` or ``items`` and gives a value, None when the text says
nothing, or raises ``Unreadable``. None of them knows a table or a field. Source: tables 2.24; FL-41.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

from models.quantities import IpAddress, Range
from models.words import readings

Raw: TypeAlias = bytes | str | Sequence[str]
"""A value before it is read: bytes from Redis, or a text or a list of texts taken out of JSON or protobuf."""

MAX_BYTES = 64 * 1024
"""No value of these tables is nearly as long; more than this is garbage that must not be carried around."""

MAX_DIGITS = 20
"""As many as the longest number of 64 bits has."""

MAX_TIME_DIGITS = 18
"""Fits a signed number of 64 bits even after seconds became milliseconds."""

SECONDS_BELOW = 10**11
"""A smaller time is in seconds: as milliseconds it would be before 1973 (tables 2.23)."""

_MAC = re.compile("[0-9A-F]{12}")
_TRUE = frozenset({"true", "1", "yes"})
_FALSE = frozenset({"false", "0", "no"})
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: month for month, name in enumerate(_MONTH_NAMES, 1)}


class Unreadable(ValueError):  # noqa: N818  (named for what the value is, not an error of the program)
    """A value that cannot be read; ``why`` in words. ``field`` and ``value`` are set once they are known."""

    def __init__(self, why: str, field: str = "", value: object = b"") -> None:
        super().__init__(why)
        self.why = why
        self.field = field
        self.value = value


def text(raw: Raw) -> str:
    """The value as text, otherwise unchanged; the items of a list with commas between them."""
    if isinstance(raw, bytes):
        if len(raw) > MAX_BYTES:
            raise Unreadable("longer than 64 KiB")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Unreadable("not UTF-8") from error
    joined = raw if isinstance(raw, str) else ",".join(raw)
    if not joined.isascii() and any("\ud800" <= character <= "\udfff" for character in joined):
        # JSON can spell half a character, which could never be written to a database again.
        raise Unreadable("not a valid text")
    return joined


def scalar(raw: Raw) -> str:
    """The text without surrounding blanks and one layer of quotes."""
    bare = text(raw).strip()
    if len(bare) > 1 and bare[0] in "'\"" and bare[-1] == bare[0]:
        return bare[1:-1].strip()
    return bare


def items(raw: Raw) -> list[str]:
    """The items of a list in their order, without blanks, quotes and brackets around them.

    Empty items are kept, their place may mean something; a list of one empty item is an empty list.
    """
    stripped = [part.strip(" \t\r\n[]'\"") for part in text(raw).split(",")]
    return [] if stripped == [""] else stripped


def says_nothing(word: str) -> bool:
    """The text stands for an absent value (tables 2.23, row "optional text value")."""
    return not word or word.lower() == "none"


def number(word: str, limits: Range) -> int:
    """A decimal number within its limits. Signs, blanks, other bases and other digits are not numbers here."""
    if not (word.isascii() and word.isdigit()):
        raise Unreadable("not a number")
    if len(word) > MAX_DIGITS or not limits.low <= (value := int(word)) <= limits.high:
        raise Unreadable(f"out of range {limits.low}..{limits.high}")
    return value


def truth(word: str) -> bool:
    """true, 1, yes or false, 0, no in any case."""
    lower = word.lower()
    if lower in _TRUE:
        return True
    if lower in _FALSE:
        return False
    raise Unreadable("neither true nor false")


def member(word: str, enumeration: type[StrEnum]) -> StrEnum | None:
    """The member that the word or number stands for; None for unspecified where the enumeration has no such member."""
    try:
        return readings(enumeration)[word.lower()]
    except KeyError:
        raise Unreadable(f"no such {enumeration.__name__}") from None


def mac(word: str) -> str:
    """Six octets, with colons, dashes or nothing between them: in capitals with colons (tables 2.9)."""
    digits = word.replace(":", "").replace("-", "").upper()
    if not _MAC.fullmatch(digits):
        raise Unreadable("not a MAC")
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


@lru_cache(maxsize=1024)
def address(word: str) -> IpAddress:
    """An address of either family. One with a zone is refused: it means something on one link of one host only."""
    if "%" in word:
        raise Unreadable("an address with a zone")
    try:
        return ip_address(word)
    except ValueError as error:
        raise Unreadable("not an IP address") from error


def address_v4(word: str) -> IPv4Address:
    """An IPv4 address."""
    value = address(word)
    if not isinstance(value, IPv4Address):
        raise Unreadable("not an IPv4 address")
    return value


def address_v6(word: str) -> IPv6Address:
    """An IPv6 address."""
    value = address(word)
    if not isinstance(value, IPv6Address):
        raise Unreadable("not an IPv6 address")
    return value


def point_in_time(word: str) -> int | None:
    """Milliseconds since the epoch; None for an unreadable time, which must not cost the values beside it (FL-41)."""
    if word.isascii() and word.isdigit():
        if len(word) > MAX_TIME_DIGITS:
            return None
        value = int(word)
        return value * 1000 if value < SECONDS_BELOW else value
    return _twelve_hour_text(word)


def _twelve_hour_text(word: str) -> int | None:
    """``Mon Jun 10 03:15:42 PM UTC 2024`` as milliseconds. Not strptime: its names of months follow the locale."""
    try:
        _, month, day, clock, half, zone, year = word.split()
        hour, minute, second = (int(part) for part in clock.split(":"))
        if not 1 <= hour <= 12 or zone.upper() != "UTC":
            return None
        hour = hour % 12 + {"AM": 0, "PM": 12}[half.upper()]
        moment = datetime(int(year), _MONTHS[month.lower()], int(day), hour, minute, second, tzinfo=UTC)
    except (ValueError, KeyError, OverflowError):
        return None
    return max(0, int(moment.timestamp()) * 1000)
