"""The life of a pair, workflow by workflow, both sides on a fake wire.

Source: scenarios 5, W01 to W15.
"""

from collections.abc import Callable

import pytest

from hamgr_fsm.messages import (
    BulkSyncDone,
    Selection,
    ShutdownReply,
    ShutdownRequest,
    StandaloneReply,
    SwitchoverRequest,
    VoteRequest,
)
from hamgr_fsm.vocabulary import DesiredHaState, HaRole, HaState, OperationType, SwitchoverState
from tests.hamgr_fsm.pair import CALM, Side, TwoSides, Weather, paired
from tests.hamgr_fsm.schedules import come_to_rest

S = HaState
R = HaRole
D = DesiredHaState

ACTIVATE, SWITCHOVER = OperationType.ACTIVATE_ROLE, OperationType.SWITCHOVER


def went(side: Side) -> list[HaState]:
    """The states that a side went through."""
    return [target for _, target, _ in side.moves]


def listing() -> TwoSides:
    """A world whose controller approves only when told to."""
    world = TwoSides()
    world.approves = False
    return world


def launched() -> TwoSides:
    """A is up to the approval of its activation, B waits for flows."""
    world = listing()
    world.configure(world.a, D.ACTIVE)
    world.configure(world.b)
    world.until(lambda: world.a.open == [ACTIVATE])
    return world


def alone(desired_b: DesiredHaState = D.UNSPECIFIED) -> TwoSides:
    """A serves alone, B is disabled."""
    world = paired()
    world.configure(world.b, desired_b, disabled=True)
    world.until(lambda: world.states == (S.STANDALONE, S.DEAD) and world.at_rest())
    return world


def apart() -> TwoSides:
    """A serves alone and B stands by, because the channel is down."""
    world = paired()
    world.set_cable(False)
    world.until(lambda: world.states == (S.STANDALONE, S.STANDBY) and world.at_rest())
    return world


# W01: clean launch.


def test_w01_a_clean_launch_ends_in_a_pair_under_one_term() -> None:
    world = launched()
    assert world.states == (S.PENDING_ACTIVE_ACTIVATION, S.INITIALIZING_TO_STANDBY)
    assert world.b.acked is R.STANDBY
    world.approve(world.a)
    world.settle()
    assert world.states == (S.ACTIVE, S.PENDING_STANDBY_ACTIVATION)
    assert (world.terms, world.a.acked) == ((1, 0), R.ACTIVE)
    assert world.b.open == [ACTIVATE]
    world.approve(world.b)
    world.settle()
    assert (world.states, world.terms) == ((S.ACTIVE, S.STANDBY), (1, 1))
    assert (world.a.acked, world.b.acked) == (R.ACTIVE, R.STANDBY)
    assert world.now <= 40_000
    assert BulkSyncDone() in world.a.said


def test_w01a_an_approval_that_comes_late_finds_everything_as_it_was() -> None:
    world = launched()
    (operation,) = world.a.facts.operations
    world.advance(290)
    assert world.states == (S.PENDING_ACTIVE_ACTIVATION, S.INITIALIZING_TO_STANDBY)
    assert world.a.facts.operations == (operation,)
    world.approves = True
    world.approve(world.a)
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY))


@pytest.mark.parametrize("seconds", [-60, -5, 0, 5, 60])
def test_w01b_the_second_side_may_be_enabled_earlier_or_later(seconds: int) -> None:
    world = TwoSides()
    for side in world.sides:
        world.configure(side, disabled=True)
    first, second = (world.a, world.b) if seconds >= 0 else (world.b, world.a)
    world.configure(first, D.ACTIVE if first is world.a else D.UNSPECIFIED)
    world.advance(abs(seconds))
    world.configure(second, D.ACTIVE if second is world.a else D.UNSPECIFIED)
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY))
    assert world.terms == (1, 1)
    assert S.STANDALONE not in went(world.a) + went(world.b)


@pytest.mark.parametrize("desired", [D.ACTIVE, D.UNSPECIFIED])
def test_w01c_equal_wishes_end_after_patience_with_an_alert_and_one_winner(desired: DesiredHaState) -> None:
    world = TwoSides()
    world.configure(world.a, desired)
    world.configure(world.b, desired)
    world.advance(60)
    assert world.states == (S.CONNECTED, S.CONNECTED)
    world.until(lambda: world.a.state is S.ACTIVE and world.b.facts.in_sync)
    assert any("same term, same desired state" in alert for side in world.sides for alert in side.alerts)


