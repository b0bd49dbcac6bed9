"""Two daemons on nodes of their own: they find each other, and what one says the other hears once.

Source: bus 4.3 (b), 6 (required of ours), 8; field-lessons FL-03; issue "the bus".
"""

import json

import pytest

from runner.inputs import LinkChanged
from runner.outputs import Neighbour, ReachBus, Verdict
from tests.bus.conftest import both_up, eventually, pair
from tests.bus.daemons import Daemon, Start


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
    await eventually(lambda: b.links)
    assert b.links == [LinkChanged("dpu0_0", up=True)]


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
    a, _ = await pair(start)
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


async def test_a_neighbour_that_is_none_any_more_is_lost_and_met_anew(start: Start) -> None:
    """What was said to it before the machine would else not say again."""
    a, b = await pair(start)
    a.meet()
    await eventually(lambda: a.up == {"dpu1_0": False} and b.up == {"dpu0_0": False})
    a.report(b, 1)
    assert a.owed == 0
    a.meet(b.neighbour())
    await eventually(lambda: a.up == {"dpu1_0": True} and b.up == {"dpu0_0": True})
    assert [change.up for change in a.links] in ([True, False, True], [False, True, False, True])
    assert b.heard == []


async def test_a_row_with_the_address_of_another_costs_only_itself(start: Start) -> None:
    a, b = await pair(start)
    a.meet(b.neighbour(), Neighbour("dpu9_0", 0, ("127.0.0.1",), b.port))
    await eventually(lambda: a.up.get("dpu9_0") is False)
    assert a.up["dpu1_0"]
    assert a.bus.counts["neighbours_refused"] == 1
    a.report(b, 1)
    await eventually(lambda: b.heard)


@pytest.mark.parametrize("node", ["west.c1.switch0-dpü0", "west.c1", "west..switch0-dpu0", "west.c1.switch0/x-dpu0"])
async def test_a_name_that_no_node_can_have_is_waited_for(start: Start, node: str) -> None:
    a, b = await pair(start)
    a.bus.reach(ReachBus(node, (a.host,), a.port, (b.neighbour(),)))
    await eventually(lambda: a.up == {"dpu1_0": False} and b.up == {"dpu0_0": False})
    a.meet(b.neighbour())
    await both_up(a, b)


async def test_a_bus_that_cannot_go_on_ends_instead_of_being_silent(start: Start) -> None:
    a, b = await pair(start)
    assert a.bus.endpoint is not None
    a.bus.endpoint.way = None  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        await a.ended()
    await eventually(lambda: b.up == {"dpu0_0": False})
