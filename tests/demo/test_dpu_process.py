"""The simulated DPU as a process: rows over ZMQ, states in Redis, stimuli on standard input."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
import zmq

from models.database import Database
from models.tables import DASH_HA_SCOPE_STATE_TABLE, DPU_STATE
from runner.demo.cast import DpuHandle, SentRow
from runner.orchagent_message import RowMessage, pack
from runner.private_redis import free_port
from tests.demo.conftest import Switch
from tests.lab.test_dpu import SCOPE_ROW, SET_ROW

DEADLINE_S = 20.0


def eventually(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


@pytest.fixture
def endpoint() -> str:
    return f"tcp://127.0.0.1:{free_port()}"


@pytest.fixture
def dpu(switch: Switch, endpoint: str) -> Iterator[DpuHandle]:
    process = subprocess.Popen(
        [sys.executable, "-m", "runner.demo.dpu_process", "--endpoint", endpoint, "--pace-ms", "20", *switch.options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    handle = DpuHandle(process)
    handle.wait_until_ready(DEADLINE_S)
    yield handle
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    assert process.wait(DEADLINE_S) == 0, "it ends with its standard input"
    process.stdout.close()


@pytest.fixture
def sender(endpoint: str) -> Iterator[Callable[[str, str, dict[str, str]], None]]:
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(endpoint)
        yield lambda table, key, fields: socket.send(pack("DPU_APPL_DB", table, [RowMessage(table, key, fields)]))


def test_dpu_takes_rows_and_reports_states(
    switch: Switch, dpu: DpuHandle, sender: Callable[[str, str, dict[str, str]], None]
) -> None:
    dpu.tell("power_on")
    dpu.tell("peer_appears")
    assert switch.rows.row(DPU_STATE, "DPU0")["dpu_data_plane_state"] == "up"
    sender("DASH_HA_SET_TABLE", "haset0_0", SET_ROW)
    sender("DASH_HA_SCOPE_TABLE", "haset0_0", SCOPE_ROW)

    def state() -> str | None:
        return switch.rows.row(DASH_HA_SCOPE_STATE_TABLE, "haset0_0").get("ha_state")

    eventually(lambda: state() == "pending_active_activation")
    sender("DASH_HA_SCOPE_TABLE", "haset0_0", SCOPE_ROW | {"activate_role_requested": "true"})
    eventually(lambda: state() == "active")
    assert dpu.requests == {"activate_role_requested": 1}
    assert [(row.table, row.key) for row in dpu.received] == [
        ("DASH_HA_SET_TABLE", "haset0_0"),
        ("DASH_HA_SCOPE_TABLE", "haset0_0"),
        ("DASH_HA_SCOPE_TABLE", "haset0_0"),
    ]
    sender("DASH_HA_SCOPE_TABLE", "haset0_0", {})
    eventually(lambda: dpu.received[-1] == SentRow("DASH_HA_SCOPE_TABLE", "haset0_0", None))
    eventually(lambda: state() is None)


def test_power_cycle_empties_the_databases_of_the_dpu(switch: Switch, dpu: DpuHandle) -> None:
    dpu.tell("power_on")
    switch.rows.write(DASH_HA_SCOPE_STATE_TABLE, "stale", {"ha_state": "active"})
    dpu.tell("power_off")
    assert switch.rows.row(DPU_STATE, "DPU0")["dpu_midplane_link_state"] == "down"
    assert switch.rows.row(DASH_HA_SCOPE_STATE_TABLE, "stale"), "a DPU without power deletes nothing"
    dpu.tell("power_on")
    assert not switch.rows.row(DASH_HA_SCOPE_STATE_TABLE, "stale")
    assert switch.rows.names(Database.DPU_APPL_DB) == []
