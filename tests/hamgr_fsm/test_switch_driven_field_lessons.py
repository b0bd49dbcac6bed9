"""Mistakes that were made in the field with switch-driven pairs, each kept from coming back.

Those that are told by a workflow, a trap or a state are named there: FL-02, FL-19, FL-21, FL-23, LD-20, LD-28, LD-40,
LD-45, LD-57, LD-68, LD-69, LD-70.

Source: field-lessons 1 to 3, by number.
"""

from typing import Any

import pytest

from hamgr_fsm import events as e
from hamgr_fsm import messages as m
from hamgr_fsm.effects import ProgramRole, SendToPeer
from hamgr_fsm.scope.election import Vote
from hamgr_fsm.scope.operations import PendingOperation
from hamgr_fsm.scope.switch_driven_facts import LAUNCHING, STATES, FlowSync
from hamgr_fsm.vocabulary import DesiredHaState, FlowSyncState, HaRole, HaState, OperationType, SwitchoverState
from tests.hamgr_fsm.build import config, only
from tests.hamgr_fsm.pair import TwoSides, Weather, paired
from tests.hamgr_fsm.schedules import come_to_rest
from tests.hamgr_fsm.switch_driven_build import DISABLED, WANTED, at, moved, report

S = HaState
R = HaRole
D = DesiredHaState


def words(effects: Any) -> list[object]:
    """What is said to the peer."""
    return [effect.message for effect in only(SendToPeer, effects)]


def test_fl18_a_failed_bulk_sync_and_a_refused_role_end_the_pairing() -> None:
    session = FlowSync("sync-1", FlowSyncState.IN_PROGRESS, 1)
    machine = at(S.ACTIVE, flow_sync=session, sync_open=True, peer_state=S.INITIALIZING_TO_STANDBY)
    machine.send(e.FlowSyncEnded("sync-1", completed=False))
    assert (machine.facts.state, machine.facts.trigger) == (S.SWITCHING_TO_STANDALONE, "bulk sync failed")
    machine = at(S.ACTIVE, reported_role=R.STANDBY)
    machine.send(e.RoleDue())
    assert (S.ACTIVE, S.SWITCHING_TO_STANDALONE, "role not acknowledged") in moved(machine)
    # The DPU has the role standby, which it is asked for now; what is put forward still says that it failed.
    assert machine.facts.signals is not None and machine.facts.signals.role_failed


def test_fl18_a_standalone_role_that_fails_is_asked_for_again() -> None:
    machine = at(S.STANDALONE, reported_role=R.STANDBY)
    effects = machine.send(e.RoleDue())
    assert machine.facts.state is S.STANDALONE
    assert [(effect.program.role, effect.again) for effect in only(ProgramRole, effects)] == [(R.STANDALONE, True)]


FL20 = [
    (S.INITIALIZING_TO_ACTIVE, S.INITIALIZING_TO_STANDBY, R.STANDBY, {}),
    (S.SWITCHING_TO_STANDBY, S.ACTIVE, R.ACTIVE, {}),
    (S.SWITCHING_TO_ACTIVE, S.SWITCHING_TO_STANDBY, R.STANDBY, {}),
    (S.STANDALONE, S.INITIALIZING_TO_STANDBY, R.STANDBY, {}),
    (S.STANDBY, S.STANDALONE, R.STANDALONE, {"config": WANTED[D.DEAD]}),
]


@pytest.mark.parametrize(("state", "peer", "role", "given"), FL20, ids=[f"{row[0]}-{row[1]}" for row in FL20])
def test_fl20_fl22_the_peer_counts_only_with_state_and_role_together(
    state: HaState, peer: HaState, role: HaRole, given: dict[str, Any]
) -> None:
    for other in (None, *(r for r in R if r is not role)):
        machine = at(state, **given)
        machine.send(report(peer, other))
        assert machine.facts.state is state
    machine = at(state, **given)
    machine.send(report(peer, role))
    assert machine.facts.state is not state


def test_fl24_a_disabled_peer_lets_the_other_serve_and_a_dead_scope_launches_when_it_is_wanted_again() -> None:
    world = paired()
    world.configure(world.a, disabled=True)
    world.until(lambda: world.b.state is S.STANDALONE, 10)
    machine = at(S.DEAD, config=WANTED[D.DEAD])
    machine.update(config=config())
    assert machine.facts.state is S.CONNECTING


