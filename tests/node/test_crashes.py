"""Killed at any point and started again, the daemon ends where it would have ended (switch-driven 9, I-19, X W15, W19).

The whole life of a scope is played once to count the rows that are written; then it is played again for every one of
them, and the daemon dies just before it. What the databases hold by then is all that the next life has.
"""

from collections.abc import Callable

import pytest

from hamgr_fsm.vocabulary import DesiredHaState
from models import tables
from runner.outputs import WriteRow
from tests.node.switch import SCOPE_KEY, SET_ID, Killed, Switch

Step = Callable[[Switch], None]


def approve(switch: Switch) -> None:
    """A controller that approves whatever is pending, until nothing is."""
    for _ in range(5):
        switch.settle()
        if not switch.pending():
            return
        switch.approve()
    raise AssertionError("operations keep coming")


def reset(switch: Switch) -> None:
    switch.power_off()
    switch.power_on()


PLANNED_UP: tuple[Step, ...] = (
    Switch.configure,
    Switch.power_on,
    lambda s: s.dpu.peer_appears(),
    Switch.ha_set,
    lambda s: s.scope(disabled=True),
    lambda s: s.scope(),
    approve,
)
"""From nothing to serving."""

LIFE: tuple[Step, ...] = (
    *PLANNED_UP,
    lambda s: s.dpu.peer_lost(),
    approve,
    lambda s: s.dpu.peer_appears(),
    approve,
    reset,
    approve,
    lambda s: s.scope(desired_ha_state=DesiredHaState.DEAD),
    Switch.settle,
    lambda s: s.scope(desired_ha_state=DesiredHaState.DEAD, disabled=True),
    Switch.settle,
)

END: tuple[Step, ...] = (
    *LIFE,
    lambda s: s.delete(tables.DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY),
    lambda s: s.delete(tables.DASH_HA_SET_CONFIG_TABLE, SET_ID),
    Switch.settle,
)


def play(steps: tuple[Step, ...], crash_before: int | None = None) -> Switch:
    """Play the steps; the daemon dies before a certain row, and is started again."""
    switch = Switch()
    switch.outputs_until_crash = crash_before
    for step in steps:
        step(switch)
    return switch


# Times differ between two lives, and so do ids; both say nothing about where the scope is.
_VOLATILE = ("_time_in_ms", "_time", "timestamp", "timestamp_in_ms", "requested_operation_types", "_ids")


def end_state(switch: Switch) -> dict[tuple[str, str], dict[str, str]]:
    return {
        row: {name: value for name, value in fields.items() if not name.endswith(_VOLATILE)}
        for row, fields in switch.ha_rows(without=(tables.DPU_RESET_INFO, tables.DASH_HA_SCOPE_TABLE)).items()
    }


def without_requests(row: dict[str, str] | None) -> dict[str, str] | None:
    return None if row is None else {n: v for n, v in row.items() if "request" not in n and "recovered" not in n}


@pytest.mark.parametrize("steps", [PLANNED_UP, LIFE, END], ids=["planned up", "life", "life and deletion"])
def test_killed_before_any_row_it_ends_where_it_would_have(steps: tuple[Step, ...]) -> None:
    whole = play(steps)
    expected, rows = end_state(whole), len(whole.written)
    assert rows > 15
    for crash_before in range(rows):
        switch = play(steps, crash_before)
        assert end_state(switch) == expected, f"killed before row {crash_before}: {whole.written[crash_before]}"
        assert without_requests(switch.row(tables.DASH_HA_SCOPE_TABLE, SET_ID)) == without_requests(
            whole.row(tables.DASH_HA_SCOPE_TABLE, SET_ID)
        )
        assert switch.dpu.refused == whole.dpu.refused == []


@pytest.mark.parametrize("steps", [PLANNED_UP, LIFE], ids=["planned up", "life"])
def test_killed_before_any_row_no_request_is_sent_twice_or_lost(steps: tuple[Step, ...]) -> None:
    whole = play(steps)
    for crash_before in range(len(whole.written)):
        switch = play(steps, crash_before)
        assert switch.dpu.requests == whole.dpu.requests, f"killed before {whole.written[crash_before]}"


