"""What a node does with a message: every vector, and each line of the forwarding rule. Source: bus 3.2, 3.3, 4.3, 8."""

import json
from collections.abc import Sequence
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field
from hypothesis import given
from hypothesis import strategies as st

from models.service_path import RouteScope, ServicePath, hamgrd_base
from models.swbus import (
    Body,
    ConnectionType,
    DataRequest,
    ErrorCode,
    Header,
    ManagementRequest,
    Ping,
    Response,
    RouteAnnouncement,
    RouteEntry,
    SwbusMessage,
    TraceRoute,
    decode,
)
from runner.bus.forwarding import (
    Answer,
    Decision,
    DeliverHere,
    Drop,
    DropReason,
    Endpoint,
    Forward,
    Forwarding,
    NextHop,
    endpoint_of,
    ttl_after,
)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "swbus.json").read_text())
FORWARDING = {vector["name"]: vector for vector in VECTORS["forwarding"]}
MESSAGES = {vector["name"]: bytes.fromhex(vector["hex"]) for vector in VECTORS["messages"]}

OWN, PEER, THIRD = (ServicePath("region-a", "cluster-a", f"switch{n}-dpu0") for n in (1, 2, 3))
CLIENT = evolve(OWN, service_type="swbus-cli", service_id="7b1d", resource_type="ping", resource_id="0")
PEER_SCOPE = hamgrd_base(PEER).with_resource("ha-scope", "vdpu1-0:haset0-0")
OWN_SCOPE = hamgrd_base(OWN).with_resource("ha-scope", "vdpu0-0:haset0-0")

BODIES: dict[str, Body] = {
    "ping_request": Ping(),
    "trace_route_request": TraceRoute(),
    "data_request": DataRequest(b"{}"),
    "route_announcement": RouteAnnouncement(),
    "response": Response(7, ErrorCode.OK),
}


@define
class KnownLinks:
    """Links as a test wants them; ids of links are those of the reference daemon."""

    ways: dict[str, list[NextHop]] = field(factory=dict)
    entries: list[RouteEntry] = field(factory=list)
    nodes: dict[Endpoint, ServicePath] = field(factory=dict)

    def next_hops(self, key: str) -> Sequence[NextHop]:
        return self.ways.get(key, [])

    def route_entries(self) -> Sequence[RouteEntry]:
        return self.entries

    def node_at(self, endpoint: Endpoint) -> ServicePath | None:
        return self.nodes.get(endpoint)


def links(peer_hops: int = 1) -> KnownLinks:
    return KnownLinks(
        {
            PEER.node_key: [
                NextHop("swbs-to://10.0.0.2:23606", peer_hops),
                NextHop("swbs-from://10.0.0.2:43806", peer_hops),
            ],
            CLIENT.service_key: [NextHop("swbs-from://10.0.0.1:50000")],
        },
        nodes={(ip_address("10.0.0.2"), 23606): PEER},
    )


PEER_LINKS = ("swbs-from://10.0.0.2:43806", "swbs-to://10.0.0.2:23606")
CLIENT_LINKS = ("swbs-from://10.0.0.1:50000",)


def node(known: KnownLinks | None = None) -> Forwarding:
    ids = count(1000)
    return Forwarding(OWN, links() if known is None else known, lambda _: next(ids))


def message(body: Body, destination: ServicePath, source: ServicePath = CLIENT, ttl: int = 64) -> SwbusMessage:
    return SwbusMessage(Header(id=7, source=source, destination=destination, ttl=ttl), body)


def decided(sent: SwbusMessage, over: ConnectionType = ConnectionType.CLIENT) -> list[Decision]:
    return node().arrived(sent, over)


def response_of(decision: Decision) -> tuple[ErrorCode, str, ServicePath]:
    """Code, words and speaker of an answer, which goes to who asked and by nothing else."""
    assert isinstance(decision, Answer)
    body = decision.message.body
    assert isinstance(body, Response)
    assert body.request_id == 7
    assert decision.message.header.ttl == 63
    return body.error_code, body.error_message, decision.message.header.source


