"""The launch of a pair, of one side alone, and of a side beside one that serves alone (W01 to W03, M9.4, M9.5, W16)."""

from collections.abc import Mapping

import pytest

from hamgr_fsm.vocabulary import HaOwner
from models.tables import (
    BFD_SESSION_TABLE,
    DASH_HA_SCOPE_TABLE,
    DASH_HA_SET_TABLE,
    NEIGH_RESOLVE_TABLE,
    VNET_ROUTE_TUNNEL_TABLE,
)
from runner.demo.configuration import VIP_V6, A, B
from runner.demo.switch import until
from runner.lab.dpu_roles import Acks, SyncEnd
from runner.lab.sides import ROUTE_KEY, SET_ID, VNET
from tests.two_switches.pair import A_ALONE, A_BESIDE_DEAD, OTHER, P, Q, WatchedPair


def launching(pair: WatchedPair) -> WatchedPair:
    """Both scopes are configured and disabled."""
    pair.z1()
    return pair


def enable(pair: WatchedPair, *names: str) -> None:
    for name in names:
        pair.scope(name, disabled=False)


# W01


def test_w01_clean_launch(switch_driven: WatchedPair) -> None:
    pair = launching(switch_driven)
    assert pair.primaries == (None, None)
    pair.enable()
    pair.rest()
    assert pair.where == P
    assert pair.terms == (1, 1)
    # B may be ready already when A has won: then A passes InitializingToActive within one step.
    path = [state for state in pair.watch.path("A") if state != "initializing_to_active"]
    assert path == ["dead", "connecting", "connected", "pending_active_activation", "active"]
    assert pair.watch.path("B") == [
        *("dead", "connecting", "connected", "initializing_to_standby", "pending_standby_activation", "standby")
    ]
    assert pair.watch.roles("A") == ["dead", "active"]
    assert pair.watch.roles("B") == ["dead", "standby"]
    assert pair.watch.primaries("A") == pair.watch.primaries("B") == ["A"]
    assert pair.watch.sessions("A") == pair.watch.sessions("B") == set(), "no flow exists, none is copied"
    assert len(pair.controller.approved["A"]) == len(pair.controller.approved["B"]) == 1


def test_w01_writes_the_rows_of_the_tables(healthy: WatchedPair) -> None:
    common = {"endpoint_monitor": f"{A.pa},{B.pa}", "monitoring": "custom_bfd", "pinned_state": "none,none"}
    for vip in (ROUTE_KEY, f"{VNET}:{VIP_V6}"):
        routes = [healthy[name].rows.row(VNET_ROUTE_TUNNEL_TABLE, vip) for name in "AB"]
        assert [route["endpoint"] for route in routes] == [f"{A.pa},{B.npu}", f"{A.npu},{B.pa}"]
        assert [route["primary"] for route in routes] == [A.pa, A.npu]
        assert all(common.items() <= route.items() for route in routes)
    for side in (A, B):
        rows = healthy[side.name].rows
        assert rows.keys(BFD_SESSION_TABLE) == [f"default:default:{npu}" for npu in (A.npu, B.npu)]
        assert rows.keys(NEIGH_RESOLVE_TABLE) == [f"Vlan55:{side.pa}"]
    assert healthy["A"].told == {"version": "1", "ha_role": "active", "ha_term": "1", "ha_set_id": SET_ID}


def test_m1_1_steady_pair_writes_nothing(healthy_either: WatchedPair) -> None:
    since = healthy_either.since_now()
    healthy_either.stays(*healthy_either.where, for_s=3.0)
    assert {name: since.written(name) for name in "AB"} == {"A": [], "B": []}
    assert since.told("A") == since.told("B") == []


def test_fl04_every_dpu_is_told_set_sessions_and_scope_in_this_order(healthy_either: WatchedPair) -> None:
    healthy_either.settle()
    for name in "AB":
        told = healthy_either.watch.told(name)
        assert told[0] == "+DASH_HA_SET_TABLE"
        assert told.count("+DASH_HA_SET_TABLE") == 1
        assert told.count("+BFD_SESSION_TABLE") == 2


def test_w01a_late_approval_keeps_its_operation(switch_driven: WatchedPair) -> None:
    pair = launching(switch_driven)
    enable(pair, "A", "B")
    operation = pair.asked("A", "activate_role")
    pair.stays("pending_active_activation/dead", "initializing_to_standby/standby")
    assert pair["A"].pending == {operation: "activate_role"}
    pair.approve_whatever(*P)


@pytest.mark.parametrize("first", ["A", "B"])
def test_w01b_the_second_side_comes_when_the_first_waits(switch_driven: WatchedPair, first: str) -> None:
    pair = launching(switch_driven)
    second = OTHER[first]
    enable(pair, first)
    pair.becomes(first, "connected/dead")
    enable(pair, second)
    pair.approve_whatever(*P)
    pair.rest()
    assert "standalone" not in pair.watch.path("A") + pair.watch.path("B")


