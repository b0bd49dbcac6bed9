"""Random schedules: whatever happens to a pair and in whatever order, the invariants hold, and it forms again.

A schedule is a list of deeds with pauses between them, over links that lose, repeat, delay and reorder. Then everything
is mended, the controller wants the pair again, and after a while there is one. Source: switch-driven 11, scenarios 8.
"""

from collections.abc import Callable

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hamgr_fsm.timers import Timers
from runner.lab.dpu_roles import Acks, SyncEnd
from runner.lab.network import Conditions
from tests.lab.budget import LONG
from tests.lab.pair import P, Pair, Q, switch_driven

Deed = Callable[[Pair], None]

TIMERS = Timers(hold_down_limit=60.0)
"""A hold-down of sixteen minutes would only make the test longer."""


def _of_each(name: str, deed: Callable[[Pair, str], None]) -> dict[str, Deed]:
    def bind(side: str) -> Deed:
        return lambda lab: deed(lab, side)

    return {f"{name} {side}": bind(side) for side in "AB"}


def _power(lab: Pair, side: str) -> None:
    if lab[side].dpu.powered:
        lab.off(side)
    else:
        lab.on(side)


def _daemon(lab: Pair, side: str) -> None:
    if lab[side].daemon is None:
        lab.start(side)
    else:
        lab.kill(side)


def _toggle_disabled(lab: Pair, side: str) -> None:
    scope = lab.controller.scopes.get(side)
    lab.scope(side, disabled=not (scope is not None and scope.disabled))


DEEDS: dict[str, Deed] = {
    "link down": lambda lab: lab.set_link(False),
    "link up": lambda lab: lab.set_link(True),
    "channel down": lambda lab: lab.chan(False),
    "channel up": lambda lab: lab.chan(True),
    "heal": lambda lab: lab.heal(),
    **_of_each("power", _power),
    **_of_each("daemon", _daemon),
    **_of_each("port dead", lambda lab, side: lab.link_dead(side)),
    **_of_each("isolate", lambda lab, side: lab.isolate(side)),
    **_of_each("channel down at", lambda lab, side: lab.chan(False, side)),
    **_of_each("flush", lambda lab, side: lab.flush_dpu(side)),
    **_of_each("disabled", _toggle_disabled),
    **_of_each("wants active", lambda lab, side: lab.scope(side, desired="active")),
    **_of_each("wants nothing", lambda lab, side: lab.scope(side, desired="unspecified")),
    **_of_each("wants standalone", lambda lab, side: lab.scope(side, desired="standalone")),
    **_of_each("wants dead", lambda lab, side: lab.scope(side, desired="dead")),
    **_of_each("acks held", lambda lab, side: lab.acks(side, Acks.HELD)),
    **_of_each("acks", lambda lab, side: lab.acks(side, Acks.AT_ONCE)),
    **_of_each("sync fails", lambda lab, side: lab.sync(side, SyncEnd.FAILED)),
    **_of_each("sync silent", lambda lab, side: lab.sync(side, SyncEnd.SILENT)),
    **_of_each("drops", lambda lab, side: lab.drops(side, 31)),
    **_of_each("drops end", lambda lab, side: lab.drops(side, 0)),
    **_of_each("daemon crashes", lambda lab, side: lab.crash_before(side, 3)),
}

PAUSES_S = st.sampled_from([0.0, 0.001, 0.003, 0.01, 0.5, 2.0, 6.0, 12.0, 35.0, 130.0])
SCHEDULES = st.lists(st.tuples(st.sampled_from(sorted(DEEDS)), PAUSES_S), min_size=1, max_size=8)
CONDITIONS = st.builds(
    Conditions,
    delay_ms=st.sampled_from([1, 2, 20]),
    jitter_ms=st.sampled_from([0, 5, 300]),
    loss=st.sampled_from([0.0, 0.0, 0.1, 0.3]),
    repetition=st.sampled_from([0.0, 0.2]),
    reordering=st.sampled_from([0.0, 0.2]),
)


def mend(lab: Pair) -> None:
    """Undo everything, and want the pair."""
    lab.network.conditions = Conditions()
    for side in "AB":
        lab[side].crash_before = None
        lab.sync(side, SyncEnd.COMPLETED)
        lab.drops(side, 0)
        lab.acks(side, Acks.AT_ONCE)
        lab.start(side)
        if not lab[side].dpu.powered:
            lab.on(side)
    lab.heal()
    lab.scope("A", disabled=False, desired="active")
    lab.scope("B", disabled=False, desired="unspecified")


def play(schedule: list[tuple[str, float]], conditions: Conditions, seed: int) -> Pair:
    """Play a schedule from a healthy pair, mend everything, and wait for the pair."""
    lab = switch_driven(seed=seed, timers=TIMERS)
    lab.p()
    for side in "AB":
        lab.add_enis(side, "F4939FEFC47E")
    lab.pace.approval_ms = 300
    lab.pace.jitter_ms = conditions.jitter_ms // 10
    lab.network.conditions = conditions
    # What is lost is said again within a heartbeat; what is merely late, after its delay.
    lab.invariants.conflict_ms = 65_000 if conditions.loss else 15_000
    for deed, pause_s in schedule:
        DEEDS[deed](lab)
        lab.run(pause_s)
    mend(lab)
    lab.run(500)
    lab.invariants.at_rest(lab)
    return lab


@settings(max_examples=LONG, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(SCHEDULES, CONDITIONS, st.integers(0, 1000))
@example([("power A", 1.0), ("power B", 2.0)], Conditions(), 0)
def test_any_schedule_ends_in_a_pair(schedule: list[tuple[str, float]], conditions: Conditions, seed: int) -> None:
    lab = play(schedule, conditions, seed)
    assert lab.where in (P, Q)
