"""A burst of inputs leads where the same inputs lead one by one, with fewer writes and the same words."""

from collections.abc import Sequence
from random import Random

import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from hamgr_fsm.machine import Snapshot
from models import tables
from models.database import Database
from runner.bench.wired_nodes import DOWN, UP, WiredNodes
from runner.inputs import Burst, Input, LinkChanged, MessageArrived, RowSet, Single, SyncCountersRead, TimerFired
from runner.journal.conversion import input_from_json, input_to_json
from runner.ledger import LAST_UPDATED
from runner.node import Node
from runner.outputs import (
    AnswerMessage,
    CancelTimer,
    DeleteRow,
    Fault,
    Output,
    SendMessage,
    SetTimer,
    TransitionTaken,
    WriteRow,
)

RowName = tuple[Database, str, str]


def recorded(scopes: int = 2) -> tuple[WiredNodes, list[tuple[Single, int]]]:
    """A pair of a few ENIs, and all that its first node was told until the pair had formed."""
    told: list[tuple[Single, int]] = []
    pair = WiredNodes(scopes)
    first = pair.ends[0]
    told += [(happened, pair.now_ms) for happened in first.told_at_start]

    def note(node: Node, happened: Input, outputs: Sequence[Output], took: int) -> None:
        assert not isinstance(happened, Burst)
        if node is first.node:
            told.append((happened, pair.now_ms))

    pair.observer = note
    pair.launch()
    pair.planes(first, DOWN)
    pair.run()
    pair.planes(first, UP)
    pair.run()
    pair.let_pass(60)
    return pair, told


@define
class Reader:
    """What comes out of a node, as those who read it see it."""

    node: Node
    rows: dict[RowName, dict[str, str]] = field(factory=dict)
    messages: list[tuple[str, str]] = field(factory=list)
    moves: list[TransitionTaken] = field(factory=list)
    timers: dict[str, int] = field(factory=dict)
    verdicts: list[object] = field(factory=list)
    writes: int = 0

    def step(self, happened: Input, now_ms: int) -> None:
        for output in self.node.step(happened, now_ms):
            match output:
                case WriteRow(database, table, key, fields):
                    # When something last changed is another moment if what changed has changed back within the burst.
                    kept = {name: value for name, value in fields.items() if name != LAST_UPDATED}
                    self.rows[database, table, key] = kept
                    self.writes += 1
                case DeleteRow(database, table, key):
                    self.rows.pop((database, table, key), None)
                    self.writes += 1
                case SendMessage():
                    self.messages.append((output.to, output.payload))
                case TransitionTaken():
                    self.moves.append(output)
                case SetTimer(timer, after_ms):
                    self.timers[timer] = now_ms + after_ms
                case CancelTimer(timer):
                    self.timers.pop(timer, None)
                case AnswerMessage(verdict):
                    self.verdicts.append(verdict)
                case Fault(_, error):
                    raise error

    @property
    def machines(self) -> dict[str, Snapshot]:
        return {name: machine.snapshot() for name, machine in self.node.scopes.items() if machine is not None}


PAIR, TOLD = recorded()


def new_reader() -> Reader:
    return Reader(PAIR.new_node(PAIR.ends[0].side))


def in_pieces(sizes: list[int]) -> list[Burst]:
    """The recorded life in bursts of these sizes, again and again; a burst holds inputs of one time only."""
    bursts: list[Burst] = []
    place = turn = 0
    while place < len(TOLD):
        size, at_ms = sizes[turn % len(sizes)], TOLD[place][1]
        piece = [happened for happened, when in TOLD[place : place + size] if when == at_ms]
        bursts.append(Burst(tuple(piece)))
        place, turn = place + len(piece), turn + 1
    return bursts


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=5))
def test_a_burst_leads_where_the_same_inputs_lead_one_by_one(sizes: list[int]) -> None:
    one_by_one, at_once = new_reader(), new_reader()
    place = 0
    for burst in in_pieces(sizes):
        now_ms = TOLD[place][1]
        for happened in burst.inputs:
            one_by_one.step(happened, now_ms)
        at_once.step(burst, now_ms)
        place += len(burst.inputs)
        assert at_once.rows == one_by_one.rows
    assert at_once.machines == one_by_one.machines
    assert at_once.messages == one_by_one.messages
    assert at_once.moves == one_by_one.moves
    assert at_once.timers == one_by_one.timers
    assert at_once.verdicts == one_by_one.verdicts
    assert at_once.writes <= one_by_one.writes


def test_a_burst_writes_each_state_row_once_and_roles_before_entries() -> None:
    pair = WiredNodes(8)
    pair.launch()
    down: list[Single] = [
        RowSet(table.database, table.name, "DPU0", {name: value.encode() for name, value in DOWN.items()})
        for table in (tables.DPU_STATE,)
    ]
    counters = SyncCountersRead(tuple((eni, 1, 1) for eni in pair.scope_ids))
    outputs = pair.ends[0].node.step(Burst((*down, counters, LinkChanged("dpu1_0", up=False))), pair.now_ms)
    rows = [output for output in outputs if isinstance(output, WriteRow)]
    keys = [(row.table, row.key) for row in rows if row.table == "DASH_HA_SCOPE_STATE"]
    assert len(keys) == len(set(keys)) == 8
    order = [row.database for row in rows]
    assert order == sorted(order, key=[Database.STATE_DB, Database.DPU_APPL_DB, Database.APPL_DB].index)


def test_a_timer_that_the_burst_itself_has_stopped_does_not_fire() -> None:
    pair = WiredNodes(1)
    (eni,) = pair.scope_ids
    end = pair.ends[0]
    pair.configure_scope(end, eni)
    pair.run()
    timer = f"ha-scope/vdpu0_0:{eni}/connect_due"
    assert timer in end.timers
    machine = end.node.scopes[f"vdpu0_0:{eni}"]
    assert machine is not None
    before = machine.facts.attempts
    stop = pair.scope_row(end, eni, disabled=True)
    start = pair.scope_row(end, eni, disabled=False)
    end.node.step(Burst((stop, start, TimerFired(timer))), pair.now_ms)
    assert machine.facts.attempts == before


def test_a_defect_costs_one_input_of_the_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = WiredNodes(1)
    (eni,) = pair.scope_ids
    node = pair.ends[0].node
    receive = Node._receive
    bad = MessageArrived("dpu1_0", "ha-scope/x:y", "ha-scope/x:y", "bad")

    def fail(self: Node, message: MessageArrived) -> object:
        if message is bad:
            raise RuntimeError("a defect")
        return receive(self, message)

    monkeypatch.setattr(Node, "_receive", fail)
    row = pair.scope_row(pair.ends[0], eni)
    outputs = node.step(Burst((bad, row)), pair.now_ms)
    assert [type(output.error) for output in outputs if isinstance(output, Fault)] == [RuntimeError]
    assert [output.verdict for output in outputs if isinstance(output, AnswerMessage)] == [None]
    assert f"vdpu0_0:{eni}" in node.scopes


def test_a_burst_in_a_journal_is_read_back_as_it_was() -> None:
    chosen = Random(1).sample([happened for happened, _ in TOLD], 20)
    burst = Burst(tuple(chosen))
    assert input_from_json(input_to_json(burst)) == burst
