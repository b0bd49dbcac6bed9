"""Messages between two hamgrd: the examples of bus 5.3 byte for byte, optional members, and whatever else may come."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.peer_messages import (
    BadMessage,
    DPURequestEnterStandalone,
    HaScopeStateUpdate,
    VoteReply,
    VoteRequest,
    decode_message,
    encode_message,
)

A, B = "vdpu0-0:haset0-0", "vdpu1-0:haset0-0"

EXAMPLES = (
    '{"key":"HaScopeStateUpdate|vdpu0-0:haset0-0","data":{"acked_asic_ha_state":"active",'
    '"new_state":"HA_STATE_ACTIVE","owner":2,"peer_vdpu_id":"vdpu1-0","term":"1","timestamp":1753200000123,'
    '"vdpu_id":"vdpu0-0"}}',
    '{"key":"PeerHeartbeat|vdpu0-0:haset0-0","data":{"dst_actor_id":"vdpu1-0:haset0-0"}}',
    '{"key":"VoteRequest|vdpu0-0:haset0-0","data":{"desired_state":"DESIRED_HA_STATE_ACTIVE",'
    '"dst_actor_id":"vdpu1-0:haset0-0","state":"HA_STATE_CONNECTING","term":"0"}}',
    '{"key":"VoteReply|vdpu1-0:haset0-0","data":{"dst_actor_id":"vdpu0-0:haset0-0","response":"BecomeActive"}}',
    '{"key":"BulkSyncUpdate|vdpu0-0:haset0-0","data":{"dst_actor_id":"vdpu1-0:haset0-0","finished":true}}',
    '{"key":"SwitchoverRequest|vdpu1-0:haset0-0","data":{"dst_actor_id":"vdpu0-0:haset0-0","flag":"Syn",'
    '"switchover_id":"2c1f0f5e-7d0b-4a0e-8f57-0f4b6f0b1a11"}}',
    '{"key":"ShutdownRequest|vdpu1-0:haset0-0","data":{"reason":"planned shutdown"}}',
    '{"key":"ShutdownReply|vdpu0-0:haset0-0","data":{"response":"accepted"}}',
    '{"key":"DPURequestEnterStandalone|vdpu0-0:haset0-0","data":{"bulk_sync_failure":false,'
    '"dp_channel_is_alive":true,"inline_sync_packet_drops":true,"local_dpu_up":true,'
    '"pinned_vdpu_bfd_probe_state":""}}',
    '{"key":"DPURequestEnterStandaloneReply|vdpu1-0:haset0-0","data":{"response":"EnterStandalone"}}',
)


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text[8:30])
def test_example_is_read_and_written_byte_for_byte(text: str) -> None:
    envelope = decode_message(text)
    assert envelope.sender in (A, B)
    assert encode_message(envelope.sender, envelope.data) == text


def test_our_members_are_left_out_when_there_is_nothing_to_say() -> None:
    reply = VoteReply(dst_actor_id=A, response="RetryLater")
    assert "attempt" not in encode_message(B, reply)
    assert decode_message(encode_message(B, VoteReply(dst_actor_id=A, response="RetryLater", attempt=2))).data == (
        VoteReply(dst_actor_id=A, response="RetryLater", attempt=2)
    )


def test_unknown_members_are_ignored_and_null_is_as_if_left_out() -> None:
    members = {"dst_actor_id": A, "term": "3", "state": "s", "desired_state": "d", "attempt": None, "news": [1]}
    envelope = decode_message(json.dumps({"key": f"VoteRequest|{B}", "data": members, "more": 1}))
    assert envelope.data == VoteRequest(dst_actor_id=A, term="3", state="s", desired_state="d")


REPORT = json.loads(EXAMPLES[0])["data"]


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ("", "no JSON"),
        ("[]", "no object with a key"),
        ('{"data":{}}', "no object with a key"),
        ('{"key":7,"data":{}}', "no object with a key"),
        ('{"key":"VoteReply","data":{}}', "does not name kind"),
        ('{"key":"VoteReply|","data":{}}', "does not name kind"),
        ('{"key":"Gossip|x","data":{}}', "not a kind"),
        (f'{{"key":"VoteReply|{A}","data":[]}}', "data is no object"),
        (f'{{"key":"VoteReply|{A}","data":{{"response":"x"}}}}', "dst_actor_id is missing"),
        (f'{{"key":"BulkSyncUpdate|{A}","data":{{"dst_actor_id":"x","finished":1}}}}', "finished is int"),
        (json.dumps({"key": f"HaScopeStateUpdate|{A}", "data": REPORT | {"owner": True}}), "owner is bool"),
        (json.dumps({"key": f"HaScopeStateUpdate|{A}", "data": REPORT | {"pinned": "yes"}}), "pinned is str"),
        ("[" * 100_000, "no JSON"),
        ('"' + "x" * 2_000_000 + '"', "characters"),
    ],
)
def test_a_bad_message_is_one_clear_error(payload: str, why: str) -> None:
    with pytest.raises(BadMessage, match=why):
        decode_message(payload)


@given(st.text() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_anything_is_read_or_rejected(payload: str) -> None:
    with pytest.raises(BadMessage):
        decode_message(payload)


@given(
    st.builds(
        HaScopeStateUpdate,
        owner=st.integers(0, 2),
        new_state=st.text(),
        timestamp=st.integers(0),
        term=st.text(),
        vdpu_id=st.text(),
        peer_vdpu_id=st.text(),
        acked_asic_ha_state=st.none() | st.text(),
        ready_to_pair=st.none() | st.booleans(),
        pinned=st.none() | st.booleans(),
        in_sync=st.none() | st.booleans(),
    )
    | st.builds(
        DPURequestEnterStandalone,
        dp_channel_is_alive=st.booleans(),
        local_dpu_up=st.booleans(),
        pinned_vdpu_bfd_probe_state=st.text(),
        inline_sync_packet_drops=st.booleans(),
        bulk_sync_failure=st.booleans(),
        episode=st.none() | st.text(),
        bfd_reach=st.none() | st.integers(0, 8),
        triggered=st.none() | st.booleans(),
    )
)
def test_what_is_written_is_read_back(data: HaScopeStateUpdate | DPURequestEnterStandalone) -> None:
    assert decode_message(encode_message(A, data)).data == data
