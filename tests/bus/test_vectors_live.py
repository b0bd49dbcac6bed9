"""Every vector of a message is said to a live node, byte by byte, and what comes back is what the vectors say.

Ids of answers and the ttl of a message before its first link are the sender's own; everything else is compared.
Source: bus 3, 5, 7 and swbus.json.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve

from models.service_path import ServicePath, hamgrd_base
from models.swbus import (
    ConnectionType,
    DataRequest,
    ErrorCode,
    ManagementRequest,
    Ping,
    Response,
    SwbusMessage,
    TraceRoute,
    decode,
    encode,
)
from runner.bus.links.dialler import Dialler
from runner.outputs import Neighbour, Verdict
from tests.bus.conftest import eventually
from tests.bus.daemons import Daemon, Start
from tests.bus.raw_peer import RawPeer, command_line_client, dial
from tests.models.test_swbus import described

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "swbus.json").read_text())
FRAMES = {vector["name"]: bytes.fromhex(vector["hex"]) for vector in VECTORS["messages"]}
SAID = {name: decode(frame) for name, frame in FRAMES.items()}
INVALID = {vector["name"]: bytes.fromhex(vector["hex"]) for vector in VECTORS["invalid"]}

A, B = (ServicePath.parse(f"region-a.cluster-a.switch{number}-dpu0") for number in (1, 2))
CLIENT = ServicePath.parse(f"{A}/swbus-cli/7b1d4a52-6f0e-4b7e-9d0a-2f1c3e5a7b90")

FOR_B = sorted(
    name
    for name, said in SAID.items()
    if isinstance(said.body, DataRequest) and said.header.source.node == A and said.header.destination.node == B
)
FOR_A = sorted(
    name
    for name, said in SAID.items()
    if isinstance(said.body, DataRequest) and said.header.source.node == B and said.header.destination.node == A
)
IN_PROCESS = sorted(
    name
    for name, said in SAID.items()
    if isinstance(said.body, DataRequest) and said.header.source.node == said.header.destination.node
)
ANNOUNCEMENTS = ["route_announcement_empty", "route_announcement_simple", "route_announcement_transit"]
BY_NAME = {
    "ping_request_as_sent",
    "ping_request_on_peer_link",
    "ping_response_on_peer_link",
    "ping_response_as_received",
    "traceroute_request",
    "no_route_from_node",
    "no_route_from_hamgrd_sink",
    "no_route_for_missing_service",
    "ttl_expired",
    "mgmt_resolve_peer_sp",
    "mgmt_resolve_peer_sp_ok",
    "mgmt_resolve_peer_sp_unknown",
    "mgmt_get_routes",
    "mgmt_get_routes_ok",
    "mgmt_get_actor_state",
    "data_vote_request_ack",
    "data_request_nak_invalid_payload",
}


@define
class Around:
    """A live node, its client, and its peer's node, which the test speaks for."""

    node: Daemon
    client: RawPeer
    peer: RawPeer


@asynccontextmanager
async def around(start: Start, own: ServicePath, other: ServicePath) -> AsyncIterator[Around]:
    """The node of one of the two, which believes that the other one listens where the vectors say."""
    number, theirs = (1, 2) if own == A else (2, 1)
    vdpu = f"vdpu{number - 1}-0:haset0-0"
    node = Daemon(number, cluster="region-a.cluster-a", entities={f"ha-scope/{vdpu}", "ha-set/haset0-0"})
    await start(node)
    node.meet(Neighbour(f"dpu{theirs}_0", 0, ("10.0.0.2",), 23606))
    async with AsyncExitStack() as stack:
        await eventually(lambda: node.bus.endpoint)
        peer = await stack.enter_async_context(dial(node.port, ConnectionType.IN_CLUSTER, other))
        client = await stack.enter_async_context(command_line_client(node.port, own))
        yield Around(node, client, peer)


@pytest.fixture(autouse=True)
def _nobody_dials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of the vectors is somebody else's, who is not to be bothered by a test."""
    monkeypatch.setattr(Dialler, "start", lambda dialler: None)


@pytest.fixture
async def at_a(start: Start) -> AsyncIterator[Around]:
    """Node A."""
    async with around(start, A, B) as each:
        yield each


@pytest.fixture
async def at_b(start: Start) -> AsyncIterator[Around]:
    """Node B."""
    async with around(start, B, A) as each:
        yield each


def words(message: SwbusMessage, **changes: Any) -> dict[str, Any]:
    """A message in the words of the vectors, without its id, and changed where a vector stands for something else."""
    return described(evolve(message, header=evolve(message.header, id=0, **changes)))


async def first(peer: RawPeer, kind: type[Any], request: int | None = None) -> SwbusMessage:
    """The first message of a kind that it hears, or the answer to a request."""
    found: list[SwbusMessage] = []

    def heard() -> bool:
        found[:] = [
            said
            for said in peer.heard
            if isinstance(said.body, kind)
            and (request is None or (isinstance(said.body, Response) and said.body.request_id == request))
        ]
        return bool(found)

    await peer.until(heard)
    return found[0]