def test_w01c_a_changed_wish_ends_the_waiting() -> None:
    world = TwoSides()
    world.configure(world.a, D.ACTIVE)
    world.configure(world.b, D.ACTIVE)
    world.advance(20)
    world.configure(world.a)
    world.until(lambda: world.states == (S.STANDBY, S.ACTIVE), 60)


def test_w01d_a_standby_role_that_is_never_acknowledged_lets_the_other_side_serve() -> None:
    world = TwoSides()
    world.b.dpu.manners = "silent"
    world.configure(world.a, D.ACTIVE)
    world.configure(world.b)
    world.until(lambda: world.a.decides)
    assert world.a.state is S.STANDALONE
    assert S.PENDING_ACTIVE_ACTIVATION not in went(world.a)
    assert not world.b.decides


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_w01e_lost_votes_are_asked_again(lost: int) -> None:
    world = TwoSides()
    losses = iter([True] * lost)
    world.weather = lambda: Weather(lost=next(losses, False))
    world.configure(world.a, D.ACTIVE)
    world.configure(world.b)
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY))
    assert world.terms == (1, 1)


def test_w01e_doubled_messages_have_one_effect() -> None:
    world = TwoSides(lambda: Weather(twice=True))
    world.configure(world.a, D.ACTIVE)
    world.configure(world.b)
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY))
    assert world.terms == (1, 1)


LAUNCH_FAULTS: dict[str, Callable[[TwoSides], None]] = {
    "peer's DPU": lambda world: world.power(world.b, False),
    "own DPU": lambda world: world.power(world.a, False),
    "channel": lambda world: world.set_cable(False),
    "disabled": lambda world: world.configure(world.a, disabled=True),
    "peer disabled": lambda world: world.configure(world.b, disabled=True),
}


@pytest.mark.parametrize("fault", LAUNCH_FAULTS)
def test_w01f_a_launch_that_fails_withdraws_its_operation_and_one_side_serves(fault: str) -> None:
    world = launched()
    old = world.a.facts.operations[0].operation_id
    LAUNCH_FAULTS[fault](world)
    world.until(lambda: world.a.decides or world.b.decides, 60)
    assert old not in [operation.operation_id for operation in world.a.facts.operations]
    world.check_rest()
    before = world.states
    world.approve_ids(world.a, (old,))
    assert world.states == before


# W02: launch beside a peer that serves alone.


def test_w02_a_side_that_launches_beside_a_standalone_peer_gets_all_its_flows() -> None:
    world = alone()
    term = world.terms[0]
    world.a.moves.clear()
    world.configure(world.b)
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY), 60)
    assert world.terms == (term + 1, term + 1)
    assert went(world.a) == [S.ACTIVE]
    assert went(world.b)[-4:] == [S.CONNECTED, S.INITIALIZING_TO_STANDBY, S.PENDING_STANDBY_ACTIVATION, S.STANDBY]
    assert world.a.facts.flow_sync is not None
    assert world.a.roles[-1] is R.ACTIVE


def test_w02a_a_failed_sync_keeps_the_sides_apart_for_the_hold_down() -> None:
    world = alone()
    world.a.sync_result = False
    world.configure(world.b)
    world.until(lambda: world.a.facts.sync_failed)
    world.until(lambda: world.states == (S.STANDALONE, S.STANDBY))
    assert not world.a.facts.report.ready_to_pair
    assert S.PENDING_STANDBY_ACTIVATION not in went(world.b)[-2:]
    world.advance(25)
    assert world.states == (S.STANDALONE, S.STANDBY)
    world.a.sync_result = None
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY), 60)


def test_w02b_a_pinned_side_stays_alone_however_often_it_is_asked() -> None:
    world = alone()
    world.configure(world.a, D.STANDALONE)
    world.configure(world.b)
    world.advance(600)
    assert world.states == (S.STANDALONE, S.CONNECTED)
    assert sum(isinstance(message, VoteRequest) for message in world.b.said) > 10


def test_w02d_a_side_with_half_of_the_flows_never_has_the_term_of_its_source() -> None:
    world = alone()
    world.weather = lambda: Weather(ack_ms=5000)
    world.configure(world.b)
    world.until(lambda: world.states == (S.ACTIVE, S.INITIALIZING_TO_STANDBY))
    world.advance(6)
    world.power(world.a, False)
    world.until(lambda: world.b.decides, 60)
    assert world.b.state is S.STANDALONE
    assert world.terms[1] < world.terms[0]


