"""A checked pair: two sides, the messages between them, the paths and the budget left; and what can be next.

A state is six small numbers, so that it is quick to compare and to keep: the sides and the queues of messages are
interned. Urgent things (messages, roles, notices, the ends of flow syncs) happen in any order; a timer ends only when
nothing urgent is under way, because every timer is longer than any of them takes, in any order among the timers of both
sides. ``Fault.HURRY`` buys a timer that ends early all the same.

Messages of one direction keep their order and die with the link; a state report that is lost comes later, unless a
newer one is under way, as on the bus. Each side notices by itself that a path, the link or its DPU came or went; nobody
hears over a link that it does not know, and a link or a DPU comes back only after it was seen to be gone.

Source: switch-driven 1, 4, 11; bus 6; ha-set 1.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from attrs import define, field, frozen

from hamgr_fsm.messages import PeerMessage, StateReport
from hamgr_fsm.scope.dpu_driven_facts import ScopeConfig
from hamgr_fsm.scope.switch_driven_facts import SERVING
from hamgr_fsm.vocabulary import DesiredHaState, HaRole, HaState
from runner.lab.check.budget import Budget, spending
from runner.lab.check.canonical import (
    FARTHEST,
    closer,
    echoes,
    id_in,
    message_with_terms,
    term_in,
    terms_of,
    with_terms,
    without_echoes,
)
from runner.lab.check.happenings import (
    Configured,
    Deed,
    Fault,
    Happening,
    Hears,
    SideHappening,
    Step,
    TimerEnds,
    WorldDeed,
)
from runner.lab.check.rules import Rules
from runner.lab.check.side import DECIDING_ROLES, Coverage, NeedsIdError, Outcome, Side, Stepper, ids_of
from runner.lab.check.violation import Violation

LINK, CABLE = 1, 2
EMPTY = 0


class State(NamedTuple):
    """A pair. Numbers of the sides, of the queues of messages to A and to B, the paths, and the budget left."""

    a: int
    b: int
    to_a: int
    to_b: int
    paths: int
    budget: int


@frozen(eq=False)
class Known:
    """What is asked of a side again and again."""

    side: Side
    alive: bool
    knows_link: bool
    knows_down: bool
    decides: bool
    acked: bool
    """Its DPU has its role, or is down."""

    serves: bool
    in_sync: bool
    leaving: bool
    """It is wanted dead or disabled, or is on its way to Dead."""

    hears_peer: bool

    timers: tuple[str, ...]
    echoes: tuple[str | None, str | None]
    ids: frozenset[str]
    terms: frozenset[int]
    far: bool
    """Its terms are not as low or as close as they could be."""


@define(eq=False)
class _Local:
    """The steps of one side that have been made: by the side, the happening and the ids that are in use elsewhere."""

    stepper: Stepper
    sides: dict[Side, int] = field(factory=dict)
    known: list[Known] = field(factory=list)
    steps: list[dict[object, "Done"]] = field(factory=list)
    menus: list[dict[int, tuple[tuple[SideHappening, ...], bool]]] = field(factory=list)


@frozen(eq=False)
class Done:
    """A local step as the pair uses it."""

    side: int
    said: tuple[int, ...]
    violation: Violation | None
    moved: bool


class Next(NamedTuple):
    """What can be next: who it happens to, what happens, where that leads, and what is wrong with it."""

    who: str
    happening: Happening
    state: State
    violation: Violation | None


class Pair:
    """All pairs under one set of rules and within one budget."""

    def __init__(self, rules: Rules, budget: Budget, *, longest_queue: int = 6, roles_on_the_way: int = 2) -> None:
        self.rules = rules
        self.budget = budget
        self.coverage = Coverage()
        self.overflows = 0
        self._longest = longest_queue
        self._locals = tuple(
            _Local(Stepper(rules, position, self.coverage, roles_on_the_way=roles_on_the_way)) for position in (0, 1)
        )
        self._messages: dict[PeerMessage, int] = {}
        self.messages: list[PeerMessage] = []
        self._hears: list[tuple[Hears, Hears]] = []
        self._queues: dict[tuple[int, ...], int] = {(): EMPTY}
        self.queues: list[tuple[int, ...]] = [()]
        self._appended: dict[tuple[int, tuple[int, ...]], int] = {}
        self._budgets: dict[tuple[int, ...], int] = {}
        self._left: list[tuple[int, ...]] = []
        self._pool_of = spending(budget.pools)
        self._spent: dict[tuple[int, Fault], int] = {}
        self._same: dict[tuple[int, int, int, int], tuple[int, int, int, int]] = {}
        self.full = self._budget(tuple(pool.number for pool in budget.pools))
        self.no_budget = self._budget((0,) * len(budget.pools))

    # Building and reading states.

    def start(
        self, a: Side, b: Side, said_by_a: tuple[PeerMessage, ...] = (), said_by_b: tuple[PeerMessage, ...] = ()
    ) -> State:
        """The state of two sides with everything in order around them."""
        to_a = self._append(EMPTY, tuple(self.message(m) for m in said_by_b))
        to_b = self._append(EMPTY, tuple(self.message(m) for m in said_by_a))
        return self._canonical(State(self.intern(0, a), self.intern(1, b), to_a, to_b, LINK | CABLE, self.full))

    def stepper(self, position: int) -> Stepper:
        """What makes the steps of a side."""
        return self._locals[position].stepper

    def side(self, position: int, number: int) -> Side:
        """A side by its number."""
        return self._locals[position].known[number].side

    def sides(self, state: State) -> tuple[Side, Side]:
        """Both sides of a state."""
        return self.side(0, state.a), self.side(1, state.b)

    def fact(self, state: State, position: int, name: str) -> Any:
        """A fact of one of the machines."""
        local = self._locals[position]
        return local.stepper.fact(local.known[state[position]].side, name)

    def queue(self, number: int) -> tuple[PeerMessage, ...]:
        """The messages of a queue, the next one first."""
        return tuple(self.messages[message] for message in self.queues[number])

    def left(self, state: State) -> tuple[int, ...]:
        """What is left of the budget, by pool."""
        return self._left[state.budget]

    @property
    def local_steps(self) -> int:
        """How many different local steps have been made."""
        return sum(len(steps) for local in self._locals for steps in local.steps)

    @property
    def local_sides(self) -> int:
        """How many different sides have been seen."""
        return sum(len(local.known) for local in self._locals)

    def intern(self, position: int, side: Side) -> int:
        """The number of a side."""
        local = self._locals[position]
        number = local.sides.get(side)
        if number is None:
            number = local.sides[side] = len(local.known)
            local.known.append(self._know(local.stepper, side))
            local.steps.append({})
            local.menus.append({})
        return number

    def message(self, message: PeerMessage) -> int:
        """The number of a message."""
        number = self._messages.get(message)
        if number is None:
            number = self._messages[message] = len(self.messages)
            self.messages.append(message)
            self._hears.append((Hears(message), Hears(message, again=True)))
        return number

    def _know(self, stepper: Stepper, side: Side) -> Known:
        at = stepper.at

        def fact(name: str) -> Any:
            return side.facts[at[name]]

        acked = not side.dpu_up or side.role is fact("target_role") or fact("config") is None
        return Known(
            side=side,
            alive=side.alive,
            knows_link=side.alive and fact("link_up") is True,
            knows_down=fact("dpu_up") is False,
            decides=side.dpu_up and side.role in DECIDING_ROLES,
            acked=acked,
            serves=fact("state") in SERVING,
            in_sync=bool(fact("in_sync")),
            leaving=_leaving(fact("config"), fact("state")),
            hears_peer=bool(fact("peer_connected")),
            timers=tuple(sorted(side.ticking)),
            echoes=echoes(side, at),
            ids=ids_of(side, at),
            terms=terms_of(side, at),
            far=max(terms_of(side, at)) > FARTHEST,
        )

    # What can be next.

    def busy(self, state: State) -> bool:
        """Something urgent is under way."""
        return bool(state.to_a or state.to_b or self._menu(0, state)[1] or self._menu(1, state)[1])

    def at_rest(self, state: State) -> bool:
        """The control link is up, nothing is in flight, and every DPU that is up has its role."""
        known = self._locals[0].known[state.a], self._locals[1].known[state.b]
        linked = bool(state.paths & LINK) and known[0].alive and known[1].alive
        return linked and not self.busy(state) and known[0].acked and known[1].acked

    def known(self, state: State) -> tuple[Known, Known]:
        """What is known of both sides."""
        return self._locals[0].known[state.a], self._locals[1].known[state.b]

    def free(self, state: State) -> Iterator[Next]:
        """What happens without a fault, timers included when nothing urgent is under way."""
        yield from self.urgent(state)
        yield from self.unhurried(state)
        if not self.busy(state):
            yield from self.timers(state)

    def urgent(self, state: State) -> Iterator[Next]:
        """Messages, roles, notices and the ends of flow syncs."""
        if state.to_a and self._locals[0].known[state.a].knows_link:
            yield self._delivery(state, 0, False)
        if state.to_b and self._locals[1].known[state.b].knows_link:
            yield self._delivery(state, 1, False)
        for position in (0, 1):
            for happening in self._menu(position, state)[0]:
                yield self._happens(state, position, happening)

    def unhurried(self, state: State) -> Iterator[Next]:
        """Approvals, daemons that are started again, and what was broken being mended."""
        for position in (0, 1):
            known = self._locals[position].known[state[position]]
            peer = self._locals[1 - position].known[state[1 - position]]
            side = known.side
            if side.alive and self._locals[position].stepper.fact(side, "operations"):
                yield self._happens(state, position, Deed.APPROVE)
            if not side.alive and not peer.knows_link:
                path = bool(state.paths & CABLE) and peer.side.dpu_up
                yield self._happens(state, position, Deed.START_PATH if path else Deed.START_NO_PATH)
            if not side.dpu_up and (not side.alive or known.knows_down):
                yield self._happens(state, position, Deed.POWER_ON)
        if not state.paths & LINK and not any(known.knows_link for known in self.known(state)):
            yield Next("world", WorldDeed.LINK_MENDED, state._replace(paths=state.paths | LINK), None)
        if not state.paths & CABLE:
            yield Next("world", WorldDeed.CHANNEL_MENDED, state._replace(paths=state.paths | CABLE), None)

    def timers(self, state: State, early: bool = False) -> Iterator[Next]:
        """The timers that run."""
        for position in (0, 1):
            for timer in self._locals[position].known[state[position]].timers:
                yield self._happens(state, position, TimerEnds(timer, early))

    def faults(self, state: State) -> Iterator[Next]:
        """What the budget allows to go wrong."""
        if not any(self._left[state.budget]):
            return
        yield from self._broken_paths(state)
        for position in (0, 1):
            yield from self._faults_of(state, position)
            yield from self._faults_of_messages(state, position)
        if (spent := self._spend(state, Fault.HURRY)) is not None and self.busy(state):
            yield from self.timers(spent, early=True)

    def _broken_paths(self, state: State) -> Iterator[Next]:
        if state.paths & LINK and (spent := self._spend(state, Fault.LINK)) is not None:
            cut = spent._replace(paths=state.paths & ~LINK, to_a=EMPTY, to_b=EMPTY)
            yield Next("world", WorldDeed.LINK_CUT, self._canonical(cut), None)
        if state.paths & CABLE and (spent := self._spend(state, Fault.CHANNEL)) is not None:
            yield Next("world", WorldDeed.CHANNEL_CUT, spent._replace(paths=state.paths & ~CABLE), None)

    def _faults_of(self, state: State, position: int) -> Iterator[Next]:
        known = self._locals[position].known[state[position]]
        side = known.side
        if side.dpu_up and (spent := self._spend(state, Fault.DPU)) is not None:
            yield self._happens(spent, position, Deed.POWER_OFF)
        if not side.alive:
            return
        if (spent := self._spend(state, Fault.CRASH)) is not None:
            yield self._happens(spent._replace(to_a=EMPTY, to_b=EMPTY), position, Deed.CRASH)
        if side.dpu_up and not known.knows_down and (spent := self._spend(state, Fault.HEALTH)) is not None:
            yield self._happens(spent, position, Deed.DPU_UNKNOWN)
        if side.asked and (spent := self._spend(state, Fault.ROLE_LOST)) is not None:
            yield self._happens(spent, position, Deed.ROLE_LOST)
        if side.asked and (spent := self._spend(state, Fault.ROLE_REFUSED)) is not None:
            yield self._happens(spent, position, Deed.ROLE_REFUSED)
        if side.syncing is not None and (spent := self._spend(state, Fault.SYNC_FAILED)) is not None:
            yield self._happens(spent, position, Deed.SYNC_FAILED)
        if side.role is HaRole.ACTIVE and (spent := self._spend(state, Fault.DROPS)) is not None:
            yield self._happens(spent, position, Deed.DROPS)
        if (spent := self._spend(state, Fault.CONFIG)) is not None:
            config = self._locals[position].stepper.fact(side, "config")
            for wish in self.budget.wishes[position]:
                if wish != config:
                    yield self._happens(spent, position, Configured(wish))

    def _faults_of_messages(self, state: State, position: int) -> Iterator[Next]:
        """What becomes of the next message to a side."""
        number = state.to_a if position == 0 else state.to_b
        if not number:
            return
        if (spent := self._spend(state, Fault.LOSS)) is not None:
            deed = WorldDeed.LOSES_TO_A if position == 0 else WorldDeed.LOSES_TO_B
            yield Next("world", deed, self._canonical(self._with_queue(spent, position, self._losing(number))), None)
        known = self._locals[position].known[state[position]]
        if known.knows_link and (spent := self._spend(state, Fault.REPETITION)) is not None:
            yield self._delivery(spent, position, True)

    def _losing(self, number: int) -> int:
        queue = self.queues[number]
        lost, rest = queue[0], queue[1:]
        report = isinstance(self.messages[lost], StateReport)
        newer = any(isinstance(self.messages[message], StateReport) for message in rest)
        return self._queue((*rest, lost) if report and not newer else rest)

    def crashed(self, state: State, position: int) -> State:
        """The same pair with the daemon of one side dead; it costs no budget."""
        return self._happens(state._replace(to_a=EMPTY, to_b=EMPTY), position, Deed.CRASH).state

    # Steps.

    def _menu(self, position: int, state: State) -> tuple[tuple[SideHappening, ...], bool]:
        local, other = self._locals[position], self._locals[1 - position].known[state[1 - position]]
        number = state[position]
        linked = state.paths & LINK and local.known[number].alive and other.alive
        path = state.paths & CABLE and other.side.dpu_up
        key = (1 if linked else 0) | (2 if path else 0)
        menu = local.menus[number].get(key)
        if menu is None:
            happenings = tuple(_urgent(local.stepper, local.known[number].side, bool(linked), bool(path)))
            menu = local.menus[number][key] = (happenings, bool(happenings))
        return menu

    def _delivery(self, state: State, position: int, again: bool) -> Next:
        number = state.to_a if position == 0 else state.to_b
        queue = self.queues[number]
        rest = state if again else self._with_queue(state, position, self._queue(queue[1:]))
        return self._happens(rest, position, self._hears[queue[0]][again])

    def _happens(self, state: State, position: int, happening: SideHappening) -> Next:
        done = self._step(state, position, happening)
        a, b, to_a, to_b, paths, budget = state
        if position == 0:
            a = done.side
        else:
            b = done.side
        if done.said:
            known = self._locals[position].known[done.side]
            peer = self._locals[1 - position].known[state[1 - position]]
            if known.knows_link and paths & LINK and peer.alive:
                if position == 0:
                    to_b = self._append(to_b, done.said)
                else:
                    to_a = self._append(to_a, done.said)
        return Next("AB"[position], happening, self._canonical(State(a, b, to_a, to_b, paths, budget)), done.violation)

    def _step(self, state: State, position: int, happening: SideHappening) -> Done:
        local = self._locals[position]
        steps = local.steps[state[position]]
        done = steps.get(happening)
        if done is None:
            key: object = happening
            side = local.known[state[position]].side
            try:
                outcome = local.stepper.step(side, happening, None)
            except NeedsIdError:
                foreign = self._foreign_ids(state, position)
                key = (happening, foreign)
                if (done := steps.get(key)) is not None:
                    return done
                outcome = local.stepper.step(side, happening, foreign)
            done = steps[key] = self._done(position, outcome)
        return done

    def _done(self, position: int, outcome: Outcome) -> Done:
        said = tuple(self.message(message) for message in outcome.said)
        return Done(self.intern(position, outcome.side), said, outcome.violation, outcome.moved)

    def _foreign_ids(self, state: State, position: int) -> frozenset[str]:
        """The ids of a side that the other side or a message knows."""
        name = "AB"[position]
        ids = set(self._locals[1 - position].known[state[1 - position]].ids)
        for number in (state.to_a, state.to_b):
            ids.update(id_ for id_ in map(id_in, self.queue(number)) if id_)
        return frozenset(id_ for id_ in ids if id_.startswith(name))

    # Queues and budgets.

    def _with_queue(self, state: State, position: int, queue: int) -> State:
        return state._replace(to_a=queue) if position == 0 else state._replace(to_b=queue)

    def _queue(self, messages: tuple[int, ...]) -> int:
        number = self._queues.get(messages)
        if number is None:
            number = self._queues[messages] = len(self.queues)
            self.queues.append(messages)
        return number

    def _append(self, queue: int, said: tuple[int, ...]) -> int:
        number = self._appended.get((queue, said))
        if number is None:
            number = self._appended[queue, said] = self._queue(self.queues[queue] + said)
        return number

    def overflows_in(self, state: State) -> bool:
        """More messages are under way than are looked at."""
        return len(self.queues[state.to_a]) > self._longest or len(self.queues[state.to_b]) > self._longest

    def _budget(self, left: tuple[int, ...]) -> int:
        number = self._budgets.get(left)
        if number is None:
            number = self._budgets[left] = len(self._left)
            self._left.append(left)
        return number

    def _spend(self, state: State, fault: Fault) -> State | None:
        key = (state.budget, fault)
        number = self._spent.get(key)
        if number is None:
            number = self._spent[key] = self._less(self._left[state.budget], fault)
        return None if number < 0 else state._replace(budget=number)

    def _less(self, left: tuple[int, ...], fault: Fault) -> int:
        index = self._pool_of.get(fault)
        if index is None or not left[index]:
            return -1
        return self._budget((*left[:index], left[index] - 1, *left[index + 1 :]))

    # The same pair is the same state.

    def _canonical(self, state: State) -> State:
        a, b = self._locals[0].known[state.a], self._locals[1].known[state.b]
        if a.echoes == _SILENT and b.echoes == _SILENT and not a.far and not b.far:
            return state
        key = state[:4]
        same = self._same.get(key)
        if same is None:
            same = self._same[key] = self._lowered(*self._without_echoes(*key))
        return State(*same, state.paths, state.budget)

    def _without_echoes(self, a: int, b: int, to_a: int, to_b: int) -> tuple[int, int, int, int]:
        known = self._locals[0].known[a], self._locals[1].known[b]
        spoken = {id_in(message) for number in (to_a, to_b) for message in self.queue(number)}
        numbers = [a, b]
        for position in (0, 1):
            switchover, answered = known[position].echoes
            peer = known[1 - position]
            # The other side's own record of the same switchover, if it is over as well, says nothing to anybody.
            theirs = peer.ids - {id_ for id_ in peer.echoes[:1] if id_}
            forget = (
                switchover is not None and switchover not in spoken and switchover not in theirs,
                answered is not None and answered not in spoken and answered not in peer.ids,
            )
            if any(forget):
                at = self._locals[position].stepper.at
                numbers[position] = self.intern(position, without_echoes(known[position].side, at, *forget))
        return numbers[0], numbers[1], to_a, to_b

    def _lowered(self, a: int, b: int, to_a: int, to_b: int) -> tuple[int, int, int, int]:
        said = {term_in(message) for number in (to_a, to_b) for message in self.queue(number)}
        terms = self._locals[0].known[a].terms | self._locals[1].known[b].terms
        new = closer({*terms, *(term for term in said if term is not None)})
        if all(before == after for before, after in new.items()):
            return a, b, to_a, to_b
        numbers = [
            self.intern(p, with_terms(self.side(p, n), self._locals[p].stepper.at, new)) for p, n in ((0, a), (1, b))
        ]
        queues = [
            self._queue(tuple(self.message(message_with_terms(m, new)) for m in self.queue(n))) for n in (to_a, to_b)
        ]
        return numbers[0], numbers[1], queues[0], queues[1]


_SILENT = (None, None)


def _leaving(config: ScopeConfig | None, state: object) -> bool:
    wanted = config is not None and not config.disabled and config.desired is not DesiredHaState.DEAD
    return not wanted or state in (HaState.DEAD, HaState.DESTROYING)


def _urgent(stepper: Stepper, side: Side, linked: bool, path: bool) -> Iterator[SideHappening]:
    """What is under way at a side itself. ``path``: the channel is there but for this side's own DPU."""
    if not side.alive:
        return
    if side.asked:
        yield Deed.ROLE_TAKEN
    if side.syncing is not None:
        yield Deed.SYNC_COMPLETED if path and side.dpu_up else Deed.SYNC_FAILED
    knows_up = stepper.fact(side, "dpu_up")
    if knows_up is not side.dpu_up:
        yield Deed.DPU_UP if side.dpu_up else Deed.DPU_DOWN
    elif side.dpu_up:
        if stepper.fact(side, "ha_set_incarnation") is None:
            yield Deed.SET_PROGRAMMED
        if stepper.fact(side, "channel_up") is not path:
            yield Deed.CHANNEL_UP if path else Deed.CHANNEL_DOWN
    if (stepper.fact(side, "link_up") is True) is not linked:
        yield Deed.LINK_UP if linked else Deed.LINK_DOWN


def step_of(next_: Next) -> Step:
    """The step of a trace."""
    return Step(next_.who, next_.happening)
