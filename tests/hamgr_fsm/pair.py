"""Two switch-driven scopes, their DPUs, a channel, a control link and a controller, in virtual time.

Both machines are the real ones; what is made up is the world around them. A message takes time, may be lost or come
twice, and dies with the link; a state report that was lost comes later unless a newer one has been sent, as the bus
does it. A DPU acknowledges a role late, never, as another one, or with an error, and forgets everything when it is
restarted. A daemon may be killed at any point and comes back with what it has published.

After each step of a machine the invariants that hold at all times are checked; ``check_rest`` checks those at rest.

Source: switch-driven 4, 9, 11; field-lessons D-01, D-02, D-09; bus 6.
"""

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any

from attrs import define, frozen

from hamgr_fsm import events
from hamgr_fsm.effects import (
    Effect,
    ProgramRole,
    RaiseAlert,
    RemoveScope,
    SendToPeer,
    StartFlowSync,
    StartTimer,
    StopTimer,
)
from hamgr_fsm.events import Approval, FlowSyncEnded
from hamgr_fsm.machine import Snapshot, event_name
from hamgr_fsm.messages import PeerMessage, StateReport, SwitchoverRequest
from hamgr_fsm.scope.dpu_driven_facts import ScopeConfig
from hamgr_fsm.scope.switch_driven import SwitchDrivenScope
from hamgr_fsm.scope.switch_driven_facts import Pair
from hamgr_fsm.vocabulary import DesiredHaState, HaRole, HaState, OperationType

S = HaState
R = HaRole
D = DesiredHaState

DECIDING = (R.ACTIVE, R.STANDALONE)
_TIMER_EVENTS = {event_name(value): value for value in vars(events).values() if isinstance(value, type)}


@frozen
class Weather:
    """How the world treats what happens next: delays in ms, and whether a message is lost or comes twice."""

    message_ms: int = 1
    ack_ms: int = 1
    lost: bool = False
    twice: bool = False


CALM = Weather()


@define
class Dpu:
    """A DPU as its side sees it."""

    up: bool = True
    role: HaRole | None = None
    """None while it has not been told a role since it started."""

    incarnation: int = 0
    manners: str = "prompt"
    """How it takes roles: prompt, silent (never), wrong (takes standby whatever is asked), refusing (with an error)."""

    never: frozenset[HaRole] = frozenset()
    """The roles that it takes but does not acknowledge: its row keeps the role before."""

    row: HaRole | None = None
    """The role that it has acknowledged."""


MOST_IN_A_SECOND = 100
"""Messages that a side may say within a second; more is a conversation without an end."""


class BrokenError(AssertionError):
    """An invariant does not hold."""


class Side:
    """One daemon with one scope, and its DPU."""

    def __init__(self, name: str, position: int) -> None:
        self.name = name
        self.position = position
        self.dpu = Dpu()
        self.config: ScopeConfig | None = None
        self.timers: dict[str, int] = {}
        self.alive = True
        self.alerts: list[str] = []
        self.moves: list[tuple[HaState, HaState, str]] = []
        self.roles: list[HaRole] = []
        self.said: list[PeerMessage] = []
        self.spoke: deque[int] = deque(maxlen=MOST_IN_A_SECOND)
        self.approved: set[str] = set()
        self.update_failed = False
        self.sync_result: bool | None = None
        self.saved: Snapshot | None = None
        self._ids = count(1)
        self.machine = SwitchDrivenScope(new_id=self.new_id)

    def new_id(self) -> str:
        """An id that neither side uses again."""
        return f"{self.name}-{next(self._ids)}"

    @property
    def facts(self) -> Any:
        """What the machine knows."""
        return self.machine.facts

    @property
    def state(self) -> HaState:
        """Where the machine is."""
        state: HaState = self.machine.facts.state
        return state

    @property
    def acked(self) -> HaRole | None:
        """The role that the DPU really has, as long as it is up."""
        return self.dpu.role if self.dpu.up else None

    @property
    def decides(self) -> bool:
        """Its DPU decides flows."""
        return self.acked in DECIDING

    @property
    def open(self) -> list[OperationType]:
        """The types of the operations that wait for the controller."""
        return [operation.type for operation in self.facts.operations]

    @property
    def able(self) -> bool:
        """It may serve: it is configured, enabled, not wanted dead, alive, and its DPU is up."""
        wanted = self.config is not None and not self.config.disabled and self.config.desired is not D.DEAD
        return wanted and self.alive and self.dpu.up


