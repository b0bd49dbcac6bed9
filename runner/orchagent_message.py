"""The messages that a DPU's orchagent takes over ZMQ: rows of one table, packed.

A message is a count of pairs and then the pairs, each a name and a value with their lengths in front. The first pair is
database and table; every row is a pair of its key and the number of its fields, followed by its fields. A row without
fields is a deletion. Numbers are unsigned 64-bit little-endian, as on every platform in use.

Source: tables 4.4.
"""

import struct
from collections.abc import Iterable, Mapping

from attrs import field, frozen

LARGEST_MESSAGE = 16 * 1024 * 1024
"""The receiver refuses a message of this many bytes and more."""

_NUMBER = struct.Struct("<Q")


class MessageTooLargeError(ValueError):
    """A row does not fit into a message."""


@frozen
class RowMessage:
    """A row to be sent; empty ``fields`` delete it. Bytes that are no UTF-8 travel as surrogate escapes."""

    table: str
    key: str
    fields: Mapping[str, str] = field(factory=dict, hash=False)


def pack(database: str, table: str, rows: Iterable[RowMessage]) -> bytes:
    """One message with rows of one table.

    Raises MessageTooLargeError when the receiver would refuse it.
    """
    pairs = [(database, table)]
    for row in rows:
        pairs += [(row.key, str(len(row.fields))), *row.fields.items()]
    message = _NUMBER.pack(len(pairs)) + b"".join(_packed(text) for pair in pairs for text in pair)
    if len(message) >= LARGEST_MESSAGE:
        raise MessageTooLargeError(f"{len(message)} bytes, less than {LARGEST_MESSAGE} are accepted")
    return message


def unpack(message: bytes) -> tuple[str, list[RowMessage]]:
    """Database and rows of a message; what a receiver, such as a simulated DPU, does.

    Raises ValueError for a message that does not follow the layout.
    """
    texts = _texts(message)
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    if not pairs or len(pairs) != _NUMBER.unpack_from(message)[0]:
        raise ValueError("the count of pairs is not that of the message")
    (database, table), rest = pairs[0], iter(pairs[1:])
    rows = []
    for key, count in rest:
        fields = dict(pair for _, pair in zip(range(int(count)), rest, strict=False))
        if len(fields) != int(count):
            raise ValueError(f"row {key} should have {count} fields")
        rows.append(RowMessage(table, key, fields))
    return database, rows


def _packed(text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogateescape")
    return _NUMBER.pack(len(encoded)) + encoded


def _texts(message: bytes) -> list[str]:
    texts, at = [], _NUMBER.size
    try:
        while at < len(message):
            (length,) = _NUMBER.unpack_from(message, at)
            at += _NUMBER.size
            if length > len(message) - at:
                raise ValueError("a length is beyond the end of the message")
            texts.append(message[at : at + length].decode("utf-8", "surrogateescape"))
            at += length
    except struct.error as error:
        raise ValueError("the message ends within a length") from error
    return texts
