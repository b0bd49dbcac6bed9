"""One side of a checked pair as a value: its machine, its DPU and its route; and what one happening makes of it.

A step runs the real machine once and is remembered for ever: the pair explores many orders of few local steps. The
world around the machine is as small as it can be: a DPU that takes roles late, never twice the same and none while it
is off; a flow sync session; what the HA set of this switch has heard; the primary of its route.

Source: switch-driven 4, 9; field-lessons D-01, D-02, D-09; ha-set 4.
"""

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

import attrs
from attrs import define, field, frozen

from hamgr_fsm import events
from hamgr_fsm.effects import (
    AdvertiseRoute,
    Effect,
    ProgramRole,
    RemoveScope,
    SendToPeer,
    StartFlowSync,
    StartTimer,
    StopTimer,
)
from hamgr_fsm.events import Approval, FlowSyncEnded
from hamgr_fsm.facts import snapshot_names
from hamgr_fsm.ha_set_facts import HaSetConfig
from hamgr_fsm.machine import event_name
from hamgr_fsm.messages import PeerMessage, StateReport, VoteRequest
from hamgr_fsm.programs import GlobalSettings
from hamgr_fsm.scope.switch_driven import SwitchDrivenScope
from hamgr_fsm.scope.switch_driven_facts import DECIDING, FORGOTTEN, SERVING, Pair, RowState, S
from hamgr_fsm.stepper import SettlingError
from hamgr_fsm.traffic import ScopeView, VdpuView
from hamgr_fsm.vocabulary import FlowSyncState, HaOwner, HaRole, SwitchoverState
from runner.lab.check.happenings import Configured, Deed, Hears, SideHappening, TimerEnds
from runner.lab.check.rules import Rules
from runner.lab.check.step_invariants import violation_in_step
from runner.lab.check.violation import Violation

NAMES = ("A", "B")
TIMER_EVENTS = {event_name(value): value for value in vars(events).values() if isinstance(value, type)}


@frozen
class Side:
    """Everything that there is of one side."""

    facts: tuple[Any, ...]
    """What the machine knows, in the order of its snapshot; of a dead daemon, what it has published."""

    alive: bool = True
    dpu_up: bool = True
    role: HaRole | None = None
    """The role that the DPU has taken; None while it has been told none since it started."""

    asked: tuple[HaRole, ...] = ()
    """Roles that are on their way to the DPU."""

    syncing: str | None = None
    """The flow sync session that its DPU is carrying out."""

    ticking: frozenset[str] = frozenset()
    """The timers that really run."""

    restarted: bool = False
    """The DPU was off while the daemon was dead."""

    heard: ScopeView | None = None
    """What the HA set of this switch last heard of the peer, if that was that it serves."""

    primary: int | None = None
    """The position of the primary of this switch's route."""


@frozen
class Outcome:
    """What a local step leads to: the side afterwards, what it says, and what is wrong with it."""

    side: Side
    said: tuple[PeerMessage, ...] = ()
    violation: Violation | None = None
    moved: bool = False
    """Some row other than one about timers or reports was taken: the step had a meaning."""


class NeedsIdError(Exception):
    """The step makes a new id, so it depends on which ids are in use elsewhere."""


@define(eq=False)
class Coverage:
    """Which rows of the tables have been taken, by region and number of the row."""

    taken: set[tuple[str, int]] = field(factory=set)


