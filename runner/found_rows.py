"""Reading rows from a database: which keys a table has, what a row holds, what is on its way to a table's consumer.

Rows are read many at a time in pipelines. A key that is no hash is an answer, not an error.

Source: tables 4.1, 4.2, 4.3.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from attrs import frozen
from redis.exceptions import ResponseError

from models.table import Table, Transport
from runner.database_link import DatabaseLink
from runner.written_rows import RowName

SCAN_STEP = 1000
ROWS_PER_PIPELINE = 256

ItemT = TypeVar("ItemT")


@frozen
class NoHash:
    """A key that holds something else than a hash; ``why`` is the server's word for it."""

    why: str


Row = Mapping[str, bytes] | NoHash | None
"""The fields of a row as the database holds them, or what stands in their place. None: there is no such key."""


async def keys_of(link: DatabaseLink, table: str) -> set[str]:
    """The keys of a table: what follows the first separator. A key that is the table's name alone is not a row."""
    prefix = f"{table}{link.address.separator}"
    found = [key async for key in link.client.scan_iter(match=f"{prefix}*", count=SCAN_STEP)]
    return {text(key).removeprefix(prefix) for key in found}


async def read_rows(link: DatabaseLink, names: Iterable[RowName]) -> dict[RowName, Row]:
    """Every field of the named rows.

    Raises RedisError or OSError when the database is away.
    """
    rows: dict[RowName, Row] = {}
    for chunk in _chunks(names):
        async with link.client.pipeline(transaction=False) as pipeline:
            for table, key in chunk:
                pipeline.hgetall(link.redis_key(table, key))
            answers = await pipeline.execute(raise_on_error=False)
        rows.update(zip(chunk, map(_row, answers), strict=True))
    return rows


async def find_written_rows(link: DatabaseLink, tables: Sequence[Table[Any]]) -> dict[RowName, dict[str, str]]:
    """All rows of the tables that hamgrd writes, whoever wrote them."""
    names: set[RowName] = set()
    for table in tables:
        keys = await keys_of(link, table.name)
        if table.transport is Transport.PRODUCER_STATE_TABLE:
            keys |= await keys_of(link, f"_{table.name}")
        names |= {(table.name, key) for key in keys}
    return await read_written_rows(link, tables, sorted(names))


async def read_written_rows(
    link: DatabaseLink, tables: Sequence[Table[Any]], names: Iterable[RowName]
) -> dict[RowName, dict[str, str]]:
    """The named rows as they will be once the consumers have taken what is pending. Absent rows are left out."""
    produced = {table.name for table in tables if table.transport is Transport.PRODUCER_STATE_TABLE}
    found: dict[RowName, dict[str, str]] = {}
    for chunk in _chunks(names):
        # One transaction: a consumer that pops between two reads would make a row look as if it were gone.
        async with link.client.pipeline(transaction=True) as pipeline:
            for table, key in chunk:
                pipeline.hgetall(link.redis_key(table, key))
                if table in produced:
                    pipeline.hgetall(link.redis_key(f"_{table}", key))
                    pipeline.sismember(f"{table}_DEL_SET", key)
            answers = iter(await pipeline.execute(raise_on_error=False))
        for table, key in chunk:
            fields = _fields(_row(next(answers)))
            if table in produced:
                pending, going = _fields(_row(next(answers))), next(answers)
                fields = pending if going else fields | pending
            if fields:
                found[table, key] = fields
    return found


def _row(answer: Any) -> Row:
    if isinstance(answer, ResponseError) and str(answer).startswith("WRONGTYPE"):
        return NoHash(str(answer))
    if isinstance(answer, Exception):
        raise answer
    # A list field of CONFIG_DB carries an @ at its name; the real Table cuts every name there.
    return {text(name).split("@", 1)[0]: value for name, value in answer.items()} or None


def _fields(row: Row) -> dict[str, str]:
    return {name: text(value) for name, value in row.items()} if isinstance(row, Mapping) else {}


def _chunks(items: Iterable[ItemT]) -> Iterator[list[ItemT]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, ROWS_PER_PIPELINE)):
        yield chunk


def text(value: bytes) -> str:
    """Bytes as text. What is no UTF-8 is shown escaped: nobody of the field writes such a name, so nobody misses it."""
    return value.decode("utf-8", "backslashreplace")
