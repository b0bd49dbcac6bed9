"""A side that gets another peer: what the old one still says, late or twice, moves nothing (W10a, I-15, FL-31)."""

import pytest

from hamgr_fsm import messages as said
from hamgr_fsm.scope.precedence import Signals
from hamgr_fsm.vocabulary import DesiredHaState, HaRole, HaState
from models import tables
from models.peer_messages import encode_message
from runner.entities.peer_words import Speaker, spoken
from tests.node.switch import SET_ID, set_fields
from tests.node.test_several_scopes import paired
from tests.node.wired_pair import WiredPair

OLD = Speaker("vdpu1_0", "vdpu0_0", f"vdpu0_0:{SET_ID}", 1_718_032_600_000, HaState.STANDALONE, channel_up=False)

LATE = (
    said.StateReport(HaState.STANDALONE, 99, HaRole.STANDALONE, in_sync=True),
    said.StateReport(HaState.DEAD, 99, HaRole.DEAD),
    said.Heartbeat(),
    said.VoteRequest(99, DesiredHaState.ACTIVE, 1),
    said.BulkSyncDone(),
    said.SwitchoverRequest("a-switchover"),
    said.ShutdownRequest(),
    said.StandaloneRequest(Signals(position=0, dpu_up=True, in_sync=True, manual_pin=True, triggered=True), "e"),
)


def re_paired() -> WiredPair:
    """Side 0 serves, and its set names a third vDPU instead of the peer it had."""
    pair = paired()
    remote = {"type": "cluster", "dpu_id": 1, "pa_ipv4": "20.0.202.1", "npu_ipv4": "10.1.0.34", "swbus_port": 23607}
    pair.write(0, tables.REMOTE_DPU, "dpu2_0", remote)
    pair.write(0, tables.VDPU, "vdpu2_0", {"main_dpu_ids": "dpu2_0"})
    pair.write(0, tables.DASH_HA_SET_CONFIG_TABLE, SET_ID, set_fields(vdpu_ids=("vdpu0_0", "vdpu2_0")))
    return pair


def test_w10c_a_new_peer_is_unknown_and_the_side_that_serves_goes_on() -> None:
    pair = re_paired()
    state = pair.state(0, SET_ID)
    assert state["local_ha_state"] == "HA_STATE_ACTIVE"
    assert "peer_ha_state" not in state
    assert pair.ends[0].rows["DASH_HA_SET_TABLE", SET_ID]["peer_ip"] == "20.0.202.1"


@pytest.mark.parametrize("message", LATE, ids=lambda message: type(message).__name__)
def test_w10a_what_the_old_peer_still_says_moves_nothing(message: said.PeerMessage) -> None:
    pair = re_paired()
    before = {row: dict(fields) for row, fields in pair.ends[0].rows.items()}
    payload = encode_message(f"vdpu1_0:{SET_ID}", spoken(message, OLD))
    targets = [f"ha-scope/vdpu0_0:{SET_ID}"]
    if isinstance(message, said.StateReport):
        targets.append(f"ha-set/{SET_ID}")
    for target in targets * 2:
        pair.deliver(0, "dpu1_0", f"ha-scope/vdpu1_0:{SET_ID}", target, payload)
    assert pair.ends[0].rows == before
