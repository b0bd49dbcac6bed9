"""What is said in metadata, and what is made of it. Source: bus 3 and the vectors; bus 8, rows 16 and 20."""

import asyncio
import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.service_path import ServicePath
from models.swbus import CLIENT_PATH_KEY, CONNECTION_TYPE_KEY, SERVER_PATH_KEY, ConnectionType
from runner.bus.links.introduction import INCARNATION_KEY, Introduction, Refusal, read_request, read_response
from tests.bus.links.conftest import Ends
from tests.bus.links.raw_stream import IN_CLUSTER, answering, open_raw, request, response
from tests.bus.links.recorder import NODE_1, until
from tests.bus.links.relay import hang_up

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "swbus.json").read_text(encoding="utf-8")
)["metadata"]

GOOD = [vector for vector in VECTORS if "response" in vector]
BAD = [vector for vector in VECTORS if "status" in vector]

NO_ASCII = [b"\xff\xfe.c.n", "region-ä.cluster-a.switch1-dpu0".encode(), b"a\x80b"]

texts = st.text() | st.sampled_from([IN_CLUSTER, NODE_1.padded])
keys = st.sampled_from([CLIENT_PATH_KEY, CONNECTION_TYPE_KEY, SERVER_PATH_KEY, INCARNATION_KEY]) | st.text()


def name(vector: dict[str, Any]) -> str:
    return str(vector["name"])


def test_every_vector_is_tested() -> None:
    assert len(GOOD) + len(BAD) == len(VECTORS) == 6


@pytest.mark.parametrize("vector", GOOD, ids=name)
async def test_a_good_introduction_is_answered_at_once(ends: Ends, vector: dict[str, Any]) -> None:
    server = ends.listening()
    async with open_raw(await server.at(), tuple(vector["request"].items())) as stream:
        # Nothing has been sent by either side: the answer does not wait for a frame.
        answered = {key for key, _ in await stream.initial_metadata()}
        link = await server.owner.link()

        assert set(vector["response"]) <= answered
        assert link.stated_path == ServicePath.parse(vector["request"][CLIENT_PATH_KEY])
        assert link.connection_type.route_key(link.stated_path) == vector["route_key"]


@pytest.mark.parametrize("vector", GOOD, ids=name)
def test_what_is_said_is_what_the_vectors_say(vector: dict[str, Any]) -> None:
    asked = Introduction(
        ServicePath.parse(vector["request"][CLIENT_PATH_KEY]),
        next(each for each in ConnectionType if each.metadata_word == vector["request"][CONNECTION_TYPE_KEY]),
    )
    node = ServicePath.parse(vector["response"][SERVER_PATH_KEY])
    answered = Introduction(node, ConnectionType.IN_CLUSTER, "7")

    assert dict(asked.as_request()) == vector["request"]
    assert dict(answered.as_response()) == {**vector["response"], INCARNATION_KEY: "7"}
    assert read_request(asked.as_request()) == asked
    assert read_response(answered.as_response(), ConnectionType.IN_CLUSTER) == answered


@pytest.mark.parametrize("vector", BAD, ids=name)
async def test_a_bad_introduction_is_refused_with_the_words_of_the_vector(ends: Ends, vector: dict[str, Any]) -> None:
    server = ends.listening()
    async with open_raw(await server.at(), tuple(vector["request"].items())) as stream:
        assert (await stream.code()).name == vector["status"]
        assert await stream.details() == vector["details"]
        assert not server.owner.hellos


@pytest.mark.parametrize("path", NO_ASCII)
async def test_a_path_that_is_not_ascii_is_refused(ends: Ends, path: bytes) -> None:
    server = ends.listening()
    address = await server.at()
    metadata = (CLIENT_PATH_KEY.encode(), path), (CONNECTION_TYPE_KEY.encode(), IN_CLUSTER.encode())
    _, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(request(*metadata))
    await until(lambda: server.listener.counts["links_refused"])
    await hang_up(writer)
    client = ends.dialling(address)

    assert await client.owner.link()
    assert len(server.owner.hellos) == 1


@pytest.mark.parametrize("path", NO_ASCII)
async def test_an_answer_that_is_not_ascii_fails_the_attempt(ends: Ends, path: bytes) -> None:
    async with answering(response((SERVER_PATH_KEY.encode(), path))) as address:
        client = ends.dialling(address)
        await client.owner.until(lambda owner: len(owner.failures) >= 2)

    assert client.owner.failures[0][1].startswith("its service path is not ASCII")


async def test_an_answer_without_a_path_fails_the_attempt(ends: Ends) -> None:
    async with answering(response((b"x-other", b"value"))) as address:
        client = ends.dialling(address)
        await client.owner.until(lambda owner: len(owner.failures) >= 2)

    assert client.owner.failures[0][1] == "the answer names no service path"


def test_an_introduction_that_cannot_be_sent_is_not_made() -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        Introduction(ServicePath("région", "c", "n"), ConnectionType.IN_CLUSTER)
    with pytest.raises(ValueError, match="printable ASCII"):
        Introduction(NODE_1, ConnectionType.IN_CLUSTER, "one\ntwo")


@given(st.lists(st.tuples(keys, texts | st.binary())))
def test_nothing_that_is_said_raises(metadata: list[tuple[str, str | bytes]]) -> None:
    for read in (read_request(metadata), read_response(metadata, ConnectionType.CLIENT)):
        assert isinstance(read, Introduction | Refusal)
        if isinstance(read, Refusal):
            assert read.text.isascii() and read.text.isprintable()
    assert isinstance(read_request(None), Refusal)


def test_a_bad_type_is_shown_in_part_and_harmlessly() -> None:
    refusal = read_request([(CLIENT_PATH_KEY, NODE_1.padded), (CONNECTION_TYPE_KEY, "\n" + "x" * 10_000)])

    assert isinstance(refusal, Refusal)
    assert refusal.status is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.text == "Invalid connection_type: \\n" + "x" * 99
