"""What a node wants done: rows, timers and log lines, as plain data for the shell to carry out in order.

Source: architecture, "The node".
"""

from collections.abc import Mapping
from enum import StrEnum

from attrs import field, frozen

from models.database import Database


@frozen
class WriteRow:
    """Write a row. ``fields`` is the whole row; ``vanished`` are the fields of the previous row that it no longer
    has."""

    database: Database
    table: str
    key: str
    fields: Mapping[str, str] = field(hash=False)
    vanished: tuple[str, ...] = ()


@frozen
class DeleteRow:
    """Delete a row."""

    database: Database
    table: str
    key: str


@frozen
class ReachOrchagent:
    """Where the orchagent of the managed DPU listens for ZMQ messages; ``host`` is None while no such DPU is
    configured."""

    host: str | None
    port: int


@frozen
class ReadAgain:
    """Hand over every row that is read in a database again, also those that have not changed."""

    database: Database


@frozen
class SendMessage:
    """Send JSON text to an entity of the daemon that manages another DPU.

    ``source`` and ``to`` are the resource paths of who speaks here and of whom it is for over there.
    """

    dpu_name: str
    source: str
    to: str
    payload: str


class Verdict(StrEnum):
    """What became of a message that arrived. Source: bus 6, what is required of ours."""

    CONSUMED = "consumed"
    UNREADABLE = "unreadable"
    NOBODY = "nobody"
    """There is no such entity here."""


@frozen
class AnswerMessage:
    """Tell the sender of a message of this step what became of it, now that its rows are written.

    One for each message, in their order; None: a defect of the program has kept it from being handled.
    """

    verdict: Verdict | None


@frozen
class Neighbour:
    """Where the daemon that manages another DPU is found: its switch's addresses, best first, and its port there."""

    dpu_name: str
    slot: int
    addresses: tuple[str, ...]
    port: int


@frozen
class ReachBus:
    """Where this process stands on the bus and whom it may meet there.

    ``node`` is the path of this node, ``region.cluster.name``; ``addresses`` are those of Loopback0, best first.
    ``waiting_for`` names the rows without which this process cannot be found: then it listens to nobody.
    """

    node: str
    addresses: tuple[str, ...]
    port: int
    neighbours: tuple[Neighbour, ...]
    waiting_for: tuple[str, ...] = ()


@frozen
class SetTimer:
    """Fire ``timer`` once after a delay; a timer of the same name that is running starts anew."""

    timer: str
    after_ms: int


@frozen
class CancelTimer:
    """Forget a running timer; nothing happens when there is none."""

    timer: str


@frozen
class TransitionTaken:
    """One machine moved; the shell logs it in one line."""

    scope: str
    source: str
    target: str
    why: str
    event: str | None
    ref: str
    row: int


@frozen
class InputRejected:
    """An input could not be used as a whole and changed nothing."""

    source: str
    field: str
    value: str
    why: str
    table: str = ""
    """The table of the row, or ``messages``: what it is counted under."""


@frozen
class Alert:
    """Something an operator should know although nothing was rejected and nothing moved."""

    subject: str
    what: str


@frozen
class Fault:
    """A defect of the program: one entity could not be refreshed and stays as it was; the others go on."""

    entity: str
    error: BaseException = field(eq=False)


Output = (
    WriteRow
    | DeleteRow
    | ReachOrchagent
    | ReachBus
    | ReadAgain
    | SendMessage
    | AnswerMessage
    | SetTimer
    | CancelTimer
    | TransitionTaken
    | InputRejected
    | Alert
    | Fault
)
