"""Two nodes with several ENIs in one HA set: each ENI is a scope and has an entry of its own.

Source: ha-set 4.2, FL-33, FL-49, switch-driven 8.
"""

from ipaddress import IPv4Address

import pytest

from hamgr_fsm.vocabulary import DesiredHaState, HaScopeKind, HaState
from models import tables
from models.controller import HaSetConfigRow, encode_ha_set_config
from models.database import Database
from runner.bench.wired_nodes import DOWN, End, WiredNodes
from runner.inputs import Input, RowDeleted, RowSet, SyncCountersRead
from runner.lab.sides import SET_ID
from runner.node import Node
from runner.outputs import Alert, DeleteRow, InputRejected, Output, SendMessage, WriteRow

A, B = "vdpu0_0", "vdpu1_0"
OTHER_SET = "haset0_1"


def launched(scopes: int = 3) -> WiredNodes:
    pair = WiredNodes(scopes)
    pair.launch()
    return pair


def mac(eni: str) -> str:
    return ":".join(eni[place : place + 2] for place in range(0, 12, 2))


def entry(end: End, eni: str) -> dict[str, str] | None:
    return end.rows.get((Database.APPL_DB, "DASH_ENI_FORWARD_TABLE", f"Vnet_55:{mac(eni)}"))


def primaries(pair: WiredNodes, eni: str) -> list[str | None]:
    """To which vDPU the two switches forward an ENI."""
    entries = [entry(end, eni) for end in pair.ends]
    return [row["primary_vdpu"] if row is not None else None for row in entries]


def states(pair: WiredNodes, eni: str) -> tuple[str, ...]:
    """Where both sides of one ENI are."""
    rows = [
        end.rows[Database.STATE_DB, "DASH_HA_SCOPE_STATE", f"{end.side.vdpu_id}|{eni}"]["local_ha_state"]
        for end in pair.ends
    ]
    return tuple(state.removeprefix("HA_STATE_") for state in rows)


def place(pair: WiredNodes, eni: str, **fields: str) -> None:
    for end in pair.ends:
        row = {"version": "1", "eni_mac": eni, "ha_set_id": SET_ID, **fields}
        pair.write(end, tables.DASH_ENI_PLACEMENT_TABLE, eni, row)
    pair.run()


def switch_over(pair: WiredNodes, eni: str) -> None:
    """A planned switchover of one ENI to the second side."""
    wishes = (DesiredHaState.UNSPECIFIED, DesiredHaState.ACTIVE)
    for end, desired in zip(pair.ends, wishes, strict=True):
        pair.configure_scope(end, eni, desired_ha_state=desired)
    pair.run()
    machine = pair.ends[1].node.scopes[f"{B}:{eni}"]
    assert machine is not None
    ids = tuple(operation.operation_id for operation in machine.facts.operations)
    pair.configure_scope(pair.ends[1], eni, desired_ha_state=wishes[1], approved_pending_operation_ids=ids)
    pair.run()


def second_set(pair: WiredNodes) -> None:
    """Another HA set of the same two vDPUs."""
    row = HaSetConfigRow(
        version="1.0",
        vip_v4=IPv4Address("3.2.1.1"),
        vdpu_ids=(A, B),
        scope=HaScopeKind.ENI,
        preferred_vdpu_id=A,
    )
    for end in pair.ends:
        table = tables.DASH_HA_SET_CONFIG_TABLE
        pair.hand(end, RowSet(table.database, table.name, OTHER_SET, {"pb": encode_ha_set_config(row)}))
        pair.write(end, tables.DASH_HA_SET_STATE_TABLE, OTHER_SET, {"dp_channel_is_alive": "up"})
    pair.run()


