"""A listener and a dialler that are well: links, frames, introductions."""

from collections.abc import Callable

import pytest

from models.swbus import ConnectionType
from runner.bus.links.socket_address import SocketAddress
from tests.bus.links.recorder import NODE_1, NODE_2, DiallingEnd, ListeningEnd

Listening = Callable[..., ListeningEnd]
Dialling = Callable[..., DiallingEnd]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_both_ends_know_each_other(listening: Listening, dialling: Dialling, host: str) -> None:
    server = listening(incarnation="two")
    address = await server.at(SocketAddress(host, 0))
    client = dialling(address, incarnation="one")

    to = await client.owner.link()
    from_ = await server.owner.link()

    assert (to.accepted, to.stated_path, to.incarnation) == (False, NODE_2, "two")
    assert (from_.accepted, from_.stated_path, from_.incarnation) == (True, NODE_1, "one")
    assert to.remote == address
    assert to.id == f"swbs-to://{host}:{address.port}"
    assert from_.id == f"swbs-from://{host}:{from_.remote.port}"
    assert to.connection_type is from_.connection_type is ConnectionType.IN_CLUSTER


async def test_frames_cross_in_order_both_ways(listening: Listening, dialling: Dialling) -> None:
    server = listening()
    client = dialling(await server.at())
    to, from_ = await client.owner.link(), await server.owner.link()
    there, back = [b"there %d" % number for number in range(200)], [b"back %d" % number for number in range(200)]

    for one, other in zip(there, back, strict=True):
        assert to.put(one)
        assert from_.put(other)
    await server.owner.until(lambda owner: len(owner.frames) == len(there))
    await client.owner.until(lambda owner: len(owner.frames) == len(back))

    assert server.owner.received == there
    assert client.owner.received == back
