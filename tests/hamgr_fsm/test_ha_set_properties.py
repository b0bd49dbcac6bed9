"""What holds for a DPU-driven HA set after any sequence of facts.

The model is a DPU that remembers its set and its sessions and loses them when it restarts, and a switch that remembers
routes and neighbours. Source: ha-set 1 to 4, field-lessons FL-10, FL-11, FL-13, FL-32, LD-10, LD-11.
"""

from typing import Any

import attrs
from attrs import define
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hamgr_fsm.effects import (
    AdvertiseRoute,
    Effect,
    ForgetNeighbour,
    ProgramHaSet,
    ProgramResponder,
    RemoveHaSet,
    RemoveResponder,
    ResolveNeighbour,
    WithdrawRoute,
)
from hamgr_fsm.ha_set import DpuDrivenHaSet
from hamgr_fsm.ha_set_facts import HaSetFacts
from hamgr_fsm.programs import Address, HaSetProgram, Neighbour, Responder, Route
from hamgr_fsm.vocabulary import HaOwner, PinState
from tests.hamgr_fsm.inputs import ALL_SETTINGS, HA_SET, SET_CONFIGS, Step, matching

many = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
sequences = HA_SET.steps(max_size=15)


@define
class World:
    """The DPU and the switch as the effects left them."""

    incarnation: int = 0
    ha_set: HaSetProgram | None = None
    sessions: dict[Address, Responder] = attrs.field(factory=dict)
    routes: dict[tuple[str, Address], Route] = attrs.field(factory=dict)
    neighbours: set[Neighbour] = attrs.field(factory=set)

    def turn(self, facts: HaSetFacts) -> None:
        """A DPU that is lost or that restarted is empty."""
        if facts.dpu_lost or facts.dpu_incarnation != self.incarnation:
            self.ha_set, self.sessions = None, {}
        self.incarnation = facts.dpu_incarnation

    def carry_out(self, effect: Effect) -> None:
        """Do what a machine asks, and refuse what a DPU refuses."""
        match effect:
            case ProgramHaSet(program):
                if self.ha_set is not None:
                    like = attrs.evolve(
                        program,
                        version=self.ha_set.version,
                        owner=self.ha_set.owner,
                        peer_ip=self.ha_set.peer_ip,
                    )
                    assert like == self.ha_set, "an existing set takes only version, owner and peer_ip"
                self.ha_set = program
            case RemoveHaSet():
                self.ha_set = None
            case ProgramResponder(session):
                assert self.ha_set is not None, "no session before the set"
                self.sessions[session.npu_address] = session
            case RemoveResponder(address):
                self.sessions.pop(address, None)
            case ResolveNeighbour(neighbour):
                self.neighbours.add(neighbour)
            case ForgetNeighbour(neighbour):
                self.neighbours.remove(neighbour)
            case AdvertiseRoute(route):
                for vip in route.vips:
                    self.routes[route.vnet, vip] = route
            case WithdrawRoute(vnet, vip):
                del self.routes[vnet, vip]
            case _:
                raise AssertionError(f"an HA set does not ask for {effect}")


@many
@given(sequences)
def test_dpu_and_switch_have_what_they_should_have(steps: list[Step]) -> None:
    machine, world = DpuDrivenHaSet(), World()
    facts = machine.facts
    for told, _ in steps:
        effects = machine.update(**told)
        world.turn(facts)
        for effect in effects:
            world.carry_out(effect)
        if facts.complete:
            # Whatever happened before: everything wanted has been told to this incarnation of the DPU.
            assert world.ha_set == facts.program
            sessions = set(facts.wanted_sessions) if facts.serving else set()
            assert set(world.sessions.values()) == sessions
        if facts.dpu_lost or facts.unwanted:
            assert (world.ha_set, world.sessions) == (None, {})
        # Every session that was written has been removed or is remembered.
        if not facts.dpu_lost:
            assert set(world.sessions.values()) == set(facts.sessions)
        assert (facts.report.incarnation is None) is (world.ha_set is None)
        routes = facts.advertised.vips if facts.advertised is not None else ()
        assert world.routes == {(facts.advertised.vnet, vip): facts.advertised for vip in routes if facts.advertised}
        assert world.neighbours == ({facts.resolved} if facts.resolved is not None else set())
        if facts.unwanted:
            assert (world.routes, world.neighbours) == ({}, set())
        elif facts.wanted_route is not None:
            assert facts.advertised == facts.wanted_route
            if facts.wanted_neighbour is not None:
                assert world.neighbours == {facts.wanted_neighbour}


@many
@given(sequences)
def test_nothing_is_programmed_while_no_vdpu_of_the_set_is_managed_here(steps: list[Step]) -> None:
    machine = DpuDrivenHaSet()
    for told, _ in steps:
        effects = machine.update(**told)
        if not any(vdpu.managed for vdpu in machine.facts.vdpus):
            written = ProgramHaSet | ProgramResponder | AdvertiseRoute | ResolveNeighbour
            assert [effect for effect in effects if isinstance(effect, written)] == []


