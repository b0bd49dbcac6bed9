"""Explores a pair state by state, breadth first, so that the first trace to anything is a shortest one.

Source: switch-driven 11.
"""

from array import array
from collections.abc import Callable

from attrs import define, field, frozen

from runner.lab.check.happenings import Deed, Happening, Step
from runner.lab.check.invariants import violation_at_rest
from runner.lab.check.liveness import Liveness
from runner.lab.check.pair import Next, Pair, State
from runner.lab.check.violation import Violation


@frozen
class Found:
    """A violation and the shortest way to it. ``then`` is the run without faults that shows it, for I9."""

    violation: Violation
    trace: tuple[Step, ...]
    then: tuple[Step, ...] = ()


@define
class Report:
    """What an exploration has seen."""

    states: int = 0
    transitions: int = 0
    depth: int = 0
    complete: bool = False
    """Everything within the budget was seen; else a limit or an interruption ended the search."""

    cut: int = 0
    """States that were not gone on from, because more messages were under way than are looked at."""

    at_rest: int = 0
    followed: int = 0
    """States that were followed to their end."""

    local_steps: int = 0
    taken: set[tuple[str, int]] = field(factory=set)
    """The rows that were taken, by region and number."""

    found: Found | None = None


@define(eq=False)
class Explorer:
    """One exploration. ``stop`` is asked now and then; ``tell`` hears how far it is."""

    pair: Pair
    most_states: int = 1_000_000
    liveness: bool = True
    looks: tuple[Callable[[Pair, State], Violation | None], ...] = ()
    """What is looked at in every state besides."""

    restarts: bool = False
    """In every state in which nothing urgent is under way, see whether a restart leads to the same end (I10)."""

    ignores: frozenset[str] = frozenset()
    """Invariants, by id, that may be violated."""

    stop: Callable[[], bool] = lambda: False
    tell: Callable[[Report], None] = lambda report: None
    report: Report = field(factory=Report)

    _numbers: dict[State, int] = field(factory=dict)
    _parents: "array[int]" = field(factory=lambda: array("l"))
    _steps: list[tuple[str, Happening]] = field(factory=list)
    _ends: Liveness = field(init=False)
    _broken_ends: Liveness = field(init=False)

    def explore(self, start: State) -> Report:
        """Everything that can come of a state."""
        pair, report = self.pair, self.report
        self._ends, self._broken_ends = Liveness(pair), Liveness(pair, mends=False)
        numbers, parents, steps = self._numbers, self._parents, self._steps
        numbers[start] = 0
        parents.append(-1)
        steps.append(("world", _BEGIN))
        layer, depth, transitions = [start], 0, 0
        while layer and report.found is None:
            following: list[State] = []
            for state in layer:
                number = numbers[state]
                if pair.overflows_in(state):
                    report.cut += 1
                    continue
                wrong, nexts = self._look(state)
                if wrong is not None:
                    self._find(number, wrong, state)
                    break
                for who, happening, reached, violation in nexts:
                    transitions += 1
                    if violation is not None and self._counts(violation):
                        self._find(number, violation, None, Step(who, happening))
                        break
                    if reached not in numbers:
                        numbers[reached] = len(parents)
                        parents.append(number)
                        steps.append((who, happening))
                        following.append(reached)
                if report.found is not None:
                    break
                if not number & 4095:
                    self._update(depth, transitions)
                    self.tell(report)
                    if len(numbers) > self.most_states or self.stop():
                        return report
            layer, depth = following, depth + 1
        report.complete = report.found is None
        self._update(depth, transitions)
        return report

    def _look(self, state: State) -> tuple[Violation | None, list[Next]]:
        """Look at a state, and say what can come of it."""
        pair = self.pair
        for look in self.looks:
            if self._counts(wrong := look(pair, state)):
                return wrong, []
        nexts = list(pair.urgent(state))
        if not nexts:
            if pair.at_rest(state):
                self.report.at_rest += 1
                if self._counts(wrong := violation_at_rest(pair, state)):
                    return wrong, nexts
            if self.liveness:
                wrong = self._ends.violation(state) or self._broken_ends.violation(state)
                if wrong is not None and wrong.invariant in _OF_THE_END and self._counts(wrong):
                    return wrong, nexts
                # What goes wrong on the way is met by the search itself, at the end of a shorter trace.
            if self.restarts and self._counts(wrong := self._ends.restart_violation(state)):
                return wrong, nexts
            nexts += pair.timers(state)
        nexts += pair.unhurried(state)
        nexts += pair.faults(state)
        return None, nexts

    def _counts(self, wrong: Violation | None) -> bool:
        return wrong is not None and wrong.invariant not in self.ignores

    def _update(self, depth: int, transitions: int) -> None:
        report = self.report
        report.states, report.depth, report.transitions = len(self._numbers), depth, transitions
        report.followed, report.local_steps = self._ends.followed, self.pair.local_steps
        report.taken = self.pair.coverage.taken

    def _find(self, number: int, wrong: Violation, state: State | None, last: Step | None = None) -> None:
        trace = [last] if last is not None else []
        while number > 0:
            trace.append(Step(*self._steps[number]))
            number = self._parents[number]
        then: tuple[Step, ...] = ()
        if state is not None and wrong.invariant in _OF_THE_END:
            ends = self._ends if wrong.invariant == "I9" else self._broken_ends
            then = tuple(Step(n.who, n.happening) for n in ends.run(state))
        self.report.found = Found(wrong, tuple(reversed(trace)), then)


_OF_THE_END = ("I9", "I-02", "I-08")
"""What only shows when a state is followed to its end."""

_BEGIN = Deed.APPROVE
"""Stands where the first state has no step that leads to it."""
