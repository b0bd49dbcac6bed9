"""The health of a DPU and its resets, rule by rule of ha-set 1, and what holds for every sequence of planes."""

from itertools import product

import pytest
from hypothesis import given, settings

from hamgr_fsm.dpu_health import DpuHealth, DpuHealthState, DpuReport
from hamgr_fsm.effects import AnnounceDpuReset, HearDpuAgain
from hamgr_fsm.vocabulary import PlaneState
from tests.hamgr_fsm.build import dpu
from tests.hamgr_fsm.inputs import DPU_HEALTH, Step

UP, DOWN, UNKNOWN = PlaneState.UP, PlaneState.DOWN, PlaneState.UNKNOWN
PLANES = ("midplane", "control_plane", "data_plane")

ALL_PLANES = [dict(zip(PLANES, states, strict=True)) for states in product(PlaneState, repeat=3)]


def expected(planes: dict[str, PlaneState]) -> DpuHealthState:
    """The rule of ha-set 1 in other words."""
    worst = min(planes.values(), key=[DOWN, UNKNOWN, UP].index)
    return {DOWN: DpuHealthState.DOWN, UNKNOWN: DpuHealthState.UNKNOWN, UP: DpuHealthState.UP}[worst]


@pytest.mark.parametrize("planes", ALL_PLANES, ids=lambda planes: "-".join(planes.values()))
@pytest.mark.parametrize("start", DpuHealthState)
def test_health_follows_the_planes_from_every_state(start: DpuHealthState, planes: dict[str, PlaneState]) -> None:
    machine = DpuHealth(health=start)
    machine.update(**planes)
    assert machine.facts.health is expected(planes)


def test_a_dpu_nobody_reported_is_neither_up_nor_down() -> None:
    machine = DpuHealth()
    assert machine.update() == ()
    assert machine.facts.report == DpuReport(up=None, lost=False, incarnation=0)


def test_a_dpu_is_up_once_all_its_planes_are() -> None:
    assert dpu().facts.report == DpuReport(up=True, lost=False, incarnation=0)


@pytest.mark.parametrize("plane", ["midplane", "control_plane"])
@pytest.mark.parametrize("before", [UP, UNKNOWN])
def test_a_midplane_or_control_plane_that_goes_down_is_a_reset(plane: str, before: PlaneState) -> None:
    machine = dpu(**dict.fromkeys(PLANES, before))
    assert machine.update(**{plane: DOWN}) == (AnnounceDpuReset(),)
    assert machine.facts.report == DpuReport(up=False, lost=True, incarnation=1)


def test_a_data_plane_that_goes_down_alone_is_no_reset() -> None:
    machine = dpu()
    assert machine.update(data_plane=DOWN) == ()
    assert machine.facts.report == DpuReport(up=False, lost=False, incarnation=0)


def test_a_loss_after_the_data_plane_went_down_is_a_reset_all_the_same() -> None:
    machine = dpu(data_plane=DOWN)
    assert machine.update(midplane=DOWN) == (AnnounceDpuReset(),)


def test_a_dpu_that_is_down_when_first_seen_is_a_reset() -> None:
    machine = DpuHealth()
    assert machine.update(midplane=DOWN, control_plane=DOWN, data_plane=DOWN) == (AnnounceDpuReset(),)
    assert machine.facts.incarnation == 1


def test_a_loss_is_announced_once_however_long_it_lasts() -> None:
    machine = dpu(control_plane=DOWN)
    for planes in ({"midplane": DOWN}, {"control_plane": UP}, {"control_plane": DOWN}, {"data_plane": DOWN}):
        assert machine.update(**planes) == ()
    assert machine.facts.incarnation == 1


def test_a_dpu_is_lost_until_midplane_and_control_plane_are_both_back() -> None:
    machine = dpu(midplane=DOWN, control_plane=DOWN, data_plane=DOWN)
    machine.update(midplane=UP)
    assert machine.facts.lost
    machine.update(control_plane=UNKNOWN)
    assert machine.facts.lost
    machine.update(control_plane=UP)
    assert machine.facts.report == DpuReport(up=False, lost=False, incarnation=1)
    machine.update(data_plane=UP)
    assert machine.facts.report == DpuReport(up=True, lost=False, incarnation=1)


def test_a_second_loss_is_a_second_reset() -> None:
    machine = dpu(control_plane=DOWN)
    machine.update(control_plane=UP)
    assert machine.update(control_plane=DOWN) == (AnnounceDpuReset(),)
    assert machine.facts.incarnation == 2


def test_what_has_vanished_from_the_dpu_is_a_new_incarnation_without_a_reset() -> None:
    machine = dpu()
    assert machine.update(flushes=1) == (HearDpuAgain(),)
    assert machine.facts.report == DpuReport(up=True, lost=False, incarnation=1)
    machine.update(flushes=1)
    assert machine.facts.incarnation == 1


def test_c29_what_the_dpu_says_is_read_again_when_it_is_back_and_not_before() -> None:
    machine = dpu()
    machine.update(midplane=DOWN, control_plane=DOWN, data_plane=DOWN)
    assert machine.update(midplane=UP) == ()
    assert machine.update(control_plane=UP) == (HearDpuAgain(),)
    assert machine.update(data_plane=UP) == ()


def test_a_restored_machine_does_not_announce_a_known_loss_again() -> None:
    machine = dpu(midplane=DOWN)
    assert DpuHealth.restore(machine.snapshot()).resume() == ()


def test_fl48_reset_at_first_sight_and_never_for_the_data_plane() -> None:
    assert DpuHealth().update(control_plane=DOWN) == (AnnounceDpuReset(),)
    assert DpuHealth().update(data_plane=DOWN) == ()


def test_ld47_a_vanished_row_or_an_unknown_plane_is_no_failure() -> None:
    machine = dpu()
    assert machine.update(midplane=UNKNOWN, control_plane=UNKNOWN, data_plane=UNKNOWN) == ()
    assert machine.facts.report == DpuReport(up=None, lost=False, incarnation=0)
    machine.update(midplane=UP, control_plane=UP, data_plane=UP)
    assert machine.facts.report == DpuReport(up=True, lost=False, incarnation=0)


@settings(max_examples=300, deadline=None)
@given(steps=DPU_HEALTH.steps(max_size=20))
def test_each_loss_is_announced_exactly_once_and_nothing_else_is(steps: list[Step]) -> None:
    machine = DpuHealth()
    lost, flushes, planes, incarnation = False, 0, dict.fromkeys(PLANES, UNKNOWN), 0
    for told, _ in steps:
        effects = machine.update(**told)
        planes |= {name: told[name] for name in PLANES if name in told}
        core = (planes["midplane"], planes["control_plane"])
        announced, returned = not lost and DOWN in core, lost and core == (UP, UP)
        flushed = told.get("flushes", flushes) != flushes
        incarnation += announced + flushed
        flushes = told.get("flushes", flushes)
        lost = DOWN in core or (lost and core != (UP, UP))
        heard_again = (HearDpuAgain(),) * (flushed + returned)
        assert effects == ((AnnounceDpuReset(), *heard_again) if announced else heard_again)
        up = {DpuHealthState.UP: True, DpuHealthState.DOWN: False}.get(expected(planes))
        assert machine.facts.report == DpuReport(up, lost, incarnation)
