"""Two daemons on nodes of their own: they find each other, and what one says the other hears once.

Source: bus 4.3 (b), 6 (required of ours), 8; field-lessons FL-03; issue "the bus".
"""

import json

from runner.inputs import LinkChanged
from runner.outputs import Verdict
from tests.bus.conftest import eventually
from tests.bus.daemons import Daemon, Start


async def pair(start: Start) -> tuple[Daemon, Daemon]:
    """Two daemons with a link between them."""
    a, b = await start(Daemon(0)), await start(Daemon(1))
    a.meet(b.neighbour())
    b.meet(a.neighbour())
    await eventually(lambda: a.up == {"dpu1_0": True} and b.up == {"dpu0_0": True}, lambda: (a.links, b.links))
    return a, b


async def test_they_meet_and_a_message_is_heard_once_and_acknowledged(start: Start) -> None:
    a, b = await pair(start)
    a.report(b, 7)
    await eventually(lambda: b.heard and not a.owed)
    [message] = b.heard
    assert (message.dpu_name, message.source, message.to) == ("dpu0_0", a.scope, b.scope)
    assert json.loads(message.payload)["data"]["term"] == "7"


async def test_a_link_that_was_not_tried_is_unknown_and_one_that_failed_is_lost(start: Start) -> None:
    a, b = Daemon(0), Daemon(1)
    await start(a)
    a.meet(b.neighbour())
    await eventually(lambda: a.links)
    assert a.links == [LinkChanged("dpu1_0", up=False)]
    await start(b)
    b.meet(a.neighbour())
    await eventually(lambda: a.up == {"dpu1_0": True})
    assert b.links == [LinkChanged("dpu0_0", up=True)] or b.links[0].up


async def test_what_was_said_before_the_link_is_heard_when_it_comes(start: Start) -> None:
    a, b = await start(Daemon(0)), Daemon(1)
    a.meet(b.neighbour())
    await eventually(lambda: a.links)
    for number in range(5):
        a.report(b, number)
    await start(b)
    b.meet(a.neighbour())
    await eventually(lambda: b.heard and not a.owed)
    assert [json.loads(text)["data"]["term"] for text in b.payloads()] == ["4"]


async def test_it_is_acknowledged_after_the_step_and_not_before(start: Start) -> None:
    a, b = await pair(start)
    b.holds = True
    a.ask(b, 1)
    await eventually(lambda: b.held)
    assert a.owed == 1
    b.held.pop().answered(Verdict.CONSUMED)
    await eventually(lambda: not a.owed)
    assert len(b.heard) == 1


async def test_what_the_receiver_cannot_read_is_not_said_again(start: Start) -> None:
    a, b = await pair(start)
    b.verdict = Verdict.UNREADABLE
    a.report(b, 1)
    await eventually(lambda: not a.owed)
    assert len(b.heard) == 1
    assert a.bus.counts["message answered with invalid_payload"] == 1


async def test_nobody_there_is_told_and_the_report_stays_owed(start: Start) -> None:
    a, b = await pair(start)
    a.report(b, 1, to="ha-scope/vdpu1_0:elsewhere")
    await eventually(lambda: a.bus.counts["message answered with no_route"])
    assert a.owed == 1
    assert b.heard == []
    a.report(b, 2, to=b.scope)
    await eventually(lambda: b.heard)


async def test_a_daemon_that_starts_anew_is_met_anew(start: Start) -> None:
    a, b = await pair(start)
    await b.stop()
    await eventually(lambda: a.up == {"dpu1_0": False})
    a.report(b, 3)
    again = Daemon(1, port=b.port)
    await start(again)
    again.meet(a.neighbour())
    await eventually(lambda: again.heard and not a.owed)
    assert a.up == {"dpu1_0": True}


async def test_a_change_of_neighbours_is_followed(start: Start) -> None:
    a, b = await pair(start)
    c = await start(Daemon(2))
    c.meet(a.neighbour())
    a.meet(c.neighbour())
    await eventually(lambda: a.up.get("dpu2_0") and c.up.get("dpu0_0"))
    await eventually(lambda: b.up == {"dpu0_0": False})
    assert a.bus.endpoint is not None
    a.report(b, 1)
    a.report(c, 2)
    await eventually(lambda: c.heard)
    assert b.heard == []


async def test_a_stranger_is_refused(start: Start) -> None:
    a, b = await pair(start)
    stranger = Daemon(7)
    await start(stranger)
    stranger.meet(a.neighbour())
    await eventually(lambda: stranger.links)
    assert stranger.up == {"dpu0_0": False}
    await eventually(lambda: a.bus.counts["links_refused"])
    assert a.up == {"dpu1_0": True}


async def test_while_something_is_missing_the_bus_waits_and_leaves(start: Start) -> None:
    a, b = await pair(start)
    a.meet(b.neighbour(), waiting_for=("an address of Loopback0",))
    await eventually(lambda: a.up == {"dpu1_0": False} and b.up == {"dpu0_0": False})
    a.meet(b.neighbour())
    await eventually(lambda: a.up == {"dpu1_0": True} and b.up == {"dpu0_0": True})
