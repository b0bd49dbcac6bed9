"""What a node wants done: rows, timers and log lines, as plain data for the shell to carry out in order.

Source: architecture, "The node".
"""

from collections.abc import Mapping

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
class SendMessage:
    """Send JSON text to an entity of the daemon that manages a DPU of another switch; lost when there is no link."""

    dpu_name: str
    to: str
    payload: str


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
    | SendMessage
    | SetTimer
    | CancelTimer
    | TransitionTaken
    | InputRejected
    | Alert
    | Fault
)
