"""The metrics of one daemon as its shell sees them: steps go in, and somebody may ask over HTTP.

Whatever goes wrong with counting is a line of the log and nothing else.
"""

import time
from collections.abc import Callable, Sequence
from typing import NoReturn

import structlog
from attrs import define, field
from prometheus_client import CollectorRegistry, ProcessCollector
from structlog.typing import FilteringBoundLogger

from models.database import Database
from runner.bus.links.socket_address import SocketAddress
from runner.inputs import Input
from runner.metrics.carriers import CarrierMetrics, Carriers
from runner.metrics.endpoint import MetricsEndpoint
from runner.metrics.steps import Entities, StepMetrics
from runner.outputs import Output

log: FilteringBoundLogger = structlog.get_logger()


@define(eq=False)
class DaemonMetrics:
    """Metrics in a registry of their own."""

    address: SocketAddress
    slot_id: int
    rows_of: Entities
    """The rows that an entity of the node wants."""

    clock: Callable[[], float] = time.perf_counter
    endpoint: MetricsEndpoint = field(init=False)
    registry: CollectorRegistry = field(factory=CollectorRegistry)
    steps: StepMetrics = field(init=False)
    _carriers: Carriers | None = None
    _complained: bool = False

    def __attrs_post_init__(self) -> None:
        self.steps = StepMetrics(self.registry, self.rows_of)
        self.endpoint = MetricsEndpoint(self.address, self.registry)
        ProcessCollector(registry=self.registry)

    def watch(self, carriers: Carriers) -> None:
        """These are the parts of the daemon from now on; told once."""
        self._carriers = carriers
        self.registry.register(CarrierMetrics(self.steps, carriers))

    async def run(self) -> NoReturn:
        """Answer whoever asks, until cancelled."""
        await self.endpoint.run()

    def database_read(self, database: Database) -> None:
        """A database was connected to, and read as a whole."""
        if self._carriers is not None:
            self._carriers.snapshots[database] += 1

    def observe(self, happened: Input, outputs: Sequence[Output], started_s: float, decided_s: float) -> None:
        """A step is carried out."""
        try:
            self.steps.observe(happened, outputs, started_s, decided_s, self.clock())
        except Exception:
            # A defect of the counting must not become one of the daemon.
            if not self._complained:
                log.error("metrics_failed", input=type(happened).__name__, exc_info=True)
            self._complained = True

    def failed(self, happened: Input) -> None:
        """A step raised."""
        self.steps.failed(happened)
