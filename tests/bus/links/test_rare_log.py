"""Complaints that repeat themselves. Source: bus 8, rows 4 and 18."""

from hypothesis import given
from hypothesis import strategies as st

from runner.bus.links.rare_log import AGAIN_AFTER_S, MOST_KINDS, RareLog


def test_a_complaint_is_due_first_and_then_rarely() -> None:
    now_s = 0.0
    log = RareLog(lambda: now_s)
    due = []
    for now_s in (0.0, 1.0, AGAIN_AFTER_S - 1, AGAIN_AFTER_S, AGAIN_AFTER_S + 1):  # noqa: B007
        due.append(log.due("kind"))

    assert due == [True, False, False, True, False]


def test_every_kind_is_news_and_so_is_one_after_a_time_without_trouble() -> None:
    log = RareLog(lambda: 0.0)

    assert [log.due(kind) for kind in ("one", "two", "one", "two")] == [True, True, False, False]
    log.forget()
    assert log.due("one")


@given(st.lists(st.integers(), max_size=1000))
def test_strangers_cannot_make_it_remember_without_end(kinds: list[int]) -> None:
    log = RareLog(lambda: 0.0)
    for kind in [*kinds, *range(2 * MOST_KINDS)]:
        log.due(kind)

    assert sum(not log.due(kind) for kind in reversed(range(2 * MOST_KINDS))) == MOST_KINDS
