"""The log lines of what a node did: transitions, rejected inputs, alerts. One line each, always in the same shape.

Source: architecture, "The I/O shell"; field-lessons I-17.
"""

from collections import Counter

import structlog
from attrs import define, field
from structlog.typing import FilteringBoundLogger

from runner.inputs import Input
from runner.outputs import Alert, InputRejected, TransitionTaken

SHOWN = 4000
"""So many characters of an input are shown when the node has failed over it: a burst can be very long."""

log: FilteringBoundLogger = structlog.get_logger()


@define
class OutputLog:
    """Logs, and counts what was rejected by the table that it came from, and what went wrong in the node itself."""

    rejected: Counter[str] = field(factory=Counter)
    bugs: int = 0

    def transition(self, taken: TransitionTaken) -> None:
        """A machine moved."""
        names = {"from": taken.source, "to": taken.target, "why": taken.why, "_event": taken.event}
        log.info("transition", scope=taken.scope, **names, ref=taken.ref, row=taken.row)

    def input_rejected(self, rejected: InputRejected) -> None:
        """An input was refused as a whole; ``count`` is how many of its table were so far."""
        self.rejected[rejected.table] += 1
        log.warning(
            "input_rejected",
            source=rejected.source,
            field=rejected.field,
            value=rejected.value,
            why=rejected.why,
            table=rejected.table,
            count=self.rejected[rejected.table],
        )

    def alert(self, alert: Alert) -> None:
        """Something for the operator to know."""
        log.warning("alert", subject=alert.subject, what=alert.what)

    def bug(self, cause: Input, error: BaseException, **where: str) -> None:
        """The node failed over an input: a defect of the program, whatever the input was."""
        self.bugs += 1
        log.error("bug", **where, input=repr(cause)[:SHOWN], count=self.bugs, exc_info=error)