PLACES = {
    "own node path": OWN,
    "own node path + /nosuch/0": ServicePath.parse(OWN.longest + "/nosuch/0"),
    "other node": PEER,
}


@pytest.mark.parametrize("name", FORWARDING)
def test_vector(name: str) -> None:
    given_, expected = FORWARDING[name]["given"], FORWARDING[name]["expect"]
    destination = PLACES.get(given_.get("destination", "other node")) or ServicePath.parse(given_["destination"])
    sent = message(BODIES[given_.get("body", "data_request")], destination, ttl=given_.get("ttl_in", 64))
    decisions = node(links(given_.get("next_hop_count", 1))).arrived(sent, ConnectionType.CLIENT)

    match expected["action"]:
        case "drop":
            assert [type(decision) for decision in decisions] == [Drop]
        case "forward":
            assert decisions == [
                Forward(PEER_LINKS, evolve(sent, header=evolve(sent.header, ttl=expected["ttl_out"]))),
            ]
        case "answer" | "answer and forward" as action:
            source = OWN if expected["source"] == "own node path" else destination
            code, _, speaker = response_of(decisions[0])
            assert (code, speaker) == (expected["error_code"], source)
            forwarded = [type(decision) for decision in decisions[1:]]
            assert forwarded == ([Forward] if action == "answer and forward" else [])


def test_a_ttl_of_zero_that_must_be_passed_on_has_expired() -> None:
    frame = bytes.fromhex(next(v["hex"] for v in VECTORS["invalid"] if v["name"] == "ttl_zero"))
    [decision] = decided(evolve(decode(frame), header=evolve(decode(frame).header, id=7, source=CLIENT)))
    assert response_of(decision) == (ErrorCode.UNREACHABLE, "TTL expired", OWN)


def test_a_ttl_of_zero_does_not_matter_at_the_goal() -> None:
    assert response_of(decided(message(Ping(), OWN, ttl=0))[0])[0] is ErrorCode.OK


@pytest.mark.parametrize(("ttl", "hops", "after"), [(64, 1, 63), (2, 1, 1), (1, 1, None), (0, 1, None), (3, 3, None)])
def test_what_is_left_of_a_ttl(ttl: int, hops: int, after: int | None) -> None:
    assert ttl_after(ttl, hops) == after


def test_a_link_that_is_too_long_for_the_ttl_is_left_out() -> None:
    known = links()
    known.ways[PEER.node_key].append(NextHop("swbs-to://10.0.0.3:23606", 2))
    assert [f.link_ids for f in node(known).arrived(message(Ping(), PEER, ttl=2), ConnectionType.CLIENT)] == [  # type: ignore[union-attr]
        PEER_LINKS
    ]
    [decision] = node(known).arrived(message(Ping(), PEER, ttl=3), ConnectionType.CLIENT)
    assert isinstance(decision, Forward)
    assert decision.link_ids == (*PEER_LINKS, "swbs-to://10.0.0.3:23606")


def test_a_service_is_known_better_than_its_node() -> None:
    known = links()
    remote_service = ServicePath.parse(PEER.longest + "/other/0")
    known.ways[remote_service.service_key] = [NextHop("near")]
    [decision] = node(known).arrived(message(Ping(), remote_service), ConnectionType.CLIENT)
    assert isinstance(decision, Forward)
    assert decision.link_ids == ("near",)


def test_a_service_of_this_node_is_not_looked_for_elsewhere() -> None:
    known = links()
    known.ways[OWN.node_key] = known.ways[OWN.cluster_key] = [NextHop("swbs-to://10.0.0.3:23606")]
    nosuch = PLACES["own node path + /nosuch/0"]
    [decision] = node(known).arrived(message(Ping(), nosuch), ConnectionType.CLIENT)
    assert response_of(decision) == (ErrorCode.NO_ROUTE, "Route not found", nosuch)


def test_a_message_for_hamgrd_is_delivered_as_it_came() -> None:
    sent = message(DataRequest(b"{}"), OWN_SCOPE, source=PEER_SCOPE, ttl=1)
    assert decided(sent, ConnectionType.IN_CLUSTER) == [DeliverHere(sent)]


