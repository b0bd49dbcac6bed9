"""What a table is: its name, its database, the record that one row becomes, and how a writer reaches its reader.

Source: tables 2.0, 4.
"""

from enum import Enum, auto
from typing import Generic, TypeVar

from attrs import frozen

from models.database import Database

RecordT = TypeVar("RecordT")


class Transport(Enum):
    """How a row that hamgrd writes gets to whoever reads it."""

    TABLE = auto()
    """A hash that is written in place: HSET, HDEL, DEL (tables 4.2)."""

    PRODUCER_STATE_TABLE = auto()
    """A pending row that its consumer pops (tables 4.3)."""

    ORCHAGENT = auto()
    """A ZMQ message to the DPU's orchagent, with a copy in Redis (tables 4.4)."""


@frozen
class Table(Generic[RecordT]):
    """A table by name and database. ``transport`` is None for a table that hamgrd only reads."""

    name: str
    database: Database
    record: type[RecordT]
    transport: Transport | None = None

    def __str__(self) -> str:
        return self.name
