"""A journal is written line by line, and whatever happens to it, the daemon goes on as if there were none."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from models.database import Database
from runner.inputs import Input, RowsFound, SnapshotComplete, TimerFired
from runner.journal.reader import read_journal
from runner.journal.record import Life, Step
from runner.journal.telling import tell
from runner.journal.writer import HandedOut, Journal, RecordedNode
from runner.outputs import SetTimer
from tests.journal.recording import lines_of, recorded_story

LIFE = Life(slot_id=0, began_ms=1_718_032_540_000)

INPUTS: list[Input] = [
    *(RowsFound(database, {}) for database in (Database.STATE_DB, Database.APPL_DB)),
    SnapshotComplete(),
    TimerFired("heartbeat"),
    TimerFired("heartbeat"),
]


def no_new_id() -> str:
    raise AssertionError("nothing here needs an id")


def live(path: Path) -> RecordedNode:
    """A short life; what comes out is what a node without a journal has to say."""
    recorded, plain = RecordedNode.begin(path, LIFE, no_new_id), LIFE.node(no_new_id)
    for number, happened in enumerate(INPUTS):
        assert recorded.step(happened, number) == plain.step(happened, number)
    return recorded


def complaints(logs: Any) -> list[str]:
    assert all(entry["log_level"] == "error" and entry["event"] == "journal_lost" for entry in logs)
    return [entry["why"] for entry in logs]


def test_each_step_is_on_the_disk_before_its_outputs_are_carried_out(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    node = RecordedNode.begin(file, LIFE, no_new_id)
    for number, happened in enumerate(INPUTS, 1):
        node.step(happened, number)
        *_, last = read_journal(file)
        assert isinstance(last, Step)
        assert (last.number, last.at_ms, last.happened) == (number, number, happened)
    assert (node.journal.steps, node.journal.missed, node.journal.writable) == (len(INPUTS), 0, True)


def test_header_says_with_what_the_daemon_was_started(tmp_path: Path) -> None:
    Journal.begin(tmp_path / "journal", LIFE)
    (header,) = lines_of(tmp_path / "journal")
    assert header["journal"] == 1
    assert header["slot_id"] == 0
    assert header["began"] == "2024-06-10T15:15:40.000Z"
    assert header["owners"] == ["dpu", "switch"]
    assert header["timers"]["heartbeat"] == 60
    assert re.fullmatch(r"\d+\.\d+.*", header["hamgr"])


def test_ids_are_recorded_with_the_step_that_they_were_handed_out_for(tmp_path: Path) -> None:
    recorder = recorded_story(tmp_path, "w12h channel")
    steps = [step for side in "AB" for step in lines_of(recorder.file(side))[1:]]
    for step in steps:
        assert all(id_ in json.dumps(step["out"]) for id_ in step["ids"])
    assert sum(len(step["ids"]) for step in steps) >= 4, "activations, a flow sync, a selection"


def test_source_of_ids_remembers_what_it_gave() -> None:
    ids = HandedOut(iter("abc").__next__)
    assert [ids(), ids()] == ["a", "b"]
    assert ids.take() == ("a", "b")
    assert ids.take() == ()
    assert ids() == "c"
    assert ids.take() == ("c",)


def test_full_disk_is_complained_of_once_and_stops_nothing() -> None:
    with capture_logs() as logs:
        node = live(Path("/dev/full"))
    assert complaints(logs) == ["[Errno 28] No space left on device"]
    assert (node.journal.steps, node.journal.missed, node.journal.writable) == (0, len(INPUTS), False)


def test_disk_that_fills_up_later_is_complained_of_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "journal"
    node = RecordedNode.begin(file, LIFE, no_new_id)
    node.step(INPUTS[0], 1)
    monkeypatch.setattr(os, "write", _full)
    with capture_logs() as logs:
        for happened in INPUTS[1:]:
            node.step(happened, 2)
    monkeypatch.undo()
    assert complaints(logs) == ["[Errno 28] No space left on device"]
    assert logs[0]["after_steps"] == 1
    assert (node.journal.steps, node.journal.missed) == (1, len(INPUTS) - 1)
    assert len(lines_of(file)) == 2


def _full(_file: int, _data: bytes) -> int:
    raise OSError(28, "No space left on device")


FILLS_UP = """
import resource, sys
from pathlib import Path
from tests.journal.test_writing import live
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
print(live(Path(sys.argv[1])).journal.missed)
"""


@pytest.mark.parametrize("room", [5, 900])
def test_line_that_only_half_fits_is_a_torn_one(tmp_path: Path, room: int) -> None:
    file = tmp_path / "journal"
    done = subprocess.run(
        [sys.executable, "-c", FILLS_UP, file, str(room)], capture_output=True, text=True, check=True, timeout=60
    )
    *complaint, missed = done.stdout.splitlines()
    assert [line.count("journal_lost") for line in complaint] == [1]
    assert file.stat().st_size == room
    live(file)
    lives = list(tell(file))
    assert [told.differences for told in lives] == [[] for _ in lives]
    assert [told.steps for told in lives] == [len(INPUTS) - int(missed)] * (room > 5) + [len(INPUTS)]
    assert lives[-1].life.after_torn_line


@pytest.mark.parametrize("content", ["# my notes\n", "{}\n", "[1]"])
def test_file_that_is_no_journal_is_left_alone(tmp_path: Path, content: str) -> None:
    file = tmp_path / "notes"
    file.write_text(content)
    with capture_logs() as logs:
        live(file)
    assert complaints(logs) == ["it is no journal: nothing is appended to it"]
    assert file.read_text() == content


@pytest.mark.parametrize("where", [".", "missing/journal"])
def test_file_that_cannot_be_opened_stops_nothing(tmp_path: Path, where: str) -> None:
    with capture_logs() as logs:
        node = live(tmp_path / where)
    assert len(complaints(logs)) == 1
    assert node.journal.missed == len(INPUTS)


def test_pipe_that_nobody_reads_stops_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with capture_logs() as logs:
        live(tmp_path / "pipe")
    assert len(complaints(logs)) == 1


def test_two_daemons_do_not_write_the_same_journal(tmp_path: Path) -> None:
    first = live(tmp_path / "journal")
    before = (tmp_path / "journal").read_bytes()
    with capture_logs() as logs:
        live(tmp_path / "journal")
    assert complaints(logs) == ["another process writes it"]
    assert (tmp_path / "journal").read_bytes() == before
    first.journal.close()
    live(tmp_path / "journal")
    assert len(list(tell(tmp_path / "journal"))) == 2


def test_defect_of_the_node_is_recorded_and_replayed(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    node = RecordedNode.begin(file, LIFE, no_new_id)
    unknown = RowsFound("NO_DB", {("T", "k"): {}})  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        node.step(unknown, 1)
    node.step(SnapshotComplete(), 2)
    _, failed, passed = lines_of(file)
    assert failed["raised"].startswith("KeyError: ")
    assert "out" not in failed
    assert passed["out"]


def test_what_cannot_be_written_down_stops_nothing(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path / "journal", LIFE)
    with capture_logs() as logs:
        journal.step(SnapshotComplete(), 1, ["no output"])  # type: ignore[list-item]
        journal.step(SnapshotComplete(), 2, [SetTimer("t", 1)])
    assert len(complaints(logs)) == 1
    assert journal.missed == 2


WRITES_FOR_EVER = """
import sys
from pathlib import Path
from runner.inputs import TimerFired, SnapshotComplete
from runner.journal.writer import RecordedNode
from tests.journal.test_writing import LIFE, no_new_id
node = RecordedNode.begin(Path(sys.argv[1]), LIFE, no_new_id)
node.step(SnapshotComplete(), 0)
while True:
    node.step(TimerFired("heartbeat"), node.journal.steps)
"""


def test_killed_while_writing(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    for life in (1, 2):
        written = file.stat().st_size if file.exists() else 0
        with subprocess.Popen([sys.executable, "-c", WRITES_FOR_EVER, file]) as process:
            deadline = time.monotonic() + 60
            while not file.exists() or file.stat().st_size < written + 100_000:
                assert process.poll() is None
                assert time.monotonic() < deadline
            process.send_signal(signal.SIGKILL)
        lives = list(tell(file))
        assert len(lives) == life
        assert all(told.differences == [] and told.steps > 100 for told in lives)


def test_lock_goes_with_the_process(tmp_path: Path) -> None:
    node = live(tmp_path / "journal")
    node.journal.close()
    with (tmp_path / "journal").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
