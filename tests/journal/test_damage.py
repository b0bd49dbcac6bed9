"""A torn end is left out and told; anything else that is not as it was written is refused, with file and line."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from runner.journal.reader import BadJournal, Torn, read_journal, read_lives
from runner.journal.record import FORMAT, Life, Step
from runner.journal.telling import tell
from runner.journal.writer import Journal
from tests.journal.recording import lines_of, recorded_story, rewrite


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return recorded_story(tmp_path, "w03b launch alone").file("A")


def refusal(file: Path) -> str:
    with pytest.raises(BadJournal) as refused:
        list(read_journal(file))
    message = str(refused.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("cut", [1, 2, 40, 100])
def test_torn_last_line_is_left_out_and_told(journal: Path, cut: int) -> None:
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    cut = min(cut, len(lines[-1]) - 2)
    journal.write_bytes(whole[: -1 - cut])
    records = list(read_journal(journal))
    assert records[-1] == Torn(len(lines))
    assert sum(isinstance(record, Step) for record in records) == len(lines) - 2
    (told,) = tell(journal)
    assert told.differences == []
    assert (told.steps, told.torn_line) == (len(lines) - 2, len(lines))


def test_last_line_that_lacks_nothing_but_its_end_counts(journal: Path) -> None:
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-1])
    assert sum(isinstance(record, Step) for record in read_journal(journal)) == len(whole.splitlines()) - 1


def test_next_life_begins_after_the_torn_line(journal: Path) -> None:
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-30])
    torn_line = len(whole.splitlines())
    began = Life(slot_id=0, began_ms=1)
    Journal.begin(journal, began).close()
    assert [record for record in read_journal(journal) if not isinstance(record, Step)][1:] == [
        Torn(torn_line),
        Life(slot_id=0, began_ms=1, after_torn_line=True),
    ]
    first, second = tell(journal)
    assert (first.torn_line, second.torn_line) == (torn_line, None)
    assert len(read_lives(journal)) == 2


def test_damaged_line_before_a_life_that_began_after_a_whole_one_is_refused(journal: Path) -> None:
    Journal.begin(journal, Life(slot_id=0, began_ms=1)).close()
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:-2], lines[-2][:-30] + b"\n", lines[-1]]))
    assert refusal(journal).startswith(f"{journal}:{len(lines) - 1}: no JSON: ")


@pytest.mark.parametrize("spoil", [lambda line: line[: len(line) // 2] + b"\n", lambda _: b"\n", lambda _: b"\xff\n"])
def test_damaged_line_in_the_middle_is_refused(journal: Path, spoil: Any) -> None:
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[9] = spoil(lines[9])
    journal.write_bytes(b"".join(lines))
    assert refusal(journal).startswith(f"{journal}:10: no JSON: ")


def test_damaged_last_line_that_is_not_torn_is_refused(journal: Path) -> None:
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:-1], lines[-1][:-5] + b"\n"]))
    assert refusal(journal).startswith(f"{journal}:{len(lines)}: no JSON: ")


def test_missing_line_is_refused(journal: Path) -> None:
    lines = lines_of(journal)
    rewrite(journal, lines[:10] + lines[11:])
    assert refusal(journal) == f"{journal}:11: step 11 follows step 9"


def test_doubled_line_is_refused(journal: Path) -> None:
    lines = lines_of(journal)
    rewrite(journal, [*lines[:10], *lines[9:]])
    assert refusal(journal) == f"{journal}:11: step 9 follows step 9"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"journal": FORMAT + 1}, f"format {FORMAT + 1} of the journal; this program reads {FORMAT}"),
        ({"journal": "1"}, "format '1' of the journal"),
        ({"timers": {"no_such_timer": 1}}, "the life's header: "),
        ({"owners": ["nobody"]}, "the life's header: "),
        ({"slot_id": None}, "the life's header: "),
        ({"surprise": 1}, "the life's header: "),
        ({"began_ms": -1}, "-1 is no time in milliseconds"),
    ],
)
def test_unknown_header_is_refused(journal: Path, changes: dict[str, Any], why: str) -> None:
    header, *steps = lines_of(journal)
    rewrite(journal, [{**header, **changes}, *steps])
    assert refusal(journal).startswith(f"{journal}:1: {why}")
    with pytest.raises(BadJournal):
        read_lives(journal)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"in": {"is": "Earthquake"}}, "unknown input Earthquake"),
        ({"in": None}, "input that does not say what it is"),
        ({"out": [{"is": "Applause"}]}, "unknown output Applause"),
        ({"out": {}}, "a step whose number, ids or outputs are none"),
        ({"ids": [1]}, "a step whose number, ids or outputs are none"),
        ({"step": True}, "a step whose number, ids or outputs are none"),
        ({"at_ms": 10**15}, "1000000000000000 is no time in milliseconds"),
        ({"at_ms": "now"}, "'now' is no time in milliseconds"),
        ({"raised": "E: both"}, "a step with the members "),
        ({"surprise": 1}, "a step with the members "),
    ],
)
def test_unknown_step_is_refused(journal: Path, changes: dict[str, Any], why: str) -> None:
    lines = lines_of(journal)
    lines[4] |= changes
    rewrite(journal, lines)
    assert refusal(journal).startswith(f"{journal}:5: {why}")


def test_step_that_raised_something_strange_is_refused(journal: Path) -> None:
    lines = lines_of(journal)
    del lines[4]["out"]
    lines[4]["raised"] = 3
    rewrite(journal, lines)
    assert refusal(journal) == f"{journal}:5: a step that raised 3"


@pytest.mark.parametrize("content", [b"", b'{"journal":1,"ham'])
def test_file_without_a_life_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "empty"
    file.write_bytes(content)
    assert refusal(file).startswith(f"{file}:")


@pytest.mark.parametrize("content", [b'{"step":1}\n', b'{"hello":1}\n', b"[]\n", b"hello\n"])
def test_file_that_is_no_journal_is_refused_at_its_first_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)
    assert refusal(file).startswith(f"{file}:1: ")


def test_step_before_any_life_is_refused(journal: Path) -> None:
    rewrite(journal, lines_of(journal)[1:])
    assert refusal(journal) == f"{journal}:1: a step before any life"


def test_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nothing") == f"{tmp_path / 'nothing'}: No such file or directory"
    assert refusal(tmp_path) == f"{tmp_path}: Is a directory"


def test_truncated_gzip_is_refused(journal: Path) -> None:
    packed = gzip.compress(journal.read_bytes())
    journal.write_bytes(packed[: len(packed) // 2])
    assert refusal(journal).startswith(f"{journal}: Compressed file ended")
    journal.write_bytes(packed[:20] + b"\xff" * 40 + packed[60:])
    assert refusal(journal).startswith(f"{journal}")
