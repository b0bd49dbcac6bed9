"""What the links between daemons do to messages (bus 6)."""

import json
from random import Random

from runner.lab.network import Conditions, Network


def message(kind: str, said: int) -> str:
    return json.dumps({"key": f"{kind}|vdpu0_0:haset0_0", "data": {"said": said}})


def network(**conditions: object) -> Network:
    made = Network(Random(1))
    made.conditions = Conditions(**conditions)  # type: ignore[arg-type]
    return made


def arrivals(links: Network, count: int, kinds: tuple[str, ...] = ("Report",)) -> list[tuple[str, int]]:
    """Send messages one millisecond apart; kind and number of what is handed over, in that order."""
    sent = [
        arrival
        for number in range(count)
        for arrival in links.carry("A", "B", "ha-scope/a", "x", message(kinds[number % len(kinds)], number), number)
    ]
    handed = [letter for _, letter in sorted(sent, key=lambda arrival: arrival[0]) if links.hands_over(letter)]
    return [(letter.kind, json.loads(letter.payload)["data"]["said"]) for letter in handed]


def test_one_stream_keeps_its_order() -> None:
    assert arrivals(network(delay_ms=5, jitter_ms=500), 50) == [("Report", number) for number in range(50)]


def test_what_is_older_or_repeated_is_not_handed_over_again() -> None:
    numbers = [number for _, number in arrivals(network(delay_ms=5, jitter_ms=500, repetition=0.5, reordering=0.5), 50)]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 49, "the newest is always handed over"


def test_kinds_may_overtake_each_other() -> None:
    handed = arrivals(network(delay_ms=5, jitter_ms=500, reordering=0.5), 50, ("Report", "Request"))
    assert [number for _, number in handed] != sorted(number for _, number in handed)


def test_lost_kinds_and_lost_links_deliver_nothing() -> None:
    links = network(loses={"Report"})
    assert {kind for kind, _ in arrivals(links, 10, ("Report", "Request"))} == {"Request"}
    links.link("A", "B").up = False
    assert arrivals(links, 10, ("Request",)) == []


def test_what_was_on_its_way_over_a_lost_connection_does_not_arrive() -> None:
    links = network()
    [(_, letter)] = links.carry("A", "B", "ha-scope/a", "x", message("Report", 1), 0)
    links.renew("A", "B")
    assert not links.hands_over(letter)


def test_daemon_that_has_started_takes_what_its_earlier_life_was_handed() -> None:
    links = network()
    [(_, letter)] = links.carry("A", "B", "ha-scope/a", "x", message("Report", 1), 0)
    assert links.hands_over(letter)
    assert not links.hands_over(letter)
    links.forget("B")
    assert links.hands_over(letter)
