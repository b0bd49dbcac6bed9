"""A dialler that finds nobody, the wrong one, or loses who it found. Source: bus 4.3 and 8, rows 1, 18, 20 and 23."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from runner.bus.links import dialler as dialler_module
from runner.bus.links.back_off import FIRST_DELAY_S, LONGEST_DELAY_S, BackOff
from runner.bus.links.channel_options import KeepAlive
from runner.bus.links.counts import Counted
from runner.bus.links.dialler import Dialler
from runner.bus.links.link import Link
from runner.bus.links.socket_address import SocketAddress
from tests.bus.links.conftest import Ends
from tests.bus.links.raw_stream import answering
from tests.bus.links.recorder import Recorder, until

NOBODY = SocketAddress("127.0.0.1", 1)
"""A port where nobody listens."""


async def test_each_failure_is_told_once_and_dialling_goes_on(ends: Ends) -> None:
    client = ends.dialling(NOBODY)

    with capture_logs() as logs:
        await client.owner.until(lambda owner: len(owner.failures) == 3)

    assert client.dialler.counts[Counted.DIALS_FAILED] == 3
    assert all("refused" in why and why.startswith("UNAVAILABLE: ") for _, why in client.owner.failures)
    assert not logs


async def test_a_server_that_comes_late_is_found(ends: Ends) -> None:
    server = ends.listening()
    address = await server.at()
    await server.listener.stop()
    client = ends.dialling(address)
    await client.owner.until(lambda owner: len(owner.failures) == 2)

    await server.at(address)

    assert (await client.owner.link()).remote == address


async def test_a_server_that_restarts_is_found_again(ends: Ends) -> None:
    server = ends.listening()
    address = await server.at()
    client = ends.dialling(address)
    await client.owner.link()

    await server.listener.stop()
    await client.owner.until(lambda owner: owner.downs)
    await server.at(address)
    await client.owner.link(2)

    assert client.owner.up == [client.owner.ups[1]]
    assert client.dialler.link is client.owner.ups[1]


async def test_the_addresses_of_an_endpoint_are_tried_in_turn(ends: Ends) -> None:
    server = ends.listening()
    address = await server.at(SocketAddress("::1", 0))
    client = ends.dialling(NOBODY, address)

    link = await client.owner.link()

    assert [where for where, _ in client.owner.failures] == [NOBODY]
    assert link.remote == address


async def test_there_is_no_pause_before_the_next_address_has_been_tried(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    delay_s = BackOff.delay_s

    def noted(back_off: BackOff) -> float:
        pauses.append(delay_s(back_off))
        return 0.0

    monkeypatch.setattr(BackOff, "delay_s", noted)
    client = ends.dialling(NOBODY, SocketAddress("::1", 1))

    await client.owner.until(lambda owner: len(owner.failures) >= 6)
    await client.dialler.stop()

    assert [where.is_ipv6 for where, _ in client.owner.failures[:6]] == [False, True] * 3
    assert len(pauses) in (2, 3)
    assert pauses == sorted(pauses)


async def test_an_address_that_swallows_everything_fails_in_time_and_the_next_is_tried(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialler_module, "CONNECT_WITHIN_S", 0.2)
    server = ends.listening()
    async with answering(b"") as silent:
        client = ends.dialling(silent, await server.at())
        await client.owner.link()

    assert client.owner.failures == [(silent, "no answer within 0.2 s")]


async def test_every_attempt_has_a_source_port_of_its_own(ends: Ends) -> None:
    server = ends.listening()
    client = ends.dialling(await server.at())
    for number in range(1, 4):
        await client.owner.link(number)
        await server.owner.link(number)
        client.dialler.redial()
    await client.owner.link(4)
    await server.owner.link(4)

    assert len({link.remote.port for link in server.owner.ups}) == 4


async def test_redialling_closes_the_link_and_makes_another_at_once(ends: Ends) -> None:
    server = ends.listening()
    client = ends.dialling(await server.at())
    first = await client.owner.link()

    client.dialler.redial("the peer is another process now")
    second = await client.owner.link(2)

    assert client.owner.downs == [(first, "the peer is another process now")]
    assert client.owner.up == [second]
    await server.owner.until(lambda owner: len(owner.ups) == 2 and len(owner.up) == 1)


async def test_redialling_does_not_wait_for_a_link_that_is_stuck(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialler_module, "CLOSE_WITHIN_S", 3600.0)
    patient = KeepAlive(3600.0, 3600.0)
    server = ends.listening(keep_alive=patient)
    address = await server.at()
    relay = await ends.relay(address)
    client = ends.dialling(relay.address, keep_alive=patient)
    stuck = await client.owner.link()

    relay.swallows = True
    client.dialler.addresses = [address]
    client.dialler.redial()

    assert (await client.owner.link(2)) is not stuck
    await relay.cut()


async def test_redialling_gives_up_an_attempt_and_a_pause(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialler_module, "CONNECT_WITHIN_S", 3600.0)
    monkeypatch.setattr(BackOff, "delay_s", lambda back_off: 3600.0)
    server = ends.listening()
    relay = await ends.relay(await server.at())
    relay.swallows = True
    client = ends.dialling(relay.address)
    await until(lambda: relay.connections == 1)

    client.dialler.redial()
    await until(lambda: relay.connections == 2)
    relay.swallows = False
    client.dialler.redial()
    await client.owner.link()
    await server.listener.stop()
    # That link was short: the pause of an hour has begun.
    await client.owner.until(lambda owner: owner.downs)
    await server.at(relay.beyond)
    client.dialler.redial()

    assert await client.owner.link(2)
    assert not client.owner.failures


async def test_links_that_end_at_once_are_not_dialled_in_a_tight_loop(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    delay_s = BackOff.delay_s

    def noted(back_off: BackOff) -> float:
        pauses.append(delay_s(back_off))
        return 0.0

    monkeypatch.setattr(BackOff, "delay_s", noted)

    def close(link: Link) -> None:
        link.close("not you")

    server = ends.listening(Recorder(on_up=close))
    client = ends.dialling(await server.at())

    await client.owner.until(lambda owner: len(owner.downs) >= 4)
    await client.dialler.stop()

    assert pauses[2] > pauses[0]
    assert len(pauses) >= 3


async def test_after_a_link_that_was_up_the_next_is_dialled_at_once(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialler_module, "STEADY_AFTER_S", 0.0)
    monkeypatch.setattr(BackOff, "delay_s", lambda back_off: 3600.0)
    server = ends.listening()
    client = ends.dialling(await server.at())
    await client.owner.link()
    from_ = await server.owner.link()

    from_.close("for a test")

    assert await client.owner.link(2)


async def test_a_link_that_is_closed_ends_in_order_and_without_delay(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialler_module, "CLOSE_WITHIN_S", 3600.0)
    server = ends.listening()
    client = ends.dialling(await server.at())
    link = await client.owner.link()
    link.put(b"last words")
    await link.drained()

    async with asyncio.timeout(20):
        await client.dialler.stop()

    await server.owner.until(lambda owner: owner.downs)
    assert server.owner.received == [b"last words"]


async def test_a_stopped_dialler_can_start_again(ends: Ends) -> None:
    server = ends.listening()
    client = ends.dialling(await server.at())
    link = await client.owner.link()

    await client.dialler.stop()
    assert client.owner.downs == [(link, "the dialler stops")]
    assert client.dialler.link is None
    client.dialler.start()

    assert await client.owner.link(2)


async def test_a_dialler_stops_in_the_middle_of_an_attempt_and_of_a_pause(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialler_module, "CONNECT_WITHIN_S", 3600.0)
    monkeypatch.setattr(BackOff, "delay_s", lambda back_off: 3600.0)
    async with answering(b"") as silent, asyncio.timeout(20):
        attempting, pausing = ends.dialling(silent), ends.dialling(NOBODY)
        await pausing.owner.until(lambda owner: owner.failures)

        await attempting.dialler.stop()
        await pausing.dialler.stop()

    assert not attempting.owner.failures


@pytest.mark.parametrize("ticks", range(12))
async def test_a_dialler_stops_and_dials_anew_whenever_it_is_told(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, ticks: int
) -> None:
    """Also in the few turns of the event loop between an attempt that succeeded and the link."""
    monkeypatch.setattr(BackOff, "delay_s", lambda back_off: 3600.0)
    server = ends.listening()
    client = ends.dialling(await server.at())
    client.owner.admits = lambda hello: answered.set()
    answered = asyncio.Event()
    await answered.wait()
    for _ in range(ticks):
        await asyncio.sleep(0)
    links = len(client.owner.ups)

    client.dialler.redial()
    await client.owner.link(links + 1)
    answered.clear()
    client.dialler.redial()
    await answered.wait()
    for _ in range(ticks):
        await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await client.dialler.stop()

    assert not client.owner.up


@pytest.mark.parametrize("where", ["_channel", "_meet"])
async def test_a_bug_in_an_attempt_does_not_end_the_dialling(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    async def fail_later(*_: object) -> None:
        fail()

    server = ends.listening()
    address = await server.at()
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(Dialler, where, fail if where == "_channel" else fail_later)
        client = ends.dialling(address)
        await client.owner.until(lambda owner: len(owner.failures) == 2)

    assert await client.owner.link()
    assert client.owner.failures[0] == (address, "RuntimeError: a bug")
    assert [entry["event"] for entry in logs].count("dialler_failed") == 2


@given(st.integers())
def test_delays_double_up_to_the_longest_and_are_shortened_by_a_half_at_most(seed: int) -> None:
    back_off = BackOff(random.Random(seed))
    full_s = [min(FIRST_DELAY_S * 2**number, LONGEST_DELAY_S) for number in range(10)]

    for _ in range(2):
        assert all(longest / 2 <= back_off.delay_s() <= longest for longest in full_s)
        back_off.reset()
