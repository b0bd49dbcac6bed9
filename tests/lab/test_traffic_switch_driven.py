"""No packet is lost by planned work: looked at after every event, whatever the order in which things arrive."""

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.lab.network import Conditions
from runner.lab.switch import Leaving
from runner.lab.traffic import Fate, deciders, fate
from runner.lab.world import World
from tests.lab.budget import SHORT
from tests.lab.pair import A_ALONE, P, Pair, Q, healthy

quick = settings(
    max_examples=SHORT, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)


class PacketLost(AssertionError):  # noqa: N818  (what happened)
    """A packet would be dropped, or nobody would decide flows."""


def nothing_is_lost(world: World, name: str, leaving: Sequence[Leaving]) -> None:
    """At this instant somebody decides, and a packet that enters at any switch is handled."""
    if not deciders(world):
        raise PacketLost(f"nobody decides: {world}")
    lost = [packet for packet in (fate(world, entered) for entered in world.switches) if packet.dropped]
    if lost:
        raise PacketLost(f"{lost}: {world}")


def busy(seed: int, jitter_ms: int, loss: float = 0.0) -> Pair:
    """A healthy pair in which everything takes its time, and packets are watched from now on."""
    lab = healthy(seed=seed)
    lab.pace.jitter_ms = jitter_ms
    lab.pace.row_ms = 1 + jitter_ms // 10
    lab.network.conditions = Conditions(
        delay_ms=2, jitter_ms=jitter_ms, loss=loss, repetition=loss, reordering=0.2 if loss else 0.0
    )
    lab.watchers.append(nothing_is_lost)
    return lab


def test_a_lost_packet_is_noticed() -> None:
    lab = healthy()
    assert fate(lab, "B") == Fate("B", "A", "A", "the side that serves")
    lab.link_dead("A")
    lab.run(0.001)
    assert fate(lab, "B").dropped


def test_planned_switchover_at_the_default_pace() -> None:
    lab = busy(0, 0)
    lab.switch_over("B")
    lab.switch_over("A")
    assert lab.where == P


@quick
@given(st.integers(0, 2**32), st.integers(0, 800), st.sampled_from([0.0, 0.1, 0.3]))
def test_planned_switchover_at_any_pace(seed: int, jitter_ms: int, loss: float) -> None:
    lab = busy(seed, jitter_ms, loss)
    lab.pace.approval_ms = 100
    lab.scope("A", desired="unspecified")
    lab.run(5)
    lab.scope("B", desired="active")
    lab.reach(*Q, within_s=300)
    lab.run(10)


@quick
@given(st.integers(0, 2**32), st.integers(0, 800))
def test_rejected_switchover_at_any_pace(seed: int, jitter_ms: int) -> None:
    lab = busy(seed, jitter_ms)
    lab.scope("B", desired="active")
    lab.approve("B", "switchover")
    lab.run(25)
    assert lab.where == P


@quick
@given(st.integers(0, 2**32), st.integers(0, 800), st.sampled_from([0.0, 0.1]))
def test_planned_shutdown_and_return_of_the_standby_at_any_pace(seed: int, jitter_ms: int, loss: float) -> None:
    lab = busy(seed, jitter_ms, loss)
    lab.pace.approval_ms = 100
    lab.scope("B", desired="dead", disabled=False)
    lab.reach("standalone/standalone", "dead/dead", within_s=300)
    lab.scope("B", desired="unspecified", disabled=False)
    lab.reach(*P, within_s=400)


@quick
@given(st.integers(0, 2**32), st.integers(0, 800))
def test_pin_of_the_active_and_its_end_at_any_pace(seed: int, jitter_ms: int) -> None:
    lab = busy(seed, jitter_ms)
    lab.pace.approval_ms = 100
    lab.scope("A", desired="standalone")
    lab.reach(*A_ALONE, within_s=60)
    lab.scope("A", desired="active")
    lab.reach(*P, within_s=300)


@quick
@given(st.integers(0, 2**32), st.sampled_from(["A", "B"]), st.integers(0, 200))
def test_daemon_dies_and_comes_back_at_any_time(seed: int, name: str, away_s: int) -> None:
    lab = busy(seed, 50)
    lab.kill(name)
    lab.run(away_s)
    lab.start(name)
    lab.run(40)
    assert lab.where == P


@quick
@given(st.integers(0, 2**32), st.integers(0, 300), st.integers(0, 40), st.sampled_from(["A", "B"]))
def test_daemon_dies_in_a_planned_switchover(seed: int, jitter_ms: int, output: int, name: str) -> None:
    lab = busy(seed, jitter_ms)
    lab.pace.approval_ms = 100
    lab.scope("A", desired="unspecified")
    lab.run(5)
    lab.scope("B", desired="active")
    lab.crash_before(name, output)
    lab.reach(*Q, within_s=300)
    lab.run(40)
    assert lab.where == Q
