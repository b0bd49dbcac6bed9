"""Inline sync drops of a switch-driven pair, from counters to who serves: scenarios W12a, W12b, C15, C16.

Where the scenarios speak of one poll, switch-driven 8 wants the same in two polls in a row.
"""

import json
from collections.abc import Callable
from itertools import pairwise

import pytest

from runner.inputs import SyncCountersRead
from runner.journal.conversion import input_from_json, input_to_json
from runner.lab.world import COUNTERS_MS, node_of
from runner.outputs import DeleteRow, SendMessage, WriteRow
from tests.lab.pair import A_ALONE, P, Pair, Q, healthy

ENIS = ("F4939FEFC47E", "F4939FEFC47F")
POLL_S = COUNTERS_MS / 1000
TWO_POLLS_S = 2 * POLL_S + 1
BASE_AND_TWO_POLLS_S = 3 * POLL_S + 1


def counted(**settings: object) -> Pair:
    """A healthy pair whose DPUs have ENIs, and whose counters were polled once already."""
    lab = healthy(**settings)
    for name in "AB":
        lab.add_enis(name, *ENIS)
    lab.run(1)
    return lab


def said(lab: Pair, mark: int, kind: str, sender: str) -> list[dict[str, object]]:
    """What a side has said in messages of one kind since a mark."""
    letters = [letter for _, letter in lab.network.sent[mark:] if letter.sender == sender and letter.kind == kind]
    return [json.loads(letter.payload)["data"] for letter in letters]


# W12a


@pytest.mark.parametrize("enis", [ENIS, ENIS[:1], ENIS[1:]], ids=["all", "first", "second"])
def test_w12a_drops_on_the_active_side(enis: tuple[str, ...]) -> None:
    lab = counted()
    mark, since_ms, t = len(lab.network.sent), lab.wall_ms, lab["A"].term
    lab.drops("A", 31, *enis)
    lab.run(POLL_S)
    assert lab.where == P
    lab.reach(*A_ALONE, within_s=TWO_POLLS_S - POLL_S)
    (request,) = said(lab, mark, "DPURequestEnterStandalone", "A")
    assert request["inline_sync_packet_drops"] is True
    assert request["dp_channel_is_alive"] is True
    (reply,) = said(lab, mark, "DPURequestEnterStandaloneReply", "B")
    assert "EnterStandalone" in str(reply)
    lab.rest()
    assert lab["A"].term == t + 1
    assert "standalone" not in lab.path("B", since_ms)
    assert lab.primaries == ("A", "A")


def test_w12a_pair_forms_again_once_the_hold_down_is_over() -> None:
    lab = counted()
    lab.drops("A", 31)
    lab.reach(*A_ALONE, within_s=TWO_POLLS_S)
    since_ms = lab.wall_ms
    lab.drops("A", 0)
    lab.run(29)
    assert lab.where == A_ALONE
    lab.approve("B", "activate_role")
    lab.reach(*P)
    lab.rest(5 * POLL_S)
    assert lab.where == P
    assert "standalone" not in lab.path("A", since_ms)


def test_w12a_drops_that_go_on_are_held_down_for_longer_each_time() -> None:
    lab = counted()
    lab.pace.approval_ms = 400
    lab.drops("A", 31)
    alone_s = []
    for _ in range(3):
        lab.becomes("A", "standalone/standalone", within_s=120)
        began_ms = lab.wall_ms
        lab.becomes("A", "active/active", within_s=300)
        alone_s.append((lab.wall_ms - began_ms) / 1000)
    assert [round(later - earlier, -1) for earlier, later in pairwise(alone_s)] == [30, 60]


def test_w12a_after_a_switchover_the_new_active_side_is_the_one_that_counts() -> None:
    lab = counted()
    lab.switch_over("B")
    lab.drops("A", 500)
    lab.rest(5 * POLL_S)
    assert lab.where == Q
    lab.drops("B", 31)
    lab.becomes("B", "standalone/standalone", within_s=BASE_AND_TWO_POLLS_S)
    lab.rest()
    assert lab.primaries == ("B", "B")


# W12b


def test_w12b_drops_on_both_sides() -> None:
    lab = counted()
    since_ms = lab.wall_ms
    lab.drops("A", 31)
    lab.drops("B", 31)
    lab.reach(*A_ALONE, within_s=TWO_POLLS_S)
    lab.rest()
    assert "standalone" not in lab.path("B", since_ms)


@pytest.mark.parametrize("before_ms", [0, 1, 2, 3, 5])
def test_w12b_requests_that_cross(before_ms: int) -> None:
    """The standby has something to ask about at the moment at which the active side finds its drops."""
    lab = counted()
    lab.network.conditions.delay_ms = 5
    mark = len(lab.network.sent)
    lab.drops("A", 31)
    due_ms = lab.now_ms - 1000 + 2 * COUNTERS_MS
    lab.run((due_ms - before_ms - lab.now_ms) / 1000)
    lab.chan(False, "B")
    lab.reach(*A_ALONE, within_s=2)
    for name in "AB":
        assert said(lab, mark, "DPURequestEnterStandalone", name)
    lab.rest()
    assert lab.where == A_ALONE
    assert lab.primaries == ("A", "A")


