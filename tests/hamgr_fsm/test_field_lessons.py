"""Mistakes that were made in the field with DPUs, sets and DPU-driven scopes, each kept from coming back.

Source: field-lessons, by number; those of DPU health and of the route are with their machines.
"""

from itertools import product

import attrs
import pytest

from hamgr_fsm.effects import (
    AdvertiseRoute,
    Effect,
    ProgramHaSet,
    ProgramResponder,
    ProgramScope,
    RemoveHaSet,
    RemoveResponder,
    RemoveScope,
    ResolveNeighbour,
    RespondToProbes,
    SilenceProbes,
    WithdrawRoute,
)
from hamgr_fsm.events import Approval
from hamgr_fsm.ha_set import DpuDrivenHaSet
from hamgr_fsm.ha_set_facts import ChannelState, DpuRowState, RespondersState
from hamgr_fsm.scope.dpu_driven import DpuDrivenScope
from hamgr_fsm.scope.dpu_driven_facts import ReportedState, ScopeConfig
from hamgr_fsm.vocabulary import DesiredHaState, HaOwner, HaRole, PinState
from tests.hamgr_fsm.build import (
    ACTIVATE,
    RECONCILE,
    RECOVER,
    SETTINGS,
    A,
    B,
    C,
    Ids,
    asking,
    carried,
    config,
    ha_set,
    ha_set_facts,
    only,
    scope,
    scope_facts,
    serving_scope,
    set_config,
    settings,
)

S = ReportedState
LOST = {"dpu_lost": True, "dpu_incarnation": 1}


def kinds(effects: tuple[Effect, ...]) -> list[type]:
    """The kinds of the effects, in order."""
    return [type(effect) for effect in effects]


def pending(machine: DpuDrivenScope) -> list[str]:
    """The ids of the pending operations."""
    return [operation.operation_id for operation in machine.facts.operations]


def test_fl04_a_scope_is_not_written_before_its_set() -> None:
    machine = DpuDrivenScope()
    assert only(ProgramScope, machine.update(**scope_facts(ha_set_incarnation=None))) == []
    assert kinds(machine.update(ha_set_incarnation=1)) == [ProgramScope]


def test_fl06_a_configuration_that_comes_after_its_deletion_counts() -> None:
    scope_machine, set_machine = scope(), ha_set()
    scope_machine.update(config=None)
    set_machine.update(config=None, vdpus=())
    assert kinds(scope_machine.update(config=config())) == [ProgramScope]
    assert ProgramHaSet in kinds(set_machine.update(**ha_set_facts()))


def test_fl10_sessions_are_written_again_after_the_dpu_was_away() -> None:
    machine = ha_set(serving=True)
    before = machine.facts.sessions
    assert len(before) == 2
    machine.update(**LOST)
    assert (machine.facts.sessions, machine.facts.responders) == ((), RespondersState.NONE)
    effects = machine.update(dpu_lost=False)
    assert kinds(effects) == [ProgramHaSet, ProgramResponder, ProgramResponder]
    assert tuple(effect.responder for effect in only(ProgramResponder, effects)) == before


def test_fl11_sessions_only_to_the_npus_of_the_set_and_none_without_a_managed_vdpu() -> None:
    machine = ha_set(serving=True)
    assert [session.npu_address for session in machine.facts.sessions] == [A.npu_v4, B.npu_v4]
    effects = machine.update(config=set_config(vdpu_ids=(A.vdpu_id, C.vdpu_id)), vdpus=(A, C))
    assert [effect.npu_address for effect in only(RemoveResponder, effects)] == [B.npu_v4]
    assert [session.npu_address for session in machine.facts.sessions] == [A.npu_v4, C.npu_v4]
    effects = machine.update(config=set_config(vdpu_ids=(B.vdpu_id, C.vdpu_id)), vdpus=(B, C))
    assert [effect.npu_address for effect in only(RemoveResponder, effects)] == [A.npu_v4, C.npu_v4]
    assert WithdrawRoute in kinds(effects)
    assert (machine.facts.sessions, machine.facts.advertised) == ((), None)


def test_fl12_second_split_brain_is_a_new_operation() -> None:
    machine = serving_scope(S.STANDALONE, asked=asking(RECOVER))
    assert carried(machine.send(Approval(("id-1",)))) == [asking(RECOVER)]
    assert pending(machine) == []
    machine.update(asked=asking())
    machine.update(asked=asking(RECOVER))
    assert pending(machine) == ["id-2"]
    # The request of the first time is out of the row before the second can be granted.
    assert machine.facts.programmed_requests == asking()
    assert carried(machine.send(Approval(("id-2",)))) == [asking(RECOVER)]


