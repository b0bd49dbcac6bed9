"""How hamgrd starts and ends: servers and rows that come late, files that cannot be used, a signal at any time."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from models.database import Database
from models.tables import (
    DASH_HA_DPU_STATE,
    DASH_HA_SCOPE_STATE,
    DASH_HA_SET_STATE,
    DASH_HA_VDPU_STATE,
    DPU,
    LOOPBACK_INTERFACE,
)
from runner.demo.configuration import A
from tests.daemon.controller import HA_SET_ID
from tests.daemon.daemon import DEADLINE_S, until
from tests.daemon.expected_rows import SERVING
from tests.daemon.switch import SCOPE_ROW, Switch

WAITING = "waiting for database "


def wait_for_complaint(switch: Switch) -> str:
    """The first line that says which databases are waited for."""

    def complaints() -> list[str]:
        return [entry["message"] for entry in switch.hamgrd.entries() if WAITING in entry["message"]]

    until(lambda: bool(complaints()), switch.hamgrd.last_words)
    return complaints()[0]


def test_c21_servers_that_start_after_hamgrd_are_waited_for(bare_switch: Switch) -> None:
    switch = bare_switch
    switch.host.stop()
    switch.dpu_server.stop()
    switch.hamgrd.launch()
    named = set(wait_for_complaint(switch).removeprefix(WAITING).split(", "))
    assert {"CONFIG_DB", "APPL_DB", "STATE_DB", "CHASSIS_STATE_DB", "DPU_APPL_DB", "DPU_STATE_DB"} <= named
    switch.host.start()
    until(lambda: len(switch.hamgrd.entries(message="database_regained")) == 4, switch.hamgrd.last_words)
    assert switch.hamgrd.entries(message="hamgrd ready") == []
    switch.dpu_server.start()
    switch.hamgrd.wait_until_ready()
    switch.planned_up()
    assert switch.ha_rows(passing=False) == SERVING


def test_rows_written_before_the_start_are_all_there_is(bare_switch: Switch) -> None:
    """FL-42: what was there at the start, and the first change after it, are both seen, and once."""
    switch = bare_switch
    switch.configure()
    switch.dpu.do(lambda dpu, _: dpu.peer_appears())
    switch.dpu.power_on()
    switch.controller.configure_set()
    switch.controller.configure_scope(disabled=False)
    switch.hamgrd.start()
    switch.barrier()
    moves = [(e["scope"], e["from"], e["to"]) for e in switch.hamgrd.entries(message="transition")]
    assert len(moves) == len(set(moves))
    switch.serve()
    assert switch.ha_rows(passing=False) == SERVING
    assert not [str(change) for change in switch.changes() if change.deleted or change.idle]


def test_fl42_first_report_of_a_session_after_the_start_is_not_lost(serving: Switch) -> None:
    serving.hamgrd.restart()
    serving.dpu.do(lambda dpu, _: dpu.lose_npu("127.1.0.33"))
    serving.wait_for_sessions("127.1.0.32")


@pytest.mark.parametrize(
    ("table", "key", "waiting_for"),
    [
        (LOOPBACK_INTERFACE, "Loopback0|127.1.0.32/32", "an IPv4 address of Loopback0"),
        (DPU, A.dpu_name, "vDPU vdpu0_0"),
    ],
    ids=["FL-07 LD-65 Loopback0", "DPU row"],
)
def test_fl07_ld65_what_is_missing_at_the_start_may_come_late(
    switch: Switch, table: object, key: str, waiting_for: str
) -> None:
    (late,) = [row for row in switch.config_rows() if (row[0], row[1]) == (table, key)]
    switch.configure(late[0])
    switch.dpu.do(lambda dpu, _: dpu.peer_appears())
    switch.dpu.power_on()
    switch.controller.configure_set()
    switch.controller.configure_scope(disabled=False)
    switch.wait_for_row(DASH_HA_SET_STATE, HA_SET_ID, waiting_for=waiting_for, programmed="false")
    switch.barrier()
    assert switch.dpu.received == []
    assert switch.state["waiting_for"], "the scope says as well what it waits for"
    switch.rows.write(*late)
    switch.serve()
    assert switch.ha_rows(passing=False) == SERVING


def test_ld65_loopback_with_ipv6_alone_is_not_enough(switch: Switch) -> None:
    switch.configure(LOOPBACK_INTERFACE)
    for key in ("Loopback0|fe80::1/64", "Loopback0|FC00:1::32/128", "Loopback1|10.9.9.9/32", "Loopback0"):
        switch.rows.write(LOOPBACK_INTERFACE, key, {"NULL": "NULL"})
    switch.wait_for_row(DASH_HA_DPU_STATE, A.dpu_name, npu_ipv6="fc00:1::32", waiting_for="npu_ipv4")
    switch.rows.write(LOOPBACK_INTERFACE, "Loopback0|127.1.0.32/32", {"NULL": "NULL"})
    switch.wait_for_row(DASH_HA_DPU_STATE, A.dpu_name, npu_ipv4="127.1.0.32")
    assert "waiting_for" not in switch.rows.row(DASH_HA_DPU_STATE, A.dpu_name)


def test_pieces_of_the_configuration_say_what_they_wait_for(switch: Switch) -> None:
    switch.configure(DPU)
    switch.wait_for_row(DASH_HA_VDPU_STATE, "vdpu0_0", waiting_for=f"DPU {A.dpu_name}")
    switch.controller.configure_scope()
    switch.wait_for_row(DASH_HA_SCOPE_STATE, SCOPE_ROW, owner="dpu")
    assert switch.state["waiting_for"]


def without_dpu(files: tuple[Path, Path]) -> None:
    listed = json.loads(files[1].read_text())
    files[1].write_text(json.dumps(listed | {"INCLUDES": listed["INCLUDES"][:1]}))


def without_dpu_file(files: tuple[Path, Path]) -> None:
    (files[0].parent / "dpu0" / "database_config.json").unlink()


def without_database(files: tuple[Path, Path]) -> None:
    main = json.loads(files[0].read_text())
    del main["DATABASES"]["STATE_DB"]
    files[0].write_text(json.dumps(main))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda files: files[0].unlink(), "database_config.json"),
        (lambda files: files[1].unlink(), "database_global.json"),
        (lambda files: files[0].write_text("{"), "database_config.json"),
        (lambda files: files[0].write_text("[]"), "database_config.json"),
        (lambda files: files[0].write_bytes(b"\xff\xfe"), "database_config.json"),
        (lambda files: files[1].write_text('{"INCLUDES": 5}'), "database_global.json"),
        (without_dpu, "dpu0"),
        (without_dpu_file, "dpu0"),
        (without_database, "STATE_DB"),
    ],
    ids=[
        "no main file",
        "no global file",
        "no JSON",
        "another shape",
        "no text",
        "includes of another shape",
        "DPU of the slot is not listed",
        "file of the DPU is missing",
        "database is not listed",
    ],
)
def test_configuration_that_cannot_be_used_ends_it_with_2_and_one_clear_line(
    bare_switch: Switch, spoil: Callable[[tuple[Path, Path]], object], complaint: str
) -> None:
    spoil(bare_switch.files)
    ended = subprocess.run(bare_switch.command(0), capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("hamgrd: ")
    assert complaint in line


@pytest.mark.parametrize("slot", ["8", "-1", "x"])
def test_slot_that_no_switch_has_ends_it_with_2(bare_switch: Switch, slot: str) -> None:
    command = [*bare_switch.command(0), "--slot-id", slot]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
    assert "--slot-id" in ended.stderr


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"nobody": 1}', '{"request": "soon"}', '{"request": 0}'],
    ids=["no JSON", "a list", "no such timer", "a word", "zero"],
)
def test_timers_that_cannot_be_used_end_it_with_2(bare_switch: Switch, tmp_path: Path, text: str) -> None:
    timers = tmp_path / "timers.json"
    timers.write_text(text)
    command = [*bare_switch.command(0), "--timers", str(timers)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
    assert "timers.json" in ended.stderr


def nothing_there(switch: Switch) -> None:
    """No server answers."""
    switch.host.stop()
    switch.dpu_server.stop()
    switch.hamgrd.launch()
    until(lambda: bool(switch.hamgrd.entries(message="database_lost")), switch.hamgrd.last_words)


def one_server_hangs(switch: Switch) -> None:
    """A server accepts connections and answers nothing."""
    switch.dpu_server.pause()
    switch.hamgrd.launch()
    wait_for_complaint(switch)


def idle(switch: Switch) -> None:
    """Nothing is configured."""
    switch.hamgrd.start()


def in_the_middle_of_a_storm(switch: Switch) -> None:
    """It has thousands of rows to read."""
    switch.hamgrd.start()
    switch.configure()
    with switch.rows.client(Database.CONFIG_DB).pipeline(transaction=False) as pipeline:
        for number in range(3000):
            pipeline.hset(f"VDPU|vdpu{number}", mapping={"main_dpu_ids": A.dpu_name})
        pipeline.execute()


def serving_with_lost_servers(switch: Switch) -> None:
    """Everything was well, and then both servers died."""
    switch.hamgrd.start()
    switch.planned_up()
    switch.host.stop(kill=True)
    switch.dpu_server.stop(kill=True)
    until(lambda: bool(switch.hamgrd.entries(message="database_lost")), switch.hamgrd.last_words)


def orchagent_away(switch: Switch) -> None:
    """The DPU listens to nobody; rows wait for it."""
    switch.hamgrd.start()
    switch.configure()
    switch.controller.configure_set()
    switch.controller.configure_scope()
    switch.wait_for_row(DASH_HA_SET_STATE, HA_SET_ID, programmed="true")


@pytest.mark.parametrize(
    "situation",
    [nothing_there, one_server_hangs, idle, in_the_middle_of_a_storm, serving_with_lost_servers, orchagent_away],
    ids=lambda situation: situation.__name__,
)
def test_sigterm_at_any_time_ends_it_with_0(bare_switch: Switch, situation: Callable[[Switch], None]) -> None:
    situation(bare_switch)
    bare_switch.hamgrd.terminate()
    assert bare_switch.hamgrd.ended() == 0
    assert bare_switch.hamgrd.complaints() == []
    assert "Traceback" not in bare_switch.hamgrd.last_words()
