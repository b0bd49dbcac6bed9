"""How two lists of outputs that differ are shown."""

import json
from typing import Any

from runner.journal.side_by_side import side_by_side


def row(key: str, **fields: Any) -> str:
    return json.dumps({"is": "WriteRow", "table": "T", "key": key, "fields": fields, "vanished": []})


def shown(recorded: list[str], replayed: list[str]) -> list[str]:
    return list(side_by_side(recorded, replayed))


def test_equal_outputs_are_left_out() -> None:
    both = [row("k", a="1"), row("l")]
    assert shown(both, both) == []
    assert shown([], []) == []


def test_members_that_differ_stand_under_what_they_belong_to() -> None:
    assert shown([row("k", a="1", b="2"), row("l")], [row("k", a="1", b="3"), row("l")]) == [
        " WriteRow T k",
        '-    fields.b = "2"',
        '+    fields.b = "3"',
    ]


def test_an_output_that_is_only_on_one_side_is_shown_whole_and_shifts_nothing() -> None:
    extra, kept = row("k", a="1"), row("l", b="2")
    whole = ["WriteRow T k", '    fields.a = "1"', "    vanished = []"]
    assert shown([extra, kept], [kept]) == [f"-{line}" for line in whole]
    assert shown([kept], [extra, kept]) == [f"+{line}" for line in whole]


def test_text_that_is_json_is_looked_into() -> None:
    was, now = (row("k", restore=json.dumps({"state": state, "term": 1})) for state in ("dead", "active"))
    assert shown([was], [now]) == [
        " WriteRow T k",
        '-    fields.restore.state = "dead"',
        '+    fields.restore.state = "active"',
    ]


def test_what_only_reads_alike_is_shown_as_it_is() -> None:
    was, now = row("k", restore='{"a":1}'), row("k", restore='{"a": 1}')
    assert shown([was], [now]) == [" WriteRow T k", f"-    {was}", f"+    {now}"]


def test_text_that_looks_like_json_and_is_none_is_a_text() -> None:
    assert shown([row("k", a="{x")], [row("k", a="{y")]) == [
        " WriteRow T k",
        '-    fields.a = "{x"',
        '+    fields.a = "{y"',
    ]
