"""What is owed to a neighbour, when it is sent again and when no more. Source: bus 6, rules 3, 4, 7."""

from itertools import count
from random import Random

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from models.service_path import ServicePath
from models.swbus import DataRequest, ErrorCode, Header, SwbusMessage
from runner.bus.outbox import EXPIRY_MS, MANY_OWED, QUEUED_FOR_MS, Counted, Outbox, Outgoing

OWN, PEER = "ha-scope/vdpu0:set0", "ha-scope/vdpu1:set0"
REPORT, VOTE = "HaScopeStateUpdate|vdpu0:set0", "VoteRequest|vdpu0:set0"
PEER_DPU = "switch2_dpu0"


def outbox(chance: float = 0.0, max_owed: int = 100, linked: bool = True) -> Outbox:
    ids = count(1)
    box = Outbox(lambda _: next(ids), lambda: chance, max_owed)
    if linked:
        box.link_changed(PEER_DPU, True, 0)
    return box


def post(box: Outbox, key: str, payload: str, now_ms: int, destination: str = PEER) -> ErrorCode:
    return box.post(PEER_DPU, OWN, destination, key, payload, now_ms)


def sending_times(box: Outbox, until_ms: int) -> list[int]:
    """When anything is sent, if the outbox is asked exactly when it wants to be."""
    times = []
    while (now_ms := box.next_due()) is not None and now_ms <= until_ms:
        times += [now_ms for _ in box.due(now_ms).send]
    return times


def test_a_message_is_due_at_once_and_carries_what_was_posted() -> None:
    box = outbox()
    assert post(box, VOTE, "{}", 5) is ErrorCode.OK
    assert box.next_due() == 5
    assert box.due(5).send == [Outgoing(1, PEER_DPU, OWN, PEER, VOTE, "{}")]


def test_a_message_is_framed_once_the_node_of_the_neighbour_is_known() -> None:
    own, peer = (ServicePath("r", "c", f"switch{n}-dpu0") for n in (1, 2))
    framed = Outgoing(8, PEER_DPU, OWN, PEER, VOTE, '{"é":1}').framed(own, peer)
    assert framed == SwbusMessage(
        Header(
            id=8,
            source=ServicePath("r", "c", "switch1-dpu0", "hamgrd", "0", "ha-scope", "vdpu0:set0"),
            destination=ServicePath("r", "c", "switch2-dpu0", "hamgrd", "0", "ha-scope", "vdpu1:set0"),
        ),
        DataRequest('{"é":1}'.encode()),
    )


def test_a_report_is_sent_again_ever_more_slowly_and_for_ever() -> None:
    box = outbox()
    post(box, REPORT, "{}", 0)
    times = sending_times(box, 100_000)
    assert times == [0, 500, 1500, 3500, 7500, 15_500, 30_500, 45_500, 60_500, 75_500, 90_500]


def test_a_request_is_sent_again_ever_more_slowly_until_it_expires() -> None:
    box = outbox()
    post(box, VOTE, "{}", 0)
    assert sending_times(box, 9_999) == [0, 2_000, 6_000]
    assert box.next_due() == EXPIRY_MS
    last = box.due(EXPIRY_MS)
    assert ([message.key for message in last.expired], last.send) == ([VOTE], [])
    assert (box.owed(), box.next_due()) == (0, None)
    assert box.counts[Counted.EXPIRED] == 1


def test_a_resend_has_the_same_id_and_content() -> None:
    box = outbox()
    post(box, REPORT, "{}", 0)
    assert box.due(0).send == box.due(500).send != []


def test_resends_are_spread() -> None:
    box = outbox(chance=1.0)
    post(box, REPORT, "{}", 0)
    assert sending_times(box, 3_000) == [0, 600, 1_800]


@pytest.mark.parametrize("key", [REPORT, VOTE])
def test_an_acknowledged_message_is_not_sent_again(key: str) -> None:
    box = outbox()
    post(box, key, "{}", 0)
    [message] = box.due(0).send
    assert box.answered(OWN, message.id, ErrorCode.OK) == message
    assert sending_times(box, 100_000) == []
    assert box.answered(OWN, message.id, ErrorCode.OK) is None
    assert box.counts[Counted.ANSWERED_LATE] == 1


def test_an_answer_counts_only_for_who_had_sent_the_message() -> None:
    box = outbox()
    post(box, VOTE, "{}", 0)
    assert box.answered("ha-scope/vdpu9:set0", 1, ErrorCode.OK) is None
    assert box.owed() == 1


def test_the_newest_message_supersedes_the_older_one() -> None:
    box = outbox()
    post(box, REPORT, "old", 0)
    [old] = box.due(0).send
    post(box, REPORT, "new", 100)
    [new] = box.due(100).send
    assert (new.payload, new.id > old.id) == ("new", True)
    assert box.answered(OWN, old.id, ErrorCode.OK) is None
    assert [message.payload for message in box.due(600).send] == ["new"]
    assert box.counts[Counted.SUPERSEDED] == 1


