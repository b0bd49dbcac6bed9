"""What every machine does, whatever it is about: update, send, snapshot, restore, resume, explain.

Source: architecture "A machine".
"""

from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hamgr_fsm.effects import ProgramHaSet, ProgramResponder, ProgramScope, RaiseAlert, StartTimer
from hamgr_fsm.events import Approval, RequestTimeout
from hamgr_fsm.facts import Facts, kept, told
from hamgr_fsm.ha_set import DpuDrivenHaSet
from hamgr_fsm.machine import Machine, Snapshot, event_name
from hamgr_fsm.scope.dpu_driven import REQUEST_TIMER, DpuDrivenScope
from hamgr_fsm.stepper import GuardView
from hamgr_fsm.table import FactMachine, Table
from tests.hamgr_fsm.build import ACTIVATE, Ids, asking, carried, ha_set, only, scope, serving_scope
from tests.hamgr_fsm.inputs import ALL_INPUTS, Inputs, Step
from tests.hamgr_fsm.toys import Bell, Door, DoorRegion, DoorWithBell, Knock, Mood, Sneeze

MACHINES = [pytest.param(inputs, id=inputs.machine.__name__) for inputs in ALL_INPUTS]


# What is told.


def test_an_update_settles_and_yields_effects_in_order() -> None:
    machine = DoorWithBell()
    assert machine.update(pushed=True) == (RaiseAlert("creak"), RaiseAlert("ring"))
    assert (machine.facts.door, machine.facts.bell, machine.facts.opened) == (Door.OPEN, Bell.RINGING, 1)


def test_exit_actions_come_before_the_move_and_effects_of_a_step_belong_to_it_alone() -> None:
    machine = DoorWithBell()
    machine.update(pushed=True)
    assert machine.update(pushed=False) == (RaiseAlert("leaving open"),)
    assert machine.update(pushed=False) == ()


def test_moves_of_a_step_say_what_happened_and_why() -> None:
    machine = DoorWithBell()
    machine.update(pushed=True)
    assert [(m.machine, m.source, m.target, m.row.number, m.why) for m in machine.moves] == [
        ("door", Door.SHUT, Door.OPEN, 1, "pushed"),
        ("bell", Bell.QUIET, Bell.RINGING, 1, "the door is open"),
    ]
    machine.update()
    assert machine.moves == ()


@pytest.mark.parametrize("name", ["colour", "door", "opened", "new_id", "outbox", "left_alone"])
def test_facts_that_are_unknown_or_not_told_are_refused(name: str) -> None:
    machine = DoorWithBell()
    before = machine.snapshot()
    for step in (machine.update, lambda **facts: machine.send(Sneeze(), **facts)):
        with pytest.raises(TypeError, match=f"DoorWithBell is not told .*{name}"):
            step(pushed=True, **{name: Door.OPEN})
    assert machine.snapshot() == before


def test_a_preset_of_an_unknown_fact_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        DoorWithBell(colour="red")


def test_presets_run_no_action() -> None:
    machine = DoorWithBell(door=Door.OPEN, pushed=True)
    assert (machine.facts.opened, machine.facts.outbox) == (0, [])


# Events.


def test_an_event_that_no_row_knows_is_counted_and_changes_nothing() -> None:
    machine = DoorWithBell()
    before = machine.snapshot()
    assert machine.send(Sneeze()) == ()
    assert machine.send(Sneeze()) == ()
    assert machine.snapshot() == before
    assert machine.ignored == {"sneeze": 2}


def test_an_event_that_comes_at_the_wrong_time_is_counted_and_changes_nothing() -> None:
    machine = DoorWithBell(door=Door.LOCKED)
    before = machine.snapshot()
    assert machine.send(Knock("anna")) == ()
    assert (machine.snapshot(), machine.moves, machine.ignored) == (before, (), {"knock": 1})


def test_an_event_that_is_taken_is_not_counted() -> None:
    machine = DoorWithBell(new_id=Ids())
    assert machine.send(Knock("anna")) == (RaiseAlert("welcome"),)
    assert machine.facts.visitors == ("anna id-1",)
    assert machine.ignored == {}


def test_facts_told_with_an_event_count_before_it() -> None:
    machine = DoorWithBell(new_id=Ids())
    machine.send(Knock("bert"), welcome="bert")
    assert machine.facts.visitors == ("bert id-1",)


