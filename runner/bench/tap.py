"""Every command that some Redis servers carry out, with the time at which each server began it, from ``MONITOR``.

The servers stamp the commands, by the clock of the machine to the microsecond, so it does not matter when the lines are
read: nothing is read while something is measured. What remains of the cost is that a server writes a line for each
command. All servers have one clock because all are on one machine.

Source: tables 4.1.
"""

import re
import socket
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from types import TracebackType
from typing import Self

import redis
from attrs import frozen

from runner.demo.recorder import ARGUMENT, LINE
from runner.private_redis import PrivateRedis

DEADLINE_S = 10.0
CHUNK = 1 << 20

END_OF_LINE = re.compile(rb"\r\n")


@frozen
class Command:
    """A command that a server began to carry out. ``where``: the switch, and which of its servers."""

    at_s: float
    where: tuple[str, str]
    database: int
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        """The command itself, in lower case."""
        return self.words[0].lower()

    @property
    def key(self) -> str:
        """What it is about; empty for a command without arguments."""
        return self.words[1] if len(self.words) > 1 else ""

    def sets(self, name: str) -> str | None:
        """The value that it gives a field of a hash; None when it does not."""
        if self.name != "hset":
            return None
        return dict(zip(self.words[2::2], self.words[3::2], strict=False)).get(name)


Wanted = Callable[[Command], bool]


class Tap:
    """Listens to servers by their places. Enter it before what is measured begins, read it afterwards."""

    def __init__(self, servers: Mapping[tuple[str, str], PrivateRedis]) -> None:
        self._ears = {where: _Ear(where, server) for where, server in servers.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening."""
        for ear in self._ears.values():
            ear.close()

    def read(self) -> list[Command]:
        """Everything that was done since the last call until this one, in the order of time."""
        heard = [command for ear in self._ears.values() for command in ear.read()]
        return sorted(heard, key=lambda command: command.at_s)


class _Ear:
    """One server."""

    def __init__(self, where: tuple[str, str], server: PrivateRedis) -> None:
        self._where = where
        self._client = server.client()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(DEADLINE_S)
        self._socket.connect(str(server.socket_path))
        self._socket.sendall(b"MONITOR\r\n")
        self._unread = b""
        self._tokens = count(1)
        self._lines_until(b"+OK\r\n")

    def read(self) -> list[Command]:
        token = f"tap-{id(self)}-{next(self._tokens)}"
        self._client.echo(token)
        lines = self._lines_until(f'"{token}"\r\n'.encode())
        commands = [parsed(line + b"\r\n", self._where) for line in END_OF_LINE.split(lines)]
        return [command for command in commands if command is not None and command.name != "echo"]

    def close(self) -> None:
        self._socket.close()
        self._client.close()

    def _lines_until(self, end: bytes) -> bytes:
        """Everything up to a line that ends so; what was done after it is left for the next time."""
        while end not in self._unread:
            chunk = self._socket.recv(CHUNK)
            if not chunk:
                raise redis.ConnectionError("the server that is listened to is gone")
            self._unread += chunk
        lines, _, self._unread = self._unread.partition(end)
        return lines


def parsed(line: bytes, where: tuple[str, str]) -> Command | None:
    """The command of a line of ``MONITOR``; None if it is none. Escapes inside of arguments stay as they are."""
    match = LINE.fullmatch(line)
    if match is None:
        return None
    words = tuple(word[1:-1].decode("utf-8", "backslashreplace") for word in ARGUMENT.findall(match[3]))
    return Command(float(match[1]), where, int(match[2]), words)


def first(commands: Sequence[Command], wanted: Wanted, not_before_s: float = 0.0) -> float | None:
    """When the first command of a kind was carried out, not before a moment; None if none was."""
    return next((command.at_s for command in commands if command.at_s >= not_before_s and wanted(command)), None)
