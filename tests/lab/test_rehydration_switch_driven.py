"""A daemon that dies at any point and starts again on its rows ends where it would have ended (W15, I10).

Every workflow is played once to count what leaves each daemon; then once for every one of these outputs, with the
daemon dying just before it. The other daemon lives on meanwhile.
"""

import pytest

from models import tables
from runner.lab.sides import ROUTE_KEY
from tests.lab.budget import FACTOR
from tests.lab.pair import Pair, Q, healthy
from tests.lab.stories import END_S, STORIES, begin

EVERY = 1 if FACTOR > 1 else 3
"""Of the outputs of a workflow, each so-manieth is a point to die at; which ones depends on the workflow."""


def end_state(lab: Pair) -> dict[str, object]:
    """Where both sides are, what the route says, and what the DPUs really do."""
    return {
        "where": lab.where,
        "roles": [switch.dpu.role for switch in lab.switches.values()],
        "pending": [sorted(switch.pending.values()) for switch in lab.switches.values()],
        "routes": [switch.row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY) for switch in lab.switches.values()],
        "sessions": [switch.store.keys(tables.BFD_SESSION_TABLE) for switch in lab.switches.values()],
    }


def play(name: str, side: str | None = None, output: int = 0) -> tuple[Pair, dict[str, int]]:
    """Play a story; a daemon dies before one of its outputs."""
    story = STORIES[name]
    lab = begin(story)
    marks = lab.marks()
    if side is not None:
        lab.crash_before(side, output)
    story.goes_on(lab)
    lab.run(END_S)
    lab.invariants.at_rest(lab)
    return lab, {side: len(lab[side].left) - mark for side, mark in marks.items()}


@pytest.mark.parametrize("side", ["A", "B"])
@pytest.mark.parametrize("name", STORIES)
def test_killed_before_any_output_it_ends_where_it_would_have(name: str, side: str) -> None:
    whole, outputs = play(name)
    expected = end_state(whole)
    for output in range(len(name) % EVERY, outputs[side], EVERY):
        lab, _ = play(name, side, output)
        assert end_state(lab) == expected, f"killed before output {output} of {side}: {lab}"
        if not STORIES[name].loses_channel:
            assert lab.terms == whole.terms, f"killed before output {output} of {side}: {lab}"


def test_both_killed_at_once_everywhere() -> None:
    for name in STORIES:
        whole, outputs = play(name)
        for output in range(0, min(outputs.values()), 12 // FACTOR or 1):
            lab = begin(STORIES[name])
            for side in "AB":
                lab.crash_before(side, output)
            STORIES[name].goes_on(lab)
            lab.run(END_S)
            lab.invariants.at_rest(lab)
            assert end_state(lab)["where"] == end_state(whole)["where"], f"{name}, killed before output {output}"


def test_what_was_remembered_before_another_daemon_wrote_the_row_does_not_count() -> None:
    lab = healthy()
    memory = lab["A"].state["restore"]
    lab.scope("A", desired="unspecified")
    lab.scope("B", desired="active")
    lab.approve("B", "switchover")
    lab.rest()
    assert lab.where == Q
    lab.kill("A")
    table, key = tables.DASH_HA_SCOPE_STATE, lab["A"].side.state_key
    lab["A"].store.merge(table.database, table.name, key, {"restore": memory, "local_target_term": "9"})
    mark = lab.wall_ms
    lab.start("A")
    lab.rest()
    assert lab.path("A", mark) == [], "it was standby, and is"
    assert lab["A"].term == 9
    assert lab["A"].ctl == "standby"


def test_active_whose_dpu_was_emptied_while_its_daemon_was_away_does_not_decide_without_the_flows() -> None:
    lab = healthy()
    lab.kill("A")
    lab.run(2)
    lab["A"].dpu.power_off(0)
    lab.on("A")
    lab.run(2)
    mark = lab.wall_ms
    lab.start("A")
    lab.run(3)
    assert "standalone" in lab.path("B", mark), "B has the flows"
    lab.rest(60)
    assert lab.primaries == ("B", "B")
