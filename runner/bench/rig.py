"""The pair that is measured: two hamgrd with their ordinary timers, and as little as possible around them.

Nothing stands in the links between them, nothing records, and Redis keeps its data in memory only, as on a switch.
Only one timer is short: the one that lets a side wait before it comes back, between two runs. The DPUs act at once.

Source: scenarios 0.1.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from models.tables import REMOTE_DPU
from runner.demo.pair import Pair
from runner.private_redis import PrivateRedis

TIMERS: Mapping[str, float] = {"rejoin_delay": 0.2}
PACE_MS = 5


@contextmanager
def measured_pair() -> Iterator[Pair]:
    """A healthy pair, the first side active, that wants no other state than it has."""
    with Pair(timers=TIMERS, pace_ms=PACE_MS) as pair:
        for name, switch in pair.switches.items():
            for recorder in switch.recorders:
                recorder.close()
            for server in (switch.host, switch.dpu_server):
                with server.client() as client:
                    client.config_set("appendonly", "no")
            for other, its_switch in pair.switches.items():
                if other != name:
                    # Who dials the port of a link is sent to where the other hamgrd really listens.
                    port = {"swbus_port": str(its_switch.ports.bus)}
                    switch.rows.write(REMOTE_DPU, pair.sides[other].dpu_name, port)
        pair.p()
        for name in pair.pair:
            pair.scope(name, desired="unspecified")
        yield pair


def servers(pair: Pair) -> dict[tuple[str, str], PrivateRedis]:
    """All Redis servers of a pair by their switch, and whether it is that of the host or that of the DPU."""
    return {
        (name, kind): server
        for name, switch in pair.switches.items()
        for kind, server in (("host", switch.host), ("dpu", switch.dpu_server))
    }
