"""What a switch-driven scope says arrives as what the other side hears; what a reference daemon says is understood."""

from typing import Any

import pytest

from hamgr_fsm import messages as said
from hamgr_fsm.scope.election import Vote
from hamgr_fsm.scope.precedence import Signals
from hamgr_fsm.vocabulary import DesiredHaState, HaRole, HaState
from models import peer_messages as wire
from runner.entities.peer_words import Speaker, heard, spoken, vote_of_unknown_scope

SPEAKER = Speaker("vdpu0_0", "vdpu1_0", "vdpu1_0:haset0_0", 1_753_200_000_123, HaState.CONNECTED, channel_up=True)

SIGNALS = Signals(
    position=1,
    dpu_up=False,
    in_sync=True,
    manual_pin=False,
    peer_shutdown=False,
    role_failed=True,
    bfd_reach=2,
    desired=DesiredHaState.ACTIVE,
    preferred=True,
    term=7,
    triggered=True,
)

EVERYTHING = (
    said.StateReport(HaState.STANDALONE, 3, HaRole.STANDALONE, ready_to_pair=False, pinned=True, in_sync=True),
    said.StateReport(HaState.DEAD, 0, None),
    said.Heartbeat(),
    said.VoteRequest(4, DesiredHaState.ACTIVE, 2),
    *(said.VoteReply(vote, 1) for vote in Vote),
    said.BulkSyncDone(),
    said.SwitchoverRequest("id"),
    said.SwitchoverReply("id", accepted=True),
    said.SwitchoverReply("id", accepted=False),
    said.ShutdownRequest(),
    said.ShutdownReply(accepted=True),
    said.ShutdownReply(accepted=False),
    said.StandaloneRequest(SIGNALS, "episode"),
    *(said.StandaloneReply(selection, "episode") for selection in said.Selection),
)


@pytest.mark.parametrize("message", EVERYTHING, ids=lambda message: type(message).__name__)
def test_what_is_said_is_what_is_heard(message: said.PeerMessage) -> None:
    payload = wire.encode_message("vdpu0_0:haset0_0", spoken(message, SPEAKER))
    assert heard(wire.decode_message(payload).data, peer_position=1) == message


def test_a_reference_report_says_nothing_of_ours() -> None:
    data = wire.HaScopeStateUpdate(
        owner=2, new_state="HA_STATE_STANDBY", timestamp=0, term="", vdpu_id="v", peer_vdpu_id=""
    )
    assert heard(data, 1) == said.StateReport(HaState.STANDBY, 0, None, ready_to_pair=True, pinned=False, in_sync=False)


@pytest.mark.parametrize("state", ["", "HA_STATE_UNSPECIFIED", "HA_STATE_HAPPY"])
def test_a_report_without_a_state_says_nothing(state: str) -> None:
    data = wire.HaScopeStateUpdate(owner=2, new_state=state, timestamp=0, term="1", vdpu_id="v", peer_vdpu_id="")
    assert heard(data, 1) is None


@pytest.mark.parametrize(
    ("members", "dpu_up", "triggered"),
    [
        ({}, True, False),
        ({"local_dpu_up": False}, False, True),
        ({"inline_sync_packet_drops": True}, True, True),
        ({"bulk_sync_failure": True}, True, True),
        ({"dp_channel_is_alive": False}, True, True),
    ],
)
def test_a_reference_request_is_judged_by_what_it_says(members: dict[str, bool], dpu_up: bool, triggered: bool) -> None:
    usual: dict[str, Any] = {
        "dp_channel_is_alive": True,
        "local_dpu_up": True,
        "inline_sync_packet_drops": False,
        "bulk_sync_failure": False,
    }
    data = wire.DPURequestEnterStandalone(pinned_vdpu_bfd_probe_state="", **(usual | members))
    message = heard(data, peer_position=1)
    assert isinstance(message, said.StandaloneRequest)
    assert message.episode is None
    assert (message.signals.dpu_up, message.signals.triggered) == (dpu_up, triggered)
    assert message.signals.in_sync is None


@pytest.mark.parametrize(
    "data",
    [
        wire.VoteReply(dst_actor_id="x", response="BecomeKing"),
        wire.SwitchoverRequest(dst_actor_id="x", switchover_id="i", flag="Ack"),
        wire.BulkSyncUpdate(dst_actor_id="x", finished=False),
        wire.DPURequestEnterStandaloneReply(response="Perhaps"),
    ],
)
def test_unknown_words_mean_nothing(data: wire.PeerData) -> None:
    assert heard(data, 1) is None


def test_unknown_desired_state_counts_as_unspecified_and_unreadable_term_as_0() -> None:
    data = wire.VoteRequest(dst_actor_id="x", term="many", state="dead", desired_state="unspecified")
    assert heard(data, 1) == said.VoteRequest(0, DesiredHaState.UNSPECIFIED, None)


def test_h12_a_scope_that_is_unknown_puts_off_and_then_gives_up() -> None:
    assert [vote_of_unknown_scope(attempt, 3) for attempt in (1, 2, 3, 4)] == ["RetryLater"] * 3 + ["BecomeStandalone"]
