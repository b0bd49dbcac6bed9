"""What a network and a process can do to two daemons, and what must come of it.

Deadlines are for a hang only; nothing here asserts how fast something was noticed.
Source: bus 6, 8; field-lessons FL-03.
"""

import asyncio

import pytest
from structlog.testing import capture_logs

from runner.bus import outbox
from runner.bus.bus import BusOptions
from runner.bus.links.socket_address import SocketAddress
from runner.bus.links.tls import Tls
from runner.outputs import Neighbour, ReachBus, Verdict
from tests.bus.conftest import Apart, both_up, eventually, pair
from tests.bus.daemons import Daemon, Start
from tests.bus.links.test_tls import Authority
from tests.bus.tcp_path import TcpPath

SIDES = pytest.mark.parametrize("side", [0, 1], ids=["path of a", "path of b"])


async def heard(daemon: Daemon, terms: list[int]) -> None:
    """Wait until it has heard these reports, and no others."""
    await eventually(lambda: daemon.terms() == terms, daemon.terms)


async def test_a_network_that_swallows_everything_is_noticed_by_both(apart: Apart) -> None:
    for path in apart.paths:
        path.swallow()
    await apart.both_lost()
    for number in range(5):
        apart.a.report(apart.b, number)
        apart.b.report(apart.a, number)
    for path in apart.paths:
        path.heal()
    await apart.both_up()
    await eventually(lambda: not apart.a.owed and not apart.b.owed)
    assert apart.a.terms() == apart.b.terms() == [4]


async def test_a_network_that_swallows_one_direction_is_noticed_by_both(apart: Apart) -> None:
    """What b sends vanishes, whoever dialled."""
    apart.path_of_a.swallows_back = True
    apart.path_of_b.swallows_there = True
    await apart.both_lost()
    for path in apart.paths:
        path.heal()
    await apart.both_up()


@SIDES
async def test_one_link_that_swallows_everything_costs_neither_the_peer_nor_a_message(apart: Apart, side: int) -> None:
    """The two links of a pair are independent of each other."""
    links = len(apart.a.links), len(apart.b.links)
    downs = apart.a.bus.counts["links_down"], apart.b.bus.counts["links_down"]
    apart.paths[side].strand()
    for number in range(3):
        apart.a.report(apart.b, number)
        apart.b.report(apart.a, number)
    await eventually(lambda: not apart.a.owed and not apart.b.owed)
    await eventually(
        lambda: (apart.a.bus.counts["links_down"], apart.b.bus.counts["links_down"]) == (downs[0] + 1, downs[1] + 1)
    )
    await eventually(lambda: apart.a.bus.counts["links_up"] > 2)
    assert (len(apart.a.links), len(apart.b.links)) == links
    assert (apart.a.terms(), apart.b.terms()) == ([2], [2])


@SIDES
async def test_one_link_that_is_cut_again_and_again_is_not_missed(apart: Apart, side: int) -> None:
    links = len(apart.a.links), len(apart.b.links)
    for number in range(5):
        apart.paths[side].fail()
        apart.a.report(apart.b, number)
        apart.b.report(apart.a, number)
        await eventually(lambda: not apart.a.owed and not apart.b.owed)
        apart.paths[side].heal()
    assert (len(apart.a.links), len(apart.b.links)) == links
    assert apart.a.terms() == apart.b.terms() == [0, 1, 2, 3, 4]


async def test_a_slow_network_is_no_lost_one(apart: Apart) -> None:
    for path in apart.paths:
        path.delay_s = 0.1
    links = len(apart.a.links), len(apart.b.links)
    for number in range(5):
        apart.a.report(apart.b, number)
        await eventually(lambda: not apart.a.owed)
    assert apart.b.terms() == [0, 1, 2, 3, 4]
    assert (len(apart.a.links), len(apart.b.links)) == links


