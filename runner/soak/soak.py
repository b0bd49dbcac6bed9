"""Many planned switchovers of one pair in a row, with what the plan says happening meanwhile.

After each step the pair has to be intact again, and nothing may have happened in it that never must.

Source: switch-driven 11; the soak that issue 4 of the project asks for.
"""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from redis import RedisError

from runner.bench.process_figures import resident
from runner.demo.invariants import at_rest, findings
from runner.demo.pair import ORDINARY_PAIR, Pair
from runner.demo.watch import Watch
from runner.soak.approving import ApprovingController
from runner.soak.growth import Growth, MemorySamples
from runner.soak.plan import StepPlan, plan
from runner.soak.troublemaker import Troublemaker

INTACT_WITHIN_S = 60.0
LOOK_EVERY_S = 0.02

MOST_LOG = 4 * 1024 * 1024
"""A log that is longer, in bytes, is put aside between two steps; the one put aside before is forgotten."""


@frozen
class StepResult:
    """How a step ended: nothing is ``wrong``, or something is, in words."""

    plan: StepPlan
    took_s: float
    wrong: tuple[str, ...]


@define
class Soak:
    """A pair that is healthy at first, and the steps it lives through."""

    pair: Pair
    seed: int
    kills: bool
    keep_logs_in: Path
    """Where the logs go when something is wrong; absent until then."""

    results: list[StepResult] = field(factory=list)
    memory: dict[str, MemorySamples] = field(factory=dict)
    _controller: ApprovingController = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._controller = ApprovingController(self.pair)
        self.memory = {name: MemorySamples() for name in self.pair.pair}

    def run(self, first: int, count: int) -> Iterator[StepResult]:
        """Live through so many steps from the one numbered ``first``, until one goes wrong."""
        for number in range(first, first + count):
            result = self._step(plan(self.seed, number, kills=self.kills))
            self.results.append(result)
            if result.wrong:
                self._keep_logs(result)
            yield result
            if result.wrong:
                return

    @property
    def growth(self) -> dict[str, Growth]:
        """What became of the memory of both hamgrd."""
        return {name: samples.growth() for name, samples in self.memory.items()}

    def _step(self, step: StepPlan) -> StepResult:
        pair = self.pair
        if pair[step.to].at == "active/active":
            pair.switch_over(pair.peer_of(step.to))
        for name in pair.pair:
            self._shorten_log(name)
        terms, watch, began_s = dict(zip(pair.pair, pair.terms, strict=True)), Watch(pair), time.monotonic()
        trouble = Troublemaker(pair)
        pair.scope(pair.peer_of(step.to), desired="unspecified")
        pair.scope(step.to, desired="active")
        trouble.begin(step.strikes)
        late = not self._wait(lambda: not trouble.busy and self._intact(step.to), began_s)
        took_s = time.monotonic() - began_s
        trouble.end()
        wrong = [*trouble.errors]
        if late:
            wrong.append(f"not intact after {took_s:.0f} s: {pair}")
        wrong += [f"{name}: the term fell from {terms[name]} to {term}" for name, term in self._fallen(terms)]
        wrong += [*findings(watch), *at_rest(pair)]
        for name in pair.pair:
            if (process := pair[name].hamgrd.process) is not None and pair[name].hamgrd.alive:
                self.memory[name].take(process.pid, resident(process.pid))
        return StepResult(step, took_s, tuple(wrong))

    def _wait(self, holds: Callable[[], bool], began_s: float) -> bool:
        while time.monotonic() < began_s + INTACT_WITHIN_S:
            self._controller.look()
            try:
                if holds():
                    return True
            except RedisError:
                pass  # It is part of the plan that a server is away.
            time.sleep(LOOK_EVERY_S)
        return False

    def _intact(self, active: str) -> bool:
        """Active beside standby, both DPUs are what is said of them, both routes agree, and nobody asks anything."""
        pair, standby = self.pair, self.pair.peer_of(active)
        return (
            (pair[active].at, pair[standby].at) == ORDINARY_PAIR
            and set(pair.primaries) == {active}
            # Lower for a standby that was active when it lost a conflict: it takes over no term (switch-driven 4).
            and pair[standby].term <= pair[active].term
            and not any(pair[name].pending for name in pair.pair)
            and (pair.dpus[active].role, pair.dpus[standby].role) == ("active", "standby")
        )

    def _fallen(self, before: dict[str, int]) -> list[tuple[str, int]]:
        return [(name, self.pair[name].term) for name in before if self.pair[name].term < before[name]]

    def _shorten_log(self, name: str) -> None:
        """hamgrd goes on writing at the end of its file, wherever that is."""
        log = self.pair[name].hamgrd.log
        if log.stat().st_size > MOST_LOG:
            shutil.copyfile(log, log.with_suffix(".before.log"))
            with log.open("r+b") as file:
                file.truncate()

    def _keep_logs(self, result: StepResult) -> None:
        for name in self.pair.pair:
            log = self.pair[name].hamgrd.log
            (self.keep_logs_in / name).mkdir(parents=True)
            for file in (*log.parent.glob("*.log"), *log.parent.glob("*.jsonl")):
                shutil.copy(file, self.keep_logs_in / name)
        words = [str(result.plan), *result.wrong, *(f"{name}: {self.pair[name].state}" for name in self.pair.pair)]
        (self.keep_logs_in / "wrong.txt").write_text("\n".join(words) + "\n")


def troubles(results: list[StepResult]) -> Counter[str]:
    """How often each trouble struck."""
    return Counter(str(strike.trouble) for result in results for strike in result.plan.strikes)


def plain(result: StepResult) -> dict[str, Any]:
    """A result for JSON."""
    return {
        "step": result.plan.number,
        "to": result.plan.to,
        "strikes": [str(strike) for strike in result.plan.strikes],
        "took_s": round(result.took_s, 3),
        "wrong": list(result.wrong),
    }
