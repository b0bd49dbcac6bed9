"""How the two ends of a link introduce themselves: gRPC metadata, there and back.

Everything read here was sent by somebody else; whatever it is, nothing raises.

Source: bus 3 (metadata keys), 8, rows 1, 16 and 20.
"""

from collections.abc import Iterable, Sequence

import grpc
from attrs import frozen

from models.service_path import ServicePath
from models.swbus import CLIENT_PATH_KEY, CONNECTION_TYPE_KEY, SERVER_PATH_KEY, ConnectionType

INCARNATION_KEY = "x-hamgr-incarnation"
"""Our own: another value says that the peer's process is another one. Peers that do not know the key ignore it."""

MOST_SHOWN = 100
"""How many characters of what a stranger sent are worth showing."""

Metadata = Iterable[tuple[str, str | bytes]]


@frozen
class Refusal:
    """Why a link does not come about: the gRPC status that the other end gets, and a text for people."""

    status: grpc.StatusCode
    text: str


@frozen
class Introduction:
    """What one end says about itself. ``incarnation`` is None where the peer does not send it.

    Raises:
        ValueError: text that gRPC metadata cannot carry; only printable ASCII can be sent.
    """

    stated_path: ServicePath
    connection_type: ConnectionType
    incarnation: str | None = None

    def __attrs_post_init__(self) -> None:
        for text in (self.stated_path.padded, self.incarnation or ""):
            if not is_plain(text):
                raise ValueError(f"{text!r} cannot be sent as gRPC metadata: it is not printable ASCII")

    def as_request(self) -> Sequence[tuple[str, str]]:
        """What a dialler sends."""
        path = self.stated_path
        return (
            (CLIENT_PATH_KEY, path.padded if self.connection_type.between_nodes else path.service_key),
            (CONNECTION_TYPE_KEY, self.connection_type.metadata_word),
            *self._own(),
        )

    def as_response(self) -> Sequence[tuple[str, str]]:
        """What a listener sends back at once."""
        return ((SERVER_PATH_KEY, self.stated_path.padded), *self._own())

    def _own(self) -> Sequence[tuple[str, str]]:
        return () if self.incarnation is None else ((INCARNATION_KEY, self.incarnation),)


def read_request(metadata: Metadata | None) -> Introduction | Refusal:
    """What a dialler said about itself, or what is wrong with it in the words of the reference."""
    said = _texts(metadata)
    if not (path := said.get(CLIENT_PATH_KEY)):
        return Refusal(grpc.StatusCode.INVALID_ARGUMENT, "Client service path not found")
    if (word := said.get(CONNECTION_TYPE_KEY)) is None:
        return Refusal(grpc.StatusCode.INVALID_ARGUMENT, "service path scope not set")
    if (connection_type := ConnectionType.from_metadata(word)) is None:
        return Refusal(grpc.StatusCode.INVALID_ARGUMENT, f"Invalid connection_type: {printable(word)}")
    if not is_plain(path):
        return Refusal(grpc.StatusCode.INVALID_ARGUMENT, f"Client service path is not ASCII: {printable(path)}")
    return Introduction(ServicePath.parse(path), connection_type, _incarnation(said))


def read_response(metadata: Metadata | None, connection_type: ConnectionType) -> Introduction | Refusal:
    """What a listener said about itself to somebody who dialled as ``connection_type``."""
    said = _texts(metadata)
    if not (path := said.get(SERVER_PATH_KEY)):
        return Refusal(grpc.StatusCode.FAILED_PRECONDITION, "the answer names no service path")
    if not is_plain(path):
        return Refusal(grpc.StatusCode.FAILED_PRECONDITION, f"its service path is not ASCII: {printable(path)}")
    return Introduction(ServicePath.parse(path), connection_type, _incarnation(said))


def is_plain(text: str) -> bool:
    """True for printable ASCII, which is all that this metadata may hold."""
    return text.isascii() and text.isprintable()


def printable(text: str) -> str:
    """What a stranger sent, fit for a log and for the texts of gRPC."""
    return ascii(text[:MOST_SHOWN])[1:-1]


def _texts(metadata: Metadata | None) -> dict[str, str]:
    """The textual values; where a key is there twice, the first counts."""
    said: dict[str, str] = {}
    for key, value in metadata or ():
        if isinstance(value, str):
            said.setdefault(key, value)
    return said


def _incarnation(said: dict[str, str]) -> str | None:
    """An incarnation that is no plain text is as good as none: it was not us who sent it."""
    incarnation = said.get(INCARNATION_KEY)
    return incarnation if incarnation is not None and is_plain(incarnation) else None
