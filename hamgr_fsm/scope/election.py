"""The primary election: what a side answers to a vote request.

A pure function with a table of its own: the first line that fits answers. Two sides in Connected that ask each other
get complementary answers.

Source: switch-driven 5; field-lessons H-12, H-13, LD-17, LD-18, LD-70.
"""

from enum import StrEnum

from attrs import frozen

from hamgr_fsm.vocabulary import DesiredHaState, HaState


class Vote(StrEnum):
    """What the asker is told to become."""

    BECOME_ACTIVE = "become_active"
    BECOME_STANDBY = "become_standby"
    BECOME_STANDALONE = "become_standalone"
    RETRY_LATER = "retry_later"


@frozen
class Voter:
    """The side that is asked. ``state`` is None for a scope that does not exist here."""

    state: HaState | None
    desired: DesiredHaState
    term: int
    position: int


@frozen
class Asker:
    """The side that asks. ``attempt`` counts from 1."""

    desired: DesiredHaState
    term: int
    position: int
    attempt: int


@frozen
class Answer:
    """The vote, the line of the table it comes from, and whether an operator should know."""

    vote: Vote
    line: int
    alert: str = ""


_SERVING = (
    HaState.ACTIVE,
    HaState.STANDALONE,
    HaState.SWITCHING_TO_STANDBY,
    HaState.SWITCHING_TO_ACTIVE,
    HaState.INITIALIZING_TO_ACTIVE,
    HaState.PENDING_ACTIVE_ACTIVATION,
)
_JOINING = (HaState.INITIALIZING_TO_STANDBY, HaState.PENDING_STANDBY_ACTIVATION)
_UNDECIDED = (HaState.SWITCHING_TO_STANDALONE, HaState.STANDBY)
_ABSENT = (HaState.DEAD, HaState.CONNECTING)

SAME = "same term, same desired state"


def answer(voter: Voter, asker: Asker, max_retries: int) -> Answer:
    """What ``voter`` answers; ``max_retries`` is how often an asker is put off before it is told something else."""
    patience_over = asker.attempt > max_retries
    if voter.state is None:
        return Answer(Vote.BECOME_STANDALONE if patience_over else Vote.RETRY_LATER, 1)
    # Before the pin: a side that has lost an election waits for a winner, and putting the asker off would leave it so.
    if voter.state in _JOINING:
        return Answer(Vote.BECOME_ACTIVE, 4)
    if voter.desired is DesiredHaState.STANDALONE:
        return Answer(Vote.RETRY_LATER, 2)
    if voter.state in _SERVING:
        return Answer(Vote.BECOME_STANDBY, 3)
    if voter.state is HaState.DESTROYING or (voter.state is HaState.DEAD and voter.desired is DesiredHaState.DEAD):
        return Answer(Vote.BECOME_STANDALONE, 5)
    if voter.state in _UNDECIDED:
        return Answer(Vote.RETRY_LATER, 6)
    if voter.state in _ABSENT:
        return Answer(Vote.BECOME_STANDALONE if patience_over else Vote.RETRY_LATER, 7)
    return _between_equals(voter, asker, patience_over)


def _between_equals(voter: Voter, asker: Asker, patience_over: bool) -> Answer:
    """Both are Connected: the term decides, then the wish, then, after patience, the place in ``vdpu_ids``."""
    if voter.term != asker.term:
        return Answer(_win(voter.term > asker.term), 8)
    wishes = [side.desired is DesiredHaState.ACTIVE for side in (voter, asker)]
    if wishes[0] != wishes[1]:
        return Answer(_win(wishes[0]), 9)
    if not patience_over:
        return Answer(Vote.RETRY_LATER, 10)
    return Answer(_win(voter.position < asker.position), 10, SAME)


def _win(voter_wins: bool) -> Vote:
    return Vote.BECOME_STANDBY if voter_wins else Vote.BECOME_ACTIVE
