"""One side of a pair is replaced by a third switch (W10, W20, M2.5)."""

import pytest

from hamgr_fsm.vocabulary import HaOwner
from models.tables import (
    BFD_SESSION_TABLE,
    DASH_HA_SCOPE_TABLE,
    DASH_HA_SET_TABLE,
    VNET_ROUTE_TUNNEL_TABLE,
)
from runner.demo.configuration import A, B, C
from runner.demo.switch import until
from runner.lab.sides import ROUTE_KEY, SET_ID
from tests.two_switches.pair import P, WatchedPair

PAIRED_WITH_C = {"vdpu_ids": (A.vdpu_id, C.vdpu_id)}


def remove_b(pair: WatchedPair) -> None:
    """The replaced side is deleted, and nothing of it is left anywhere."""
    pair.delscope("B")
    pair.delset("B")
    tables = (DASH_HA_SCOPE_TABLE, DASH_HA_SET_TABLE, BFD_SESSION_TABLE, VNET_ROUTE_TUNNEL_TABLE)
    until(lambda: not any(pair["B"].rows.keys(table) for table in tables), pair["B"].left)
    until(lambda: not pair["B"].state, pair.__str__)


def test_w10_re_pairing(replaceable: WatchedPair) -> None:
    pair = replaceable
    pair.sa("A")
    remove_b(pair)
    since = pair.since_now()
    pair.set("A", **PAIRED_WITH_C)
    until(lambda: pair["A"].rows.row(DASH_HA_SET_TABLE, SET_ID)["peer_ip"] == C.pa, pair.__str__)
    assert pair["A"].at == "standalone/standalone"
    pair.set("C")
    pair.scope("C", disabled=True)
    pair.becomes("C", "dead/dead")
    told = [row for row in since.told("C") if row in ("+DASH_HA_SET_TABLE", "+DASH_HA_SCOPE_TABLE")]
    assert told == ["+DASH_HA_SET_TABLE", "+DASH_HA_SCOPE_TABLE"]
    pair.scope("C", disabled=False)
    pair.approve("C", "activate_role")
    pair.until_where(*P)
    pair.until_primaries("A", "A")
    pair.rest()
    route = pair["A"].rows.row(VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)
    assert (route["endpoint"], route["endpoint_monitor"]) == (f"{A.pa},{C.npu}", f"{A.pa},{C.pa}")
    assert since.path("A") == ["active"]
    assert {side for side in since.primaries("A") + since.primaries("C") if side != "A"} == set()


def test_w10b_replacement_is_there_before_the_survivor_knows(replaceable: WatchedPair) -> None:
    pair = replaceable
    pair.sa("A")
    remove_b(pair)
    pair.set("C", **PAIRED_WITH_C)
    pair.scope("C", disabled=False)
    pair.becomes("C", "connecting/dead")
    pair.set("A")
    pair.approve_whatever(*P)
    pair.rest()


def test_w10c_re_pairing_of_a_running_pair(replaceable: WatchedPair) -> None:
    pair = replaceable
    pair.p()
    pair.set("A", "C", **PAIRED_WITH_C)
    pair.scope("C", disabled=False)
    pair.delscope("B")
    pair.delset("B")
    pair.approve_whatever(*P)
    pair.until_primaries("A", "A")
    pair.rest()


@pytest.mark.parametrize("shut_down", [True, False], ids=["shut down first", "as it runs"])
def test_w10a_what_the_old_peer_still_says_moves_nothing(replaceable: WatchedPair, shut_down: bool) -> None:
    """B keeps its scope and goes on talking; A and C are a pair."""
    pair = replaceable
    pair.sa("A") if shut_down else pair.p()
    pair.set("A", "C", **PAIRED_WITH_C)
    pair.scope("C", disabled=False)
    pair.approve_whatever(*P)
    since = pair.since_now()
    pair.restart("B")
    pair.scope("B", disabled=True)
    pair.becomes("B", "dead/dead")
    pair.stays(*P)
    assert since.path("A") == since.path("C") == []
    assert since.route("A") == since.route("C") == []


def test_w20_re_pairing_dpu_driven(replaceable: WatchedPair) -> None:
    pair = replaceable
    pair.reset(HaOwner.DPU)
    pair.p()
    pair.scope("B", desired="dead", disabled=False)
    pair.becomes("A", "standalone/standalone")
    pair.becomes("B", "dead/dead")
    pair.approve("A", "flow_reconcile")
    remove_b(pair)
    pair.set("A", "C", **PAIRED_WITH_C)
    pair.scope("C", disabled=True)
    pair.becomes("C", "dead/dead")
    pair.scope("C", disabled=False)
    pair.approve("C", "activate_role")
    pair.until_paired()
    pair.rest()
    route = pair["A"].rows.row(VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)
    assert route["endpoint"] == f"{A.pa},{C.npu}"
    assert B.npu not in str(pair["A"].rows.rows(BFD_SESSION_TABLE))