@many
@given(sequences)
def test_nothing_is_told_to_a_lost_dpu_and_no_set_goes_out_under_an_unknown_owner(steps: list[Step]) -> None:
    machine = DpuDrivenHaSet()
    for told, _ in steps:
        for effect in machine.update(**told):
            if isinstance(effect, ProgramHaSet | ProgramResponder):
                assert not machine.facts.dpu_lost
            if isinstance(effect, ProgramHaSet):
                assert effect.program.owner is not HaOwner.UNSPECIFIED


@many
@given(sequences)
def test_a_neighbour_is_resolved_before_a_route_leads_to_it(steps: list[Step]) -> None:
    machine, resolved = DpuDrivenHaSet(), set()
    for told, _ in steps:
        for effect in machine.update(**told):
            if isinstance(effect, ResolveNeighbour):
                resolved.add(effect.neighbour)
            if isinstance(effect, AdvertiseRoute) and machine.facts.wanted_neighbour is not None:
                assert machine.facts.wanted_neighbour in resolved


@many
@given(sequences)
def test_endpoints_monitors_and_pins_are_about_the_same_vdpus_in_the_same_order(steps: list[Step]) -> None:
    machine = DpuDrivenHaSet()
    for told, _ in steps:
        facts = machine.facts
        for effect in machine.update(**told):
            if not isinstance(effect, AdvertiseRoute):
                continue
            assert facts.config is not None
            ids = [vdpu.vdpu_id for vdpu in facts.vdpus]
            by_id = {vdpu.vdpu_id: vdpu for vdpu in facts.vdpus}
            endpoints = effect.route.endpoints
            assert sorted(endpoint.vdpu_id for endpoint in endpoints) == sorted(ids)
            first = facts.config.preferred if facts.config.preferred in ids else ids[0]
            assert endpoints[0].vdpu_id == first
            assert effect.route.primary == endpoints[0].address
            for endpoint in endpoints:
                vdpu, position = by_id[endpoint.vdpu_id], ids.index(endpoint.vdpu_id)
                assert endpoint.monitor == vdpu.pa_v4
                assert endpoint.address == (vdpu.pa_v4 if vdpu.local else vdpu.npu_v4)
                pins = facts.config.pins
                assert endpoint.pin is (pins[position] if position < len(pins) else PinState.NONE)


@st.composite
def coherent(draw: st.DrawFn) -> dict[str, Any]:
    """All facts of a set, its vDPUs in the order of its configuration as the daemon tells them."""
    config = draw(SET_CONFIGS)
    return {
        **draw(HA_SET.all_told()),
        "config": config,
        "vdpus": matching(config, v6=draw(st.booleans())),
        "settings": draw(st.sampled_from(ALL_SETTINGS)),
    }


@many
@given(before=coherent(), after=coherent(), order=st.permutations(list(HA_SET.told)))
def test_route_and_programs_depend_on_the_facts_and_not_on_the_order_in_which_they_came(
    before: dict[str, Any], after: dict[str, Any], order: list[str]
) -> None:
    at_once, one_by_one, fresh = DpuDrivenHaSet(), DpuDrivenHaSet(), DpuDrivenHaSet()
    for machine in (at_once, one_by_one):
        machine.update(**before)
    at_once.update(**after)
    for name in order:
        one_by_one.update(**{name: after[name]})
    fresh.update(**after)
    for machine in (at_once, one_by_one):
        facts = machine.facts
        if fresh.facts.wanted_route is not None:
            assert facts.advertised == fresh.facts.advertised
        if fresh.facts.complete:
            assert facts.programmed == fresh.facts.programmed
            assert set(facts.sessions) == set(fresh.facts.sessions)
        assert facts.report.channel_up is fresh.facts.report.channel_up or not fresh.facts.complete


@many
@given(coherent(), st.booleans())
def test_a_restarted_dpu_is_told_everything_again(facts: dict[str, Any], flushed_unseen: bool) -> None:
    facts |= {"dpu_lost": False, "dpu_incarnation": 0}
    machine = DpuDrivenHaSet()
    machine.update(**facts)
    if flushed_unseen:
        effects = machine.update(dpu_incarnation=1)
    else:
        machine.update(dpu_lost=True, dpu_incarnation=1)
        effects = machine.update(dpu_lost=False)
    programs = [effect.program for effect in effects if isinstance(effect, ProgramHaSet)]
    sessions = [effect.responder for effect in effects if isinstance(effect, ProgramResponder)]
    if machine.facts.complete:
        assert programs == [machine.facts.program]
        assert sessions == (list(machine.facts.wanted_sessions) if facts["serving"] else [])
    else:
        assert (programs, sessions) == ([], [])
