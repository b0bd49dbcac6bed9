"""What the counters of the managed DPU say about the inline sync of one scope.

In scope ``dpu`` every ENI of the card counts, in scope ``eni`` only the one that the scope is about. Whether what they
say is a loss is judged in ``hamgr_fsm.scope.sync_drops``.

Source: switch-driven 8; domain "Actors"; tables 2.8, 2.22.
"""

from attrs import frozen

from hamgr_fsm.scope.sync_drops import EniCounters, SyncDrops
from hamgr_fsm.vocabulary import HaScopeKind
from models import tables
from models.controller import HaSetConfigRow
from runner import topics
from runner.entities.scope_driver import ScopeName, Situation


@frozen
class SyncPoll:
    """A poll of the counters. ``number`` tells it from an earlier one that found the same."""

    number: int
    counters: tuple[EniCounters, ...]


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
        mine = [counted for counted in poll.counters if self._is_mine(counted[0], situation)]
        limit = situation.context.timers.sync_drop_limit
        self._drops = self._drops.polled(mine, limit=limit, in_step=in_step)
        return bool(self._drops.losing)

    def _is_mine(self, eni: str, situation: Situation) -> bool:
        config: HaSetConfigRow | None = situation.board.row(tables.DASH_HA_SET_CONFIG_TABLE, situation.row.ha_set_id)
        if config is None or config.scope is not HaScopeKind.ENI:
            return True
        return _digits(eni) == _digits(self._name.scope_id)


def _digits(eni: str) -> str:
    """An ENI id is a MAC, and a MAC is written in more than one way."""
    return eni.replace(":", "").replace("-", "").upper()
