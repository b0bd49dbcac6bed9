"""DPUs, data ports, channels and probes that fail, and what comes back (W12 to W14, W18, W19, W21, M5 to M7, M9.3)."""

import pytest

from hamgr_fsm.vocabulary import HaOwner
from models.database import Database
from models.tables import DASH_HA_SCOPE_STATE_TABLE, DASH_HA_SET_STATE_TABLE, DPU_RESET_INFO, DPU_STATE
from runner.demo.switch import until
from runner.lab.dpu_roles import Acks
from runner.lab.sides import SET_ID
from tests.two_switches.pair import A_ALONE, OTHER, P, Q, WatchedPair, alone, paired

ORDER = ("+DASH_HA_SET_TABLE", "+BFD_SESSION_TABLE", "+BFD_SESSION_TABLE", "+DASH_HA_SCOPE_TABLE")
ORDER_DPU_DRIVEN = ("+DASH_HA_SET_TABLE", "+DASH_HA_SCOPE_TABLE")


def without_dpu(name: str) -> tuple[str, str]:
    """Where both are when the DPU of one side is down."""
    return ("standby/", "standalone/standalone") if name == "A" else ("standalone/standalone", "standby/")


# M5: data ports, channel, probes


@pytest.mark.parametrize(("name", "first"), [("A", "bfd"), ("B", "bfd"), ("B", "channel")])
def test_m5_5_m5_7_data_port_of_a_dpu_dies(healthy: WatchedPair, name: str, first: str) -> None:
    """Whoever is not reached gives way. A channel that is lost first makes A serve, whatever is seen later (C32)."""
    terms, since, other = healthy.terms, healthy.since_now(), OTHER[name]
    if first == "bfd":
        healthy.bfd(name)
        until(lambda: healthy[name].state.get("local_vdpu_up_bfd_sessions_v4") == "", healthy.__str__)
        healthy.chan(False)
    else:
        healthy.chan(False)
        healthy.bfd(name)
    healthy.until_where(*alone(other))
    healthy.until_primaries(other, other)
    healthy.stays(*alone(other))
    assert max(healthy.terms) == max(terms) + 1
    assert since.primaries("A") == since.primaries("B") == ([other] if name == "A" else [])
    assert "standalone" not in since.path(name), "LD-01"


def test_m5_9_w12h_only_the_channel_fails(healthy: WatchedPair) -> None:
    terms, since = healthy.terms, healthy.since_now()
    healthy.chan(False)
    healthy.until_where(*A_ALONE)
    healthy.stays(*A_ALONE)
    assert healthy.terms[0] == terms[0] + 1
    assert since.path("A")[-1] == "standalone"
    assert "standalone" not in since.path("B")
    assert since.route("A") == since.route("B") == []


@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("npu", ["A", "B"])
def test_m5_1_to_m5_4_lost_probes_change_nothing(healthy_either: WatchedPair, name: str, npu: str) -> None:
    pair = healthy_either
    where, since = pair.where, pair.since_now()
    pair.probe_lost(name, npu)
    left = pair.sides[OTHER[npu]].npu
    until(lambda: pair[name].state.get("local_vdpu_up_bfd_sessions_v4") == left, pair.__str__)
    pair.settle()
    assert pair.where == where
    assert since.path("A") == since.path("B") == []
    assert since.roles("A") == since.roles("B") == []
    assert since.route("A") == since.route("B") == []


@pytest.mark.parametrize("name", ["A", "B"])
def test_m5_heal_w14_pair_forms_again(switch_driven: WatchedPair, name: str) -> None:
    pair, other = switch_driven, OTHER[name]
    pair.sas(other) if name == "B" else loses_port(pair, name)
    terms, since = pair.terms, pair.since_now()
    pair.heal()
    pair.approve(name, "activate_role")
    pair.until_where(*paired(other))
    pair.rest()
    assert max(pair.terms) == max(terms) + 1
    assert since.path(other) == ["active"]
    assert since.path(name)[:2] == ["initializing_to_standby", "pending_standby_activation"]
    assert len(since.sessions(other)) == 1
    assert since.route("A") == since.route("B") == []


def loses_port(pair: WatchedPair, name: str) -> None:
    pair.p()
    pair.bfd(name)
    until(lambda: pair[name].state.get("local_vdpu_up_bfd_sessions_v4") == "", pair.__str__)
    pair.chan(False)
    pair.until_where(*alone(OTHER[name]))


