"""The stage of the demonstration: two private Redis servers, the simulated DPU and hamgrd, all as child processes.

It starts and ends processes and knows the files they need. Whatever happens, closing it ends every child that it
started, by its own handle, and removes the temporary directory.
"""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from attrs import define

from runner.demo.cast import Cast, DpuHandle
from runner.demo.configuration import SLOT, config_rows, open_switch, write_database_files
from runner.demo.controller import Controller
from runner.demo.npu import NpuConsumers, Witness
from runner.private_redis import PrivateRedis, free_port
from runner.redis_rows import RedisRows

READY = "hamgrd ready"
"""What hamgrd prints on standard error once the initial snapshot is processed."""

RUN_HAMGRD = "from runner.command_line.hamgrd import main; main()"
"""What the console script does; the script itself may lie outside of the search path."""

START_DEADLINE_S = 20.0
END_DEADLINE_S = 5.0
LOOK_EVERY_S = 0.02
TAIL_LINES = 15


@define
class HamgrdProcess:
    """The daemon as a child process; its standard error goes to a file."""

    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self, deadline_s: float = START_DEADLINE_S) -> None:
        """Start it and wait until it says that it is ready.

        Raises TimeoutError, or ChildProcessError when it ends instead.
        """
        written = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = _child(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + deadline_s
        while READY not in self.log.read_text(errors="replace")[written:]:
            if (code := self.process.poll()) is not None:
                raise ChildProcessError(f"hamgrd ended with exit code {code}:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"hamgrd was not ready within {deadline_s} s:\n{self.last_words()}")
            time.sleep(LOOK_EVERY_S)

    def restart(self, deadline_s: float = START_DEADLINE_S) -> None:
        """End it with SIGKILL and start it again."""
        self.kill()
        self.start(deadline_s)

    def kill(self) -> None:
        """End it with SIGKILL, so that it cannot put anything in order."""
        _end(self.process, signal.SIGKILL)

    def stop(self) -> int | None:
        """End it as a service manager would; gives its exit code."""
        return _end(self.process, signal.SIGTERM)

    def last_words(self) -> str:
        """The end of its log."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:])


class Stage:
    """Everything that runs. A context manager: leaving it leaves no process and no file behind."""

    def __init__(self, pace_ms: int) -> None:
        self._pace_ms = pace_ms
        self.directory = Path(tempfile.mkdtemp(prefix="hamgr-demo-"))
        self._servers: list[PrivateRedis] = []
        self._dpu: DpuHandle | None = None
        self._rows: RedisRows | None = None
        self._witness: Witness | None = None
        self.hamgrd: HamgrdProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def database_files(self) -> tuple[Path, Path]:
        """The main and the global database configuration file."""
        return self.directory / "database_config.json", self.directory / "database_global.json"

    def open(self) -> Cast:
        """Start everything: servers, configuration, the DPU without power, hamgrd."""
        host, dpu = (self._server(name) for name in ("host", "dpu"))
        files = write_database_files(self.directory, host, dpu)
        self._rows = open_switch(*files)
        port = free_port()
        for table, key, fields in config_rows(port):
            self._rows.write(table, key, fields)
        self._dpu = DpuHandle(_child(self._dpu_command(port), stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        self._dpu.wait_until_ready(START_DEADLINE_S)
        self.hamgrd = HamgrdProcess(self._hamgrd_command(), self.directory / "hamgrd.log")
        self.hamgrd.start()
        self._witness = Witness(self._rows)
        consumers = NpuConsumers(self._rows)
        return Cast(self._rows, Controller(self._rows), self._dpu, self.hamgrd, consumers, self._witness)

    def close(self) -> None:
        """End every child, the youngest first, and remove the directory."""
        if self.hamgrd is not None:
            self.hamgrd.stop()
        if self._dpu is not None:
            _end(self._dpu.process, signal.SIGTERM)
        if self._witness is not None:
            self._witness.close()
        if self._rows is not None:
            self._rows.close()
        for server in reversed(self._servers):
            server.remove()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _server(self, name: str) -> PrivateRedis:
        server = PrivateRedis(port=free_port(), directory=self.directory / f"redis-{name}")
        self._servers.append(server)
        return server.start()

    def _dpu_command(self, port: int) -> list[str]:
        main_file, global_file = self.database_files
        return [
            *(sys.executable, "-m", "runner.demo.dpu_process"),
            *("--endpoint", f"tcp://127.0.0.1:{port}"),
            *("--db-config", str(main_file), "--global-db-config", str(global_file)),
            *("--slot", str(SLOT), "--pace-ms", str(self._pace_ms)),
        ]

    def _hamgrd_command(self) -> list[str]:
        main_file, global_file = self.database_files
        return [
            *(sys.executable, "-c", RUN_HAMGRD),
            *("--slot-id", str(SLOT)),
            *("--db-config", str(main_file), "--global-db-config", str(global_file)),
        ]


def _child(
    command: list[str], stdin: int, stdout: int | IO[bytes], stderr: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    """A child that a Ctrl-C on this terminal does not reach: it is ended in order, by its handle."""
    return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True)


def _end(process: subprocess.Popen[bytes] | None, how: signal.Signals) -> int | None:
    """End a child that we started and wait for it; one that does not listen is killed."""
    if process is None:
        return None
    if process.poll() is None:
        process.send_signal(how)
    try:
        return process.wait(END_DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
    finally:
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
