"""A node that decides otherwise than the one that was recorded is found out, at the step where it first does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hamgr_fsm.scope.switch_driven_facts import SwitchDrivenScopeFacts
from runner.journal.record import Life
from runner.journal.replay import Difference
from runner.journal.telling import ToldLife, tell
from runner.node import Node
from runner.outputs import TransitionTaken
from tests.journal.recording import lines_of, recorded_story, rewrite


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return recorded_story(tmp_path_factory.mktemp("story"), "w04 switchover").file("B").read_bytes()


@pytest.fixture
def journal(tmp_path: Path, written: bytes) -> Path:
    file = tmp_path / "journal"
    file.write_bytes(written)
    return file


def replayed(journal: Path, **settings: Any) -> ToldLife:
    (told,) = tell(journal, **settings)
    return told


def first_difference(journal: Path, **settings: Any) -> Difference:
    return replayed(journal, **settings).differences[0]


def first_step(journal: Path, holds: Callable[[dict[str, Any]], bool]) -> int:
    return next(int(step["step"]) for step in lines_of(journal)[1:] if holds(step))


@pytest.mark.parametrize(
    ("guard", "target"),
    [
        ("can_launch", "connecting"),
        ("pairing_possible", "connected"),
        ("flows_in_sync", "pending_standby_activation"),
        ("peer_gave_way", "active"),
    ],
)
def test_rule_that_holds_no_more(journal: Path, guard: str, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = first_step(journal, lambda step: any(out.get("target") == target for out in step["out"]))
    monkeypatch.setattr(SwitchDrivenScopeFacts, guard, property(lambda _: False))
    difference = first_difference(journal)
    assert difference.step.number == moved
    assert any(line.startswith("-TransitionTaken") and target in line for line in difference.readable())


def test_rule_that_holds_too_early(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SwitchDrivenScopeFacts, "can_launch", property(lambda _: True))
    created = first_step(journal, lambda step: step["in"].get("table") == "DASH_HA_SCOPE_CONFIG_TABLE")
    difference = first_difference(journal)
    assert difference.step.number == created
    # Disabled and launched at once, the rows do not come to rest: the node says that this is a defect.
    assert any(line.startswith("+Fault ha-scope/vdpu1_0:haset0_0") for line in difference.readable())


def test_other_timer(journal: Path) -> None:
    header, *steps = lines_of(journal)
    assert header["timers"]["role_activation"] == 10
    header["timers"]["role_activation"] = 11
    rewrite(journal, [header, *steps])
    asked = first_step(journal, lambda step: any(str(out.get("timer")).endswith("role_due") for out in step["out"]))
    difference = first_difference(journal)
    assert difference.step.number == asked
    lines = list(difference.readable())
    assert [line for line in lines if line.startswith("-")] == [f"-{SET_TIMER} 10000"]
    assert [line for line in lines if line.startswith("+")] == [f"+{SET_TIMER} 11000"]


SET_TIMER = "SetTimer ha-scope/vdpu1_0:haset0_0/role_due"


def test_other_node(journal: Path) -> None:
    def of_another_slot(life: Life, ids: Callable[[], str]) -> Node:
        return Node(slot_id=life.slot_id + 1, operation_ids=ids)

    row_of_dpu = first_step(journal, lambda step: step["in"].get("table") == "DPU")
    assert first_difference(journal, node_of=of_another_slot).step.number > row_of_dpu
    assert replayed(journal).differences == []


def test_one_field_of_one_row(journal: Path) -> None:
    lines = lines_of(journal)
    number = first_step(journal, lambda step: any("local_ha_state" in out.get("fields", {}) for out in step["out"]))
    row = next(out for out in lines[number]["out"] if "local_ha_state" in out.get("fields", {}))
    was = row["fields"]["local_ha_state"]
    row["fields"]["local_ha_state"] = "elsewhere"
    rewrite(journal, lines)
    told = replayed(journal)
    assert [difference.step.number for difference in told.differences] == [number]
    assert list(told.differences[0].readable()) == [
        " WriteRow STATE_DB DASH_HA_SCOPE_STATE vdpu1_0|haset0_0",
        '-    fields.local_ha_state = "elsewhere"',
        f'+    fields.local_ha_state = "{was}"',
    ]


def test_order_of_fields_counts(journal: Path) -> None:
    lines = lines_of(journal)
    number = first_step(journal, lambda step: any(len(out.get("fields", {})) > 1 for out in step["out"]))
    row = next(out for out in lines[number]["out"] if len(out.get("fields", {})) > 1)
    row["fields"] = dict(reversed(row["fields"].items()))
    rewrite(journal, lines)
    assert first_difference(journal).step.number == number


def test_order_of_outputs_counts(journal: Path) -> None:
    lines = lines_of(journal)
    number = first_step(journal, lambda step: len(step["out"]) > 1)
    lines[number]["out"].reverse()
    rewrite(journal, lines)
    assert first_difference(journal).step.number == number


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda ids: [*ids, "more"], "recorded and not asked for"),
        (lambda ids: ids[:-1], "asked for and not recorded"),
        (lambda ids: ["other", *ids[1:]], "other"),
    ],
)
def test_ids(journal: Path, change: Callable[[list[str]], list[str]], says: str) -> None:
    lines = lines_of(journal)
    number = first_step(journal, lambda step: bool(step["ids"]))
    lines[number]["ids"] = change(lines[number]["ids"])
    rewrite(journal, lines)
    difference = first_difference(journal)
    assert difference.step.number == number
    assert says in "\n".join(difference.readable())


def test_step_that_raises(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    number = len(lines_of(journal)) // 2
    steps = iter(range(1, 10**6))
    really = Node.step

    def fails_once(node: Node, *arguments: Any) -> Any:
        if next(steps) == number:
            raise ZeroDivisionError("by zero")
        return really(node, *arguments)

    monkeypatch.setattr(Node, "step", fails_once)
    difference = first_difference(journal)
    assert difference.step.number == number
    assert "+raised ZeroDivisionError: by zero" in list(difference.readable())


def test_step_that_raised_when_it_was_recorded(journal: Path) -> None:
    lines = lines_of(journal)
    del lines[5]["out"]
    lines[5]["raised"] = "KeyError: 'x'"
    rewrite(journal, lines)
    told = replayed(journal)
    assert "-raised KeyError: 'x'" in list(told.differences[0].readable())
    assert [(each.step, each.raised) for each in told.happenings if each.raised] == [(5, "KeyError: 'x'")]


def test_what_is_told_is_what_was_recorded(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [each.said for each in replayed(journal).happenings]
    monkeypatch.setattr(SwitchDrivenScopeFacts, "can_launch", property(lambda _: False))
    told = replayed(journal)
    assert [each.said for each in told.happenings] == before
    assert any(isinstance(said, TransitionTaken) for each in told.happenings for said in each.said)
    assert told.node.scopes["vdpu1_0:haset0_0"] is not None