async def test_a_network_that_swallows_everything_from_the_beginning_is_lost_and_not_unknown(start: Start) -> None:
    a, b = await start(Daemon(0)), await start(Daemon(1))
    async with TcpPath(b.port, swallows_there=True) as path:
        a.meet(b.neighbour(path.port))
        b.meet()
        await eventually(lambda: a.links)
        assert a.up == {"dpu1_0": False}
        path.heal()
        b.meet(a.neighbour())
        await both_up(a, b)
        await a.stop()
        await b.stop()


async def test_an_address_where_nobody_listens_does_not_keep_from_the_next_one(start: Start) -> None:
    """IPv4 and IPv6 are in the row of the peer, which listens at one of them (FL-08)."""
    a, b = await start(Daemon(0)), await start(Daemon(1))
    b.meet(a.neighbour())
    a.meet(Neighbour(b.dpu_name, 0, ("::1", "127.0.0.1"), b.port))
    await both_up(a, b)
    await eventually(lambda: a.bus.counts["links_up"] == b.bus.counts["links_up"] == 2)


async def test_all_that_is_owed_is_said_at_once_on_return_and_heard_once(apart: Apart) -> None:
    """In every stream the newest, and a request that is not too old."""
    for path in apart.paths:
        path.fail()
    await apart.both_lost()
    sets = [f"ha-set/{number}" for number in range(50)]
    apart.b.entities |= set(sets)
    for number in range(3):
        apart.a.report(apart.b, number)
        for name in sets:
            apart.a.report(apart.b, number, to=name)
    apart.a.ask(apart.b, 1)
    for path in apart.paths:
        path.heal()
    await eventually(lambda: not apart.a.owed)
    assert len(apart.b.heard) == len(sets) + 2
    assert {message.to for message in apart.b.heard} == {*sets, apart.b.scope}
    assert all(apart.b.terms(name) == [2] for name in (*sets, apart.b.scope))


async def test_a_request_that_is_too_old_is_never_heard(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "EXPIRY_MS", 300)
    a, b = await start(Daemon(0)), Daemon(1)
    a.meet(b.neighbour())
    await eventually(lambda: a.links)
    a.ask(b, 1)
    a.report(b, 1)
    assert a.owed == 2
    await eventually(lambda: a.owed == 1)
    await start(b)
    b.meet(a.neighbour())
    await eventually(lambda: not a.owed)
    assert b.terms() == [1]
    assert len(b.heard) == 1