def test_c13_one_side_reports_the_channel_down_for_a_moment(healthy: WatchedPair) -> None:
    since = healthy.since_now()
    healthy.chan(False, "B")
    until(lambda: "switching_to_standalone" in since.path("B") + since.path("A"), healthy.__str__)
    healthy.chan(True, "B")
    until(lambda: healthy.where in (P, Q) or bool(healthy["A"].pending or healthy["B"].pending), healthy.__str__)
    healthy.approve_whatever(*(P if healthy["A"].at.startswith(("active", "standalone")) else Q))
    healthy.rest()
    assert sum(since.path(name).count("standalone") for name in "AB") <= 1


def test_c14_channel_row_is_deleted(healthy: WatchedPair) -> None:
    since = healthy.since_now()
    for name in "AB":
        healthy[name].rows.remove(DASH_HA_SET_STATE_TABLE, SET_ID)
    healthy.stays(*P)
    assert since.path("A") == since.path("B") == []


# M7.1, W13, W18


@pytest.mark.parametrize("name", ["A", "B"])
def test_m7_1_w13_dpu_loses_power_and_comes_back(healthy: WatchedPair, name: str) -> None:
    other, since = OTHER[name], healthy.since_now()
    healthy.off(name)
    healthy.until_where(*without_dpu(name))
    healthy.until_primaries(other, other)
    healthy.rest()
    assert since.primaries("A") == since.primaries("B") == ([other] if name == "A" else [])
    assert "standalone" not in since.path(name)
    back = healthy.since_now()
    healthy.on(name)
    healthy.asked(name, "activate_role")
    told = [row for row in back.told(name) if row in ORDER]
    assert tuple(told[:4]) == ORDER
    healthy.approve(name, "activate_role")
    healthy.until_where(*paired(other))
    healthy.rest()
    assert back.route("A") == back.route("B") == []
    reset = [change for change in since.changes(name, DPU_RESET_INFO) if not change.idle]
    assert [(change.after or {}).get("reset_status") for change in reset] == ["true"], "once per outage"


@pytest.mark.parametrize("name", ["A", "B"])
def test_m7_1d_w18_dpu_loses_power_and_comes_back(healthy_dpu_driven: WatchedPair, name: str) -> None:
    pair, other = healthy_dpu_driven, OTHER[name]
    since, first = pair.since_now(), pair.controller.approved[name][-1]
    pair.off(name)
    pair.becomes(other, "standalone/standalone")
    pair.approve(other, "flow_reconcile")
    until(lambda: since.requests(other, "flow_reconcile_requested") == 1, pair.__str__)
    back = pair.since_now()
    pair.on(name)
    assert pair.approve(name, "activate_role") != first
    pair.until_paired()
    pair.rest()
    told = [row for row in back.told(name) if row in ORDER_DPU_DRIVEN]
    assert tuple(told[:2]) == ORDER_DPU_DRIVEN
    assert since.requests(other, "flow_reconcile_requested") == 1
    assert since.requests(name, "activate_role_requested") == 1
    assert since.primaries("A") == since.primaries("B") == []
    reset = [change for change in since.changes(name, DPU_RESET_INFO) if not change.idle]
    assert [(change.after or {}).get("reset_status") for change in reset] == ["true"]


@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("planes", [("up", "down"), ("up", "up")], ids=["syncd", "bgpd"])
def test_m6_1_m6_5_process_of_a_dpu_dies_and_comes_back(
    healthy: WatchedPair, name: str, planes: tuple[str, str]
) -> None:
    midplane, data = planes
    other, since = OTHER[name], healthy.since_now()
    healthy.crash_dpu(name, midplane=midplane, data=data)
    healthy.becomes(other, "standalone/standalone")
    healthy.until_primaries(other, other)
    assert "standalone" not in since.path(name)
    healthy.on(name)
    healthy.approve(name, "activate_role")
    healthy.until_where(*paired(other))
    healthy.rest()


@pytest.mark.parametrize("back", ["A", "B"])
def test_w12g_both_dpus_die_and_one_comes_back(healthy: WatchedPair, back: str) -> None:
    for name in "AB":
        healthy.off(name)
        until(lambda name=name: healthy[name].at.endswith("/"), healthy.__str__)  # type: ignore[misc]
    healthy.settle()
    assert not any(where.startswith("standalone") for where in healthy.where), "LD-21"
    healthy.on(back)
    healthy.becomes(back, "standalone/standalone")
    until(lambda: healthy[back].primary == back, healthy.__str__)
    healthy.rest()