def test_w02e_an_active_side_whose_joining_peer_dies_serves_alone() -> None:
    world = alone()
    world.weather = lambda: Weather(ack_ms=2000)
    world.configure(world.b)
    world.until(lambda: world.states == (S.ACTIVE, S.INITIALIZING_TO_STANDBY))
    term = world.terms[0]
    world.power(world.b, False)
    world.until(lambda: world.a.state is S.STANDALONE, 20)
    assert world.terms[0] == term + 1


# W03: launch without a peer.


@pytest.mark.parametrize(
    ("prepare", "bound"),
    [
        (lambda world: world.set_link(False), 150),
        (lambda world: world.configure(world.b, disabled=True), 150),
        (lambda world: world.configure(world.b, D.DEAD), 5),
        (lambda world: world.power(world.b, False), 150),
        (lambda world: world.kill(world.b), 150),
    ],
    ids=["no switch", "disabled", "wanted dead", "DPU off", "no daemon"],
)
def test_w03_a_side_without_a_peer_serves_alone_in_time(prepare: Callable[[TwoSides], None], bound: int) -> None:
    world = TwoSides()
    prepare(world)
    world.configure(world.a, D.ACTIVE)
    world.until(lambda: world.a.decides, bound)
    assert (world.a.state, world.terms[0]) == (S.STANDALONE, 1)


def test_w03f_a_second_launch_knows_nothing_of_the_peer_of_the_first() -> None:
    world = paired()
    world.configure(world.a, disabled=True)
    world.settle(5)
    world.kill(world.b)
    world.configure(world.a, D.ACTIVE)
    assert (world.a.state, world.a.facts.peer_state) == (S.CONNECTING, None)
    world.until(lambda: world.a.decides, 150)


def test_w03g_a_side_with_a_dead_dpu_waits_and_never_serves() -> None:
    world = TwoSides()
    world.power(world.a, False)
    world.configure(world.a, D.ACTIVE)
    world.advance(600)
    assert (world.a.state, world.a.roles) == (S.DEAD, [])


def test_w03h_a_peer_that_appears_later_joins() -> None:
    world = TwoSides()
    world.kill(world.b)
    world.configure(world.a, D.ACTIVE)
    world.until(lambda: world.a.decides)
    world.start(world.b)
    world.configure(world.b)
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY), 300)


# W04 to W06: planned switchover.


def offered() -> TwoSides:
    """A pair whose controller wants B active, and has not approved yet."""
    world = paired()
    world.approves = False
    world.configure(world.a)
    world.configure(world.b, D.ACTIVE)
    world.settle()
    return world


def test_w04_a_switchover_moves_the_service_in_order() -> None:
    world = offered()
    assert (world.states, world.b.open) == ((S.ACTIVE, S.STANDBY), [SWITCHOVER])
    assert world.b.facts.switchover.state is SwitchoverState.PENDING_APPROVAL
    world.approve(world.b)
    assert world.b.state is S.SWITCHING_TO_ACTIVE
    world.settle()
    assert (world.states, world.terms) == ((S.STANDBY, S.ACTIVE), (2, 2))
    assert went(world.a) == [S.SWITCHING_TO_STANDBY, S.STANDBY]
    assert went(world.b) == [S.SWITCHING_TO_ACTIVE, S.ACTIVE]
    assert world.b.roles == [R.SWITCHING_TO_ACTIVE, R.ACTIVE]
    records = [side.facts.switchover for side in world.sides]
    assert [record.state for record in records] == [SwitchoverState.COMPLETED] * 2
    assert records[0].switchover_id == records[1].switchover_id
    assert all(record.started_ms <= record.ended_ms for record in records)


def test_w04_one_side_decides_until_the_other_has_given_way() -> None:
    world = offered()
    world.weather = lambda: Weather(ack_ms=300)
    world.approve(world.b)
    while world.states != (S.STANDBY, S.ACTIVE) or not world.at_rest():
        assert not (world.a.decides and world.b.decides)
        world.advance(0.01)