@pytest.mark.parametrize("desired", ["active", "unspecified"])
def test_w01c_equal_wishes_end_in_one_winner(switch_driven: WatchedPair, desired: str) -> None:
    pair = launching(switch_driven)
    for name in "AB":
        pair.scope(name, disabled=False, desired=desired)
    pair.approve_whatever(*P)
    pair.rest()
    assert any(pair.watch.logged(name, level="warning") for name in "AB"), "the tie is alerted"


def test_w01c_later_wish_ends_the_tie(switch_driven: WatchedPair) -> None:
    pair = launching(switch_driven)
    for name in "AB":
        pair.scope(name, disabled=False, desired="unspecified")
    pair.until_where("connected/dead", "connected/dead")
    pair.scope("B", desired="active")
    pair.approve_whatever(*Q)
    pair.rest()


def test_w01d_standby_role_is_acknowledged_late(switch_driven: WatchedPair) -> None:
    pair = launching(switch_driven)
    pair.acks("B", Acks.HELD)
    enable(pair, "A", "B")
    pair.until_where("initializing_to_active/dead", "initializing_to_standby/dead")
    assert "pending_active_activation" not in pair.watch.path("A")
    pair.acks("B", Acks.AT_ONCE)
    pair.approve_whatever(*P)


def test_w01d_standby_role_is_never_acknowledged(switch_driven: WatchedPair) -> None:
    pair = launching(switch_driven)
    pair.acks("B", Acks.REFUSED)
    enable(pair, "A", "B")
    pair.becomes("A", "standalone/standalone")
    pair.until_primaries("A", "A")
    assert "pending_active_activation" not in pair.watch.path("A")


# W02, M9.5


def test_m9_4_m9_5_launch_with_no_peer_and_the_peer_later(switch_driven: WatchedPair) -> None:
    pair = switch_driven
    pair.z0()
    pair.set("A")
    pair.scope("A", disabled=False)
    pair.becomes("A", "standalone/standalone")
    until(lambda: pair["A"].primary == "A", pair.__str__)
    assert pair.terms[0] == 1
    assert "A" not in pair.controller.approved, "nobody is asked when nobody is there"
    later = pair.since_now()
    pair.set("B")
    pair.scope("B", disabled=False)
    pair.asked("B", "activate_role")
    assert pair["A"].at == "active/active"
    pair.approve("B", "activate_role")
    pair.until_where(*P)
    pair.rest()
    assert later.path("A") == ["active"]
    assert [primary for primary in later.primaries("A") + later.primaries("B") if primary != "A"] == []


def test_m9_4_m9_5_launch_with_no_peer_and_the_peer_later_dpu_driven(dpu_driven: WatchedPair) -> None:
    pair = dpu_driven
    pair.z0()
    pair.set("A")
    pair.scope("A", disabled=False)
    pair.approve("A", "activate_role")
    pair.becomes("A", "standalone/standalone")
    assert pair["A"].primary == "A"
    later = pair.since_now()
    pair.set("B")
    pair.scope("B", disabled=False)
    pair.approve("B", "activate_role")
    pair.until_paired()
    assert later.path("A") == ["active"]
    assert later.primaries("A") == []
    assert later.requests("A", "activate_role_requested") == 0


def test_w02_launch_with_a_standalone_peer_copies_the_flows(switch_driven: WatchedPair) -> None:
    pair = switch_driven
    pair.sa("A")
    term, since = pair.terms[0], pair.since_now()
    pair.scope("B", disabled=True)
    pair.scope("B", disabled=False, desired="unspecified")
    pair.until_where("active/active", "pending_standby_activation/standby")
    assert pair.terms[0] == term + 1
    (session,) = since.sessions("A")
    row = next(row.fields for row in since.received("A") if row.key == session)
    assert row == {
        "type": "bulk_sync",
        "ha_set_id": SET_ID,
        "target_server_ip": B.pa,
        "target_server_port": "6000",
        "timeout": "5",
    }
    pair.approve("B", "activate_role")
    pair.until_where(*P)
    pair.rest()
    assert pair.terms == (term + 1, term + 1)
    assert since.route("A") == since.route("B") == []


@pytest.mark.parametrize("how", [SyncEnd.FAILED, SyncEnd.SILENT])
def test_w02a_failed_copying_never_makes_a_standby(switch_driven: WatchedPair, how: SyncEnd) -> None:
    pair = switch_driven
    pair.sa("A")
    since = pair.since_now()
    pair.sync("A", how)
    pair.scope("B", disabled=True)
    pair.scope("B", disabled=False, desired="unspecified")
    until(lambda: "standalone" in since.path("A"), pair.__str__)
    pair.until_where(*A_ALONE)
    assert "pending_standby_activation" not in since.path("B")
    pair.sync("A", SyncEnd.COMPLETED)
    pair.approve_whatever(*P)
    pair.rest()
    assert since.primaries("A") == since.primaries("B") == []