def test_fl26_an_unknown_channel_neither_pairs_nor_parts() -> None:
    assert at(S.CONNECTING, channel_up=None, peer_connected=True).facts.state is S.CONNECTING
    machine = at(S.ACTIVE)
    machine.update(channel_up=None)
    assert machine.facts.state is S.ACTIVE


def test_fl27_the_same_bad_news_again_changes_nothing() -> None:
    machine = at(S.STANDBY, peer_state=S.STANDALONE, peer_role=R.STANDALONE)
    machine.update(dpu_up=False, channel_up=False)
    for _ in range(5):
        assert machine.update(dpu_up=False, channel_up=False) == ()


@pytest.mark.parametrize("selection", m.Selection)
@pytest.mark.parametrize("state", [s for s in STATES if s is not S.SWITCHING_TO_STANDALONE])
def test_fl28_ld22_a_reply_counts_only_where_it_is_waited_for(state: HaState, selection: m.Selection) -> None:
    machine = at(state)
    before = machine.snapshot()
    machine.send(m.StandaloneReply(selection, None))
    machine.send(m.ShutdownReply(accepted=True))
    assert machine.snapshot() == before


@pytest.mark.parametrize("pinned", [False, True])
def test_fl29_h39_the_way_out_of_standalone_is_open_unless_it_is_pinned(pinned: bool) -> None:
    machine = at(S.STANDALONE, config=WANTED[D.STANDALONE] if pinned else config())
    machine.send(report(S.INITIALIZING_TO_STANDBY, R.STANDBY))
    assert machine.facts.state is (S.STANDALONE if pinned else S.ACTIVE)


@pytest.mark.parametrize("signal", [{"channel_up": False}, {"dpu_up": False}, {"drops_seen": True}])
@pytest.mark.parametrize("state", STATES)
def test_fl30_each_failure_alone_has_a_reaction_in_each_state_and_ends_nowhere_for_ever(
    state: HaState, signal: dict[str, bool]
) -> None:
    machine = at(state)
    machine.update(**signal)
    transient = (*LAUNCHING, S.SWITCHING_TO_ACTIVE, S.SWITCHING_TO_STANDBY)
    if machine.facts.triggers and "drops_seen" not in signal:
        assert machine.facts.state not in transient


def test_fl31_ld41_a_new_peer_starts_unknown() -> None:
    machine = at(S.STANDALONE)
    pair = machine.facts.pair
    assert pair is not None
    machine.update(pair=type(pair)("vdpu9_0"))
    facts = machine.facts
    assert (facts.state, facts.peer_state, facts.peer_role, facts.peer_connected) == (S.STANDALONE, None, None, False)


def test_ld01_a_lost_channel_with_a_link_is_decided_between_both() -> None:
    world = paired()
    world.set_cable(False)
    for _ in range(100):
        world.advance(0.05)
        world.check_rest()
    assert world.states == (S.STANDALONE, S.STANDBY)


def test_ld03_a_switchover_survives_a_restart_of_the_side_that_takes_over() -> None:
    world = paired()
    world.configure(world.a)
    world.configure(world.b, D.ACTIVE)
    world.until(lambda: world.states == (S.SWITCHING_TO_STANDBY, S.SWITCHING_TO_ACTIVE))
    world.restart(world.b)
    world.until(lambda: world.states == (S.STANDBY, S.ACTIVE), 10)


def test_ld04_a_ghost_of_an_old_switchover_is_refused() -> None:
    machine = at(S.ACTIVE, switchover=at(S.SWITCHING_TO_STANDBY).facts.switchover)
    record = machine.facts.switchover
    assert record is not None
    effects = machine.send(m.SwitchoverRequest(record.switchover_id))
    assert machine.facts.state is S.ACTIVE
    assert m.SwitchoverReply(record.switchover_id, accepted=False) in words(effects)


@pytest.mark.parametrize("state", LAUNCHING)
def test_ld05_a_lost_peer_is_noticed_while_launching(state: HaState) -> None:
    machine = at(state)
    machine.update(channel_up=False)
    assert machine.facts.state is S.SWITCHING_TO_STANDALONE


def test_ld06_the_first_message_after_a_restart_is_a_level_like_any_other() -> None:
    machine = at(S.STANDALONE, peer_connected=False, peer_state=None, peer_role=None)
    machine.send(report(S.INITIALIZING_TO_STANDBY, R.STANDBY))
    assert machine.facts.state is S.ACTIVE


