"""The daemon around a node: a task for each source of inputs, one queue into the node, outputs carried out in order.

Nothing is decided here. At start every database is read before the node hears of any: first what hamgrd itself wrote in
an earlier life, then the tables it reads, then that this was all. From then on inputs are handed over as they come.

Source: architecture, "The I/O shell".
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from attrs import define, evolve, field, frozen
from structlog.typing import FilteringBoundLogger

from models.database import Database
from models.table import Table, Transport
from runner.bus.bus import Bus, BusOptions
from runner.bus.endpoint import Delivery, KnownEntities
from runner.database_config import DatabaseAddress
from runner.database_link import DatabaseLink
from runner.eni_counters_reader import COUNTERS_INTERVAL_S, EniCountersReader
from runner.inputs import (
    Burst,
    Input,
    LinkChanged,
    MessageArrived,
    RowsFound,
    Single,
    SnapshotComplete,
    TimerFired,
)
from runner.metrics.carriers import Carriers
from runner.orchagent_producer import OrchagentProducer
from runner.output_log import OutputLog
from runner.outputs import (
    Alert,
    AnswerMessage,
    CancelTimer,
    DeleteRow,
    Fault,
    InputRejected,
    Output,
    ReachBus,
    ReachOrchagent,
    ReadAgain,
    SendMessage,
    SetTimer,
    TransitionTaken,
    Verdict,
    WriteRow,
)
from runner.table_reader import AUDIT_INTERVAL_S, Batch, TableReader
from runner.table_writer import RowOutput, TableWriter
from runner.timer_wheel import TimerWheel

if TYPE_CHECKING:
    from runner.metrics.daemon_metrics import DaemonMetrics

FIRST_COMPLAINT_S, STILL_WAITING_S = 1.0, 10.0
"""When a daemon that waits for databases says so, and how often from then on."""

FLUSH_WITHIN_S = 5.0
"""How long the inputs that are queued when the daemon is told to stop may take."""

CANCEL_AGAIN_S = 0.2

MOST_AT_ONCE = 256
"""So many inputs are handled in one step at most, so that what the first of them leads to is not held up for long."""

BREATH = 64
"""After so many messages and timers everything else has its turn."""

Item = Batch | TimerFired | LinkChanged | Delivery
Answer = Callable[[Verdict | None], None]

log: FilteringBoundLogger = structlog.get_logger()


class Steps(Protocol):
    """What decides: an input and the time of day in milliseconds in, outputs out. ``runner.node.Node`` is one."""

    def step(self, happened: Input, now_ms: int) -> Sequence[Output]:
        """Handle one input to its end."""
        ...


@frozen
class Surroundings:
    """What a daemon works with: its databases and tables, and how rows reach the DPU's orchagent."""

    addresses: Mapping[Database, DatabaseAddress]
    read_tables: Sequence[Table[Any]]
    written_tables: Sequence[Table[Any]]
    one_shot_fields: Mapping[str, frozenset[str]]
    dpu_transport: Transport = Transport.ORCHAGENT
    audit_interval_s: float = AUDIT_INTERVAL_S
    bus: BusOptions | None = None
    """None: this process speaks with no other."""

    counters: DatabaseLink | None = None
    """Where the counters of the managed DPU are; None: nobody looks for inline sync drops."""

    counters_interval_s: float = COUNTERS_INTERVAL_S

    @property
    def transported_tables(self) -> list[Table[Any]]:
        """The written tables, those for the orchagent with the transport that was chosen."""
        return [
            evolve(table, transport=self.dpu_transport) if table.transport is Transport.ORCHAGENT else table
            for table in self.written_tables
        ]


