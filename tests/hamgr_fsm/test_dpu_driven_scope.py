"""The DPU-driven HA scope, row by row of dpu-driven 2, 3, 4 and 5, and the workflows of 6."""

from ipaddress import IPv4Address

import attrs
import pytest

from hamgr_fsm.effects import (
    Effect,
    ProgramScope,
    RaiseAlert,
    RemoveScope,
    RespondToProbes,
    SilenceProbes,
    StartTimer,
    StopTimer,
)
from hamgr_fsm.events import Approval, RequestTimeout
from hamgr_fsm.programs import HaScopeProgram
from hamgr_fsm.scope.dpu_driven import REQUEST_TIMER, DpuDrivenScope
from hamgr_fsm.scope.dpu_driven_facts import ProbeState, RelayState, ReportedState
from hamgr_fsm.scope.operations import PendingOperation
from hamgr_fsm.timers import Timers
from hamgr_fsm.vocabulary import DesiredHaState, HaRole, OperationType
from tests.hamgr_fsm.build import (
    ACTIVATE,
    RECONCILE,
    RECOVER,
    VIP4,
    VIP6,
    Ids,
    asking,
    carried,
    config,
    only,
    scope,
    scope_facts,
    serving_scope,
)

S = ReportedState
KNOWN = [state for state in S if state is not S.UNKNOWN]
SERVING = [S.ACTIVE, S.STANDBY, S.STANDALONE]

PROGRAM = HaScopeProgram(
    version="1", disabled=False, role=HaRole.STANDBY, ha_set_id="haset0_0", vip_v4=VIP4, vip_v6=None
)
DISABLED = attrs.evolve(PROGRAM, disabled=True)
START = StartTimer(REQUEST_TIMER, 30_000)
STOP = StopTimer(REQUEST_TIMER)


def told(*effects: Effect) -> tuple[Effect, ...]:
    """Spells a step out as the effects it should have."""
    return effects


def lists(machine: DpuDrivenScope) -> list[tuple[str, OperationType]]:
    """The pending operations as the controller sees them."""
    return [(operation.operation_id, operation.type) for operation in machine.facts.operations]


# Section 2: the relay.


@pytest.mark.parametrize(
    ("disabled", "state", "program"),
    [(False, RelayState.ENABLED, PROGRAM), (True, RelayState.DISABLED, DISABLED)],
    ids=["enabled", "disabled"],
)
def test_a_scope_is_written_once_it_is_configured_managed_and_its_set_programmed(
    disabled: bool, state: RelayState, program: HaScopeProgram
) -> None:
    machine = DpuDrivenScope()
    assert machine.update(**scope_facts(config=config(disabled=disabled))) == told(ProgramScope(program))
    assert machine.facts.relay is state