def test_every_vector_is_said_here() -> None:
    assert BY_NAME | {*FOR_A, *FOR_B, *IN_PROCESS, *ANNOUNCEMENTS} == SAID.keys()
    assert len(SAID) == 43


async def test_a_ping_of_a_client_goes_to_the_peer_and_its_answer_comes_back(at_a: Around) -> None:
    await at_a.client.send(FRAMES["ping_request_as_sent"])
    expected = SAID["ping_request_on_peer_link"]
    await at_a.peer.until(lambda: [said for said in at_a.peer.heard if said.header.source == expected.header.source])
    [carried] = [said for said in at_a.peer.heard if said.header.source == expected.header.source]
    assert described(carried) == described(expected)
    await at_a.peer.send(FRAMES["ping_response_on_peer_link"])
    assert described(await first(at_a.client, Response)) == described(SAID["ping_response_as_received"])


async def test_the_peer_answers_the_ping(at_b: Around) -> None:
    await at_b.peer.send(FRAMES["ping_request_on_peer_link"])
    answered = await first(at_b.peer, Response, SAID["ping_request_on_peer_link"].header.id)
    assert words(answered) == words(SAID["ping_response_on_peer_link"])


async def test_a_trace_is_answered_and_passed_on(at_a: Around) -> None:
    await at_a.client.send(FRAMES["traceroute_request"])
    carried = await first(at_a.peer, TraceRoute)
    assert described(carried) == described(
        evolve(SAID["traceroute_request"], header=evolve(SAID["traceroute_request"].header, ttl=9))
    )
    answered = await first(at_a.client, Response, SAID["traceroute_request"].header.id)
    assert isinstance(answered.body, Response)
    assert (answered.header.source, answered.body.error_code) == (A, ErrorCode.OK)


async def test_there_is_no_way_to_an_unknown_node(at_a: Around) -> None:
    expected = SAID["no_route_from_node"]
    assert isinstance(expected.body, Response)
    number = expected.body.request_id
    await at_a.client.say(Ping(), ServicePath.parse("region-a.cluster-a.nosuch"), number=number)
    assert words(await first(at_a.client, Response, number)) == words(expected)


async def test_a_service_that_is_not_there_is_answered_for_in_its_name(at_a: Around) -> None:
    """In a node of ours hamgrd is always there; of any other service the same is said."""
    expected = SAID["no_route_for_missing_service"]
    assert isinstance(expected.body, Response)
    missing, number = ServicePath.parse(f"{A}/nosuch/0"), expected.body.request_id
    await at_a.client.say(DataRequest(b"{}"), missing, number=number)
    answered = await first(at_a.client, Response, number)
    assert words(answered) == words(expected, source=missing, destination=at_a.client.own)


async def test_an_actor_that_is_not_there_is_answered_for_by_hamgrd(at_b: Around) -> None:
    expected = SAID["no_route_from_hamgrd_sink"]
    assert isinstance(expected.body, Response)
    number, source = expected.body.request_id, expected.header.destination
    await at_b.peer.say(Ping(), hamgrd_base(B).entity("ha-scope/nosuch:haset0-0"), source=source, number=number)
    answered = await first(at_b.peer, Response, number)
    assert words(answered) == words(expected, ttl=63)


async def test_a_ttl_that_has_run_out_is_told(at_a: Around) -> None:
    expected = SAID["ttl_expired"]
    assert isinstance(expected.body, Response)
    number = expected.body.request_id
    await at_a.client.say(Ping(), B, number=number, ttl=1)
    assert words(await first(at_a.client, Response, number)) == words(expected)


@pytest.mark.parametrize("name", ["mgmt_resolve_peer_sp_ok", "mgmt_resolve_peer_sp_unknown"])
async def test_an_endpoint_is_resolved(at_a: Around, name: str) -> None:
    """The vectors were asked by a hamgrd; ours needs no node to ask, so here a client does."""
    asked = SAID["mgmt_resolve_peer_sp"]
    if name.endswith("unknown"):
        await at_a.peer.end()
        await eventually(lambda: at_a.node.bus.counts["links_down"])
    await at_a.client.send(encode(evolve(asked, header=evolve(asked.header, source=at_a.client.own))))
    answered = await first(at_a.client, Response, asked.header.id)
    assert words(answered) == words(SAID[name], destination=at_a.client.own)


async def test_routes_are_shown_as_the_vectors_show_them(at_a: Around) -> None:
    """Where the vector shows the local hamgrd as well, ours has no link to show."""
    await at_a.client.send(FRAMES["mgmt_get_routes"])
    answered = words(await first(at_a.client, Response, SAID["mgmt_get_routes"].header.id))
    expected = words(SAID["mgmt_get_routes_ok"])
    [accepted] = [
        entry
        for entry in expected["body"]["route_entries"]
        if entry["nh_id"].startswith("swbs-from://") and entry["service_path"] == str(B)
    ]
    [shown] = answered["body"].pop("route_entries")
    expected["body"].pop("route_entries")
    assert answered == expected
    assert shown.pop("nh_id").startswith("swbs-from://127.0.0.1:")
    accepted.pop("nh_id")
    assert shown == accepted


