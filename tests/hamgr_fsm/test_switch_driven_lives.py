"""Random lives of a pair: the invariants hold on the way, and when the faults stop the pair comes to good order.

What holds at any time is checked by the world itself (I3, I6, I7, I8), at every rest I1 and I11, in the end I9; a
daemon that is killed at any point is one of the acts (I10). I2 follows: a rest is at most one exchange away.

``HAMGR_SOAK=n`` plays n times as many lives.

Source: switch-driven 11.
"""

import os
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hamgr_fsm.vocabulary import DesiredHaState, HaRole, HaState
from tests.hamgr_fsm.inputs import PEER_MESSAGES
from tests.hamgr_fsm.pair import BrokenError, TwoSides, paired
from tests.hamgr_fsm.schedules import ACTS, Schedule, come_to_rest, live_through, random_schedule, schedules, weather

S = HaState
R = HaRole
D = DesiredHaState

SOAK = int(os.environ.get("HAMGR_SOAK", "1"))
LIVES = 100
"""Lives in each of the batches; their numbers make them the same on every run."""

by_chance = settings(
    max_examples=250 * SOAK, deadline=None, derandomize=SOAK == 1, suppress_health_check=[HealthCheck.too_slow]
)


@by_chance
@given(schedules())
def test_a_pair_comes_to_good_order_whatever_happened_to_it(schedule: Schedule) -> None:
    come_to_rest(live_through(schedule))


@pytest.mark.parametrize("batch", range(8))
def test_long_lives_end_in_good_order(batch: int) -> None:
    for number in range(LIVES * SOAK):
        schedule = random_schedule(1000 * batch + number, 14)
        try:
            come_to_rest(live_through(schedule))
        except BrokenError as error:
            raise BrokenError(f"{error} in {schedule}") from error


@by_chance
@given(st.lists(st.tuples(PEER_MESSAGES, st.booleans(), st.sampled_from([0.0, 0.3, 20.0])), min_size=1, max_size=6))
def test_messages_that_nobody_sent_do_no_lasting_harm(said: list[tuple[object, bool, float]]) -> None:
    world = paired()
    for message, to_a, seconds in said:
        world.hand(world.a if to_a else world.b, message)  # type: ignore[arg-type]
        world.advance(seconds)
    # A report of a peer that never was may have lowered a term; it is the newest that counts again.
    come_to_rest(world)


@by_chance
@given(st.integers(0, 2**32), st.sampled_from([0.3, 0.7]), st.booleans())
def test_a_launch_in_any_weather_ends_in_a_pair(seed: int, storm: float, both_active: bool) -> None:
    world = TwoSides(weather(seed, storm))
    world.configure(world.a, D.ACTIVE)
    world.advance(Random(seed).choice([0, 1, 5, 40]))
    world.configure(world.b, D.ACTIVE if both_active else D.UNSPECIFIED)
    world.advance(120)
    come_to_rest(world)
    assert sorted(world.states) in (sorted((S.ACTIVE, S.STANDBY)), sorted((S.ACTIVE, S.SWITCHING_TO_ACTIVE)))


# The checks can fail: each of them finds a world that breaks it.


def test_the_world_finds_two_deciders() -> None:
    world = paired()
    world.b.dpu.role = R.ACTIVE
    with pytest.raises(BrokenError, match="I1"):
        world.check_rest()


def test_the_world_finds_one_that_decides_without_the_flows() -> None:
    world = paired()
    world.a.facts.in_sync = False
    with pytest.raises(BrokenError, match="I11"):
        world.check_rest()


def test_the_world_finds_a_term_that_falls() -> None:
    world = paired()
    world.b.facts.peer_term = 0
    with pytest.raises(BrokenError, match="I3"):
        world._check_term(world.b, 9, [(S.STANDBY, S.SWITCHING_TO_STANDALONE, "")])


def test_the_world_finds_a_pair_that_does_not_come_to_order() -> None:
    world = paired()
    world.set_cable(False)
    world.calm = lambda: None  # type: ignore[method-assign]
    with pytest.raises(BrokenError, match="I9"):
        come_to_rest(world, 120)


def test_every_act_happens_in_the_long_lives() -> None:
    played = {
        act for batch in range(8) for n in range(LIVES) for act, _, _ in random_schedule(1000 * batch + n, 14).acts
    }
    assert played == set(ACTS)


def test_a_schedule_always_goes_the_same_way() -> None:
    one, two = (live_through(random_schedule(7, 10)) for _ in range(2))
    assert [side.moves for side in one.sides] == [side.moves for side in two.sides]
    assert one.now == two.now
