"""Every workflow beside the daemon of today ends safely: whoever can serves, and never two at rest (C28)."""

from random import Random

import pytest

from runner.lab.invariants import DECIDING
from runner.lab.reference_peer import ReferencePeer
from runner.lab.sides import A, B, Side
from runner.lab.switch import Steps
from runner.lab.traffic import deciders
from tests.lab.pair import P, Pair, switch_driven
from tests.lab.stories import STORIES


def _reference(side: Side, life: int) -> Steps:
    numbers = Random(f"reference {side.name} {life}")
    peer = B if side is A else A
    return ReferencePeer(side, peer, lambda: f"{numbers.getrandbits(128):032x}")


def beside_a_reference(name: str, reference: str) -> Pair:
    """Play a story in which one side is the daemon of today."""
    lab = switch_driven(daemons={reference: _reference})
    # What the other daemon does is not ours to answer for.
    lab.invariants.watches = {lab.peer_of(reference)}
    lab.invariants.conflict_ms = 10**9
    STORIES[name].start(lab)
    lab.pace.approval_ms = 400
    STORIES[name].goes_on(lab)
    sent = len(lab.network.sent)
    lab.run(1)
    assert len(lab.network.sent) < sent + 200, f"it asks without end: {lab}"
    lab.run(400)
    return lab


CASES = [(name, reference) for name in STORIES for reference in "AB"]


@pytest.mark.parametrize(("name", "reference"), CASES)
def test_every_workflow_ends_safely_beside_the_daemon_of_today(name: str, reference: str) -> None:
    lab = beside_a_reference(name, reference)
    # A side that prepares to take over, as the other daemon may do for long, gets no traffic and is no second decider.
    deciding = [name for name, switch in lab.switches.items() if switch.dpu.role in DECIDING]
    assert len(deciding) <= 1, f"{lab}"
    able = [s for s in lab.switches.values() if s.dpu.powered and lab.controller.enabled(s.side)]
    assert deciders(lab) or not able, f"{lab}"


@pytest.mark.parametrize("reference", ["A", "B"])
def test_launch_and_switchover_work_as_between_two_of_ours(reference: str) -> None:
    lab = switch_driven(daemons={reference: _reference})
    lab.invariants.watches = {lab.peer_of(reference)}
    lab.p()
    assert [lab[name].ctl for name in "AB"] == ["active", "standby"]
    lab.switch_over("B")
    lab.switch_over("A")
    lab.run(30)
    assert lab.where == P
