"""What hamgrd does with what its node hands to it. Source: bus 2, 3.3, 6 rule 1."""

import json
from itertools import count
from pathlib import Path

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from models.service_path import ServicePath, hamgrd_base
from models.swbus import (
    Body,
    DataRequest,
    ErrorCode,
    Header,
    ManagementRequest,
    Ping,
    Response,
    RouteAnnouncement,
    SwbusMessage,
    TraceRoute,
    decode,
)
from runner.bus.forwarding import Drop
from runner.bus.hamgrd_answers import HamgrdAnswers, Reaction, Reply, Settle, TakeIn

MESSAGES = {
    vector["name"]: bytes.fromhex(vector["hex"])
    for vector in json.loads((Path(__file__).parents[1] / "vectors" / "swbus.json").read_text())["messages"]
}
NODE = ServicePath("region-a", "cluster-a", "switch1-dpu0")
BASE = hamgrd_base(NODE)
SCOPE = BASE.entity("ha-scope/vdpu0-0:haset0-0")
UNKNOWN = BASE.entity("ha-scope/vdpu7-0:haset7-0")
PEER = hamgrd_base(ServicePath("region-a", "cluster-a", "switch2-dpu0")).entity("ha-scope/vdpu1-0:haset0-0")
VOTE = DataRequest(b'{ "data": 7, "key": "VoteRequest|vdpu1-0:haset7-0" }')
REQUESTS: list[Body] = [Ping(), TraceRoute(), ManagementRequest(1), ManagementRequest(9), DataRequest(b"{}"), VOTE]


@frozen
class OneScope:
    """The entities of a daemon that has one scope."""

    def exists(self, entity: str) -> bool:
        return entity == SCOPE.resource

    def state_dump(self, entity: str) -> str:
        return f"dump of {entity}"


def delivered(body: Body, destination: ServicePath, source: ServicePath = PEER) -> Reaction:
    ids = count(1000)
    answers = HamgrdAnswers(BASE, OneScope(), lambda _: next(ids))
    return answers.delivered(SwbusMessage(Header(id=7, source=source, destination=destination), body))


def answered(reaction: Reaction) -> tuple[Response, ServicePath]:
    """The response, and who answered."""
    assert isinstance(reaction, Reply)
    header, response = reaction.message.header, reaction.message.body
    assert isinstance(response, Response)
    assert (header.destination, header.ttl, response.request_id) == (PEER, 64, 7)
    return response, header.source


@pytest.mark.parametrize("destination", [BASE, SCOPE])
@pytest.mark.parametrize("body", [Ping(), TraceRoute()])
def test_hamgrd_and_its_entities_answer_that_they_are_there(body: Body, destination: ServicePath) -> None:
    assert answered(delivered(body, destination)) == (Response(7, ErrorCode.OK), destination)


NOWHERE = [
    UNKNOWN,
    BASE.entity("ha-scope"),
    BASE.entity("vdpu/vdpu7"),
    hamgrd_base(PEER),
    hamgrd_base(PEER).entity(SCOPE.resource),
    hamgrd_base(PEER).entity(UNKNOWN.resource),
    NODE,
]


@pytest.mark.parametrize(
    ("body", "destination"),
    [(body, place) for body in REQUESTS for place in NOWHERE if (body, place) != (VOTE, UNKNOWN)],
    ids=str,
)
def test_what_does_not_exist_has_no_route(body: Body, destination: ServicePath) -> None:
    assert answered(delivered(body, destination)) == (Response(7, ErrorCode.NO_ROUTE, "Route not found"), BASE)


def test_the_words_for_an_entity_that_does_not_exist_are_those_of_the_vector() -> None:
    vector = decode(MESSAGES["no_route_from_hamgrd_sink"])
    reaction = delivered(DataRequest(b"{}"), UNKNOWN)
    assert isinstance(reaction, Reply)
    assert isinstance(vector.body, Response)
    assert reaction.message.body == evolve(vector.body, request_id=7)
    assert vector.header.source.resource == ""


def test_a_vote_request_for_an_unknown_scope_is_for_the_node() -> None:
    assert isinstance(delivered(VOTE, UNKNOWN), TakeIn)


def test_data_for_an_entity_is_for_the_inbox() -> None:
    assert isinstance(delivered(DataRequest(b"no json"), SCOPE), TakeIn)


def test_a_state_dump() -> None:
    response, source = answered(delivered(ManagementRequest(1), SCOPE))
    assert (response.error_code, response.query_result, source) == (
        ErrorCode.OK,
        "dump of ha-scope/vdpu0-0:haset0-0",
        SCOPE,
    )


@pytest.mark.parametrize("number", [0, 2, 99])
def test_another_management_request_has_invalid_arguments(number: int) -> None:
    response, source = answered(delivered(ManagementRequest(number), SCOPE))
    assert (response.error_code, source) == (ErrorCode.INVALID_ARGS, SCOPE)


@pytest.mark.parametrize("body", [DataRequest(b"{}"), ManagementRequest(1), VOTE])
def test_hamgrd_itself_has_no_use_for_data_and_questions(body: Body) -> None:
    assert isinstance(delivered(body, BASE), Drop)


def test_an_announcement_is_not_answered() -> None:
    assert isinstance(delivered(RouteAnnouncement(), SCOPE), Drop)


@given(st.sampled_from([BASE, SCOPE, UNKNOWN, NODE, PEER]), st.sampled_from(ErrorCode))
def test_a_response_is_never_answered(destination: ServicePath, code: ErrorCode) -> None:
    reaction = delivered(Response(3, code), destination)
    assert isinstance(reaction, Settle)
    assert reaction.response.error_code is code
