"""The queue of frames that wait for a link, beside a plain list. Source: bus 6 (rule 7) and 8, row 13."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runner.bus.links.outgoing_queue import MAX_BYTES, MAX_FRAMES, OutgoingQueue

MOST, MOST_BYTES = 4, 20


class BesideAList(RuleBasedStateMachine):
    """Whatever is put and taken, the queue is a bounded list in which a key is there once."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.queue = OutgoingQueue(MOST, MOST_BYTES)
        self.waiting: list[tuple[Any, bytes]] = []

    def teardown(self) -> None:
        self.loop.close()

    @rule(frame=st.binary(max_size=9), key=st.sampled_from([None, None, "a", "b", ("a", 1)]))
    def put(self, frame: bytes, key: object) -> None:
        after = list(self.waiting)
        same = [place for place, (other, _) in enumerate(after) if key is not None and other == key]
        if same:
            after[same[0]] = (key, frame)
        else:
            after.append((key, frame))
        fits = len(after) <= MOST and sum(len(each) for _, each in after) <= MOST_BYTES
        assert self.queue.put(frame, key) == fits
        if fits:
            self.waiting = after

    @precondition(lambda self: self.waiting)
    @rule()
    def take(self) -> None:
        _, frame = self.waiting.pop(0)
        assert self.loop.run_until_complete(self.queue.take()) == frame

    @invariant()
    def holds_as_much(self) -> None:
        assert len(self.queue) == len(self.waiting)
        assert self.queue.bytes_waiting == sum(len(frame) for _, frame in self.waiting)


TestBesideAList = BesideAList.TestCase


@pytest.mark.parametrize("size", [0, 1, 4096, 1 << 20])
def test_the_bounds_are_those_of_the_specification(size: int) -> None:
    queue = OutgoingQueue()
    taken = 0
    while queue.put(bytes(size)):
        taken += 1

    assert taken == min(MAX_FRAMES, MAX_BYTES // size if size else MAX_FRAMES)
    assert (MAX_FRAMES, MAX_BYTES) == (1024, 4 * 1024 * 1024)


@given(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=50))
def test_one_key_costs_one_frame(frames: list[bytes]) -> None:
    queue = OutgoingQueue(1, 9)

    assert all(queue.put(frame, "state") for frame in frames)
    assert (len(queue), queue.bytes_waiting) == (1, len(frames[-1]))


async def test_taking_waits_for_a_frame() -> None:
    queue = OutgoingQueue()
    taking = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    assert not taking.done()

    queue.put(b"frame")

    assert await taking == b"frame"


async def test_a_frame_that_is_being_written_is_not_idle() -> None:
    queue = OutgoingQueue()
    await queue.idle()
    queue.put(b"frame")
    await queue.take()
    idle = asyncio.create_task(queue.idle())
    await asyncio.sleep(0)
    assert not idle.done()

    taking = asyncio.create_task(queue.take())

    await idle
    queue.close()
    assert await taking is None


async def test_a_closed_queue_takes_nothing_and_gives_nothing() -> None:
    queue = OutgoingQueue()
    queue.put(b"one")
    queue.put(b"two")

    assert queue.close() == 2
    assert not queue.put(b"three")
    assert await queue.take() is None
    assert (len(queue), queue.bytes_waiting) == (0, 0)
    await queue.idle()