# C15


def _lost(packets: int) -> Callable[[Pair], None]:
    return lambda lab: lab.drops("A", packets)


def _lost_in_one_poll(packets: int) -> Callable[[Pair], None]:
    def deed(lab: Pair) -> None:
        lab.drops("A", packets)
        lab.run(POLL_S)
        lab.drops("A", 0)

    return deed


def _reset(lab: Pair) -> None:
    lab["A"].dpu.inline_sync.restart()


def _missing(lab: Pair) -> None:
    lab.drops("A", 31)
    lab.run(POLL_S)
    kept = lab["A"].dpu.inline_sync.enis
    lab["A"].dpu.inline_sync.enis = {}
    lab.run(POLL_S)
    lab["A"].dpu.inline_sync.enis = kept
    lab.run(POLL_S)
    lab.drops("A", 0)


def _wrap(lab: Pair) -> None:
    for each in lab["A"].dpu.inline_sync.enis.values():
        each.sent = each.acknowledged = 2**64 - 1
    lab.run(POLL_S)
    _reset(lab)


NO_DROPS = {
    "rx grows faster than tx": _lost(-500),
    "reset to 0": _reset,
    "missing": _missing,
    "29 lost": _lost(29),
    "30 lost": _lost(30),
    "31 lost in one poll only": _lost_in_one_poll(31),
    "wraps around": _wrap,
}


@pytest.mark.parametrize("what", NO_DROPS)
def test_c15_what_is_no_drop_changes_nothing(what: str) -> None:
    lab = counted()
    marks, since_ms, terms = lab.marks(), lab.wall_ms, lab.terms
    NO_DROPS[what](lab)
    lab.rest(5 * POLL_S)
    assert (lab.where, lab.terms, lab.primaries) == (P, terms, ("A", "A"))
    assert lab.path("A", since_ms) == lab.path("B", since_ms) == []
    assert lab.roles("A", marks["A"]) == lab.roles("B", marks["B"]) == []


def test_c15_31_lost_is_a_drop() -> None:
    lab = counted()
    lab.drops("A", 31)
    lab.reach(*A_ALONE, within_s=TWO_POLLS_S)


def test_c15_restart_of_the_daemon_only_makes_a_new_base() -> None:
    lab = counted()
    lab.drops("A", 31)
    lab.run(POLL_S)
    lab.kill("A")
    lab.run(1)
    lab.start("A")
    lab.run(POLL_S)
    assert lab.where == P
    lab.reach(*A_ALONE, within_s=TWO_POLLS_S)


# C16


@pytest.mark.parametrize("down_s", [1, 5, 3 * POLL_S])
@pytest.mark.parametrize("polls_before", [0, 1])
def test_c16_drops_that_the_channel_explains_start_no_hold_down(down_s: float, polls_before: int) -> None:
    lab = counted()
    lab.drops("A", 900)
    lab.run(polls_before * POLL_S)
    lab.chan(False)
    lab.reach(*A_ALONE, within_s=2)
    lab.run(down_s)
    lab.drops("A", 0)
    lab.heal()
    lab.scope("B", desired="dead", disabled=True)
    lab.run(5)
    lab.scope("B", desired="unspecified", disabled=False)
    lab.until(lambda: "activate_role" in lab["B"].pending.values(), 60, "activate_role of B")
    lab.approve("B", "activate_role")
    lab.reach(*P)
    lab.rest(5 * POLL_S)
    assert lab.where == P
    assert json.loads(lab["A"].state["restore"])["hold_downs"] == 0


def test_c16_channel_that_was_down_between_two_polls_explains_the_second() -> None:
    """So short that the pair has formed again when the second poll comes."""
    lab = counted()
    lab.drops("A", 31)
    lab.run(POLL_S - 1)
    lab.chan(False, "A")
    lab.run(0.001)
    lab.chan(True, "A")
    lab.run(POLL_S - 0.002)
    assert lab.at("A") == "active/active"
    lab.run(1)
    lab.drops("A", 0)
    lab.rest(2 * POLL_S)
    assert json.loads(lab["A"].state["restore"])["hold_downs"] == 0


# The journal.


def test_journal_with_polls_replays() -> None:
    lab = counted()
    lab.drops("A", 31)
    lab.reach(*A_ALONE, within_s=TWO_POLLS_S)
    lab.rest()
    switch = lab["A"]
    assert any(isinstance(happened, SyncCountersRead) for _, happened in switch.journal)
    node = node_of(lab.seed, lab.timers)(switch.side, switch.life)
    written = [(at_ms, json.dumps(input_to_json(happened))) for at_ms, happened in switch.journal]
    read = [(at_ms, input_from_json(json.loads(line))) for at_ms, line in written]
    assert read == switch.journal
    replayed = [output for at_ms, happened in read for output in node.step(happened, at_ms)]
    leaves = (WriteRow, DeleteRow, SendMessage)
    assert [output for output in replayed if isinstance(output, leaves)] == [output for _, output in switch.left]
