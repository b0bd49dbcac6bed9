"""What is done in a step depends on the seed and its number alone, and in the long run everything is done."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from runner.soak.plan import LASTS_S, MOMENT_S, STRETCH, Trouble, mortal, plan

NUMBERS = st.integers(1, 10_000)
SEEDS = st.integers(0, 2**32)


@given(SEEDS, NUMBERS)
def test_plan_can_be_repeated(seed: int, number: int) -> None:
    assert plan(seed, number, kills=True) == plan(seed, number, kills=True)


@given(SEEDS, NUMBERS)
def test_plan_is_within_its_bounds(seed: int, number: int) -> None:
    step = plan(seed, number, kills=True)
    assert step.to == ("B" if number % 2 else "A")
    struck = [strike.strikes for strike in step.strikes]
    assert len(set(struck)) == len(struck) <= 2
    for strike in step.strikes:
        least, most = LASTS_S[strike.trouble]
        assert 0 <= strike.after_s <= MOMENT_S
        assert least <= strike.lasts_s <= most
        if strike.trouble is Trouble.KILL:
            assert strike.side in mortal(number)


@given(SEEDS, NUMBERS)
def test_without_kills_nothing_happens(seed: int, number: int) -> None:
    assert plan(seed, number, kills=False).strikes == ()


def test_every_hamgrd_has_long_lives() -> None:
    """Only so can it be seen whether its memory grows."""
    assert mortal(1) == mortal(STRETCH) == ("A", "B")
    assert {mortal(number) for number in range(STRETCH + 1, 2 * STRETCH + 1)} == {("A",)}
    assert {mortal(number) for number in range(2 * STRETCH + 1, 3 * STRETCH + 1)} == {("B",)}
    assert mortal(3 * STRETCH + 1) == ("A", "B")


def test_in_the_long_run_everything_happens_to_everybody() -> None:
    strikes = [strike for number in range(1, 1001) for strike in plan(1, number, kills=True).strikes]
    counts = Counter(strike.trouble for strike in strikes)
    assert set(counts) == set(Trouble)
    assert counts[Trouble.KILL] > 200
    assert {strike.side for strike in strikes if strike.trouble is Trouble.KILL} == {"A", "B"}
    assert any(strike.after_s < 0.05 for strike in strikes)
    assert any(strike.after_s > 0.5 for strike in strikes)


def test_words_of_a_plan() -> None:
    assert str(plan(1, 2, kills=False)) == "step 2: switchover to A; undisturbed"
