"""The workflows of a DPU-driven pair: two daemons, and two DPUs that run the protocol themselves (W16 to W21)."""

import pytest

from hamgr_fsm.vocabulary import HaOwner
from models import tables
from runner.lab.sides import ROUTE_KEY, A, B, C
from runner.lab.traffic import fate
from tests.lab.pair import Pair

PAIR = ("active/active", "standby/standby")
BOTH_ALONE = ("standalone/standalone", "standalone/standalone")


def dpu_driven(*, both_active: bool = False, replacement: bool = False) -> Pair:
    """A lab in which the DPUs drive."""
    lab = Pair(owner=HaOwner.DPU, sides=(A, B, C) if replacement else (A, B))
    for switch in lab.switches.values():
        switch.dpu.both_active = both_active
        switch.dpu.orchagent.both_active = both_active
    return lab


def healthy() -> Pair:
    lab = dpu_driven()
    lab.p()
    lab.reach(*PAIR)
    return lab


@pytest.mark.parametrize("both_active", [False, True])
def test_w16_pair_forms_and_the_route_follows_configuration(both_active: bool) -> None:
    lab = dpu_driven(both_active=both_active)
    lab.z1()
    assert lab.primaries == ("A", "A")
    lab.enable()
    lab.rest(10)
    assert lab.where == (("active/active", "active/active") if both_active else PAIR)
    assert lab.primaries == ("A", "A")
    assert [fate(lab, npu).handled_by for npu in "AB"] == ["A", "A"]
    assert (
        lab["A"].dpu.requests_of("activate_role_requested") == lab["B"].dpu.requests_of("activate_role_requested") == 1
    )
    assert lab["A"].dpu.refused == lab["B"].dpu.refused == []
    assert not [letter for _, letter in lab.network.sent], "the daemons of DPU-driven scopes say nothing to each other"


@pytest.mark.parametrize("name", ["A", "B"])
def test_w17_planned_shutdown_and_return(name: str) -> None:
    lab = healthy()
    other = lab.peer_of(name)
    route = lab["A"].row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)
    lab.scope(name, desired="dead", disabled=False)
    lab.becomes(name, "dead/dead")
    lab.becomes(other, "standalone/standalone")
    lab.approve(other, "flow_reconcile")
    lab.run(5)
    assert lab["A"].row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY) == route
    assert [fate(lab, npu).handled_by for npu in "AB"] == [other, other]
    lab.restore(name)
    lab.reach(*PAIR)
    lab.rest(10)


def test_w18_unplanned_failover() -> None:
    lab = healthy()
    lab.off("A")
    lab.becomes("B", "standalone/standalone", within_s=5)
    lab.approve("B", "flow_reconcile")
    lab.run(5)
    assert lab["B"].dpu.requests_of("flow_reconcile_requested") == 1
    assert [fate(lab, npu).handled_by for npu in "AB"] == ["B", "B"]
    lab.on("A")
    first = lab.controller.approved["A"][-1]
    assert lab.approve("A", "activate_role") != first
    lab.reach(*PAIR)
    lab.rest(10)


@pytest.mark.parametrize("restarts", [False, True])
def test_w19_split_brain(restarts: bool) -> None:
    lab = healthy()
    ids = []
    for _ in range(2):
        lab.link_dead("B")
        lab.reach(*BOTH_ALONE)
        lab.heal()
        lab.run(20)
        lab.scope("B", disabled=False, desired="unspecified")
        if restarts:
            lab.kill("B")
            lab.run(1)
            lab.start("B")
        ids.append(lab.approve("B", "brainsplit_recover", within_s=60))
        lab.reach(*PAIR)
        lab.rest(10)
    assert len(set(ids)) == 2
    assert lab["B"].dpu.requests_of("brainsplit_recovered") == 2


def test_w20_re_pairing() -> None:
    lab = dpu_driven(replacement=True)
    lab.p()
    lab.scope("B", desired="dead", disabled=False)
    lab.becomes("A", "standalone/standalone")
    lab.delscope("B")
    lab.delset("B")
    lab.run(5)
    lab.set("A", "C", vdpu_ids=(A.vdpu_id, C.vdpu_id))
    lab.scope("C", disabled=True)
    lab.run(5)
    lab.scope("C", disabled=False)
    lab.approve("C", "activate_role")
    lab.reach(*PAIR)
    lab.rest(10)
    assert lab["A"].row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)["endpoint"] == f"{A.pa},{C.npu}"


@pytest.mark.parametrize("name", ["A", "B"])
def test_w21_dpu_restarts_with_unchanged_rows(name: str) -> None:
    lab = healthy()
    lab.off(name)
    lab.run(30)
    mark = len(lab[name].left)
    lab.on(name)
    lab.approve(name, "activate_role")
    lab.reach(*PAIR)
    lab.rest(10)
    written = [row[1] for row in lab[name].rows_since(mark) if row[0] == "W" and row[1].startswith("DASH_HA_S")]
    told = [table for table in written if not table.endswith("_STATE")]
    assert told[:2] == ["DASH_HA_SET_TABLE", "DASH_HA_SCOPE_TABLE"]


@pytest.mark.parametrize("name", ["A", "B"])
def test_m6_2_daemon_dies_and_comes_back(name: str) -> None:
    lab = healthy()
    marks = lab.marks()
    lab.kill(name)
    lab.run(30)
    lab.start(name)
    lab.rest(30)
    assert lab.where == PAIR
    assert lab[name].rows_since(marks[name]) == [], "nothing has changed, so nothing is written"