def test_w05a_a_refused_switchover_is_tried_three_times_and_offered_again_later() -> None:
    world = paired()
    world.approves = False
    world.configure(world.b, D.ACTIVE)
    world.settle()
    first = world.b.facts.operations
    world.approve(world.b)
    world.until(lambda: world.b.state is S.STANDBY, 90)
    assert world.a.state is S.ACTIVE
    assert sum(isinstance(message, SwitchoverRequest) for message in world.b.said) == 3
    assert world.b.facts.switchover.state is SwitchoverState.FAILED
    world.settle()
    assert (world.b.acked, world.b.open) == (R.STANDBY, [])
    world.advance(31)
    assert world.b.open == [SWITCHOVER]
    assert world.b.facts.operations != first


def test_w05b_a_wish_that_changes_between_two_tries_lets_the_next_one_through() -> None:
    world = paired()
    world.configure(world.b, D.ACTIVE)
    world.until(lambda: world.b.facts.rejections == 1)
    world.configure(world.a)
    world.until(lambda: world.states == (S.STANDBY, S.ACTIVE), 5)


def test_w05c_a_switchover_that_is_not_approved_waits_and_can_be_withdrawn() -> None:
    world = offered()
    (operation,) = world.b.facts.operations
    world.advance(600)
    assert (world.states, world.b.facts.operations) == ((S.ACTIVE, S.STANDBY), (operation,))
    world.configure(world.b)
    assert world.b.open == []
    assert world.b.facts.switchover.state is SwitchoverState.FAILED
    world.approve_ids(world.b, (operation.operation_id,))
    assert world.states == (S.ACTIVE, S.STANDBY)


def test_w05d_a_request_that_is_doubled_or_comes_late_has_one_effect() -> None:
    world = offered()
    world.weather = lambda: Weather(twice=True)
    world.approve(world.b)
    world.settle(2)
    assert world.states == (S.STANDBY, S.ACTIVE)
    echo = SwitchoverRequest(world.b.facts.switchover.switchover_id)
    world.hand(world.a, echo)
    world.settle(2)
    assert (world.states, world.terms) == ((S.STANDBY, S.ACTIVE), (2, 2))


def test_w05e_a_wish_that_is_older_than_the_standby_is_offered_on_entering_it() -> None:
    world = TwoSides()
    world.configure(world.a, D.ACTIVE)
    world.configure(world.b)
    world.until(lambda: world.b.state is S.INITIALIZING_TO_STANDBY)
    world.configure(world.b, D.ACTIVE)
    world.until(lambda: world.b.open == [SWITCHOVER])


def in_switchover(world: TwoSides) -> None:
    """B is prepared and has asked; A waits for its DPU to give way."""
    world.weather = lambda: Weather(ack_ms=2000)
    world.approve(world.b)
    world.until(lambda: world.states == (S.SWITCHING_TO_STANDBY, S.SWITCHING_TO_ACTIVE), 5)
    world.weather = lambda: CALM


def test_w06_a_dpu_that_refuses_to_switch_fails_the_switchover_and_nobody_is_asked() -> None:
    world = offered()
    world.b.dpu.never = frozenset({R.SWITCHING_TO_ACTIVE})
    world.approve(world.b)
    world.until(lambda: world.b.state is S.STANDBY, 20)
    assert not any(isinstance(message, SwitchoverRequest) for message in world.b.said)
    world.b.dpu.never = frozenset()
    world.settle(2)
    assert (world.states, went(world.a), world.b.acked) == ((S.ACTIVE, S.STANDBY), [], R.STANDBY)


@pytest.mark.parametrize(
    ("fault", "serving"),
    [
        (lambda world: world.power(world.b, False), "A"),
        (lambda world: world.power(world.a, False), "B"),
        (lambda world: world.configure(world.b, disabled=True), "A"),
        (lambda world: world.configure(world.a, disabled=True), "B"),
        (lambda world: world.unconfigure(world.b), "A"),
    ],
    ids=["DPU B", "DPU A", "B disabled", "A disabled", "B deleted"],
)
def test_w06_a_side_that_fails_in_the_switchover_leaves_the_other_serving(
    fault: Callable[[TwoSides], None], serving: str
) -> None:
    world = offered()
    in_switchover(world)
    fault(world)
    world.until(lambda: world.at_rest() and (world.a.decides or world.b.decides), 10)
    assert [side.name for side in world.sides if side.decides] == [serving]
    assert all(side.facts.switchover.state is SwitchoverState.FAILED for side in world.sides)


def test_w06_a_dpu_that_does_not_give_way_is_not_overtaken() -> None:
    world = offered()
    world.a.dpu.manners = "silent"
    world.approve(world.b)
    world.until(lambda: S.SWITCHING_TO_STANDALONE in went(world.a) + went(world.b), 60)
    assert S.ACTIVE not in went(world.b)
    world.a.dpu.manners = "prompt"
    come_to_rest(world)


