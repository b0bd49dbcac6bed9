"""Finding the steps of a workflow among commands, and the stages between them."""

import pytest

from hamgr_fsm.vocabulary import HaRole, HaState
from runner.bench.failover import KINDS, STAGES, failover_milestones
from runner.bench.milestones import (
    BEGIN,
    Milestone,
    MissingMilestoneError,
    Stage,
    dpu,
    host,
    role_acknowledged,
    role_written,
    route_written,
    state_published,
    times,
)
from runner.bench.switchover import STAGES as SWITCHOVER_STAGES
from runner.bench.switchover import switchover_milestones
from runner.bench.tap import Command
from runner.demo.configuration import A, B

ROUTE = "_VNET_ROUTE_TUNNEL_TABLE:Vnet_55:3.2.1.0"


def command(at_s: float, where: tuple[str, str], *words: str) -> Command:
    return Command(at_s, where, 0, words)


def key_is(key: str, where: tuple[str, str], name: str = "", after: str = BEGIN) -> Milestone:
    return Milestone(name or key, (where,), lambda each: each.key == key, after)


HERE, THERE = ("A", "host"), ("B", "host")


def test_each_milestone_is_the_first_after_the_one_it_counts_from() -> None:
    commands = [
        command(1.0, HERE, "SET", "late"),
        command(2.0, HERE, "SET", "begin"),
        command(3.0, THERE, "SET", "late"),
        command(4.0, HERE, "SET", "mark"),
        command(5.0, HERE, "SET", "late"),
    ]
    found = times(commands, [key_is("begin", HERE, BEGIN), key_is("mark", HERE), key_is("late", HERE, after="mark")])
    assert found == {BEGIN: 2.0, "mark": 4.0, "late": 5.0}


def test_milestone_on_any_of_several_servers() -> None:
    commands = [command(1.0, HERE, "SET", "begin"), command(2.0, THERE, "SET", "x"), command(3.0, HERE, "SET", "x")]
    milestones = [key_is("begin", HERE, BEGIN), Milestone("x", (HERE, THERE), lambda each: each.key == "x")]
    assert times(commands, milestones)["x"] == 2.0


def test_missing_milestone_is_named() -> None:
    with pytest.raises(MissingMilestoneError, match=r"mark \(switch A\)"):
        times([command(1.0, HERE, "SET", "begin")], [key_is("begin", HERE, BEGIN), key_is("mark", HERE)])


def test_stage_that_is_over_before_it_began_took_nothing() -> None:
    stage = Stage("the DPU acknowledges", "written", "acknowledged", dpu=True)
    assert stage.took_ms({"written": 1.000, "acknowledged": 1.004}) == pytest.approx(4.0)
    assert stage.took_ms({"written": 1.000, "acknowledged": 0.999}) == 0.0


def test_words_of_the_rows() -> None:
    state = command(0.0, HERE, "HSET", f"DASH_HA_SCOPE_STATE|{A.state_key}", "local_ha_state", "HA_STATE_STANDALONE")
    assert state_published(A, HaState.STANDALONE)(state)
    assert not state_published(A, HaState.STANDBY)(state)
    assert not state_published(B, HaState.STANDALONE)(state)
    assert not state_published(A, HaState.STANDALONE, local_acked_asic_ha_state="standalone")(state)
    role = command(0.0, ("A", "dpu"), "HSET", "DASH_HA_SCOPE_TABLE:haset0_0", "version", "1", "ha_role", "standby")
    assert role_written(HaRole.STANDBY)(role)
    assert not role_written(HaRole.ACTIVE)(role)
    assert not role_acknowledged(HaRole.STANDBY)(role)
    said = command(0.0, ("A", "dpu"), "HSET", "DASH_HA_SCOPE_STATE_TABLE|haset0_0", "ha_role", "standby")
    assert role_acknowledged(HaRole.STANDBY)(said)


def test_route_leads_to_a_side_by_other_addresses_on_its_own_switch() -> None:
    own = command(0.0, HERE, "HSET", ROUTE, "primary", A.pa)
    far = command(0.0, HERE, "HSET", ROUTE, "primary", A.npu)
    assert route_written(A, A)(own)
    assert not route_written(A, A)(far)
    assert route_written(B, A)(far)
    assert not route_written(B, A)(own)


def test_every_stage_lies_between_milestones_that_are_looked_for() -> None:
    for kind in KINDS.values():
        names = [milestone.name for milestone in failover_milestones(kind, A, B)]
        assert len(set(names)) == len(names)
        assert {stage.since for stage in STAGES} | {stage.until for stage in STAGES} <= set(names)
    names = [milestone.name for milestone in switchover_milestones(A, B)]
    assert {stage.since for stage in SWITCHOVER_STAGES} | {stage.until for stage in SWITCHOVER_STAGES} <= set(names)


@pytest.mark.parametrize("stages", [STAGES, SWITCHOVER_STAGES])
def test_stages_follow_each_other_without_a_gap(stages: tuple[Stage, ...]) -> None:
    assert stages[0].since == BEGIN
    assert [stage.until for stage in stages[:-1]] == [stage.since for stage in stages[1:]]


def test_servers_of_sides() -> None:
    assert host(A, B) == (("A", "host"), ("B", "host"))
    assert dpu(A) == (("A", "dpu"),)
