"""Hearing that a key of a database changed: the server's keyspace notifications on a connection of their own.

Source: tables 4.1, 4.2.
"""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import structlog
from attrs import define, frozen
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from structlog.typing import FilteringBoundLogger

from runner.database_link import ANSWER_WITHIN_S, DatabaseLink
from runner.found_rows import text
from runner.written_rows import RowName

DELETED = "del"
"""The one event that says that a key was deleted; a key that expired or was renamed away says something else."""

SETTING = "notify-keyspace-events"
MOST_IN_BATCH = 4096

log: FilteringBoundLogger = structlog.get_logger()


@frozen
class KeyEvent:
    """Something happened to a row. ``deleted``: it was deleted then, whatever is there now."""

    name: RowName
    deleted: bool


@define
class KeyspaceEvents:
    """The subscription of all tables of one database. Enter it before the tables are read: so nothing is missed."""

    _link: DatabaseLink
    _tables: Sequence[str]
    _subscription: PubSub | None = None

    async def __aenter__(self) -> Self:
        subscription = self._link.client.pubsub()
        self._subscription = subscription
        number, separator = self._link.address.id, self._link.address.separator
        # A channel that is never used keeps the connection, and with it the news of its loss, where no table is read.
        await subscription.subscribe(f"__keyspace@{number}__:hamgrd")
        for table in self._tables:
            await subscription.psubscribe(f"__keyspace@{number}__:{table}{separator}*")
        await self._confirmed(subscription, 1 + len(self._tables))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._subscription is not None:
            await self._subscription.aclose()  # type: ignore[no-untyped-call]
            self._subscription = None

    async def batch(self, timeout_s: float) -> list[KeyEvent]:
        """What has happened, in order; empty when nothing did within ``timeout_s``.

        Raises RedisError or OSError when the connection is lost.
        """
        events = await self._next(timeout_s)
        while len(events) < MOST_IN_BATCH and (more := await self._next(0)):
            events += more
        return events

    @staticmethod
    async def _confirmed(subscription: PubSub, count: int) -> None:
        """Wait until the server has taken all of it. What is heard meanwhile is older than what will be read."""
        while count:
            message = await subscription.get_message(timeout=ANSWER_WITHIN_S)
            if message is None:
                raise RedisConnectionError("the subscription was not confirmed")
            if message["type"] in ("subscribe", "psubscribe"):
                count -= 1

    async def _next(self, timeout_s: float) -> list[KeyEvent]:
        if self._subscription is None:
            raise RedisConnectionError("not subscribed")
        message = await self._subscription.get_message(timeout=timeout_s)
        return self._events(message) if message else []

    def _events(self, message: Mapping[str, Any]) -> list[KeyEvent]:
        if message["type"] != "pmessage":
            return []
        redis_key = text(message["channel"]).partition("__:")[2]
        table, _, key = redis_key.partition(self._link.address.separator)
        return [KeyEvent((table, key), deleted=text(message["data"]) == DELETED)]


async def ensure_notifications(link: DatabaseLink) -> str | None:
    """Make the server tell about keys, hashes and deletions; the server's word for it when it refuses, else None.

    SONiC configures more than that. Whatever else is configured stays.
    """
    try:
        configured = str((await link.client.config_get(SETTING)).get(SETTING, ""))
        if missing := missing_flags(configured):
            await link.client.config_set(SETTING, configured + missing)
            log.warning("notifications_configured", database=link.database, was=configured, added=missing)
    except ResponseError as error:
        return str(error)
    return None


def missing_flags(configured: str) -> str:
    """The flags to add: K for keyspace channels, h for hashes, g for generic commands; A stands for h and g."""
    needed = "K" if "A" in configured else "Khg"
    return "".join(flag for flag in needed if flag not in configured)
