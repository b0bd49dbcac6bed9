"""Switches, the links between them and virtual time: what happens next, and who is told.

Every event has a time; events of one time happen in the order in which they were caused. Nothing is random but the
numbers of the generator that is handed in, so a seed and a story are a run. Rows, notices and messages take their time
and keep their order per channel, as on a switch. After every event whoever watches looks at the world.

Source: scenarios 0.2, 8; bus 6; tables 4.
"""

from collections.abc import Callable, Mapping, Sequence
from heapq import heappop, heappush
from random import Random

from attrs import define, field, frozen

from hamgr_fsm.timers import DEFAULT_TIMERS, Timers
from hamgr_fsm.vocabulary import HaOwner
from models import tables
from models.database import Database
from runner.inputs import Input, LinkChanged, MessageArrived, SyncCountersRead, TimerFired
from runner.lab.controller import ConfigRow, Controller, initial_set
from runner.lab.dpu_inline_sync import Counted
from runner.lab.dpu_writes import DpuWrite, EmptyDatabase
from runner.lab.firmware_pair import couple
from runner.lab.network import Letter, Network
from runner.lab.sides import A, B, Side
from runner.lab.switch import Leaving, Steps, Switch
from runner.node import Node
from runner.outputs import DeleteRow, SendMessage, WriteRow

EPOCH_MS = 1_718_032_540_000
AUDIT_MS = 10_000
COUNTERS_MS = 12_000
DPU_STEP_MS = 200
RESTART_MS = 300
DIAL_MS = 1_000


@frozen
class Happens:
    """An input reaches the daemon of a life."""

    switch: str
    life: int
    happened: Input


@frozen
class RowArrives:
    """A row of the daemon reaches the DPU's orchagent."""

    switch: str
    row: WriteRow | DeleteRow


@frozen
class DpuActs:
    """What goes on in the DPU by itself takes a step."""

    switch: str


@frozen
class TimerEnds:
    """A timer of the daemon of a life is due."""

    switch: str
    life: int
    timer: str
    number: int


@frozen
class LetterArrives:
    """A message reaches its receiver."""

    letter: Letter


@frozen
class Starts:
    """A daemon that died is started again."""

    switch: str


@frozen
class Audits:
    """The daemon looks for what nobody tells."""

    switch: str
    life: int


@frozen
class PollsCounters:
    """The daemon polls the counters of the DPU's ENIs."""

    switch: str
    life: int


@frozen
class Approves:
    """A controller that approves everything looks at a scope."""

    switch: str


@frozen
class Dials:
    """The first attempt of a daemon to reach another is over."""

    switch: str
    life: int
    far: str


Event = Happens | RowArrives | DpuActs | TimerEnds | LetterArrives | Starts | Audits | PollsCounters | Approves | Dials


@define
class Pace:
    """How long things take inside a switch, in milliseconds; ``jitter`` is added at random."""

    row_ms: int = 1
    """From the daemon to the DPU, and from a database to the daemon."""

    jitter_ms: int = 0
    notice_ms: int = 5
    """Until a daemon notices that a link came or went."""

    approval_ms: int | None = None
    """A controller that approves every operation after so long; None: nobody approves by itself."""


def node_of(life_seed: int, timers: Timers) -> Callable[[Side, int], Steps]:
    """Makes the daemons of a world: each life of each side draws its ids from its own series."""

    def make(side: Side, life: int) -> Steps:
        numbers = Random(f"{life_seed} {side.name} {life}")
        return Node(slot_id=0, operation_ids=lambda: _guid(numbers), timers=timers)

    return make


