"""What the databases of one DPU slot hold at one moment, from Redis or from a file, and a node rebuilt from it.

A snapshot is the inputs that a daemon would be handed at its start, in that order. In a file it is a JSON object with
the inputs in the form of the journal.

Source: architecture "The I/O shell", switch-driven 9, tables 4.1.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from hamgr_fsm.vocabulary import HaOwner
from models import tables
from models.table import Table
from models.tables import READ_TABLES, WRITTEN_TABLES
from runner.inputs import Input, RowSet, RowsFound, SnapshotComplete
from runner.journal.conversion import BadRecord, input_from_json, input_to_json
from runner.node import Node
from runner.outputs import Output
from runner.redis_rows import RedisRows

FORMAT = "hamgr snapshot 1"
DATABASES = tuple(dict.fromkeys(table.database for table in (*READ_TABLES, *WRITTEN_TABLES)))


class BadSnapshot(Exception):  # noqa: N818  (what is wrong with the file, in one line)
    """The file is no snapshot; the text names it and says why."""


@frozen
class Snapshot:
    """What a daemon of a slot would find. ``read_ms``: wall-clock milliseconds at which it was read."""

    slot_id: int
    read_ms: int
    inputs: tuple[Input, ...]

    def row(self, table: Table[Any], key: str) -> dict[str, str]:
        """A row that the daemon had published or written; empty when there was none."""
        found = (rows.rows for rows in self.inputs if isinstance(rows, RowsFound) and rows.database is table.database)
        return dict(next((rows[table.name, key] for rows in found if (table.name, key) in rows), {}))


def read_snapshot(databases: RedisRows, slot_id: int, read_ms: int) -> Snapshot:
    """Read everything that hamgrd reads or writes.

    Raises:
        redis.RedisError: a server does not answer.
    """
    found: list[Input] = []
    for database in DATABASES:
        written = [table for table in WRITTEN_TABLES if table.database is database]
        rows = {(table.name, key): _as_text(row) for table in written for key, row in databases.raw_rows(table).items()}
        found.append(RowsFound(database, rows))
    read: list[Input] = [
        RowSet(table.database, table.name, key, fields)
        for table in READ_TABLES
        for key, fields in databases.raw_rows(table).items()
    ]
    return Snapshot(slot_id, read_ms, (*found, *read))


def _as_text(row: dict[str, bytes]) -> dict[str, str]:
    return {name: value.decode("utf-8", "replace") for name, value in row.items()}


def save(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot to a file."""
    inputs = [input_to_json(happened) for happened in snapshot.inputs]
    content = {"format": FORMAT, "slot_id": snapshot.slot_id, "read_ms": snapshot.read_ms, "inputs": inputs}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Snapshot:
    """Read a snapshot from a file.

    Raises:
        BadSnapshot: there is no such file, or it is no snapshot.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise BadSnapshot(f"{path}: format {content['format']!r}, not {FORMAT!r}")
        inputs = tuple(input_from_json(each) for each in content["inputs"])
        return Snapshot(int(content["slot_id"]), int(content["read_ms"]), inputs)
    except OSError as error:
        raise BadSnapshot(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, BadRecord) as error:
        raise BadSnapshot(f"{path}: no snapshot of hamgr: {error!r}") from error


def rebuilt(snapshot: Snapshot) -> tuple[Node, Sequence[Output]]:
    """The node that a daemon would be on what the snapshot holds, and what it would do at once. Nothing is carried out.

    Its new operations have made-up ids; whose scopes it drives is not in the databases, so it drives all.
    """
    numbers = iter(range(1, 1_000_000))
    owners = frozenset({HaOwner.DPU, HaOwner.SWITCH})
    node = Node(slot_id=snapshot.slot_id, operation_ids=lambda: f"new-operation-{next(numbers)}", owners=owners)
    outputs: list[Output] = []
    for happened in (*snapshot.inputs, SnapshotComplete()):
        outputs += node.step(happened, snapshot.read_ms)
    return node, outputs


def slot_of(databases: RedisRows, vdpu_id: str) -> int | None:
    """The slot of the local DPU that a vDPU is on, as CONFIG_DB says; None when it says none.

    Raises:
        redis.RedisError: the server does not answer.
    """
    dpu_ids = databases.row(tables.VDPU, vdpu_id)
    names = (dpu_ids.get("main_dpu_ids") or dpu_ids.get("main_dpu_ids@") or "").split(",")
    for name in names:
        slot = databases.row(tables.DPU, name.strip()).get("dpu_id", "")
        if slot.isdecimal():
            return int(slot)
    return None
