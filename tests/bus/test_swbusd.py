"""Beside the bus daemon that is in use today: as its client, with it as the peer's node, and both at once.

Source: bus 1, 3.3, 4.1 to 4.3, 8 rows 2, 11 and 23; field-lessons FL-08.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from attrs import define
from structlog.testing import capture_logs

from models.peer_messages import encode_message
from models.service_path import ServicePath, hamgrd_base
from models.swbus import ConnectionType, DataRequest, ErrorCode, ManagementRequest, Ping, Response
from runner.bus import edge, reachability
from runner.bus.bus import BusOptions
from runner.inputs import LinkChanged
from tests.bus.conftest import eventually
from tests.bus.daemons import SCOPE, Daemon, Start, address, state_report
from tests.bus.raw_peer import RawPeer, command_line_client, dial
from tests.bus.swbusd_double import ReferenceHamgrd, SwbusdDouble

NODES = [ServicePath.parse(f"west.c1.switch{number}-dpu0") for number in range(3)]

Doubles = Callable[[SwbusdDouble], Awaitable[SwbusdDouble]]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask more often than in life, so that a test does not spend its time with waiting for the next ping."""
    monkeypatch.setattr(reachability, "PING_EVERY_S", 0.2)
    monkeypatch.setattr(edge, "LOOK_EVERY_S", 0.5)


@pytest.fixture
async def begin() -> AsyncIterator[Doubles]:
    """Starts doubles; all are ended after the test."""
    async with AsyncExitStack() as stack:

        async def start(double: SwbusdDouble) -> SwbusdDouble:
            await double.start()
            stack.push_async_callback(double.stop)
            return double

        yield start


def behind(number: int, double: SwbusdDouble) -> Daemon:
    """One of our daemons, as the client of a double."""
    return Daemon(number, port=double.port, options=BusOptions(swbusd=address(double.port)))


@define
class Switches:
    """Two of our daemons, each behind a bus daemon of its own."""

    a: Daemon
    b: Daemon
    swbusd_a: SwbusdDouble
    swbusd_b: SwbusdDouble

    async def meet(self) -> None:
        """Until each can speak to the other."""
        self.a.meet(self.b.neighbour())
        self.b.meet(self.a.neighbour())
        await eventually(
            lambda: self.a.up == {"dpu1_0": True} and self.b.up == {"dpu0_0": True},
            lambda: (self.a.links, self.b.links, self.swbusd_a.counts, self.swbusd_b.counts),
        )


@pytest.fixture
async def switches(start: Start, begin: Doubles) -> Switches:
    """Two switches with bus daemons, which know each other."""
    swbusd_a, swbusd_b = SwbusdDouble(NODES[0]), SwbusdDouble(NODES[1])
    swbusd_a.peers, swbusd_b.peers = [swbusd_b.port], [swbusd_a.port]
    await begin(swbusd_a)
    await begin(swbusd_b)
    both = Switches(behind(0, swbusd_a), behind(1, swbusd_b), swbusd_a, swbusd_b)
    await start(both.a)
    await start(both.b)
    return both


@asynccontextmanager
async def reference_hamgrd(double: SwbusdDouble, number: int) -> AsyncIterator[tuple[RawPeer, ReferenceHamgrd]]:
    """A hamgrd of today behind a double, with the scope that a daemon of that number has."""
    base = hamgrd_base(NODES[number])
    hamgrd = ReferenceHamgrd(base, {f"ha-scope/vdpu{number}_0:{SCOPE}", f"ha-set/{SCOPE}"})
    async with dial(double.port, ConnectionType.IN_NODE, base) as stream:
        stream.own = base.entity(f"ha-scope/vdpu{number}_0:{SCOPE}")
        stream.reacts = hamgrd.answer
        yield stream, hamgrd


# (a) Clients of a bus daemon.


