"""Rows of Redis for the programs around hamgrd: what a command line shows, and what demonstration and tests play with.

Plain reads and writes, one at a time, blocking. The daemon itself has a reader and writers of its own, which batch,
subscribe and reconnect; here a lost Redis is an error of the caller's.

Source: tables 4.1, 4.2.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen
from redis import Redis

from models.database import Database
from models.table import Table
from runner.database_config import DatabaseAddress, DatabaseConfig

TIMEOUT_S = 5.0
"""How long a server may take to accept a connection or to answer."""

Fields = Mapping[str, str | bytes]


@frozen
class OpenDatabase:
    """A connection to one database and how its keys are written."""

    client: Redis
    separator: str


def open_rows(config: DatabaseConfig, databases: Iterable[Database], slot_id: int = 0) -> "RedisRows":
    """The rows of these databases of the switch and of the DPU in a slot; the first use of one connects.

    Raises ConfigurationError when a database is not configured.
    """
    addresses = config.addresses(databases, slot_id)
    return RedisRows({database: _open(address) for database, address in addresses.items()})


class RedisRows:
    """The rows of some databases. Values are read as text, with a replacement for what is not UTF-8.

    Every method may raise ``redis.RedisError``.
    """

    def __init__(self, databases: Mapping[Database, OpenDatabase]) -> None:
        self._databases = databases

    def row(self, table: Table[Any], key: str) -> dict[str, str]:
        """The fields of one row; empty when there is no such row."""
        found: Mapping[bytes, bytes] = self._client(table).hgetall(self._name(table, key))  # type: ignore[assignment]
        return {_text(name): _text(value) for name, value in found.items()}

    def keys(self, table: Table[Any]) -> list[str]:
        """The keys of all rows of a table, in order."""
        prefix = self._name(table, "")
        return sorted(name.removeprefix(prefix) for name in self.names(table.database) if name.startswith(prefix))

    def rows(self, table: Table[Any]) -> dict[str, dict[str, str]]:
        """All rows of a table by key. A row that is deleted meanwhile is left out."""
        found = {key: self.row(table, key) for key in self.keys(table)}
        return {key: row for key, row in found.items() if row}

    def raw_rows(self, table: Table[Any]) -> dict[str, dict[str, bytes]]:
        """All rows of a table by key, as the daemon reads them: bytes, and no @ at the name of a list. What is no hash
        is left out."""
        prefix = self._name(table, "")
        client = self._client(table)
        found: dict[str, dict[str, bytes]] = {}
        for raw in client.scan_iter(match=f"{prefix}*", count=1000):
            if client.type(raw) == b"hash":
                name = _text(raw)
                fields: Mapping[bytes, bytes] = client.hgetall(raw)  # type: ignore[assignment]
                found[name.removeprefix(prefix)] = {_text(n).split("@", 1)[0]: value for n, value in fields.items()}
        return {key: row for key, row in found.items() if row}

    def names(self, database: Database) -> list[str]:
        """Every key of a database, whatever it belongs to, in order."""
        return sorted(_text(name) for name in self._databases[database].client.scan_iter(count=1000))

    def write(self, table: Table[Any], key: str, fields: Fields) -> None:
        """Set these fields of a row; its other fields stay."""
        mapping: dict[Any, Any] = dict(fields)
        self._client(table).hset(self._name(table, key), mapping=mapping)

    def remove(self, table: Table[Any], key: str) -> None:
        """Delete a row."""
        self._client(table).delete(self._name(table, key))

    def empty(self, database: Database) -> None:
        """Delete everything in a database."""
        self._databases[database].client.flushdb()

    def client(self, database: Database) -> Redis:
        """The connection itself, for what rows cannot say."""
        return self._databases[database].client

    def close(self) -> None:
        """Close all connections."""
        for database in self._databases.values():
            database.client.close()

    def _client(self, table: Table[Any]) -> Redis:
        return self._databases[table.database].client

    def _name(self, table: Table[Any], key: str) -> str:
        return f"{table.name}{self._databases[table.database].separator}{key}"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _open(address: DatabaseAddress) -> OpenDatabase:
    where: dict[str, Any] = (
        {"unix_socket_path": address.unix_socket_path}
        if address.unix_socket_path
        else {"host": address.hostname, "port": address.port}
    )
    client = Redis(db=address.id, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, **where)
    return OpenDatabase(client, address.separator)
