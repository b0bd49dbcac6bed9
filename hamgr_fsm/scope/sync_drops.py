"""Whether inline sync packets are lost, judged from counters that are read now and then.

An active DPU sends every change of a flow to its peer and counts, for each ENI, what it has sent (tx) and what came
back acknowledged (rx). A single poll proves nothing: acknowledgements come late, counters restart. So the judgement is
a value that every poll turns into the next one, and only an ENI that loses too much in two polls in a row counts.

Differences are signed and never below zero: a side that hears more than it says loses nothing (LD-02).

Source: switch-driven 8; field-lessons LD-02, H-28; scenarios C15, C16.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from attrs import evolve, field, frozen

EniCounters: TypeAlias = tuple[str, int, int]
"""An ENI and how many inline sync packets it has sent and has got acknowledged; each from 0 to 2^64 - 1."""

POLLS_IN_A_ROW = 2
"""So many polls, one after the other, have to find too many packets lost."""


@frozen
class Base:
    """What the next poll of an ENI is compared with."""

    tx: int
    rx: int
    lossy_polls: int = 0
    """The newest polls in a row in which too many packets were lost."""

    def lost_until(self, tx: int, rx: int) -> int | None:
        """The packets lost since then, at least 0; None when a counter has gone backwards: nobody can tell."""
        if tx < self.tx or rx < self.rx:
            return None
        return max(0, (tx - self.tx) - (rx - self.rx))


@frozen
class SyncDrops:
    """What is known of the losses of some ENIs after a poll."""

    bases: Mapping[str, Base] = field(factory=dict, hash=False)
    """By ENI. One that the newest poll did not find is not among them: it starts anew."""

    explained: bool = False
    """Since the newest poll there was a time at which losses mean nothing: the channel was down, or no flow was kept
    in step."""

    def noted(self, *, in_step: bool) -> "SyncDrops":
        """Say whether flows should be kept in step now; to be said whenever it may have changed."""
        return self if in_step or self.explained else evolve(self, explained=True)

    def polled(self, counters: Iterable[EniCounters], *, limit: float, in_step: bool) -> "SyncDrops":
        """Take in a poll. More packets than ``limit`` lost since the last one are too many.

        ``in_step``: flows should be kept in step now. What is lost over a time in which they were not at any moment
        only makes a new base.
        """
        explained = self.explained or not in_step
        bases = {}
        for eni, tx, rx in counters:
            before = self.bases.get(eni)
            lost = before.lost_until(tx, rx) if before is not None and not explained else None
            lossy = before.lossy_polls + 1 if before is not None and lost is not None and lost > limit else 0
            bases[eni] = Base(tx, rx, lossy)
        return SyncDrops(bases, explained=not in_step)

    @property
    def losing(self) -> frozenset[str]:
        """The ENIs that lose too much, as of the newest poll."""
        return frozenset(eni for eni, base in self.bases.items() if base.lossy_polls >= POLLS_IN_A_ROW)
