"""How long the switches take from a failure to a pair that serves again, and where that time goes.

Two failures are looked at. The DPU of the active side: its planes are reported down, and the peer takes over. The data
plane channel: both sides lose it while the side that is not preferred serves, so that the preferred one takes over.

Source: switch-driven 3, 6.1; scenarios W12e, W12h.
"""

import time
from collections.abc import Callable, Iterator

from attrs import frozen

from hamgr_fsm.vocabulary import HaRole, HaState, OperationType
from models.database import Database
from models.tables import DASH_HA_SCOPE_STATE_TABLE, DASH_HA_SET_STATE_TABLE, DPU_STATE
from runner.bench.milestones import (
    BEGIN,
    Milestone,
    Stage,
    dpu,
    host,
    redis_key,
    role_acknowledged,
    role_written,
    route_written,
    row_read,
    row_set,
    state_published,
    trouble_published,
)
from runner.bench.rig import servers
from runner.bench.runs import DEADLINE_S, Reached, Runs
from runner.bench.tap import Tap
from runner.demo.configuration import SLOT
from runner.demo.pair import Pair
from runner.lab.sides import SET_ID, Side

LOOK_EVERY_S = 0.02

FIRST_ROW = "first state row, of whoever notices first"

DPU_KEY = f"DPU{SLOT}"
PLANES = ("dpu_midplane_link_state", "dpu_control_plane_state", "dpu_data_plane_state")


@frozen
class Kind:
    """A failure: how it is caused, what is seen of it first, and how it is mended."""

    name: str
    says: str
    cause: Callable[[Pair, Side], float]
    """Have it happen to a side; gives the time of day in seconds just before."""

    signs: Callable[[Side, Side], tuple[Milestone, Milestone, Milestone]]
    """Of failed side and survivor: the first sign in Redis, who reads it first, the first state row after it."""

    mend: Callable[[Pair, Side, Side], None]
    """Bring the pair back to where the next failure may come."""


def failover_milestones(kind: Kind, failed: Side, survivor: Side) -> tuple[Milestone, ...]:
    """What is seen of a failover, in an order in which each comes after what it is counted from."""
    alone = HaState.STANDALONE
    role = "role written"
    acknowledged = "role acknowledged"
    return (
        *kind.signs(failed, survivor),
        Milestone("survivor: state row", host(survivor), state_published(survivor, alone)),
        Milestone(role, dpu(survivor), role_written(HaRole.STANDALONE)),
        Milestone(acknowledged, dpu(survivor), role_acknowledged(HaRole.STANDALONE)),
        Milestone("acknowledgement read", dpu(survivor), row_read(DASH_HA_SCOPE_STATE_TABLE, SET_ID), acknowledged),
        Milestone("route on the survivor's switch", host(survivor), route_written(survivor, survivor), acknowledged),
        Milestone("route on the failed side's switch", host(failed), route_written(failed, survivor), acknowledged),
        Milestone(
            "survivor: state row with the acknowledged role",
            host(survivor),
            state_published(survivor, alone, local_acked_asic_ha_state=HaRole.STANDALONE.value),
            acknowledged,
        ),
        Milestone(
            "failed side: last state row",
            host(failed),
            state_published(failed, HaState.STANDBY, peer_acked_asic_ha_state=HaRole.STANDALONE.value),
        ),
    )


STAGES = (
    Stage("Redis tells, the first hamgrd reads", BEGIN, "read"),
    Stage("its steps, its state rows", "read", FIRST_ROW),
    Stage("its other rows, the bus, the survivor's step and state row", FIRST_ROW, "survivor: state row"),
    Stage("survivor: its rows to the DPU", "survivor: state row", "role written"),
    Stage("the DPU acknowledges", "role written", "role acknowledged", dpu=True),
    Stage("Redis tells, the survivor's hamgrd reads", "role acknowledged", "acknowledgement read"),
    Stage("its step, its state rows, its route", "acknowledgement read", "route on the survivor's switch"),
    Stage(
        "the bus, the other side's step, its route",
        "route on the survivor's switch",
        "route on the failed side's switch",
    ),
)
"""What happens one after the other on the way to the last route, as far as the commands of the servers show it."""


def lose_planes(pair: Pair, side: Side) -> float:
    """Report every plane of a DPU as down, one field for each command, as the platform's daemon writes them."""
    client = pair[side.name].rows.client(Database.CHASSIS_STATE_DB)
    with client.pipeline(transaction=False) as pipeline:
        for plane in PLANES:
            pipeline.hset(redis_key(DPU_STATE, DPU_KEY), plane, "down")
        began_s = time.time()
        pipeline.execute()
    return began_s


