"""Who outranks whom: the one order that decides between two sides that both would serve.

Pure functions over two records. The order is total and antisymmetric: of two sides of a pair exactly one outranks the
other. A pinned BFD probe is not part of it: a pin steers packets and decides nothing else.

Source: switch-driven 6, 6.2; field-lessons H-46, LD-60, LD-67.
"""

from collections.abc import Callable
from typing import Any

from attrs import frozen

from hamgr_fsm.vocabulary import DesiredHaState, HaRole


@frozen
class Signals:
    """What one side puts forward when both sides could serve alone.

    None means not known or not said: both sides count as equal in it. ``dpu_up`` unknown counts as up, because a
    missing report is no failure. ``position`` is the place in ``vdpu_ids``; the two sides never share one.
    """

    position: int
    dpu_up: bool | None = None
    in_sync: bool | None = None
    manual_pin: bool | None = None
    peer_shutdown: bool | None = None
    role_failed: bool | None = None
    bfd_reach: int | None = None
    desired: DesiredHaState | None = None
    preferred: bool | None = None
    term: int | None = None
    serving: bool | None = None
    triggered: bool | None = None
    """Some standalone trigger holds. It ranks nobody; it says whether there is anything to decide."""


_WISH = {
    DesiredHaState.DEAD: 0,
    DesiredHaState.UNSPECIFIED: 1,
    DesiredHaState.ACTIVE: 2,
    DesiredHaState.STANDALONE: 3,
}

# First difference decides; each yields a value of which the greater wins, or None where it is not known.
_ORDER: tuple[tuple[str, Callable[[Signals], Any]], ...] = (
    ("DPU up", lambda s: s.dpu_up is not False),
    ("in sync", lambda s: s.in_sync),
    ("pinned", lambda s: s.manual_pin),
    ("accepted the peer's shutdown", lambda s: s.peer_shutdown),
    ("role not failed", lambda s: None if s.role_failed is None else not s.role_failed),
    ("reached by more NPUs", lambda s: s.bfd_reach),
    ("desired", lambda s: None if s.desired is None else _WISH[s.desired]),
    ("preferred", lambda s: s.preferred),
    ("higher term", lambda s: s.term),
    ("serving", lambda s: s.serving),
    ("earlier in vdpu_ids", lambda s: -s.position),
)


@frozen
class Ranking:
    """Which of two sides comes first, and what made the difference."""

    ours: bool
    why: str


def rank(ours: Signals, theirs: Signals) -> Ranking:
    """Compare two sides of a pair.

    Raises:
        ValueError: both claim the same place in ``vdpu_ids``.
    """
    for why, of in _ORDER:
        mine, other = of(ours), of(theirs)
        if mine is not None and other is not None and mine != other:
            return Ranking(mine > other, why)
    raise ValueError(f"two sides at position {ours.position}")


@frozen
class Claim:
    """What counts when both sides already decide flows."""

    acked: HaRole | None
    pinned: bool
    term: int
    position: int


def outranked_in_conflict(ours: Claim, theirs: Claim) -> bool:
    """The other side comes first in (acknowledged deciding role, pin, term, earlier place in ``vdpu_ids``)."""
    return _conflict_key(theirs) > _conflict_key(ours)


def _conflict_key(claim: Claim) -> tuple[bool, bool, int, int]:
    decides = claim.acked in (HaRole.ACTIVE, HaRole.STANDALONE)
    return decides, claim.pinned, claim.term, -claim.position
