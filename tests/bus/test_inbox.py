"""What is handed to an entity, and what its sender is answered. Source: bus 5.1, 6 rules 1 and 2, weakness 24."""

import json
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from models.peer_messages import HaScopeStateUpdate, PeerHeartbeat, encode_message
from models.service_path import ServicePath, hamgrd_base
from models.swbus import DataRequest, ErrorCode, Header, SwbusMessage, decode
from runner.bus.inbox import SET_BACK, Acknowledge, Counted, HandOver, Inbox, Wait

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "swbus.json").read_text())
INVALID = {vector["name"]: decode_hex for vector in VECTORS["invalid"] if (decode_hex := vector["hex"])}
DATA = [vector for vector in VECTORS["messages"] if vector["name"].startswith("data_")]

A, B = (ServicePath("region-a", "cluster-a", f"switch{n}-dpu0") for n in (1, 2))
SCOPE_A = hamgrd_base(A).with_resource("ha-scope", "vdpu0-0:haset0-0")
SCOPE_B = hamgrd_base(B).with_resource("ha-scope", "vdpu1-0:haset0-0")
SET_B = hamgrd_base(B).with_resource("ha-set", "haset0-0")
START = 1_753_200_000_000_000_000


def report(
    number: int, source: ServicePath = SCOPE_A, destination: ServicePath = SCOPE_B, sender: str | None = None
) -> SwbusMessage:
    data = HaScopeStateUpdate(
        owner=2, new_state="HA_STATE_ACTIVE", timestamp=1, term="1", vdpu_id="vdpu0-0", peer_vdpu_id="vdpu1-0"
    )
    payload = encode_message(source.resource_id if sender is None else sender, data).encode()
    return SwbusMessage(Header(id=number, source=source, destination=destination), DataRequest(payload))


def handed(inbox: Inbox, message: SwbusMessage) -> HandOver:
    verdict = inbox.arrived(message)
    assert isinstance(verdict, HandOver)
    return verdict


def test_a_message_is_handed_over_and_acknowledged_when_it_was_consumed() -> None:
    inbox = Inbox(B)
    offered = handed(inbox, report(START))
    assert offered.to == "ha-scope/vdpu1-0:haset0-0"
    assert json.loads(offered.payload)["key"] == offered.key == "HaScopeStateUpdate|vdpu0-0:haset0-0"
    assert inbox.arrived(report(START)) == Wait()
    assert inbox.consumed(offered, 0) == Acknowledge(ErrorCode.OK)
    assert inbox.arrived(report(START)) == Acknowledge(ErrorCode.OK)
    assert inbox.counts == {Counted.HANDED_OVER: 1, Counted.IN_HAND: 1, Counted.CONSUMED: 1, Counted.DUPLICATE: 1}


def test_a_repetition_gets_the_verdict_that_the_message_got() -> None:
    inbox = Inbox(B)
    verdict = Acknowledge(ErrorCode.FAIL, "no such scope")
    inbox.consumed(handed(inbox, report(START)), 0, verdict)
    assert inbox.arrived(report(START)) == verdict
    assert inbox.arrived(report(START - 1)) == Acknowledge(ErrorCode.OK)


@pytest.mark.parametrize(
    ("number", "is_new"),
    [(START + 1, True), (START, False), (START - 1, False), (START - SET_BACK + 1, False), (START - SET_BACK, True)],
)
def test_what_an_id_says_about_its_age(number: int, is_new: bool) -> None:
    inbox = Inbox(B)
    inbox.consumed(handed(inbox, report(START)), 0)
    assert isinstance(inbox.arrived(report(number)), HandOver) == is_new


def test_after_the_clock_of_the_sender_was_set_back_its_new_ids_count() -> None:
    inbox = Inbox(B)
    inbox.consumed(handed(inbox, report(START)), 0)
    inbox.consumed(handed(inbox, report(START - 5 * SET_BACK)), 0)
    assert isinstance(inbox.arrived(report(START - 5 * SET_BACK)), Acknowledge)
    assert isinstance(inbox.arrived(report(START - 5 * SET_BACK + 1)), HandOver)


def test_what_was_not_handled_is_taken_again() -> None:
    inbox = Inbox(B)
    inbox.abandoned(handed(inbox, report(START)))
    assert isinstance(inbox.arrived(report(START)), HandOver)


