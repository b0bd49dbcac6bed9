"""Playing a story: one step after the other, each expectation until it is met or the step's time is over.

It knows the wall and the order, not what is played or how it is shown.
"""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from attrs import frozen
from redis import RedisError

from runner.demo.cast import Cast
from runner.demo.expectation import Expectation, Sighting
from runner.demo.step import Step
from runner.demo.timeline import Moment

LOOK_EVERY_S = 0.03


@frozen
class Outcome:
    """How an expectation ended, and how long after its step had begun."""

    expectation: Expectation
    sighting: Sighting
    after_s: float


class Screen(Protocol):
    """Where the audience follows the play."""

    def showing(self) -> AbstractContextManager[object]:
        """To be entered while steps are played."""

    def begin(self, number: int, step: Step) -> None:
        """A step begins; ``number`` counts from 1."""

    def saw(self, outcome: Outcome) -> None:
        """An expectation was met, or its time is over."""

    def passed(self, moments: Sequence[Moment]) -> None:
        """These moments have passed, none or several."""

    def end(self, step: Step, error: str | None, took_s: float) -> None:
        """The step is over; ``error`` says why it failed apart from its expectations."""


def play(cast: Cast, steps: Sequence[Step], screen: Screen, first: int = 1) -> bool:
    """Play the steps until one fails; true if all that was expected was seen. ``first`` is the number of the first."""
    with screen.showing():
        return all(_play_step(cast, number, step, screen) for number, step in enumerate(steps, first))


def _play_step(cast: Cast, number: int, step: Step, screen: Screen) -> bool:
    began_s = time.monotonic()
    screen.begin(number, step)
    cast.step_begins()
    error = _act(cast, step)
    met = error is None and all(_await(cast, step, expectation, began_s, screen) for expectation in step.expects)
    screen.passed(cast.timeline.news())
    screen.end(step, error, time.monotonic() - began_s)
    return met


def _act(cast: Cast, step: Step) -> str | None:
    """Do what the step does; gives what went wrong in words."""
    try:
        step.act(cast)
    except KeyError as error:
        return f"no scope asks for {error}"
    except (TimeoutError, ChildProcessError, BrokenPipeError, RedisError) as error:
        return str(error)
    return None


def _await(cast: Cast, step: Step, expectation: Expectation, began_s: float, screen: Screen) -> bool:
    if expectation.for_s:
        decided_by, deadline_s = False, time.monotonic() + expectation.for_s
    else:
        decided_by, deadline_s = True, began_s + step.within_s
    while True:
        sighting = expectation.look(cast)
        screen.passed(cast.timeline.news())
        now_s = time.monotonic()
        if sighting.met is decided_by or now_s > deadline_s:
            screen.saw(Outcome(expectation, sighting, now_s - began_s))
            return sighting.met
        time.sleep(LOOK_EVERY_S)
