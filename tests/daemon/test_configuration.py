"""Configuration in several orders, deleted and written again at once, repeated; rows of others (C01, C03, C07)."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from hamgr_fsm.vocabulary import OperationType
from models.database import Database
from models.table import Table
from models.tables import (
    DASH_BFD_PROBE_STATE,
    DASH_HA_GLOBAL_CONFIG,
    DASH_HA_SCOPE_CONFIG_TABLE,
    DASH_HA_SCOPE_STATE_TABLE,
    DASH_HA_SET_CONFIG_TABLE,
    DASH_HA_SET_STATE_TABLE,
    DPU,
    DPU_STATE,
    REMOTE_DPU,
    VDPU,
)
from runner.redis_rows import Fields
from tests.daemon.controller import HA_SET_ID
from tests.daemon.daemon import until
from tests.daemon.expected_rows import SERVING
from tests.daemon.switch import SCOPE_KEY, Switch

Row = tuple[Table[Any], str, Fields]

CONFIG_TABLES = (DASH_HA_SET_CONFIG_TABLE, DASH_HA_SCOPE_CONFIG_TABLE)


def all_rows(switch: Switch) -> list[Row]:
    """Everything that is configured, as it is written in the planned up."""
    written: list[Row] = list(switch.config_rows())
    for table, key in ((DASH_HA_SET_CONFIG_TABLE, HA_SET_ID), (DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY)):
        message = switch.rows.client(Database.APPL_DB).hget(f"{table.name}:{key}", "pb")
        assert isinstance(message, bytes)
        written.append((table, key, {"pb": message}))
    return written


def backwards(rows: Sequence[Row]) -> list[Row]:
    return list(reversed(rows))


def last(*tables: Table[Any]) -> Callable[[Sequence[Row]], list[Row]]:
    """The rows of these tables come last."""
    return lambda rows: [row for row in rows if row[0] not in tables] + [row for row in rows if row[0] in tables]


def test_c01_any_order_of_configuration_ends_alike(serving: Switch) -> None:
    """One hamgrd, configured in one order after the other, with nothing left in between."""
    rows = all_rows(serving)
    for order in (
        backwards,
        last(DASH_HA_SET_CONFIG_TABLE),
        last(VDPU, DPU),
        last(REMOTE_DPU, DASH_HA_GLOBAL_CONFIG),
        last(DASH_HA_SCOPE_CONFIG_TABLE, DASH_HA_GLOBAL_CONFIG, VDPU),
    ):
        for table, key, _ in order(rows):
            serving.rows.remove(table, key)
        until(lambda: not serving.ha_rows(), serving.ha_rows)
        serving.dpu.power_off()
        serving.dpu.power_on()
        serving.barrier(Database.CHASSIS_STATE_DB)
        mark = len(serving.dpu.received)
        for row in order(rows):
            serving.rows.write(*row)
        serving.serve()
        assert serving.ha_rows(passing=False) == SERVING
        told = serving.dpu.told(mark)
        assert told.index("+DASH_HA_SET_TABLE") < told.index("+DASH_HA_SCOPE_TABLE")
    assert serving.dpu.dpu.refused == []


@pytest.mark.parametrize("transaction", [False, True], ids=["back to back", "in one transaction"])
@pytest.mark.parametrize("table", CONFIG_TABLES, ids=lambda table: table.name)
def test_fl06_row_deleted_and_written_again_at_once_lives(
    serving: Switch, table: Table[Any], transaction: bool
) -> None:
    """An older gNMI server updates a row so: the scope must not be torn down, or come up again, but never stay away."""
    _, key, fields = next(row for row in all_rows(serving) if row[0] is table)
    for _ in range(20):
        with serving.rows.client(Database.APPL_DB).pipeline(transaction=transaction) as pipeline:
            pipeline.delete(f"{table.name}:{key}")
            pipeline.hset(f"{table.name}:{key}", mapping=dict(fields))  # type: ignore[arg-type]
            pipeline.execute()
    serving.barrier()
    assert serving.state, "the scope is alive"
    if transaction:
        assert serving.state["local_ha_state"] == "active"
    if serving.state.get("local_ha_state") != "active":
        serving.serve()
    serving.dpu.settle()
    serving.barrier()
    until(lambda: serving.ha_rows(passing=False).keys() == SERVING.keys(), serving.ha_rows)
    assert serving.dpu.dpu.refused == []


def test_fl06_scope_recreated_at_once_lives(serving: Switch) -> None:
    """Two commands, and hamgrd sees the deletion before the new row is there."""
    operation = serving.controller.approved[-1]
    serving.rows.remove(DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY)
    until(lambda: not serving.state, lambda: serving.state)
    serving.controller.configure_scope()
    assert serving.wait_until_asked(OperationType.ACTIVATE_ROLE) != operation
    serving.serve()
    assert serving.ha_rows(passing=False) == SERVING
    assert serving.dpu.requests("activate_role_requested") == 2


def test_c07_rows_written_again_change_nothing(serving: Switch) -> None:
    rows, marks = all_rows(serving), serving.marks()
    for _ in range(10):
        for table, key, fields in rows:
            serving.rows.write(table, key, dict(reversed(list(fields.items()))))
    serving.barrier()
    assert serving.changes(marks) == []


def test_flushed_configuration_that_tells_nobody_is_noticed_by_the_audit(bare_switch: Switch) -> None:
    """FLUSHDB gives no notice for any key."""
    bare_switch.hamgrd.command += ["--audit-interval", "0.2"]
    bare_switch.hamgrd.start()
    bare_switch.planned_up()
    bare_switch.rows.empty(Database.CONFIG_DB)
    bare_switch.controller.delete()
    until(lambda: not bare_switch.ha_rows(), bare_switch.ha_rows)


def test_own_rows_that_somebody_deleted_or_changed_are_restored_by_the_audit(bare_switch: Switch) -> None:
    bare_switch.hamgrd.command += ["--audit-interval", "0.2"]
    bare_switch.hamgrd.start()
    bare_switch.planned_up()
    rows, mark = bare_switch.ha_rows(), len(bare_switch.dpu.received)
    bare_switch.rows.empty(Database.STATE_DB)
    until(lambda: bare_switch.ha_rows() == rows, bare_switch.ha_rows)
    name = "DASH_HA_SCOPE_STATE|vdpu0_0|haset0_0"
    bare_switch.rows.client(Database.STATE_DB).hset(name, mapping={"local_ha_state": "dead", "foreign": "1"})
    until(lambda: bare_switch.ha_rows() == rows, bare_switch.ha_rows)
    assert bare_switch.dpu.told(mark) == []


FOREIGN: tuple[tuple[Table[Any], str, Fields], ...] = (
    (DPU_STATE, "DPU1", {"dpu_midplane_link_state": "down", "dpu_control_plane_state": "down"}),
    (DPU_STATE, "dpu7", {"dpu_data_plane_state": "down"}),
    (DASH_HA_SET_STATE_TABLE, "haset9_9", {"dp_channel_is_alive": "down"}),
    (DASH_HA_SCOPE_STATE_TABLE, "haset9_9", {"ha_state": "dead", "activate_role_pending": "true"}),
    (REMOTE_DPU, "dpu9_0", {"dpu_id": "0", "pa_ipv4": "20.9.9.9", "npu_ipv4": "10.9.9.9", "swbus_port": "23606"}),
    (VDPU, "vdpu9_0", {"main_dpu_ids": "dpu9_0"}),
    (DPU, "dpu0_5", {"dpu_id": "5", "pa_ipv4": "20.0.205.1", "midplane_ipv4": "127.0.0.1"}),
    (VDPU, "vdpu0_5", {"main_dpu_ids": "dpu0_5"}),
)


def test_rows_of_other_slots_and_other_sets_change_nothing(serving: Switch) -> None:
    marks = serving.marks()
    for row in FOREIGN:
        serving.rows.write(*row)
    serving.barrier()
    for table, key, _ in reversed(FOREIGN):
        serving.rows.remove(table, key)
    serving.barrier()
    about_others = {"dpu9_0", "vdpu9_0"}
    assert [str(change) for change in serving.changes(marks) if change.key not in about_others] == []
    assert serving.ha_rows(passing=False) == SERVING


def test_fl05_deleted_state_rows_of_others_and_of_the_channel_change_nothing(serving: Switch) -> None:
    marks = serving.marks()
    for table, key in (
        (DASH_HA_SET_STATE_TABLE, HA_SET_ID),
        (DASH_HA_SET_STATE_TABLE, "haset9_9"),
        (DASH_HA_SCOPE_STATE_TABLE, "haset9_9"),
        (DPU_STATE, "DPU3"),
    ):
        serving.rows.remove(table, key)
    serving.barrier()
    assert serving.changes(marks) == []
    assert serving.hamgrd.entries(level="error") == []


def test_fl05_deleted_report_of_the_scope_is_unknown_and_not_its_last_word(serving: Switch) -> None:
    serving.rows.remove(DASH_HA_SCOPE_STATE_TABLE, HA_SET_ID)
    until(lambda: "local_ha_state" not in serving.state, lambda: serving.state)
    assert "local_acked_asic_ha_state" not in serving.state
    assert serving.state["waiting_for"] == "the first report of the DPU"


def test_missing_reports_of_planes_and_sessions_are_unknown_and_not_down(serving: Switch) -> None:
    marks, mark = serving.marks(), len(serving.dpu.received)
    serving.rows.remove(DPU_STATE, "DPU0")
    serving.rows.remove(DASH_BFD_PROBE_STATE, "dash_ha")
    until(lambda: serving.state.get("local_vdpu_up_bfd_sessions_v4") == "", lambda: serving.state)
    serving.barrier()
    assert serving.state["local_vdpu_control_plane_state"] == "unknown"
    assert serving.state["local_ha_state"] == "active"
    assert {change.table for change in serving.changes(marks)} == {
        "DASH_HA_DPU_STATE",
        "DASH_HA_VDPU_STATE",
        "DASH_HA_SCOPE_STATE",
    }
    assert serving.dpu.told(mark) == []
