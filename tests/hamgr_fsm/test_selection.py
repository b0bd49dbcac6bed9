"""The standalone selection, line by line, and that requests that cross are answered complementarily.

Source: switch-driven 6.1; field-lessons LD-21, LD-23.
"""

from itertools import product

import attrs
import pytest
from hypothesis import given

from hamgr_fsm.messages import Selection
from hamgr_fsm.scope.precedence import Signals, rank
from hamgr_fsm.scope.selection import Decision, decide
from hamgr_fsm.scope.switch_driven_facts import PAIRED, STATES
from hamgr_fsm.vocabulary import HaState
from tests.hamgr_fsm.inputs import OUR_SIGNALS, THEIR_SIGNALS

S = HaState
SERVE, YIELD, DENY = Selection.ENTER_STANDALONE, Selection.ENTER_STANDBY, Selection.DENY

OURS = Signals(0, dpu_up=True, in_sync=True, manual_pin=False, term=3, triggered=False)
THEIRS = attrs.evolve(OURS, position=1, triggered=True)
WEAKER, STRONGER = attrs.evolve(THEIRS, in_sync=False), attrs.evolve(THEIRS, manual_pin=True)
DEAD_DPU = attrs.evolve(THEIRS, dpu_up=False)
OTHERS = [state for state in PAIRED if state is not S.STANDALONE]


def test_every_line_is_played() -> None:
    """The tests below are named after the lines; this one counts them by what they give."""
    states = STATES
    signals = [OURS, attrs.evolve(OURS, dpu_up=False), attrs.evolve(OURS, in_sync=False)]
    askers = [THEIRS, WEAKER, STRONGER, DEAD_DPU, attrs.evolve(THEIRS, triggered=False)]
    lines = {decide(s, o, a, yielded=y).line for s, o, a, y in product(states, signals, askers, (False, True))}
    assert lines == set(range(1, 9))


@pytest.mark.parametrize("state", [S.DEAD, S.CONNECTING, S.CONNECTED, S.DESTROYING])
def test_line_1_a_side_that_is_no_part_of_a_pair_lets_the_asker_serve(state: HaState) -> None:
    for asker in (THEIRS, WEAKER, DEAD_DPU, attrs.evolve(THEIRS, triggered=False)):
        assert decide(state, OURS, asker, yielded=False) == Decision(SERVE, 1)


@pytest.mark.parametrize(
    ("ours", "asker"),
    [
        (attrs.evolve(OURS, in_sync=False), THEIRS),
        (OURS, STRONGER),
        (attrs.evolve(OURS, dpu_up=False), THEIRS),
        (attrs.evolve(OURS, dpu_up=False, manual_pin=True), WEAKER),
    ],
    ids=["flows", "pin", "dead DPU here", "dead DPU here beats all"],
)
def test_line_2_a_standalone_side_hands_over_to_one_that_holds_more(ours: Signals, asker: Signals) -> None:
    assert decide(S.STANDALONE, ours, asker, yielded=False) == Decision(SERVE, 2, S.STANDBY)


@pytest.mark.parametrize(
    ("ours", "asker"),
    [
        (OURS, THEIRS),
        (OURS, WEAKER),
        (OURS, DEAD_DPU),
        (OURS, attrs.evolve(THEIRS, term=9, bfd_reach=2)),
        (attrs.evolve(OURS, dpu_up=False), DEAD_DPU),
    ],
    ids=["equal", "weaker", "dead DPU", "higher term", "both dead"],
)
def test_line_3_a_standalone_side_stays_otherwise(ours: Signals, asker: Signals) -> None:
    assert decide(S.STANDALONE, ours, asker, yielded=False) == Decision(YIELD, 3)


def test_line_4_a_side_that_has_yielded_keeps_its_word() -> None:
    assert decide(S.STANDBY, OURS, THEIRS, yielded=True) == Decision(SERVE, 4)
    assert decide(S.STANDBY, attrs.evolve(OURS, in_sync=False), WEAKER, yielded=True) == Decision(SERVE, 4)
    # But not with flows that the other lacks, not to a dead DPU, and not in another state.
    assert decide(S.STANDBY, OURS, WEAKER, yielded=True).line != 4
    assert decide(S.STANDBY, OURS, DEAD_DPU, yielded=True).line != 4
    assert decide(S.ACTIVE, OURS, THEIRS, yielded=True).line != 4