@pytest.mark.parametrize(
    ("missing", "waits_for"),
    [
        ({"config": None}, "configuration of the HA scope"),
        ({"managed": False}, "a vDPU that is managed here"),
        ({"ha_set_incarnation": None}, "HA set haset0_0 to be programmed"),
        ({"dpu_lost": True}, "the DPU to come back after its reset"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_scope_waits_and_says_what_for(missing: dict[str, object], waits_for: str) -> None:
    machine = DpuDrivenScope()
    assert only(ProgramScope, machine.update(**scope_facts(**missing))) == []
    assert machine.facts.waiting_for == machine.facts.serving_waits_for == waits_for
    assert machine.update(**scope_facts(dpu_lost=False)) == told(ProgramScope(PROGRAM))


@pytest.mark.parametrize("health", [True, False, None])
def test_a_scope_is_written_whatever_the_health_of_its_dpu_unless_it_is_lost(health: bool | None) -> None:
    assert scope(dpu_up=health).facts.programmed == PROGRAM


def test_disabling_and_enabling_write_the_row() -> None:
    machine = scope()
    assert machine.update(config=config(disabled=True)) == told(ProgramScope(DISABLED))
    assert [move.target for move in machine.moves] == [RelayState.DISABLED]
    assert machine.update(config=config()) == told(ProgramScope(PROGRAM))
    assert [move.target for move in machine.moves] == [RelayState.ENABLED]


@pytest.mark.parametrize("disabled", [False, True], ids=["enabled", "disabled"])
@pytest.mark.parametrize(
    ("change", "program"),
    [
        ({"version": "2"}, {"version": "2"}),
        ({"desired": DesiredHaState.ACTIVE}, {"role": HaRole.ACTIVE}),
        ({"desired": DesiredHaState.STANDALONE}, {"role": HaRole.STANDALONE}),
        ({"desired": DesiredHaState.DEAD}, {"role": HaRole.DEAD}),
        ({"ha_set_id": "haset1_0"}, {"ha_set_id": "haset1_0"}),
    ],
    ids=["version", "active", "standalone", "dead", "ha_set_id"],
)
def test_a_change_of_what_the_row_carries_writes_it(
    disabled: bool, change: dict[str, object], program: dict[str, object]
) -> None:
    machine = scope(config=config(disabled=disabled))
    expected = attrs.evolve(PROGRAM, disabled=disabled, **program)  # type: ignore[arg-type]
    state = machine.facts.relay
    assert machine.update(config=config(disabled=disabled, **change)) == told(ProgramScope(expected))
    assert machine.facts.relay is state


@pytest.mark.parametrize("name", ["vip_v4", "vip_v6"])
def test_a_change_of_a_vip_of_the_set_writes_the_row(name: str) -> None:
    address = IPv4Address("3.2.1.9") if name == "vip_v4" else VIP6
    effects = scope().update(**{name: address})
    assert effects == told(ProgramScope(attrs.evolve(PROGRAM, **{name: address})))  # type: ignore[arg-type]


def test_all_that_changes_in_one_update_is_in_one_row() -> None:
    effects = scope().update(config=config(disabled=True, version="2", desired=DesiredHaState.ACTIVE), vip_v6=VIP6)
    assert effects == told(
        ProgramScope(attrs.evolve(DISABLED, version="2", role=HaRole.ACTIVE, vip_v6=VIP6)),
    )


def test_an_unspecified_desired_state_is_written_as_standby() -> None:
    machine = scope(config=config(desired=DesiredHaState.UNSPECIFIED))
    assert machine.facts.programmed is not None and machine.facts.programmed.role is HaRole.STANDBY


@pytest.mark.parametrize(
    "change",
    [{"dpu_up": None}, {"reported": S.DEAD}, {"asked": asking(ACTIVATE)}],
    ids=lambda change: next(iter(change)),
)
def test_what_the_row_does_not_carry_does_not_write_it(change: dict[str, object]) -> None:
    assert only(ProgramScope, scope().update(**change)) == []


def test_the_same_facts_again_write_nothing() -> None:
    assert scope().update(**scope_facts()) == ()


@pytest.mark.parametrize("disabled", [False, True], ids=["enabled", "disabled"])
def test_deleting_the_configuration_silences_the_probes_and_then_removes_the_row(disabled: bool) -> None:
    machine = serving_scope(config=config(disabled=disabled))
    silence = () if disabled else (SilenceProbes(),)
    assert machine.update(config=None) == (*silence, RemoveScope())
    assert (machine.facts.relay, machine.facts.probe) == (RelayState.DELETING, ProbeState.SILENT)


def test_deleting_forgets_what_was_pending() -> None:
    machine = serving_scope(asked=asking(ACTIVATE))
    machine.update(config=None, asked=None)
    assert (machine.facts.operations, machine.facts.awaited, machine.facts.granted) == ((), asking(), asking())


def test_a_scope_that_is_deleted_lists_nothing_even_if_its_dpu_still_asks() -> None:
    machine = serving_scope(asked=asking(ACTIVATE))
    machine.update(config=None)
    assert machine.facts.operations == ()
    machine.update(asked=None)
    machine.update(config=config())
    assert machine.facts.operations == ()


def test_a_scope_that_is_configured_again_is_written_again() -> None:
    machine = scope()
    machine.update(config=None)
    assert machine.update(config=config()) == told(ProgramScope(PROGRAM))


def test_a_set_that_is_gone_takes_the_scope_with_it() -> None:
    machine = scope()
    assert machine.update(ha_set_incarnation=None) == told(RemoveScope())
    assert machine.facts.relay is RelayState.UNPROGRAMMED
    assert machine.update(ha_set_incarnation=2) == told(ProgramScope(PROGRAM))


def test_a_set_that_was_created_anew_has_the_scope_created_anew() -> None:
    assert scope().update(ha_set_incarnation=2) == told(RemoveScope(), ProgramScope(PROGRAM))


def test_a_vdpu_that_is_not_managed_any_more_has_its_scope_removed() -> None:
    machine = scope()
    assert machine.update(managed=False) == told(RemoveScope())
    assert machine.update(managed=True) == told(ProgramScope(PROGRAM))


def test_a_restarted_dpu_is_written_to_again_after_its_set_although_nothing_changed() -> None:
    machine = serving_scope()
    assert machine.update(
        dpu_lost=True, dpu_up=False, dpu_incarnation=1, ha_set_incarnation=None, reported=S.UNKNOWN, asked=None
    ) == told(SilenceProbes())
    assert machine.update(dpu_lost=False, dpu_up=True) == ()
    assert machine.update(ha_set_incarnation=2) == told(ProgramScope(PROGRAM))
    assert machine.update(reported=S.ACTIVE, asked=asking()) == told(RespondToProbes())


def test_a_dpu_that_was_flushed_unseen_is_written_to_again() -> None:
    machine = scope()
    assert machine.update(dpu_incarnation=1, ha_set_incarnation=2) == told(ProgramScope(PROGRAM))


# Section 3: what the DPU asks.

REQUESTS = pytest.mark.parametrize("kind", [ACTIVATE, RECONCILE, RECOVER])


@REQUESTS
def test_a_request_is_listed_once_under_an_id_that_stays(kind: OperationType) -> None:
    machine = serving_scope()
    assert machine.update(asked=asking(kind), now_ms=77) == ()
    assert lists(machine) == [("id-1", kind)]
    assert machine.facts.operations_changed_ms == 77
    for _ in range(3):
        machine.update(asked=asking(kind), now_ms=99)
    assert lists(machine) == [("id-1", kind)]
    assert machine.facts.operations_changed_ms == 77


@REQUESTS
def test_a_request_that_was_there_from_the_start_is_listed(kind: OperationType) -> None:
    assert lists(scope(asked=asking(kind))) == [("id-1", kind)]


@REQUESTS
def test_an_approval_is_carried_by_one_row_and_taken_off_the_list(kind: OperationType) -> None:
    machine = serving_scope(asked=asking(kind))
    assert machine.send(Approval(("id-1",)), now_ms=88) == told(ProgramScope(PROGRAM, asking(kind)), START)
    assert (lists(machine), machine.facts.operations_changed_ms) == ([], 88)
    assert machine.facts.awaited == asking(kind)
    # The DPU takes it: the wait is over, and the next row has the flag false again.
    assert machine.update(asked=asking()) == told(STOP)
    assert carried(machine.update(config=config(version="2"))) == [asking()]


@REQUESTS
def test_a_request_that_the_dpu_drops_is_withdrawn(kind: OperationType) -> None:
    machine = serving_scope(asked=asking(kind))
    assert machine.update(asked=asking(), now_ms=55) == ()
    assert (lists(machine), machine.facts.operations_changed_ms) == ([], 55)
    assert machine.send(Approval(("id-1",))) == ()


def test_several_approvals_at_once_are_carried_by_one_row() -> None:
    machine = serving_scope(asked=asking(ACTIVATE, RECONCILE, RECOVER))
    effects = machine.send(Approval(("id-3", "id-1")))
    assert carried(effects) == [asking(ACTIVATE, RECOVER)]
    assert lists(machine) == [("id-2", RECONCILE)]


def test_an_approval_beside_a_change_of_configuration_loses_neither() -> None:
    machine = serving_scope(asked=asking(RECOVER))
    effects = machine.send(Approval(("id-1",)), config=config(version="2"))
    assert carried(effects)[-1] == asking(RECOVER)
    assert only(ProgramScope, effects)[-1].program == attrs.evolve(PROGRAM, version="2")
    assert sum(bool(requests) for requests in carried(effects)) == 1


@pytest.mark.parametrize("ids", [(), ("id-9",), ("",)], ids=["none", "unknown", "empty"])
def test_an_approval_of_nothing_that_is_pending_changes_nothing(ids: tuple[str, ...]) -> None:
    machine = serving_scope(asked=asking(ACTIVATE))
    before = machine.snapshot()
    assert machine.send(Approval(ids)) == ()
    assert machine.snapshot() == before
    assert machine.ignored == {"approval": 1}


def test_an_approval_that_comes_twice_counts_once() -> None:
    machine = serving_scope(asked=asking(ACTIVATE))
    machine.send(Approval(("id-1",)))
    assert machine.send(Approval(("id-1",))) == ()


def test_an_approval_waits_with_its_operation_while_the_scope_is_not_on_the_dpu() -> None:
    machine = serving_scope(asked=asking(ACTIVATE))
    machine.update(ha_set_incarnation=None)
    assert machine.send(Approval(("id-1",))) == ()
    assert lists(machine) == [("id-1", ACTIVATE)]
    machine.update(ha_set_incarnation=2)
    assert carried(machine.send(Approval(("id-1",)))) == [asking(ACTIVATE)]


def test_a_request_that_is_not_taken_in_time_is_put_before_the_controller_again() -> None:
    machine = serving_scope(asked=asking(ACTIVATE))
    machine.send(Approval(("id-1",)))
    effects = machine.send(RequestTimeout())
    assert effects == told(RaiseAlert("the DPU did not take: activate_role"), ProgramScope(PROGRAM))
    assert lists(machine) == [("id-2", ACTIVATE)]
    # The old id is dead; the new one grants anew.
    assert machine.send(Approval(("id-1",))) == ()
    assert carried(machine.send(Approval(("id-2",)))) == [asking(ACTIVATE)]


def test_the_time_to_take_a_request_is_configurable() -> None:
    machine = DpuDrivenScope(new_id=Ids(), timers=Timers(request=0.25))
    machine.update(**scope_facts(asked=asking(ACTIVATE)))
    assert only(StartTimer, machine.send(Approval(("id-1",)))) == [StartTimer(REQUEST_TIMER, 250)]


def test_a_timer_of_a_request_that_was_taken_means_nothing() -> None:
    machine = serving_scope(asked=asking(ACTIVATE))
    machine.send(Approval(("id-1",)))
    machine.update(asked=asking())
    before = machine.snapshot()
    assert machine.send(RequestTimeout()) == ()
    assert (machine.snapshot(), machine.ignored) == (before, {"request_timeout": 1})


def test_of_two_granted_requests_the_timer_runs_on_for_the_one_not_taken() -> None:
    machine = serving_scope(asked=asking(ACTIVATE, RECOVER))
    machine.send(Approval(("id-1", "id-2")))
    assert machine.update(asked=asking(RECOVER)) == ()
    machine.send(RequestTimeout())
    assert lists(machine) == [("id-3", RECOVER)]


def test_a_second_grant_does_not_forget_the_first() -> None:
    machine = serving_scope(asked=asking(ACTIVATE, RECOVER))
    machine.send(Approval(("id-1",)))
    effects = machine.send(Approval(("id-2",)))
    # Each is carried once; the time of the second counts for both.
    assert effects == told(ProgramScope(PROGRAM, asking(RECOVER)), START)
    assert (lists(machine), machine.facts.awaited) == ([], asking(ACTIVATE, RECOVER))
    machine.send(RequestTimeout())
    assert lists(machine) == [("id-3", ACTIVATE), ("id-4", RECOVER)]


def test_operations_survive_a_restart_of_the_daemon_under_their_ids() -> None:
    machine = serving_scope(asked=asking(ACTIVATE))
    restored = DpuDrivenScope.restore(machine.snapshot(), new_id=lambda: "another")
    restored.update(asked=None)
    restored.update(asked=asking(ACTIVATE))
    assert lists(restored) == [("id-1", ACTIVATE)]
    assert carried(restored.send(Approval(("id-1",)))) == [asking(ACTIVATE)]


def test_a_dpu_that_restarts_asks_again_under_a_new_id() -> None:
    machine = serving_scope(asked=asking(ACTIVATE))
    machine.update(dpu_lost=True, dpu_incarnation=1, ha_set_incarnation=None, reported=S.UNKNOWN, asked=None)
    assert lists(machine) == []
    machine.update(dpu_lost=False, ha_set_incarnation=2)
    assert machine.send(Approval(("id-1",))) == ()
    machine.update(reported=S.DEAD, asked=asking(ACTIVATE))
    assert lists(machine) == [("id-2", ACTIVATE)]


def test_a_grant_to_a_dpu_that_restarted_is_not_waited_for() -> None:
    machine = serving_scope(asked=asking(ACTIVATE))
    machine.send(Approval(("id-1",)))
    effects = machine.update(dpu_lost=True, dpu_incarnation=1, ha_set_incarnation=None, asked=None)
    assert STOP in effects
    machine.update(dpu_lost=False, ha_set_incarnation=2)
    machine.update(asked=asking(ACTIVATE))
    assert lists(machine) == [("id-2", ACTIVATE)]


# Sections 1 and 4: what the DPU reports.


@pytest.mark.parametrize("reported", S)
@pytest.mark.parametrize("before", S)
def test_a_report_is_followed_whatever_came_before(before: ReportedState, reported: ReportedState) -> None:
    machine = scope(reported=before)
    assert machine.facts.dpu is before
    machine.update(reported=reported)
    assert machine.facts.dpu is reported


LAUNCH = [
    (S.DEAD, S.CONNECTING),
    (S.CONNECTING, S.CONNECTED),
    (S.CONNECTED, S.INITIALIZING_TO_ACTIVE),
    (S.CONNECTED, S.INITIALIZING_TO_STANDBY),
    (S.INITIALIZING_TO_ACTIVE, S.PENDING_ACTIVE_ACTIVATION),
    (S.INITIALIZING_TO_STANDBY, S.PENDING_STANDBY_ACTIVATION),
    (S.PENDING_ACTIVE_ACTIVATION, S.ACTIVE),
    (S.PENDING_STANDBY_ACTIVATION, S.STANDBY),
    (S.PENDING_STANDBY_ACTIVATION, S.ACTIVE),
]
WITHOUT_PEER = [
    (S.CONNECTING, S.PENDING_STANDALONE_ACTIVATION),
    (S.CONNECTED, S.PENDING_STANDALONE_ACTIVATION),
    (S.PENDING_STANDALONE_ACTIVATION, S.STANDALONE),
    (S.STANDALONE, S.ACTIVE),
]
PEER_GONE = [
    (S.ACTIVE, S.SWITCHING_TO_STANDALONE),
    (S.STANDBY, S.SWITCHING_TO_STANDALONE),
    (S.SWITCHING_TO_STANDALONE, S.STANDALONE),
    (S.ACTIVE, S.STANDALONE),
    (S.STANDBY, S.STANDALONE),
]
SHUTDOWN = [(state, S.DESTROYING) for state in SERVING] + [(S.DESTROYING, S.DEAD)]
OF_THE_DESIGN = LAUNCH + WITHOUT_PEER + PEER_GONE + SHUTDOWN


@pytest.mark.parametrize(("before", "after"), OF_THE_DESIGN, ids=lambda state: state.value)
def test_a_step_of_a_workflow_is_followed_in_silence(before: ReportedState, after: ReportedState) -> None:
    machine = scope(reported=before)
    assert only(RaiseAlert, machine.update(reported=after)) == []
    assert machine.facts.anomaly == ""


ODD = [
    (S.DEAD, S.ACTIVE),
    (S.DEAD, S.STANDBY),
    (S.ACTIVE, S.DEAD),
    (S.ACTIVE, S.CONNECTING),
    (S.STANDBY, S.CONNECTED),
    (S.STANDBY, S.PENDING_STANDBY_ACTIVATION),
    (S.STANDALONE, S.INITIALIZING_TO_ACTIVE),
    (S.CONNECTED, S.CONNECTING),
    (S.DESTROYING, S.ACTIVE),
    (S.PENDING_ACTIVE_ACTIVATION, S.STANDBY),
]


@pytest.mark.parametrize(("before", "after"), ODD, ids=lambda state: state.value)
def test_a_step_outside_the_workflows_is_followed_and_flagged(before: ReportedState, after: ReportedState) -> None:
    machine = scope(reported=before)
    said = f"unexpected: {before.value} -> {after.value}"
    assert only(RaiseAlert, machine.update(reported=after)) == [RaiseAlert(said)]
    assert (machine.facts.dpu, machine.facts.anomaly) == (after, said)
    assert [move.why for move in machine.moves if move.machine == "dpu"] == [said]


def test_the_flag_goes_with_the_next_step_of_a_workflow() -> None:
    machine = scope(reported=S.DEAD)
    machine.update(reported=S.ACTIVE)
    machine.update(reported=S.STANDALONE)
    assert machine.facts.anomaly == ""


@pytest.mark.parametrize("first", KNOWN)
def test_the_first_report_is_never_odd_and_neither_is_its_loss(first: ReportedState) -> None:
    machine = scope()
    assert only(RaiseAlert, machine.update(reported=first)) == []
    assert only(RaiseAlert, machine.update(reported=S.UNKNOWN)) == []
    assert machine.facts.anomaly == ""


@pytest.mark.parametrize("before", KNOWN[1:])
def test_a_dpu_that_is_dead_because_it_was_disabled_is_not_odd(before: ReportedState) -> None:
    machine = scope(reported=before)
    machine.update(config=config(disabled=True))
    assert only(RaiseAlert, machine.update(reported=S.DEAD)) == []


# Section 5: the BFD responder.


@pytest.mark.parametrize("state", S)
def test_probes_are_answered_in_the_states_in_which_the_dpu_forwards(state: ReportedState) -> None:
    machine = scope()
    serves = state in SERVING
    assert machine.update(reported=state) == ((RespondToProbes(),) if serves else ())
    assert machine.facts.probe is (ProbeState.RESPONDING if serves else ProbeState.SILENT)


@pytest.mark.parametrize("state", SERVING)
@pytest.mark.parametrize(
    ("facts", "answers"),
    [
        ({}, True),
        ({"dpu_up": None}, True),
        ({"dpu_up": False}, False),
        ({"config": config(disabled=True)}, False),
        ({"config": config(desired=DesiredHaState.DEAD)}, False),
        ({"config": config(desired=DesiredHaState.ACTIVE)}, True),
        ({"config": config(desired=DesiredHaState.STANDALONE)}, True),
        ({"config": None}, False),
    ],
    ids=["up", "unknown", "down", "disabled", "desired dead", "desired active", "desired standalone", "deleted"],
)
def test_probes_are_answered_while_nothing_speaks_against_it(
    state: ReportedState, facts: dict[str, object], answers: bool
) -> None:
    machine = serving_scope(state)
    assert machine.facts.probe is ProbeState.RESPONDING
    machine.update(**facts)
    assert machine.facts.probe is (ProbeState.RESPONDING if answers else ProbeState.SILENT)


def test_moving_between_serving_states_leaves_the_responders_alone() -> None:
    machine = serving_scope(S.STANDBY)
    for state in (S.ACTIVE, S.STANDALONE, S.STANDBY):
        assert [e for e in machine.update(reported=state) if isinstance(e, RespondToProbes | SilenceProbes)] == []


@pytest.mark.parametrize(
    ("changed", "role"),
    [(config(desired=DesiredHaState.DEAD), HaRole.DEAD), (config(disabled=True), HaRole.STANDBY)],
    ids=["planned", "forced"],
)
def test_a_shutdown_silences_the_probes_before_the_dpu_is_told(changed: object, role: HaRole) -> None:
    effects = serving_scope().update(config=changed)
    assert effects[0] == SilenceProbes()
    assert [effect.program.role for effect in only(ProgramScope, effects)] == [role]
    assert len(effects) == 2


# Section 6: the workflows.


def test_workflow_planned_up() -> None:
    machine = DpuDrivenScope(new_id=Ids())
    active = {"desired": DesiredHaState.ACTIVE}
    row = attrs.evolve(PROGRAM, role=HaRole.ACTIVE)
    assert machine.update(**scope_facts(config=config(disabled=True, **active))) == told(
        ProgramScope(attrs.evolve(row, disabled=True))
    )
    assert machine.update(config=config(**active)) == told(ProgramScope(row))
    for state in (S.DEAD, S.CONNECTING, S.CONNECTED, S.INITIALIZING_TO_ACTIVE):
        assert machine.update(reported=state, asked=asking()) == ()
    assert machine.update(reported=S.PENDING_ACTIVE_ACTIVATION, asked=asking(ACTIVATE)) == ()
    assert lists(machine) == [("id-1", ACTIVATE)]
    assert machine.facts.serving_waits_for == "approval of activate_role id-1"
    assert machine.send(Approval(("id-1",))) == told(ProgramScope(row, asking(ACTIVATE)), START)
    assert machine.facts.serving_waits_for == "the DPU to take activate_role"
    assert machine.update(reported=S.ACTIVE, asked=asking()) == told(STOP, RespondToProbes())
    assert machine.facts.serving_waits_for == ""


def test_workflow_planned_down() -> None:
    machine = serving_scope(S.STANDBY)
    dead = config(desired=DesiredHaState.DEAD)
    assert machine.update(config=dead) == told(SilenceProbes(), ProgramScope(attrs.evolve(PROGRAM, role=HaRole.DEAD)))
    assert machine.update(reported=S.DESTROYING) == ()
    assert machine.update(reported=S.DEAD) == ()
    assert machine.facts.serving_waits_for == "the controller to desire another state than dead"
    disabled = attrs.evolve(PROGRAM, role=HaRole.DEAD, disabled=True)
    assert machine.update(config=config(desired=DesiredHaState.DEAD, disabled=True)) == told(ProgramScope(disabled))
    assert machine.update(config=None) == told(RemoveScope())


def test_workflow_peer_lost() -> None:
    machine = serving_scope(S.STANDBY)
    assert machine.update(reported=S.SWITCHING_TO_STANDALONE) == told(SilenceProbes())
    assert machine.update(reported=S.STANDALONE, asked=asking(RECONCILE)) == told(RespondToProbes())
    assert machine.facts.operations == (PendingOperation("id-1", RECONCILE),)
    assert carried(machine.send(Approval(("id-1",)))) == [asking(RECONCILE)]


def test_workflow_split_brain_by_the_controller_on_one_side() -> None:
    machine = serving_scope(S.STANDALONE)
    assert machine.update(config=config(disabled=True)) == told(SilenceProbes(), ProgramScope(DISABLED))
    machine.update(reported=S.DEAD)
    assert machine.update(config=config()) == told(ProgramScope(PROGRAM))
    for state in (S.CONNECTING, S.CONNECTED, S.INITIALIZING_TO_STANDBY):
        machine.update(reported=state)
    machine.update(reported=S.PENDING_STANDBY_ACTIVATION, asked=asking(ACTIVATE))
    assert carried(machine.send(Approval(("id-1",)))) == [asking(ACTIVATE)]
    assert machine.update(reported=S.STANDBY, asked=asking()) == told(STOP, RespondToProbes())


@pytest.mark.parametrize("facts", [{}, {"asked": asking(ACTIVATE)}], ids=["quiet", "pending"])
def test_workflow_restart_of_the_daemon(facts: dict[str, object]) -> None:
    machine = serving_scope(S.ACTIVE, **facts)
    restored = DpuDrivenScope.restore(machine.snapshot())
    # No row, no approval, no operation: everything that was told is told again, and nothing follows from it.
    assert restored.update(**scope_facts(reported=S.ACTIVE, **({"asked": asking()} | facts))) == ()
    assert restored.snapshot() == machine.snapshot()


@pytest.mark.parametrize(
    ("facts", "waits_for"),
    [
        ({"config": config(disabled=True)}, "the controller to enable the scope"),
        ({"dpu_up": False}, "the DPU to be up"),
        ({"reported": S.UNKNOWN}, "the first report of the DPU"),
        ({"reported": S.CONNECTING}, "the DPU, which is connecting"),
        ({"reported": S.STANDALONE}, ""),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_scope_says_why_it_does_not_serve(facts: dict[str, object], waits_for: str) -> None:
    assert scope(**{"reported": S.ACTIVE, **facts}).facts.serving_waits_for == waits_for
