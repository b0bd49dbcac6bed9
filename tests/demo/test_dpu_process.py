"""The simulated DPUs as a process: rows over ZMQ, states in Redis, stimuli on standard input."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from models.database import Database
from models.tables import DASH_HA_SCOPE_STATE_TABLE, DASH_HA_SET_STATE_TABLE, DPU_STATE
from runner.demo.configuration import A, B, open_switch, write_database_files
from runner.demo.dpu_handle import DpuHandle, SentRow
from runner.demo.ports import quiet_port
from runner.demo.switch import until
from runner.orchagent_message import RowMessage, pack
from runner.private_redis import PrivateRedis
from runner.redis_rows import RedisRows
from tests.lab.test_dpu import SCOPE_ROW, SET_ROW

DEADLINE_S = 20.0
STANDBY_ROW = SCOPE_ROW | {"ha_role": "standby"}

Send = Callable[[str, str, str, dict[str, str]], None]


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[dict[str, RedisRows]]:
    """The databases of two switches, with what a process of DPUs is told of them in ``dpus.json``."""
    with PrivateRedis() as one, PrivateRedis() as other:
        told, opened = {}, {}
        for side, server in ((A, one), (B, other)):
            (tmp_path / side.name).mkdir()
            main_file, global_file = write_database_files(tmp_path / side.name, server, server)
            endpoint = f"tcp://127.0.0.1:{quiet_port()}"
            files = {"db_config": str(main_file), "global_db_config": str(global_file)}
            told[side.name] = {"endpoint": endpoint, "npu": side.npu, **files}
            opened[side.name] = open_switch(main_file, global_file)
        (tmp_path / "dpus.json").write_text(json.dumps(told))
        yield opened
        for each in opened.values():
            each.close()


@pytest.fixture
def dpus(rows: dict[str, RedisRows], tmp_path: Path) -> Iterator[DpuHandle]:
    process = subprocess.Popen(
        [sys.executable, "-m", "runner.demo.dpu_process", str(tmp_path / "dpus.json"), "--pace-ms", "20"],
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
def send(tmp_path: Path) -> Iterator[Send]:
    """Sends a row to the DPU of a side."""
    with zmq.Context() as context:
        sockets = {}
        for side, told in json.loads((tmp_path / "dpus.json").read_text()).items():
            sockets[side] = context.socket(zmq.PUSH)
            sockets[side].setsockopt(zmq.LINGER, 0)
            sockets[side].connect(told["endpoint"])
        yield lambda side, table, key, fields: sockets[side].send(
            pack("DPU_APPL_DB", table, [RowMessage(table, key, fields)])
        )
        for socket in sockets.values():
            socket.close()


def test_dpu_takes_rows_and_reports_states(rows: dict[str, RedisRows], dpus: DpuHandle, send: Send) -> None:
    dpus.tell("power_on", side="A")
    assert rows["A"].row(DPU_STATE, "DPU0")["dpu_data_plane_state"] == "up"
    send("A", "DASH_HA_SET_TABLE", "haset0_0", SET_ROW)
    send("A", "DASH_HA_SCOPE_TABLE", "haset0_0", SCOPE_ROW)

    def state() -> str | None:
        return rows["A"].row(DASH_HA_SCOPE_STATE_TABLE, "haset0_0").get("ha_state")

    until(lambda: state() == "pending_standalone_activation", state)
    send("A", "DASH_HA_SCOPE_TABLE", "haset0_0", SCOPE_ROW | {"activate_role_requested": "true"})
    until(lambda: state() == "standalone", state)
    until(lambda: dpus["A"].role == "standalone", lambda: dpus["A"].roles)
    assert dpus["A"].requests == {"activate_role_requested": 1}
    assert [str(row) for row in dpus["A"].received] == [
        "+DASH_HA_SET_TABLE:haset0_0",
        "+DASH_HA_SCOPE_TABLE:haset0_0",
        "+DASH_HA_SCOPE_TABLE:haset0_0",
    ]
    send("A", "DASH_HA_SCOPE_TABLE", "haset0_0", {})
    until(lambda: dpus["A"].received[-1] == SentRow("DASH_HA_SCOPE_TABLE", "haset0_0", None), lambda: dpus["A"])
    until(lambda: state() is None, state)


def test_two_dpus_pair_by_themselves_and_lose_each_other(
    rows: dict[str, RedisRows], dpus: DpuHandle, send: Send
) -> None:
    for side in "AB":
        dpus.tell("power_on", side=side)
        send(side, "DASH_HA_SET_TABLE", "haset0_0", SET_ROW)
    send("A", "DASH_HA_SCOPE_TABLE", "haset0_0", SCOPE_ROW)
    send("B", "DASH_HA_SCOPE_TABLE", "haset0_0", STANDBY_ROW)

    def states() -> list[str | None]:
        return [rows[side].row(DASH_HA_SCOPE_STATE_TABLE, "haset0_0").get("ha_state") for side in "AB"]

    until(lambda: states() == ["pending_active_activation", "pending_standby_activation"], states)
    send("A", "DASH_HA_SCOPE_TABLE", "haset0_0", SCOPE_ROW | {"activate_role_requested": "true"})
    send("B", "DASH_HA_SCOPE_TABLE", "haset0_0", STANDBY_ROW | {"activate_role_requested": "true"})
    until(lambda: states() == ["active", "standby"], states)
    assert rows["A"].row(DASH_HA_SET_STATE_TABLE, "haset0_0")["dp_channel_is_alive"] == "up"
    dpus.tell("channel", up=False, sides=["A", "B"])
    until(lambda: states() == ["standalone", "standalone"], states)
    assert rows["B"].row(DASH_HA_SET_STATE_TABLE, "haset0_0")["dp_channel_is_alive"] == "down"


def test_power_cycle_empties_the_databases_of_that_dpu(rows: dict[str, RedisRows], dpus: DpuHandle) -> None:
    for side in "AB":
        dpus.tell("power_on", side=side)
        rows[side].write(DASH_HA_SCOPE_STATE_TABLE, "stale", {"ha_state": "active"})
    dpus.tell("power_off", side="A")
    assert rows["A"].row(DPU_STATE, "DPU0")["dpu_midplane_link_state"] == "down"
    assert rows["A"].row(DASH_HA_SCOPE_STATE_TABLE, "stale"), "a DPU without power deletes nothing"
    dpus.tell("power_on", side="A")
    assert not rows["A"].row(DASH_HA_SCOPE_STATE_TABLE, "stale")
    assert rows["A"].names(Database.DPU_APPL_DB) == []
    assert rows["B"].row(DASH_HA_SCOPE_STATE_TABLE, "stale")


def test_unknown_stimulus_is_told(dpus: DpuHandle) -> None:
    with pytest.raises(ValueError, match="no such stimulus: dance"):
        dpus.tell("dance")