def test_one_key_to_two_entities_is_two_messages() -> None:
    box = outbox()
    post(box, REPORT, "{}", 0, PEER)
    post(box, REPORT, "{}", 0, "ha-set/set0")
    assert [message.destination for message in box.due(0).send] == [PEER, "ha-set/set0"]


def test_without_a_link_messages_wait_and_go_in_order_when_it_comes() -> None:
    box = outbox(linked=False)
    post(box, VOTE, "1", 0)
    post(box, REPORT, "2", 10)
    post(box, VOTE, "3", 20)
    assert box.due(30).send == []
    box.link_changed(PEER_DPU, True, 3_000)
    assert [message.payload for message in box.due(3_000).send] == ["2", "3"]


def test_without_a_link_a_request_expires_all_the_same() -> None:
    box = outbox(linked=False)
    post(box, VOTE, "{}", 0)
    assert box.next_due() == EXPIRY_MS
    assert [message.key for message in box.due(EXPIRY_MS).expired] == [VOTE]


def test_a_link_that_is_replaced_makes_due_at_once_what_is_owed_to_that_neighbour() -> None:
    box = outbox()
    box.link_changed("switch3_dpu0", True, 0)
    post(box, REPORT, "{}", 0)
    box.post("switch3_dpu0", OWN, PEER, REPORT, "{}", 0)
    sending_times(box, 3_500)
    box.link_changed(PEER_DPU, True, 4_000)
    assert [message.neighbour for message in box.due(4_000).send] == [PEER_DPU]
    assert box.next_due() == 4_500


def test_a_request_never_goes_over_a_link_that_came_too_late() -> None:
    box = outbox(linked=False)
    post(box, VOTE, "{}", 0)
    box.link_changed(PEER_DPU, True, EXPIRY_MS)
    last = box.due(EXPIRY_MS)
    assert (last.send, len(last.expired)) == ([], 1)


@pytest.mark.parametrize("code", [ErrorCode.NO_ROUTE, ErrorCode.INVALID_SOURCE, ErrorCode.FAIL, ErrorCode.UNREACHABLE])
def test_a_negative_answer_is_noted_and_the_message_comes_again(code: ErrorCode) -> None:
    box = outbox()
    post(box, REPORT, "{}", 0)
    [message] = box.due(0).send
    box.answered(OWN, message.id, code, "Route not found", ServicePath("r"))
    [sent] = box.sent_by(OWN)
    assert (sent.response, sent.response_source, sent.acked) == ((code, "Route not found"), ServicePath("r"), False)
    assert box.counts[Counted.REJECTED] == 1
    assert box.due(500).send == [message]


def test_bytes_that_cannot_be_read_are_not_sent_again() -> None:
    box = outbox()
    post(box, REPORT, "{}", 0)
    box.due(0)
    box.answered(OWN, 1, ErrorCode.INVALID_PAYLOAD)
    assert sending_times(box, 100_000) == []
    assert not box.sent_by(OWN)[0].acked


def test_too_much_is_refused_but_never_a_report_nor_what_supersedes() -> None:
    box = outbox(max_owed=2)
    assert post(box, VOTE, "{}", 0) is ErrorCode.OK
    assert post(box, "PeerHeartbeat|vdpu0:set0", "{}", 0) is ErrorCode.OK
    assert post(box, "ShutdownRequest|vdpu0:set0", "{}", 0) is ErrorCode.QUEUE_FULL
    assert post(box, VOTE, "{}", 0) is ErrorCode.OK
    assert post(box, REPORT, "{}", 0) is ErrorCode.OK
    assert (box.owed(), box.counts[Counted.QUEUE_FULL]) == (3, 1)


def test_nothing_is_owed_to_a_neighbour_that_is_not_configured_any_more() -> None:
    box = outbox()
    post(box, REPORT, "{}", 0)
    box.forget(PEER_DPU)
    assert (box.owed(), box.next_due(), box.sent_by(OWN)) == (0, None, [])


def test_what_was_sent_is_remembered_with_its_version() -> None:
    box = outbox()
    for now_ms in (0, 10, 20):
        post(box, REPORT, str(now_ms), now_ms)
        box.due(now_ms)
    box.answered(OWN, 3, ErrorCode.OK)
    [sent] = box.sent_by(OWN)
    assert (sent.version, sent.first_posted_ms, sent.posted_ms, sent.last_sent_ms, sent.acked) == (3, 0, 20, 20, True)
    assert box.sent_by(PEER) == []


def test_resends_go_in_the_order_of_posting_whichever_was_due_first() -> None:
    box = outbox()
    post(box, REPORT, "first", 0)
    sending_times(box, 500)
    post(box, VOTE, "second", 600, "ha-scope/vdpu2:set0")
    post(box, REPORT, "third", 600, "ha-set/set0")
    box.due(600)
    # The third was due at 1100, the first at 1500, the second at 2600.
    assert [message.payload for message in box.due(2_600).send] == ["first", "second", "third"]