def test_fl12_the_request_is_sent_once_however_often_the_row_is_written() -> None:
    machine = serving_scope(S.STANDALONE, asked=asking(RECOVER))
    machine.send(Approval(("id-1",)))
    versions = [carried(machine.update(config=config(version=str(n)))) for n in range(2, 5)]
    assert versions == [[asking()]] * 3


def test_fl13_a_new_peer_address_is_an_update_and_everything_else_is_delete_and_create() -> None:
    machine = ha_set()
    peer = attrs.evolve(B, pa_v4=C.pa_v4)
    assert [kind for kind in kinds(machine.update(vdpus=(A, peer))) if kind in (ProgramHaSet, RemoveHaSet)] == [
        ProgramHaSet
    ]
    effects = machine.update(settings=settings(cp_data_channel_port=6001))
    assert kinds(effects) == [RemoveHaSet, ProgramHaSet]
    # The scope follows: what it was told belongs to a set that is no more.
    follower = scope(ha_set_incarnation=1)
    assert kinds(follower.update(ha_set_incarnation=machine.facts.report.incarnation)) == [RemoveScope, ProgramScope]


def test_fl13_unchanged_facts_write_nothing() -> None:
    assert ha_set().update(**ha_set_facts()) == ()
    assert scope().update(**scope_facts()) == ()


def test_fl14_the_dpus_address_is_resolved_before_the_first_route_and_the_route_says_it_is_directly_connected() -> None:
    effects = DpuDrivenHaSet().update(**ha_set_facts())
    assert [kind for kind in kinds(effects) if kind in (ResolveNeighbour, AdvertiseRoute)] == [
        ResolveNeighbour,
        AdvertiseRoute,
    ]
    (resolve,), (advertise,) = only(ResolveNeighbour, effects), only(AdvertiseRoute, effects)
    assert (resolve.neighbour.vlan, resolve.neighbour.address) == ("Vlan55", A.pa_v4)
    assert advertise.route.directly_connected


def test_fl15_each_route_and_each_session_is_removed_once() -> None:
    machine = ha_set(serving=True)
    removed = only(RemoveResponder, machine.update(config=None, vdpus=()))
    assert sorted(str(effect.npu_address) for effect in removed) == ["10.1.0.32", "10.1.1.32"]
    assert machine.update(serving=False) == ()
    assert machine.update(**LOST) == ()


@pytest.mark.parametrize("channel_up", [None, True])
def test_fl26_an_unknown_channel_is_neither_up_nor_down(channel_up: bool | None) -> None:
    machine = DpuDrivenHaSet()
    machine.update(channel_up=channel_up)
    assert machine.facts.channel is (ChannelState.UNKNOWN if channel_up is None else ChannelState.UP)
    machine.update(channel_up=None)
    assert machine.facts.channel is ChannelState.UNKNOWN
    assert machine.facts.report.channel_up is None


def test_fl32_the_route_is_the_same_whatever_was_told_last() -> None:
    routes = set()
    facts = ha_set_facts(config=set_config(preferred=B.vdpu_id), serving=True)
    for first, second in product(facts, facts):
        machine = DpuDrivenHaSet()
        machine.update(**{name: value for name, value in facts.items() if name not in (first, second)})
        machine.update(**{first: facts[first]})
        machine.update(**{second: facts[second]})
        routes.add(machine.facts.advertised)
    assert len(routes) == 1
    (route,) = routes
    assert route is not None and len(route.endpoints) == 2


def test_fl43_the_same_report_again_changes_nothing() -> None:
    machine = serving_scope(S.ACTIVE, asked=asking(ACTIVATE))
    before = machine.snapshot()
    for _ in range(3):
        assert machine.update(reported=S.ACTIVE, asked=asking(ACTIVATE), now_ms=9) == ()
    assert machine.snapshot() == before


@pytest.mark.parametrize("pins", [(PinState.DOWN, PinState.NONE), (PinState.NONE, PinState.UP)])
def test_fl49_a_pin_changes_the_pins_of_the_route_and_nothing_else(pins: tuple[PinState, ...]) -> None:
    machine = ha_set(serving=True)
    before = machine.facts.advertised
    effects = machine.update(config=set_config(pins=pins))
    assert kinds(effects) == [AdvertiseRoute]
    route = only(AdvertiseRoute, effects)[0].route
    assert tuple(endpoint.pin for endpoint in route.endpoints) == pins
    unpinned = tuple(attrs.evolve(endpoint, pin=PinState.NONE) for endpoint in route.endpoints)
    assert attrs.evolve(route, endpoints=unpinned) == before


