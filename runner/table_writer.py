"""Carrying out the rows that a node wants written or deleted, each by the transport of its table.

The rows of a step are one transaction for each database, in the order in which the databases are named first. A
database that is away never holds up another: its rows are dropped here and remembered as wanted, and what the reader
finds when the database is back makes the node write them again.

Source: tables 4.2, 4.3, 4.4; architecture, "The I/O shell".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
from attrs import define, field
from redis.asyncio.client import Pipeline
from redis.exceptions import DataError, ResponseError
from structlog.typing import FilteringBoundLogger

from models.database import Database
from models.table import Table, Transport
from runner.database_link import DATABASE_ERRORS, DatabaseLink
from runner.orchagent_producer import OrchagentProducer
from runner.outputs import DeleteRow, WriteRow
from runner.producer_state_table import produce_delete, produce_set

RowOutput = WriteRow | DeleteRow

log: FilteringBoundLogger = structlog.get_logger()


@define
class TableWriter:
    """Writes rows. ``producer`` sends the rows of tables with transport ORCHAGENT; None: they only go to Redis."""

    _links: Mapping[Database, DatabaseLink]
    _tables: Iterable[Table[Any]]
    _producer: OrchagentProducer | None = None
    dropped: int = 0
    """How many rows were not written because their database was away."""

    _transports: Mapping[tuple[Database, str], Transport | None] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._transports = {(table.database, table.name): table.transport for table in self._tables}

    async def apply(self, rows: Sequence[RowOutput]) -> None:
        """Write and delete the rows of one step. Never raises: what fails is logged."""
        by_database: dict[Database, list[RowOutput]] = {}
        for row in rows:
            if (row.database, row.table) in self._transports:
                by_database.setdefault(row.database, []).append(row)
            else:
                log.error("row_not_written", database=row.database, table=row.table, key=row.key, why="unknown table")
        for database, group in by_database.items():
            self._tell_orchagent(group)
            await self._write(self._links[database], group)

    def _tell_orchagent(self, rows: Iterable[RowOutput]) -> None:
        """The message goes first, the copy in Redis is for whoever looks there (tables 4.4)."""
        if self._producer is None:
            return
        for row in rows:
            if self._transport(row) is Transport.ORCHAGENT:
                if isinstance(row, WriteRow):
                    self._producer.write(row.table, row.key, row.fields)
                else:
                    self._producer.delete(row.table, row.key)

    async def _write(self, link: DatabaseLink, rows: Sequence[RowOutput]) -> None:
        for row in rows:
            link.written.begin((row.table, row.key), row.fields if isinstance(row, WriteRow) else None)
        try:
            if link.available:
                await self._execute(link, rows)
            else:
                self.dropped += len(rows)
        except (ResponseError, DataError) as error:
            # The server answers, so it is not away: a full disk or memory. The audit brings the rows up again.
            self.dropped += len(rows)
            log.warning("rows_refused", database=link.database, rows=len(rows), why=str(error))
        except DATABASE_ERRORS as error:
            self.dropped += len(rows)
            link.lose(error)
        finally:
            link.written.finish()

    async def _execute(self, link: DatabaseLink, rows: Sequence[RowOutput], renew: bool = False) -> None:
        async with link.client.pipeline(transaction=True) as pipeline:
            counts = [self._queue(pipeline, link, row, renew) for row in rows]
            answers = iter(await pipeline.execute(raise_on_error=False))
        refused = []
        for row, count in zip(rows, counts, strict=True):
            errors = [answer for answer in (next(answers) for _ in range(count)) if isinstance(answer, ResponseError)]
            if errors:
                refused.append(row)
                log.error("row_refused", database=row.database, table=row.table, key=row.key, why=str(errors[0]))
        # What stands in the way of a row of ours, a key that is no hash, goes. Once: it may be refused for other
        # reasons.
        if refused and not renew:
            await self._execute(link, refused, renew=True)

    def _queue(self, pipeline: Pipeline, link: DatabaseLink, row: RowOutput, renew: bool) -> int:
        """Put the commands of a row into the pipeline; returns how many they are."""
        redis_key = link.redis_key(row.table, row.key)
        if self._transport(row) is Transport.PRODUCER_STATE_TABLE:
            return _produce(pipeline, link, row)
        if isinstance(row, DeleteRow) or not row.fields:
            pipeline.delete(redis_key)
            return 1
        count = 1
        if renew or self._transport(row) is Transport.ORCHAGENT:
            pipeline.delete(redis_key)
            count += 1
        elif row.vanished:
            pipeline.hdel(redis_key, *row.vanished)
            count += 1
        pipeline.hset(redis_key, items=[part for pair in row.fields.items() for part in pair])
        return count

    def _transport(self, row: RowOutput) -> Transport | None:
        return self._transports[row.database, row.table]


def _produce(pipeline: Pipeline, link: DatabaseLink, row: RowOutput) -> int:
    place = (link.address.id, link.address.separator, row.table, row.key)
    if isinstance(row, DeleteRow) or not row.fields:
        return produce_delete(pipeline, *place)
    # The consumer merges what it is given into the row it has: only a deletion before makes a field go away.
    count = produce_delete(pipeline, *place) if row.vanished else 0
    return count + produce_set(pipeline, *place, row.fields)