async def test_a_request_that_is_too_old_is_not_said_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was said once, nobody answered, and by the time it would be said again nobody wants it any more."""
    monkeypatch.setattr(outbox, "EXPIRY_MS", 300)
    a, b = await pair(start)
    b.verdict = None
    a.ask(b, 1)
    await eventually(lambda: not a.owed)
    b.verdict = Verdict.CONSUMED
    a.report(b, 1)
    await eventually(b.terms)
    assert len(b.heard) == 2


async def test_a_step_that_fails_is_done_again(start: Start) -> None:
    a, b = await pair(start)
    b.verdict = None
    a.report(b, 1)
    await eventually(lambda: len(b.heard) == 1)
    assert a.owed == 1
    b.verdict = Verdict.CONSUMED
    await eventually(lambda: not a.owed)
    assert b.terms() == [1, 1]


async def test_another_process_closes_what_is_left_of_the_links_to_the_old_one(apart: Apart) -> None:
    """A switch that was switched off and is back sooner than anything notices: the links to its old process hang."""
    a, b = apart.a, apart.b
    for path in apart.paths:
        path.strand()
    again = Daemon(1)
    told = len(a.links)
    apart.path_of_a.beyond = again.port
    with capture_logs() as logs:
        await again.start()
        again.meet(a.neighbour(apart.path_of_b.port))
        try:
            await eventually(lambda: again.up == {"dpu0_0": True})
            a.report(again, 7)
            await eventually(lambda: again.terms() == [7])
            assert [change.up for change in a.links[told:]] == [False, True]
            reasons = ["its peer has started anew", "replaced by a newer link"]
            await eventually(lambda: [each["why"] for each in logs if each["event"] == "link_down"] == reasons)
        finally:
            await again.stop()
    assert b.terms() == []
    assert a.bus.counts["paths_shared"] == 0


async def test_a_process_that_starts_again_and_again_is_met_each_time(start: Start) -> None:
    a, b = await pair(start)
    port = b.port
    for number in range(4):
        await b.stop()
        b = await start(Daemon(1, port=port))
        b.meet(a.neighbour())
        await both_up(a, b)
        a.report(b, number)
        await heard(b, [number])
    assert a.bus.counts["paths_shared"] == 0


async def test_two_processes_with_one_path_are_found_out_and_do_not_fight_in_a_loop(start: Start) -> None:
    a, b = await pair(start)
    twin = await start(Daemon(1))
    twin.meet(a.neighbour())
    await eventually(lambda: a.bus.counts["paths_shared"], lambda: a.bus.counts)
    links_up = a.bus.counts["links_up"]
    # The loser is made to wait, longer each time; in a tight loop there would be hundreds of links by then.
    await eventually(lambda: a.bus.counts["links_refused"] >= 4, lambda: a.bus.counts)
    assert a.bus.counts["links_up"] - links_up < 10
    await twin.stop()
    await both_up(a, b)
    a.report(b, 1)
    await eventually(lambda: b.terms() == [1])


async def test_over_tls_they_meet_as_well(start: Start, tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = Authority.new(tmp_path_factory.mktemp("tls"), "authority")

    def options(name: str) -> BusOptions:
        return BusOptions(tls=Tls.read(authority.sign(name, name, "IP:127.0.0.1")))

    a = await start(Daemon(0, options=options("switch0-dpu0")))
    b = await start(Daemon(1, options=options("switch1-dpu0")))
    plain = await start(Daemon(2))
    a.meet(b.neighbour(), plain.neighbour())
    b.meet(a.neighbour())
    plain.meet(a.neighbour())
    await eventually(lambda: a.up.get("dpu1_0") and b.up.get("dpu0_0"))
    a.report(b, 1)
    b.report(a, 1)
    await eventually(lambda: not a.owed and not b.owed)
    assert a.terms() == b.terms() == [1]
    await eventually(lambda: plain.up == {"dpu0_0": False} and a.up["dpu2_0"] is False)


async def test_over_ipv6_they_meet_as_well(start: Start) -> None:
    a, b = await start(Daemon(0, host="::1")), await start(Daemon(1, host="::1"))
    a.meet(b.neighbour())
    b.meet(a.neighbour())
    await both_up(a, b)
    a.report(b, 1)
    await eventually(lambda: not a.owed)
    assert b.terms() == [1]


async def test_an_address_that_is_not_there_yet_is_waited_for(start: Start) -> None:
    """Another process has the port; when it ends, the node is where it should be (FL-07)."""
    a, b = Daemon(0), await start(Daemon(1))
    squatter = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", a.port)
    await start(a)
    a.meet(b.neighbour())
    b.meet(a.neighbour())
    await eventually(lambda: a.bus.counts["binds_failed"])
    await eventually(lambda: a.up.get("dpu1_0") and b.up.get("dpu0_0"))  # By the link that a dials.
    assert a.bus.counts["links_up"] == 1
    squatter.close()
    await eventually(lambda: a.bus.counts["links_up"] == 2)


async def test_the_listener_of_the_command_line_wins_over_loopback0(start: Start) -> None:
    elsewhere = Daemon(0)
    a = await start(Daemon(0, options=BusOptions(listen=SocketAddress("127.0.0.1", elsewhere.port))))
    b = await start(Daemon(1))
    a.bus.reach(ReachBus(a.node, (), 0, (b.neighbour(),), ("an address of Loopback0",)))
    b.meet(a.neighbour(elsewhere.port))
    await both_up(a, b)
