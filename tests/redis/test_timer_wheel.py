"""Timers of the node: one shot each, by name."""

import asyncio

import pytest

from runner.timer_wheel import TimerWheel
from tests.redis.conftest import until


@pytest.fixture
def due() -> list[str]:
    return []


async def test_timer_fires_once_and_is_taken_once(due: list[str]) -> None:
    wheel = TimerWheel(due.append)
    wheel.set("a", 1)
    wheel.set("b", 3)
    await until(lambda: due == ["a", "b"])
    assert wheel.take("a")
    assert not wheel.take("a")


async def test_timer_of_the_same_name_starts_anew(due: list[str]) -> None:
    wheel = TimerWheel(due.append)
    wheel.set("a", 10)
    wheel.set("a", 60_000)
    wheel.set("b", 20)
    await until(lambda: "b" in due)
    assert due == ["b"]
    wheel.cancel_all()


async def test_timer_that_is_due_may_still_be_cancelled_or_set_anew(due: list[str]) -> None:
    """It waits in the queue behind the input that cancels it."""
    wheel = TimerWheel(due.append)
    for name in ("cancelled", "renewed", "kept"):
        wheel.set(name, 0)
    await until(lambda: len(due) == 3)
    wheel.cancel("cancelled")
    wheel.set("renewed", 60_000)
    assert [wheel.take(name) for name in ("cancelled", "renewed", "kept")] == [False, False, True]
    wheel.cancel_all()
    await asyncio.sleep(0)
    assert len(due) == 3