def test_w13e_both_dpus_die_and_both_come_back(healthy: WatchedPair) -> None:
    healthy.off("B")
    healthy.becomes("A", "standalone/standalone")
    healthy.off("A")
    until(lambda: healthy["A"].at.endswith("/"), healthy.__str__)
    healthy.on("B")
    healthy.becomes("B", "standalone/standalone")
    healthy.on("A")
    until(lambda: bool(healthy["A"].pending or healthy["B"].pending), healthy.__str__)
    healthy.approve_whatever(*(Q if healthy["A"].pending else P))
    healthy.rest()


@pytest.mark.parametrize("name", ["A", "B"])
def test_c29_short_loss_of_a_dpu(healthy: WatchedPair, name: str) -> None:
    since = healthy.since_now()
    healthy.off(name)
    healthy.on(name)
    until(lambda: bool(healthy[name].pending), healthy.__str__)
    healthy.approve_whatever(*paired(OTHER[name]))
    healthy.rest()
    assert since.path(OTHER[name]).count("standalone") <= 1


# W21, M6.6


@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("seen", [True, False], ids=["seen", "unseen"])
def test_w21_m6_6_orchagent_restarts_with_unchanged_rows(switch_driven: WatchedPair, name: str, seen: bool) -> None:
    pair = switch_driven.formed()
    since = pair.since_now()
    pair.restart_swss(name, seen=seen)
    # Seen or not, it has forgotten everything; an audit notices it by the vanished rows where nobody says so.
    until(lambda: "+DASH_HA_SCOPE_TABLE" in since.told(name), pair.__str__)
    told = [row for row in since.told(name) if row in ORDER]
    assert tuple(told[:4]) == ORDER
    pair.approve_whatever(*P)
    pair.rest()


@pytest.mark.parametrize("name", ["A", "B"])
def test_w21_dpu_driven_resets_three_times(dpu_driven: WatchedPair, name: str) -> None:
    pair, other = dpu_driven.formed(), OTHER[name]
    for _ in range(3):
        since = pair.since_now()
        pair.off(name)
        pair.becomes(other, "standalone/standalone")
        pair.approve(other, "flow_reconcile")
        pair.on(name)
        pair.approve(name, "activate_role")
        pair.until_paired()
        until(lambda since=since: since.told(name).count("+BFD_SESSION_TABLE") == 2, pair.__str__)  # type: ignore[misc]
        told = [row for row in since.told(name) if row in ORDER_DPU_DRIVEN]
        assert tuple(told[:2]) == ORDER_DPU_DRIVEN
        assert since.requests(name, "activate_role_requested") == 1
    ids = pair.controller.approved[name]
    assert len(set(ids)) == len(ids) == 4


# M6.3, C23, C25


@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("states", [(), ("unknown", "unknown", "unknown")], ids=["gone", "unknown"])
def test_m6_3_platform_daemon_dies(healthy_either: WatchedPair, name: str, states: tuple[str, ...]) -> None:
    pair = healthy_either
    where, since = pair.where, pair.since_now()
    pair.pmon(name, *states)
    pair.settle()
    pair.pmon(name, "up", "up", "up")
    pair.settle()
    assert pair.where == where
    assert since.path("A") == since.path("B") == []
    assert since.roles("A") == since.roles("B") == []
    assert since.changes(name, DPU_RESET_INFO) == []


def test_c23_a_thousand_repeated_reports_change_nothing(healthy_either: WatchedPair) -> None:
    pair = healthy_either
    since = pair.since_now()
    row = pair["A"].rows.row(DPU_STATE, "DPU0")
    with pair["A"].rows.client(Database.CHASSIS_STATE_DB).pipeline(transaction=False) as pipeline:
        for _ in range(1000):
            for field, value in row.items():
                pipeline.hset("DPU_STATE|DPU0", field, value)
        pipeline.execute()
    pair.settle()
    assert {name: since.written(name) for name in "AB"} == {"A": [], "B": []}


def test_c25_state_row_of_the_dpu_is_deleted(healthy: WatchedPair) -> None:
    healthy["A"].rows.remove(DASH_HA_SCOPE_STATE_TABLE, SET_ID)
    until(lambda: healthy["A"].at.endswith("/"), healthy.__str__)
    until(lambda: [healthy.dpus[name].role for name in "AB"].count("standby") == 1, healthy.__str__)


