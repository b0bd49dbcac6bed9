"""What holds for a DPU-driven scope after any sequence of facts and events.

Each step is told its facts first and given its event afterwards, so that what the event did can be told apart. The
model is a DPU that remembers its row. Source: dpu-driven 2 to 5, field-lessons I-12, I-18.
"""

from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import HealthCheck, given, settings

from hamgr_fsm.effects import Effect, ProgramScope, RemoveScope, RespondToProbes, SilenceProbes
from hamgr_fsm.events import Approval
from hamgr_fsm.programs import HaScopeProgram, role_of
from hamgr_fsm.scope.dpu_driven import DpuDrivenScope
from hamgr_fsm.scope.dpu_driven_facts import DpuDrivenScopeFacts, ProbeState, RelayState, ReportedState
from hamgr_fsm.vocabulary import DesiredHaState, HaRole, OperationType
from tests.hamgr_fsm.build import Ids, asking, carried, only
from tests.hamgr_fsm.inputs import SCOPE, Step

FORWARDING = {ReportedState.ACTIVE, ReportedState.STANDBY, ReportedState.STANDALONE}

many = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
sequences = SCOPE.steps(max_size=15)

Seen = tuple[DpuDrivenScopeFacts, dict[str, Any], object | None, tuple[Effect, ...]]
"""The facts after a half step, what was told in it, its event, its effects."""


def play(steps: Iterable[Step], look: Callable[[DpuDrivenScopeFacts, object | None, tuple[Effect, ...]], None]) -> None:
    """Play the sequence and look at the facts and the effects after each half step.

    The incarnation of a DPU only grows, whatever is drawn.
    """
    machine = DpuDrivenScope(new_id=Ids())
    for told, event in steps:
        incarnation = max(machine.facts.dpu_incarnation, told.get("dpu_incarnation", 0))
        look(machine.facts, None, machine.update(**{**told, "dpu_incarnation": incarnation}))
        if event is not None:
            look(machine.facts, event, machine.send(event))


def is_programmed(facts: DpuDrivenScopeFacts) -> bool:
    """The DPU has the row."""
    return facts.relay in (RelayState.DISABLED, RelayState.ENABLED)


@many
@given(sequences)
def test_a_reported_state_is_always_followed(steps: list[Step]) -> None:
    def look(facts: DpuDrivenScopeFacts, event: object | None, effects: tuple[Effect, ...]) -> None:
        assert facts.dpu is facts.reported

    play(steps, look)


@many
@given(sequences)
def test_probes_are_answered_exactly_while_the_dpu_forwards_and_nobody_wants_it_to_stop(steps: list[Step]) -> None:
    answering = False

    def look(facts: DpuDrivenScopeFacts, event: object | None, effects: tuple[Effect, ...]) -> None:
        nonlocal answering
        wanted = (
            facts.config is not None
            and not facts.config.disabled
            and facts.config.desired is not DesiredHaState.DEAD
            and facts.reported in FORWARDING
            # Unknown never counts as down.
            and facts.dpu_up in (True, None)
        )
        assert facts.probe is (ProbeState.RESPONDING if wanted else ProbeState.SILENT)
        for effect in effects:
            if isinstance(effect, RespondToProbes | SilenceProbes):
                assert answering is isinstance(effect, SilenceProbes), "asked for twice"
                answering = not answering
        assert answering is wanted

    play(steps, look)


@many
@given(sequences)
def test_probes_are_silent_before_the_dpu_is_told_to_be_dead_or_disabled_or_loses_its_row(steps: list[Step]) -> None:
    answering = False

    def look(facts: DpuDrivenScopeFacts, event: object | None, effects: tuple[Effect, ...]) -> None:
        nonlocal answering
        for effect in effects:
            match effect:
                case RespondToProbes():
                    answering = True
                case SilenceProbes():
                    answering = False
                case ProgramScope(program):
                    assert not (answering and (program.disabled or program.role is HaRole.DEAD))
                case RemoveScope() if facts.config is None:
                    assert not answering

    play(steps, look)


@many
@given(sequences)
def test_nothing_is_programmed_without_a_set_or_unmanaged_or_unconfigured_or_on_a_lost_dpu(steps: list[Step]) -> None:
    def look(facts: DpuDrivenScopeFacts, event: object | None, effects: tuple[Effect, ...]) -> None:
        if only(ProgramScope, effects):
            assert facts.config is not None
            assert facts.managed
            assert facts.ha_set_incarnation is not None
            assert not facts.dpu_lost

    play(steps, look)


@many
@given(sequences)
def test_the_dpu_has_the_row_it_should_have_and_gets_a_new_one_only_in_place_of_the_old(steps: list[Step]) -> None:
    row: HaScopeProgram | None = None
    row_in: tuple[int | None, int] = (None, 0)

    def look(facts: DpuDrivenScopeFacts, event: object | None, effects: tuple[Effect, ...]) -> None:
        nonlocal row, row_in
        if facts.dpu_lost or facts.dpu_incarnation != row_in[1]:
            row = None
        for effect in effects:
            if isinstance(effect, RemoveScope):
                row = None
            elif isinstance(effect, ProgramScope):
                # Under another incarnation of its set the scope has to be created, not changed.
                assert row is None or row_in[0] == facts.ha_set_incarnation
                row, row_in = effect.program, (facts.ha_set_incarnation, facts.dpu_incarnation)
        wanted = facts.config is not None and facts.managed and facts.ha_set_incarnation is not None
        if facts.dpu_lost:
            return
        assert (row is not None) is wanted is is_programmed(facts)
        if row is not None:
            assert facts.config is not None
            assert row == HaScopeProgram(
                version=facts.config.version,
                disabled=facts.config.disabled,
                role=role_of(facts.config.desired),
                ha_set_id=facts.config.ha_set_id,
                vip_v4=facts.vip_v4,
                vip_v6=facts.vip_v6,
            )
            assert facts.relay is (RelayState.DISABLED if row.disabled else RelayState.ENABLED)

    play(steps, look)


