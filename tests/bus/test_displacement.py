"""Which of two links is that of another process, and who has to wait. Source: bus 8 rows 1 and 17."""

from collections import Counter

import pytest

from models.service_path import ServicePath
from models.swbus import ConnectionType
from runner.bus.displacement import AT_MOST_EVERY_S, REMEMBERED, Displacement, is_another_process
from runner.bus.links.introduction import Introduction
from runner.bus.links.link import Link
from runner.bus.links.owner import Hello
from runner.bus.links.socket_address import SocketAddress
from tests.bus.links.recorder import Recorder

PEER, THIRD = (ServicePath.parse(f"west.c1.switch{number}-dpu0") for number in (2, 3))


def hello(incarnation: str | None, accepted: bool = True, path: ServicePath = PEER) -> Hello:
    """Somebody with a path."""
    return Hello(accepted, SocketAddress("10.0.0.2", 1), Introduction(path, ConnectionType.IN_CLUSTER, incarnation))


def link(incarnation: str | None, accepted: bool = True) -> Link:
    """A link to somebody."""
    return Link(hello(incarnation, accepted), Recorder(), Counter())


@pytest.mark.parametrize(
    "old,old_accepted,new,new_accepted,another",
    [
        ("p", True, "p", True, False),
        ("p", True, "p", False, False),
        ("p", True, "q", True, True),
        ("p", False, "q", True, True),
        ("p", True, "q", False, True),
        # A bus daemon became one of ours, or the other way round.
        (None, False, "q", True, True),
        ("p", True, None, False, True),
        # Of bus daemons only a second link that they dialled says something.
        (None, True, None, True, True),
        (None, False, None, True, False),
        (None, True, None, False, False),
    ],
)
async def test_another_process(
    old: str | None, old_accepted: bool, new: str | None, new_accepted: bool, another: bool
) -> None:
    assert is_another_process(link(old, old_accepted), hello(new, new_accepted)) is another


async def test_one_is_replaced_at_once_and_the_next_one_has_to_wait() -> None:
    now = [100.0]
    displacement = Displacement(lambda: now[0])
    assert displacement.refusal(hello("q"), [link("p")]) is None
    displacement.happened(link("p"))
    assert displacement.refusal(hello("r"), [link("q")]) is not None
    assert displacement.refusal(hello("q", accepted=False), [link("q")]) is None  # Its other link.
    assert displacement.refusal(hello("r"), []) is None  # Nobody is replaced by that.
    assert displacement.refusal(hello("r", path=THIRD), [link("q")]) is None
    now[0] += AT_MOST_EVERY_S
    assert displacement.refusal(hello("r"), [link("q")]) is None


async def test_who_was_replaced_is_known_again_for_a_while() -> None:
    displacement = Displacement(lambda: 0.0)
    assert not displacement.was_replaced(hello("p"))
    for number in range(REMEMBERED + 1):
        displacement.happened(link(f"p{number}"))
    displacement.happened(link(None))
    assert not displacement.was_replaced(hello("p0"))
    assert displacement.was_replaced(hello("p1"))
    assert not displacement.was_replaced(hello("p1", path=THIRD))
    assert not displacement.was_replaced(hello(None))