async def test_two_clients_of_two_bus_daemons_speak_and_nobody_is_trapped(switches: Switches) -> None:
    await switches.meet()
    a, b = switches.a, switches.b
    for number in range(20):
        a.report(b, number)
        b.report(a, number)
    a.ask(b, 1)
    await eventually(lambda: not a.owed and not b.owed)
    for daemon in (a, b):
        assert daemon.terms()[-1] == 19
        assert daemon.terms() == sorted(set(daemon.terms()))
    for double in (switches.swbusd_a, switches.swbusd_b):
        assert double.counts["trapped"] == 0
        assert double.counts["responses answered"] == 0
        assert not [link for link in double.connections if link.deaf]


async def test_the_trap_of_the_double_works(begin: Doubles) -> None:
    """So that the test before this one can fail: who asks to resolve an unknown endpoint is not heard any more."""
    double = await begin(SwbusdDouble(NODES[0]))
    async with dial(double.port, ConnectionType.IN_NODE, hamgrd_base(NODES[0])) as client:
        await client.ask(Ping(), NODES[0])
        await client.say(ManagementRequest(2, (("endpoint", "10.0.0.2:23606"),)), NODES[0])
        await client.until(lambda: double.counts["trapped"])
        number = await client.say(Ping(), NODES[0])
        async with command_line_client(double.port, NODES[0]) as other:
            await other.ask(Ping(), NODES[0])
        assert client.answered(number) == []


async def test_a_peer_whose_hamgrd_is_gone_behind_a_living_bus_daemon_is_lost(switches: Switches) -> None:
    await switches.meet()
    a, b = switches.a, switches.b
    await b.stop()
    await eventually(lambda: a.up == {"dpu1_0": False})
    a.report(b, 1)
    a.report(b, 2)
    again = Daemon(1, port=b.port, options=b.options)
    again.meet(a.neighbour())
    await again.start()
    try:
        await eventually(lambda: again.heard and not a.owed)
        assert again.terms() == [2]
        assert a.links == [LinkChanged("dpu1_0", up) for up in (True, False, True)][-len(a.links) :]
    finally:
        await again.stop()


async def test_a_bus_daemon_that_restarts_loses_everybody_and_finds_them_again(
    switches: Switches, begin: Doubles
) -> None:
    await switches.meet()
    a, b, old = switches.a, switches.b, switches.swbusd_a
    await old.stop()
    await eventually(lambda: a.up == {"dpu1_0": False} and b.up == {"dpu0_0": False})
    a.report(b, 5)
    await begin(SwbusdDouble(NODES[0], peers=old.peers, port=old.port))
    await eventually(lambda: a.up == {"dpu1_0": True} and b.up == {"dpu0_0": True})
    await eventually(lambda: not a.owed)
    assert b.terms() == [5]


async def test_a_route_that_vanishes_takes_the_peer_along(switches: Switches, begin: Doubles) -> None:
    await switches.meet()
    a, b, far = switches.a, switches.b, switches.swbusd_b
    await far.stop()
    await eventually(lambda: a.up == {"dpu1_0": False})
    await begin(SwbusdDouble(NODES[1], peers=far.peers, port=far.port))
    await eventually(lambda: a.up == {"dpu1_0": True} and b.up == {"dpu0_0": True})


async def test_what_vanishes_beyond_the_bus_daemon_is_noticed_by_silence(switches: Switches) -> None:
    await switches.meet()
    switches.swbusd_a.swallows = {hamgrd_base(NODES[1]).service_key}
    await eventually(lambda: switches.a.up == {"dpu1_0": False})
    assert switches.swbusd_a.counts["swallowed"]
    switches.swbusd_a.swallows = set()
    await eventually(lambda: switches.a.up == {"dpu1_0": True})


async def test_without_a_bus_daemon_the_first_attempt_fails_and_that_is_told_once(start: Start, begin: Doubles) -> None:
    double = SwbusdDouble(NODES[0])
    a = await start(behind(0, double))
    a.meet(Daemon(1).neighbour())
    await eventually(lambda: a.bus.counts["dials_failed"] >= 2)
    assert a.links == [LinkChanged("dpu1_0", up=False)]
    await begin(double)
    await eventually(lambda: double.to(hamgrd_base(NODES[0])))
    await eventually(lambda: double.counts["answered OK"] >= 2)
    assert a.links == [LinkChanged("dpu1_0", up=False)]