class Watching:
    """Everything that both nodes do."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []

    def __call__(self, node: Node, happened: Input, outputs: object, took: int) -> None:
        assert isinstance(outputs, list)
        self.outputs += outputs

    def writes(self, table: str) -> list[str]:
        """The keys of a table that were written."""
        return [o.key for o in self.outputs if isinstance(o, WriteRow) and o.table == table]


def test_each_eni_has_an_entry_in_both_switches_and_the_set_has_no_route() -> None:
    pair = launched()
    for eni in pair.scope_ids:
        assert states(pair, eni) == ("ACTIVE", "STANDBY")
        for end in pair.ends:
            assert entry(end, eni) == {"vdpu_ids": f"{A},{B}", "primary_vdpu": A}
    for end in pair.ends:
        assert not [key for key in end.rows if key[1] == "VNET_ROUTE_TUNNEL_TABLE"]
        told = {key[2]: row for key, row in end.rows.items() if key[1] == "DASH_HA_SCOPE_TABLE"}
        assert set(told) == set(pair.scope_ids)
        assert {row["ha_set_id"] for row in told.values()} == {SET_ID}


def test_switchover_of_one_eni_moves_its_entry_and_no_other() -> None:
    pair = launched()
    pair.observer = watching = Watching()
    first, second, third = pair.scope_ids
    switch_over(pair, second)
    assert [states(pair, eni) for eni in (first, second, third)] == [
        ("ACTIVE", "STANDBY"),
        ("STANDBY", "ACTIVE"),
        ("ACTIVE", "STANDBY"),
    ]
    assert [primaries(pair, eni) for eni in (first, second, third)] == [[A, A], [B, B], [A, A]]
    assert set(watching.writes("DASH_ENI_FORWARD_TABLE")) == {f"Vnet_55:{mac(second)}"}
    assert set(watching.writes("DASH_HA_SCOPE_TABLE")) == {second}


def test_dpu_that_fails_takes_all_enis_along_from_whatever_state_they_are_in() -> None:
    pair = launched()
    _, second, third = pair.scope_ids
    switch_over(pair, second)
    pair.configure_scope(pair.ends[0], third, disabled=True)
    pair.run()
    pair.planes(pair.ends[0], DOWN)
    pair.run()
    pair.let_pass(2)
    assert [states(pair, eni)[1] for eni in pair.scope_ids] == ["STANDALONE"] * 3
    assert [primaries(pair, eni) for eni in pair.scope_ids] == [[B, B]] * 3


def test_pinned_next_hop_steers_packets_and_moves_no_state() -> None:
    pair = launched(2)
    pinned, other = pair.scope_ids
    pair.observer = watching = Watching()
    place(pair, pinned, pinned_next_hop_index="1")
    assert primaries(pair, pinned) == [B, B]
    assert primaries(pair, other) == [A, A]
    assert watching.writes("DASH_HA_SCOPE_TABLE") == watching.writes("DASH_HA_SCOPE_STATE") == []
    place(pair, pinned, pinned_next_hop_index="none")
    assert primaries(pair, pinned) == [A, A]
    place(pair, pinned, pinned_next_hop_index="2")
    assert primaries(pair, pinned) == [A, A]
    assert [o.what for o in watching.outputs if isinstance(o, Alert)] == [
        "waits for a pinned next hop below 2, not 2"
    ] * 2


def test_entry_goes_with_the_placement() -> None:
    pair = launched(2)
    gone, stays = pair.scope_ids
    table = tables.DASH_ENI_PLACEMENT_TABLE
    for end in pair.ends:
        pair.hand(end, RowDeleted(table.database, table.name, gone))
    pair.run()
    assert primaries(pair, gone) == [None, None]
    assert primaries(pair, stays) == [A, A]
    assert states(pair, gone) == ("ACTIVE", "STANDBY")


def test_eni_that_moves_to_another_set_is_forwarded_all_the_time() -> None:
    pair = launched(2)
    moved, stays = pair.scope_ids
    second_set(pair)
    place(pair, moved, ha_set_id=OTHER_SET)
    assert primaries(pair, moved) == [A, A]
    for _ in range(10):
        for end in pair.ends:
            pair.configure_scope(end, moved, ha_set_id=OTHER_SET)
        pair.run()
        assert None not in primaries(pair, moved)
        for end in pair.ends:
            machine = end.node.scopes[f"{end.side.vdpu_id}:{moved}"]
            ids = tuple(operation.operation_id for operation in machine.facts.operations) if machine else ()
            pair.configure_scope(end, moved, ha_set_id=OTHER_SET, approved_pending_operation_ids=ids)
        pair.let_pass(5)
    assert states(pair, moved) == ("ACTIVE", "STANDBY")
    for end in pair.ends:
        assert end.rows[Database.DPU_APPL_DB, "DASH_HA_SCOPE_TABLE", moved]["ha_set_id"] == OTHER_SET
    switch_over_in_other_set = (DesiredHaState.UNSPECIFIED, DesiredHaState.STANDALONE)
    for end, desired in zip(pair.ends, switch_over_in_other_set, strict=True):
        pair.configure_scope(end, moved, ha_set_id=OTHER_SET, desired_ha_state=desired)
    pair.run()
    pair.let_pass(2)
    assert primaries(pair, moved) == [B, B]
    assert primaries(pair, stays) == [A, A]


def test_inline_sync_drops_of_one_eni_concern_its_scope_alone() -> None:
    pair = launched()
    lossy = pair.scope_ids[1]
    for sent, lost in ((1000, 0), (2000, 31), (3000, 62)):
        counters = tuple((eni, sent, sent - (lost if eni == lossy else 0)) for eni in pair.scope_ids)
        pair.hand(pair.ends[0], SyncCountersRead(counters))
        pair.run()
    pair.let_pass(1)
    assert [states(pair, eni)[0] for eni in pair.scope_ids] == ["ACTIVE", "STANDALONE", "ACTIVE"]


def test_counters_know_an_eni_by_the_mac_that_it_is_placed_with() -> None:
    pair = launched(1)
    (eni,) = pair.scope_ids
    place(pair, eni, eni_mac="02-00-00-00-00-01")
    assert entry(pair.ends[0], "020000000001") == {"vdpu_ids": f"{A},{B}", "primary_vdpu": A}
    assert entry(pair.ends[0], eni) is None
    for sent, lost in ((1000, 0), (2000, 31), (3000, 62)):
        pair.hand(pair.ends[0], SyncCountersRead((("020000000001", sent, sent - lost),)))
        pair.run()
    assert states(pair, eni)[0] != "ACTIVE"


def test_restart_finds_every_entry_and_writes_nothing() -> None:
    pair = launched()
    switch_over(pair, pair.scope_ids[1])
    for end in pair.ends:
        node, inputs = pair.restarted(end)
        outputs = [output for happened in inputs for output in node.step(happened, pair.now_ms)]
        assert [o for o in outputs if isinstance(o, WriteRow) and o.table != "DASH_HA_SCOPE_STATE"] == []


def test_entry_of_an_eni_that_was_taken_away_meanwhile_is_removed_at_the_next_start() -> None:
    pair = launched(2)
    gone, stays = pair.scope_ids
    end = pair.ends[0]
    del end.heard[Database.APPL_DB, "DASH_ENI_PLACEMENT_TABLE", gone]
    node, inputs = pair.restarted(end)
    outputs = [output for happened in inputs for output in node.step(happened, pair.now_ms)]
    deleted = [(o.table, o.key) for o in outputs if isinstance(o, DeleteRow)]
    assert deleted == [("DASH_ENI_FORWARD_TABLE", f"Vnet_55:{mac(gone)}")]
    assert entry(end, stays) is not None


@pytest.mark.parametrize("bad", ["", "F4939FEFC4", "no mac", "F4:93:9F:EF:C4:7E:00"])
def test_placement_with_a_bad_mac_is_rejected_as_a_whole(bad: str) -> None:
    pair = launched(1)
    (eni,) = pair.scope_ids
    pair.observer = watching = Watching()
    place(pair, eni, eni_mac=bad, pinned_next_hop_index="1")
    rejected = [o for o in watching.outputs if isinstance(o, InputRejected)]
    assert [o.field for o in rejected] == ["eni_mac"] * 2
    assert primaries(pair, eni) == [A, A]


def test_report_of_a_side_without_the_scope_reaches_the_entry() -> None:
    """A switch on which the scope is not configured forwards to whoever serves all the same."""
    pair = WiredNodes(1)
    (eni,) = pair.scope_ids
    pair.configure_scope(pair.ends[0], eni, desired_ha_state=DesiredHaState.STANDALONE)
    pair.run()
    for _ in range(40):
        pair.let_pass(5)
    machine = pair.ends[0].node.scopes[f"{A}:{eni}"]
    assert machine is not None and machine.facts.state is HaState.STANDALONE
    assert primaries(pair, eni)[0] == A


def test_a_report_is_sent_once_for_a_scope_that_listens() -> None:
    pair = launched(1)
    pair.observer = watching = Watching()
    switch_over(pair, pair.scope_ids[0])
    assert {o.to.partition("/")[0] for o in watching.outputs if isinstance(o, SendMessage)} == {"ha-scope"}
