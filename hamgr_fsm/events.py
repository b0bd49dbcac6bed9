"""What happens once and is not a level: an approval, a timer.

Rows name an event by its class in snake case. Everything that stays true after it happened is a fact and is not here.

Source: switch-driven 1.
"""

from attrs import frozen


@frozen
class Approval:
    """The controller approved pending operations, in the order of its list; ids that are not pending mean nothing."""

    operation_ids: tuple[str, ...]


@frozen
class RequestTimeout:
    """The DPU has had its time to take the request it was granted."""
