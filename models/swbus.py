"""The messages of the bus as records, and the codec between them and the bytes of a link.

A frame is one message in protobuf. What cannot be read is ``BadFrame`` and concerns that frame alone: the link stays.

Source: bus 3.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Self, TypeVar

from attrs import frozen
from google.protobuf.message import DecodeError

from models.protobuf import swbus_pb2 as wire
from models.service_path import RouteScope, ServicePath

SERVICE_METHOD = "/swbus.SwbusService/StreamMessages"
"""The HTTP path of a link."""

CLIENT_PATH_KEY = "x-swbus-service-path"
"""Request metadata: the path of who dials; padded for a node, service key for an edge client."""

CONNECTION_TYPE_KEY = "x-swbus-connection-type"
"""Request metadata: what the link is for, :attr:`ConnectionType.metadata_word`."""

SERVER_PATH_KEY = "x-swbus-server-service-path"
"""Initial response metadata: the padded path of the node that listens."""

VERSION = 1
ORIGIN_TTL = 64
ANNOUNCEMENT_TTL = 2

MAX_HOP_COUNT = 64
"""A route that claims to be longer is no route (bus 8, 19)."""

MAX_SENT_BYTES = 1024 * 1024
"""No frame longer than this is sent; a receiver takes four times as much."""

MemberT = TypeVar("MemberT", bound=IntEnum)


class ConnectionType(IntEnum):
    """What a link is for."""

    CLIENT = 0
    IN_NODE = 1
    IN_CLUSTER = 2
    IN_REGION = 3
    GLOBAL = 4

    @property
    def metadata_word(self) -> str:
        """The word of the metadata."""
        return f"CONNECTION_TYPE_{self.name}"

    @classmethod
    def from_metadata(cls, word: str) -> Self | None:
        """The type that a word of the metadata names, None for any other word."""
        return next((member for member in cls if member.metadata_word == word), None)

    @property
    def between_nodes(self) -> bool:
        """The other end is a node, not a client of this one."""
        return self >= ConnectionType.IN_CLUSTER

    def route_key(self, stated: ServicePath) -> str:
        """The key of the route that exists because there is a link of this type with this stated path."""
        return stated.node_key if self.between_nodes else stated.service_key


class ErrorCode(IntEnum):
    """What became of a request. ``UNKNOWN_ERROR`` stands for every number that is not listed."""

    UNKNOWN_ERROR = 0
    OK = 1
    CONNECTION_ERROR = 101
    TIMEOUT = 102
    INVALID_ARGS = 201
    INVALID_DESTINATION = 202
    INVALID_SOURCE = 203
    INVALID_HEADER = 210
    INVALID_PAYLOAD = 211
    INVALID_ROUTE = 212
    NO_ROUTE = 301
    QUEUE_FULL = 302
    UNREACHABLE = 303
    SERVICE_NOT_FOUND = 370
    RESOURCE_NOT_FOUND = 380
    FAIL = 901


class ManagementRequestType(IntEnum):
    """What a management request asks for."""

    GET_ROUTES = 0
    GET_ACTOR_STATE = 1
    RESOLVE_PEER = 2


@frozen(eq=False)
class BadFrame(Exception):  # noqa: N818  (named like BadRow and BadMessage)
    """A frame that is dropped without an answer, and why."""

    why: str

    def __str__(self) -> str:
        return self.why


@frozen(kw_only=True)
class Header:
    """``id`` is unique for ``source``, also after a restart; ``ttl`` is the number of links the message may still
    cross."""

    id: int
    source: ServicePath
    destination: ServicePath
    ttl: int = ORIGIN_TTL
    version: int = VERSION
    flag: int = 0


@frozen(kw_only=True)
class RouteEntry:
    """One way to a path: next hop, and how many nodes are in between. ``route_scope`` is a number that may be none of
    :class:`RouteScope`."""

    service_path: ServicePath
    nh_id: str = ""
    nh_service_path: ServicePath | None = None
    route_scope: int
    hop_count: int = 0


@frozen
class Response:
    """Answers the request whose header id is ``request_id``, with a table of routes, a text, or nothing."""

    request_id: int
    error_code: ErrorCode
    error_message: str = ""
    route_entries: tuple[RouteEntry, ...] | None = None
    query_result: str | None = None


@frozen
class RouteAnnouncement:
    """Everything that the sender can reach, to replace what it announced before."""

    entries: tuple[RouteEntry, ...] = ()


@frozen
class Ping:
    """Asks whether somebody is there."""


@frozen
class TraceRoute:
    """Asks every node on the way for an answer."""


@frozen
class ManagementRequest:
    """Asks for something of the other end; ``request`` is a number that may be none of ``ManagementRequestType``."""

    request: int
    arguments: tuple[tuple[str, str], ...] = ()

    def argument(self, name: str) -> str | None:
        """The value of an argument, None when it was not given."""
        return next((value for each, value in self.arguments if each == name), None)


@frozen
class DataRequest:
    """Carries a message between actors, JSON as in ``models.peer_messages``."""

    payload: bytes


Body = Response | RouteAnnouncement | Ping | TraceRoute | ManagementRequest | DataRequest


@frozen
class SwbusMessage:
    """One message."""

    header: Header
    body: Body


def answer(
    request: SwbusMessage,
    answer_id: int,
    code: ErrorCode,
    error_message: str = "",
    *,
    source: ServicePath | None = None,
    route_entries: tuple[RouteEntry, ...] | None = None,
    query_result: str | None = None,
) -> SwbusMessage:
    """The answer to a request, with a fresh id and ttl; ``source`` is who answers, by default who was asked."""
    header = Header(
        id=answer_id,
        source=request.header.destination if source is None else source,
        destination=request.header.source,
    )
    return SwbusMessage(header, Response(request.header.id, code, error_message, route_entries, query_result))


def encode(message: SwbusMessage) -> bytes:
    """The bytes of a message.

    Raises:
        ValueError: a number is out of the range of its field, or a text cannot be written in UTF-8.
    """
    header = message.header
    framed = wire.SwbusMessage(
        header=wire.SwbusMessageHeader(
            version=header.version,
            id=header.id,
            flag=header.flag,
            ttl=header.ttl,
            source=_path_out(header.source),
            destination=_path_out(header.destination),
        )
    )
    match message.body:
        case Response() as response:
            framed.response.CopyFrom(_response_out(response))
        case RouteAnnouncement(entries):
            framed.route_announcement.CopyFrom(_entries_out(entries))
        case Ping():
            framed.ping_request.SetInParent()
        case TraceRoute():
            framed.trace_route_request.SetInParent()
        case ManagementRequest(request, arguments):
            asked = wire.ManagementRequest(
                arguments=[wire.ManagementRequestArg(name=name, value=value) for name, value in arguments]
            )
            asked.request = request  # type: ignore[assignment]  # protobuf takes any number, its stubs only known ones
            framed.management_request.CopyFrom(asked)
        case DataRequest(payload):
            framed.data_request.CopyFrom(wire.DataRequest(payload=payload))
    return framed.SerializeToString()


def decode(frame: bytes) -> SwbusMessage:
    """The message in a frame. A ttl of 0 is no fault of the frame.

    Raises:
        BadFrame: cut off or no protobuf; no header, source, destination or body; a body that is not known here; version
            below 1.
    """
    framed = wire.SwbusMessage()
    try:
        framed.ParseFromString(frame)
    except DecodeError as error:
        raise BadFrame("cannot be parsed") from error
    if not framed.HasField("header"):
        raise BadFrame("no header")
    header = framed.header
    if header.version < VERSION:
        raise BadFrame(f"version {header.version}")
    for name in ("source", "destination"):
        if not header.HasField(name):
            raise BadFrame(f"no {name}")
    return SwbusMessage(
        Header(
            version=header.version,
            id=header.id,
            flag=header.flag,
            ttl=header.ttl,
            source=_path_in(header.source),
            destination=_path_in(header.destination),
        ),
        _body_in(framed),
    )


def _body_in(framed: wire.SwbusMessage) -> Body:
    match framed.WhichOneof("body"):
        case "response":
            return _response_in(framed.response)
        case "route_announcement":
            return RouteAnnouncement(_entries_in(framed.route_announcement))
        case "ping_request":
            return Ping()
        case "trace_route_request":
            return TraceRoute()
        case "management_request":
            asked = framed.management_request
            arguments = tuple((argument.name, argument.value) for argument in asked.arguments)
            return ManagementRequest(_known(ManagementRequestType, asked.request), arguments)
        case "data_request":
            return DataRequest(framed.data_request.payload)
    raise BadFrame("no body, or one that is not known here")


def _response_in(response: wire.RequestResponse) -> Response:
    kind = response.WhichOneof("response_body")
    code = _known(ErrorCode, response.error_code)
    return Response(
        response.request_id,
        code if isinstance(code, ErrorCode) else ErrorCode.UNKNOWN_ERROR,
        response.error_message,
        _entries_in(response.route_entries) if kind == "route_entries" else None,
        response.management_query_result.value if kind == "management_query_result" else None,
    )


def _response_out(response: Response) -> wire.RequestResponse:
    framed = wire.RequestResponse(request_id=response.request_id, error_message=response.error_message)
    framed.error_code = int(response.error_code)  # type: ignore[assignment]
    if response.route_entries is not None:
        framed.route_entries.CopyFrom(_entries_out(response.route_entries))
    if response.query_result is not None:
        framed.management_query_result.CopyFrom(wire.ManagementQueryResult(value=response.query_result))
    return framed


def _entries_in(framed: wire.RouteEntries) -> tuple[RouteEntry, ...]:
    return tuple(
        RouteEntry(
            service_path=_path_in(entry.service_path),
            nh_id=entry.nh_id,
            nh_service_path=_path_in(entry.nh_service_path) if entry.HasField("nh_service_path") else None,
            route_scope=_known(RouteScope, entry.route_scope),
            hop_count=entry.hop_count,
        )
        for entry in framed.entries
    )


def _entries_out(entries: Iterable[RouteEntry]) -> wire.RouteEntries:
    framed = wire.RouteEntries()
    for entry in entries:
        added = framed.entries.add(
            service_path=_path_out(entry.service_path),
            nh_id=entry.nh_id,
            nh_service_path=None if entry.nh_service_path is None else _path_out(entry.nh_service_path),
            hop_count=entry.hop_count,
        )
        added.route_scope = entry.route_scope  # type: ignore[assignment]
    return framed


def _path_in(path: wire.ServicePath) -> ServicePath:
    return ServicePath(
        path.region_id,
        path.cluster_id,
        path.node_id,
        path.service_type,
        path.service_id,
        path.resource_type,
        path.resource_id,
    )


def _path_out(path: ServicePath) -> wire.ServicePath:
    return wire.ServicePath(
        region_id=path.region_id,
        cluster_id=path.cluster_id,
        node_id=path.node_id,
        service_type=path.service_type,
        service_id=path.service_id,
        resource_type=path.resource_type,
        resource_id=path.resource_id,
    )


def _known(enumeration: type[MemberT], number: int) -> MemberT | int:
    """The member that a number stands for; the number itself where there is none."""
    try:
        return enumeration(number)
    except ValueError:
        return number
