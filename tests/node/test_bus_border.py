"""What a node says of the bus, and what becomes of a message that comes from there.

Source: bus 1, 2, 6 (what is required of ours), 8.24, 8.25; field-lessons FL-07; switch-driven 5; H-12.
"""

import json
from typing import Any

import pytest

from models import tables
from models.peer_messages import (
    DPURequestEnterStandalone,
    PeerHeartbeat,
    VoteRequest,
    encode_message,
)
from models.table import Table
from runner.inputs import MessageArrived, RowDeleted, RowSet, SnapshotComplete
from runner.node import MESSAGES, Node
from runner.outputs import (
    AnswerMessage,
    InputRejected,
    Neighbour,
    Output,
    ReachBus,
    SendMessage,
    Verdict,
    WriteRow,
)
from tests.node.test_several_scopes import paired

METADATA = {"region": "west", "cluster": "c1", "hostname": "switch1"}
LOCAL = {"dpu_id": 0, "pa_ipv4": "20.0.200.1", "midplane_ipv4": "169.254.200.1", "swbus_port": 23606}
REMOTE = {"dpu_id": 0, "pa_ipv4": "20.0.201.1", "npu_ipv4": "10.1.0.33", "npu_ipv6": "fc00::33", "swbus_port": 23610}
ASKER = "vdpu1_0:haset9"


class Heard:
    """A node and what it said of the bus."""

    def __init__(self) -> None:
        self.node = Node(slot_id=0, operation_ids=lambda: "id")
        self.reaches: list[ReachBus] = []
        self.step(SnapshotComplete())

    def step(self, happened: Any) -> list[Output]:
        """One input; what the node wants."""
        outputs = list(self.node.step(happened, 1_000))
        self.reaches += [output for output in outputs if isinstance(output, ReachBus)]
        return outputs

    def write(self, table: Table[Any], key: str, fields: dict[str, Any]) -> None:
        """A row is written."""
        encoded = {name: str(value).encode() for name, value in fields.items()}
        self.step(RowSet(table.database, table.name, key, encoded))

    def delete(self, table: Table[Any], key: str) -> None:
        """A row is deleted."""
        self.step(RowDeleted(table.database, table.name, key))


def configured() -> Heard:
    """A node that knows where it is and whom it may meet."""
    heard = Heard()
    heard.write(tables.DEVICE_METADATA, "localhost", METADATA)
    heard.write(tables.LOOPBACK_INTERFACE, "Loopback0|10.1.0.32/32", {"NULL": "NULL"})
    heard.write(tables.DPU, "dpu0_0", LOCAL)
    heard.write(tables.REMOTE_DPU, "dpu1_0", REMOTE)
    heard.write(tables.VDPU, "vdpu1_0", {"main_dpu_ids": "dpu1_0"})
    return heard


def said(sender: str, data: Any, *, to: str = "ha-scope/vdpu0_0:haset9", dpu_name: str = "dpu1_0") -> MessageArrived:
    """A message of a scope over there."""
    return MessageArrived(dpu_name, f"ha-scope/{sender}", to, encode_message(sender, data))


def verdict(outputs: list[Output]) -> Verdict | None:
    """What became of the message: exactly one answer."""
    [answer] = [output for output in outputs if isinstance(output, AnswerMessage)]
    return answer.verdict


def test_a_node_says_at_once_what_it_waits_for() -> None:
    heard = Heard()
    [first] = heard.reaches
    assert first.node == ""
    assert [what.split()[0] for what in first.waiting_for] == ["DEVICE_METADATA|localhost", "an", "a"]


def test_fl07_an_address_that_comes_late_is_all_that_is_missing() -> None:
    heard = Heard()
    heard.write(tables.DPU, "dpu0_0", LOCAL)
    heard.write(tables.DEVICE_METADATA, "localhost", METADATA)
    assert heard.reaches[-1].waiting_for == ("an address of Loopback0",)
    heard.write(tables.LOOPBACK_INTERFACE, "Loopback0|10.1.0.32/32", {"NULL": "NULL"})
    assert heard.reaches[-1] == ReachBus("west.c1.switch1-dpu0", ("10.1.0.32",), 23606, ())


def test_neighbours_are_the_dpus_of_other_switches_and_those_in_other_slots_of_this_one() -> None:
    heard = configured()
    heard.write(tables.DPU, "dpu0_3", {**LOCAL, "dpu_id": 3, "swbus_port": 23609})
    assert heard.reaches[-1].neighbours == (
        Neighbour("dpu0_3", 3, ("10.1.0.32",), 23609),
        Neighbour("dpu1_0", 0, ("10.1.0.33", "fc00::33"), 23610),
    )
    heard.delete(tables.REMOTE_DPU, "dpu1_0")
    assert [neighbour.dpu_name for neighbour in heard.reaches[-1].neighbours] == ["dpu0_3"]