def test_so_many_settled_messages_are_remembered() -> None:
    box = outbox()
    box.remembered = 3
    for number in range(10):
        post(box, f"{REPORT}{number}", "{}", 0)
    for message in box.due(0).send:
        box.answered(OWN, message.id, ErrorCode.OK)
    assert [sent.message.key for sent in box.sent_by(OWN)] == [f"{REPORT}{number}" for number in (7, 8, 9)]


def test_plans_of_old_do_not_pile_up() -> None:
    box = outbox()
    post(box, REPORT, "{}", 0)
    for _ in range(10_000):
        box.link_changed(PEER_DPU, True, 0)
    assert len(box._schedule) < 100


@define
class Wire:
    """A neighbour behind a link that loses what it likes, and what was sent to it."""

    box: Outbox
    now_ms: int = 0
    up: bool = False
    numbers: dict[int, int] = field(factory=dict)
    """When each message was posted, by its payload."""

    sent: list[tuple[int, Outgoing]] = field(factory=list)
    newest: dict[str, int] = field(factory=dict)
    heard: dict[str, int] = field(factory=dict)

    def send_due(self, loses: bool, loses_answer: bool) -> None:
        for message in self.box.due(self.now_ms).send:
            assert self.up
            self.sent.append((self.now_ms, message))
            if not loses:
                self.heard[message.key] = int(message.payload)
                if not loses_answer:
                    self.box.answered(OWN, message.id, ErrorCode.OK)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.sampled_from([REPORT, VOTE, "HaScopeStateUpdate|vdpu9:set0"])),
        st.tuples(st.just("wait"), st.integers(0, 12_000)),
        st.tuples(st.just("link"), st.booleans()),
        st.tuples(st.just("send"), st.tuples(st.booleans(), st.booleans())),
    ),
    max_size=40,
)


@given(steps, st.integers(0))
def test_whatever_happens_on_the_way(taken: list[tuple[str, object]], seed: int) -> None:
    """No request is sent when it is old, nothing superseded is sent, and the newest report is heard at last."""
    ids = count(1)
    wire = Wire(Outbox(lambda _: next(ids), Random(seed).random))
    for number, step in enumerate(taken):
        match step:
            case ("post", str() as key):
                assert post(wire.box, key, str(number), wire.now_ms) is ErrorCode.OK
                wire.numbers[number] = wire.now_ms
                wire.newest[key] = number
            case ("wait", int() as passed):
                wire.now_ms += passed
            case ("link", bool() as up):
                wire.up = up
                wire.box.link_changed(PEER_DPU, up, wire.now_ms)
            case ("send", (bool() as loses, bool() as loses_answer)):
                before = len(wire.sent)
                wire.send_due(loses, loses_answer)
                assert all(int(message.payload) == wire.newest[message.key] for _, message in wire.sent[before:])
    wire.up = True
    wire.box.link_changed(PEER_DPU, True, wire.now_ms)
    while wire.box.owed():
        next_ms = wire.box.next_due()
        assert next_ms is not None
        wire.now_ms = max(wire.now_ms, next_ms)
        wire.send_due(False, False)

    for key, number in wire.newest.items():
        assert key == VOTE or wire.heard[key] == number
    for sent_ms, message in wire.sent:
        assert message.key != VOTE or sent_ms < wire.numbers[int(message.payload)] + EXPIRY_MS
    last_ids: dict[str, int] = {}
    for _, message in wire.sent:
        assert message.id >= last_ids.get(message.key, 0)
        last_ids[message.key] = message.id


def busy_receiver() -> tuple[Outbox, list[Outgoing]]:
    """Very many reports were sent at 0, and the receiver has acknowledged the first of them at 400."""
    box = outbox(max_owed=10 * MANY_OWED)
    for number in range(2 * MANY_OWED):
        box.post(PEER_DPU, OWN, PEER, f"HaScopeStateUpdate|vdpu0:{number}", "{}", 0)
    sent = box.due(0).send
    box.answered(OWN, sent[0].id, ErrorCode.OK)
    return box, sent[1:]


def test_a_receiver_that_is_at_work_on_very_many_messages_is_not_told_them_again() -> None:
    box, sent = busy_receiver()
    assert sending_times(box, QUEUED_FOR_MS) == []
    assert box.counts[Counted.RESENT] == 0
    again = [message for now_ms in range(QUEUED_FOR_MS, 2 * QUEUED_FOR_MS, 100) for message in box.due(now_ms).send]
    assert set(again) >= set(sent)


def test_one_that_was_passed_over_is_told_again() -> None:
    """A message that was sent later has been acknowledged: this one was lost."""
    box, sent = busy_receiver()
    post(box, VOTE, "{}", 100)
    (later,) = box.due(100).send
    box.answered(OWN, later.id, ErrorCode.OK)
    assert set(box.due(500).send) == set(sent)


def test_another_link_is_told_everything_at_once() -> None:
    box, sent = busy_receiver()
    box.link_changed(PEER_DPU, True, 200)
    assert set(box.due(200).send) == set(sent)
