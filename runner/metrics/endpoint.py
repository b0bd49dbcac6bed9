"""Where Prometheus asks: ``GET /metrics`` over HTTP, in the text format or in that of OpenMetrics.

The text is made in a thread of its own, one at a time, so that neither many series nor many questions hold up a step.
An address that cannot be had is said once and tried again: a daemon does not end over its metrics.
"""

import asyncio
from collections.abc import Iterator
from typing import NoReturn

import structlog
from aiohttp import web
from attrs import define, field
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from structlog.typing import FilteringBoundLogger

from runner.bus.links.socket_address import SocketAddress

PATH = "/metrics"
TRY_AGAIN_S = 5.0

log: FilteringBoundLogger = structlog.get_logger()


@define(eq=False)
class WithoutCreationTimes(Collector):
    """A registry as it is shown. When a series began is one more series for each, which nobody here asks for."""

    _registry: CollectorRegistry

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric


@define(eq=False)
class MetricsEndpoint:
    """The endpoint of one daemon. ``bound``: where it really listens, None while it does not."""

    address: SocketAddress
    registry: CollectorRegistry
    bound: SocketAddress | None = None
    _one_at_a_time: asyncio.Lock = field(factory=asyncio.Lock)

    async def run(self) -> NoReturn:
        """Answer until cancelled."""
        app = web.Application()
        app.router.add_get(PATH, self._metrics)
        app.router.add_get("/", self._root)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await self._listen(runner)
            await asyncio.Event().wait()
            raise AssertionError("an event that nobody sets was set")
        finally:
            self.bound = None
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> None:
        said = False
        while True:
            site = web.TCPSite(runner, self.address.host, self.address.port)
            try:
                await site.start()
            except OSError as error:
                await site.stop()
                if not said:
                    log.warning("metrics_not_served", address=str(self.address), why=str(error), then="tried again")
                said = True
                await asyncio.sleep(TRY_AGAIN_S)
            else:
                host, port = runner.addresses[0][:2]
                self.bound = SocketAddress(host, port)
                log.info("metrics_served", address=str(self.bound), path=PATH)
                return

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        async with self._one_at_a_time:
            body = await asyncio.to_thread(encode, WithoutCreationTimes(self.registry))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _root(self, _request: web.Request) -> web.Response:
        return web.Response(text=f"hamgrd: metrics are at {PATH}\n")
