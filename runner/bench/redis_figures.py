"""How fast Redis is on this machine: the yardstick beside everything that goes through it."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import redis

from runner.bench.distribution import Distribution
from runner.bench.report import Figure, Section
from runner.private_redis import PrivateRedis

SAMPLES = 2000
ROWS = 10
FIELDS: Mapping[Any, Any] = {f"field{number}": "value" for number in range(20)}
CHANNEL = "__keyspace@0__:bench:heard"


def redis_section(server: PrivateRedis, samples: int = SAMPLES) -> Section:
    """Round trips over the unix socket of a server, one at a time, with a blocking client."""
    with server.client() as client, client.pubsub(ignore_subscribe_messages=True) as notices:
        notices.subscribe(CHANNEL)
        while notices.get_message(timeout=1.0) is not None:
            pass
        figures = (
            Figure("PING", "µs", _timed(client.ping, samples)),
            Figure(f"pipeline of {ROWS} HSET of {len(FIELDS)} fields", "µs", _timed(lambda: _rows(client), samples)),
            Figure(
                "HSET until its keyspace notification is heard", "µs", _timed(lambda: _heard(client, notices), samples)
            ),
        )
    return Section("Redis round trip of this machine", figures)


def _timed(act: Callable[[], object], samples: int) -> Distribution:
    taken = []
    for _ in range(samples):
        began = time.perf_counter_ns()
        act()
        taken.append((time.perf_counter_ns() - began) / 1000)
    return Distribution.of(taken)


def _rows(client: redis.Redis) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for number in range(ROWS):
            pipeline.hset(f"bench:{number}", mapping=FIELDS)
        pipeline.execute()


def _heard(client: redis.Redis, notices: redis.client.PubSub) -> None:
    client.hset("bench:heard", "field", "value")
    while notices.get_message(timeout=1.0) is None:
        pass