def test_the_reason_of_a_row_may_come_from_the_facts() -> None:
    machine = DoorWithBell()
    machine.send(Knock("bert"))
    assert [move.why for move in machine.moves] == ["anna has the key"]
    assert machine.facts.door is Door.LOCKED


def test_events_are_named_by_their_class_in_snake_case() -> None:
    assert (event_name(Approval), event_name(RequestTimeout)) == ("approval", "request_timeout")


@pytest.mark.parametrize("inputs", MACHINES)
def test_no_machine_minds_an_event_of_another(inputs: Inputs) -> None:
    machine = inputs.machine(new_id=Ids())
    machine.update()
    before = machine.snapshot()
    assert machine.send(Sneeze()) == ()
    assert (machine.snapshot(), machine.ignored) == (before, {"sneeze": 1})


# All or nothing.


def test_a_step_whose_action_fails_leaves_facts_states_and_outbox_as_they_were() -> None:
    machine = DoorWithBell()
    machine.update(welcome="bert")
    before, moves = machine.snapshot(), machine.moves
    with pytest.raises(RuntimeError, match="the door is stuck"):
        machine.update(pushed=True, stuck=True, welcome="carl")
    assert (machine.snapshot(), machine.facts.outbox, machine.moves) == (before, [], moves)


def test_a_failed_step_does_not_leak_into_the_next_one() -> None:
    machine = DoorWithBell()
    with pytest.raises(RuntimeError):
        machine.update(pushed=True, stuck=True)
    assert machine.update(pushed=True) == (RaiseAlert("creak"), RaiseAlert("ring"))


def test_a_machine_without_a_source_of_ids_fails_only_when_it_needs_one_and_stays_whole() -> None:
    machine = DoorWithBell()
    before = machine.snapshot()
    with pytest.raises(RuntimeError, match="without a source of ids"):
        machine.send(Knock("anna"))
    assert machine.snapshot() == before


def test_a_machine_with_a_single_fact_is_rolled_back_too() -> None:
    @attrs.define
    class OneFact(Facts):
        mood: Mood = kept(Mood.CALM)

    class Failing(FactMachine):
        state_fact = "mood"
        t = Table(Mood, initial=Mood.CALM)
        t.row(Mood.CALM, Mood.ANGRY, on="sneeze", do=("turn", "explode"), why="?", ref="toy 1")

        @staticmethod
        def turn(model: OneFact) -> None:
            model.mood = Mood.ANGRY

        @staticmethod
        def explode(model: OneFact) -> None:
            raise RuntimeError("exploded")

    class OneFactMachine(Machine[OneFact]):
        regions = (Failing,)
        record = OneFact

    machine = OneFactMachine()
    with pytest.raises(RuntimeError, match="exploded"):
        machine.send(Sneeze())
    assert machine.facts.mood is Mood.CALM


# Snapshot and restore.


