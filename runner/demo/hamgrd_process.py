"""hamgrd as a child process: started, killed, stopped, made to stand still, and read by the lines of its log.

Source: architecture "Command lines".
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define

READY = "hamgrd ready"
"""What hamgrd prints on standard error once the initial snapshot is processed."""

RUN_HAMGRD = "from runner.command_line.hamgrd import main; main()"
"""What the console script does; the script itself may lie outside of the search path."""

START_DEADLINE_S = 30.0
END_DEADLINE_S = 5.0
LOOK_EVERY_S = 0.01
TAIL_LINES = 15

Entry = Mapping[str, Any]


def hamgrd_command(files: tuple[Path, Path], slot: int, *options: str) -> list[str]:
    """The command line of hamgrd on the databases that these configuration files name."""
    main_file, global_file = files
    where = ("--db-config", str(main_file), "--global-db-config", str(global_file), "--log-format", "json")
    return [sys.executable, "-c", RUN_HAMGRD, "--slot-id", str(slot), *where, *options]


@define
class HamgrdProcess:
    """The daemon; its standard error goes to a file, as JSON lines if the command says so."""

    command: list[str]
    log: Path
    environment: dict[str, str] | None = None
    """None: that of this process."""

    process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start it and wait for nothing."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                # A Ctrl-C on this terminal does not reach it: it is ended in order, by its handle.
                start_new_session=True,
            )

    def start(self, deadline_s: float = START_DEADLINE_S) -> None:
        """Start it and wait until it says that it is ready.

        Raises TimeoutError, or ChildProcessError when it ends instead.
        """
        mark = self.mark()
        self.launch()
        self.wait_until_started(mark, deadline_s)

    def wait_until_started(self, mark: int = 0, deadline_s: float = START_DEADLINE_S) -> None:
        """Wait until it says after so many lines that it is ready; raises as :meth:`start`."""
        deadline = time.monotonic() + deadline_s
        while not any(READY in line for line in self.lines(mark)):
            if self.process is not None and (code := self.process.poll()) is not None:
                raise ChildProcessError(f"hamgrd ended with exit code {code}:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"hamgrd was not ready within {deadline_s} s:\n{self.last_words()}")
            time.sleep(LOOK_EVERY_S)

    def restart(self, deadline_s: float = START_DEADLINE_S) -> None:
        """End it with SIGKILL and start it again."""
        self.kill()
        self.start(deadline_s)

    @property
    def alive(self) -> bool:
        """It runs, or stands still."""
        return self.process is not None and self.process.poll() is None

    def ended(self, deadline_s: float = START_DEADLINE_S) -> int:
        """Wait for its end; gives its exit code. Raises subprocess.TimeoutExpired."""
        return 0 if self.process is None else self.process.wait(deadline_s)

    def kill(self) -> None:
        """End it with SIGKILL, so that it cannot put anything in order."""
        end(self.process, signal.SIGKILL)

    def stop(self) -> int | None:
        """End it as a service manager would; gives its exit code."""
        self.resume()
        return end(self.process, signal.SIGTERM)

    def terminate(self) -> None:
        """Ask it to end, and wait for nothing."""
        self._signal(signal.SIGTERM)

    def pause(self) -> None:
        """Let it stand still: it does nothing until :meth:`resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def mark(self) -> int:
        """How many lines it has logged."""
        return len(self.lines())

    def lines(self, mark: int = 0) -> list[str]:
        """Its log after a mark. A line that is being written is not a line yet."""
        if not self.log.exists():
            return []
        return self.log.read_text(errors="replace").split("\n")[:-1][mark:]

    def entries(self, mark: int = 0, **fields: object) -> list[Entry]:
        """Its log lines after a mark in which these fields have these values; the log has to be of JSON."""
        entries = [json.loads(line) for line in self.lines(mark) if line.startswith("{")]
        return [entry for entry in entries if fields.items() <= entry.items()]

    def complaints(self) -> list[Entry]:
        """The lines that say that the program has a defect."""
        return [entry for entry in self.entries() if entry["level"] == "error"]

    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join(self.lines()[-TAIL_LINES:]) or "(no log)"

    def _signal(self, number: signal.Signals) -> None:
        if self.alive and self.process is not None:
            self.process.send_signal(number)


def end(process: subprocess.Popen[bytes] | None, how: signal.Signals) -> int | None:
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