def boot(pair: Pair, failed: Side, survivor: Side) -> None:
    """The DPU whose planes were reported down starts anew, and the pair forms the other way round."""
    pair.off(failed.name)
    pair.on(failed.name)
    _rejoin(pair, failed, survivor)


def lose_channel(pair: Pair, _side: Side) -> float:
    """Both DPUs report that they do not reach each other."""
    began_s = time.time()
    pair.chan(False)
    return began_s


def mend_channel(pair: Pair, failed: Side, survivor: Side) -> None:
    """The channel is back, the pair forms again, and the side that is not preferred takes over."""
    pair.chan(True)
    _rejoin(pair, failed, survivor)
    switch_over(pair, failed)


def signs_of_planes(failed: Side, _survivor: Side) -> tuple[Milestone, Milestone, Milestone]:
    """Only the failed side's switch sees it."""
    return (
        Milestone(BEGIN, host(failed), row_set(DPU_STATE, DPU_KEY, dpu_midplane_link_state="down")),
        Milestone("read", host(failed), row_read(DPU_STATE, DPU_KEY)),
        Milestone(FIRST_ROW, host(failed), trouble_published(failed)),
    )


def signs_of_channel(*both: Side) -> tuple[Milestone, Milestone, Milestone]:
    """Both DPUs see it at the same time; whoever is first asks the other, which need not get into trouble any more."""
    return (
        Milestone(BEGIN, dpu(*both), row_set(DASH_HA_SET_STATE_TABLE, SET_ID, dp_channel_is_alive="down")),
        Milestone("read", dpu(*both), row_read(DASH_HA_SET_STATE_TABLE, SET_ID)),
        Milestone(FIRST_ROW, host(*both), trouble_published(*both)),
    )


PLANES_DOWN = Kind("planes", "the planes of the active DPU go down (DPU_STATE)", lose_planes, signs_of_planes, boot)

CHANNEL_LOST = Kind(
    "channel",
    "the data plane channel is lost (DASH_HA_SET_STATE_TABLE of both DPUs)",
    lose_channel,
    signs_of_channel,
    mend_channel,
)

KINDS = {kind.name: kind for kind in (PLANES_DOWN, CHANNEL_LOST)}


def failovers(runs: Runs, kind: Kind, count: int) -> Iterator[Reached]:
    """What was reached in each of so many failovers, read from what the servers say they did."""
    _prepare(runs, kind)
    with Tap(servers(runs.pair)) as tap:
        for _ in range(count):
            failed, survivor = runs.sides
            runs.wait_quietly()
            tap.read()
            kind.cause(runs.pair, failed)
            yield runs.heard(tap, failover_milestones(kind, failed, survivor))
            kind.mend(runs.pair, failed, survivor)


def unheard_failovers(runs: Runs, kind: Kind, count: int) -> Iterator[float]:
    """Milliseconds until the survivor's DPU has taken its role, with nobody listening to any server."""
    _prepare(runs, kind)
    for _ in range(count):
        failed, survivor = runs.sides
        runs.wait_quietly()
        began_s = kind.cause(runs.pair, failed)
        yield (taken_s(runs.pair, survivor, HaRole.STANDALONE, began_s) - began_s) * 1000
        runs.pair.becomes(survivor.name, "standalone/standalone")
        kind.mend(runs.pair, failed, survivor)


def _prepare(runs: Runs, kind: Kind) -> None:
    """For a loss of the channel the side that is not preferred has to serve."""
    active, other = runs.sides
    if kind is CHANNEL_LOST and active.name == runs.pair.pair[0]:
        switch_over(runs.pair, other)


def switch_over(pair: Pair, to: Side) -> None:
    """A planned switchover, after which nobody wants anything any more."""
    pair.switch_over(to.name)
    pair.scope(to.name, desired="unspecified")


def taken_s(pair: Pair, side: Side, role: HaRole, not_before_s: float) -> float:
    """When the DPU of a side took a role, by its own word; waits for it. Raises TimeoutError."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        roles = list(pair.dpus[side.name].roles)
        if found := [at_s for at_s, taken in roles if taken == role.value and at_s >= not_before_s]:
            return found[0]
        time.sleep(LOOK_EVERY_S)
    raise TimeoutError(f"the DPU of {side.name} did not become {role.value} within {DEADLINE_S} s: {pair}")


def _rejoin(pair: Pair, failed: Side, survivor: Side) -> None:
    pair.approve(failed.name, OperationType.ACTIVATE_ROLE)
    pair.until_paired(active=survivor.name)
    pair.until_primaries(survivor.name, survivor.name)
