"""Everything that is done to a Redis server, in its order and with its content: ``MONITOR`` misses nothing.

A look now and then cannot show that something never happened, or happened once. What a row came from and what it became
is known for every single change, also for a row that came and went between two looks.

Source: tables 4.1, 4.3, 4.4.
"""

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Self

import redis
from attrs import field, frozen

from runner.private_redis import PrivateRedis

DEADLINE_S = 20.0

LINE = re.compile(rb"\+([\d.]+) \[(\d+) [^\]]*\] (.*)\r\n", re.DOTALL)
ARGUMENT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)

Row = Mapping[str, str]


@frozen
class Change:
    """A row before and after something was done to it; None where there was no row.

    What one transaction does to a row is one change: a row that is deleted and set was replaced.
    """

    database: int
    table: str
    key: str
    before: Row | None = field(hash=False)
    after: Row | None = field(hash=False)
    at_s: float = field(default=0.0, eq=False)
    """When, by the clock of the machine, to the microsecond."""

    @property
    def deleted(self) -> bool:
        """The row is gone."""
        return self.after is None

    @property
    def idle(self) -> bool:
        """The row is what it was."""
        return self.before == self.after

    def became(self, name: str) -> str | None:
        """The value of a field afterwards; None when there is no row, or no such field."""
        return (self.after or {}).get(name)

    def __str__(self) -> str:
        before, after = self.before or {}, self.after or {}
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        became = "; ".join(f"{name} {before.get(name)} -> {after.get(name)}" for name in names)
        return f"{self.table} {self.key} {'deleted' if self.deleted else became or 'written as it was'}"


class Recorder:
    """Records the changes of one server from the moment on that it is made.

    ``separators``: how the keys of each database are cut into table and key. Nobody writes while it is made.
    """

    def __init__(self, server: PrivateRedis, separators: Mapping[int, str]) -> None:
        self._server = server
        self._separators = separators
        self._rows: dict[tuple[int, str], dict[str, str]] = {}
        self._changes: list[Change] = []
        self.reads: Counter[str] = Counter()
        """How often each row was read as a whole, by its Redis key."""
        self._in_transaction = False
        self._changed_in_transaction = False
        self._tokens, self._seen = count(1), 0
        self._news = threading.Condition()
        self._connect()
        self._rows = self._stock()
        self._listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def follow(self) -> None:
        """Go on with the server that was started again; what it came back without, or with, is a change."""
        self.close()
        self._in_transaction = False
        self._connect()
        stock = self._stock()
        for row in self._rows.keys() | stock.keys():
            if self._rows.get(row) != stock.get(row):
                self._become(*row, stock.get(row), time.time())
        self._listen()

    def close(self) -> None:
        """Stop recording."""
        with suppress(OSError):  # The server may be gone already.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(DEADLINE_S)
        self._lines.close()
        self._socket.close()
        self._client.close()

    @property
    def seen(self) -> int:
        """How many changes are recorded so far; more may be on their way."""
        return len(self._changes)

    def mark(self) -> int:
        """How many changes there were until now."""
        self._catch_up()
        return len(self._changes)

    def since(self, mark: int, *tables: str) -> Sequence[Change]:
        """The changes after a mark until now, of these tables; of all when none is named."""
        self._catch_up()
        return [change for change in self._changes[mark:] if not tables or change.table in tables]

    def news(self, mark: int) -> Sequence[Change]:
        """The changes after a mark that are recorded by now, without waiting for those on their way."""
        return self._changes[mark:]

    def _connect(self) -> None:
        self._client = self._server.client()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(self._server.socket_path))
        self._socket.sendall(b"MONITOR\r\n")
        self._lines = self._socket.makefile("rb")
        answer = self._lines.readline()
        if answer != b"+OK\r\n":
            raise ConnectionError(f"{self._server.socket_path} answered MONITOR with {answer!r}")

    def _listen(self) -> None:
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def _catch_up(self) -> None:
        """Wait until all that was done to the server before this call is recorded; a dead one does nothing more.

        Raises TimeoutError when the server answers and its lines do not come.
        """
        token = next(self._tokens)
        try:
            self._client.echo(f"recorder-{id(self)}-{token}")
        except redis.ConnectionError:
            self._thread.join(DEADLINE_S)
            return
        with self._news:
            if not self._news.wait_for(lambda: self._seen >= token, DEADLINE_S):
                raise TimeoutError("the server is not heard any more")

    def _stock(self) -> dict[tuple[int, str], dict[str, str]]:
        """All rows as they are now."""
        rows = {}
        for database in self._separators:
            with self._server.client(database_id=database) as client:
                for key in client.scan_iter():
                    if client.type(key) == b"hash":
                        fields = client.hgetall(key)
                        rows[database, _text(key)] = {_text(n): _text(v) for n, v in fields.items()}
        return rows

    def _hear(self) -> None:
        with suppress(OSError):  # The server was killed: what it did until then is recorded.
            for line in self._lines:
                if match := LINE.fullmatch(line):
                    arguments = [_text(_unquoted(quoted)) for quoted in ARGUMENT.findall(match[3])]
                    with self._news:
                        self._take(float(match[1]), int(match[2]), *arguments)
                        self._news.notify_all()

    def _take(self, at_s: float, database: int, command: str, *arguments: str) -> None:
        match command.lower():
            case "multi" | "exec":
                self._in_transaction = command.lower() == "multi"
                self._changed_in_transaction = False
            case "hgetall":
                self.reads[arguments[0]] += 1
            case "echo" if arguments[0].startswith(f"recorder-{id(self)}-"):
                self._seen = int(arguments[0].rpartition("-")[2])
            case "hset":
                key, *pairs = arguments
                row = self._rows.get((database, key), {})
                self._become(database, key, row | dict(zip(pairs[::2], pairs[1::2], strict=True)), at_s)
            case "hdel":
                key, *names = arguments
                row = self._rows.get((database, key), {})
                if row.keys() & set(names):
                    left = {name: value for name, value in row.items() if name not in names}
                    self._become(database, key, left or None, at_s)
            case "del" | "unlink":
                for key in arguments:
                    self._become(database, key, None, at_s)
            case "flushdb" | "flushall":
                for where, key in [row for row in self._rows if command.lower() == "flushall" or row[0] == database]:
                    self._become(where, key, None, at_s)

    def _become(self, database: int, name: str, after: dict[str, str] | None, at_s: float) -> None:
        before: Row | None = self._rows.pop((database, name), None)
        if after is not None:
            self._rows[database, name] = after
        table, _, key = name.partition(self._separators.get(database, ":"))
        last = self._changes[-1] if self._changes else None
        same = last is not None and (last.database, last.table, last.key) == (database, table, key)
        if same and last is not None and self._changed_in_transaction:
            before = last.before
            self._changes.pop()
        self._changes.append(Change(database, table, key, before, after, at_s))
        self._changed_in_transaction = self._in_transaction


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _unquoted(argument: bytes) -> bytes:
    """The bytes that MONITOR shows in quotes: what is not printable is escaped there as in Python."""
    return argument[1:-1].decode("unicode_escape").encode("latin-1")