def test_something_older_than_what_is_in_hand_waits_for_its_outcome() -> None:
    inbox = Inbox(B)
    offered = handed(inbox, report(START + 1))
    assert inbox.arrived(report(START)) == Wait()
    inbox.consumed(offered, 0)
    assert inbox.arrived(report(START)) == Acknowledge(ErrorCode.OK)


def test_something_newer_than_what_is_in_hand_is_taken() -> None:
    inbox = Inbox(B)
    first, second = handed(inbox, report(START)), handed(inbox, report(START + 1))
    inbox.consumed(first, 0)
    inbox.consumed(second, 0)
    assert isinstance(inbox.arrived(report(START + 1)), Acknowledge)


def test_one_report_for_a_scope_and_for_its_set_is_two_messages() -> None:
    """The set's copy has the higher id; the scope's copy may come later all the same, by a resend."""
    inbox = Inbox(B)
    inbox.consumed(handed(inbox, report(START + 1, destination=SET_B)), 0)
    assert isinstance(inbox.arrived(report(START, destination=SCOPE_B)), HandOver)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("bad_json", ErrorCode.INVALID_PAYLOAD),
        ("empty_payload", ErrorCode.INVALID_PAYLOAD),
        ("vote_request_bad_fields", ErrorCode.INVALID_PAYLOAD),
    ],
)
def test_invalid_vector(name: str, code: ErrorCode) -> None:
    inbox = Inbox(B)
    verdict = inbox.arrived(decode(bytes.fromhex(INVALID[name])))
    assert isinstance(verdict, Acknowledge)
    assert (verdict.code, verdict.error_message) == (code, "invalid payload")
    assert verdict.why
    assert not inbox._streams
    assert inbox.counts == {Counted.INVALID_PAYLOAD: 1}


@pytest.mark.parametrize(
    "payload", [b"\xff", b"[]", b"{}", b'{"key":"VoteReply|x"}', b'{"key":1,"data":{}}', b"[" * 100_000]
)
def test_a_payload_that_is_no_envelope_is_invalid(payload: bytes) -> None:
    verdict = Inbox(B).arrived(evolve(report(START), body=DataRequest(payload)))
    assert isinstance(verdict, Acknowledge)
    assert verdict.code is ErrorCode.INVALID_PAYLOAD


@pytest.mark.parametrize("key", ["Gossip|vdpu0-0:haset0-0", "SelfNotification|vdpu0-0:haset0-0"])
def test_an_unknown_kind_is_acknowledged_counted_and_not_remembered(key: str) -> None:
    inbox = Inbox(B)
    payload = json.dumps({"key": key, "data": None}).encode()
    verdict = inbox.arrived(evolve(report(START), body=DataRequest(payload)))
    assert isinstance(verdict, Acknowledge)
    assert (verdict.code, bool(verdict.why)) == (ErrorCode.OK, True)
    assert not inbox._streams
    assert inbox.counts == {Counted.UNKNOWN_KIND: 1}


@pytest.mark.parametrize(
    "message",
    [
        report(START, source=hamgrd_base(A)),
        report(START, source=A, sender="vdpu0-0:haset0-0"),
        report(START, source=hamgrd_base(A).with_resource("ha-set", "haset0-0")),
        report(START, source=evolve(SCOPE_A, service_type="other")),
        report(START, source=evolve(SCOPE_A, service_id="1")),
        report(START, source=evolve(SCOPE_A, node_id=B.node_id)),
        report(START, source=SCOPE_A, sender="vdpu5-0:haset0-0"),
        report(START, source=hamgrd_base(A).with_resource("ha-scope", "vdpu0-0:haset9-9")),
    ],
    ids=["base", "node", "set", "service", "number", "own node", "another's name", "another scope"],
)
def test_a_source_that_has_no_business_with_the_addressee_is_refused(message: SwbusMessage) -> None:
    inbox = Inbox(B)
    verdict = inbox.arrived(message)
    assert isinstance(verdict, Acknowledge)
    assert (verdict.code, bool(verdict.why)) == (ErrorCode.INVALID_SOURCE, True)
    assert not inbox._streams
    assert inbox.counts == {Counted.INVALID_SOURCE: 1}


FROM_A_PEER = [v for v in DATA if "(in-process)" not in v["note"] and "payload_json" in v["decoded"]["body"]]


