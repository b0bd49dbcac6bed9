"""What a simulated DPU does to the databases, as plain data.

A DPU merges single fields into its rows where hamgrd always writes whole rows, and it empties whole databases at start,
so its writes have records of their own. Whoever runs the DPU carries them out in order.

Source: tables 2.11, 2.12, 2.16, 2.17; field-lessons D-09, D-10.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from attrs import field, frozen

from models.database import Database


@frozen
class MergeRow:
    """Set these fields of a row and leave its others as they are: one HSET."""

    database: Database
    table: str
    key: str
    fields: Mapping[str, str] = field(hash=False)


@frozen
class RemoveRow:
    """Delete a row: one DEL."""

    database: Database
    table: str
    key: str


@frozen
class EmptyDatabase:
    """Empty a database as a whole: its readers get no notice for any key."""

    database: Database


DpuWrite = MergeRow | RemoveRow | EmptyDatabase


def clock_text(now_s: int) -> str:
    """The 12-hour UTC text in which the platform's daemons write a time (tables 2.11)."""
    return datetime.fromtimestamp(now_s, UTC).strftime("%a %b %d %I:%M:%S %p UTC %Y")
