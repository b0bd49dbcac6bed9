"""Real servers for the tests of the I/O shell, and waiting for a condition instead of for a time."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from models.database import Database
from runner.database_config import DatabaseAddress
from runner.database_link import DatabaseLink
from runner.private_redis import PrivateRedis

DEADLINE_S = 20.0

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent.parent / "vectors" / "swss.json").read_text())

PLACES = {
    Database.APPL_DB: (0, ":"),
    Database.CONFIG_DB: (4, "|"),
    Database.STATE_DB: (6, "|"),
    Database.CHASSIS_STATE_DB: (13, "|"),
    Database.DPU_APPL_DB: (15, ":"),
    Database.DPU_STATE_DB: (17, "|"),
    Database.DPU_COUNTERS_DB: (18, ":"),
}

Links = Callable[..., DatabaseLink]


async def until(condition: Callable[[], bool | Awaitable[bool]], deadline_s: float = DEADLINE_S) -> None:
    """Wait until the condition holds; fail when it does not within the deadline."""
    async with asyncio.timeout(deadline_s):
        while True:
            holds = condition()
            if await holds if isinstance(holds, Awaitable) else holds:
                return
            await asyncio.sleep(0.005)


def address(server: PrivateRedis, database: Database) -> DatabaseAddress:
    """Where a database of a private server is."""
    number, separator = PLACES[database]
    return DatabaseAddress(database, number, separator, "127.0.0.1", server.port, str(server.socket_path))


def content(server: PrivateRedis, database: Database) -> dict[str, Any]:
    """Everything in a database, as the vectors show it: hashes as objects, sets as sorted lists."""
    with server.client(database_id=PLACES[database][0]) as client:
        return {text(key): _value(client, key) for key in sorted(client.keys())}


def _value(client: redis.Redis, key: bytes) -> Any:
    if client.type(key) == b"set":
        return sorted(text(member) for member in client.smembers(key))
    return {text(name): text(value) for name, value in client.hgetall(key).items()}


def text(value: bytes | str) -> str:
    """An answer of a client that gives bytes, as text."""
    return value.decode() if isinstance(value, bytes) else value


@pytest.fixture(scope="session")
def shared_server() -> Iterator[PrivateRedis]:
    """One server for all tests of a session that do not stop it."""
    with PrivateRedis() as server:
        yield server


@pytest.fixture
def server(shared_server: PrivateRedis) -> PrivateRedis:
    """The shared server, empty."""
    with shared_server.client() as client:
        client.flushall()
        client.config_set("notify-keyspace-events", "AKE")
    return shared_server


@pytest.fixture
def own_server() -> Iterator[PrivateRedis]:
    """A server that the test may stop and start; it keeps its data."""
    with PrivateRedis(persistent=True) as server:
        yield server


@pytest.fixture
def absent_server() -> Iterator[PrivateRedis]:
    """A server that nobody has started yet."""
    server = PrivateRedis()
    yield server
    server.remove()


@pytest.fixture
async def links() -> AsyncIterator[Links]:
    """Makes links and closes them after the test."""
    made: list[DatabaseLink] = []

    def link(server: PrivateRedis, database: Database, available: bool = True) -> DatabaseLink:
        made.append(DatabaseLink.to(database, address(server, database)))
        made[-1].available = available
        return made[-1]

    yield link
    for each in made:
        await each.close()