def test_restart_at_rest_writes_nothing() -> None:
    for number in range(1, len(LIFE) + 1):
        switch = play(LIFE[:number])
        before, mark = switch.ha_rows(), len(switch.written)
        switch.restart()
        assert switch.since(mark) == [], f"after step {number}"
        assert switch.ha_rows() == before


def test_w19_restart_between_pending_and_approval_keeps_the_id() -> None:
    switch = play(PLANNED_UP[:-1])
    switch.settle()
    operations = switch.pending()
    assert list(operations.values()) == ["activate_role"]
    for _ in range(3):
        switch.restart()
        assert switch.pending() == operations
    switch.approve()
    switch.settle()
    assert switch.dpu.requests_of("activate_role_requested") == 1
    assert switch.state["local_ha_state"] == "active"


def test_approval_written_while_the_daemon_is_away_takes_effect_once() -> None:
    switch = play(PLANNED_UP[:-1])
    switch.settle()
    switch.outputs_until_crash, switch.comes_back = 0, False
    with pytest.raises(Killed):
        switch.approve()
    switch.restart()
    switch.settle()
    assert switch.state["local_ha_state"] == "active"
    switch.restart()
    switch.scope(version="2")
    assert switch.dpu.requests_of("activate_role_requested") == 1


def test_restart_while_the_dpu_takes_its_time_sends_no_second_request() -> None:
    switch = play(PLANNED_UP[:-1])
    switch.settle()
    # The DPU does not hear the request: its flag stays up.
    switch.dpu.powered = False
    switch.approve()
    rows = [o for o in switch.written if isinstance(o, WriteRow) and o.table == "DASH_HA_SCOPE_TABLE"]
    assert rows[-1].fields["activate_role_requested"] == "true"
    mark = len(switch.written)
    switch.restart()
    assert switch.since(mark) == []
    assert switch.pending() == {}
    switch.fire(f"ha-scope/{SCOPE_KEY}/request")
    assert list(switch.pending().values()) == ["activate_role"]


def test_configuration_deleted_while_the_daemon_is_away_leaves_nothing() -> None:
    switch = play(PLANNED_UP)
    left = {row for row in switch.ha_rows() if row[0] in ("DASH_HA_DPU_STATE", "DASH_HA_VDPU_STATE")}
    for table, key in ((tables.DASH_HA_SET_CONFIG_TABLE, SET_ID), (tables.DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY)):
        switch.databases[table.database].pop((table.name, key))
    mark = len(switch.written)
    switch.restart()
    assert set(switch.ha_rows()) == left | {("DASH_HA_GLOBAL_CONFIG_STATE", "global")}
    order = [table for _, table, _ in switch.since(mark) if table in ("DASH_HA_SET_TABLE", "DASH_HA_SCOPE_TABLE")]
    assert order == ["DASH_HA_SCOPE_TABLE", "DASH_HA_SET_TABLE"]


def test_session_of_an_address_that_is_gone_is_cleaned_up_at_start() -> None:
    switch = play(PLANNED_UP)
    table = tables.BFD_SESSION_TABLE
    switch.databases[table.database][table.name, "default:default:10.9.9.9"] = {"type": b"passive"}
    route = tables.VNET_ROUTE_TUNNEL_TABLE
    stale = dict(switch.databases[route.database][route.name, "Vnet_55:3.2.1.0"])
    foreign = stale | {"endpoint": b"20.0.210.1,10.1.0.33"}
    switch.databases[route.database][route.name, "Vnet_old:3.2.1.0"] = stale
    switch.databases[route.database][route.name, "Vnet_55:9.9.9.9"] = foreign
    switch.restart()
    assert switch.keys(table) == {"default:default:10.1.0.32", "default:default:10.1.0.33"}
    # A route of another slot of this switch is that slot's business.
    assert switch.keys(route) == {"Vnet_55:3.2.1.0", "Vnet_55:9.9.9.9"}


def test_unreadable_state_row_is_reported_and_replaced() -> None:
    switch = play(PLANNED_UP)
    state = tables.DASH_HA_SCOPE_STATE
    switch.databases[state.database][state.name, "vdpu0_0|haset0_0"]["pending_operation_types"] = b"no such type"
    switch.restart()
    assert switch.state["local_ha_state"] == "active"
    assert switch.dpu.requests_of("activate_role_requested") == 1
