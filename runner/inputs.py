"""What can happen to a node: the only things that make it decide.

Every input is plain data, so that a journal of inputs replays a run. Source: architecture, "The node".
"""

from collections.abc import Mapping

from attrs import field, frozen

from models.database import Database


@frozen
class RowSet:
    """A row was written: its whole content, as the database holds it."""

    database: Database
    table: str
    key: str
    fields: Mapping[str, bytes] = field(hash=False)


@frozen
class RowDeleted:
    """A row is gone: deleted, or missing from a snapshot that held it before."""

    database: Database
    table: str
    key: str


@frozen
class RowUnreadable:
    """A key exists but is no hash; ``why`` is the server's word for it."""

    database: Database
    table: str
    key: str
    why: str


@frozen
class RowsFound:
    """What a database holds of the tables that hamgrd writes, read at start, after a reconnect and now and then.

    ``rows`` maps table and key to the fields found. Rows that the node wants and that are missing or different are
    written again; before ``SnapshotComplete`` they are adopted instead, as left by an earlier life of this daemon.
    """

    database: Database
    rows: Mapping[tuple[str, str], Mapping[str, str]] = field(hash=False)


@frozen
class SnapshotComplete:
    """Every table that was there at start has been handed to the node: what is left over now has no owner."""


@frozen
class TimerFired:
    """A timer that the node had set is due."""

    timer: str


@frozen
class LinkChanged:
    """The control link to the daemon that manages a DPU of another switch has come or gone.

    Told once after start as well when the first attempt to connect has failed: until then the link is unknown, which is
    not lost.
    """

    dpu_name: str
    up: bool


@frozen
class MessageArrived:
    """A message of another daemon for an entity of this node, as JSON text.

    ``dpu_name`` is the DPU whose daemon sent it; ``source`` and ``to`` are the resource paths of who speaks over there
    and of whom it is for, such as ``ha-scope/vdpu0_0:haset0_0``.
    """

    dpu_name: str
    source: str
    to: str
    payload: str


@frozen
class SyncCountersRead:
    """The counters of inline sync packets of the managed DPU's ENIs, as one poll has found them.

    ``counters``: ENI id, packets sent, packets acknowledged; each number from 0 to 2^64 - 1. An ENI that is left out
    could not be read; if none could any more, that is told once, with nothing in it. Source: tables 2.22.
    """

    counters: tuple[tuple[str, int, int], ...]


Single = (
    RowSet
    | RowDeleted
    | RowUnreadable
    | RowsFound
    | SnapshotComplete
    | TimerFired
    | LinkChanged
    | MessageArrived
    | SyncCountersRead
)
"""One thing that happened."""


@frozen
class Burst:
    """What has happened while the last step was under way, in its order, to be handled as one step.

    The node decides as if each came by itself, one after the other; only what it wants written and said comes out
    together. So a failure of a DPU with a thousand ENIs is one pipeline per database, and not a thousand.
    """

    inputs: tuple[Single, ...]


Input = Single | Burst
