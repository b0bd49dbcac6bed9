"""The benchmarks of scale as reports: which curves, on which machine, and how fast Redis is beside them.

Source: issue of scale.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from runner.bench.curve import Curve, section
from runner.bench.curve_picture import picture
from runner.bench.distribution import Distribution
from runner.bench.failover_report import machine
from runner.bench.report import Figure, Report, Section
from runner.private_redis import PrivateRedis

ROWS, BATCH, SAMPLES = 20_000, 500, 5
FIELDS: Mapping[str | bytes, bytes | float | int | str] = {f"field{number}": "value" for number in range(20)}

NODE_NOTES = (
    "Two nodes wired in memory, scopes of kind eni in one HA set; processor time of the thread, without Redis and bus.",
    "The growth exponent is fitted to the medians of the sizes above one scope.",
)
PROCESS_NOTES = (
    "Two hamgrd, their four Redis servers and DPUs that answer at once; times are those of the Redis servers.",
)


def scale_report(
    title: str, measure: Callable[[], Sequence[Curve]], notes: Sequence[str], image: Path | None
) -> Report:
    """Measure some curves and report them; their picture goes to a file. Raises ServerStartError without a Redis."""
    load = os.getloadavg()[0]
    curves = measure()
    if image is not None:
        image.write_text(picture(title, curves))
    limit = redis_limit()
    return Report(machine(load, os.getloadavg()[0]), [section(title, curves, notes), limit])


def redis_limit() -> Section:
    """How many rows a Redis server of this machine takes in pipelines, over its unix socket."""
    server = PrivateRedis()
    server.start()
    try:
        with server.client() as client:
            rates = []
            for _ in range(SAMPLES):
                began = time.perf_counter()
                for start in range(0, ROWS, BATCH):
                    with client.pipeline(transaction=False) as pipeline:
                        for number in range(start, start + BATCH):
                            pipeline.hset(f"bench:{number}", mapping=dict(FIELDS))
                        pipeline.execute()
                rates.append(ROWS / (time.perf_counter() - began))
    finally:
        server.remove()
    name = f"pipelined HSET of {len(FIELDS)} fields"
    return Section("Redis of this machine", [Figure(name, "rows/s", Distribution.of(rates))])
