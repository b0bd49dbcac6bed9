"""Polling the counters of inline sync packets of the managed DPU's ENIs.

A help and no condition: nothing waits for them, and whatever is wrong with them is logged once, counted, and leaves out
what it is wrong with. Which ENI has which counters is said by one hash whose Redis key is the name of its table alone.

Source: tables 2.22; switch-driven 8; field-lessons FL-30, LD-02.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

import structlog
from attrs import define, field, frozen
from redis.exceptions import ResponseError
from structlog.typing import FilteringBoundLogger

from models.database import Database
from runner.database_config import ConfigurationError, DatabaseConfig
from runner.database_link import DATABASE_ERRORS, DatabaseLink
from runner.found_rows import NoHash, read_rows, text
from runner.inputs import SyncCountersRead
from runner.table_reader import Batch

COUNTERS_INTERVAL_S = 12.0
"""How often the counters are polled, in seconds.

A DPU of the field renews them every 10 s. Whoever polls faster, or just as fast, finds the old numbers now and then,
and a poll that finds no loss ends a row of polls that did.
"""

ENI_NAME_MAP = "COUNTERS_ENI_NAME_MAP"
COUNTERS = "COUNTERS"
SENT = "SAI_ENI_STAT_INLINE_FLOW_SYNC_PACKET_TX_PACKETS"
ACKNOWLEDGED = "SAI_ENI_STAT_INLINE_FLOW_SYNC_PACKET_RX_PACKETS"

LARGEST_COUNTER = 2**64 - 1
SHOWN_BYTES = 40

log: FilteringBoundLogger = structlog.get_logger()


@frozen
class Complaint:
    """What is wrong with the counters, and where."""

    key: str
    field: str
    value: str
    why: str


def counters_link(config: DatabaseConfig, slot_id: int) -> DatabaseLink | None:
    """A link to the counters of the DPU in a slot; None, with one line in the log, where they are not configured."""
    try:
        address = config.addresses([Database.DPU_COUNTERS_DB], slot_id)[Database.DPU_COUNTERS_DB]
    except ConfigurationError as error:
        instead = "inline sync drops are not looked for"
        log.warning("counters_not_configured", database=Database.DPU_COUNTERS_DB, why=str(error), instead=instead)
        return None
    return DatabaseLink.to(Database.DPU_COUNTERS_DB, address)


@define
class EniCountersReader:
    """Polls for ever and hands each poll to ``emit``, which must not block.

    Nothing is emitted while there is no ENI. When no ENI can be read any more, that is emitted once, so that nobody
    takes the next poll for the one after the last.
    """

    _link: DatabaseLink
    _emit: Callable[[Batch], None]
    _interval_s: float = COUNTERS_INTERVAL_S
    rejected: int = 0
    """How often something was found that is no counter."""

    _standing: frozenset[Complaint] = frozenset()
    """What was wrong at the last poll, and was said."""

    _found: list[Complaint] = field(factory=list)
    _told: bool = False
    """There was something in the last poll that was emitted."""

    async def run(self) -> NoReturn:
        """Poll until cancelled; a database that is away is tried again at the next poll."""
        while True:
            try:
                await self._poll()
            except DATABASE_ERRORS as error:
                self._link.lose(error)
                self._nothing()
                await self._link.client.connection_pool.disconnect()
            await asyncio.sleep(self._interval_s)

    async def _poll(self) -> None:
        self._found.clear()
        keys = await self._counter_keys()
        counters = await self._counters(keys)
        self._link.regain()
        self._complain()
        if keys:
            self._tell(counters)
        else:
            self._nothing()

    async def _counter_keys(self) -> dict[str, str]:
        """The Redis key of the counters of every ENI, by ENI in order."""
        row = (await read_rows(self._link, [(ENI_NAME_MAP, "")]))[ENI_NAME_MAP, ""]
        if isinstance(row, NoHash):
            self._found.append(Complaint(ENI_NAME_MAP, "(row)", "", row.why))
            return {}
        return {eni: self._link.redis_key(COUNTERS, text(name)) for eni, name in sorted((row or {}).items())}

    async def _counters(self, keys: Mapping[str, str]) -> tuple[tuple[str, int, int], ...]:
        """What could be read. An ENI that has no counters yet is left out; nothing is wrong with that."""
        if not keys:
            return ()
        async with self._link.client.pipeline(transaction=False) as pipeline:
            for key in keys.values():
                pipeline.hmget(key, [SENT, ACKNOWLEDGED])
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
        counters = []
        for (eni, key), answer in zip(keys.items(), answers, strict=True):
            sent, acknowledged = self._numbers(key, answer)
            if sent is not None and acknowledged is not None:
                counters.append((eni, sent, acknowledged))
        return tuple(counters)

    def _numbers(self, key: str, answer: Any) -> Iterable[int | None]:
        if isinstance(answer, ResponseError) and str(answer).startswith("WRONGTYPE"):
            self._found.append(Complaint(key, "(row)", "", str(answer)))
            return None, None
        if isinstance(answer, Exception):
            raise answer
        return [self._number(key, name, raw) for name, raw in zip((SENT, ACKNOWLEDGED), answer, strict=True)]

    def _number(self, key: str, name: str, raw: bytes | None) -> int | None:
        if raw is None:
            return None
        # So long a text is no counter, whatever it is: it is not even looked at.
        number = int(raw) if raw.isdigit() and len(raw) <= SHOWN_BYTES else None
        if number is None or number > LARGEST_COUNTER:
            self._found.append(Complaint(key, name, text(raw[:SHOWN_BYTES]), "not a number from 0 to 2^64 - 1"))
            return None
        return number

    def _complain(self) -> None:
        """Log what is wrong and was right at the last poll; count everything."""
        self.rejected += len(self._found)
        for each in self._found:
            if each not in self._standing:
                what = {"source": f"{self._link.database} {each.key}", "field": each.field, "value": each.value}
                log.warning("counters_rejected", **what, why=each.why, count=self.rejected)
        self._standing = frozenset(self._found)

    def _nothing(self) -> None:
        if self._told:
            self._tell(())

    def _tell(self, counters: tuple[tuple[str, int, int], ...]) -> None:
        self._told = bool(counters)
        self._emit(Batch(self._link.database, [SyncCountersRead(counters)]))
