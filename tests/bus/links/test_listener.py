"""A listener that cannot listen, moves, or stops. Source: bus 4.3 and 8, rows 20 and 22; a port that is shared."""

import asyncio
import socket
import struct
import time

import grpc
import pytest
from structlog.testing import capture_logs

from models.swbus import CLIENT_PATH_KEY, CONNECTION_TYPE_KEY
from runner.bus.links.counts import Counted
from runner.bus.links.link import Link
from runner.bus.links.listener import Listener
from runner.bus.links.socket_address import SocketAddress
from tests.bus.links.conftest import Ends
from tests.bus.links.raw_stream import IN_CLUSTER, dial_raw, request
from tests.bus.links.recorder import LOCAL, NODE_1, Recorder, until

NOT_HERE = SocketAddress("192.0.2.1", 23606)
"""An address that is reserved for documentation, so no machine has it."""

GONE = 5
"""So many peers come and go."""


async def test_a_port_that_is_taken_is_listened_at_once_it_is_free(ends: Ends) -> None:
    first, second = ends.listening(), ends.listening()
    address = await first.at()

    with capture_logs() as logs:
        second.listener.listen(address)
        await until(lambda: second.listener.counts[Counted.BINDS_FAILED] >= 3)
        await first.listener.stop()
        await second.at(address)
    client = ends.dialling(address)
    await client.owner.link()

    complaints = [entry for entry in logs if entry["event"] == "bus_not_listening"]
    assert [(entry["address"], entry["why"]) for entry in complaints] == [(str(address), "Address already in use")]
    assert len(second.owner.ups) == 1


async def test_a_port_that_another_program_has_is_taken(ends: Ends) -> None:
    server = ends.listening()
    with socket.create_server(("127.0.0.1", 0), reuse_port=False) as other:
        address = SocketAddress(*other.getsockname())
        server.listener.listen(address)
        await until(lambda: server.listener.counts[Counted.BINDS_FAILED] >= 2)

    assert await server.at(address) == address


async def test_no_other_program_can_share_the_port(ends: Ends) -> None:
    address = await ends.listening().at()

    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind((address.host, address.port))


async def test_a_bug_in_an_attempt_to_listen_does_not_end_the_listening(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a bug")

    server = ends.listening()
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(Listener, "_server", fail)
        server.listener.listen(LOCAL)
        await until(lambda: server.listener.counts[Counted.BINDS_FAILED] == 2)

    assert await server.at()
    assert [entry["why"] for entry in logs] == ["a bug"]


async def test_an_address_that_is_not_there_is_tried_again_until_another_is_wanted(ends: Ends) -> None:
    server = ends.listening()

    with capture_logs() as logs:
        server.listener.listen(NOT_HERE)
        await until(lambda: server.listener.counts[Counted.BINDS_FAILED] >= 3)
        address = await server.at()
    client = ends.dialling(address)
    await client.owner.link()

    complaints = [entry["why"] for entry in logs if entry["event"] == "bus_not_listening"]
    assert complaints == ["Cannot assign requested address"]


async def test_a_listener_moves_to_another_address(ends: Ends) -> None:
    server = ends.listening()
    old = await server.at()
    client = ends.dialling(old)
    await client.owner.link()

    new = await server.at(SocketAddress("::1", 0))
    await client.owner.until(lambda owner: owner.failures)
    moved = ends.dialling(new)

    assert await moved.owner.link()
    assert server.owner.downs == [(server.owner.ups[0], "the listener stops")]


async def test_listening_where_it_listens_changes_nothing(ends: Ends) -> None:
    server = ends.listening()
    address = await server.at()
    client = ends.dialling(address)
    await client.owner.link()

    assert await server.at() == address
    assert server.owner.up


async def test_a_stop_ends_every_stream_in_order(ends: Ends) -> None:
    server = ends.listening()
    async with dial_raw(await server.at(), NODE_1) as stream:
        await server.listener.stop()

        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() is grpc.StatusCode.OK


async def test_a_stop_ends_a_link_whose_owner_is_in_the_middle_of_a_frame(ends: Ends) -> None:
    server = ends.listening()
    server.owner.reading.clear()
    link = await ends.dialling(await server.at()).owner.link()
    link.put(b"never finished")
    await server.owner.until(lambda owner: owner.frames)

    async with asyncio.timeout(20):
        await server.listener.stop()

    assert [why for _, why in server.owner.downs] == ["the listener stops"]


async def test_a_stop_ends_the_wait_for_an_address_that_is_not_there(ends: Ends) -> None:
    server = ends.listening()
    server.listener.listen(NOT_HERE)
    await until(lambda: server.listener.counts[Counted.BINDS_FAILED])

    async with asyncio.timeout(20):
        await server.listener.stop()
        await server.at()


async def test_the_link_is_registered_before_the_peer_learns_of_it(ends: Ends) -> None:
    def greet(link: Link) -> None:
        link.put(b"the first frame")

    server = ends.listening(Recorder(on_up=greet))
    async with dial_raw(await server.at(), NODE_1) as stream:
        # The initial metadata has arrived, and the owner knew of the link by then.
        assert len(server.owner.ups) == 1
        assert await stream.read() == b"the first frame"


async def test_many_peers_at_once(ends: Ends) -> None:
    server = ends.listening()
    address = await server.at()
    clients = [ends.dialling(address) for _ in range(20)]

    links = [await client.owner.link() for client in clients]
    for number, link in enumerate(links):
        link.put(b"%d" % number)
    await server.owner.until(lambda owner: len(owner.frames) == len(clients))

    assert len({link.id for link, _ in server.owner.frames}) == len(clients)


async def test_a_peer_that_is_gone_before_it_is_answered_does_no_harm(ends: Ends) -> None:
    server = ends.listening()
    address = await server.at()
    metadata = (CLIENT_PATH_KEY.encode(), NODE_1.padded.encode()), (CONNECTION_TYPE_KEY.encode(), IN_CLUSTER.encode())

    for number in range(1, GONE + 1):
        with socket.create_connection((address.host, address.port)) as peer:

            def reset(link: Link, peer: socket.socket = peer) -> None:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                peer.close()
                # So that gRPC, which has a thread of its own, knows it before the listener goes on.
                time.sleep(0.05)

            peer.sendall(request(*metadata))
            server.owner.on_up = reset
            await server.owner.until(lambda owner, number=number: len(owner.downs) == number)  # type: ignore[misc]
    server.owner.on_up = lambda link: None

    assert await ends.dialling(address).owner.link()


async def test_stopping_twice_and_before_listening(ends: Ends) -> None:
    server = ends.listening()

    await server.listener.stop()
    await server.at(LOCAL)
    await server.listener.stop()
    await server.listener.stop()