@pytest.mark.parametrize("moment", ["before the request", "after it"])
def test_w06_a_lost_control_link_alone_changes_nothing(moment: str) -> None:
    world = offered()
    if moment == "after it":
        in_switchover(world)
    world.set_link(False)
    if moment == "before the request":
        world.approve(world.b)
        world.settle()
    before = world.states
    world.advance(600)
    assert world.states == before
    world.set_link(True)
    world.until(lambda: world.states == (S.STANDBY, S.ACTIVE), 10)


def test_w06_a_lost_channel_in_the_switchover_leaves_one_standalone() -> None:
    world = offered()
    in_switchover(world)
    world.set_cable(False)
    world.until(lambda: world.at_rest() and (world.a.decides or world.b.decides), 10)
    assert sorted(world.states) == sorted((S.STANDALONE, S.STANDBY))
    world.check_rest()


# W07, W08: planned shutdown.


def test_w07_a_standby_leaves_once_the_active_side_serves_alone() -> None:
    world = paired()
    world.configure(world.b, D.DEAD)
    world.until(lambda: world.states == (S.STANDALONE, S.DEAD), 10)
    assert went(world.b) == [S.DESTROYING, S.DEAD]
    assert (world.terms[0], world.a.acked, world.b.acked) == (2, R.STANDALONE, R.DEAD)
    world.advance(300)
    assert world.states == (S.STANDALONE, S.DEAD)
    world.configure(world.b)
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY), 60)


def test_w07_fl23_the_standby_is_dead_only_after_the_active_dpu_is_standalone() -> None:
    world = paired()
    world.weather = lambda: Weather(ack_ms=400)
    world.configure(world.b, D.DEAD)
    while world.b.state is S.STANDBY:
        assert R.DEAD not in world.b.roles
        world.advance(0.01)
    assert world.a.acked is R.STANDALONE


def test_w07a_a_side_that_does_not_serve_rejects_the_shutdown() -> None:
    world = apart()
    world.hand(world.a, ShutdownRequest())
    assert world.a.said[-1] == ShutdownReply(accepted=False)
    assert (world.states, world.a.facts.peer_shutdown) == ((S.STANDALONE, S.STANDBY), False)


def test_w07b_lost_requests_are_repeated_and_doubled_ones_count_once() -> None:
    world = paired()
    losses = iter([True, False])
    world.weather = lambda: Weather(lost=next(losses, False), twice=True)
    world.configure(world.b, D.DEAD)
    world.until(lambda: world.states == (S.STANDALONE, S.DEAD), 60)
    assert world.terms[0] == 2


def test_w07c_a_shutdown_that_is_taken_back_in_time_does_not_happen() -> None:
    world = paired()
    world.weather = lambda: Weather(ack_ms=600)
    world.configure(world.b, D.DEAD)
    world.advance(0.1)
    world.configure(world.b)
    world.advance(5)
    assert S.DESTROYING not in went(world.b)
    come_to_rest(world)
    assert world.states == (S.ACTIVE, S.STANDBY)


def test_w07e_a_dpu_that_dies_while_it_drains_is_dead() -> None:
    world = paired()
    world.b.dpu.manners = "silent"
    world.configure(world.b, D.DEAD)
    world.until(lambda: world.b.state is S.DESTROYING, 10)
    world.power(world.b, False)
    assert world.states == (S.STANDALONE, S.DEAD)


def test_w07_a_dpu_that_never_drains_is_dead_in_the_end() -> None:
    world = paired()
    world.b.dpu.manners = "silent"
    world.configure(world.b, D.DEAD)
    world.until(lambda: world.b.state is S.DEAD, 90)
    assert world.b.moves[-1][2] == "drain timed out"


def test_w07f_a_restart_does_not_bring_back_what_was_shut_down() -> None:
    world = paired()
    world.configure(world.b, D.DEAD)
    world.until(lambda: world.b.state is S.DEAD)
    world.restart(world.b)
    world.advance(120)
    assert world.states == (S.STANDALONE, S.DEAD)


def test_w07g_a_standby_waits_for_a_dpu_that_does_not_take_standalone() -> None:
    world = paired()
    world.a.dpu.never = frozenset({R.STANDALONE})
    world.configure(world.b, D.DEAD)
    world.advance(9)
    assert world.states == (S.STANDALONE, S.STANDBY)
    assert R.DEAD not in world.b.roles


