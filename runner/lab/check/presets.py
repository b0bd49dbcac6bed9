"""What is explored: sets of campaigns by the time they take.

``quick`` is part of the tests: every situation with one thing that goes wrong. ``full`` lets two things go wrong
together, ``deep`` three or long orders of them.

Source: switch-driven 11; scenarios W01 to W17, C17.
"""

from attrs import evolve

from runner.lab.check.budget import Budget, Pool, pool
from runner.lab.check.campaign import Campaign, Extra
from runner.lab.check.happenings import Fault
from runner.lab.check.wishes import EVERY_WISH, PLANNED, Wishes

F = Fault
BREAKS = (F.LINK, F.CHANNEL, F.DPU, F.CRASH)
"""What breaks, and may be mended."""

DISORDER = (F.LOSS, F.REPETITION, F.HURRY, F.ROLE_LOST)
"""What comes late, twice or not at all."""

FAILS = (F.ROLE_REFUSED, F.SYNC_FAILED, F.DROPS)
"""What a DPU says that it could not do."""


def _in(situation: str, *pools: Pool, extras: tuple[Extra, ...] = (), wishes: Wishes = ((), ())) -> Campaign:
    return Campaign(situation, Budget(pools, wishes), frozenset(extras))


QUICK = (
    _in("launch", extras=(Extra.RESTART, Extra.NEVER_TWO)),
    _in("launch", pool(1, *DISORDER)),
    _in("launch_equal", pool(1, F.LOSS, F.REPETITION)),
    _in("launch_alone", pool(1, *BREAKS)),
    _in("paired", pool(1, *BREAKS), extras=(Extra.RESTART,)),
    _in("paired", pool(2, F.CHANNEL), extras=(Extra.NEVER_TWO, Extra.PRIMARY_STAYS)),
    _in("paired", pool(2, F.LINK, F.CRASH, F.HEALTH), extras=(Extra.STAYS,)),
    _in("paired", pool(1, F.DPU), extras=(Extra.NEVER_TWO,)),
    _in("paired", pool(1, *FAILS), pool(1, *DISORDER)),
    _in("paired", pool(2, F.CONFIG), wishes=EVERY_WISH),
    _in("paired", pool(1, F.CHANNEL), pool(1, *DISORDER)),
    _in("switching", extras=(Extra.NEVER_TWO, Extra.NO_LOSS, Extra.SMOOTH, Extra.RESTART)),
    _in("switching", pool(1, *BREAKS)),
    _in("switching", pool(1, *DISORDER)),
    _in("shutting_down", pool(1, *DISORDER), extras=(Extra.ORDERLY_SHUTDOWN, Extra.SHUTS_DOWN)),
    _in("shutting_down", pool(1, *BREAKS)),
    _in("alone", pool(2, *BREAKS)),
    _in("returning", extras=(Extra.NEVER_TWO, Extra.RESTART)),
    _in("returning", pool(1, *FAILS, *DISORDER)),
    _in("pinned", pool(1, *BREAKS)),
)

FULL = (
    *QUICK,
    _in("returning", pool(1, *BREAKS)),
    _in("returning_wanted", pool(1, *BREAKS)),
    _in("launch_alone", pool(2, *BREAKS)),
    _in("launch_equal", pool(2, *DISORDER)),
    _in("paired", pool(1, *BREAKS), pool(1, *DISORDER)),
    _in("paired", pool(1, *BREAKS), pool(1, *FAILS)),
    _in("paired", pool(1, F.CONFIG), pool(1, *BREAKS), wishes=EVERY_WISH),
    _in("paired", pool(2, F.CONFIG), pool(1, *DISORDER), wishes=PLANNED),
    _in("paired", pool(2, F.DPU), extras=(Extra.NEVER_TWO,)),
    _in("paired", pool(2, F.CHANNEL, F.LINK)),
    _in("paired", pool(2, F.CRASH, F.DPU)),
    _in("switching", pool(1, F.CRASH, F.LINK), pool(1, *FAILS, *DISORDER)),
    _in("shutting_down", pool(1, *BREAKS), pool(1, *DISORDER)),
    _in("pinned", pool(1, F.CONFIG), pool(1, *BREAKS), wishes=EVERY_WISH),
)

DEEP = (
    *FULL,
    *(
        evolve(campaign, most_states=6_000_000)
        for campaign in (
            _in("launch", pool(1, *BREAKS)),
            _in("paired", pool(2, *BREAKS)),
            _in("paired", pool(3, F.CONFIG), wishes=EVERY_WISH),
            _in("paired", pool(2, F.CONFIG), pool(1, *BREAKS), wishes=PLANNED),
            _in("switching", pool(1, *BREAKS), pool(1, *DISORDER)),
            _in("switching", pool(2, *BREAKS)),
            _in("returning", pool(1, *BREAKS), pool(1, *DISORDER)),
            _in("pinned", pool(2, F.CONFIG), pool(1, *BREAKS), wishes=PLANNED),
        )
    ),
)

PRESETS: dict[str, tuple[Campaign, ...]] = {"quick": QUICK, "full": FULL, "deep": DEEP}
"""The presets by name."""