class TwoSides:
    """The world: side A at position 0 and preferred, side B at position 1."""

    def __init__(self, weather: Callable[[], Weather] = lambda: CALM) -> None:
        self.a, self.b = Side("A", 0), Side("B", 1)
        self.now = 0
        self.link = True
        self.cable = True
        self.approves = True
        self.weather = weather
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._last_arrival = {"A": 0, "B": 0}
        self._link_epoch = 0
        self._newest: dict[str, int] = {"A": 0, "B": 0}
        self.in_flight = 0
        for side in self.sides:
            self._start(side, linked=True)

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both sides."""
        return self.a, self.b

    def peer(self, side: Side) -> Side:
        """The other side."""
        return self.b if side is self.a else self.a

    # What an operator, the controller and bad luck do.

    def configure(self, side: Side, desired: DesiredHaState = D.UNSPECIFIED, *, disabled: bool = False) -> None:
        """Write the scope's row."""
        side.config = ScopeConfig("1", disabled, desired, "haset0_0")
        self._tell(side, config=side.config)

    def unconfigure(self, side: Side) -> None:
        """Delete the scope's row."""
        side.config = None
        self._tell(side, config=None)

    def set_link(self, up: bool) -> None:
        """The control link comes or goes; what is on its way is lost."""
        self.link = up
        self._link_epoch += 1
        for side in self.sides:
            self._tell(side, link_up=self._linked)

    def set_cable(self, up: bool) -> None:
        """The path of the data plane channel comes or goes."""
        self.cable = up
        self._tell_channel()

    def power(self, side: Side, up: bool) -> None:
        """The DPU fails, or comes back empty."""
        if up == side.dpu.up:
            return
        side.dpu.up, side.dpu.role, side.dpu.row = up, None, None
        if not up:
            side.dpu.incarnation += 1
            side.update_failed = False
        self._tell(side, **self._dpu_facts(side))
        self._tell_channel()

    def kill(self, side: Side) -> None:
        """The daemon dies; its state rows stay, and with it goes the link."""
        side.alive = False
        side.timers.clear()
        side.saved = side.machine.snapshot()
        self.set_link(self.link)

    def start(self, side: Side) -> None:
        """The daemon comes back and reads what it left."""
        assert side.saved is not None
        side.machine = SwitchDrivenScope.new_life(side.saved, new_id=side.new_id)
        side.saved = None
        side.alive = True
        # The link to it is there after it is.
        self._start(side, linked=False)
        self._carry_out(side, side.machine.resume())
        self.set_link(self.link)

    def restart(self, side: Side) -> None:
        """The daemon dies and is back at once."""
        self.kill(side)
        self.start(side)

    def approve(self, side: Side) -> None:
        """The controller approves everything that is listed now."""
        ids = tuple(operation.operation_id for operation in side.facts.operations)
        if ids and side.alive:
            self.approve_ids(side, ids)

    def approve_ids(self, side: Side, ids: tuple[str, ...]) -> None:
        """The controller approves these; each takes effect at most once (I6)."""
        open_before = {operation.operation_id for operation in side.facts.operations}
        term, state = side.facts.term, side.state
        self._step(side, Approval(ids))
        still = {operation.operation_id for operation in side.facts.operations}
        if still & set(ids):
            raise BrokenError(f"I6: {side.name} still lists an approved operation")
        if not open_before & set(ids) and (side.facts.term, side.state) != (term, state):
            raise BrokenError(f"I6: {side.name} moved on an approval of nothing")
        if side.approved & still:
            raise BrokenError(f"I6: {side.name} lists an operation again that was approved before")
        side.approved |= set(ids) & open_before

    def hand(self, side: Side, message: PeerMessage) -> None:
        """Let a message arrive that nobody may have sent."""
        self._step(side, message)

    def end_timer(self, side: Side, timer: str) -> None:
        """A timer's end arrives early or late, whether or not it runs."""
        side.timers.pop(timer, None)
        self._step(side, _TIMER_EVENTS[timer]())

    def tell(self, side: Side, **facts: object) -> None:
        """Tell a side facts that the world does not model."""
        self._tell(side, **facts)

    # Time.

    def advance(self, seconds: float) -> None:
        """Let time pass; everything that is due happens in order."""
        end = self.now + round(seconds * 1000)
        while (due := self._next_due()) is not None and due[0] <= end:
            self._happen(due)
        self.now = max(self.now, end)

    def settle(self, seconds: float = 0.4) -> None:
        """Let everything arrive that is under way."""
        self.advance(seconds)

    def until(self, holds: Callable[[], bool], seconds: float = 600) -> None:
        """Let time pass until something holds.

        Raises:
            BrokenError: it does not within that time.
        """
        end = self.now + round(seconds * 1000)
        while not holds():
            due = self._next_due()
            if due is None or due[0] > end:
                raise BrokenError(f"never: {self.show()}")
            self._happen(due)

    def _next_due(self) -> tuple[int, Side | None, str] | None:
        timers = [(at, side.position, side, name) for side in self.sides for name, at in side.timers.items()]
        first = min(timers, key=lambda t: (t[0], t[1], t[3])) if timers else None
        if self._queue and (first is None or self._queue[0][0] <= first[0]):
            return self._queue[0][0], None, ""
        return (first[0], first[2], first[3]) if first is not None else None

    def _happen(self, due: tuple[int, Side | None, str]) -> None:
        self.now = max(self.now, due[0])
        if due[1] is None:
            heappop(self._queue)[2]()
        else:
            del due[1].timers[due[2]]
            self._step(due[1], _TIMER_EVENTS[due[2]]())

    # What the world does.

    @property
    def _linked(self) -> bool:
        return self.link and self.a.alive and self.b.alive

    def _at(self, after_ms: int, what: Callable[[], None]) -> None:
        heappush(self._queue, (self.now + after_ms, next(self._order), what))

    def _dpu_facts(self, side: Side) -> dict[str, object]:
        dpu = side.dpu
        return {
            "dpu_up": dpu.up,
            "dpu_lost": not dpu.up,
            "dpu_incarnation": dpu.incarnation,
            "ha_set_incarnation": dpu.incarnation + 1 if dpu.up else None,
            "reported_role": dpu.row,
            "update_failed": side.update_failed,
        }

    def _channel(self, side: Side) -> bool | None:
        if not side.dpu.up:
            return None
        return self.cable and self.peer(side).dpu.up

    def _tell_channel(self) -> None:
        for side in self.sides:
            self._tell(side, channel_up=self._channel(side))

    def _start(self, side: Side, *, linked: bool) -> None:
        self._tell(
            side,
            config=side.config,
            managed=True,
            pair=Pair(self.peer(side).name, side.position, self.peer(side).position, 0),
            channel_up=self._channel(side),
            link_up=linked,
            **self._dpu_facts(side),
        )

    def _tell(self, side: Side, **facts: object) -> None:
        if side.alive:
            self._step(side, None, facts)

    def _step(self, side: Side, event: object | None, facts: Mapping[str, object] = {}) -> None:
        if not side.alive:
            return
        machine, before = side.machine, (side.facts.term, side.state)
        told = {"now_ms": self.now, **facts}
        effects = machine.update(**told) if event is None else machine.send(event, **told)
        moves = [
            (move.source, move.target, move.why)
            for move in machine.moves
            if move.machine == "state" and move.row.target is not None
        ]
        side.moves += moves  # type: ignore[arg-type]
        self._check_term(side, before[0], moves)  # type: ignore[arg-type]
        self._carry_out(side, effects)

    def _check_term(self, side: Side, before: int, moves: list[tuple[HaState, HaState, str]]) -> None:
        follows = any(
            target is S.STANDBY and source in (S.PENDING_STANDBY_ACTIVATION, S.SWITCHING_TO_STANDBY)
            for source, target, _ in moves
        )
        if side.facts.term < before and not follows:
            raise BrokenError(f"I3: the term of {side.name} fell from {before} to {side.facts.term}")

    def _carry_out(self, side: Side, effects: tuple[Effect, ...]) -> None:
        said: list[PeerMessage] = []
        for effect in effects:
            match effect:
                case SendToPeer(message):
                    said.append(message)
                case ProgramRole(program):
                    self._program(side, program.role)
                case RemoveScope():
                    side.dpu.role = side.dpu.row = None
                    self._at(0, partial(self._tell, side, reported_role=None))
                case StartTimer(timer, after_ms):
                    side.timers[timer] = self.now + after_ms
                case StopTimer(timer):
                    side.timers.pop(timer, None)
                case StartFlowSync(session_id):
                    self._copy_flows(side, session_id)
                case RaiseAlert(what):
                    side.alerts.append(what)
        # The report goes first: it is what the requests and replies are to be read with.
        for message in sorted(said, key=lambda message: not isinstance(message, StateReport)):
            self._say(side, message)
        if side.approved & {operation.operation_id for operation in side.facts.operations}:
            raise BrokenError(f"I6: {side.name} lists an operation again that was approved before")
        if self.approves and side.facts.operations:
            self._at(500, lambda: self.approve(side) if self.approves else None)

    def _program(self, side: Side, role: HaRole) -> None:
        side.roles.append(role)
        incarnation = side.dpu.incarnation
        if not side.dpu.up or side.dpu.manners == "silent":
            return

        def take() -> None:
            if not side.dpu.up or side.dpu.incarnation != incarnation or side.facts.target_role is not role:
                return
            side.update_failed = side.dpu.manners == "refusing"
            if not side.update_failed:
                side.dpu.role = R.STANDBY if side.dpu.manners == "wrong" else role
                side.dpu.row = side.dpu.role if side.dpu.role not in side.dpu.never else side.dpu.row
            self._tell(side, **self._dpu_facts(side))

        self._at(self.weather().ack_ms, take)

    def _copy_flows(self, side: Side, session_id: str) -> None:
        def end() -> None:
            peer = self.peer(side)
            works = self.cable and side.dpu.up and peer.dpu.up
            self._step(side, FlowSyncEnded(session_id, works if side.sync_result is None else side.sync_result))

        self._at(self.weather().ack_ms, end)

    def _say(self, side: Side, message: PeerMessage) -> None:
        side.said.append(message)
        side.spoke.append(self.now)
        if len(side.spoke) == side.spoke.maxlen and self.now - side.spoke[0] < 1000:
            raise BrokenError(f"I9: {side.name} does not stop talking: {self.show()} {side.moves[-6:]}")
        facts = side.facts
        prepared = facts.acked_role is R.SWITCHING_TO_ACTIVE or not facts.switching_ack
        if isinstance(message, SwitchoverRequest) and not prepared:
            raise BrokenError(f"I7: {side.name} asks for the switchover before its DPU is prepared")
        if not self._linked:
            return
        weather, is_report = self.weather(), isinstance(message, StateReport)
        if is_report:
            self._newest[side.name] += 1
        delay = weather.message_ms + (1000 if weather.lost and is_report else 0)
        if weather.lost and not is_report:
            return
        number, epoch, times = self._newest[side.name], self._link_epoch, 2 if weather.twice else 1
        arrival = self.now + delay
        if not (weather.lost and is_report):
            arrival = self._last_arrival[side.name] = max(arrival, self._last_arrival[side.name])
        self.in_flight += 1

        def arrive() -> None:
            self.in_flight -= 1
            if self._link_epoch != epoch or (is_report and self._newest[side.name] != number):
                return
            for _ in range(times):
                self._step(self.peer(side), message)

        heappush(self._queue, (arrival, next(self._order), arrive))

    # What must hold at rest.

    def at_rest(self) -> bool:
        """The link is up, nothing is in flight, and every DPU that is up has its role."""
        quiet = self._linked and self.in_flight == 0
        return quiet and all(s.facts.role_acked or not s.dpu.up or s.config is None for s in self.sides)

    def check_rest(self) -> None:
        """I1 and I11, if both sides are at rest.

        Raises:
            BrokenError: one of them does not hold.
        """
        if not self.at_rest():
            return
        if self.a.decides and self.b.decides:
            raise BrokenError(f"I1: both decide: {self.show()}")
        for side in self.sides:
            peer = self.peer(side)
            leaving = peer.facts.desired in (D.DEAD,) or peer.facts.disabled or peer.state in (S.DEAD, S.DESTROYING)
            holds = peer.facts.in_sync and peer.dpu.up and peer.facts.peer_connected and not leaving
            if side.decides and not side.facts.in_sync and holds:
                raise BrokenError(f"I11: {side.name} decides without the flows: {self.show()}")

    def calm(self) -> None:
        """All faults stop: DPUs, daemons, link and channel work, and the controller approves."""
        self.weather = lambda: CALM
        for side in self.sides:
            if not side.alive:
                self.start(side)
            side.dpu.manners, side.dpu.never, side.sync_result = "prompt", frozenset(), None
            if side.update_failed:
                side.update_failed = False
            self.power(side, True)
            self._tell(side, **self._dpu_facts(side), drops_seen=False)
            if side.facts.programmed is not None and not side.facts.role_acked:
                self._program(side, side.facts.target_role)
        self.set_cable(True)
        self.set_link(True)
        self.approves = True
        for side in self.sides:
            self.approve(side)

    def in_good_order(self) -> bool:
        """I9: a pair, or one that serves while the other cannot or is pinned away; nobody only if nobody may."""
        a, b = self.sides
        deciders = [side for side in self.sides if side.decides]
        if not a.able and not b.able:
            return len(deciders) <= 1
        if len(deciders) != 1 or not all(s.facts.role_acked for s in self.sides if s.dpu.up and s.config is not None):
            return False
        serving, other = deciders[0], self.peer(deciders[0])
        if a.able and b.able and not (a.facts.manual_pin or b.facts.manual_pin):
            beside = (S.STANDBY, S.SWITCHING_TO_ACTIVE)
            return serving.state is S.ACTIVE and other.state in beside and other.facts.in_sync
        return serving.state in (S.ACTIVE, S.STANDALONE)

    def show(self) -> str:
        """Both sides in a line."""
        return " / ".join(
            f"{s.name} {s.state.name} term {s.facts.term} role {s.facts.target_role} acked {s.acked} "
            f"in_sync {s.facts.in_sync} wants {s.facts.desired} triggers {[t.name for t in s.facts.triggers]} "
            f"peer {s.facts.peer_state} {[o.type.value for o in s.facts.operations]}"
            for s in self.sides
        )

    @property
    def states(self) -> tuple[HaState, HaState]:
        """Where A and B are."""
        return self.a.state, self.b.state

    @property
    def terms(self) -> tuple[int, int]:
        """The terms of A and B."""
        return self.a.facts.term, self.b.facts.term


def paired(world: TwoSides | None = None) -> TwoSides:
    """A healthy pair: A Active, B Standby, term 1, nothing under way and nothing listed."""
    world = world or TwoSides()
    world.configure(world.a, D.ACTIVE)
    world.configure(world.b)
    world.until(lambda: world.states == (S.ACTIVE, S.STANDBY) and world.at_rest())
    world.settle(1)
    for side in world.sides:
        side.moves.clear()
        side.roles.clear()
        side.said.clear()
    return world
