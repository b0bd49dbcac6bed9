"""One database as the daemon sees it: where it is, whether it answers, and what hamgrd's own tables hold there.

Reader and writer of a database share one link. Whichever notices first that the server is away marks the link, and it
is logged once; the reader alone brings it back, because everything in the database has to be read again then.

Source: architecture, "The I/O shell".
"""

import structlog
from attrs import define, field
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import RedisError
from structlog.typing import FilteringBoundLogger

from models.database import Database
from runner.database_config import DatabaseAddress
from runner.written_rows import WrittenRows

DATABASE_ERRORS = (RedisError, OSError, TimeoutError)
"""What a database that is away, or comes and goes, can raise."""

ANSWER_WITHIN_S = 3.0
"""A server that takes longer than this to connect or to answer counts as away."""

BACK_OFF = ExponentialWithJitterBackoff(cap=2.0, base=0.05)
MOST_FAILURES = 10
"""More failures than this make no longer delay; it also keeps the power of two in the back-off small."""

log: FilteringBoundLogger = structlog.get_logger()


@define(eq=False)
class DatabaseLink:
    """The client of one database and what is known about it. ``available`` is False until the server answered."""

    database: Database
    address: DatabaseAddress
    client: Redis
    written: WrittenRows = field(factory=WrittenRows)
    available: bool = False
    _lost_before: bool = False

    @classmethod
    def to(cls, database: Database, address: DatabaseAddress) -> "DatabaseLink":
        """A link by unix socket where the configuration names one, else by TCP. Nothing is connected yet."""
        return cls(database, address, connect(address))

    def redis_key(self, table: str, key: str) -> str:
        """The Redis key of a row; a row without key is the table's name alone."""
        return f"{table}{self.address.separator}{key}" if key else table

    def lose(self, error: BaseException) -> None:
        """The server does not answer. Logged when it is news."""
        if self.available or not self._lost_before:
            log.warning("database_lost", database=self.database, address=str(self.address), why=why(error))
        self.available, self._lost_before = False, True

    def regain(self) -> None:
        """The server answers: rows may be written again."""
        if self._lost_before and not self.available:
            log.info("database_regained", database=self.database, address=str(self.address))
        self.available = True

    async def close(self) -> None:
        """Close every connection."""
        self.available = False
        await self.client.aclose()


def connect(address: DatabaseAddress) -> Redis:
    """A client that tries nothing twice: the reader decides when to try again, the writer never waits for that."""
    return Redis(
        host=address.hostname,
        port=address.port,
        unix_socket_path=address.unix_socket_path,
        db=address.id,
        # Only what every Redis of the field speaks; the answers of the newer protocol have other shapes.
        protocol=2,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=ANSWER_WITHIN_S,
        socket_connect_timeout=ANSWER_WITHIN_S,
    )


def delay_s(failures: int) -> float:
    """How long to wait after so many failures in a row, in seconds, with jitter."""
    return BACK_OFF.compute(min(failures, MOST_FAILURES))


def why(error: BaseException) -> str:
    """An error in a few words; some carry no text of their own."""
    return str(error) or type(error).__name__