async def test_the_state_of_an_actor_is_shown(at_a: Around) -> None:
    await at_a.client.send(FRAMES["mgmt_get_actor_state"])
    answered = await first(at_a.client, Response, SAID["mgmt_get_actor_state"].header.id)
    assert isinstance(answered.body, Response)
    assert answered.header.source == SAID["mgmt_get_actor_state"].header.destination
    assert set(json.loads(answered.body.query_result or "")) == {"incoming", "internal", "outgoing"}


@pytest.mark.parametrize("name", FOR_B)
async def test_data_for_b_is_handed_over_and_acknowledged(at_b: Around, name: str) -> None:
    await data_is_handed_over_and_acknowledged(at_b, name)


@pytest.mark.parametrize("name", FOR_A)
async def test_data_for_a_is_handed_over_and_acknowledged(at_a: Around, name: str) -> None:
    await data_is_handed_over_and_acknowledged(at_a, name)


async def data_is_handed_over_and_acknowledged(at: Around, name: str) -> None:
    """Once, however often it is said."""
    said = SAID[name]
    assert isinstance(said.body, DataRequest)
    await at.peer.send(FRAMES[name])
    answered = await first(at.peer, Response, said.header.id)
    source, destination = said.header.destination, said.header.source
    expected = evolve(SAID["data_vote_request_ack"], body=Response(said.header.id, ErrorCode.OK))
    assert words(answered) == words(expected, source=source, destination=destination, ttl=63)
    await at.peer.send(FRAMES[name])
    await at.peer.answers(said.header.id, 2)
    assert [(heard.source, heard.to, heard.payload) for heard in at.node.heard] == [
        (said.header.source.resource, said.header.destination.resource, said.body.payload.decode())
    ]


async def test_what_the_node_cannot_read_is_rejected(at_b: Around) -> None:
    at_b.node.verdict = Verdict.UNREADABLE
    await at_b.peer.send(FRAMES["data_vote_request"])
    answered = await first(at_b.peer, Response, SAID["data_vote_request"].header.id)
    assert words(answered) == words(SAID["data_request_nak_invalid_payload"], ttl=63)


@pytest.mark.parametrize("name", IN_PROCESS)
async def test_what_never_leaves_a_process_is_not_taken_from_outside(at_a: Around, name: str) -> None:
    for outsider in (at_a.peer, at_a.client):
        await outsider.send(FRAMES[name])
        await outsider.ask(Ping(), A)
        assert outsider.answered(SAID[name].header.id) == []
    assert at_a.node.heard == []


@pytest.mark.parametrize("name", ANNOUNCEMENTS)
async def test_an_announcement_is_not_answered_and_changes_nothing(at_b: Around, name: str) -> None:
    await at_b.peer.send(FRAMES[name])
    _, response = await at_b.peer.ask(ManagementRequest(0), B)
    assert response.route_entries is not None
    assert [entry.service_path for entry in response.route_entries] == [A]
    assert at_b.peer.answered(SAID[name].header.id) == []


@pytest.mark.parametrize("name", INVALID)
async def test_what_is_invalid_costs_only_itself(at_b: Around, name: str) -> None:
    payloads = {"bad_json", "empty_payload", "vote_request_bad_fields"}
    await at_b.peer.send(INVALID[name])
    await at_b.peer.ask(Ping(), B)
    if name in payloads:
        answered = await first(at_b.peer, Response, decode(INVALID[name]).header.id)
        assert isinstance(answered.body, Response)
        assert answered.body.error_code is ErrorCode.INVALID_PAYLOAD
    elif name == "ttl_zero":
        # For an actor of this very node, which it has reached.
        answered = await first(at_b.peer, Response, decode(INVALID[name]).header.id)
        assert isinstance(answered.body, Response)
        assert answered.body.error_code is ErrorCode.OK
    else:
        assert at_b.node.bus.counts["frame that cannot be read"] == 1
    assert at_b.node.heard == []


async def test_a_ttl_of_zero_is_not_carried_on(at_a: Around) -> None:
    """From 0 it must not become 2^32 - 1 (weakness 19)."""
    zero = decode(INVALID["ttl_zero"])
    await at_a.client.send(encode(evolve(zero, header=evolve(zero.header, source=at_a.client.own))))
    answered = await first(at_a.client, Response, zero.header.id)
    assert isinstance(answered.body, Response)
    assert answered.body.error_code is ErrorCode.UNREACHABLE
    await at_a.client.ask(Ping(), A)
    assert not [said for said in at_a.peer.heard if said.header.id == zero.header.id]
