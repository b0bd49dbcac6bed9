"""The simulated DPU takes the roles of a switch-driven scope and copies flows as a real one does (D-01 to D-13)."""

import pytest

from hamgr_fsm.vocabulary import HaRole
from models.database import Database
from runner.lab.dpu_roles import Acks, SyncEnd
from runner.lab.dpu_writes import DpuWrite, MergeRow
from tests.lab.test_dpu import NOW_S, PROBES, SCOPE_STATE, Bench

SESSION = {"type": "bulk_sync", "ha_set_id": "haset0_0", "target_server_ip": "20.0.201.1", "target_server_port": "6000"}
SYNC_STATE = "DASH_FLOW_SYNC_SESSION_STATE_TABLE"


@pytest.fixture
def bench() -> Bench:
    """A DPU with power and the HA set of a scope that the switch drives."""
    bench = Bench()
    bench.carry_out(bench.dpu.power_on(NOW_S))
    bench.send_set(owner="switch")
    return bench


def ask(bench: Bench, role: str, **changes: str) -> list[str]:
    """Write a role; the roles that are acknowledged because of it."""
    row = {"version": "1", "ha_role": role, "ha_term": "1", "ha_set_id": "haset0_0", **changes}
    return acknowledged(bench.send("DASH_HA_SCOPE_TABLE", "haset0_0", row))


def acknowledged(writes: list[DpuWrite]) -> list[str]:
    return [w.fields["ha_role"] for w in writes if isinstance(w, MergeRow) and "ha_role" in w.fields]


def session(bench: Bench, key: str) -> str:
    return bench.rows[(Database.DPU_STATE_DB, SYNC_STATE, key)]["state"]


def test_role_is_acknowledged_at_once_without_a_term(bench: Bench) -> None:
    assert ask(bench, "active") == ["active"]
    stamp = str(NOW_S)
    assert bench.state == {
        "last_updated_time": stamp,
        "ha_role": "active",
        "ha_role_start_time": stamp,
        "ha_state": "active",
        "ha_state_start_time": stamp,
    }
    assert bench.dpu.role is HaRole.ACTIVE


def test_repeated_role_is_not_acknowledged_again(bench: Bench) -> None:
    assert ask(bench, "active") == ["active"]
    assert ask(bench, "active", ha_term="2") == []


def test_new_scope_acknowledges_even_the_role_dead(bench: Bench) -> None:
    assert ask(bench, "dead") == ["dead"]


def test_held_roles_are_taken_in_order_once_it_is_released(bench: Bench) -> None:
    ask(bench, "standby")
    bench.dpu.answer_roles(Acks.HELD, NOW_S)
    assert ask(bench, "switching_to_active") == ask(bench, "active") == []
    assert bench.dpu.role is HaRole.STANDBY
    writes = bench.carry_out(bench.dpu.answer_roles(Acks.AT_ONCE, NOW_S))
    assert acknowledged(writes) == ["switching_to_active", "active"]


def test_refused_role_is_never_taken(bench: Bench) -> None:
    bench.dpu.answer_roles(Acks.REFUSED, NOW_S)
    assert ask(bench, "active") == []
    bench.dpu.answer_roles(Acks.AT_ONCE, NOW_S)
    assert ask(bench, "active") == ["active"]


def test_wrong_role_is_taken_and_the_right_one_counts_as_repeated(bench: Bench) -> None:
    bench.dpu.answer_roles(Acks.WRONG, NOW_S)
    assert ask(bench, "active") == ["standby"]
    assert ask(bench, "active") == []
    assert bench.dpu.role is HaRole.STANDBY


def test_old_software_neither_acknowledges_nor_remembers_the_switch(bench: Bench) -> None:
    bench.dpu.manners.switching_acked = False
    ask(bench, "standby")
    assert ask(bench, "switching_to_active") == []
    assert bench.dpu.role is HaRole.SWITCHING_TO_ACTIVE
    assert ask(bench, "standby") == [], "taken for a repeated message (D-03)"
    assert bench.dpu.role is HaRole.SWITCHING_TO_ACTIVE
    assert ask(bench, "active") == ["active"]


def test_restart_forgets_the_role(bench: Bench) -> None:
    ask(bench, "active")
    bench.carry_out(bench.dpu.restart_swss(NOW_S, seen=False))
    assert bench.dpu.role is HaRole.DEAD
    assert SCOPE_STATE not in bench.rows
    bench.send_set(owner="switch")
    assert ask(bench, "active") == ["active"]


def test_probes_are_answered_from_the_first_forwarding_role_to_the_role_dead(bench: Bench) -> None:
    ask(bench, "dead")
    bench.send_bfd("10.1.0.32")
    assert not bench.dpu.up_sessions
    ask(bench, "standby")
    assert bench.rows[PROBES]["v4_bfd_up_sessions"] == '"10.1.0.32"'
    ask(bench, "switching_to_active")
    assert bench.dpu.up_sessions == ("10.1.0.32",)
    ask(bench, "dead")
    assert not bench.dpu.up_sessions


def test_deciding_dpu_may_ask_for_flow_reconciliation(bench: Bench) -> None:
    bench.dpu.manners.flow_reconcile = True
    ask(bench, "standalone")
    assert bench.state["flow_reconcile_pending"] == "true"
    ask(bench, "standalone", flow_reconcile_requested="true")
    assert bench.state["flow_reconcile_pending"] == "false"


@pytest.mark.parametrize(("end", "word"), [(SyncEnd.COMPLETED, "completed"), (SyncEnd.FAILED, "failed")])
def test_session_is_created_and_ends(bench: Bench, end: SyncEnd, word: str) -> None:
    bench.dpu.manners.sync = end
    bench.send("DASH_FLOW_SYNC_SESSION_TABLE", "one", SESSION)
    assert session(bench, "one") == "created"
    bench.carry_out(bench.dpu.advance(NOW_S))
    assert session(bench, "one") == "created"
    bench.carry_out(bench.dpu.advance(NOW_S + 1))
    assert session(bench, "one") == word


def test_silent_session_never_ends(bench: Bench) -> None:
    bench.dpu.manners.sync = SyncEnd.SILENT
    bench.send("DASH_FLOW_SYNC_SESSION_TABLE", "one", SESSION)
    bench.carry_out(bench.dpu.advance(NOW_S + 1000))
    assert session(bench, "one") == "created"


def test_second_session_at_a_time_fails_and_a_deletion_is_refused(bench: Bench) -> None:
    bench.send("DASH_FLOW_SYNC_SESSION_TABLE", "one", SESSION)
    bench.send("DASH_FLOW_SYNC_SESSION_TABLE", "two", SESSION)
    assert session(bench, "two") == "failed"
    assert bench.send("DASH_FLOW_SYNC_SESSION_TABLE", "one", None) == []
    bench.carry_out(bench.dpu.advance(NOW_S + 1))
    assert session(bench, "one") == "completed"


@pytest.mark.parametrize("missing", ["target_server_ip", "target_server_port"])
def test_session_without_a_target_fails(bench: Bench, missing: str) -> None:
    row = {name: value for name, value in SESSION.items() if name != missing}
    bench.send("DASH_FLOW_SYNC_SESSION_TABLE", "one", row)
    assert session(bench, "one") == "failed"
