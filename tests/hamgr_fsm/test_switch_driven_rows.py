"""The switch-driven scope, row by row, each in one step from rest; and the specification's rows against the declared.

Source: switch-driven 3.
"""

import pytest

from hamgr_fsm.scope.switch_driven import Relay, Scope, SwitchDrivenScope
from hamgr_fsm.scope.switch_driven_facts import PAIRED
from hamgr_fsm.vocabulary import HaState
from tests.hamgr_fsm.switch_driven_build import DISABLED, at, moved
from tests.hamgr_fsm.switch_driven_cases import CASES, DOCUMENT, SECTION_3, Case


def play(case: Case) -> SwitchDrivenScope:
    """Put the scope there, and let it happen."""
    machine = at(case.state, **case.given)
    _ = machine.update(**case.told) if case.event is None else machine.send(case.event)
    return machine


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_row_is_taken_from_where_it_should_for_the_reason_it_says(case: Case) -> None:
    machine = play(case)
    taken = [(move.source, move.row.target, move.why) for move in machine.moves]
    if case.rule == "relay":
        assert case.why in [why for _, _, why in taken]
    else:
        assert (case.state, case.to, case.why) in taken


@pytest.mark.parametrize("case", SECTION_3, ids=str)
def test_the_first_change_of_state_is_that_of_the_row(case: Case) -> None:
    changes = [m for m in play(case).moves if m.machine == "state" and m.row.target is not None]
    assert [(m.source, m.target, m.why) for m in changes[:1]] == ([(case.state, case.to, case.why)] if case.to else [])


@pytest.mark.parametrize("case", SECTION_3, ids=str)
def test_every_change_of_state_is_reported_to_the_peer_over_a_link(case: Case) -> None:
    machine = play(case)
    if machine.facts.link_up:
        assert machine.facts.reported == machine.facts.report


def test_every_row_of_the_document_is_declared_and_played() -> None:
    assert {case.rule for case in SECTION_3} == set(DOCUMENT)


def test_every_declared_row_is_played_from_each_of_the_document() -> None:
    taken = {(move.machine, move.row.number) for case in CASES for move in play(case).moves}
    never = [
        f"{region.state_fact} row {row.number}: {row.event or ''} {row.guards} {row.why}"
        for region in (Scope, Relay)
        for row in region.t.rows
        if (region.state_fact, row.number) not in taken
    ]
    assert never == []


def test_every_declared_change_of_state_has_a_row_in_the_document() -> None:
    """A change from each source to its target is in the document: played by one of its rows, or the deletion."""
    played = {(case.state, case.to, case.why) for case in SECTION_3}
    reasons = {why for _, _, why in played}
    for row in Scope.t.rows:
        if row.target is None or row.why == "configuration deleted":
            continue
        moves = {(source, row.target) for source in row.sources}
        known = {(source, target) for source, target, why in played if why == row.why or row.why == "trigger"}
        assert row.why in reasons or row.why == "trigger"
        missing = {f"{a} -> {b}" for a, b in moves - known if not (row.event == "standalone_request" and a in PAIRED)}
        assert missing == set(), f"row {row.number}: {row.why}"


@pytest.mark.parametrize("state", PAIRED)
def test_a_disabled_scope_is_dead_whatever_else_happens_in_the_same_step(state: HaState) -> None:
    machine = at(state)
    machine.update(config=DISABLED, channel_up=False, dpu_up=False)
    assert [target for _, target, _ in moved(machine)] == [HaState.DEAD]
