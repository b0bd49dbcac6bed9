"""Ids grow for every path that sends, whatever the clock does. Source: bus 3.2, 6 rule 6."""

from hypothesis import given
from hypothesis import strategies as st

from runner.bus.message_ids import MessageIds


def test_an_id_is_the_time_of_the_first_message_plus_one_for_each_further_one() -> None:
    ids = MessageIds(lambda: 1_753_200_000_000_000_000)
    assert [ids.next("a") for _ in range(3)] == [1_753_200_000_000_000_000 + n for n in range(3)]


def test_a_path_that_first_sends_after_the_clock_went_back_starts_above_what_was_used() -> None:
    times = iter([5_000_000_000, 1_000_000_000])
    ids = MessageIds(lambda: next(times))
    first = ids.next("a")
    assert ids.next("b") > first


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 50)), max_size=60),
    st.integers(1, 3),
)
def test_ids_strictly_grow_for_every_path_also_when_it_was_forgotten(
    sends: list[tuple[int, int]], remembered: int
) -> None:
    now = 0
    ids = MessageIds(lambda: now, remembered)
    last: dict[int, int] = {}
    for path, now in sends:  # noqa: B007  (the clock reads it)
        number = ids.next(path)
        assert number > last.get(path, -1)
        last[path] = number


def test_the_number_of_counters_is_bounded() -> None:
    ids = MessageIds(lambda: 0, remembered=10)
    for path in range(1000):
        ids.next(path)
    assert len(ids._last) == 10
