"""``hamgr watch`` on a terminal and in a pipe, over real Redis servers."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import define, field
from typer.testing import CliRunner

from models.tables import DASH_HA_SCOPE_STATE
from runner.command_line.hamgr import app
from runner.demo.configuration import open_switch, write_database_files
from runner.private_redis import PrivateRedis, free_port
from tests.demo.conftest import Switch, switch

__all__ = ["switch"]

DEADLINE_S = 30.0
RUN_HAMGR = "from runner.command_line.hamgr import main; main()"
ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()=>].?")


def write(switch: Switch, state: str, **fields: str) -> None:
    since = {"local_ha_state_last_updated_time_in_ms": str(time.time_ns() // 1_000_000)}
    switch.rows.write(DASH_HA_SCOPE_STATE, "vdpu0_0|haset0_0", {"local_ha_state": state, **since, **fields})


@define
class Running:
    """A running ``hamgr watch`` and everything that it has shown."""

    process: subprocess.Popen[bytes]
    reading: int
    seen: bytes = field(default=b"")

    def until(self, text: str) -> None:
        """Read until a text has been shown after the last one that was waited for."""
        end = time.monotonic() + DEADLINE_S
        while (place := self.shown.find(text)) < 0:
            assert time.monotonic() < end, f"{text!r} is not in: {self.shown[-2000:]}"
            if select.select([self.reading], [], [], 0.1)[0]:
                self.seen += os.read(self.reading, 65536)
        self.seen = self.shown[place + len(text) :].encode()

    @property
    def shown(self) -> str:
        return ESCAPE.sub(b"", self.seen).decode(errors="replace")

    def end(self, how: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=DEADLINE_S)


@contextmanager
def watching(*options: str, terminal: bool) -> Iterator[Running]:
    command = [sys.executable, "-c", RUN_HAMGR, "watch", "--interval", "0.1", *options]
    environment = {**os.environ, "TERM": "xterm-256color"}
    for name in ("NO_COLOR", "COLUMNS", "LINES", "FORCE_COLOR"):
        environment.pop(name, None)
    ours, theirs = pty.openpty() if terminal else os.pipe()
    if terminal:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    process = subprocess.Popen(command, env=environment, stdin=theirs if terminal else None, stdout=theirs)
    os.close(theirs)
    running = Running(process, ours)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)


def test_on_a_terminal_what_changes_is_seen_and_ctrl_c_ends_it(switch: Switch) -> None:
    write(switch, "HA_STATE_STANDBY", local_ha_state_last_updated_reason="activation approved")
    with watching(*switch.options, terminal=True) as running:
        running.until("this switch")
        running.until("standby")
        running.until("last transitions")
        write(switch, "HA_STATE_STANDALONE", local_ha_state_last_updated_reason="peer lost")
        running.until("standby -> standalone")
        running.until("peer lost")
        assert running.end() == 0


def test_in_a_pipe_each_change_is_a_line(switch: Switch) -> None:
    write(switch, "HA_STATE_STANDBY")
    with watching(*switch.options, terminal=False) as running:
        running.until("this switch vdpu0_0:haset0_0 standby\n")
        write(switch, "HA_STATE_SWITCHING_TO_ACTIVE", local_ha_state_last_updated_reason="switchover approved")
        running.until("vdpu0_0:haset0_0 standby -> switching_to_active: switchover approved\n")
        assert running.end(signal.SIGTERM) == 0


def test_two_switches_and_a_redis_that_goes_and_comes(switch: Switch, tmp_path: Path) -> None:
    write(switch, "HA_STATE_ACTIVE")
    other = tmp_path / "other"
    other.mkdir()
    with PrivateRedis(port=free_port(), persistent=True) as server:
        files = write_database_files(other, server, server)
        second = Switch(*files, open_switch(*files))
        write(second, "HA_STATE_STANDBY")
        names = ("--name", "left", "--name", "right")
        with watching(*switch.options, *second.options, *names, terminal=False) as running:
            running.until("left vdpu0_0:haset0_0 active\n")
            running.until("right vdpu0_0:haset0_0 standby\n")
            second.rows.close()
            server.stop()
            running.until("right: no answer from Redis")
            server.start()
            running.until("right: answers again\n")
            assert running.end() == 0


def test_one_look(switch: Switch) -> None:
    write(switch, "HA_STATE_ACTIVE")
    result = CliRunner().invoke(app, ["watch", "--once", *switch.options])
    assert result.exit_code == 0
    assert "active" in result.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--db-config", "/nowhere.json"], "/nowhere.json"),
        (["--db-config", "a", "--db-config", "b", "--name", "one"], "2 --db-config and 1 --name"),
        (["--db-config", "a", "--db-config", "b", "--global-db-config", "c"], "each switch needs its own"),
    ],
)
def test_misuse_is_one_line(options: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["watch", *options])
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert said in line