def test_w08_an_active_side_is_shut_down_by_a_switchover_first() -> None:
    world = paired()
    world.configure(world.a, D.DEAD)
    world.advance(60)
    assert (world.states, went(world.a)) == ((S.ACTIVE, S.STANDBY), [])
    world.configure(world.b, D.ACTIVE)
    world.until(lambda: world.states == (S.DEAD, S.STANDALONE), 60)
    assert (world.a.acked, world.b.acked) == (R.DEAD, R.STANDALONE)


# W09: pin and unpin.


def test_w09a_a_pinned_active_side_serves_alone_and_its_peer_stands_by() -> None:
    world = paired()
    world.configure(world.a, D.STANDALONE)
    world.until(lambda: world.states == (S.STANDALONE, S.STANDBY) and world.at_rest(), 5)
    assert world.terms == (2, 1)
    world.advance(300)
    assert world.states == (S.STANDALONE, S.STANDBY)


def test_w09b_an_unpinned_side_pairs_again() -> None:
    world = paired()
    world.configure(world.a, D.STANDALONE)
    world.advance(60)
    world.configure(world.a, D.ACTIVE)
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY), 30)


def test_w09d_a_relaunching_peer_waits_for_the_pin() -> None:
    world = paired()
    world.configure(world.a, D.STANDALONE)
    world.settle(5)
    world.configure(world.b, disabled=True)
    world.settle(5)
    world.configure(world.b)
    world.advance(300)
    assert world.states == (S.STANDALONE, S.CONNECTED)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("gap", [0.0, 0.0005, 2.0])
def test_w09e_two_pins_at_once_leave_exactly_one_serving(first: int, gap: float) -> None:
    world = paired()
    world.configure(world.sides[first], D.STANDALONE)
    world.advance(gap)
    world.configure(world.sides[1 - first], D.STANDALONE)
    world.advance(60)
    assert sorted(world.states) == sorted((S.STANDALONE, S.STANDBY))
    world.check_rest()


def test_w09f_health_beats_the_pin() -> None:
    world = paired()
    world.configure(world.a, D.STANDALONE)
    world.settle(5)
    world.power(world.a, False)
    world.until(lambda: world.b.decides, 10)
    assert world.b.state is S.STANDALONE


def test_w09g_a_pinned_side_is_pinned_after_a_restart() -> None:
    world = paired()
    world.configure(world.a, D.STANDALONE)
    world.settle(5)
    term = world.terms
    world.restart(world.a)
    world.advance(120)
    assert (world.states, world.terms) == ((S.STANDALONE, S.STANDBY), term)


# W10: another peer.


def test_w10_a_new_peer_is_unknown_and_joins_the_survivor() -> None:
    world = paired()
    world.configure(world.b, D.DEAD)
    world.until(lambda: world.states == (S.STANDALONE, S.DEAD))
    replacement = Side("C", 1)
    world.tell(world.a, pair=world.a.facts.pair.__class__("C", 0, 1, 0))
    assert (world.a.state, world.a.facts.peer_state, world.a.facts.peer_connected) == (S.STANDALONE, None, False)
    world.b = replacement
    world._last_arrival["C"] = world._newest["C"] = 0
    world._start(replacement, linked=True)
    world.configure(replacement)
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY), 60)


# W11: forced shutdown.


def _at_w11(state: str) -> TwoSides:
    match state:
        case "active, standby":
            return paired()
        case "standalone, standby":
            return apart()
        case "switchover":
            world = offered()
            in_switchover(world)
            world.approves = True
            return world
        case "launch":
            return launched()
    return alone()


@pytest.mark.parametrize("disabled", [0, 1])
@pytest.mark.parametrize("start", ["active, standby", "standalone, standby", "switchover", "launch"])
def test_w11_a_disabled_side_is_dead_at_once_and_the_other_serves(start: str, disabled: int) -> None:
    world = _at_w11(start)
    side, other = world.sides[disabled], world.sides[1 - disabled]
    world.configure(side, disabled=True)
    assert (side.state, side.open) == (S.DEAD, [])
    assert side.facts.target_role is R.DEAD
    world.until(lambda: other.state is S.STANDALONE and world.at_rest(), 30)
    assert (side.acked, other.acked) == (R.DEAD, R.STANDALONE)