@pytest.mark.parametrize("inputs", MACHINES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_restored_machine_is_the_same_and_goes_on_the_same(inputs: Inputs, data: st.DataObject) -> None:
    steps: list[Step] = data.draw(inputs.steps(max_size=5))
    # The time comes with each step and is not part of a snapshot.
    told, event = {**data.draw(inputs.updates()), "now_ms": 3000}, data.draw(inputs.events)
    machine = inputs.machine(new_id=Ids())
    for update, happened in steps:
        _ = machine.update(**update) if happened is None else machine.send(happened, **update)
    snapshot = machine.snapshot()
    assert hash(snapshot) == hash(machine.snapshot())
    restored = inputs.machine.restore(snapshot, new_id=lambda: "new")
    machine.facts.new_id = lambda: "new"
    assert restored.snapshot() == snapshot
    assert restored.facts.outbox == []
    assert restored.update(**told) == machine.update(**told)
    assert restored.send(event) == machine.send(event)
    assert restored.snapshot() == machine.snapshot()


def test_a_snapshot_leaves_out_the_time_the_ids_and_the_outbox() -> None:
    names = [name for name, _ in DoorWithBell().snapshot().facts]
    assert names == ["door", "bell", "opened", "visitors", "pushed", "stuck", "welcome"]
    machine = serving_scope()
    before = machine.snapshot()
    machine.update(now_ms=5)
    assert machine.snapshot() == before


def test_snapshots_differ_when_a_fact_differs() -> None:
    assert DoorWithBell().snapshot() != DoorWithBell(opened=1).snapshot()


def test_a_snapshot_of_another_machine_or_of_other_facts_is_refused() -> None:
    snapshot = DoorWithBell().snapshot()
    for foreign in (
        ha_set().snapshot(),
        attrs.evolve(snapshot, machine="DpuDrivenScope"),
        Snapshot("DoorWithBell", snapshot.facts[1:]),
        Snapshot("DoorWithBell", (*snapshot.facts, ("colour", "red"))),
    ):
        with pytest.raises(ValueError, match="does not fit DoorWithBell"):
            DoorWithBell.restore(foreign)


# Resume.


def test_resume_repeats_what_the_scope_was_told_without_its_requests() -> None:
    machine = serving_scope(asked=asking(ACTIVATE))
    assert carried(machine.send(Approval(("id-1",)))) == [asking(ACTIVATE)]
    restored = DpuDrivenScope.restore(machine.snapshot(), new_id=Ids())
    effects = restored.resume()
    assert [effect.program for effect in only(ProgramScope, effects)] == [machine.facts.programmed]
    assert carried(effects) == [asking()]
    # The DPU has its time to take the request anew.
    assert only(StartTimer, effects) == [StartTimer(REQUEST_TIMER, 30_000)]


def test_resume_repeats_the_rows_of_an_ha_set() -> None:
    machine = ha_set(serving=True)
    restored = DpuDrivenHaSet.restore(machine.snapshot())
    effects = restored.resume()
    assert only(ProgramHaSet, effects) == [ProgramHaSet(machine.facts.program)]  # type: ignore[arg-type]
    assert [effect.responder for effect in only(ProgramResponder, effects)] == list(machine.facts.wanted_sessions)


def test_resume_tells_a_lost_dpu_nothing() -> None:
    lost_set = ha_set(serving=True)
    lost_set.update(dpu_lost=True, dpu_incarnation=1)
    effects = DpuDrivenHaSet.restore(lost_set.snapshot()).resume()
    assert only(ProgramHaSet, effects) == []
    assert only(ProgramResponder, effects) == []
    lost_scope = serving_scope()
    lost_scope.update(dpu_lost=True, dpu_incarnation=1, ha_set_incarnation=None, asked=None)
    assert DpuDrivenScope.restore(lost_scope.snapshot()).resume() == ()


@pytest.mark.parametrize("inputs", MACHINES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_resume_changes_nothing_takes_no_id_and_can_be_repeated(inputs: Inputs, data: st.DataObject) -> None:
    machine = inputs.machine(new_id=Ids())
    for update, event in data.draw(inputs.steps(max_size=5)):
        _ = machine.update(**update) if event is None else machine.send(event, **update)
    # Without a source of ids: a resume that takes one fails.
    restored = inputs.machine.restore(machine.snapshot())
    first = restored.resume()
    assert restored.snapshot() == machine.snapshot()
    assert restored.resume() == first
    assert all(requests == asking() for requests in carried(first))


# Explain.


def test_explain_lists_every_row_out_of_the_present_states_with_its_guards() -> None:
    machine = DoorWithBell(pushed=True)
    views = machine.explain()
    assert list(views) == ["bell", "door"]
    assert [view.row for view in views["door"]] == [DoorRegion.t.rows[0], DoorRegion.t.rows[2], DoorRegion.t.rows[3]]
    assert [view.guards for view in views["door"]] == [
        (GuardView("pushed", True),),
        # It asks about an event, so the facts cannot tell.
        (GuardView("knows", None),),
        (),
    ]
    assert [(view.row.why, view.holds) for view in views["bell"]] == [("the door is open", False)]


def test_explain_changes_nothing() -> None:
    machine = scope()
    before = machine.snapshot()
    machine.explain()
    assert machine.snapshot() == before


@pytest.mark.parametrize("inputs", MACHINES)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_after_a_step_no_automatic_row_is_said_to_hold(inputs: Inputs, data: st.DataObject) -> None:
    machine = inputs.machine(new_id=Ids())
    for update, event in data.draw(inputs.steps(max_size=4)):
        _ = machine.update(**update) if event is None else machine.send(event, **update)
    holding = [view.row for views in machine.explain().values() for view in views if view.holds and not view.row.event]
    assert holding == []


# Records of facts.


def test_told_and_kept_facts_may_be_declared_in_any_order() -> None:
    @attrs.define
    class Mixed(Facts):
        memory: int = kept(1)
        word: str = told("yes")

    facts: Any = Mixed()
    assert (facts.memory, facts.word, facts.now_ms) == (1, "yes", 0)
