"""Reading a journal, life by life and step by step.

The last line of a life may be torn: the daemon was killed, or the disk full, while it was written. It is told and left
out. Anything else that is not as it was written ends the reading with the file and the number of the line.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from runner.journal.conversion import BadRecord
from runner.journal.record import HEADER_START, Life, NoJson, Step, read_line


class BadJournal(Exception):  # noqa: N818  (what the operator is told, not an error of the program)
    """Why a journal cannot be read, in one line."""


@frozen
class Torn:
    """A life ended within this line."""

    line: int


GZIP_MAGIC = b"\x1f\x8b"


def read_journal(path: Path) -> Iterator[Life | Step | Torn]:
    """Everything in a journal, in order: each life, then its steps. A file compressed by gzip is read as well.

    Raises:
        BadJournal: the file cannot be read, is of another format, or is damaged.
    """
    with _lines(path) as lines:
        yield from _records(path, enumerate(lines, 1))


def read_lives(path: Path) -> list[Life]:
    """The headers in a journal, without looking at the steps.

    Raises:
        BadJournal: the file cannot be read, or a header is of another format or damaged.
    """
    with _lines(path) as lines:
        headers = ((number, raw) for number, raw in enumerate(lines, 1) if raw.startswith(HEADER_START))
        return [record for record in _records(path, headers) if isinstance(record, Life)]


@contextmanager
def _lines(path: Path) -> Iterator[Iterable[bytes]]:
    try:
        with path.open("rb") as file:
            compressed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            file.seek(0)
            yield gzip.GzipFile(fileobj=file) if compressed else file
    except (OSError, EOFError, zlib.error) as error:
        raise BadJournal(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _records(path: Path, lines: Iterable[tuple[int, bytes]]) -> Iterator[Life | Step | Torn]:
    steps: int | None = None
    cut: tuple[int, str] | None = None
    for number, raw in lines:
        try:
            record = read_line(raw)
        except NoJson as error:
            if cut is not None:
                break
            cut = (number, str(error))
            if not raw.endswith(b"\n") and steps is not None:
                yield Torn(number)
                return
            continue
        except BadRecord as error:
            raise BadJournal(f"{path}:{number}: {error}") from error
        if cut is not None:
            if not (isinstance(record, Life) and record.after_torn_line):
                break
            yield Torn(cut[0])
            cut = None
        steps = _count(path, number, record, steps)
        yield record
    if cut is not None:
        raise BadJournal(f"{path}:{cut[0]}: {cut[1]}")
    if steps is None:
        raise BadJournal(f"{path}: no life of a daemon in it")


def _count(path: Path, line: int, record: Life | Step, steps: int | None) -> int:
    """How many steps the life has now.

    Raises:
        BadJournal: the record cannot stand here.
    """
    if isinstance(record, Life):
        return 0
    if steps is None:
        raise BadJournal(f"{path}:{line}: a step before any life")
    if record.number != steps + 1:
        raise BadJournal(f"{path}:{line}: step {record.number} follows step {steps}")
    return record.number