def test_w11_disabling_the_only_one_that_serves_is_the_operators_choice() -> None:
    world = alone()
    world.configure(world.a, disabled=True)
    world.advance(60)
    assert (world.states, world.a.decides, world.b.decides) == ((S.DEAD, S.DEAD), False, False)


def test_w11_ld20_a_peer_that_is_dead_without_a_dpu_counts_as_dead() -> None:
    world = paired()
    world.b.dpu.manners = "silent"
    world.configure(world.b, disabled=True)
    world.until(lambda: world.a.state is S.STANDALONE, 15)
    assert world.terms[0] == 2


def test_w11_a_disabled_side_comes_back_as_standby() -> None:
    world = paired()
    world.configure(world.a, disabled=True)
    world.settle(5)
    world.configure(world.a, D.UNSPECIFIED)
    world.until(lambda: world.states == (S.STANDBY, S.ACTIVE), 60)


# W12: who serves alone, peers that talk.


def test_w12a_drops_on_the_active_side_make_it_standalone() -> None:
    world = paired()
    world.tell(world.a, drops_seen=True)
    world.until(lambda: world.states == (S.STANDALONE, S.STANDBY), 5)
    assert not world.b.decides


def test_w12b_requests_that_cross_end_with_one_side_serving() -> None:
    world = paired()
    world.set_cable(False)
    world.until(lambda: world.at_rest() and world.a.state is S.STANDALONE, 5)
    assert world.states == (S.STANDALONE, S.STANDBY)
    assert S.STANDALONE not in went(world.b)


def test_w12d_a_role_that_fails_hands_over_to_the_peer() -> None:
    world = paired()
    world.b.facts.in_sync = True
    world.a.dpu.role = world.a.dpu.row = R.STANDBY
    world.tell(world.a, reported_role=R.STANDBY)
    world.a.dpu.manners = "silent"
    world.until(lambda: world.b.decides, 30)
    assert world.b.state is S.STANDALONE


@pytest.mark.parametrize(("failed", "serving"), [(0, 1), (1, 0)], ids=["W12e", "W12f"])
def test_w12e_f_the_side_with_a_dpu_serves(failed: int, serving: int) -> None:
    world = paired()
    world.power(world.sides[failed], False)
    world.until(lambda: world.sides[serving].state is S.STANDALONE, 2)
    world.settle()
    assert world.sides[failed].state is S.STANDBY


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_w12g_nobody_serves_on_two_dead_dpus_and_the_first_that_is_back_does(order: tuple[int, int]) -> None:
    world = paired()
    for place in order:
        world.power(world.sides[place], False)
    said = [len(side.said) for side in world.sides]
    world.advance(60)
    assert all(len(side.said) < before + 20 for side, before in zip(world.sides, said, strict=True))
    for side in world.sides:
        assert side.facts.target_role not in (R.ACTIVE, R.STANDALONE) or not side.dpu.up
    back = world.sides[order[1]]
    world.power(back, True)
    world.until(lambda: back.decides, 30)


def test_w12h_a_lost_channel_leaves_the_active_side_serving() -> None:
    world = apart()
    assert (world.a.acked, world.b.acked) == (R.STANDALONE, R.STANDBY)


def test_w12i_a_trigger_that_vanishes_is_denied_without_a_new_term() -> None:
    world = paired()
    world.tell(world.b, channel_up=False)
    world.tell(world.b, channel_up=True)
    come_to_rest(world)
    assert world.states == (S.ACTIVE, S.STANDBY)


def test_w12j_lost_replies_are_asked_for_again() -> None:
    world = paired()
    losses = iter([False, True, True])
    world.weather = lambda: Weather(lost=next(losses, False))
    world.tell(world.a, drops_seen=True)
    world.tell(world.a, drops_seen=False)
    world.until(lambda: world.states == (S.STANDALONE, S.STANDBY), 5)


def test_w12k_two_that_serve_alone_meet_again_and_one_yields() -> None:
    world = paired()
    world.set_link(False)
    world.set_cable(False)
    world.until(lambda: world.a.decides and world.b.decides and world.states == (S.STANDALONE, S.STANDALONE), 10)
    world.set_link(True)
    world.settle(0.1)
    assert sum(side.decides for side in world.sides) == 1
    assert sorted(world.states) == sorted((S.STANDALONE, S.STANDBY))


def test_w12l_a_late_reply_moves_nobody() -> None:
    world = apart()
    before = world.terms
    for selection in Selection:
        for episode in (None, "A-1", world.a.facts.episode):
            world.hand(world.a, StandaloneReply(selection, episode))
    assert (world.states, world.terms) == ((S.STANDALONE, S.STANDBY), before)