class Stepper:
    """Makes the steps of one of the two sides under a set of rules."""

    def __init__(self, rules: Rules, position: int, coverage: Coverage, *, roles_on_the_way: int = 2) -> None:
        self.rules = rules
        self.position = position
        self.name = NAMES[position]
        self.coverage = coverage
        self._roles_on_the_way = roles_on_the_way
        self._facts = snapshot_names(rules.scope.record)
        self.at = {name: index for index, name in enumerate(self._facts)}
        self._primaries: dict[tuple[object, ...], int | None] = {}

    def fact(self, side: Side, name: str) -> Any:
        """One fact of the machine of a side."""
        return side.facts[self.at[name]]

    def fresh(self, **told: object) -> Side:
        """A side whose daemon has just started for the first time, on a DPU that has just started."""
        machine = self.rules.scope(timers=self.rules.timers)
        side = Side(tuple(getattr(machine.facts, name) for name in self._facts))
        start = {
            "managed": True,
            "pair": Pair(NAMES[1 - self.position], self.position, 1 - self.position, 0),
            "dpu_up": True,
            "ha_set_incarnation": 1,
            "channel_up": True,
            "link_up": True,
            **told,
        }
        return self._told(side, start, frozenset()).side

    def step(self, side: Side, happening: SideHappening, foreign_ids: frozenset[str] | None) -> Outcome:
        """What becomes of the side.

        Raises:
            NeedsIdError: ``foreign_ids`` is None, and the step makes a new id.
        """
        match happening:
            case Hears(message):
                heard = side
                if isinstance(message, StateReport):
                    heard = attrs.evolve(side, heard=_claim(message, 1 - self.position))
                return self._told(heard, {}, foreign_ids, message)
            case TimerEnds(timer):
                ended = attrs.evolve(side, ticking=side.ticking - {timer})
                return self._told(ended, {}, foreign_ids, TIMER_EVENTS[timer]())
            case Configured(config):
                if not side.alive:
                    return Outcome(self._with(side, config=config), moved=True)
                return self._told(side, {"config": config}, foreign_ids)
        return self._deed(side, happening, foreign_ids)

    def _deed(self, side: Side, deed: Deed, ids: frozenset[str] | None) -> Outcome:
        match deed:
            case Deed.ROLE_TAKEN:
                taken = attrs.evolve(side, role=side.asked[0], asked=side.asked[1:])
                if not side.alive:
                    return Outcome(taken)
                return self._told(taken, {"reported_role": taken.role, "update_failed": False}, ids)
            case Deed.ROLE_LOST:
                return Outcome(attrs.evolve(side, asked=side.asked[1:]))
            case Deed.ROLE_REFUSED:
                return self._told(attrs.evolve(side, asked=side.asked[1:]), {"update_failed": True}, ids)
            case Deed.SYNC_COMPLETED | Deed.SYNC_FAILED:
                assert side.syncing is not None
                ended = FlowSyncEnded(side.syncing, deed is Deed.SYNC_COMPLETED)
                return self._told(attrs.evolve(side, syncing=None), {}, ids, ended)
            case Deed.CHANNEL_UP | Deed.CHANNEL_DOWN:
                return self._told(side, {"channel_up": deed is Deed.CHANNEL_UP}, ids)
            case Deed.DPU_DOWN:
                return self._told(side, {**_LOST, "dpu_incarnation": 1}, ids)
            case Deed.DPU_UNKNOWN:
                return self._told(side, {"dpu_up": None}, ids)
            case Deed.DPU_UP:
                return self._told(side, {"dpu_up": True, "dpu_lost": False}, ids)
            case Deed.SET_PROGRAMMED:
                return self._told(side, {"ha_set_incarnation": 1}, ids)
            case Deed.LINK_UP | Deed.LINK_DOWN:
                return self._told(side, {"link_up": deed is Deed.LINK_UP}, ids)
            case Deed.APPROVE:
                return self._approve(side, ids)
            case Deed.DROPS:
                dropped = self._told(side, {"drops_seen": True}, ids)
                rest = self._told(dropped.side, {"drops_seen": False}, ids)
                return Outcome(rest.side, dropped.said + rest.said, dropped.violation or rest.violation, True)
            case Deed.CRASH:
                return self._crash(side)
            case Deed.START_PATH | Deed.START_NO_PATH:
                return self._start(side, deed is Deed.START_PATH, ids)
            case Deed.POWER_OFF:
                off = attrs.evolve(side, dpu_up=False, role=None, asked=(), syncing=None)
                return Outcome(off if side.alive else attrs.evolve(off, restarted=True), moved=True)
            case Deed.POWER_ON:
                return Outcome(attrs.evolve(side, dpu_up=True, restarted=side.restarted or not side.alive), moved=True)

    # Lives of the daemon.

    def _crash(self, side: Side) -> Outcome:
        dead = self._crashed(side)
        for name, invariant in _OUTLIVES.items():
            if self.fact(dead, name) != self.fact(side, name):
                return Outcome(dead, violation=Violation(invariant, f"{self.name} forgets {name} in a restart"))
        return Outcome(dead, moved=True)

    def _crashed(self, side: Side) -> Side:
        fresh = self.rules.scope.record()
        forgotten = (set(FORGOTTEN) - set(self.rules.keeps)) | set(self.rules.forgets)
        left = {name: getattr(fresh, name) for name in forgotten}
        # A row that is on its way to the DPU dies with the daemon that sends it.
        return attrs.evolve(self._with(side, **left), alive=False, asked=(), heard=None, ticking=frozenset())

    def _start(self, side: Side, path: bool, ids: frozenset[str] | None) -> Outcome:
        told: dict[str, object] = {
            "dpu_up": side.dpu_up,
            "dpu_lost": not side.dpu_up,
            "reported_role": side.role,
            "channel_up": path if side.dpu_up else None,
            "link_up": False,
        }
        if not side.dpu_up:
            told["ha_set_incarnation"] = None
        if side.restarted:
            told |= {"dpu_incarnation": 1, "ha_set_incarnation": 2 if side.dpu_up else None}
        alive = attrs.evolve(side, alive=True, restarted=False)
        return self._told(alive, told, ids, resume=True)

    def _approve(self, side: Side, ids: frozenset[str] | None) -> Outcome:
        operations = self.fact(side, "operations")
        approved = tuple(operation.operation_id for operation in operations)
        outcome = self._told(side, {}, ids, Approval(approved))
        if outcome.violation is None and self._told(side, {}, ids, Approval(("of another time",))).moved:
            return attrs.evolve(outcome, violation=Violation("I6", f"{self.name} acts on an approval of nothing"))
        still = {operation.operation_id for operation in self.fact(outcome.side, "operations")}
        if outcome.violation is None and still & set(approved):
            return attrs.evolve(outcome, violation=Violation("I6", f"{self.name} still lists an approved operation"))
        return outcome

    # The machine.

    def _told(
        self,
        side: Side,
        told: dict[str, object],
        ids: frozenset[str] | None,
        event: object | None = None,
        resume: bool = False,
    ) -> Outcome:
        machine = self._machine(side, ids)
        before = machine.facts.term
        try:
            effects = machine.update(**told) if event is None else machine.send(event, **told)
            moves = machine.moves
            if resume:
                effects += machine.resume()
                moves += machine.moves
        except NeedsIdError:
            raise
        except SettlingError as error:
            return Outcome(side, violation=Violation("I8", f"{self.name}: {error}"))
        except Exception as error:  # noqa: BLE001  (I8: no input raises an exception, whatever it is)
            return Outcome(side, violation=Violation("I8", f"{self.name}: {type(error).__name__}: {error}"))
        violation = violation_in_step(self.name, machine.facts, before, moves, effects, event)
        self.coverage.taken.update((move.machine, move.row.number) for move in moves)
        side, said = self._carry_out(side, effects)
        if any(isinstance(effect, RemoveScope) for effect in effects):
            effects = machine.update(reported_role=None)
            side, more = self._carry_out(side, effects)
            said += more
        moved = any(move.row.actions not in _UPKEEP for move in moves)
        said = self._votes_counted(machine, said)
        side, wrong_route = self._with_route(attrs.evolve(side, facts=self._taken(machine)), machine)
        # The report goes first: it is what requests and replies are to be read with.
        said.sort(key=lambda message: not isinstance(message, StateReport))
        return Outcome(side, tuple(said), violation or wrong_route, moved)

    def _machine(self, side: Side, ids: frozenset[str] | None) -> SwitchDrivenScope:
        values = dict(zip(self._facts, side.facts, strict=True))
        return self.rules.scope(new_id=self._ids(side, ids), **values)

    def _votes_counted(self, machine: SwitchDrivenScope, said: list[PeerMessage]) -> list[PeerMessage]:
        """Beyond what a voter's patience looks at, attempts alternate between two numbers."""
        facts = machine.facts
        highest = facts.timers.max_retries + 3
        if facts.state is not S.CONNECTED or facts.attempts <= highest:
            return said
        facts.attempts -= 2
        return [
            attrs.evolve(message, attempt=facts.attempts) if isinstance(message, VoteRequest) else message
            for message in said
        ]

    def _ids(self, side: Side, foreign: frozenset[str] | None) -> Callable[[], str]:
        if foreign is None:
            return _needed
        used = foreign | ids_of(side, self.at)

        def new_id() -> str:
            nonlocal used
            number = 1
            while (id_ := f"{self.name}{number}") in used:
                number += 1
            used = used | {id_}
            return id_

        return new_id

    def _with(self, side: Side, **facts: object) -> Side:
        values = list(side.facts)
        for name, value in facts.items():
            values[self.at[name]] = value
        return attrs.evolve(side, facts=tuple(values))

    def _carry_out(self, side: Side, effects: tuple[Effect, ...]) -> tuple[Side, list[PeerMessage]]:
        said: list[PeerMessage] = []
        for effect in effects:
            match effect:
                case SendToPeer(message):
                    said.append(message)
                case ProgramRole(program):
                    side = self._ask(side, program.role)
                case RemoveScope():
                    side = attrs.evolve(side, role=None, asked=())
                case StartFlowSync(session):
                    side = attrs.evolve(side, syncing=session)
                case StartTimer(timer):
                    side = attrs.evolve(side, ticking=side.ticking | {timer})
                case StopTimer(timer):
                    side = attrs.evolve(side, ticking=side.ticking - {timer})
        return side, said

    def _ask(self, side: Side, role: HaRole) -> Side:
        if not side.dpu_up:
            return side
        newest = side.asked[-1] if side.asked else side.role
        # A DPU does not acknowledge a role that it has already (D-02).
        if role is newest:
            return side
        waiting = side.asked if len(side.asked) < self._roles_on_the_way else side.asked[:-1]
        return attrs.evolve(side, asked=(*waiting, role))

    # The route of this switch.

    def _with_route(self, side: Side, machine: SwitchDrivenScope) -> tuple[Side, Violation | None]:
        facts = machine.facts
        own = ScopeView(NAMES[self.position], facts.state, facts.acked_role, facts.term, facts.manual_pin)
        primary = self._primary(side.primary, own, side.heard, facts.dpu_up)
        if primary == side.primary or primary is None:
            return side, None
        claim = own if primary == self.position else side.heard
        wrong = None
        if claim is None or not claim.serves:
            wrong = Violation("I4", f"{self.name} makes {NAMES[primary]} primary, which does not say that it serves")
        elif primary == self.position and facts.dpu_up is False:
            wrong = Violation("I4", f"{self.name} makes its own DPU primary, which is down")
        return attrs.evolve(side, primary=primary), wrong

    def _primary(self, now: int | None, own: ScopeView, heard: ScopeView | None, up: bool | None) -> int | None:
        key = (now, own, heard, up)
        if key not in self._primaries:
            self._primaries[key] = self._routed(now, own, heard, up)
        return self._primaries[key]

    def _routed(self, now: int | None, own: ScopeView, heard: ScopeView | None, up: bool | None) -> int | None:
        """The primary that the HA set machine of this switch would have."""
        peer = heard or ScopeView(NAMES[1 - self.position], S.STANDBY, HaRole.STANDBY, 0)
        scopes = (own, peer) if self.position == 0 else (peer, own)
        machine = self.rules.ha_set(
            config=HaSetConfig("1", vip_v4=_VIP, vdpu_ids=NAMES, preferred=NAMES[0]),
            settings=GlobalSettings(dpu_vnet="Vnet"),
            owner=HaOwner.SWITCH,
            vdpus=tuple(self._view(position, up) for position in (0, 1)),
        )
        machine.update(scopes=())
        for effect in machine.update(scopes=scopes):
            if isinstance(effect, AdvertiseRoute):
                return _ENDPOINTS[effect.route.primary]
        return now

    def _view(self, position: int, up: bool | None) -> VdpuView:
        own = position == self.position
        return VdpuView(NAMES[position], own, own, _PA[position], None, _NPU[position], None, up if own else None)

    # One value for all that is the same.

    def _taken(self, machine: SwitchDrivenScope) -> tuple[Any, ...]:
        """The facts, but for what is not looked at again: times, counters that are high enough, what is over."""
        facts = machine.facts
        facts.operations_changed_ms = None
        facts.hold_downs = min(facts.hold_downs, 1)
        facts.unnumbered_votes = 0
        if facts.state is not S.SWITCHING_TO_STANDALONE:
            facts.left = S.DEAD
        if facts.state is S.SWITCHING_TO_ACTIVE:
            facts.attempts = min(facts.attempts, 4)
        if facts.flow_sync is not None and facts.flow_sync.state is not FlowSyncState.IN_PROGRESS:
            facts.flow_sync = None
        record = facts.switchover
        if record is not None:
            over = record.state in (SwitchoverState.COMPLETED, SwitchoverState.FAILED)
            state = SwitchoverState.FAILED if over else record.state
            facts.switchover = attrs.evolve(record, state=state, started_ms=0, approved_ms=None, ended_ms=None)
        # Incarnations matter by their difference alone, and after settling there is none but that of a row not written.
        if facts.relay is not RowState.PROGRAMMED or facts.programmed_in == (
            facts.ha_set_incarnation,
            facts.dpu_incarnation,
        ):
            facts.dpu_incarnation = 0
            if facts.ha_set_incarnation is not None:
                facts.ha_set_incarnation = 1
            facts.programmed_in = (1, 0) if facts.relay is RowState.PROGRAMMED else (None, 0)
        return tuple(getattr(facts, name) for name in self._facts)


