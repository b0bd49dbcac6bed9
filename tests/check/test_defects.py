"""Every known mistake is found where the catalogue says that it shows; the true rules pass the very same campaign."""

import pytest
from attrs import evolve

from hamgr_fsm.scope.switch_driven import SwitchDrivenScope
from runner.lab.check.campaign import Campaign, run
from runner.lab.check.defects import CATALOGUE
from runner.lab.check.presets import QUICK
from runner.lab.check.rules import TRUE, rows_of
from runner.lab.check.trace import lines, play

WHERE_DEFECTS_SHOW = sorted({defect.campaign for defect in CATALOGUE.values()} - set(QUICK), key=Campaign.words)

MOST_STATES = 20_000
"""Enough of each campaign to be a check of the catalogue; the presets see them to their ends."""

TRUE_ROWS = rows_of(SwitchDrivenScope)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_defect_is_found_and_its_trace_can_be_played(name: str) -> None:
    defect = CATALOGUE[name]
    report = run(defect.campaign, defect.rules)
    assert report.found is not None, f"{name} is not found in {report.states} states"
    scenes = list(play(defect.rules, defect.campaign.situation, lines(report.found)))
    assert len(scenes) == 1 + len(lines(report.found))


@pytest.mark.parametrize("campaign", WHERE_DEFECTS_SHOW, ids=lambda campaign: campaign.words()[:60])
def test_the_true_rules_pass_where_a_defect_shows(campaign: Campaign) -> None:
    report = run(evolve(campaign, most_states=MOST_STATES), TRUE)
    assert report.found is None


def test_there_are_enough_and_each_has_its_lesson() -> None:
    assert len(CATALOGUE) >= 30
    assert all(defect.lesson and defect.what for defect in CATALOGUE.values())


def test_the_true_machine_is_as_it_was() -> None:
    for defect in CATALOGUE.values():
        assert defect.rules is not TRUE
    assert rows_of(SwitchDrivenScope) == TRUE_ROWS
    assert TRUE.scope is SwitchDrivenScope
