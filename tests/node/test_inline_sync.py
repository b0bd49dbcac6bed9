"""Whose counters a scope listens to: by the kind of its HA set, its own DPU, and that DPU's life.

Source: domain "Actors", switch-driven 8, tables 2.8, 2.22.
"""

from collections import Counter

import pytest
from attrs import evolve

from hamgr_fsm.ha_set_facts import HaSetReport
from hamgr_fsm.timers import DEFAULT_TIMERS, Timers
from hamgr_fsm.traffic import VdpuView
from hamgr_fsm.vocabulary import HaOwner, HaScopeKind
from models import tables
from models.controller import HaScopeConfigRow, HaSetConfigRow
from runner import topics
from runner.board import Board
from runner.entities.dpu import DpuView
from runner.entities.inline_sync import InlineSync, SyncPoll
from runner.entities.scope_driver import ScopeName, Situation
from runner.entities.vdpu import VdpuReport
from runner.entity import Context, Reader
from runner.inputs import SyncCountersRead
from runner.ledger import Ledger
from runner.node import Node

MINE, OTHER = "F4939FEFC47E", "F4939FEFC47F"
DPU = DpuView("dpu0_0", managed=True, local=True, up=True)


class Listener:
    """A scope that listens to the counters of a board."""

    def __init__(self, kind: HaScopeKind, scope_id: str, timers: Timers = DEFAULT_TIMERS) -> None:
        name = ScopeName("vdpu0_0", scope_id)
        self.board, self.polls, self.dpu = Board(), 0, DPU
        self.context = Context(0, frozenset(HaOwner), timers, str, self.board, Ledger())
        self.board.post(topics.row(tables.DASH_HA_SET_CONFIG_TABLE, "haset0_0"), HaSetConfigRow(scope=kind))
        self.path, self.inline_sync = name.path, InlineSync(name)

    def refresh(self, *, in_step: bool = True) -> bool:
        """What a refresh of the scope finds."""
        vdpu = VdpuReport(VdpuView("vdpu0_0", managed=self.dpu.managed, local=True), self.dpu)
        row = HaScopeConfigRow(ha_set_id="haset0_0")
        situation = Situation(row, vdpu, HaSetReport(), Reader(self.path, self.board), self.context)
        return self.inline_sync.loses_packets(situation, in_step=in_step)

    def poll(self, **lost: int) -> bool:
        """A poll that finds so many packets lost by each ENI so far; what the refresh after it finds."""
        self.polls += 1
        counters = tuple((eni, lost_so_far, 0) for eni, lost_so_far in lost.items())
        self.board.post(topics.SYNC_COUNTERS, SyncPoll(self.polls, counters))
        return self.refresh()


@pytest.mark.parametrize(
    ("kind", "scope_id", "hears"),
    [
        (HaScopeKind.DPU, "haset0_0", {MINE, OTHER}),
        (HaScopeKind.UNSPECIFIED, "haset0_0", {MINE, OTHER}),
        (HaScopeKind.ENI, MINE, {MINE}),
        (HaScopeKind.ENI, "F4:93:9F:EF:C4:7E", {MINE}),
        (HaScopeKind.ENI, "f4-93-9f-ef-c4-7e", {MINE}),
        (HaScopeKind.ENI, "haset0_0", set()),
    ],
)
def test_enis_that_count_for_a_scope(kind: HaScopeKind, scope_id: str, hears: set[str]) -> None:
    for eni in (MINE, OTHER):
        listener = Listener(kind, scope_id)
        found = [listener.poll(**{MINE: 0, OTHER: 0, eni: lost}) for lost in (0, 31, 62)]
        assert found == [False, False, eni in hears]


def test_one_poll_is_news_once_however_often_the_scope_is_refreshed() -> None:
    listener = Listener(HaScopeKind.DPU, "haset0_0")
    found = Counter(listener.poll(**{MINE: lost}) for lost in (0, 31, 62))
    found.update(listener.refresh() for _ in range(3))
    assert found[True] == 1


def test_a_poll_that_finds_the_same_is_a_poll() -> None:
    listener = Listener(HaScopeKind.DPU, "haset0_0")
    assert [listener.poll(**{MINE: lost}) for lost in (0, 31, 31, 62, 93)] == [False, False, False, False, True]


def test_a_scope_is_refreshed_by_every_poll() -> None:
    listener = Listener(HaScopeKind.DPU, "haset0_0")
    listener.poll(**{MINE: 0})
    listener.board.due.clear()
    listener.board.post(topics.SYNC_COUNTERS, SyncPoll(2, ((MINE, 0, 0),)))
    assert list(listener.board.due) == [listener.path]


def test_a_gap_between_two_polls_breaks_the_row() -> None:
    listener = Listener(HaScopeKind.DPU, "haset0_0")
    listener.poll(**{MINE: 0})
    listener.poll(**{MINE: 31})
    listener.poll()
    assert not any(listener.poll(**{MINE: lost}) for lost in (1000, 1031))
    assert listener.poll(**{MINE: 1062})


def test_another_life_of_the_dpu_has_other_counters() -> None:
    listener = Listener(HaScopeKind.DPU, "haset0_0")
    listener.poll(**{MINE: 0})
    listener.poll(**{MINE: 31})
    listener.dpu = evolve(DPU, incarnation=1)
    assert not any(listener.poll(**{MINE: lost}) for lost in (62, 93))
    assert listener.poll(**{MINE: 124})


def test_the_counters_are_those_of_the_dpu_of_this_process() -> None:
    listener = Listener(HaScopeKind.DPU, "haset0_0")
    listener.dpu = evolve(DPU, managed=False)
    assert not any(listener.poll(**{MINE: lost}) for lost in (0, 31, 62, 93))


def test_losses_while_flows_are_not_kept_in_step_are_no_drops() -> None:
    listener = Listener(HaScopeKind.DPU, "haset0_0")
    listener.poll(**{MINE: 0})
    listener.poll(**{MINE: 31})
    listener.refresh(in_step=False)
    assert not any(listener.poll(**{MINE: lost}) for lost in (62, 93))
    assert listener.poll(**{MINE: 124})


def test_the_limit_is_one_of_the_timers() -> None:
    listener = Listener(HaScopeKind.DPU, "haset0_0", Timers(sync_drop_limit=31))
    assert not any(listener.poll(**{MINE: lost}) for lost in (0, 31, 62))
    assert [listener.poll(**{MINE: lost}) for lost in (94, 126)] == [False, True]


def test_a_node_without_scopes_takes_any_poll() -> None:
    node = Node(slot_id=0, operation_ids=str)
    for counters in ((), ((MINE, 2**64 - 1, 0),), ()):
        assert node.step(SyncCountersRead(counters), 1_718_032_540_000) == []
