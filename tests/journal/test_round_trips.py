"""Every kind of input and output survives a line of a journal, whatever it holds."""

import json
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.inputs import Input, RowSet, RowsFound, TimerFired
from runner.journal.conversion import (
    BadRecord,
    RecordedError,
    input_from_json,
    input_to_json,
    output_from_json,
    output_to_json,
    words_of,
)
from runner.journal.record import LAST_TIME_MS, Life, Step, header_line, read_line, step_line
from runner.outputs import Fault, Output

st.register_type_strategy(BaseException, st.builds(ValueError, st.text()))

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""

INPUTS, OUTPUTS = get_args(Input), get_args(Output)


def through_text(value: Any) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("kind", INPUTS, ids=lambda kind: kind.__name__)
@patient
@given(data=st.data())
def test_input(kind: Any, data: st.DataObject) -> None:
    happened = data.draw(st.from_type(kind))
    written = input_to_json(happened)
    assert next(iter(written.items())) == ("is", kind.__name__)
    assert input_from_json(through_text(written)) == happened


@pytest.mark.parametrize("kind", OUTPUTS, ids=lambda kind: kind.__name__)
@patient
@given(data=st.data())
def test_output(kind: Any, data: st.DataObject) -> None:
    output = data.draw(st.from_type(kind))
    written = output_to_json(output)
    read = output_from_json(through_text(written))
    assert read == output
    assert output_to_json(read) == written
    if isinstance(output, Fault) and isinstance(read, Fault):
        assert words_of(read.error) == words_of(output.error)


@patient
@given(
    st.integers(1, 10**9),
    st.integers(0, LAST_TIME_MS),
    st.from_type(Input),  # type: ignore[arg-type]
    st.lists(st.text()),
    st.lists(st.from_type(Output)) | st.builds(ValueError, st.text()),  # type: ignore[arg-type]
)
def test_step(number: int, at_ms: int, happened: Input, ids: list[str], outputs: list[Output] | ValueError) -> None:
    line = step_line(number, at_ms, happened, ids, outputs)
    assert line.isascii()
    assert "\n" not in line
    read = read_line(line.encode())
    assert isinstance(read, Step)
    assert (read.number, read.at_ms, read.happened, list(read.ids)) == (number, at_ms, happened, ids)
    if isinstance(outputs, ValueError):
        assert read.raised == f"ValueError: {outputs}"
        again: list[Output] | BaseException = RecordedError(read.raised)
    else:
        assert list(read.outputs) == outputs
        again = list(read.outputs)
    assert step_line(number, at_ms, happened, ids, again) == line


@patient
@given(st.builds(Life, began_ms=st.integers(0, LAST_TIME_MS), timers=st.just(Life(0, 0).timers)))
def test_life(life: Life) -> None:
    assert read_line(header_line(life).encode()) == life


@patient
@given(st.binary())
def test_any_bytes_of_a_row_survive(value: bytes) -> None:
    happened = RowSet("APPL_DB", "T", "k", {"pb": value})  # type: ignore[arg-type]
    assert input_from_json(through_text(input_to_json(happened))).fields["pb"] == value  # type: ignore[union-attr]


def test_text_is_readable_and_keys_of_two_parts_are_a_list() -> None:
    row = RowSet("APPL_DB", "T", "k", {"a": b"plain \xc3\xa9", "b": b"\xff"})  # type: ignore[arg-type]
    assert input_to_json(row)["fields"] == {"a": "plain é", "b": "\udcff"}
    found = RowsFound("APPL_DB", {("T", "k"): {"a": "1"}, ("T", "l"): {}})  # type: ignore[arg-type]
    assert input_to_json(found)["rows"] == [["T", "k", {"a": "1"}], ["T", "l", {}]]


GOOD = input_to_json(TimerFired("t"))


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        ({**GOOD, "is": "Nonsense"}, "unknown input Nonsense"),
        ({**GOOD, "is": "SetTimer"}, "unknown input SetTimer"),
        ({**GOOD, "is": 7}, "does not say what it is"),
        ({"timer": "t"}, "does not say what it is"),
        ([], "does not say what it is"),
        ({**GOOD, "more": 1}, "more"),
        ({"is": "TimerFired"}, "timer"),
        ({**input_to_json(RowsFound("APPL_DB", {})), "database": "NO_DB"}, "NO_DB"),  # type: ignore[arg-type]
        ({**input_to_json(RowsFound("APPL_DB", {})), "rows": [["T"]]}, "RowsFound"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_input_is_refused(spoilt: Any, why: str) -> None:
    with pytest.raises(BadRecord, match=why):
        input_from_json(spoilt)
