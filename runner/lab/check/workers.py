"""Campaigns on all cores: one process for each core, each explores one campaign after the other.

The only module of the checker that knows processes and the time that passes.

Source: architecture "Command lines".
"""

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Any

from attrs import frozen

from runner.lab.check.campaign import Campaign, run
from runner.lab.check.defects import CATALOGUE, HARMLESS
from runner.lab.check.explorer import Report
from runner.lab.check.mutants import named as mutant_named
from runner.lab.check.presets import QUICK
from runner.lab.check.reference import reference
from runner.lab.check.rules import TRUE, Rules
from runner.lab.check.violation import Violation

_POLL_S = 0.2


@frozen
class Explored:
    """A campaign that is over: which, under which rules, what was seen, and the processor time it took in seconds."""

    number: int
    campaign: Campaign
    rules: str
    report: Report
    seconds: float


@frozen
class Progress:
    """How far the campaign of a number is."""

    number: int
    states: int


@frozen
class Scored:
    """A mutant and what finds it; None if it survives. The processor time in seconds."""

    name: str
    found: Violation | None
    seconds: float


Job = tuple[int, Campaign, str, frozenset[str]]
"""The number of a campaign, the campaign, the name of its rules (functions do not travel between processes), and the
invariants that may be violated."""


def rules_named(name: str) -> Rules:
    """The rules of a name: the true ones, those of the daemon in use today, or those of a defect or a mutant.

    Raises:
        KeyError: there are none.
    """
    if name in (TRUE.name, "reference"):
        return TRUE if name == TRUE.name else reference()
    defect = CATALOGUE.get(name) or HARMLESS.get(name)
    return defect.rules if defect is not None else mutant_named(name)


def score(names: Sequence[str], processes: int) -> Iterator[Scored]:
    """Explore the quick preset under the rules of each mutant until one campaign finds it, as they get done."""
    with multiprocessing.get_context("spawn").Pool(processes, _deaf) as workers:
        yield from workers.imap_unordered(score_here, names)


def score_here(name: str) -> Scored:
    """What finds the mutant of a name, the small campaigns first."""
    began = time.process_time()
    rules = mutant_named(name)
    for campaign in sorted(QUICK, key=_size):
        report = run(campaign, rules)
        if report.found is not None:
            return Scored(name, report.found.violation, time.process_time() - began)
    return Scored(name, None, time.process_time() - began)


def _size(campaign: Campaign) -> int:
    return sum(pool.number * (len(pool.faults) + len(campaign.budget.wishes[0])) for pool in campaign.budget.pools)


def _deaf() -> None:
    """Ctrl-C is for the process that asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def explore_here(
    job: Job, stop: Callable[[], bool] = lambda: False, tell: Callable[[int], None] = lambda n: None
) -> Explored:
    """Explore one campaign in this process."""
    number, campaign, rules, ignores = job
    began = time.process_time()
    report = run(campaign, rules_named(rules), ignores=ignores, stop=stop, tell=lambda report: tell(report.states))
    return Explored(number, campaign, rules, report, time.process_time() - began)


def explore(
    jobs: Sequence[Job], processes: int, tell: Callable[[Progress], None] = lambda p: None
) -> Iterator[Explored]:
    """Explore campaigns as they get done, in any order; after KeyboardInterrupt what was covered so far is given.

    The largest ones are best put first.
    """
    context = multiprocessing.get_context("spawn")
    stop, waiting, told = context.Event(), context.Queue(), context.Queue()
    for job in jobs:
        waiting.put(job)
    workers = [
        context.Process(target=_work, args=(waiting, told, stop), daemon=True) for _ in range(min(processes, len(jobs)))
    ]
    for _ in workers:
        waiting.put(None)
    for worker in workers:
        worker.start()
    left = len(workers)
    try:
        while left:
            try:
                said = told.get()
            except KeyboardInterrupt:
                stop.set()
                continue
            match said:
                case Progress():
                    tell(said)
                case Explored():
                    yield said
                case None:
                    left -= 1
                case _:
                    raise RuntimeError(said)
    finally:
        stop.set()
        for worker in workers:
            worker.join(timeout=5)


def _work(waiting: "Queue[Job | None]", told: "Queue[Any]", stop: Event) -> None:
    _deaf()
    while (job := waiting.get()) is not None and not stop.is_set():
        number = job[0]
        last = time.monotonic()

        def tell(states: int, number: int = number) -> None:
            nonlocal last
            if time.monotonic() - last > _POLL_S:
                last = time.monotonic()
                told.put(Progress(number, states))

        try:
            told.put(explore_here(job, stop.is_set, tell))
        except Exception as error:  # noqa: BLE001  (whatever it is, the process that asked must hear of it)
            told.put(f"{job[1].words()}: {type(error).__name__}: {error}")
    told.put(None)