# W13: who serves alone, peers that are gone.


def test_w13a_a_dead_dpu_of_the_standby_leaves_the_active_side_alone() -> None:
    world = paired()
    world.power(world.b, False)
    world.until(lambda: world.a.state is S.STANDALONE, 2)
    world.settle()
    assert (world.b.state, world.b.facts.acked_role) == (S.STANDBY, None)


def test_w13b_a_switch_that_reboots_leaves_the_other_alone() -> None:
    world = paired()
    world.kill(world.b)
    world.power(world.b, False)
    world.until(lambda: world.a.state is S.STANDALONE, 5)
    world.power(world.b, True)
    world.start(world.b)
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY), 120)


def test_w13c_a_dead_dpu_of_the_active_side_lets_the_standby_serve() -> None:
    world = paired()
    world.power(world.a, False)
    world.until(lambda: world.b.state is S.STANDALONE, 2)
    world.settle()
    assert (world.a.state, world.b.acked) == (S.STANDBY, R.STANDALONE)


def test_w13e_the_older_flows_serve_if_only_they_are_back() -> None:
    world = paired()
    world.power(world.b, False)
    world.settle(5)
    world.power(world.a, False)
    world.settle(5)
    world.power(world.b, True)
    world.until(lambda: world.b.decides, 60)
    assert world.terms[1] <= world.terms[0]
    world.power(world.a, True)
    come_to_rest(world)


def test_w13f_a_dpu_that_comes_back_is_told_its_role_and_gets_all_flows() -> None:
    world = paired()
    world.power(world.b, False)
    world.settle(5)
    world.b.roles.clear()
    world.power(world.b, True)
    assert world.b.roles == [R.STANDBY]
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY), 60)
    assert world.b.facts.in_sync


# W14: recovery.


def test_w14_sides_that_were_apart_pair_again_after_the_rejoin_delay() -> None:
    world = apart()
    term = world.terms[0]
    world.a.moves.clear()
    world.b.moves.clear()
    world.set_cable(True)
    world.advance(9)
    assert world.states == (S.STANDALONE, S.STANDBY)
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY), 10)
    assert world.terms == (term + 1, term + 1)
    assert went(world.b) == [S.INITIALIZING_TO_STANDBY, S.PENDING_STANDBY_ACTIVATION, S.STANDBY]


def test_w14_a_fault_that_flaps_causes_at_most_one_attempt_per_delay() -> None:
    world = apart()
    world.b.moves.clear()
    for _ in range(10):
        world.set_cable(True)
        world.advance(3)
        world.set_cable(False)
        world.advance(3)
    assert S.INITIALIZING_TO_STANDBY not in went(world.b)


# W15: a restart in every state.

STAGES: dict[str, Callable[[], TwoSides]] = {
    "paired": paired,
    "launching": launched,
    "offered": offered,
    "alone": alone,
    "apart": apart,
}


def _in_stage(stage: str) -> TwoSides:
    world = STAGES[stage]()
    if stage == "apart":
        world.set_cable(True)
    world.approves = True
    return world


@pytest.mark.parametrize("moment", range(12))
@pytest.mark.parametrize("who", ["A", "B", "both"])
@pytest.mark.parametrize("stage", STAGES)
def test_w15_a_restart_at_any_moment_leads_to_the_same_end(stage: str, who: str, moment: int) -> None:
    ends = []
    for killed in (False, True):
        world = _in_stage(stage)
        for side in world.sides:
            world.approve(side)
        for _ in range(moment * moment):
            if (due := world._next_due()) is not None:
                world._happen(due)
        for side in world.sides if killed else ():
            if who in (side.name, "both"):
                world.restart(side)
        world.advance(200)
        come_to_rest(world)
        ends.append((world.states, world.terms))
    assert ends[0][0] == ends[1][0]
    assert ends[0][1] == ends[1][1]


@pytest.mark.parametrize("stage", STAGES)
def test_w15_a_restart_takes_no_new_ids_terms_or_sessions(stage: str) -> None:
    world = STAGES[stage]()
    for side in world.sides:
        before = (side.state, side.facts.term, side.facts.operations, side.facts.flow_sync)
        world.kill(side)
        world.start(side)
        assert (side.state, side.facts.term, side.facts.operations, side.facts.flow_sync) == before
