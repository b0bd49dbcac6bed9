"""Two hamgrd on one switch, each for the DPU in a slot of its own: nobody touches what belongs to the other (I-20)."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from attrs import define, evolve

from hamgr_fsm.vocabulary import OperationType
from models.controller import encode_ha_scope_config, encode_ha_set_config
from models.tables import (
    DASH_HA_DPU_STATE,
    DASH_HA_SCOPE_CONFIG_TABLE,
    DASH_HA_SCOPE_STATE,
    DASH_HA_SET_CONFIG_TABLE,
    DPU,
    REMOTE_DPU,
    VDPU,
)
from tests.daemon.controller import HA_SET, SCOPE
from tests.daemon.daemon import until
from tests.daemon.expected_rows import SERVING
from tests.daemon.second_slot import SecondSlot
from tests.daemon.switch import Switch, barrier

OTHER_SET, OTHER_SCOPE = "haset0_1", "vdpu0_1|haset0_1"
SHARED = "DASH_HA_GLOBAL_CONFIG_STATE|global"
AUDIT_S, LOOKS = "0.2", 5


@define
class Pair:
    """Both slots of the switch."""

    switch: Switch
    second: SecondSlot

    def configure_second(self) -> None:
        """The DPU in slot 1 with its peer, its HA set and its scope."""
        rows = self.switch.rows
        local = {"dpu_id": "1", "vdpu_id": "vdpu0_1", "pa_ipv4": "20.0.200.2", "midplane_ipv4": "127.0.0.1"}
        rows.write(DPU, "dpu0_1", local | {"orchagent_zmq_port": str(self.second.port)})
        remote = {"dpu_id": "1", "pa_ipv4": "20.0.201.2", "npu_ipv4": "127.1.0.33", "swbus_port": "23607"}
        rows.write(REMOTE_DPU, "dpu1_1", remote)
        rows.write(VDPU, "vdpu0_1", {"main_dpu_ids": "dpu0_1"})
        rows.write(VDPU, "vdpu1_1", {"main_dpu_ids": "dpu1_1"})
        ha_set = evolve(
            HA_SET,
            vip_v4=IPv4Address("3.2.1.1"),
            vip_v6=None,
            vdpu_ids=("vdpu0_1", "vdpu1_1"),
            preferred_vdpu_id="vdpu0_1",
        )
        rows.write(DASH_HA_SET_CONFIG_TABLE, OTHER_SET, {"pb": encode_ha_set_config(ha_set)})
        self.write_scope()

    def write_scope(self, *approved: str) -> None:
        scope = evolve(SCOPE, disabled=False, ha_set_id=OTHER_SET, approved_pending_operation_ids=approved)
        fields = {"pb": encode_ha_scope_config(scope)}
        self.switch.rows.write(DASH_HA_SCOPE_CONFIG_TABLE, OTHER_SCOPE.replace("|", ":"), fields)

    def bring_up_second(self) -> None:
        """The scope in slot 1 serves as well."""
        self.second.dpu.do(lambda dpu, _: dpu.peer_appears())
        self.second.dpu.power_on()
        self.configure_second()
        until(lambda: self._second(pending_operation_types=OperationType.ACTIVATE_ROLE), self._second_state)
        self.write_scope(self._second_state()["pending_operation_ids"])
        sessions = "127.1.0.32,127.1.0.33"
        until(lambda: self._second(local_ha_state="active", local_vdpu_up_bfd_sessions_v4=sessions), self._second_state)

    def barrier(self) -> None:
        """Both have handled everything."""
        self.switch.barrier()
        barrier(self.second.hamgrd, self.second.rows)

    def let_both_look(self) -> None:
        """Wait until both have looked after a row that both publish, several times."""
        reads = self.switch.recorders["host"].reads
        enough = reads[SHARED] + 2 * LOOKS
        until(lambda: reads[SHARED] >= enough, lambda: reads)

    def _second(self, **fields: str) -> bool:
        self.second.dpu.advance()
        return fields.items() <= self._second_state().items()

    def _second_state(self) -> dict[str, str]:
        return self.switch.rows.row(DASH_HA_SCOPE_STATE, OTHER_SCOPE)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Two hamgrd that look often for what no database tells them."""
    with Switch(tmp_path, options=["--audit-interval", AUDIT_S]) as switch, SecondSlot(switch) as second:
        switch.hamgrd.start()
        second.hamgrd.start()
        switch.planned_up()
        pair = Pair(switch, second)
        pair.bring_up_second()
        yield pair
        for hamgrd in (switch.hamgrd, second.hamgrd):
            assert hamgrd.alive
            assert hamgrd.complaints() == []


def test_both_serve_and_each_publishes_its_own(pair: Pair) -> None:
    rows = pair.switch.ha_rows(passing=False)
    assert {row: rows[row] for row in SERVING} == SERVING, "the first is as if it were alone"
    assert rows["DASH_HA_DPU_STATE", "dpu0_1"]["is_managed"] == "true"
    assert rows["DASH_HA_SCOPE_STATE", OTHER_SCOPE]["local_ha_state"] == "active"
    assert rows["_VNET_ROUTE_TUNNEL_TABLE", "Vnet_55:3.2.1.1"]["primary"] == "20.0.200.2"
    assert {row.key for row in pair.second.dpu.received} == {
        OTHER_SET,
        "default:default:127.1.0.32",
        "default:default:127.1.0.33",
    }
    assert pair.switch.dpu.dpu.refused == pair.second.dpu.dpu.refused == []


def test_both_at_rest_write_nothing_however_often_they_look(pair: Pair) -> None:
    """What both publish must not go back and forth between them."""
    pair.barrier()
    pair.let_both_look()
    marks = pair.switch.marks()
    pair.let_both_look()
    assert [str(change) for change in pair.switch.changes(marks)] == []


def test_one_that_restarts_leaves_the_rows_of_the_other_alone(pair: Pair) -> None:
    pair.barrier()
    pair.let_both_look()
    marks = pair.switch.marks()
    pair.second.hamgrd.restart()
    pair.switch.hamgrd.restart()
    pair.barrier()
    assert [str(change) for change in pair.switch.changes(marks)] == []


def test_reset_of_one_dpu_is_nothing_to_the_other(pair: Pair) -> None:
    mark, marks = len(pair.switch.dpu.received), pair.switch.marks()
    pair.second.dpu.power_off()
    until(lambda: pair.switch.rows.row(DASH_HA_DPU_STATE, "dpu0_1").get("up") == "false", pair.switch.ha_rows)
    pair.barrier()
    assert {change.key for change in pair.switch.changes(marks)} <= {
        "dpu0_1",
        "vdpu0_1",
        OTHER_SET,
        OTHER_SCOPE,
        "DPU1",
    }
    assert pair.switch.dpu.told(mark) == []
    assert pair.switch.state["local_ha_state"] == "active"


def test_deletion_of_one_scope_and_set_leaves_the_other(pair: Pair) -> None:
    pair.switch.rows.remove(DASH_HA_SCOPE_CONFIG_TABLE, OTHER_SCOPE.replace("|", ":"))
    pair.switch.rows.remove(DASH_HA_SET_CONFIG_TABLE, OTHER_SET)
    until(lambda: not pair.switch.rows.row(DASH_HA_SCOPE_STATE, OTHER_SCOPE), pair.switch.ha_rows)
    pair.barrier()
    rows = pair.switch.ha_rows(passing=False)
    assert {row: rows[row] for row in SERVING} == SERVING
    assert {row[1] for row in rows.keys() - SERVING.keys()} == {"dpu0_1", "dpu1_1", "vdpu0_1", "vdpu1_1"}
