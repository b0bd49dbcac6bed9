"""A peer that is gone without a word is noticed, one that is only silent is kept. Source: bus 4.3 and 8, row 1.

gRPC alone would take a minute and more, or never notice: the deadline of these tests tells the difference.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runner.bus.links.channel_options import KeepAlive
from runner.bus.links.counts import Counted
from runner.bus.links.link import ENDED_BY_PEER
from runner.bus.links.socket_address import SocketAddress
from tests.bus.links import peer_process
from tests.bus.links.conftest import Ends
from tests.bus.links.recorder import DEADLINE_S, until

ROOT = Path(__file__).parents[3]

SIGNS_OF_LIFE = 8
"""A listener that does not know better closes a client at the fourth of them or sooner."""


@asynccontextmanager
async def peer(*arguments: str) -> AsyncIterator[Process]:
    """A process that listens, and dials if it is told a port."""
    command = [sys.executable, "-X", "dev", "-m", peer_process.__name__, *arguments]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def port_of(process: Process) -> int:
    """Where a process listens."""
    assert process.stdout is not None
    return int(await process.stdout.readline())


@pytest.mark.parametrize("busy", [False, True])
async def test_a_process_that_hangs_is_noticed_at_both_ends(ends: Ends, busy: bool) -> None:
    server = ends.listening()
    address = await server.at()
    async with peer(str(address.port)) as process:
        client = ends.dialling(SocketAddress("127.0.0.1", await port_of(process)))
        if busy:
            server.owner.reading.clear()
            client.owner.reading.clear()
        await client.owner.until(lambda owner: owner.frames)
        await server.owner.until(lambda owner: owner.frames)

        os.kill(process.pid, signal.SIGSTOP)
        await client.owner.until(lambda owner: owner.downs)
        await server.owner.until(lambda owner: owner.downs)

        assert "ping timeout" in client.owner.downs[0][1]
        assert server.owner.downs[0][1] == ENDED_BY_PEER
        await client.dialler.stop()


async def test_a_path_that_swallows_is_noticed_at_both_ends(ends: Ends) -> None:
    server = ends.listening()
    relay = await ends.relay(await server.at())
    client = ends.dialling(relay.address)
    link = await client.owner.link()
    await server.owner.link()

    relay.swallows = True
    # What is written into the dead path is taken, as by any link that is well.
    assert link.put(b"lost")
    await client.owner.until(lambda owner: owner.downs)
    await server.owner.until(lambda owner: owner.downs)
    assert not server.owner.frames

    relay.swallows = False
    assert await client.owner.link(2)
    assert (await server.owner.link(2)).put(b"well again")
    await client.owner.until(lambda owner: owner.frames)


async def test_a_path_that_swallows_is_noticed_while_a_queue_is_full(ends: Ends) -> None:
    server = ends.listening()
    relay = await ends.relay(await server.at())
    client = ends.dialling(relay.address)
    link = await client.owner.link()

    relay.swallows = True
    while link.put(bytes(1 << 20)):
        pass
    await client.owner.until(lambda owner: owner.downs)

    assert client.dialler.counts[Counted.FRAMES_LOST_WAITING]
    assert not link.put(b"more")


@pytest.mark.parametrize("who", ["both", "listener", "dialler"])
async def test_a_link_that_is_only_silent_stays(ends: Ends, who: str) -> None:
    often, never = KeepAlive(time_s=0.1, timeout_s=20.0), KeepAlive(time_s=3600.0, timeout_s=20.0)
    server = ends.listening(keep_alive=never if who == "dialler" else often)
    relay = await ends.relay(await server.at())
    client = ends.dialling(relay.address, keep_alive=never if who == "listener" else often)
    await client.owner.link()
    await server.owner.link()

    await relay.until_passed_on(SIGNS_OF_LIFE)

    assert not client.owner.downs
    assert not server.owner.downs


async def test_a_process_that_ends_in_order_leaves_nothing_behind(ends: Ends) -> None:
    server = ends.listening()
    address = await server.at()
    async with peer(str(address.port)) as process:
        client = ends.dialling(SocketAddress("127.0.0.1", await port_of(process)))
        await client.owner.link()
        await server.owner.link()

        async with asyncio.timeout(DEADLINE_S):
            _, complaints = await process.communicate(b"end\n")
        await until(lambda: server.owner.downs and client.owner.downs)

        assert complaints.decode() == ""
        assert process.returncode == 0


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "grpc_proxy"])
async def test_a_proxy_in_the_environment_is_left_alone(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("no_proxy", "no_grpc_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = ends.listening()
    address = await server.at()
    proxy = await ends.relay(address)
    monkeypatch.setenv(variable, f"http://{proxy.address}")

    await ends.dialling(address).owner.link()

    assert proxy.connections == 0
