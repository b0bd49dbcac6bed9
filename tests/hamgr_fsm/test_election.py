"""The primary election, line by line, and that two sides that ask each other agree.

Source: switch-driven 5; scenarios W22; field-lessons H-12, LD-18, LD-70.
"""

from itertools import product

import pytest

from hamgr_fsm.scope.election import SAME, Answer, Asker, Vote, Voter, answer
from hamgr_fsm.scope.switch_driven_facts import STATES
from hamgr_fsm.vocabulary import DesiredHaState, HaState

S = HaState
D = DesiredHaState
V = Vote

MAX_RETRIES = 3
COMPLEMENT = {V.BECOME_ACTIVE: V.BECOME_STANDBY, V.BECOME_STANDBY: V.BECOME_ACTIVE, V.RETRY_LATER: V.RETRY_LATER}

SERVING = (
    S.ACTIVE,
    S.STANDALONE,
    S.SWITCHING_TO_STANDBY,
    S.SWITCHING_TO_ACTIVE,
    S.INITIALIZING_TO_ACTIVE,
    S.PENDING_ACTIVE_ACTIVATION,
)
JOINING = (S.INITIALIZING_TO_STANDBY, S.PENDING_STANDBY_ACTIVATION)

LINES = [
    (1, None, D.DEAD, V.RETRY_LATER, V.BECOME_STANDALONE),
    *((2, state, D.STANDALONE, V.RETRY_LATER, V.RETRY_LATER) for state in STATES if state not in JOINING),
    *((3, state, desired, V.BECOME_STANDBY, V.BECOME_STANDBY) for state in SERVING for desired in (D.ACTIVE, D.DEAD)),
    *((4, state, desired, V.BECOME_ACTIVE, V.BECOME_ACTIVE) for state in JOINING for desired in D),
    (5, S.DESTROYING, D.DEAD, V.BECOME_STANDALONE, V.BECOME_STANDALONE),
    (5, S.DESTROYING, D.UNSPECIFIED, V.BECOME_STANDALONE, V.BECOME_STANDALONE),
    (5, S.DEAD, D.DEAD, V.BECOME_STANDALONE, V.BECOME_STANDALONE),
    *((6, state, D.UNSPECIFIED, V.RETRY_LATER, V.RETRY_LATER) for state in (S.SWITCHING_TO_STANDALONE, S.STANDBY)),
    *((7, state, D.UNSPECIFIED, V.RETRY_LATER, V.BECOME_STANDALONE) for state in (S.DEAD, S.CONNECTING)),
]


def ask(
    state: HaState | None,
    desired: DesiredHaState,
    *,
    attempt: int = 1,
    term: int = 1,
    asker_term: int = 1,
    asker_desired: DesiredHaState = D.UNSPECIFIED,
    position: int = 0,
) -> Answer:
    """What a side in this state answers."""
    voter = Voter(state, desired, term, position)
    return answer(voter, Asker(asker_desired, asker_term, 1 - position, attempt), MAX_RETRIES)


@pytest.mark.parametrize(("line", "state", "desired", "first", "after_patience"), LINES)
def test_each_line_answers(
    line: int, state: HaState | None, desired: DesiredHaState, first: Vote, after_patience: Vote
) -> None:
    for attempt in range(1, MAX_RETRIES + 1):
        assert ask(state, desired, attempt=attempt) == Answer(first, line)
    assert ask(state, desired, attempt=MAX_RETRIES + 1) == Answer(after_patience, line)


@pytest.mark.parametrize("state", SERVING)
def test_ld70_a_side_that_serves_answers_standby_whatever_the_terms(state: HaState) -> None:
    for term, asker_term in ((0, 9), (9, 0)):
        assert ask(state, D.UNSPECIFIED, term=term, asker_term=asker_term).vote is V.BECOME_STANDBY


def test_h12_every_state_has_an_answer_and_so_has_no_scope_at_all() -> None:
    for state, desired, attempt in product([None, *STATES], D, (1, 9)):
        assert isinstance(ask(state, desired, attempt=attempt), Answer)


@pytest.mark.parametrize(("mine", "theirs", "vote"), [(2, 1, V.BECOME_STANDBY), (1, 2, V.BECOME_ACTIVE)])
def test_line_8_the_higher_term_wins(mine: int, theirs: int, vote: Vote) -> None:
    for desired, asker_desired in product((D.UNSPECIFIED, D.ACTIVE, D.DEAD), D):
        result = ask(S.CONNECTED, desired, term=mine, asker_term=theirs, asker_desired=asker_desired)
        assert result == Answer(vote, 8)


@pytest.mark.parametrize("other", [D.UNSPECIFIED, D.DEAD])
def test_line_9_whoever_is_wanted_active_wins(other: DesiredHaState) -> None:
    assert ask(S.CONNECTED, D.ACTIVE, asker_desired=other) == Answer(V.BECOME_STANDBY, 9)
    assert ask(S.CONNECTED, other, asker_desired=D.ACTIVE) == Answer(V.BECOME_ACTIVE, 9)


@pytest.mark.parametrize("desired", [D.UNSPECIFIED, D.ACTIVE])
def test_line_10_equals_wait_and_then_the_place_in_vdpu_ids_decides_with_an_alert(desired: DesiredHaState) -> None:
    assert ask(S.CONNECTED, desired, asker_desired=desired, attempt=3) == Answer(V.RETRY_LATER, 10)
    for position, vote in ((0, V.BECOME_STANDBY), (1, V.BECOME_ACTIVE)):
        result = ask(S.CONNECTED, desired, asker_desired=desired, attempt=4, position=position)
        assert result == Answer(vote, 10, SAME)


WISHES = (D.UNSPECIFIED, D.ACTIVE, D.DEAD)


@pytest.mark.parametrize("attempt", [1, 4])
@pytest.mark.parametrize("position", [0, 1])
def test_w22_two_sides_that_ask_each_other_get_complementary_answers(position: int, attempt: int) -> None:
    for term, other_term, desired, other_desired in product(range(3), range(3), WISHES, WISHES):
        mine = Voter(S.CONNECTED, desired, term, position)
        theirs = Voter(S.CONNECTED, other_desired, other_term, 1 - position)
        i_say = answer(mine, Asker(other_desired, other_term, 1 - position, attempt), MAX_RETRIES).vote
        they_say = answer(theirs, Asker(desired, term, position, attempt), MAX_RETRIES).vote
        assert they_say is COMPLEMENT[i_say]
        equal = term == other_term and (desired is D.ACTIVE) == (other_desired is D.ACTIVE)
        assert (i_say is V.RETRY_LATER) == (equal and attempt <= MAX_RETRIES)
