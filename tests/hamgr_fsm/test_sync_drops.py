"""When inline sync packets count as lost: a table of cases, and what must never count.

Source: switch-driven 8; field-lessons LD-02; scenarios C15, C16.
"""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from attrs import frozen
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hamgr_fsm.scope.sync_drops import SyncDrops
from hamgr_fsm.timers import DEFAULT_TIMERS

LIMIT = DEFAULT_TIMERS.sync_drop_limit
ENI, OTHER = "F4939FEFC47E", "F4939FEFC47F"
LARGEST = 2**64 - 1

Reading = tuple[int, int] | None
"""Sent and acknowledged; None: the ENI is missing."""


def judged(readings: Iterable[Reading], limit: float = LIMIT) -> list[bool]:
    """Whether the ENI loses too much, after every poll."""
    drops, found = SyncDrops(), []
    for reading in readings:
        drops = drops.polled([(ENI, *reading)] if reading else [], limit=limit, in_step=True)
        found.append(bool(drops.losing))
    return found


@frozen
class Case:
    """Polls, and the polls (from 0) after which the ENI loses too much."""

    polls: tuple[Reading, ...]
    losing: tuple[int, ...] = ()


CASES = {
    "no poll": Case(()),
    "one poll is a base": Case(((10**6, 0),)),
    "31 lost in one poll": Case(((0, 0), (131, 100), (231, 200))),
    "31 lost in each of two polls": Case(((0, 0), (131, 100), (262, 200)), losing=(2,)),
    "30 lost in each of two polls": Case(((0, 0), (130, 100), (260, 200))),
    "29 lost in each of two polls": Case(((0, 0), (129, 100), (258, 200))),
    "62 lost over two polls": Case(((0, 0), (161, 100), (262, 200))),
    "a good poll in between": Case(((0, 0), (131, 100), (231, 200), (362, 300))),
    "lost in every poll": Case(((0, 0), (31, 0), (62, 0), (93, 0)), losing=(2, 3)),
    "over after a good poll": Case(((0, 0), (31, 0), (62, 0), (63, 1)), losing=(2,)),
    "rx grows faster than tx": Case(((0, 0), (100, 200), (200, 400))),
    "late acknowledgements are no credit": Case(((0, 0), (0, 1000), (31, 1000), (62, 1000)), losing=(3,)),
    "nothing moves": Case(((500, 400), (500, 400), (500, 400))),
    "reset to 0": Case(((10**6, 10**6), (0, 0), (0, 0))),
    "reset, then much more sent": Case(((1000, 1000), (500, 400), (600, 400))),
    "reset breaks the row": Case(((0, 0), (31, 0), (5, 0), (36, 0))),
    "only rx is reset": Case(((1000, 1000), (1100, 0), (1200, 0))),
    "only tx is reset": Case(((1000, 1000), (0, 1100), (31, 1100))),
    "reset, then two bad polls": Case(((1000, 1000), (0, 0), (31, 0), (62, 0)), losing=(3,)),
    "wraps around": Case(((LARGEST, LARGEST - 40), (9, LARGEST), (50, LARGEST))),
    "missing breaks the row": Case(((0, 0), (31, 0), None, (62, 0))),
    "missing, then only a base": Case(((0, 0), (31, 0), None, (62, 0), (93, 0))),
    "missing, then two bad polls": Case(((0, 0), None, (31, 0), (62, 0), (93, 0)), losing=(4,)),
    "largest numbers": Case(((0, 0), (LARGEST - 31, 0), (LARGEST, 0)), losing=(2,)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_polls_of_one_eni(case: Case) -> None:
    assert [place for place, losing in enumerate(judged(case.polls)) if losing] == list(case.losing)


def test_limit_is_a_setting() -> None:
    polls = ((0, 0), (31, 0), (62, 0))
    assert judged(polls, limit=31) == [False] * 3
    assert judged(polls, limit=30) == [False, False, True]


def test_two_enis_that_take_turns_make_no_row() -> None:
    drops = SyncDrops()
    for first, second in ((0, 0), (31, 0), (31, 31), (62, 31), (62, 62)):
        drops = drops.polled([(ENI, first, 0), (OTHER, second, 0)], limit=LIMIT, in_step=True)
        assert not drops.losing


def test_the_eni_that_loses_is_named() -> None:
    drops = SyncDrops()
    for lost in (0, 31, 62):
        drops = drops.polled([(ENI, lost, 0), (OTHER, lost, lost)], limit=LIMIT, in_step=True)
    assert drops.losing == {ENI}


@pytest.mark.parametrize("when", ["at a poll", "between two polls"])
def test_c16_losses_while_flows_are_not_kept_in_step_break_the_row(when: str) -> None:
    drops = SyncDrops().polled([(ENI, 0, 0)], limit=LIMIT, in_step=True)
    drops = drops.polled([(ENI, 31, 0)], limit=LIMIT, in_step=True)
    if when == "at a poll":
        drops = drops.polled([(ENI, 10_000, 0)], limit=LIMIT, in_step=False)
    else:
        drops = drops.noted(in_step=False).noted(in_step=True)
        drops = drops.polled([(ENI, 10_000, 0)], limit=LIMIT, in_step=True)
    assert not drops.losing
    # The time up to the next poll began while they were not kept in step, if the poll found it so.
    lossy_polls = 3 if when == "at a poll" else 2
    for number in range(1, lossy_polls + 1):
        assert not drops.losing
        drops = drops.polled([(ENI, 10_000 + 31 * number, 0)], limit=LIMIT, in_step=True)
    assert drops.losing == {ENI}


COUNTER = st.integers(0, LARGEST) | st.integers(0, 200)
GAPS: st.SearchStrategy[Reading] = st.none()
READINGS: st.SearchStrategy[Reading] = st.tuples(COUNTER, COUNTER)


@given(st.lists(READINGS | GAPS, max_size=8))
@example([(LARGEST, LARGEST), (0, 0), (LARGEST, 0)])
def test_only_two_growing_differences_in_a_row_ever_count(readings: list[Reading]) -> None:
    for place, losing in enumerate(judged(readings)):
        last_three = readings[place - 2 : place + 1] if place >= 2 else [None]
        known = [reading for reading in last_three if reading is not None]
        steps = [(tx - tx0, rx - rx0) for (tx0, rx0), (tx, rx) in pairwise(known)]
        counts = [sent >= 0 and acknowledged >= 0 and sent - acknowledged > LIMIT for sent, acknowledged in steps]
        assert losing == (counts == [True, True])


@given(st.lists(READINGS, min_size=1, max_size=6), st.sampled_from(["reset", "gap", "wrap"]), st.data())
def test_a_reset_a_gap_or_a_wrap_never_triggers(before: list[Reading], what: str, data: st.DataObject) -> None:
    last = before[-1]
    assert last is not None
    tx, rx = last
    assume(tx > 0)
    match what:
        case "gap":
            after: list[Reading] = [None, data.draw(READINGS)]
        case "reset":
            after = [(0, 0)]
        case _:
            # Whatever is sent next takes the counter beyond its end.
            sent = data.draw(st.integers(LARGEST + 1 - tx, LARGEST))
            after = [((tx + sent) % (LARGEST + 1), rx)]
    first_after = len(before)
    found = judged([*before, *after, data.draw(READINGS)])
    assert not any(found[first_after:])


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), max_size=8), st.integers(0, 2**60))
def test_where_the_counters_start_means_nothing(steps: list[tuple[int, int]], start: int) -> None:
    def polls(tx: int, rx: int) -> list[Reading]:
        found: list[Reading] = [(tx, rx)]
        for sent, acknowledged in steps:
            tx, rx = tx + sent, rx + acknowledged
            found.append((tx, rx))
        return found

    assert judged(polls(0, 0)) == judged(polls(start, 7 * start))


@given(st.lists(st.tuples(READINGS, st.booleans()), max_size=8))
def test_never_in_step_never_loses(polls: list[tuple[tuple[int, int], bool]]) -> None:
    drops = SyncDrops()
    for (tx, rx), at_the_poll in polls:
        drops = drops.noted(in_step=False).polled([(ENI, tx, rx)], limit=LIMIT, in_step=at_the_poll)
        assert not drops.losing