def test_w02b_pinned_peer_puts_off_for_ever(switch_driven: WatchedPair) -> None:
    pair = switch_driven
    pair.sa("A")
    pair.scope("A", desired="standalone")
    pair.scope("B", disabled=True)
    pair.scope("B", disabled=False, desired="unspecified")
    pair.stays("standalone/standalone", "connected/dead", for_s=3.0)


# W03


def test_w03a_peer_is_not_there(switch_driven: WatchedPair) -> None:
    pair = switch_driven
    pair.z0()
    pair.kill("B")
    pair.set("A")
    pair.scope("A", disabled=False)
    pair.becomes("A", "standalone/standalone")
    until(lambda: pair["A"].primary == "A", pair.__str__)
    assert "pending_active_activation" not in pair.watch.path("A")
    assert pair.terms[0] == 1


def test_w03c_peer_stays_disabled(switch_driven: WatchedPair) -> None:
    pair = launching(switch_driven)
    enable(pair, "A")
    pair.until_where(*A_BESIDE_DEAD)
    pair.rest()
    assert pair.primaries == ("A", "A")


def test_w03d_peer_is_wanted_dead(switch_driven: WatchedPair) -> None:
    pair = launching(switch_driven)
    pair.scope("B", disabled=False, desired="dead")
    enable(pair, "A")
    pair.until_where(*A_BESIDE_DEAD)


def test_w03e_peer_reports_but_has_no_dpu(switch_driven: WatchedPair) -> None:
    pair = switch_driven
    pair.z0()
    pair.off("B")
    pair.set()
    enable(pair, "A", "B")
    pair.becomes("A", "standalone/standalone")
    pair.rest()


def test_w03f_second_launch_in_one_life_with_the_peer_gone(healthy: WatchedPair) -> None:
    healthy.disable()
    healthy.until_where("dead/dead", "dead/dead")
    healthy.kill("B")
    healthy.scope("A", disabled=False, desired="active")
    healthy.becomes("A", "standalone/standalone")


def test_w03g_own_dpu_is_down(switch_driven: WatchedPair) -> None:
    pair = switch_driven
    pair.z0()
    pair.off("A")
    pair.set()
    enable(pair, "A")
    until(lambda: bool(pair["A"].state), pair.__str__)
    since = pair.since_now()
    pair.kill("B")
    pair.start("B")
    pair.settle()
    assert since.path("A") == []
    assert "standalone" not in pair.watch.path("A")


# W16


def scope_rows(pair: WatchedPair, name: str) -> list[Mapping[str, str]]:
    """The rows of a DPU-driven scope that its DPU was sent; those of the test before may still be under way."""
    rows = [row.fields for row in pair.watch.received(name) if row.table == DASH_HA_SCOPE_TABLE.name]
    return [fields for fields in rows if fields is not None and "disabled" in fields]


def test_w16_launch_asks_once_and_answers_probes_when_it_serves(dpu_driven: WatchedPair) -> None:
    pair = dpu_driven
    pair.z1()
    assert pair.primaries == ("A", "A"), "the preferred one, before anybody serves"
    assert [scope_rows(pair, name)[0]["ha_role"] for name in "AB"] == ["active", "standby"]
    enable(pair, "A", "B")
    ids = {name: pair.asked(name, "activate_role") for name in "AB"}
    pair.settle()
    assert {name: list(pair[name].pending) for name in "AB"} == {name: [id_] for name, id_ in ids.items()}
    assert not any(pair[name].rows.keys(BFD_SESSION_TABLE) for name in "AB")
    for name in "BA":
        pair.approve(name, "activate_role")
    pair.until_paired()
    for name in "AB":
        until(lambda name=name: len(pair[name].rows.keys(BFD_SESSION_TABLE)) == 2, pair.__str__)  # type: ignore[misc]
        assert pair.watch.requests(name, "activate_role_requested") == 1
        first = scope_rows(pair, name)[0]
        assert first["activate_role_requested"] == "false", "the DPU remembers a flag of the first row"
        sets = [row.fields for row in pair.watch.received(name) if row.table == DASH_HA_SET_TABLE.name]
        assert [fields["owner"] for fields in sets if fields][-1] == "dpu"
    assert pair.watch.route("A") == [change for change in pair.watch.route("A") if change.before is None]


def test_c01_scopes_before_sets(either: WatchedPair) -> None:
    pair = either
    pair.z0()
    for name in "AB":
        pair.scope(name, disabled=False)
    pair.set()
    for name in "AB":
        if pair.owner is HaOwner.DPU or name == "A":
            pair.asked(name, "activate_role")
    pair.approve_whatever(*P)
    pair.rest()
