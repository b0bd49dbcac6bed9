"""What the checker finds."""

from attrs import frozen


@frozen
class Violation:
    """An invariant that does not hold, by its id, and what was seen."""

    invariant: str
    what: str