def ids_of(side: Side, at: dict[str, int]) -> frozenset[str]:
    """Every id that a side knows."""
    facts = side.facts
    ids = {operation.operation_id for operation in facts[at["operations"]]}
    for record, name in (("switchover", "switchover_id"), ("flow_sync", "session_id")):
        if facts[at[record]] is not None:
            ids.add(getattr(facts[at[record]], name))
    if facts[at["episode"]]:
        ids.add(facts[at["episode"]])
    if facts[at["answered"]] is not None:
        ids.add(facts[at["answered"]][0])
    if side.syncing is not None:
        ids.add(side.syncing)
    return frozenset(ids)


def _needed() -> str:
    raise NeedsIdError


def _claim(report: StateReport, position: int) -> ScopeView | None:
    if report.state not in SERVING:
        return None
    return ScopeView(NAMES[position], report.state, report.acked_role, report.term, report.pinned)


_LOST: dict[str, object] = {
    "dpu_up": False,
    "dpu_lost": True,
    "ha_set_incarnation": None,
    "reported_role": None,
    "channel_up": None,
    "update_failed": False,
}
_OUTLIVES = {"term": "I3", "operations": "I6", "state": "I10", "switchover": "I10"}
"""What a restart must not lose, and the invariant that says so."""

_UPKEEP = (("adjust_timers",), ("send_report",), ("follow_link",), ("take_report",), ("answer_heartbeat",), ("expire",))
_VIP = IPv4Address("3.2.1.0")
_PA = (IPv4Address("20.0.200.1"), IPv4Address("20.0.201.1"))
_NPU = (IPv4Address("10.1.0.32"), IPv4Address("10.1.0.33"))
_ENDPOINTS = {_PA[0]: 0, _NPU[0]: 0, _PA[1]: 1, _NPU[1]: 1}
DECIDING_ROLES = DECIDING
