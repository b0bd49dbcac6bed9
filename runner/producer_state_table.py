"""What a ProducerStateTable does in Redis: the row is left where its consumer fetches it, and the consumer is told.

Both calls are one script each, so that the consumer is told once however often a row is written before it is fetched.

Source: tables 4.3.
"""

from collections.abc import Mapping

from redis.asyncio.client import Pipeline

NOTICE = "G"

# KEYS: channel, key set, pending row. ARGV: notice, key, then field and value in turn.
_SET = """
local new = redis.call('SADD', KEYS[2], ARGV[2])
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
if new == 1 then redis.call('PUBLISH', KEYS[1], ARGV[1]) end
"""

# KEYS: channel, key set, pending row, delete set. ARGV: notice, key.
_DELETE = """
local new = redis.call('SADD', KEYS[2], ARGV[2])
redis.call('SADD', KEYS[4], ARGV[2])
redis.call('DEL', KEYS[3])
if new == 1 then redis.call('PUBLISH', KEYS[1], ARGV[1]) end
"""


def produce_set(
    pipeline: Pipeline, database_id: int, separator: str, table: str, key: str, fields: Mapping[str, str]
) -> int:
    """Queue the fields for the consumer, who merges them into the row; returns how many commands that takes.

    ``fields`` must not be empty: the consumer would take that for a deletion and leave the row.
    """
    flat = [part for pair in fields.items() for part in pair]
    pipeline.eval(_SET, 3, *_names(database_id, separator, table, key), NOTICE, key, *flat)
    return 1


def produce_delete(pipeline: Pipeline, database_id: int, separator: str, table: str, key: str) -> int:
    """Queue the deletion of a row, and forget what was queued for it; returns how many commands that takes.

    Followed by a set before the consumer comes, this replaces the row.
    """
    names = _names(database_id, separator, table, key)
    pipeline.eval(_DELETE, 4, *names, f"{table}_DEL_SET", NOTICE, key)
    return 1


def _names(database_id: int, separator: str, table: str, key: str) -> tuple[str, str, str]:
    return f"{table}_CHANNEL@{database_id}", f"{table}_KEY_SET", f"_{table}{separator}{key}"
