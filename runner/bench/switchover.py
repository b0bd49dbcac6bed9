"""How long a planned switchover takes from its approval until both DPUs have taken and acknowledged their roles.

Three times somebody waits for a DPU: the new side until it is switching to active, the old one until it is standby,
and the new one until it is active. What that takes is the DPUs' and is counted apart.

Source: switch-driven 3; scenarios W04.
"""

from collections.abc import Iterator

from hamgr_fsm.vocabulary import HaRole, HaState, OperationType
from models.tables import DASH_HA_SCOPE_CONFIG_TABLE
from runner.bench.milestones import (
    BEGIN,
    Milestone,
    Stage,
    dpu,
    host,
    role_acknowledged,
    role_written,
    route_written,
    row_set,
    state_published,
)
from runner.bench.rig import servers
from runner.bench.runs import Reached, Runs
from runner.bench.tap import Tap
from runner.demo.switch import until
from runner.lab.sides import Side

SWITCHING, GIVEN_WAY, TAKEN = "switching_to_active written", "standby written", "active written"
ACKNOWLEDGED = "both roles acknowledged"


def switchover_milestones(old: Side, new: Side) -> tuple[Milestone, ...]:
    """What is seen of a switchover, in its order."""
    standby = HaRole.STANDBY
    # A DPU may acknowledge before the copy of its row is in Redis: its message goes first.
    return (
        Milestone(BEGIN, host(new), row_set(DASH_HA_SCOPE_CONFIG_TABLE, new.scope_key)),
        Milestone(SWITCHING, dpu(new), role_written(HaRole.SWITCHING_TO_ACTIVE)),
        Milestone("switching", dpu(new), role_acknowledged(HaRole.SWITCHING_TO_ACTIVE)),
        Milestone(GIVEN_WAY, dpu(old), role_written(standby), "switching"),
        Milestone("given way", dpu(old), role_acknowledged(standby), "switching"),
        Milestone(TAKEN, dpu(new), role_written(HaRole.ACTIVE), "given way"),
        Milestone(ACKNOWLEDGED, dpu(new), role_acknowledged(HaRole.ACTIVE), "given way"),
        Milestone("route on the new side's switch", host(new), route_written(new, new), "given way"),
        Milestone("route on the old side's switch", host(old), route_written(old, new), "given way"),
        Milestone(
            "both state rows show it: new side",
            host(new),
            state_published(
                new,
                HaState.ACTIVE,
                local_acked_asic_ha_state=HaRole.ACTIVE.value,
                peer_acked_asic_ha_state=standby.value,
            ),
            ACKNOWLEDGED,
        ),
        Milestone(
            "both state rows show it: old side",
            host(old),
            state_published(
                old,
                HaState.STANDBY,
                local_acked_asic_ha_state=standby.value,
                peer_acked_asic_ha_state=HaRole.ACTIVE.value,
            ),
            ACKNOWLEDGED,
        ),
    )


STAGES = (
    Stage("approval read, step, role written", BEGIN, SWITCHING),
    Stage("new side's DPU: switching_to_active", SWITCHING, "switching", dpu=True),
    Stage("acknowledgement read, request over the bus, role written", "switching", GIVEN_WAY),
    Stage("old side's DPU: standby", GIVEN_WAY, "given way", dpu=True),
    Stage("acknowledgement read, report over the bus, role written", "given way", TAKEN),
    Stage("new side's DPU: active", TAKEN, ACKNOWLEDGED, dpu=True),
)


def switchovers(runs: Runs, count: int) -> Iterator[Reached]:
    """What was reached in each of so many planned switchovers, to and fro."""
    pair = runs.pair
    with Tap(servers(pair)) as tap:
        for _ in range(count):
            old, new = runs.sides
            pair.scope(old.name, desired="unspecified")
            pair.scope(new.name, desired="active")
            until(lambda: OperationType.SWITCHOVER.value in pair[new.name].pending.values(), pair.__str__)  # noqa: B023
            (operation,) = pair[new.name].pending
            runs.wait_quietly()
            tap.read()
            pair.approve_id(new.name, operation)
            yield runs.heard(tap, switchover_milestones(old, new))
            pair.until_paired(active=new.name)
            pair.until_primaries(new.name, new.name)