@pytest.mark.parametrize("state", [S.ACTIVE, S.STANDALONE, S.SWITCHING_TO_ACTIVE, S.SWITCHING_TO_STANDBY])
def test_ld08_nobody_keeps_serving_on_a_dead_dpu_beside_a_peer(state: HaState) -> None:
    machine = at(state)
    machine.update(dpu_up=False)
    assert machine.facts.state is S.SWITCHING_TO_STANDALONE
    assert machine.facts.target_role is R.STANDBY


@pytest.mark.parametrize("given", [{}, {"peer_connected": True, "channel_up": None}])
def test_ld15_connecting_ends_whichever_half_is_missing(given: dict[str, Any]) -> None:
    machine = at(S.CONNECTING, **given)
    for _ in range(4):
        machine.send(e.ConnectDue())
    assert machine.facts.state in (S.SWITCHING_TO_STANDALONE, S.STANDALONE)


def test_ld17_two_sides_with_equal_wishes_do_not_wait_for_ever() -> None:
    world = TwoSides()
    world.configure(world.a)
    world.configure(world.b)
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY), 200)


def test_ld18_a_standby_whose_active_peer_launches_serves_before_it_votes() -> None:
    machine = at(S.STANDBY)
    effects = machine.send(m.VoteRequest(9, D.ACTIVE, 1))
    assert machine.facts.state is S.STANDALONE
    assert m.VoteReply(Vote.BECOME_STANDBY, 1) in words(effects)


def test_ld19_the_choice_ends_without_a_peer_and_without_an_answer() -> None:
    machine = at(S.SWITCHING_TO_STANDALONE)
    machine.update(channel_up=False, link_up=False)
    assert machine.facts.state is S.STANDALONE


@pytest.mark.parametrize("state", [S.DEAD, S.CONNECTING, S.CONNECTED, S.DESTROYING])
def test_ld21_ld23_a_side_that_is_no_part_of_a_pair_is_not_moved_by_a_request(state: HaState) -> None:
    machine = at(state)
    signals = at(S.ACTIVE).facts.present_signals
    machine.send(m.StandaloneRequest(type(signals)(1, dpu_up=False, triggered=True), "theirs"))
    assert machine.facts.state is state


def test_ld25_a_pin_moves_the_active_side_and_its_end_lets_it_pair() -> None:
    world = paired()
    world.configure(world.a, D.STANDALONE)
    world.until(lambda: world.a.state is S.STANDALONE, 5)
    world.configure(world.a)
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY), 60)


def test_ld27_everything_that_one_row_changes_takes_effect() -> None:
    """C04: another wish and an approval in one row."""
    machine = at(S.PENDING_ACTIVE_ACTIVATION, config=WANTED[D.ACTIVE])
    machine.send(e.Approval(("op-1",)), config=config())
    assert (machine.facts.state, machine.facts.desired) == (S.ACTIVE, D.UNSPECIFIED)


def test_ld29_a_wish_does_not_change_what_was_elected() -> None:
    machine = at(S.INITIALIZING_TO_STANDBY)
    machine.update(config=WANTED[D.ACTIVE])
    machine.send(m.BulkSyncDone())
    assert machine.facts.state is S.PENDING_STANDBY_ACTIVATION


@pytest.mark.parametrize("unwanted", [DISABLED, WANTED[D.DEAD], None])
def test_ld30_nothing_launches_that_is_not_wanted(unwanted: Any) -> None:
    machine = at(S.DEAD, config=unwanted)
    machine.update(dpu_incarnation=1, reported_role=None)
    assert machine.facts.state is S.DEAD


def test_ld31_a_dead_scope_is_told_so_until_the_dpu_is_dead() -> None:
    machine = at(S.DEAD, reported_role=R.ACTIVE)
    assert "role_due" in machine.facts.running
    assert [x.program.role for x in only(ProgramRole, machine.send(e.RoleDue()))] == [R.DEAD]


def test_ld32_c33_a_stale_approval_activates_nothing() -> None:
    machine = at(S.PENDING_ACTIVE_ACTIVATION)
    machine.update(dpu_up=False)
    machine.update(dpu_up=True)
    before = machine.facts.state
    machine.send(e.Approval(("op-1",)))
    assert machine.facts.state is before


