"""The daemon's command line as a real process: exit codes, the line that says it is ready, signals."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.tables import READ_TABLES, WRITTEN_TABLES
from runner.private_redis import PrivateRedis
from tests.redis.conftest import DEADLINE_S, PLACES

HAMGRD = [sys.executable, "-c", "from runner.command_line.hamgrd import main; main()"]


@pytest.fixture
def config(server: PrivateRedis, tmp_path: Path) -> Path:
    """A configuration whose one server holds every database."""
    path = tmp_path / "database_config.json"
    instance = {"hostname": "127.0.0.1", "port": 0, "unix_socket_path": str(server.socket_path)}
    databases = {name: {"id": id, "separator": sep, "instance": "redis"} for name, (id, sep) in PLACES.items()}
    path.write_text(json.dumps({"INSTANCES": {"redis": instance}, "DATABASES": databases}))
    return path


@contextmanager
def hamgrd(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([*HAMGRD, *map(str, arguments)], stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def said(process: subprocess.Popen[str], words: str) -> str:
    """The first line with these words; fails when the process ends without it."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"{words!r} was never said")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_daemon_says_that_it_is_ready_and_stops_by_signal(config: Path, number: signal.Signals) -> None:
    with hamgrd("--slot-id", "0", "--db-config", config, "--log-level", "error") as process:
        said(process, "hamgrd ready")
        process.send_signal(number)
        assert process.wait(DEADLINE_S) == 0


def test_log_as_json_is_json(config: Path) -> None:
    with hamgrd("--slot-id", "7", "--db-config", config, "--log-format", "json") as process:
        assert json.loads(said(process, "hamgrd ready"))["slot_id"] == 7


def test_daemon_names_the_databases_that_it_waits_for(config: Path, tmp_path: Path) -> None:
    file = json.loads(config.read_text())
    file["INSTANCES"]["redis"]["unix_socket_path"] = str(tmp_path / "nobody.sock")
    config.write_text(json.dumps(file))
    with hamgrd("--slot-id", "0", "--db-config", config) as process:
        line = said(process, "waiting for database")
        assert {table.database for table in READ_TABLES + WRITTEN_TABLES} <= set(line.replace(",", " ").split())
        process.terminate()
        assert process.wait(DEADLINE_S) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--slot-id"),
        (["--slot-id", "8"], "--slot-id"),
        (["--slot-id", "0", "--no-such-option"], "--no-such-option"),
        (["--slot-id", "0", "--dpu-transport", "pigeon"], "--dpu-transport"),
        (["--slot-id", "0", "--db-config", "/nowhere.json"], "/nowhere.json"),
    ],
)
def test_what_cannot_be_started_is_one_clear_line(arguments: list[str], complaint: str) -> None:
    ended = subprocess.run([*HAMGRD, *arguments], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert complaint in ended.stderr
