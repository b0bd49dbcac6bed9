"""swbus-cli at a node of ours: what it asks, of whom, and what it is shown.

Source: bus 2, 3.3, 5.6, 8 rows 16 and 23.
"""

import json
from collections.abc import AsyncIterator

import pytest
from attrs import define

from models.service_path import ServicePath, hamgrd_base
from models.swbus import ErrorCode, ManagementRequest, Ping, TraceRoute
from tests.bus.conftest import both_up, pair
from tests.bus.daemons import Daemon, Start
from tests.bus.raw_peer import RawPeer, command_line_client

A, B = (ServicePath.parse(f"west.c1.switch{number}-dpu0") for number in (0, 1))


@define
class AtA:
    """A client of the node of a, which has met b."""

    a: Daemon
    b: Daemon
    client: RawPeer


@pytest.fixture
async def at_a(start: Start) -> AsyncIterator[AtA]:
    """The two daemons and the client."""
    a, b = await pair(start)
    async with command_line_client(a.port, A) as client:
        yield AtA(a, b, client)


@pytest.mark.parametrize(
    "to",
    [
        A,
        B,
        hamgrd_base(A),
        hamgrd_base(B),
        hamgrd_base(A).entity("ha-scope/vdpu0_0:haset0_0"),
        hamgrd_base(B).entity("ha-scope/vdpu1_0:haset0_0"),
    ],
    ids=str,
)
async def test_whoever_is_there_answers_a_ping_in_its_own_name(at_a: AtA, to: ServicePath) -> None:
    source, response = await at_a.client.ask(Ping(), to)
    assert (source, response.error_code) == (to, ErrorCode.OK)


@pytest.mark.parametrize(
    "to,source",
    [
        (ServicePath.parse("west.c1.nosuch"), A),
        (ServicePath.parse("west.c1.nosuch/hamgrd/0"), A),
        (ServicePath.parse("east.c1.switch1-dpu0"), A),
        (ServicePath.parse(f"{A}/nosuch/0"), ServicePath.parse(f"{A}/nosuch/0")),
        (ServicePath.parse(f"{B}/nosuch/0"), ServicePath.parse(f"{B}/nosuch/0")),
        (hamgrd_base(A).entity("ha-scope/vdpu7_0:haset0_0"), hamgrd_base(A)),
        (hamgrd_base(B).entity("ha-scope/vdpu7_0:haset0_0"), hamgrd_base(B)),
        (hamgrd_base(B).entity("swss-common-bridge/APPL_DB|DASH_HA_SCOPE_CONFIG_TABLE"), hamgrd_base(B)),
    ],
    ids=str,
)
async def test_for_whoever_is_not_there_somebody_says_so(at_a: AtA, to: ServicePath, source: ServicePath) -> None:
    who, response = await at_a.client.ask(Ping(), to)
    assert (who, response.error_code, response.error_message) == (source, ErrorCode.NO_ROUTE, "Route not found")


@pytest.mark.parametrize(
    "to,hops",
    [
        (A, [A]),
        (B, [A, B]),
        (hamgrd_base(B), [A, B, hamgrd_base(B)]),
        (
            hamgrd_base(B).entity("ha-scope/vdpu1_0:haset0_0"),
            [A, B, hamgrd_base(B).entity("ha-scope/vdpu1_0:haset0_0")],
        ),
    ],
    ids=str,
)
async def test_every_hop_answers_a_trace(at_a: AtA, to: ServicePath, hops: list[ServicePath]) -> None:
    number = await at_a.client.say(TraceRoute(), to, ttl=10)
    answers = await at_a.client.answers(number, len(hops))
    assert [source for source, _ in answers] == hops
    assert {response.error_code for _, response in answers} == {ErrorCode.OK}


async def test_the_routes_are_the_links_to_other_nodes(at_a: AtA) -> None:
    _, response = await at_a.client.ask(ManagementRequest(0), A)
    assert response.error_code is ErrorCode.OK
    assert response.route_entries is not None
    assert {entry.service_path for entry in response.route_entries} == {B}
    assert {entry.nh_service_path for entry in response.route_entries} == {B}
    assert {entry.hop_count for entry in response.route_entries} == {1}
    shown = {entry.nh_id for entry in response.route_entries}
    assert {hop.partition("127")[0] for hop in shown} == {"swbs-to://", "swbs-from://"}
    assert f"swbs-to://127.0.0.1:{at_a.b.port}" in shown


async def test_an_endpoint_is_resolved_to_the_node_that_listens_there(at_a: AtA) -> None:
    asked = ManagementRequest(2, (("endpoint", f"127.0.0.1:{at_a.b.port}"),))
    _, response = await at_a.client.ask(asked, A)
    assert (response.error_code, response.query_result) == (ErrorCode.OK, str(B))