def test_ld33_operations_keep_their_order() -> None:
    both = (
        PendingOperation("op-9", OperationType.FLOW_RECONCILE),
        PendingOperation("op-1", OperationType.ACTIVATE_ROLE),
    )
    machine = at(S.PENDING_ACTIVE_ACTIVATION, operations=both, flow_reconcile_asked=True)
    machine.update(bfd_reach=2)
    assert machine.facts.operations == both


def test_ld36_every_stay_in_a_state_counts_from_the_beginning() -> None:
    machine = at(S.CONNECTING)
    for _ in range(2):
        machine.send(e.ConnectDue())
    effects = machine.send(report(S.CONNECTED))
    assert m.VoteRequest(0, D.UNSPECIFIED, 1) in words(effects)


def test_ld37_every_request_is_repeated_until_its_effect_shows() -> None:
    for state, given in (
        (S.CONNECTED, {}),
        (S.STANDBY, {"config": WANTED[D.DEAD]}),
        (S.SWITCHING_TO_ACTIVE, {}),
        (S.SWITCHING_TO_STANDALONE, {}),
    ):
        timers = at(state, **given).facts.running
        assert timers & {"vote_due", "shutdown_due", "switchover_retry_due", "standalone_reply_due"}


def test_ld38_a_sync_that_never_ends_is_given_up() -> None:
    world = paired()
    world.configure(world.b, disabled=True)
    world.settle(5)
    world.weather = lambda: Weather(ack_ms=400_000)
    world.a.dpu.role = world.a.dpu.row = R.STANDALONE
    world.configure(world.b)
    world.until(lambda: world.b.state is S.STANDALONE or world.a.state is S.STANDALONE, 600)
    come_to_rest(world)


def test_ld39_a_term_counts_decisions_and_no_denials() -> None:
    machine = at(S.SWITCHING_TO_STANDALONE, sync_drops=False, hold_downs=0)
    machine.send(m.StandaloneReply(m.Selection.DENY, "ours"))
    assert machine.facts.term == 3


def test_ld42_what_the_former_incarnation_acknowledged_does_not_count() -> None:
    machine = at(S.STANDBY, peer_state=S.STANDALONE, peer_role=R.STANDALONE)
    machine.update(dpu_lost=True)
    assert machine.facts.acked_role is None


def test_ld43_c24_a_role_that_nobody_asked_for_is_corrected() -> None:
    machine = at(S.ACTIVE)
    machine.update(reported_role=R.STANDBY)
    assert "role_due" in machine.facts.running
    effects = machine.send(e.RoleDue())
    assert machine.facts.state is S.SWITCHING_TO_STANDALONE
    assert [effect.program.role for effect in only(ProgramRole, effects)] == [R.ACTIVE, R.STANDBY]


def test_ld44_draining_ends() -> None:
    machine = at(S.DESTROYING)
    machine.send(e.DrainDue())
    assert machine.facts.state is S.DEAD


def test_ld46_a_switchover_that_was_refused_leaves_the_dpu_standby_and_is_offered_again() -> None:
    world = paired()
    world.configure(world.b, D.ACTIVE)
    world.until(lambda: world.b.facts.switchover_held_off, 60)
    world.until(lambda: world.b.acked is R.STANDBY, 5)
    assert world.b.facts.switchover.state is SwitchoverState.FAILED
    world.configure(world.a)
    world.until(lambda: world.states == (S.STANDBY, S.ACTIVE), 60)


@pytest.mark.parametrize("state", STATES)
def test_h03_ld31_disabled_is_dead_from_everywhere(state: HaState) -> None:
    machine = at(state)
    machine.update(config=DISABLED)
    assert (machine.facts.state, machine.facts.target_role) == (S.DEAD, R.DEAD)


def test_h48_a_pinned_probe_is_no_signal() -> None:
    assert not {name for name in dir(at(S.ACTIVE).facts.present_signals) if "probe" in name or "bfd_pin" in name}


@pytest.mark.parametrize("place", [0, 1])
def test_c34_a_peer_that_lost_its_state_is_served_and_taken_in_again(place: int) -> None:
    world = paired()
    lost, other = world.sides[place], world.sides[1 - place]
    world.unconfigure(lost)
    world.configure(lost)
    world.until(lambda: other.decides, 2)
    term = other.facts.term
    world.until(lambda: (other.state, lost.state) == (S.ACTIVE, S.STANDBY), 90)
    assert other.facts.term >= term