@pytest.mark.parametrize("state", OTHERS)
def test_line_5_nothing_is_decided_between_two_dead_dpus_or_without_a_reason(state: HaState) -> None:
    both_dead = (attrs.evolve(OURS, dpu_up=False), DEAD_DPU)
    no_reason = (OURS, attrs.evolve(THEIRS, triggered=False))
    nothing_said = (OURS, attrs.evolve(THEIRS, triggered=None))
    for ours, asker in (both_dead, no_reason, nothing_said):
        assert decide(state, ours, asker, yielded=False) == Decision(DENY, 5)
    # A DPU that the request calls down is a reason by itself, and so is a trigger of our own.
    assert decide(state, OURS, attrs.evolve(DEAD_DPU, triggered=False), yielded=False).line != 5
    triggered = attrs.evolve(OURS, triggered=True)
    assert decide(state, triggered, attrs.evolve(THEIRS, triggered=False), yielded=False).line != 5


@pytest.mark.parametrize("state", OTHERS)
def test_line_6_a_side_that_is_outranked_yields(state: HaState) -> None:
    assert decide(state, OURS, STRONGER, yielded=False) == Decision(SERVE, 6, S.STANDBY, "pinned")


@pytest.mark.parametrize("state", OTHERS)
def test_line_7_a_side_that_outranks_a_dead_dpu_serves_at_once(state: HaState) -> None:
    assert decide(state, OURS, DEAD_DPU, yielded=False) == Decision(YIELD, 7, S.STANDALONE, "DPU up")


def test_line_7_an_active_side_serves_at_once() -> None:
    assert decide(S.ACTIVE, OURS, WEAKER, yielded=False) == Decision(YIELD, 7, S.STANDALONE, "in sync")


@pytest.mark.parametrize("state", [state for state in OTHERS if state is not S.ACTIVE])
def test_line_8_any_other_side_waits_for_the_asker_to_be_standby(state: HaState) -> None:
    assert decide(state, OURS, WEAKER, yielded=False) == Decision(YIELD, 8, S.SWITCHING_TO_STANDALONE, "in sync")


@given(OUR_SIGNALS, THEIR_SIGNALS)
def test_requests_that_cross_are_answered_complementarily(ours: Signals, theirs: Signals) -> None:
    """Both are in SwitchingToStandalone and compare the same two frozen records."""
    here = decide(S.SWITCHING_TO_STANDALONE, ours, theirs, yielded=False)
    there = decide(S.SWITCHING_TO_STANDALONE, theirs, ours, yielded=False)
    if here.answer is not DENY and there.answer is not DENY:
        assert {here.answer, there.answer} == {SERVE, YIELD}
        assert (here.answer is YIELD) is rank(ours, theirs).ours
        assert (here.own is S.STANDBY) is not (there.own is S.STANDBY)


@given(OUR_SIGNALS, THEIR_SIGNALS)
def test_requests_that_cross_are_denied_by_both_or_by_none(ours: Signals, theirs: Signals) -> None:
    here = decide(S.SWITCHING_TO_STANDALONE, ours, theirs, yielded=False)
    there = decide(S.SWITCHING_TO_STANDALONE, theirs, ours, yielded=False)
    assert (here.answer is DENY) is (there.answer is DENY)


@given(OUR_SIGNALS, THEIR_SIGNALS)
def test_nobody_is_told_to_serve_on_a_dead_dpu_while_a_part_of_the_pair_has_one_that_is_up(
    ours: Signals, theirs: Signals
) -> None:
    for state, yielded in product(PAIRED, (False, True)):
        decision = decide(state, attrs.evolve(ours, dpu_up=True), attrs.evolve(theirs, dpu_up=False), yielded=yielded)
        assert decision.answer is not SERVE
        decision = decide(state, attrs.evolve(ours, dpu_up=False), attrs.evolve(theirs, dpu_up=True), yielded=yielded)
        assert decision.answer is SERVE
        assert decision.own in (S.STANDBY, None)
