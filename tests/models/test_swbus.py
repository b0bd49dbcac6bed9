"""Frames of the bus: every vector, and what holds for any message and any bytes. Source: bus 3."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.protobuf import swbus_pb2 as wire
from models.service_path import RouteScope, ServicePath
from models.swbus import (
    BadFrame,
    ConnectionType,
    DataRequest,
    ErrorCode,
    Header,
    ManagementRequest,
    ManagementRequestType,
    Ping,
    Response,
    RouteAnnouncement,
    RouteEntry,
    SwbusMessage,
    TraceRoute,
    answer,
    decode,
    encode,
)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "swbus.json").read_text())
MESSAGES = {vector["name"]: vector for vector in VECTORS["messages"]}
INVALID = {vector["name"]: vector for vector in VECTORS["invalid"]}

by_name = pytest.mark.parametrize("name", MESSAGES)


def described(message: SwbusMessage) -> dict[str, Any]:
    """A message in the words of the vectors."""
    header = message.header
    return {
        "header": {
            "version": header.version,
            "id": header.id,
            "flag": header.flag,
            "ttl": header.ttl,
            "source": header.source.longest,
            "destination": header.destination.longest,
        },
        "body": described_body(message),
    }


def described_body(message: SwbusMessage) -> dict[str, Any]:
    match message.body:
        case Ping():
            return {"kind": "ping_request"}
        case TraceRoute():
            return {"kind": "trace_route_request"}
        case RouteAnnouncement(entries):
            return {"kind": "route_announcement", "entries": [described_entry(entry) for entry in entries]}
        case ManagementRequest(request, arguments):
            listed = [{"name": name, "value": value} for name, value in arguments]
            return {"kind": "management_request", "request": request, "arguments": listed}
        case DataRequest(payload):
            return {"kind": "data_request", "payload_utf8": payload.decode(), "payload_json": json.loads(payload)}
        case Response(request_id, error_code, error_message, route_entries, query_result):
            body = {
                "kind": "response",
                "request_id": request_id,
                "error_code": error_code,
                "error_message": error_message,
            }
            if route_entries is not None:
                body["route_entries"] = [described_entry(entry) for entry in route_entries]
            if query_result is not None:
                body["management_query_result"] = query_result
            return body


def described_entry(entry: RouteEntry) -> dict[str, Any]:
    return {
        "service_path": entry.service_path.longest,
        "nh_id": entry.nh_id,
        "nh_service_path": None if entry.nh_service_path is None else entry.nh_service_path.longest,
        "route_scope": entry.route_scope,
        "hop_count": entry.hop_count,
    }


@by_name
def test_a_frame_says_what_its_vector_says(name: str) -> None:
    vector = MESSAGES[name]
    frame = bytes.fromhex(vector["hex"])
    assert len(frame) == vector["length"]
    assert described(decode(frame)) == vector["decoded"]


@by_name
def test_a_message_is_written_byte_for_byte(name: str) -> None:
    frame = bytes.fromhex(MESSAGES[name]["hex"])
    assert encode(decode(frame)) == frame


NOT_A_MESSAGE = {
    "no_header": "no header",
    "version_zero": "version 0",
    "no_source": "no source",
    "no_destination": "no destination",
    "no_body": "no body",
    "unknown_body": "no body, or one that is not known",
    "truncated": "cannot be parsed",
}


@pytest.mark.parametrize(("name", "why"), NOT_A_MESSAGE.items())
def test_a_bad_frame_is_one_clear_error(name: str, why: str) -> None:
    with pytest.raises(BadFrame, match=why):
        decode(bytes.fromhex(INVALID[name]["hex"]))


@pytest.mark.parametrize("name", sorted(INVALID.keys() - NOT_A_MESSAGE.keys()))
def test_what_is_invalid_for_other_reasons_is_a_message(name: str) -> None:
    frame = bytes.fromhex(INVALID[name]["hex"])
    assert encode(decode(frame)) == frame


def test_a_ttl_of_zero_is_read() -> None:
    assert decode(bytes.fromhex(INVALID["ttl_zero"]["hex"])).header.ttl == 0


def test_a_later_version_and_fields_that_are_not_known_are_accepted() -> None:
    message = decode(bytes.fromhex(MESSAGES["data_vote_request"]["hex"]))
    framed = wire.SwbusMessage.FromString(encode(message))
    framed.header.version = 7
    # Field 3000, a text.
    frame = framed.SerializeToString() + bytes.fromhex("c2bb0100")
    assert decode(frame).body == message.body


def test_an_error_code_that_is_not_known_is_an_unknown_error() -> None:
    framed = wire.SwbusMessage.FromString(bytes.fromhex(MESSAGES["ping_response_as_received"]["hex"]))
    framed.response.error_code = 777  # type: ignore[assignment]
    body = decode(framed.SerializeToString()).body
    assert isinstance(body, Response)
    assert body.error_code is ErrorCode.UNKNOWN_ERROR


@pytest.mark.parametrize(("names", "members"), [(wire.ErrorCode, ErrorCode), (wire.RouteScope, RouteScope)])
def test_the_enumerations_have_the_numbers_of_the_declaration(names: Any, members: Any) -> None:
    assert sorted(names.values()) == sorted(members)


def test_an_answer_goes_back_with_the_id_of_the_request_and_a_fresh_ttl() -> None:
    request = decode(bytes.fromhex(MESSAGES["ping_request_on_peer_link"]["hex"]))
    reply = answer(request, 1753200000000000500, ErrorCode.OK)
    assert reply.header.ttl == 64
    on_the_link = MESSAGES["ping_response_on_peer_link"]["decoded"]
    assert described(reply) == on_the_link | {"header": on_the_link["header"] | {"ttl": 64}}


def test_the_words_of_the_metadata() -> None:
    assert ConnectionType.IN_CLUSTER.metadata_word == "CONNECTION_TYPE_IN_CLUSTER"
    assert [ConnectionType.from_metadata(member.metadata_word) for member in ConnectionType] == list(ConnectionType)
    assert ConnectionType.from_metadata("InCluster") is None
    assert ConnectionType.from_metadata("2") is None


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS["metadata"] if "route_key" in v], ids=lambda vector: str(vector["name"])
)
def test_metadata_says_which_route_a_link_is(vector: dict[str, Any]) -> None:
    kind = ConnectionType.from_metadata(vector["request"]["x-swbus-connection-type"])
    assert kind is not None
    assert kind.route_key(ServicePath.parse(vector["request"]["x-swbus-service-path"])) == vector["route_key"]


words = st.text(st.characters(codec="utf-8"), max_size=12)
uint32, uint64, int32 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.integers(-(2**31), 2**31 - 1)
paths = st.builds(ServicePath, words, words, words, words, words, words, words)
entries = st.lists(
    st.builds(
        RouteEntry,
        service_path=paths,
        nh_id=words,
        nh_service_path=st.none() | paths,
        route_scope=int32 | st.sampled_from(RouteScope),
        hop_count=uint32,
    ),
    max_size=3,
).map(tuple)
responses = (
    st.builds(Response, uint64, st.sampled_from(ErrorCode), words)
    | st.builds(Response, uint64, st.sampled_from(ErrorCode), words, route_entries=entries)
    | st.builds(Response, uint64, st.sampled_from(ErrorCode), words, query_result=words)
)
requests = (
    st.builds(RouteAnnouncement, entries)
    | st.just(Ping())
    | st.just(TraceRoute())
    | st.builds(
        ManagementRequest,
        int32 | st.sampled_from(ManagementRequestType),
        st.lists(st.tuples(words, words), max_size=3).map(tuple),
    )
    | st.builds(DataRequest, st.binary(max_size=40))
)
messages = st.builds(
    SwbusMessage,
    st.builds(
        Header,
        id=uint64,
        source=paths,
        destination=paths,
        ttl=uint32,
        version=st.integers(1, 2**32 - 1),
        flag=uint32,
    ),
    responses | requests,
)


@given(messages)
def test_what_is_written_is_read_back(message: SwbusMessage) -> None:
    assert decode(encode(message)) == message


@given(messages, st.data())
def test_a_frame_that_is_damaged_is_a_message_or_bad(message: SwbusMessage, data: st.DataObject) -> None:
    frame = bytearray(encode(message))
    frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(frame[: data.draw(st.integers(0, len(frame)))]))
    except BadFrame as error:
        assert str(error)


@given(st.binary(max_size=60))
@example(b"")
@example(b"\xff" * 40)
def test_any_bytes_are_a_message_or_bad(frame: bytes) -> None:
    try:
        decode(frame)
    except BadFrame as error:
        assert str(error)


@pytest.mark.parametrize("bad", [{"id": 2**64}, {"id": -1}, {"ttl": 2**32}, {"source": ServicePath("\ud800")}])
def test_what_cannot_be_written_is_a_value_error(bad: dict[str, Any]) -> None:
    header: dict[str, Any] = {"id": 1, "source": ServicePath("r"), "destination": ServicePath("r")} | bad
    with pytest.raises(ValueError):
        encode(SwbusMessage(Header(**header), Ping()))