async def test_a_bus_daemon_of_another_node_is_told_once(start: Start, begin: Doubles) -> None:
    """Nothing would say else why there is no way to anybody: two slots of one switch differ in a digit."""
    double = await begin(SwbusdDouble(NODES[2]))
    a = await start(behind(0, double))
    with capture_logs() as logs:
        a.meet(Daemon(1).neighbour())
        await eventually(lambda: a.bus.counts["swbusd of another node"])
        await eventually(lambda: double.to(hamgrd_base(NODES[0])))
    [told] = [entry for entry in logs if entry["event"] == "swbusd_of_another_node"]
    assert (told["node"], told["own"]) == (str(NODES[2]), str(NODES[0]))


async def test_nobody_is_there_until_its_hamgrd_is_connected(start: Start, switches: Switches) -> None:
    """The node can be reached, its hamgrd cannot: that is lost, and it is not unknown."""
    a, b = switches.a, switches.b
    await b.stop()
    a.meet(b.neighbour())
    await eventually(lambda: a.links)
    await eventually(lambda: switches.swbusd_b.counts["answered NO_ROUTE"])
    assert a.up == {"dpu1_0": False}


async def test_a_peer_may_be_found_as_somebody_who_dialled(start: Start, begin: Doubles) -> None:
    """Our bus daemon cannot dial the other: its table shows the peer by the address that it came from."""
    swbusd_a = await begin(SwbusdDouble(NODES[0]))
    swbusd_b = await begin(SwbusdDouble(NODES[1], peers=[swbusd_a.port]))
    a, b = await start(behind(0, swbusd_a)), await start(behind(1, swbusd_b))
    a.meet(b.neighbour())
    b.meet(a.neighbour())
    await eventually(lambda: a.up.get("dpu1_0") and b.up.get("dpu0_0"), lambda: (a.links, b.links))
    assert a.bus.counts["owner_errors"] == 0


async def test_what_a_known_peer_says_is_heard_though_its_route_is_not_yet_known_again(
    switches: Switches, begin: Doubles
) -> None:
    """A peer of today says it again only after 15 s: who spoke once is known until it is not configured any more."""
    await switches.meet()
    a, old = switches.a, switches.swbusd_a
    await switches.swbusd_b.stop()
    await old.stop()
    await eventually(lambda: a.up == {"dpu1_0": False})
    double = SwbusdDouble(NODES[0], port=old.port)  # It has no link to the peer: there is no route.
    await begin(double)
    await eventually(lambda: double.to(hamgrd_base(NODES[0])))
    peer = hamgrd_base(NODES[1]).entity(switches.b.scope)
    async with dial(double.port, ConnectionType.IN_CLUSTER, NODES[2]) as stream:
        payload = encode_message(peer.resource_id, state_report(9, 1, 0)).encode()
        number = await stream.say(DataRequest(payload), hamgrd_base(NODES[0]).entity(a.scope), source=peer)
        await eventually(lambda: a.heard)
        assert a.terms() == [9]
        assert stream.answered(number) == []  # The answer is on its way to the peer, not to who carried the question.


# (b) A node of its own, beside the bus daemon of the peer.


async def test_a_node_of_its_own_speaks_with_a_hamgrd_of_today(start: Start, begin: Doubles) -> None:
    a = Daemon(0)
    double = await begin(SwbusdDouble(NODES[1], peers=[a.port]))
    b = Daemon(1, port=double.port)  # Only its names are used: the hamgrd is another one.
    await start(a)
    async with reference_hamgrd(double, 1) as (stream, hamgrd):
        a.meet(b.neighbour())
        await eventually(lambda: a.up == {"dpu1_0": True}, lambda: (a.links, double.counts))
        a.report(b, 3)
        a.report(b, 3, to=f"ha-set/{SCOPE}")
        await eventually(lambda: not a.owed)
        data = [message for message in hamgrd.heard if isinstance(message.body, DataRequest)]
        assert {message.header.destination.resource for message in data} == hamgrd.actors

        payload = encode_message(f"vdpu1_0:{SCOPE}", state_report(8, 1, 0)).encode()
        source, response = await stream.ask(DataRequest(payload), hamgrd_base(NODES[0]).entity(a.scope))
        assert (source.resource, response.error_code) == (a.scope, ErrorCode.OK)
        assert a.terms() == [8]

        # What the other hamgrd needs of us as a node.
        await eventually(lambda: {link.accepted for link in double.to(NODES[0])} == {True, False})
        asked = ManagementRequest(2, (("endpoint", f"127.0.0.1:{a.port}"),))
        source, response = await stream.ask(asked, NODES[1])
        assert response.query_result == a.node
        assert (await stream.ask(Ping(), NODES[0]))[1].error_code is ErrorCode.OK
        assert double.never_again == set()
    await eventually(lambda: a.up == {"dpu1_0": False})
    assert double.to(NODES[0])