@many
@given(sequences)
def test_a_row_is_written_again_unchanged_only_to_a_new_incarnation_or_for_its_requests(steps: list[Step]) -> None:
    last: tuple[HaScopeProgram, frozenset[OperationType], tuple[int | None, int]] | None = None

    def look(facts: DpuDrivenScopeFacts, event: object | None, effects: tuple[Effect, ...]) -> None:
        nonlocal last
        if facts.dpu_lost:
            last = None
        for effect in effects:
            if isinstance(effect, RemoveScope):
                last = None
            if isinstance(effect, ProgramScope):
                row = (effect.program, effect.requests, (facts.ha_set_incarnation, facts.dpu_incarnation))
                assert row != last or effect.requests
                last = row

    play(steps, look)


@many
@given(sequences)
def test_at_most_one_operation_of_a_type_is_open_and_ids_are_neither_used_again_nor_renewed(steps: list[Step]) -> None:
    owner: dict[str, OperationType] = {}
    gone: set[str] = set()
    before: dict[OperationType, str] = {}
    life: tuple[int, bool, bool] = (0, False, False)
    asked: frozenset[OperationType] = asking()

    def look(facts: DpuDrivenScopeFacts, event: object | None, effects: tuple[Effect, ...]) -> None:
        nonlocal before, life, asked
        listed = {operation.type: operation.operation_id for operation in facts.operations}
        assert len(listed) == len(facts.operations)
        gone.update(set(before.values()) - set(listed.values()))
        for kind, id_ in listed.items():
            assert id_ not in gone
            assert owner.setdefault(id_, kind) is kind
        same_life = life == (life := (facts.dpu_incarnation, facts.dpu_lost, facts.config is None))
        if event is None and same_life:
            for kind in before.keys() & (facts.asked if facts.asked is not None else before.keys()):
                assert listed[kind] == before[kind]
        before, asked = listed, facts.asked or asking()

    play(steps, look)


@many
@given(sequences)
def test_what_is_listed_is_what_a_programmed_dpu_asks_and_was_not_granted(steps: list[Step]) -> None:
    def look(facts: DpuDrivenScopeFacts, event: object | None, effects: tuple[Effect, ...]) -> None:
        listed = {operation.type for operation in facts.operations}
        assert not listed & facts.awaited
        if facts.asked is not None and facts.config is not None:
            assert listed | facts.awaited == facts.asked

    play(steps, look)


@many
@given(sequences)
def test_each_approval_leads_to_one_row_with_its_requests_and_no_other_row_carries_any(steps: list[Step]) -> None:
    machine = DpuDrivenScope(new_id=Ids())
    for told, event in steps:
        # No change of facts lets a row carry a request, whatever was approved in the past.
        assert all(requests == asking() for requests in carried(machine.update(**told)))
        if event is None:
            continue
        granted: frozenset[OperationType] = asking()
        if isinstance(event, Approval) and is_programmed(machine.facts):
            granted = asking(*(o.type for o in machine.facts.operations if o.operation_id in event.operation_ids))
        effects = machine.send(event)
        assert [requests for requests in carried(effects) if requests] == ([granted] if granted else [])
        if isinstance(event, Approval) and granted:
            assert not {o.operation_id for o in machine.facts.operations} & set(event.operation_ids)
            # Taken as a whole: the row that carries the requests is the last one of the step.
            assert carried(effects)[-1] == granted


@many
@given(sequences)
def test_the_first_row_after_the_dpu_was_empty_carries_no_request(steps: list[Step]) -> None:
    machine = DpuDrivenScope(new_id=Ids())
    fresh, known_in = True, 0
    for told, event in steps:
        # Here facts and event come together, as in one configuration row.
        effects = machine.update(**told) if event is None else machine.send(event, **told)
        facts = machine.facts
        fresh = fresh or facts.dpu_lost or facts.dpu_incarnation != known_in
        known_in = facts.dpu_incarnation
        for effect in effects:
            if isinstance(effect, RemoveScope):
                fresh = True
            elif isinstance(effect, ProgramScope):
                assert not (fresh and effect.requests)
                fresh = False


@many
@given(sequences)
def test_a_restart_of_the_daemon_at_any_point_changes_nothing(steps: list[Step]) -> None:
    ids, other_ids = Ids(), Ids()
    machine, restarted = DpuDrivenScope(new_id=ids), DpuDrivenScope(new_id=other_ids)
    for drawn, event in steps:
        told = {"now_ms": 0, **drawn}
        restarted = DpuDrivenScope.restore(restarted.snapshot(), new_id=other_ids)
        if event is None:
            assert restarted.update(**told) == machine.update(**told)
        else:
            assert restarted.send(event, **told) == machine.send(event, **told)
        assert restarted.snapshot() == machine.snapshot()
