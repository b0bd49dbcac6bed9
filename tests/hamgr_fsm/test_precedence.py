"""Who outranks whom: each criterion alone, their order, and that the order is one.

Source: switch-driven 6, 6.2; field-lessons LD-60, LD-67.
"""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamgr_fsm.scope.precedence import Claim, Signals, outranked_in_conflict, rank
from hamgr_fsm.vocabulary import DesiredHaState, HaRole
from tests.hamgr_fsm.inputs import OUR_SIGNALS, THEIR_SIGNALS

D = DesiredHaState

# Rising from left to right; of two values the one further to the right wins.
CRITERIA: list[tuple[int, str, tuple[object, ...]]] = [
    (1, "dpu_up", (False, True)),
    (2, "in_sync", (False, True)),
    (3, "manual_pin", (False, True)),
    (4, "peer_shutdown", (False, True)),
    (5, "role_failed", (True, False)),
    (6, "bfd_reach", (0, 1, 2)),
    (7, "desired", (D.DEAD, D.UNSPECIFIED, D.ACTIVE, D.STANDALONE)),
    (8, "preferred", (False, True)),
    (9, "term", (0, 1, 2)),
    (10, "serving", (False, True)),
]
"""The criteria of section 6 but for the last, the place in ``vdpu_ids``."""

ids = [name for _, name, _ in CRITERIA]
FIRST, SECOND = Signals(0), Signals(1)


def with_(signals: Signals, name: str, value: object) -> Signals:
    """The same signals with one of them replaced."""
    return attrs.evolve(signals, **{name: value})  # type: ignore[arg-type]


def test_every_criterion_of_the_document_is_here() -> None:
    assert [number for number, _, _ in CRITERIA] == list(range(1, 11))
    known = {attribute.name for attribute in attrs.fields(Signals)}
    assert {name for _, name, _ in CRITERIA} | {"position", "triggered"} == known


@pytest.mark.parametrize(("number", "name", "values"), CRITERIA, ids=ids)
def test_each_criterion_decides_alone(number: int, name: str, values: tuple[object, ...]) -> None:
    for i, worse in enumerate(values):
        for better in values[i + 1 :]:
            # The place in vdpu_ids speaks for the other side each time.
            assert rank(with_(SECOND, name, better), with_(FIRST, name, worse)).ours
            assert not rank(with_(FIRST, name, worse), with_(SECOND, name, better)).ours


@pytest.mark.parametrize(("number", "name", "values"), CRITERIA, ids=ids)
def test_each_criterion_comes_before_all_that_follow_it(number: int, name: str, values: tuple[object, ...]) -> None:
    ours, theirs = with_(SECOND, name, values[-1]), with_(FIRST, name, values[0])
    for _, later, choices in CRITERIA[number:]:
        ours, theirs = with_(ours, later, choices[0]), with_(theirs, later, choices[-1])
    assert rank(ours, theirs).ours


@pytest.mark.parametrize(("number", "name", "values"), CRITERIA, ids=ids)
def test_equal_values_decide_nothing_and_the_place_in_vdpu_ids_is_last(
    number: int, name: str, values: tuple[object, ...]
) -> None:
    for value in values:
        assert rank(with_(FIRST, name, value), with_(SECOND, name, value)).ours
        assert not rank(with_(SECOND, name, value), with_(FIRST, name, value)).ours


@pytest.mark.parametrize(("number", "name", "values"), CRITERIA[1:], ids=ids[1:])
def test_a_key_that_one_side_does_not_say_is_equal(number: int, name: str, values: tuple[object, ...]) -> None:
    for value in values:
        assert rank(with_(FIRST, name, value), SECOND).ours
        assert rank(FIRST, with_(SECOND, name, value)).ours


def test_unknown_health_counts_as_up() -> None:
    assert rank(SECOND, with_(FIRST, "dpu_up", False)).ours
    assert rank(FIRST, with_(SECOND, "dpu_up", True)).ours


def test_what_triggered_a_side_ranks_nobody() -> None:
    for mine, theirs in ((True, False), (False, True)):
        assert rank(with_(FIRST, "triggered", mine), with_(SECOND, "triggered", theirs)).ours


def test_the_difference_is_named() -> None:
    assert rank(with_(FIRST, "in_sync", True), with_(SECOND, "in_sync", False)).why == "in sync"


def test_two_sides_at_one_place_are_refused() -> None:
    with pytest.raises(ValueError, match="two sides at position 0"):
        rank(FIRST, FIRST)


@given(OUR_SIGNALS, THEIR_SIGNALS)
def test_exactly_one_of_two_sides_outranks_the_other(ours: Signals, theirs: Signals) -> None:
    assert rank(ours, theirs).ours is not rank(theirs, ours).ours
    assert rank(ours, theirs).why == rank(theirs, ours).why


COMPLETE = st.builds(
    Signals,
    position=st.just(0),
    **{name: st.sampled_from(values) for _, name, values in CRITERIA},
)


@given(COMPLETE, COMPLETE, COMPLETE)
def test_among_sides_that_say_everything_the_order_is_transitive(one: Signals, two: Signals, three: Signals) -> None:
    a, b, c = (attrs.evolve(signals, position=place) for place, signals in enumerate((one, two, three)))
    if rank(a, b).ours and rank(b, c).ours:
        assert rank(a, c).ours


# Section 6.2: both serve already.

R = HaRole
CLAIMS = st.builds(
    Claim,
    acked=st.none() | st.sampled_from(R),
    pinned=st.booleans(),
    term=st.integers(0, 3),
    position=st.just(0),
)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Claim(R.STANDBY, True, 9, 0), Claim(R.ACTIVE, False, 0, 1)),
        (Claim(None, True, 9, 0), Claim(R.STANDALONE, False, 0, 1)),
        (Claim(R.ACTIVE, False, 9, 0), Claim(R.STANDALONE, True, 0, 1)),
        (Claim(R.ACTIVE, True, 1, 0), Claim(R.ACTIVE, True, 2, 1)),
        (Claim(R.STANDALONE, False, 1, 1), Claim(R.ACTIVE, False, 1, 0)),
        (Claim(R.SWITCHING_TO_ACTIVE, False, 1, 1), Claim(R.DEAD, False, 1, 0)),
    ],
    ids=["deciding role", "role unknown", "pin", "term", "place", "switching is not deciding"],
)
def test_a_conflict_is_lost_by_role_then_pin_then_term_then_place(ours: Claim, theirs: Claim) -> None:
    assert outranked_in_conflict(ours, theirs)
    assert not outranked_in_conflict(theirs, ours)


@given(CLAIMS, CLAIMS)
def test_exactly_one_side_yields_in_a_conflict(ours: Claim, theirs: Claim) -> None:
    theirs = attrs.evolve(theirs, position=1)
    assert outranked_in_conflict(ours, theirs) is not outranked_in_conflict(theirs, ours)
