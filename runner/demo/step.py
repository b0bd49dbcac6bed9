"""A step of the demonstration: what is done, and what everybody must then see."""

from collections.abc import Callable

from attrs import frozen

from runner.demo.cast import Cast
from runner.demo.expectation import Expectation


@frozen
class Step:
    """One thing that is done and what is expected of it, all within one deadline.

    ``ref`` names its part of the specification.
    """

    title: str
    act: Callable[[Cast], None]
    expects: tuple[Expectation, ...]
    ref: str
    within_s: float = 30.0
