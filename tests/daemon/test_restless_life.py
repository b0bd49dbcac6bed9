"""hamgrd killed at random moments while controller, DPU and peer go on with whatever they like (W15, W18, W21, I-17).

Two things are seeded: what happens next, and after how many further changes in the databases hamgrd dies. In the end
everybody comes to rest, and the scope must serve with the rows that it always has.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hamgr_fsm.vocabulary import DesiredHaState, PlaneState
from models.tables import DASH_HA_SCOPE_CONFIG_TABLE
from runner.lab.dpu import SimulatedDpu
from tests.daemon.daemon import until
from tests.daemon.expected_rows import SERVING, without
from tests.daemon.stages import published
from tests.daemon.switch import SCOPE_KEY, Switch

LIFE_S = 12.0
LOOK_AGAIN_S = 0.25
"""How long hamgrd may be idle before it is killed although it has not done as much as was drawn."""

FLAGS = ("activate_role_requested", "flow_reconcile_requested", "brainsplit_recovered")
SCOPE_ROWS = ("DASH_HA_SCOPE_TABLE", "DASH_HA_SCOPE_STATE", "DPU_RESET_INFO")
"""What the past has left its mark on: terms, the last request, the announcement of a reset."""


def configure(disabled: bool, desired_ha_state: DesiredHaState) -> Callable[[Switch], None]:
    return lambda switch: switch.controller.configure_scope(disabled, desired_ha_state)


def world(act: Callable[[SimulatedDpu], None]) -> Callable[[Switch], None]:
    return lambda switch: switch.dpu.do(lambda dpu, _: act(dpu))


def planes(state: PlaneState) -> Callable[[Switch], None]:
    return lambda switch: switch.dpu.do(lambda dpu, now_s: dpu.report_planes(now_s, data=state))


def delete_and_write_again(switch: Switch) -> None:
    switch.rows.remove(DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY)
    switch.controller.configure_scope()


def write_all(switch: Switch) -> None:
    switch.controller.configure_set()
    switch.controller.configure_scope()


def go_on(switch: Switch) -> None:
    """The controller approves what is pending, the DPU takes a step."""
    for kind in switch.controller.pending():
        with suppress(KeyError):  # It was withdrawn meanwhile.
            switch.controller.approve(kind)
    switch.dpu.advance()


DEEDS: tuple[Callable[[Switch], None], ...] = (
    configure(disabled=False, desired_ha_state=DesiredHaState.ACTIVE),
    configure(disabled=False, desired_ha_state=DesiredHaState.DEAD),
    configure(disabled=True, desired_ha_state=DesiredHaState.ACTIVE),
    lambda switch: switch.controller.delete(),
    delete_and_write_again,
    write_all,
    write_all,
    world(lambda dpu: dpu.peer_lost()),
    world(lambda dpu: dpu.peer_appears()),
    planes(PlaneState.DOWN),
    planes(PlaneState.UP),
    lambda switch: switch.dpu.power_off(),
    lambda switch: switch.dpu.power_on(),
    lambda switch: switch.dpu.restart_swss(seen=True),
)


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[Switch]:
    timers = tmp_path / "timers.json"
    timers.write_text('{"request": 1.0}')
    with Switch(tmp_path, options=["--timers", str(timers), "--audit-interval", "0.5"]) as switch:
        switch.hamgrd.start()
        yield switch


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_moments_of_a_restless_life_it_ends_well(switch: Switch, seed: int) -> None:
    chance = random.Random(seed)
    switch.planned_up()
    kills = live(switch, chance)
    come_to_rest(switch)
    assert kills > LIFE_S / 4
    # A copy that the DPU emptied without anybody noticing is complete again after the next audit.
    rows = without(SERVING, *SCOPE_ROWS)
    until(lambda: without(switch.ha_rows(passing=False), *SCOPE_ROWS) == rows, switch.ha_rows)
    assert switch.hamgrd.complaints() == []
    assert switch.dpu.dpu.refused == []
    # An approval may get lost with a DPU that restarts, it never counts twice.
    assert sum(switch.dpu.requests(flag) for flag in FLAGS) <= len(set(switch.controller.approved))


def live(switch: Switch, chance: random.Random) -> int:
    """Let things happen; gives how often hamgrd was killed."""
    kills, deadline = 0, time.monotonic() + LIFE_S
    while time.monotonic() < deadline:
        chance.choice(DEEDS)(switch)
        for _ in range(chance.randrange(8)):
            go_on(switch)
        if chance.random() < 0.5:
            kills += 1
            let_it_work(switch, chance.randrange(1, 30))
            switch.hamgrd.kill()
            for _ in range(chance.randrange(3)):
                chance.choice(DEEDS)(switch)
            switch.hamgrd.start()
    return kills


def let_it_work(switch: Switch, changes: int) -> None:
    """Wait until so much has changed in the databases, or nothing does."""
    deadline = time.monotonic() + LOOK_AGAIN_S
    wanted = done(switch) + changes
    while done(switch) < wanted and time.monotonic() < deadline:
        switch.dpu.advance()


def come_to_rest(switch: Switch) -> None:
    """Everything heals, and the controller brings the scope up from the very beginning."""
    for heal in (planes(PlaneState.UP), world(lambda dpu: dpu.peer_appears())):
        heal(switch)
    switch.dpu.power_on()
    switch.controller.configure_set()
    switch.controller.configure_scope(disabled=True, desired_ha_state=DesiredHaState.ACTIVE)
    until(lambda: going_on(switch, published(switch, local_ha_state="dead", disabled="true")), lambda: switch.state)
    switch.controller.configure_scope(disabled=False)
    until(lambda: going_on(switch, published(switch, local_acked_asic_ha_state="active")), lambda: switch.state)
    switch.wait_for_sessions()
    until(lambda: going_on(switch, not switch.controller.pending()), lambda: switch.state)
    switch.barrier()


def going_on(switch: Switch, met: bool) -> bool:
    if not met:
        go_on(switch)
    return met


def done(switch: Switch) -> int:
    return sum(recorder.seen for recorder in switch.recorders.values())