@define(eq=False)
class Shell:
    """Runs a node."""

    _node: Steps
    _around: Surroundings
    _on_ready: Callable[[], None] = lambda: None
    _on_waiting: Callable[[str], None] = lambda what: None
    """Told in words when something is waited for."""

    _now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    _entities: KnownEntities | None = None
    """The entities of the node, for who asks for them on the bus; needed with a bus."""

    _metrics: "DaemonMetrics | None" = None
    """Who is shown every step, to count and measure."""

    log: OutputLog = field(factory=OutputLog)
    _links: dict[Database, DatabaseLink] = field(init=False)
    _readers: dict[Database, TableReader] = field(init=False)
    _queue: asyncio.Queue[Item | None] = field(factory=asyncio.Queue)
    _timers: TimerWheel = field(init=False)
    _orchagent: OrchagentProducer = field(init=False)
    _writer: TableWriter = field(init=False)
    bus: Bus | None = field(init=False, default=None)
    _stopping: asyncio.Event = field(factory=asyncio.Event)

    def __attrs_post_init__(self) -> None:
        self._links = {name: DatabaseLink.to(name, address) for name, address in self._around.addresses.items()}
        self._readers = {name: self._reader(name, link) for name, link in self._links.items()}
        self._timers = TimerWheel(lambda name: self._queue.put_nowait(TimerFired(name)))
        self._orchagent = OrchagentProducer(self._around.one_shot_fields)
        self._writer = TableWriter(self._links, self._around.transported_tables, self._orchagent)
        if self._around.bus is not None:
            assert self._entities is not None
            self.bus = Bus(self._around.bus, self._entities, self._heard_on_the_bus, self._on_waiting)
        if self._metrics is not None:
            orchagent = self._orchagent if self._around.dpu_transport is Transport.ORCHAGENT else None
            slot_id = self._metrics.slot_id
            self._metrics.watch(Carriers(slot_id, self._links, self._writer, self._queue, orchagent, self.bus))

    def stop(self) -> None:
        """End :meth:`run`: no more inputs are taken, those that are queued are handled."""
        self._stopping.set()

    async def run(self) -> bool:
        """Run until :meth:`stop`. False: a task ended that never should, and the daemon is half of what it must be."""
        readers = self._readers.items()
        sources = [asyncio.create_task(reader.run(), name=f"reader {name}") for name, reader in readers]
        if self._around.counters is not None:
            counters = EniCountersReader(
                self._around.counters, self._queue.put_nowait, self._around.counters_interval_s
            )
            sources.append(asyncio.create_task(counters.run(), name="counters"))
        carriers = [asyncio.create_task(self._orchagent.run(), name="orchagent")]
        if self.bus is not None:
            carriers.append(asyncio.create_task(self.bus.run(), name="bus"))
        if self._metrics is not None:
            carriers.append(asyncio.create_task(self._metrics.run(), name="metrics"))
        loop = asyncio.create_task(self._handle_inputs(), name="inputs")
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([*sources, *carriers, loop, stopping], return_when=asyncio.FIRST_COMPLETED)
        good = self._all_alive([*sources, *carriers, loop])
        # What goes out has to be carried until the last input is handled.
        self._stopping.set()
        await end(*sources, stopping)
        self._timers.cancel_all()
        self._queue.put_nowait(None)
        await asyncio.wait([loop], timeout=FLUSH_WITHIN_S)
        await end(loop, *carriers)
        for link in (*self._links.values(), *filter(None, [self._around.counters])):
            await link.close()
        return good

    def _heard_on_the_bus(self, news: Delivery | LinkChanged) -> None:
        # Who stops is not left by its peers: it leaves them, and in its next life it asks for them anew.
        if not self._stopping.is_set():
            self._queue.put_nowait(news)

    def _reader(self, database: Database, link: DatabaseLink) -> TableReader:
        tables = [table.name for table in self._around.read_tables if table.database is database]
        written = [table for table in self._around.transported_tables if table.database is database]
        return TableReader(link, tables, written, self._queue.put_nowait, self._around.audit_interval_s)

    @staticmethod
    def _all_alive(tasks: Sequence[asyncio.Task[Any]]) -> bool:
        ended = [task for task in tasks if task.done()]
        for task in ended:
            log.error("task_ended", task=task.get_name(), exc_info=task.exception())
        return not ended

    async def _handle_inputs(self) -> None:
        first = await self._first_snapshots()
        if first is None:
            return
        await self._step(Burst((*first, SnapshotComplete())))
        self._on_ready()
        while (item := await self._queue.get()) is not None:
            inputs, answers, ended = self._gather(item)
            if inputs:
                await self._handle(inputs, answers)
            if ended:
                return

    async def _handle(self, inputs: Sequence[Single], answers: Sequence[Answer]) -> None:
        """Step the node with one input, or with all that has come meanwhile, and answer whoever said something."""
        happened = inputs[0] if len(inputs) == 1 else Burst(tuple(inputs))
        verdicts = await self._step(happened)
        for answered, verdict in zip_longest(answers, verdicts):
            answered(verdict)

    def _gather(self, first: Item) -> tuple[list[Single], list[Answer], bool]:
        """All inputs that wait by now, up to a limit, and who is to be answered; true: the last one is among them."""
        inputs: list[Single] = []
        answers: list[Answer] = []
        item: Item | None = first
        while item is not None:
            match item:
                case TimerFired(timer):
                    if self._timers.take(timer):
                        inputs.append(item)
                case LinkChanged():
                    inputs.append(item)
                case Delivery(happened, answered):
                    inputs.append(happened)
                    answers.append(answered)
                case Batch():
                    self._count_snapshot(item)
                    inputs += item.inputs
            if self._queue.empty() or len(inputs) >= MOST_AT_ONCE:
                return inputs, answers, False
            item = self._queue.get_nowait()
        return inputs, answers, True

    async def _first_snapshots(self) -> list[Single] | None:
        """All that every database holds, in the order in which the node is to hear it; None: stopped before that."""
        inputs: dict[Database, list[Single]] = {}
        patience_s = FIRST_COMPLAINT_S
        while missing := [name for name in self._links if name not in inputs]:
            try:
                async with asyncio.timeout(patience_s):
                    item = await self._queue.get()
            except TimeoutError:
                what = f"waiting for database {', '.join(missing)}"
                log.warning(what)
                self._on_waiting(what)
                patience_s = STILL_WAITING_S
                continue
            if item is None:
                return None
            if isinstance(item, Batch):
                self._count_snapshot(item)
                inputs.setdefault(item.database, []).extend(item.inputs)
        everything = [happened for name in self._links for happened in inputs[name]]
        found = [happened for happened in everything if isinstance(happened, RowsFound)]
        self._prime_orchagent(found)
        return [*found, *(happened for happened in everything if not isinstance(happened, RowsFound))]

    def _count_snapshot(self, batch: Batch) -> None:
        if batch.snapshot and self._metrics is not None:
            self._metrics.database_read(batch.database)

    def _prime_orchagent(self, found: Sequence[RowsFound]) -> None:
        sent = {table.name for table in self._around.transported_tables if table.transport is Transport.ORCHAGENT}
        for rows in found:
            if rows.database is Database.DPU_APPL_DB:
                self._orchagent.prime({name: fields for name, fields in rows.rows.items() if name[0] in sent})

    async def _step(self, happened: Input) -> list[Verdict | None]:
        """Take an input in; what became of each message in it, in order."""
        started_s = time.perf_counter()
        try:
            outputs = self._node.step(happened, self._now_ms())
        except Exception as error:  # noqa: BLE001
            # Whatever comes out of a step is a bug of the node. One input is lost by it, not the daemon (I-17).
            if isinstance(happened, Burst):
                return await self._step_one_by_one(happened, error)
            self.log.bug(happened, error)
            if self._metrics is not None:
                self._metrics.failed(happened)
            return []
        decided_s = time.perf_counter()
        await self._carry_out(happened, outputs)
        if self._metrics is not None:
            self._metrics.observe(happened, outputs, started_s, decided_s)
        return [output.verdict for output in outputs if isinstance(output, AnswerMessage)]

    async def _step_one_by_one(self, burst: Burst, error: Exception) -> list[Verdict | None]:
        """The node fails over one input of a burst, and the others must not be lost by it: what was taken in already is
        level, and taking it in again changes nothing."""
        bugs = self.log.bugs
        verdicts: list[Verdict | None] = []
        for happened in burst.inputs:
            answers = await self._step(happened)
            if isinstance(happened, MessageArrived):
                verdicts.append(answers[0] if answers else None)
        if self.log.bugs == bugs:
            self.log.bug(burst, error)
        return verdicts

    async def _carry_out(self, happened: Input, outputs: Sequence[Output]) -> None:
        """Rows that follow each other are written together; everything else waits for the rows before it."""
        rows: list[RowOutput] = []
        others = 0
        for output in outputs:
            match output:
                case WriteRow() | DeleteRow():
                    rows.append(output)
                case TransitionTaken():
                    self.log.transition(output)
                case InputRejected():
                    self.log.input_rejected(output)
                case Alert():
                    self.log.alert(output)
                case Fault():
                    self.log.bug(happened, output.error, entity=output.entity)
                case AnswerMessage():
                    pass  # Whoever handed the message over answers, once the step is done.
                case _:
                    if rows:
                        await self._writer.apply(rows)
                        rows = []
                    self._set_up(output)
                    others += 1
                    if others % BREATH == 0:
                        # Thousands of messages must not keep the answers to pings waiting.
                        await asyncio.sleep(0)
        await self._writer.apply(rows)

    def _set_up(self, output: SendMessage | ReachBus | ReachOrchagent | ReadAgain | SetTimer | CancelTimer) -> None:
        match output:
            case SendMessage():
                if self.bus is not None:
                    self.bus.send(output)
            case ReachBus():
                if self.bus is not None:
                    self.bus.reach(output)
            case ReachOrchagent():
                if self._around.dpu_transport is Transport.ORCHAGENT:
                    self._orchagent.reach(output.host, output.port)
            case ReadAgain():
                self._readers[output.database].read_again()
            case SetTimer():
                self._timers.set(output.timer, output.after_ms)
            case CancelTimer():
                self._timers.cancel(output.timer)


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until they have ended.

    Once is not enough: the Redis client waits with ``asyncio.wait_for``, which in Python 3.11 forgets a cancellation
    that arrives together with what it waits for.
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_S)