KNOBS = [
    config(disabled=disabled, desired=desired)
    for disabled in (False, True)
    for desired in (DesiredHaState.ACTIVE, DesiredHaState.DEAD)
]


def knobs(setting: ScopeConfig) -> str:
    """A readable name for a combination of the two knobs."""
    return f"{'disabled' if setting.disabled else 'enabled'}-{setting.desired.value}"


@pytest.mark.parametrize("after", KNOBS, ids=knobs)
@pytest.mark.parametrize("before", KNOBS, ids=knobs)
def test_fl50_disabled_and_desired_dead_are_independent(before: ScopeConfig, after: ScopeConfig) -> None:
    machine = serving_scope(config=before)
    effects = machine.update(config=after)
    programs = [effect.program for effect in only(ProgramScope, effects)]
    role = HaRole.DEAD if after.desired is DesiredHaState.DEAD else HaRole.ACTIVE
    assert [(program.disabled, program.role) for program in programs] == (
        [] if before == after else [(after.disabled, role)]
    )
    answered = not before.disabled and before.desired is not DesiredHaState.DEAD
    answers = not after.disabled and after.desired is not DesiredHaState.DEAD
    assert (SilenceProbes in kinds(effects)) is (answered and not answers)
    assert (RespondToProbes in kinds(effects)) is (answers and not answered)


def test_fl50_a_dead_scope_comes_back_by_disabling_enabling_and_an_approval() -> None:
    machine = serving_scope(S.ACTIVE)
    machine.update(config=config(desired=DesiredHaState.DEAD))
    machine.update(reported=S.DESTROYING)
    machine.update(reported=S.DEAD)
    wanted = {"desired": DesiredHaState.ACTIVE}
    assert [e.program.disabled for e in only(ProgramScope, machine.update(config=config(disabled=True)))] == [True]
    assert [e.program.disabled for e in only(ProgramScope, machine.update(config=config(**wanted)))] == [False]
    machine.update(reported=S.CONNECTING)
    machine.update(reported=S.PENDING_ACTIVE_ACTIVATION, asked=asking(ACTIVATE))
    assert carried(machine.send(Approval(("id-1",)))) == [asking(ACTIVATE)]


def test_fl52_an_operation_is_listed_whenever_the_dpu_waits_for_one() -> None:
    machine = serving_scope(S.STANDALONE, asked=asking(RECOVER))
    machine.send(Approval(("id-1",)))
    # The peer was unreachable when the DPU was granted its request; afterwards it asks for something else as well.
    machine.update(asked=asking(RECOVER, RECONCILE))
    assert [operation.type for operation in machine.facts.operations] == [RECONCILE]


def test_fl53_nothing_waits_for_bfd_to_come_up() -> None:
    # No machine is told which sessions are up, so none can wait for it.
    told = set().union(*({a.name for a in attrs.fields(m.record)} for m in (DpuDrivenHaSet, DpuDrivenScope)))
    assert [name for name in told if "bfd" in name or "probe" in name] == ["probe"]
    assert serving_scope(S.ACTIVE).facts.serving_waits_for == ""


def test_ld10_rows_that_have_not_changed_are_written_again_to_a_dpu_that_restarted() -> None:
    set_machine, scope_machine = ha_set(serving=True), serving_scope()
    set_machine.update(**LOST)
    scope_machine.update(**LOST, ha_set_incarnation=None, reported=S.UNKNOWN, asked=None)
    assert kinds(set_machine.update(dpu_lost=False)) == [ProgramHaSet, ProgramResponder, ProgramResponder]
    effects = scope_machine.update(dpu_lost=False, ha_set_incarnation=set_machine.facts.report.incarnation)
    assert kinds(effects) == [ProgramScope]


def test_ld11_a_set_that_was_told_to_a_former_incarnation_is_not_programmed() -> None:
    machine = ha_set()
    assert machine.facts.report.incarnation == 1
    machine.update(**LOST)
    assert machine.facts.dpu_row is DpuRowState.WAITING
    assert machine.facts.report.incarnation is None
    # So a scope that asks now is not written, though it is configured and managed.
    assert scope(ha_set_incarnation=machine.facts.report.incarnation).facts.programmed is None
    machine.update(dpu_lost=False)
    assert machine.facts.report.incarnation == 2


def test_ld12_a_missing_vnet_postpones_the_route_alone() -> None:
    machine = DpuDrivenHaSet()
    effects = machine.update(**ha_set_facts(settings=settings(dpu_vnet=None), serving=True))
    assert kinds(effects) == [ProgramHaSet, ProgramResponder, ProgramResponder]
    assert kinds(machine.update(settings=SETTINGS)) == [ResolveNeighbour, AdvertiseRoute]