def test_another_service_of_this_node_gets_its_message_over_its_link() -> None:
    sent = message(Response(7, ErrorCode.OK), CLIENT, source=PEER, ttl=63)
    [decision] = decided(sent, ConnectionType.IN_CLUSTER)
    assert decision == Forward(CLIENT_LINKS, evolve(sent, header=evolve(sent.header, ttl=62)))


def test_what_hamgrd_says_goes_to_the_node_of_the_peer() -> None:
    sent = message(DataRequest(b"{}"), PEER_SCOPE, source=OWN_SCOPE)
    [decision] = decided(sent, ConnectionType.IN_NODE)
    assert isinstance(decision, Forward)
    assert decision.link_ids == PEER_LINKS


def test_hamgrd_is_told_by_its_own_node_that_there_is_no_way() -> None:
    [decision] = decided(message(DataRequest(b"{}"), THIRD, source=OWN_SCOPE), ConnectionType.IN_NODE)
    assert isinstance(decision, DeliverHere)
    assert decision.message.header.destination == OWN_SCOPE
    assert isinstance(decision.message.body, Response)
    assert decision.message.body.error_code is ErrorCode.NO_ROUTE


def test_trace_route_to_an_entity_is_answered_by_the_node_and_goes_on() -> None:
    sent = message(TraceRoute(), OWN_SCOPE)
    answered, delivered = decided(sent)
    assert response_of(answered) == (ErrorCode.OK, "", OWN)
    assert delivered == DeliverHere(sent)


@pytest.mark.parametrize("over", [ConnectionType.IN_CLUSTER, ConnectionType.IN_REGION, ConnectionType.GLOBAL])
def test_nothing_is_passed_from_node_to_node(over: ConnectionType) -> None:
    known = links()
    known.ways[THIRD.node_key] = [NextHop("swbs-to://10.0.0.3:23606")]
    away = hamgrd_base(THIRD)
    sender = hamgrd_base(PEER)
    [decision] = node(known).arrived(message(DataRequest(b""), away, source=sender), over)
    assert response_of(decision) == (ErrorCode.NO_ROUTE, "Route not found", OWN)
    [dropped] = node(known).arrived(message(Response(1, ErrorCode.OK), away, source=sender), over)
    assert isinstance(dropped, Drop)


@given(
    st.sampled_from(
        [OWN, PEER, THIRD, CLIENT, OWN_SCOPE, PEER_SCOPE, ServicePath(), PLACES["own node path + /nosuch/0"]]
    ),
    st.sampled_from([PEER, CLIENT, PEER_SCOPE, OWN_SCOPE, THIRD]),
    st.integers(0, 2**32 - 1) | st.integers(0, 3),
    st.sampled_from(ErrorCode),
    st.sampled_from(ConnectionType),
)
def test_a_response_is_never_answered(
    destination: ServicePath, source: ServicePath, ttl: int, code: ErrorCode, over: ConnectionType
) -> None:
    sent = message(Response(3, code), destination, source, ttl)
    decisions = [*decided(sent, over), node().refused(sent)]
    for decision in decisions:
        assert not isinstance(decision, Answer)
        if isinstance(decision, Forward | DeliverHere):
            assert decision.message.body == sent.body
            assert decision.message.header.ttl <= ttl


def test_a_message_that_no_link_takes_has_no_route() -> None:
    assert response_of(node().refused(message(Ping(), PEER))) == (ErrorCode.NO_ROUTE, "Route not found", OWN)


def test_an_answer_without_a_way_back_is_dropped() -> None:
    [decision] = decided(message(Ping(), OWN, source=THIRD))
    assert isinstance(decision, Drop)
    assert decision.reason is DropReason.RESPONSE_NOT_CARRIED


