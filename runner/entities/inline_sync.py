"""What the counters of the managed DPU say about the inline sync of one scope.

In scope ``dpu`` every ENI of the card counts, in scope ``eni`` only the one that the scope is about. Whether what they
say is a loss is judged in ``hamgr_fsm.scope.sync_drops``.

Source: switch-driven 8; domain "Actors"; tables 2.8, 2.22.
"""

from collections import defaultdict
from collections.abc import Mapping

from attrs import field, frozen

from hamgr_fsm.scope.sync_drops import EniCounters, SyncDrops
from hamgr_fsm.vocabulary import HaScopeKind
from models import tables
from models.controller import HaSetConfigRow
from models.eni_rows import EniPlacementRow
from runner import topics
from runner.entities.scope_driver import ScopeName, Situation


@frozen
class SyncPoll:
    """A poll of the counters. ``number`` tells it from an earlier one that found the same."""

    number: int
    counters: tuple[EniCounters, ...]
    by_eni: Mapping[str, tuple[EniCounters, ...]] = field(init=False, eq=False, repr=False)
    """By the digits of the ENI's MAC: there may be thousands, and a scope looks for one."""

    def __attrs_post_init__(self) -> None:
        by_eni: defaultdict[str, tuple[EniCounters, ...]] = defaultdict(tuple)
        for counted in self.counters:
            by_eni[_digits(counted[0])] += (counted,)
        object.__setattr__(self, "by_eni", dict(by_eni))

    def of(self, *enis: str) -> tuple[EniCounters, ...]:
        """The counters of these ENIs."""
        return tuple(counted for eni in dict.fromkeys(map(_digits, enis)) for counted in self.by_eni.get(eni, ()))


class InlineSync:
    """The counters of one scope, poll after poll."""

    def __init__(self, name: ScopeName) -> None:
        self._name = name
        self._drops = SyncDrops()
        self._polls_seen = 0
        self._incarnation: int | None = None

    def loses_packets(self, situation: Situation, *, in_step: bool) -> bool:
        """Look for a new poll; true once for each that has found an ENI of the scope losing too much.

        To be called at every refresh. ``in_step``: flows should be kept in step now.
        """
        if situation.vdpu is None or not situation.vdpu.view.managed:
            self._drops = SyncDrops()
            return False
        incarnation = situation.vdpu.dpu.incarnation
        if incarnation != self._incarnation:
            # The counters of a DPU that has restarted are others, even if none of them is smaller than before.
            self._incarnation, self._drops = incarnation, SyncDrops()
        self._drops = self._drops.noted(in_step=in_step)
        poll: SyncPoll | None = situation.board.topic(topics.SYNC_COUNTERS)
        if poll is None or poll.number == self._polls_seen:
            return False
        self._polls_seen = poll.number
        mine = self._mine(poll, situation)
        limit = situation.context.timers.sync_drop_limit
        self._drops = self._drops.polled(mine, limit=limit, in_step=in_step)
        return bool(self._drops.losing)

    def _mine(self, poll: SyncPoll, situation: Situation) -> tuple[EniCounters, ...]:
        board = situation.board
        config: HaSetConfigRow | None = board.row(tables.DASH_HA_SET_CONFIG_TABLE, situation.row.ha_set_id)
        if config is None or config.scope is not HaScopeKind.ENI:
            return poll.counters
        # The counters name an ENI by its MAC; the controller may name it otherwise and say the MAC where it places it.
        placement: EniPlacementRow | None = board.row(tables.DASH_ENI_PLACEMENT_TABLE, self._name.scope_id)
        return poll.of(self._name.scope_id, *([placement.eni_mac] if placement is not None else []))


def _digits(eni: str) -> str:
    """An ENI id is a MAC, and a MAC is written in more than one way."""
    return eni.replace(":", "").replace("-", "").upper()