def test_ld13_pins_follow_their_vdpu_when_the_primary_changes() -> None:
    machine = ha_set(config=set_config(pins=(PinState.DOWN, PinState.UP)))
    (advertise,) = only(
        AdvertiseRoute, machine.update(config=set_config(pins=(PinState.DOWN, PinState.UP), preferred=B.vdpu_id))
    )
    assert [(e.vdpu_id, e.pin) for e in advertise.route.endpoints] == [
        (B.vdpu_id, PinState.UP),
        (A.vdpu_id, PinState.DOWN),
    ]


def test_ld14_an_owner_that_becomes_known_last_writes_everything_and_none_goes_out_before() -> None:
    machine = DpuDrivenHaSet()
    assert [
        kind
        for kind in kinds(machine.update(**ha_set_facts(owner=HaOwner.UNSPECIFIED)))
        if kind in (ProgramHaSet, AdvertiseRoute)
    ] == []
    effects = machine.update(owner=HaOwner.DPU)
    assert kinds(effects) == [ProgramHaSet, ResolveNeighbour, AdvertiseRoute]
    assert only(ProgramHaSet, effects)[0].program.owner is HaOwner.DPU


def test_ld33_all_operations_approved_at_once_take_effect() -> None:
    machine = serving_scope(asked=asking(ACTIVATE, RECONCILE, RECOVER))
    ids = tuple(operation.operation_id for operation in machine.facts.operations)
    assert ids == ("id-1", "id-2", "id-3")
    assert carried(machine.send(Approval(ids))) == [asking(ACTIVATE, RECONCILE, RECOVER)]
    assert machine.facts.operations == ()


def test_ld34_a_restart_under_a_pending_flag_lists_no_second_operation() -> None:
    machine = serving_scope(asked=asking(RECOVER))
    restored = DpuDrivenScope.restore(machine.snapshot(), new_id=Ids())
    restored.resume()
    restored.update(asked=asking(RECOVER))
    assert restored.facts.operations == machine.facts.operations


def test_ld34_a_restart_after_an_approval_does_not_send_it_again() -> None:
    machine = serving_scope(asked=asking(RECOVER))
    machine.send(Approval(("id-1",)))
    restored = DpuDrivenScope.restore(machine.snapshot(), new_id=Ids())
    assert carried(restored.resume()) == [asking()]
    assert restored.send(Approval(("id-1",))) == ()
    assert restored.facts.operations == ()


def test_ld35_an_operation_goes_when_the_flag_falls_and_a_missing_report_is_no_fall() -> None:
    machine = serving_scope(asked=asking(ACTIVATE))
    machine.update(asked=None)
    assert [operation.operation_id for operation in machine.facts.operations] == ["id-1"]
    machine.update(asked=asking())
    assert machine.facts.operations == ()


@pytest.mark.parametrize("reported", [S.ACTIVE, S.STANDBY, S.STANDALONE])
def test_ld47_a_dpu_of_unknown_health_goes_on_serving(reported: ReportedState) -> None:
    machine = serving_scope(reported)
    assert machine.update(dpu_up=None) == ()
    assert kinds(machine.update(dpu_up=False)) == [SilenceProbes]
    assert kinds(machine.update(dpu_up=None)) == [RespondToProbes]


def test_h57_sessions_exist_only_while_the_dpu_serves() -> None:
    scope_machine, set_machine = scope(), ha_set()
    for state in (S.DEAD, S.CONNECTING, S.PENDING_ACTIVE_ACTIVATION):
        assert RespondToProbes not in kinds(scope_machine.update(reported=state))
        assert set_machine.facts.sessions == ()
    assert RespondToProbes in kinds(scope_machine.update(reported=S.ACTIVE))
    assert kinds(set_machine.update(serving=True)) == [ProgramResponder, ProgramResponder]


def test_h58_probes_fall_silent_before_the_dpu_is_told_to_be_dead() -> None:
    effects = serving_scope().update(config=config(desired=DesiredHaState.DEAD))
    assert kinds(effects) == [SilenceProbes, ProgramScope]
    assert only(ProgramScope, effects)[0].program.role is HaRole.DEAD


def test_d16_both_sides_of_a_healthy_pair_may_call_themselves_active() -> None:
    machine = scope(reported=S.PENDING_STANDBY_ACTIVATION)
    assert kinds(machine.update(reported=S.ACTIVE)) == [RespondToProbes]
    assert machine.facts.anomaly == ""
