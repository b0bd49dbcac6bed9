"""Whether a neighbour can be spoken to: each rule, and what holds whatever happens. Source: bus 8 rows 1, 10."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runner.bus.reachability import PING_EVERY_S, SILENT_AFTER_S, Reachability


def pinged(*at_s: float) -> Reachability:
    """There is a way, and these pings are open; their ids are 0, 1, 2..."""
    neighbour = Reachability()
    neighbour.way_found(0.0)
    for number, sent_s in enumerate(at_s):
        neighbour.pinged(number, sent_s)
    return neighbour


def up() -> Reachability:
    """One that has answered at 0."""
    neighbour = pinged(0.0)
    assert neighbour.answered(0, ok=True) is True
    return neighbour


def test_before_the_first_attempt_has_ended_nothing_is_known() -> None:
    assert Reachability().up is None
    assert pinged().up is None
    assert pinged(0.0).up is None
    assert Reachability().next_look_s() is None


def test_an_attempt_that_failed_is_lost_and_told_once() -> None:
    neighbour = Reachability()
    assert neighbour.no_way() is False
    assert neighbour.no_way() is None


def test_a_way_alone_is_not_enough() -> None:
    neighbour = Reachability()
    neighbour.way_found(5.0)
    assert neighbour.up is None
    assert neighbour.ping_due(5.0)
    assert neighbour.next_look_s() == 5.0


def test_an_answer_makes_it_up_and_is_told_once() -> None:
    neighbour = up()
    neighbour.pinged(1, 1.0)
    assert neighbour.answered(1, ok=True) is None


def test_somebody_who_says_that_it_is_not_there_makes_it_lost() -> None:
    neighbour = up()
    neighbour.pinged(1, 1.0)
    assert neighbour.answered(1, ok=False) is False


def test_silence_makes_it_lost_and_not_before() -> None:
    neighbour = up()
    neighbour.pinged(1, 1.0)
    assert neighbour.silence(1.0 + SILENT_AFTER_S - 0.001) is None
    assert neighbour.silence(1.0 + SILENT_AFTER_S) is False
    assert neighbour.silence(1.0 + SILENT_AFTER_S) is None


def test_any_answer_ends_the_silence() -> None:
    neighbour = pinged(0.0, 1.0)
    assert neighbour.answered(1, ok=True) is True
    assert neighbour.silence(SILENT_AFTER_S) is None


def test_an_answer_to_an_older_ping_is_an_answer() -> None:
    assert pinged(0.0, 1.0).answered(0, ok=True) is True


def test_a_late_answer_to_a_forgotten_ping_changes_nothing() -> None:
    neighbour = pinged(0.0)
    assert neighbour.silence(SILENT_AFTER_S) is False
    assert not neighbour.waits_for(0)
    assert neighbour.answered(0, ok=True) is None
    assert neighbour.up is False
    neighbour = pinged(0.0)
    neighbour.no_way()
    assert neighbour.answered(0, ok=True) is None


def test_a_refusal_that_comes_after_an_answer_changes_nothing() -> None:
    neighbour = pinged(0.0, 1.0)
    assert neighbour.answered(1, ok=True) is True
    assert neighbour.answered(0, ok=False) is None


def test_another_process_is_lost_first_and_asked_at_once() -> None:
    neighbour = up()
    neighbour.pinged(1, 1.0)
    assert neighbour.restarted(1.5) is False
    assert neighbour.ping_due(1.5)
    assert neighbour.answered(1, ok=True) is None  # That was the old one.
    neighbour.pinged(2, 1.5)
    assert neighbour.answered(2, ok=True) is True


def test_another_process_of_what_is_not_up_is_no_news() -> None:
    assert Reachability().restarted(0.0) is None
    neighbour = Reachability()
    neighbour.no_way()
    assert neighbour.restarted(0.0) is None


def test_who_is_left_is_lost_only_if_it_was_there() -> None:
    assert up().left() is False
    assert Reachability().left() is None
    neighbour = Reachability()
    neighbour.no_way()
    assert neighbour.left() is None


def test_pings_go_as_long_as_there_is_a_way() -> None:
    neighbour = up()
    assert not neighbour.ping_due(PING_EVERY_S - 0.001)
    assert neighbour.ping_due(PING_EVERY_S)
    assert neighbour.next_look_s() == PING_EVERY_S
    neighbour.no_way()
    assert not neighbour.ping_due(100.0)
    assert neighbour.next_look_s() is None


def test_one_that_is_silent_is_asked_on_and_on() -> None:
    neighbour = pinged(0.0)
    neighbour.silence(SILENT_AFTER_S)
    assert neighbour.ping_due(SILENT_AFTER_S)
    neighbour.pinged(1, SILENT_AFTER_S)
    assert neighbour.answered(1, ok=True) is True


events = st.lists(
    st.tuples(
        st.sampled_from(["way", "no way", "restarted", "ok", "not there", "late", "time", "left"]),
        st.floats(0.0, 3.0),
    ),
    max_size=60,
)


@given(events)
def test_whatever_happens_what_is_told_alternates_and_has_a_reason(happened: list[tuple[str, float]]) -> None:
    neighbour, now_s, number = Reachability(), 0.0, 0
    sent: dict[int, float] = {}
    forgotten: list[int] = []
    told: list[bool] = []
    has_way = False
    for event, after_s in happened:
        now_s += after_s
        silent = any(now_s >= sent_s + SILENT_AFTER_S for sent_s in sent.values())
        before = neighbour.up
        news: list[bool | None] = [neighbour.silence(now_s)]
        if news[0] is False:
            assert silent
        if silent:
            assert neighbour.up is False
        old = [ping for ping, sent_s in sent.items() if now_s >= sent_s + SILENT_AFTER_S]
        forgotten += old
        sent = {ping: sent_s for ping, sent_s in sent.items() if ping not in old}
        match event:
            case "way":
                neighbour.way_found(now_s)
                has_way = True
            case "no way" | "restarted":
                news.append(neighbour.no_way() if event == "no way" else neighbour.restarted(now_s))
                has_way = event == "restarted"
                forgotten += sent
                sent = {}
            case "left":
                news.append(neighbour.left())
            case "ok" | "not there" if sent:
                ping = min(sent) if number % 2 else max(sent)
                news.append(neighbour.answered(ping, event == "ok"))
                assert neighbour.up is (event == "ok")
                if event == "ok":
                    forgotten += sent
                    sent = {}
                else:
                    del sent[ping]
            case "late" if forgotten:
                assert neighbour.answered(forgotten[number % len(forgotten)], ok=True) is None
        if neighbour.ping_due(now_s):
            assert has_way
            neighbour.pinged(number, now_s)
            sent[number] = now_s
            number += 1
        told += [each for each in news if each is not None]
        assert neighbour.up is (told[-1] if told else None)
        assert all(one is not two for one, two in pairwise(told))
        assert before is None or neighbour.up is not None
        look_s = neighbour.next_look_s()
        assert (look_s is None) == (not has_way and not sent)
        assert look_s is None or look_s > now_s or neighbour.ping_due(now_s)
        assert len(sent) <= len(happened)


def test_hamgrd_that_says_something_else_is_there_although_the_answer_to_a_ping_waits_behind_it() -> None:
    neighbour = up()
    neighbour.pinged(1, 1.0)
    neighbour.heard(2.5)
    assert neighbour.next_look_s() == min(2.5 + SILENT_AFTER_S, 1.0 + PING_EVERY_S)
    assert neighbour.silence(2.5 + SILENT_AFTER_S - 0.01) is None
    assert neighbour.silence(2.5 + SILENT_AFTER_S) is False


def test_what_is_heard_of_a_neighbour_that_is_not_up_does_not_make_it_so() -> None:
    neighbour = pinged(0.0)
    neighbour.heard(1.0)
    assert neighbour.silence(SILENT_AFTER_S) is False


def test_time_in_which_nobody_looked_is_no_silence() -> None:
    neighbour = up()
    neighbour.pinged(1, 1.0)
    neighbour.not_looked(5.0)
    assert neighbour.silence(6.0 + SILENT_AFTER_S - 0.01) is None
    assert neighbour.answered(1, ok=True) is None
    assert neighbour.silence(100.0) is None