async def test_announcements_of_a_bus_daemon_do_no_harm(start: Start, begin: Doubles) -> None:
    """It announces itself and others whenever something changes; ours say only what keeps the direct route alive."""
    a = Daemon(0)
    double = await begin(SwbusdDouble(NODES[1], peers=[a.port]))
    await start(a)
    a.meet(Daemon(1, port=double.port).neighbour())
    async with reference_hamgrd(double, 1):
        await eventually(lambda: a.up == {"dpu1_0": True})
        for _ in range(3):
            async with dial(double.port, ConnectionType.IN_CLUSTER, NODES[2]):
                pass
        await eventually(lambda: double.counts["announcements applied"] >= 2)
        assert all(link.direct for link in double.connections)
        assert a.up == {"dpu1_0": True}


async def test_a_bus_daemon_that_restarts_is_met_anew(start: Start, begin: Doubles) -> None:
    a = Daemon(0)
    double = await begin(SwbusdDouble(NODES[1], peers=[a.port]))
    await start(a)
    b = Daemon(1, port=double.port)
    a.meet(b.neighbour())
    async with reference_hamgrd(double, 1):
        await eventually(lambda: a.up == {"dpu1_0": True})
    await double.stop()
    await eventually(lambda: a.up == {"dpu1_0": False})
    a.report(b, 1)
    again = await begin(SwbusdDouble(NODES[1], peers=[a.port], port=double.port))
    async with reference_hamgrd(again, 1) as (_, hamgrd):
        await eventually(lambda: not a.owed)
        assert [type(message.body) for message in hamgrd.heard].count(DataRequest) == 1
        assert a.up == {"dpu1_0": True}


async def test_an_answer_that_nobody_wants_does_not_go_to_and_fro(start: Start, begin: Doubles) -> None:
    """Two nodes of today would answer each other for ever (weakness 11); one of ours is enough to end it."""
    a = Daemon(0)
    double = await begin(SwbusdDouble(NODES[1], peers=[a.port]))
    await start(a)
    a.meet(Daemon(1, port=double.port).neighbour())
    await eventually(lambda: double.to(NODES[0]))
    async with dial(double.port, ConnectionType.IN_NODE, hamgrd_base(NODES[1])) as stream:
        await stream.say(Response(7, ErrorCode.OK), ServicePath.parse(f"{a.node}/nosuch/0"))
        await stream.ask(Ping(), NODES[0])
    before = double.counts["responses answered"]
    async with command_line_client(double.port, NODES[1]) as client:
        await client.ask(Ping(), NODES[1])
    assert double.counts["responses answered"] == before


# Both at once.


async def test_one_is_a_client_and_the_other_a_node(start: Start, begin: Doubles) -> None:
    b = Daemon(1)
    swbusd_a = await begin(SwbusdDouble(NODES[0], peers=[b.port]))
    a = await start(behind(0, swbusd_a))
    await start(b)
    a.meet(b.neighbour())
    b.meet(a.neighbour())
    await eventually(lambda: a.up == {"dpu1_0": True} and b.up == {"dpu0_0": True}, lambda: (a.links, b.links))
    a.ask(b, 1)
    b.report(a, 4)
    await eventually(lambda: not a.owed and not b.owed)
    assert len(b.heard) == 1
    assert a.terms() == [4]
    await b.stop()
    await eventually(lambda: a.up == {"dpu1_0": False})
    assert swbusd_a.counts["trapped"] == 0