async def test_an_endpoint_in_brackets_is_resolved(start: Start) -> None:
    a, b = await start(Daemon(0, host="::1")), await start(Daemon(1, host="::1"))
    a.meet(b.neighbour())
    b.meet(a.neighbour())
    await both_up(a, b)
    async with command_line_client(a.port, A, host="::1") as client:
        _, response = await client.ask(ManagementRequest(2, (("endpoint", f"[::1]:{b.port}"),)), A)
        assert (response.error_code, response.query_result) == (ErrorCode.OK, str(B))
        _, response = await client.ask(ManagementRequest(0), A)
        assert response.route_entries is not None
        assert f"swbs-to://::1:{b.port}" in {entry.nh_id for entry in response.route_entries}


@pytest.mark.parametrize("endpoint", ["10.0.0.9:23606", "[fc00::9]:23606", "127.0.0.1:1"])
async def test_an_endpoint_that_nobody_has_is_a_bad_destination(at_a: AtA, endpoint: str) -> None:
    """Any code outside 201 to 298 would end the asker."""
    _, response = await at_a.client.ask(ManagementRequest(2, (("endpoint", endpoint),)), A)
    assert response.error_code is ErrorCode.INVALID_DESTINATION
    assert (await at_a.client.ask(Ping(), A))[1].error_code is ErrorCode.OK


@pytest.mark.parametrize(
    "request_",
    [
        ManagementRequest(2),
        ManagementRequest(2, (("endpoint", "nowhere"),)),
        ManagementRequest(1),
        ManagementRequest(9),
    ],
    ids=str,
)
async def test_what_a_node_does_not_understand_it_does_not_answer(at_a: AtA, request_: ManagementRequest) -> None:
    number = await at_a.client.say(request_, A)
    await at_a.client.ask(Ping(), A)
    assert at_a.client.answered(number) == []


async def test_an_actor_shows_what_it_heard_and_said(at_a: AtA) -> None:
    a, b = at_a.a, at_a.b
    a.report(b, 3)
    b.report(a, 4)
    await at_a.client.until(lambda: not a.owed and not b.owed)
    actor = hamgrd_base(A).entity(a.scope)
    source, response = await at_a.client.ask(ManagementRequest(1), actor)
    assert (source, response.error_code) == (actor, ErrorCode.OK)
    dump = json.loads(response.query_result or "")
    [(key, heard)] = dump["incoming"].items()
    assert key == "HaScopeStateUpdate|vdpu1_0:haset0_0"
    assert heard["msg"]["data"]["term"] == "4"
    assert heard["source"]["node_id"] == "switch1-dpu0"
    assert (heard["response"], heard["acked"], heard["version"]) == ("Ok", True, 1)
    [sent] = dump["outgoing"]["outgoing_sent"].values()
    assert (sent["msg"]["data"]["term"], sent["acked"], sent["response"]) == ("3", True, "Ok")
    assert sent["response_source"]["resource_id"] == "vdpu1_0:haset0_0"
    [row] = dump["internal"].values()
    assert row["fvs"] == {"local_ha_state": "HA_STATE_ACTIVE"}


async def test_an_actor_shows_what_it_cannot_say(at_a: AtA, start: Start) -> None:
    a, b = at_a.a, at_a.b
    b.holds = True
    a.report(b, 3)
    await at_a.client.until(lambda: b.held)
    _, response = await at_a.client.ask(ManagementRequest(1), hamgrd_base(A).entity(a.scope))
    [sent] = json.loads(response.query_result or "")["outgoing"]["outgoing_sent"].values()
    assert (sent["acked"], sent["response"]) == (False, None)


async def test_an_actor_of_the_peer_is_shown_through_our_node(at_a: AtA) -> None:
    actor = hamgrd_base(B).entity(at_a.b.scope)
    source, response = await at_a.client.ask(ManagementRequest(1), actor)
    assert (source, response.error_code) == (actor, ErrorCode.OK)


async def test_an_unknown_actor_is_not_shown_and_an_unknown_question_is_a_bad_argument(at_a: AtA) -> None:
    source, response = await at_a.client.ask(ManagementRequest(1), hamgrd_base(A).entity("ha-scope/nosuch:x"))
    assert (source, response.error_code) == (hamgrd_base(A), ErrorCode.NO_ROUTE)
    _, response = await at_a.client.ask(ManagementRequest(9), hamgrd_base(A).entity(at_a.a.scope))
    assert response.error_code is ErrorCode.INVALID_ARGS


async def test_a_client_speaks_only_for_itself(at_a: AtA) -> None:
    number = await at_a.client.say(Ping(), A, source=hamgrd_base(A))
    await at_a.client.ask(Ping(), A)
    assert at_a.client.answered(number) == []
    assert at_a.a.bus.counts["source that this link does not lead to"] == 1


async def test_clients_are_neither_listed_nor_resolved(at_a: AtA) -> None:
    async with command_line_client(at_a.b.port, B) as client:
        _, response = await client.ask(ManagementRequest(0), B)
        assert response.route_entries is not None
        assert {entry.service_path for entry in response.route_entries} == {A}