@define(eq=False)
class World:
    """Everything there is. ``sides`` are the pair and, behind it, who may replace one of it."""

    owner: HaOwner = HaOwner.SWITCH
    seed: int = 0
    sides: tuple[Side, ...] = (A, B)
    timers: Timers = DEFAULT_TIMERS
    daemons: Mapping[str, Callable[[Side, int], Steps]] = field(factory=dict)
    """Who makes the daemons of a side instead of :func:`node_of`, by the side's name."""

    pace: Pace = field(factory=Pace)
    now_ms: int = 0
    withdrawn: set[str] = field(factory=set)
    """The sides whose switch does not advertise the VIP."""

    chances: Random = field(init=False)
    network: Network = field(init=False)
    switches: dict[str, Switch] = field(init=False)
    controller: Controller = field(init=False)
    watchers: list[Callable[["World", str, Sequence[Leaving]], None]] = field(factory=list)
    """Called after every event with the side it was about and what left that side because of it."""

    _events: list[tuple[int, int, Event]] = field(factory=list)
    _caused: int = 0
    _busy_until_ms: dict[tuple[str, str], int] = field(factory=dict)
    _connected: dict[tuple[str, int, str], bool] = field(factory=dict)
    _noticed: dict[tuple[str, str], bool] = field(factory=dict)
    """Whether the daemon of a side knows of its link to another."""

    _acting: set[str] = field(factory=set)
    _restarts: set[str] = field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.chances = Random(self.seed)
        self.network = Network(self.chances)
        default = node_of(self.seed, self.timers)
        self.switches = {side.name: Switch(side, self.daemons.get(side.name, default)) for side in self.sides}
        self.controller = Controller(self.owner, initial_set(self.sides))

    def __getitem__(self, name: str) -> Switch:
        return self.switches[name]

    def peer_of(self, name: str) -> str:
        """The other side of the configured pair."""
        ids = self.controller.ha_set.vdpu_ids
        return next(s.name for s in self.sides if s.vdpu_id in ids and s.name != name)

    # Time.

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        end_ms = self.now_ms + round(1000 * seconds)
        while self._events and self._events[0][0] <= end_ms:
            self.next()
        self.now_ms = end_ms

    def until(self, holds: Callable[[], bool], within_s: float, what: str = "") -> None:
        """Let time pass until something holds; ends with an AssertionError when it does not in time."""
        end_ms = self.now_ms + round(1000 * within_s)
        while not holds():
            if not self._events or self._events[0][0] > end_ms:
                raise AssertionError(f"{what or 'it'} did not happen within {within_s} s: {self}")
            self.next()

    def next(self) -> None:
        """Let the next event happen."""
        self.now_ms, _, event = heappop(self._events)
        name, leaving = self._let_happen(event)
        for watch in self.watchers:
            watch(self, name, leaving)

    def __str__(self) -> str:
        sides = (f"{name} {s.ctl or '-'}/{s.dpu.role.value} term {s.term}" for name, s in self.switches.items())
        return f"{self.now_ms} ms: {', '.join(sides)}"

    # What a story does to it.

    def write(self, name: str, row: ConfigRow) -> None:
        """HSET a row that the daemon of a side reads."""
        table, key, fields = row
        self._tell(name, self[name].store.merge(table.database, table.name, key, fields))
        self._watch(name)

    def delete(self, name: str, database: Database, table: str, key: str) -> None:
        """DEL a row that the daemon of a side reads."""
        self._tell(name, self[name].store.delete(database, table, key))
        self._watch(name)

    def dpu_does(self, name: str, writes: Sequence[DpuWrite]) -> None:
        """The DPU of a side, or the platform, writes; and goes on by itself from there."""
        for write in writes:
            if isinstance(write, EmptyDatabase):
                self._audit_later(name)
            self._tell(name, self[name].take(write))
        self._dpu_goes_on(name)
        self._watch(name)

    def start(self, name: str) -> None:
        """Start the daemon of a side on what its databases hold."""
        switch = self[name]
        if switch.daemon is not None:
            return
        self.network.forget(name)
        self._noticed = {ends: up for ends, up in self._noticed.items() if ends[0] != name}
        leaving = switch.start(self._wall_ms)
        self._went_out(name, leaving)
        self._links_follow()
        for far in self.switches:
            if far != name:
                self._after(DIAL_MS, Dials(name, switch.life, far))
        if switch.dpu.inline_sync.enis:
            self._after(0, PollsCounters(name, switch.life))
        self._watch(name, leaving)

    def kill(self, name: str) -> None:
        """End the daemon of a side at once."""
        self[name].kill()
        self._links_follow()
        self._watch(name)

    def crash_before(self, name: str, output: int) -> None:
        """The daemon of a side dies before it brings out so many things more, and is started again at once."""
        self[name].crash_before = output
        self._restarts.add(name)

    def add_enis(self, name: str, *enis: str) -> None:
        """The DPU of a side has these ENIs from now on; its daemon finds their counters as soon as it polls."""
        inline_sync = self[name].dpu.inline_sync
        if not inline_sync.enis:
            # Polling without an ENI tells nobody anything, so the lab does it only from now on.
            self._after(0, PollsCounters(name, self[name].life))
        inline_sync.enis |= {eni: Counted() for eni in enis if eni not in inline_sync.enis}

    def set_link(self, up: bool) -> None:
        """Cut or mend the control links between all sides."""
        for one, other in self._pairs():
            self.network.link(one, other).up = up
        self._links_follow()

    def connected(self, one: str, other: str) -> bool:
        """There is a control link, and a daemon at each of its ends."""
        alive = self[one].daemon is not None and self[other].daemon is not None
        return alive and self.network.link(one, other).up

    @property
    def in_flight(self) -> bool:
        """Rows, messages or restarts are under way; timers and polls alone are not."""
        return any(not isinstance(event, TimerEnds | Audits | PollsCounters) for _, _, event in self._events)

    # How it works.

    @property
    def _wall_ms(self) -> int:
        return EPOCH_MS + self.now_ms

    def _let_happen(self, event: Event) -> tuple[str, Sequence[Leaving]]:
        match event:
            case Happens(name, life, happened):
                self._notice(name, life, happened)
                return name, self._step(name, life, happened)
            case RowArrives(name, row):
                self._row_arrives(name, row)
                return name, ()
            case DpuActs(name):
                self._dpu_acts(name)
                return name, ()
            case TimerEnds(name, life, timer, number):
                return name, self._timer_ends(name, life, timer, number)
            case LetterArrives(letter):
                return letter.receiver, self._letter_arrives(letter)
            case Starts(name):
                self.start(name)
                return name, ()
            case Audits(name, life):
                return name, [out for found in self[name].audit() for out in self._step(name, life, found)]
            case PollsCounters(name, life):
                return name, self._polls_counters(name, life)
            case Dials(name, life, far):
                lost = LinkChanged(self[far].side.dpu_name, up=False)
                return name, () if self.connected(name, far) else self._step(name, life, lost)
        self._approve(event.switch)
        return event.switch, ()

    def _step(self, name: str, life: int, happened: Input) -> Sequence[Leaving]:
        switch = self[name]
        if switch.life != life or switch.daemon is None:
            return ()
        leaving = switch.step(happened, self._wall_ms)
        self._went_out(name, leaving)
        if switch.daemon is None:
            self._links_follow()
            if name in self._restarts:
                self._restarts.discard(name)
                self._after(RESTART_MS, Starts(name))
        return leaving

    def _went_out(self, name: str, leaving: Sequence[Leaving]) -> None:
        """Carry what left a daemon, and have its timers end when they are due."""
        switch = self[name]
        for output in leaving:
            if isinstance(output, SendMessage):
                self._post(name, output)
            elif output.database is Database.DPU_APPL_DB:
                self._in_order((name, "orchagent"), self.pace.row_ms, RowArrives(name, output))
            elif output.table == tables.DASH_HA_SCOPE_STATE.name and self.pace.approval_ms is not None:
                self._after(self.pace.approval_ms + self._jitter_ms(), Approves(name))
        for timer, running in switch.timers.items():
            if running.number not in switch.scheduled:
                switch.scheduled.add(running.number)
                delay_ms = running.due_ms - self._wall_ms
                self._after(delay_ms, TimerEnds(name, switch.life, timer, running.number))

    def _post(self, name: str, message: SendMessage) -> None:
        receiver = next((side.name for side in self.sides if side.dpu_name == message.dpu_name), None)
        if receiver is None or not self.connected(name, receiver) or not self._noticed.get((name, receiver), False):
            return
        for at_ms, letter in self.network.carry(
            name, receiver, message.source, message.to, message.payload, self.now_ms
        ):
            self._after(at_ms - self.now_ms, LetterArrives(letter))

    def _letter_arrives(self, letter: Letter) -> Sequence[Leaving]:
        name = letter.receiver
        if not self.connected(letter.sender, name) or not self.network.hands_over(letter):
            return ()
        return self._step(
            name,
            self[name].life,
            MessageArrived(self[letter.sender].side.dpu_name, letter.source, letter.to, letter.payload),
        )

    def _timer_ends(self, name: str, life: int, timer: str, number: int) -> Sequence[Leaving]:
        switch = self[name]
        switch.scheduled.discard(number)
        running = switch.timers.get(timer)
        if switch.life != life or running is None or running.number != number:
            return ()
        del switch.timers[timer]
        return self._step(name, life, TimerFired(timer))

    def _polls_counters(self, name: str, life: int) -> Sequence[Leaving]:
        if self[name].life != life:
            return ()
        self._after(COUNTERS_MS, PollsCounters(name, life))
        return self._step(name, life, SyncCountersRead(self[name].dpu.poll_counters()))

    def _row_arrives(self, name: str, row: WriteRow | DeleteRow) -> None:
        dpu = self[name].dpu
        if isinstance(row, DeleteRow):
            writes = dpu.row_deleted(row.table, row.key, self._wall_ms // 1000)
        else:
            writes = dpu.row_set(row.table, row.key, row.fields, self._wall_ms // 1000)
        for write in writes:
            self._tell(name, self[name].take(write))
        self._dpu_goes_on(name)

    def _dpu_goes_on(self, name: str) -> None:
        if name not in self._acting:
            self._acting.add(name)
            self._after(self.pace.row_ms + self._jitter_ms(), DpuActs(name))

    def _dpu_acts(self, name: str) -> None:
        self._acting.discard(name)
        if self.owner is HaOwner.DPU:
            couple({side: self[side].dpu for side in self.switches}, name, self.peer_of(name))
        dpu = self[name].dpu
        restarting = dpu.restarting
        writes = dpu.advance(self._wall_ms // 1000)
        for write in writes:
            self._tell(name, self[name].take(write))
        if self.owner is HaOwner.DPU and writes:
            self._dpu_goes_on(self.peer_of(name))
        if writes or restarting or not dpu.orchagent.settled:
            self._acting.add(name)
            self._after(DPU_STEP_MS, DpuActs(name))

    def _approve(self, name: str) -> None:
        switch = self[name]
        done = self.controller.approved.get(name, [])
        if any(id_ not in done for id_ in switch.pending):
            self.write(name, self.controller.approving_row(switch.side, *switch.pending))

    def _tell(self, name: str, happened: Input | None) -> None:
        """Have a change of a database reach the daemon; those of one database keep their order."""
        if happened is not None:
            database = getattr(happened, "database", Database.APPL_DB)
            event = Happens(name, self[name].life, happened)
            self._in_order((name, database), self.pace.row_ms, event)

    def _audit_later(self, name: str) -> None:
        self._after(AUDIT_MS, Audits(name, self[name].life))

    def _links_follow(self) -> None:
        """Who has a link now and had none, or the reverse, notices it."""
        for one, other in self._pairs():
            for near, far in ((one, other), (other, one)):
                up, known = self.connected(near, far), (near, self[near].life, far)
                if self[near].daemon is None or up == self._connected.get(known, False):
                    continue
                self._connected[known] = up
                notice = LinkChanged(self[far].side.dpu_name, up)
                # Both ends notice at once: nobody hears over a link that it does not know yet.
                self._after(self.pace.notice_ms, Happens(near, self[near].life, notice))
            if not self.connected(one, other):
                self.network.renew(one, other)

    def _notice(self, name: str, life: int, happened: Input) -> None:
        if isinstance(happened, LinkChanged) and life == self[name].life:
            far = next(side.name for side in self.sides if side.dpu_name == happened.dpu_name)
            self._noticed[name, far] = happened.up

    def _pairs(self) -> list[tuple[str, str]]:
        names = list(self.switches)
        return [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]

    def _watch(self, name: str, leaving: Sequence[Leaving] = ()) -> None:
        for watch in self.watchers:
            watch(self, name, leaving)

    def _jitter_ms(self) -> int:
        return round(self.chances.random() * self.pace.jitter_ms) if self.pace.jitter_ms else 0

    def _in_order(self, channel: tuple[str, str], delay_ms: int, event: Event) -> None:
        at_ms = max(self.now_ms + delay_ms + self._jitter_ms(), self._busy_until_ms.get(channel, 0))
        self._busy_until_ms[channel] = at_ms
        self._after(at_ms - self.now_ms, event)

    def _after(self, delay_ms: int, event: Event) -> None:
        self._caused += 1
        heappush(self._events, (self.now_ms + delay_ms, self._caused, event))


def _guid(numbers: Random) -> str:
    digits = f"{numbers.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