def test_w12d_c24_dpu_takes_another_role_than_it_was_asked(healthy: WatchedPair) -> None:
    """The standby is asked to take over and says that it is dead: the switchover fails, the active stays."""
    since = healthy.since_now()
    healthy.acks("B", Acks.WRONG, wrong="dead")
    healthy.scope("A", desired="unspecified")
    healthy.scope("B", desired="active")
    healthy.approve("B", "switchover")
    until(lambda: healthy["B"].state.get("switchover_state") == "failed", healthy.__str__)
    healthy.acks("B", Acks.AT_ONCE)
    assert since.path("A") == []
    assert since.route("A") == since.route("B") == []


# M9.3, W19


@pytest.mark.parametrize("restarts", [False, True], ids=["", "hamgrd restarts while it asks"])
def test_m9_3_w19_split_brain_twice(healthy_dpu_driven: WatchedPair, restarts: bool) -> None:
    pair = healthy_dpu_driven
    ids = []
    for _ in range(2):
        since = pair.since_now()
        pair.link_dead("B")
        pair.until_where("standalone/standalone", "standalone/standalone")
        for name in "AB":
            pair.approve(name, "flow_reconcile")
        pair.heal()
        asked = pair.asked("B", "brainsplit_recover")
        if restarts:
            pair.restart("B")
            pair.settle()
            assert pair["B"].pending == {asked: "brainsplit_recover"}
        ids.append(pair.approve("B", "brainsplit_recover"))
        pair.until_paired()
        pair.rest()
        assert since.requests("B", "brainsplit_recovered") == 1
        assert since.requests("A", "brainsplit_recovered") == 0
        assert since.primaries("A") == since.primaries("B") == []
        until(lambda: not pair["A"].pending and not pair["B"].pending, pair.__str__)
    assert len(set(ids)) == 2


def test_m9_3_split_brain_recovered_by_disabling(healthy_dpu_driven: WatchedPair) -> None:
    pair = healthy_dpu_driven
    pair.link_dead("A")
    pair.until_where("standalone/standalone", "standalone/standalone")
    for name in "AB":
        pair.approve(name, "flow_reconcile")
    pair.heal()
    pair.asked("B", "brainsplit_recover")
    pair.scope("B", desired="dead", disabled=True)
    pair.becomes("B", "dead/dead")
    pair.approve("B", "brainsplit_recover")
    # A row that is written again at once is seen as it is then, without the approval.
    until(lambda: pair.watch.requests("B", "brainsplit_recovered") == 1, pair.__str__)
    pair.relaunch("B", desired="unspecified")
    pair.approve("B", "activate_role")
    pair.until_paired()
    pair.rest()
    assert pair.watch.requests("B", "brainsplit_recovered") == 1
    assert pair["B"].pending == {}


# M7.2, M8.3


@pytest.mark.parametrize("name", ["A", "B"])
def test_m7_2_w13b_switch_of_the_peer_reboots(healthy_either: WatchedPair, name: str) -> None:
    pair, other = healthy_either, OTHER[name]
    since = pair.since_now()
    pair.reboot(name)
    pair.becomes(other, "standalone/standalone", within_s=10)
    if pair.owner is HaOwner.SWITCH:
        until(lambda: pair[other].primary == other, pair.__str__)
    else:
        pair.approve(other, "flow_reconcile")
    assert since.path(other).count("standalone") == 1
    pair.come_back(name)
    pair.set(name)
    pair.scope(name, disabled=True)
    pair.becomes(name, "dead/dead")
    pair.scope(name, disabled=False)
    pair.approve(name, "activate_role")
    pair.until_paired(active=other if pair.owner is HaOwner.SWITCH else "A")
    pair.rest()


@pytest.mark.parametrize("name", ["A", "B"])
def test_m8_3_configuration_of_the_switch_is_loaded_anew(healthy: WatchedPair, name: str) -> None:
    """hamgrd comes back and finds a DPU with a role, and no word of it in its databases."""
    other = OTHER[name]
    healthy.kill(name)
    healthy.isolate(name)
    for database in (Database.APPL_DB, Database.STATE_DB):
        healthy[name].rows.empty(database)
    healthy.controller.forget(healthy.sides[name])
    healthy.becomes(other, "standalone/standalone")
    healthy.start(name)
    until(lambda: not healthy[name].told, healthy.__str__)
    healthy.heal()
    healthy.set(name)
    healthy.scope(name, disabled=True)
    healthy.becomes(name, "dead/dead")
    healthy.scope(name, disabled=False)
    healthy.approve_whatever(*paired(other))
    healthy.until_primaries(other, other)
    healthy.rest()
