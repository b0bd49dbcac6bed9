"""Derived rule sets: what is given is changed and nothing else, and what does not exist is refused."""

import pytest

from hamgr_fsm.scope.switch_driven import SwitchDrivenScope
from hamgr_fsm.scope.switch_driven_facts import S
from runner.lab.check.campaign import run
from runner.lab.check.mutants import mutants, named
from runner.lab.check.presets import QUICK
from runner.lab.check.reference import reference
from runner.lab.check.rules import changed, derived, row, rows_of, without
from runner.lab.check.workers import score_here

TRUE = rows_of(SwitchDrivenScope)


def test_a_row_can_be_left_out() -> None:
    rules = derived("test", rows=without("rejoining"))
    assert [row.why for row in rows_of(rules.scope)] == [row.why for row in TRUE if row.why != "rejoining"]


def test_a_row_can_be_left_out_of_one_state() -> None:
    rules = derived("test", rows=without("switchover timed out", source=S.SWITCHING_TO_STANDBY))
    left = [row for row in rows_of(rules.scope) if row.why == "switchover timed out"]
    assert [row.sources for row in left] == [(S.SWITCHING_TO_ACTIVE,)]


def test_a_row_can_be_changed() -> None:
    rules = derived("test", rows=changed("rejoining", target=S.CONNECTING))
    assert [row.target for row in rows_of(rules.scope) if row.why == "rejoining"] == [S.CONNECTING]


@pytest.mark.parametrize(
    "edits",
    [
        {"rows": without("no such reason")},
        {"facts": {"no_such_fact": lambda facts: True}},
        {"facts": {"state": lambda facts: S.DEAD}},
        {"functions": {"no_such_action": lambda model: None}},
    ],
)
def test_what_does_not_exist_is_refused(edits: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        derived("test", **edits)  # type: ignore[arg-type]


def test_an_added_row_is_tried_first() -> None:
    added = row((S.DEAD,), S.STANDALONE, when=("can_launch",), why="reckless")
    rules = derived("test", rows=lambda rows: [added, *rows])
    assert rows_of(rules.scope)[0].why == "reckless"


def test_mutants_have_names_of_their_own_and_none_is_the_true_table() -> None:
    names = [mutant.name for mutant in mutants()]
    assert len(names) == len(set(names)) > 300
    with pytest.raises(KeyError):
        named("state 1 is fine")


@pytest.mark.parametrize(
    "name",
    [
        "state 10 dropped: admin disabled",
        "entering active does not enter_active",
        "relay 4 dropped: HA set programmed",
    ],
)
def test_a_mutant_is_found(name: str) -> None:
    assert score_here(name).found is not None


def test_the_daemon_in_use_today_breaks_most_of_what_is_explored() -> None:
    rules = reference()
    broken = [campaign for campaign in QUICK if run(campaign, rules).found is not None]
    assert len(broken) > len(QUICK) / 2
