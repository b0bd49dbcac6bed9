"""What is explained from the databases is what the running machine would say, and what-if moves nothing but a copy."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import frozen

from hamgr_fsm.machine import Machine
from hamgr_fsm.vocabulary import HaOwner, OperationType
from models.database import Database
from models.tables import DASH_HA_SCOPE_STATE
from runner.explain.answer import Link
from runner.explain.what_if import BadAssumption, what_if
from runner.journal.explanation import states, ways
from runner.lab.lab import Lab
from runner.node import Node
from tests.explain.snapshots import explained


@frozen
class Situation:
    """A lab brought to a place, and where the side looked at stands then."""

    name: str
    owner: HaOwner
    play: Callable[[Lab], None]
    side: str
    state: str


def _pending(lab: Lab) -> None:
    lab.z1()
    lab.scope("A", disabled=False, desired="active")
    lab.scope("B", disabled=False, desired="unspecified")
    lab.until(lambda: bool(lab["A"].pending), 100)


def _offered(lab: Lab) -> None:
    lab.p()
    lab.scope("A", desired="unspecified")
    lab.scope("B", desired="active")
    lab.until(lambda: bool(lab["B"].pending), 100)


def _alone(lab: Lab) -> None:
    lab.p()
    lab.off("B")
    lab.run(20)


SITUATIONS = [
    Situation("disabled", HaOwner.SWITCH, Lab.z1, "A", "dead"),
    Situation("pending", HaOwner.SWITCH, _pending, "A", "pending_active_activation"),
    Situation("pair, active", HaOwner.SWITCH, Lab.p, "A", "active"),
    Situation("pair, standby", HaOwner.SWITCH, Lab.p, "B", "standby"),
    Situation("switchover offered", HaOwner.SWITCH, _offered, "B", "standby"),
    Situation("after a switchover", HaOwner.SWITCH, Lab.q, "A", "standby"),
    Situation("after a shutdown", HaOwner.SWITCH, Lab.sa, "A", "standalone"),
    Situation("alone", HaOwner.SWITCH, _alone, "A", "standalone"),
    Situation("DPU-driven pair", HaOwner.DPU, Lab.p, "A", "active"),
    Situation("DPU-driven, disabled", HaOwner.DPU, Lab.z1, "A", "dead"),
]


def played(situation: Situation) -> Lab:
    lab = Lab(owner=situation.owner)
    situation.play(lab)
    return lab


def running(lab: Lab, name: str) -> Machine[Any]:
    daemon = lab[name].daemon
    assert isinstance(daemon, Node)
    machine = daemon.scopes[lab[name].side.scope_key]
    assert machine is not None
    return machine


def truths(machine: Machine[Any]) -> dict[tuple[str, int, str], bool | None]:
    return {(way.region, way.row, part.guard): part.holds for way in ways(machine) for part in way.parts}


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_explained_from_databases_as_by_the_running_machine(situation: Situation) -> None:
    lab = played(situation)
    answer = explained(lab, situation.side)
    machine = running(lab, situation.side)
    assert situation.state in answer.states.values()
    assert answer.states == states(machine)
    assert answer.machine is not None
    assert truths(answer.machine) == truths(machine)
    assert not any("moves" in note for note in answer.notes)


def test_published_words_are_handed_on() -> None:
    lab = played(SITUATIONS[1])
    published = explained(lab, "A").published
    assert published.state == "HA_STATE_PENDING_ACTIVE_ACTIVATION"
    assert published.why == "peer ready"
    assert published.waiting_for is not None
    assert published.waiting_for.startswith("approval of activate_role ")
    assert published.since_ms is not None


def test_what_if_the_channel_broke() -> None:
    lab = played(SITUATIONS[2])
    answer = explained(lab, "A", "channel_up=false")
    assert answer.outcome is not None
    assert answer.outcome.states["state"] == "switching_to_standalone"
    assert [move.row.number for move in answer.outcome.moves if move.row.target is not None] == [30]
    assert answer.states["state"] == "active"


def test_what_if_the_controller_wanted_it_active() -> None:
    lab = played(SITUATIONS[3])
    answer = explained(lab, "B", "desired=active")
    assert answer.outcome is not None
    assert answer.outcome.states["state"] == "standby"
    operations: Any = answer.outcome.changed["operations"][1]
    assert [operation.type for operation in operations] == [OperationType.SWITCHOVER]


def test_what_if_it_were_approved() -> None:
    lab = played(SITUATIONS[4])
    answer = explained(lab, "B", "approval")
    assert answer.outcome is not None
    assert answer.outcome.states["state"] == "switching_to_active"


def test_what_comes_before_counts_for_what_comes_after() -> None:
    lab = played(SITUATIONS[3])
    answer = explained(lab, "B", "config.desired=active", "approval")
    assert answer.outcome is not None
    assert answer.outcome.states["state"] == "switching_to_active"


def test_an_event_that_nobody_waits_for_is_ignored() -> None:
    lab = played(SITUATIONS[2])
    outcome = explained(lab, "A", "drain_due").outcome
    assert outcome is not None
    assert outcome.ignored == ("drain_due",)
    assert outcome.states["state"] == "active"


def test_what_if_leaves_the_machine_alone() -> None:
    machine = running(played(SITUATIONS[2]), "A")
    before = machine.snapshot()
    what_if(machine, ["dpu_up=false"])
    assert machine.snapshot() == before


@pytest.mark.parametrize(
    ("assumption", "said"),
    [
        ("colour=red", "no fact colour"),
        ("dpu_up=maybe", "dpu_up=maybe: it is true or false or unknown"),
        ("term=high", "a number"),
        ("desired=standby", "unspecified or dead or active or standalone"),
        ("pair=x", "cannot be given here"),
        ("party", "neither FACT=VALUE nor one of the events"),
    ],
)
def test_a_bad_assumption_is_told(assumption: str, said: str) -> None:
    machine = running(played(SITUATIONS[2]), "A")
    with pytest.raises(BadAssumption, match=said):
        what_if(machine, [assumption])


def test_unknown_is_a_value() -> None:
    machine = running(played(SITUATIONS[2]), "A")
    outcome = what_if(machine, ["dpu_up=unknown", "bfd_reach=none"])
    assert outcome.states["state"] == "active"


def test_a_link_that_is_known_to_be_down() -> None:
    answer = explained(played(SITUATIONS[2]), "A", link=Link.DOWN)
    assert answer.facts["link_up"] is False
    assert answer.facts["peer_connected"] is False
    assert "the link to the peer is in no database: taken as down" in answer.notes


def test_databases_that_have_moved_on_are_noted() -> None:
    lab = played(SITUATIONS[2])
    lab.kill("A")
    lab.chan(False, "A")
    lab.run(1)
    answer = explained(lab, "A")
    assert answer.published.state == "HA_STATE_ACTIVE"
    assert any("active -> switching_to_standalone: peer lost" in note for note in answer.notes)


def test_a_scope_whose_state_nobody_publishes_is_noted() -> None:
    lab = played(SITUATIONS[2])
    lab["A"].store.databases[Database.STATE_DB].pop((DASH_HA_SCOPE_STATE.name, lab["A"].side.state_key))
    answer = explained(lab, "A")
    assert answer.published.state is None
    assert any("no daemon publishes a state of it" in note for note in answer.notes)