def announcement(hop_count: int = 0, scope: int = RouteScope.IN_CLUSTER) -> SwbusMessage:
    entry = RouteEntry(service_path=PEER, route_scope=scope, hop_count=hop_count)
    return message(RouteAnnouncement((entry,)), OWN, source=PEER, ttl=1)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (announcement(), DropReason.ANNOUNCEMENT_IGNORED),
        (announcement(hop_count=64), DropReason.ANNOUNCEMENT_IGNORED),
        (announcement(hop_count=65), DropReason.ANNOUNCEMENT_INVALID),
        (announcement(hop_count=2**32 - 1), DropReason.ANNOUNCEMENT_INVALID),
        (announcement(scope=RouteScope.IN_NODE), DropReason.ANNOUNCEMENT_INVALID),
        (announcement(scope=5), DropReason.ANNOUNCEMENT_INVALID),
        (decode(MESSAGES["route_announcement_transit"]), DropReason.ANNOUNCEMENT_FOR_ANOTHER),
    ],
)
def test_an_announcement_is_checked_and_ignored(sent: SwbusMessage, reason: DropReason) -> None:
    [decision] = decided(sent, ConnectionType.IN_CLUSTER)
    assert isinstance(decision, Drop)
    assert decision.reason is reason


def test_the_table_of_routes() -> None:
    entry = RouteEntry(service_path=PEER, nh_id=PEER_LINKS[0], nh_service_path=PEER, route_scope=2, hop_count=1)
    known = links()
    known.entries.append(entry)
    [decision] = node(known).arrived(message(ManagementRequest(0), OWN), ConnectionType.CLIENT)
    assert response_of(decision) == (ErrorCode.OK, "", OWN)
    assert isinstance(decision, Answer)
    assert isinstance(decision.message.body, Response)
    assert decision.message.body.route_entries == (entry,)


def resolve(*arguments: tuple[str, str]) -> list[Decision]:
    return decided(message(ManagementRequest(2, arguments), OWN))


def test_an_endpoint_is_resolved_to_its_node() -> None:
    [decision] = resolve(("endpoint", "10.0.0.2:23606"))
    assert response_of(decision) == (ErrorCode.OK, "", OWN)
    assert isinstance(decision, Answer)
    assert isinstance(decision.message.body, Response)
    assert decision.message.body.query_result == PEER.longest


def test_an_unknown_endpoint_is_an_invalid_destination() -> None:
    [decision] = resolve(("endpoint", "10.0.0.9:23606"))
    assert response_of(decision) == (ErrorCode.INVALID_DESTINATION, "no link to 10.0.0.9:23606", OWN)


@pytest.mark.parametrize(
    "decisions",
    [
        resolve(),
        resolve(("address", "10.0.0.2:23606")),
        resolve(("endpoint", "")),
        resolve(("endpoint", "switch2:23606")),
        decided(message(ManagementRequest(1), OWN)),
        decided(message(ManagementRequest(99), OWN)),
    ],
)
def test_a_management_request_that_is_not_understood_is_not_answered(decisions: list[Decision]) -> None:
    [decision] = decisions
    assert isinstance(decision, Drop)
    assert decision.reason is DropReason.MANAGEMENT_NOT_UNDERSTOOD


def test_a_management_request_for_another_node_is_passed_on() -> None:
    [decision] = decided(message(ManagementRequest(0), PEER))
    assert isinstance(decision, Forward)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("10.0.0.2:23606", ("10.0.0.2", 23606)),
        ("[fc00::2]:1", ("fc00::2", 1)),
        ("fc00::2:23606", None),
        ("[10.0.0.2]:23606", None),
        ("10.0.0.2", None),
        ("10.0.0.2:", None),
        ("10.0.0.2:65536", None),
        ("10.0.0.2:-1", None),
        ("10.0.0.2:\u0661", None),
        (":23606", None),
        ("", None),
    ],
)
def test_reading_an_endpoint(text: str, endpoint: Any) -> None:
    assert endpoint_of(text) == (endpoint if endpoint is None else (ip_address(endpoint[0]), endpoint[1]))


@given(st.text(max_size=30))
def test_any_text_is_an_endpoint_or_none(text: str) -> None:
    endpoint_of(text)