def test_a_bad_row_costs_that_neighbour_only_and_the_last_good_one_stays() -> None:
    heard = configured()
    heard.write(tables.REMOTE_DPU, "dpu2_0", {**REMOTE, "npu_ipv4": "nowhere"})
    heard.write(tables.REMOTE_DPU, "dpu1_0", {**REMOTE, "swbus_port": "many"})
    assert [neighbour.dpu_name for neighbour in heard.reaches[-1].neighbours] == ["dpu1_0"]
    assert heard.reaches[-1].neighbours[0].port == 23610


def test_what_does_not_change_is_said_once() -> None:
    heard = configured()
    before = len(heard.reaches)
    heard.write(tables.DPU, "dpu0_0", {**LOCAL, "state": "up"})
    assert len(heard.reaches) == before


@pytest.mark.parametrize(
    "payload",
    [
        "not json",
        "",
        "[]",
        '{"key":"VoteRequest|vdpu1_0:haset9","data":{"term":0}}',
        '{"key":"VoteRequest|","data":{}}',
        '{"key":7,"data":{}}',
    ],
)
def test_what_cannot_be_read_is_told_to_the_sender_and_counted(payload: str) -> None:
    heard = configured()
    outputs = heard.step(MessageArrived("dpu1_0", f"ha-scope/{ASKER}", "ha-scope/vdpu0_0:haset9", payload))
    assert verdict(outputs) is Verdict.UNREADABLE
    [rejected] = [output for output in outputs if isinstance(output, InputRejected)]
    assert "dpu1_0" in rejected.source
    assert heard.node.rejected[MESSAGES] == 1
    assert not [output for output in outputs if isinstance(output, WriteRow)]


@pytest.mark.parametrize("kind", ["SelfNotification", "HaSetStateRegister", "Nonsense"])
def test_a_kind_that_is_not_for_the_bus_is_acknowledged_counted_and_nothing_else(kind: str) -> None:
    pair = paired()
    node, before = pair.ends[0].node, dict(pair.ends[0].rows)
    message = json.dumps({"key": f"{kind}|vdpu1_0:haset0_0", "data": {"event": "PeerLost", "active": True}})
    source, to = "ha-scope/vdpu1_0:haset0_0", "ha-scope/vdpu0_0:haset0_0"
    outputs = list(node.step(MessageArrived("dpu1_0", source, to, message), 5_000))
    assert verdict(outputs) is Verdict.CONSUMED
    assert node.rejected[MESSAGES] == 1
    assert pair.ends[0].rows == before


def test_a_message_for_nobody_is_told_so() -> None:
    outputs = configured().step(said(ASKER, PeerHeartbeat(dst_actor_id="vdpu0_0:haset9")))
    assert verdict(outputs) is Verdict.NOBODY


@pytest.mark.parametrize("with_attempt", [True, False], ids=["attempt is told", "attempt is counted"])
def test_a_vote_for_an_unknown_scope_is_answered_to_who_asked_in_the_name_of_who_was_asked(with_attempt: bool) -> None:
    heard = configured()
    votes = []
    for attempt in range(1, 6):
        request = VoteRequest(
            dst_actor_id="vdpu0_0:haset9",
            term="0",
            state="HA_STATE_CONNECTED",
            desired_state="DESIRED_HA_STATE_UNSPECIFIED",
            attempt=attempt if with_attempt else None,
        )
        outputs = heard.step(said(ASKER, request))
        assert verdict(outputs) is Verdict.CONSUMED
        [reply] = [output for output in outputs if isinstance(output, SendMessage)]
        assert (reply.dpu_name, reply.source, reply.to) == ("dpu1_0", "ha-scope/vdpu0_0:haset9", f"ha-scope/{ASKER}")
        votes.append(json.loads(reply.payload)["data"]["response"])
    assert votes == ["RetryLater"] * 3 + ["BecomeStandalone"] * 2


def test_a_scope_is_not_believed_from_where_its_vdpu_is_not() -> None:
    pair = paired()
    node = pair.ends[0].node
    request = DPURequestEnterStandalone(
        dp_channel_is_alive=False,
        local_dpu_up=False,
        pinned_vdpu_bfd_probe_state="",
        inline_sync_packet_drops=False,
        bulk_sync_failure=False,
    )
    outputs = list(
        node.step(said("vdpu1_0:haset0_0", request, to="ha-scope/vdpu0_0:haset0_0", dpu_name="dpu7_0"), 5_000)
    )
    assert verdict(outputs) is Verdict.CONSUMED
    assert not [output for output in outputs if isinstance(output, SendMessage | WriteRow)]
    assert node.rejected[MESSAGES] == 1


def test_the_answer_follows_the_rows_and_the_messages() -> None:
    pair = paired()
    heartbeat = PeerHeartbeat(dst_actor_id="vdpu0_0:haset0_0")
    message = said("vdpu1_0:haset0_0", heartbeat, to="ha-scope/vdpu0_0:haset0_0")
    outputs = list(pair.ends[0].node.step(message, pair.now_ms + 1))
    kinds = [type(output) for output in outputs]
    assert SendMessage in kinds, "a heartbeat is answered with a report"
    answered = kinds.index(AnswerMessage)
    assert not {SendMessage, WriteRow} & set(kinds[answered:])