@pytest.mark.parametrize("vector", FROM_A_PEER, ids=lambda vector: str(vector["name"]))
def test_every_message_of_a_reference_peer_is_handed_over(vector: dict[str, str]) -> None:
    message = decode(bytes.fromhex(vector["hex"]))
    verdict = Inbox(message.header.destination.node).arrived(message)
    if "never leaves the process" in vector["note"]:
        assert isinstance(verdict, Acknowledge)
    else:
        assert isinstance(verdict, HandOver)


def sources(n: int) -> ServicePath:
    return hamgrd_base(A).with_resource("ha-scope", f"vdpu{n}:haset0-0")


def test_the_oldest_stream_is_forgotten_but_none_that_is_in_hand() -> None:
    inbox = Inbox(B, remembered=2)
    busy = handed(inbox, report(START, sources(0)))
    inbox.consumed(handed(inbox, report(START, sources(1))), 0)
    third = handed(inbox, report(START, sources(2)))
    assert isinstance(inbox.arrived(report(START, sources(1))), Wait)
    assert inbox.counts[Counted.OVERLOADED] == 1
    inbox.consumed(busy, 0)
    inbox.consumed(third, 0)
    assert isinstance(inbox.arrived(report(START, sources(0))), Acknowledge)
    assert isinstance(inbox.arrived(report(START, sources(1))), HandOver)


def test_a_stream_that_speaks_again_is_not_the_oldest() -> None:
    inbox = Inbox(B, remembered=2)
    for number, source in ((START, 0), (START, 1), (START + 1, 0), (START, 2)):
        inbox.consumed(handed(inbox, report(number, sources(source))), 0)
    assert isinstance(inbox.arrived(report(START + 1, sources(0))), Acknowledge)


def test_what_is_consumed_late_does_not_hide_what_is_newer() -> None:
    inbox = Inbox(B)
    older, newer = handed(inbox, report(START)), handed(inbox, report(START + 1))
    inbox.consumed(newer, 0)
    inbox.consumed(older, 0)
    assert isinstance(inbox.arrived(report(START + 1)), Acknowledge)
    assert inbox.received_by(SCOPE_B)[0].message == report(START + 1)


def test_what_was_consumed_is_remembered_for_the_state_dump() -> None:
    inbox = Inbox(B)
    inbox.consumed(handed(inbox, report(START)), 1_000)
    inbox.consumed(handed(inbox, report(START + 1)), 2_000)
    handed(inbox, report(START + 2))
    [received] = inbox.received_by(SCOPE_B)
    assert received.message == report(START + 1)
    assert (received.version, received.first_ms, received.last_ms) == (2, 1_000, 2_000)
    assert inbox.received_by(SET_B) == []


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("arrives"), st.integers(0, 20)),
            st.tuples(st.sampled_from(["consumed", "abandoned"]), st.integers(0, 20)),
        ),
        max_size=60,
    )
)
def test_a_message_is_consumed_at_most_once_and_never_after_a_newer_one(steps: list[tuple[str, int]]) -> None:
    inbox = Inbox(B)
    in_hand: list[HandOver] = []
    consumed: list[int] = []
    for what, number in steps:
        if what == "arrives":
            verdict = inbox.arrived(report(START + number))
            if isinstance(verdict, HandOver):
                assert all(START + number > other for other in consumed)
                assert verdict.message.header.id not in [other.message.header.id for other in in_hand]
                in_hand.append(verdict)
            elif isinstance(verdict, Acknowledge):
                assert consumed
                assert START + number <= max(consumed)
        elif in_hand:
            # The node handles one message after the other.
            first = in_hand.pop(0)
            if what == "consumed":
                inbox.consumed(first, 0)
                consumed.append(first.message.header.id)
            else:
                inbox.abandoned(first)
    assert consumed == sorted(set(consumed))


@given(st.binary(max_size=40) | st.text(max_size=30).map(str.encode))
def test_any_payload_gets_a_verdict(payload: bytes) -> None:
    Inbox(B).arrived(evolve(report(START), body=DataRequest(payload)))


def test_keys_that_differ_are_streams_that_differ() -> None:
    inbox = Inbox(B)
    inbox.consumed(handed(inbox, report(START)), 0)
    beat = encode_message("vdpu0-0:haset0-0", PeerHeartbeat(dst_actor_id="vdpu1-0:haset0-0")).encode()
    assert isinstance(inbox.arrived(evolve(report(START), body=DataRequest(beat))), HandOver)
