"""The timeline of a pair: who was what, and who carried the traffic, at every moment at which any of it changed.

It is made from the records of the databases, so it also shows what came and went between two looks.

Source: tables 2.18, 2.19.
"""

from collections.abc import Mapping, Sequence

from attrs import define, evolve, field, frozen

from models.tables import DASH_HA_SCOPE_STATE, VNET_ROUTE_TUNNEL_TABLE
from runner.demo.pair import Pair
from runner.demo.recorder import Change
from runner.demo.switch import Switch, ctl, pending
from runner.lab.sides import ROUTE_KEY


@frozen
class SideView:
    """What a switch says of its own side, and where it sends traffic first; empty: nothing."""

    state: str = ""
    role: str = ""
    """The role that the DPU has acknowledged."""

    term: str = ""
    asks: str = ""
    """The approvals that the controller is asked for."""

    sends_to: str = ""

    def after(self, switch: Switch, change: Change) -> "SideView":
        """The view after a change of a row of that switch."""
        row = change.after or {}
        if (change.table, change.key) == (VNET_ROUTE_TUNNEL_TABLE.name, ROUTE_KEY):
            return evolve(self, sends_to=switch.side_at(row.get("primary")) or "")
        if (change.table, change.key) != (DASH_HA_SCOPE_STATE.name, switch.side.state_key):
            return self
        return evolve(
            self,
            state=ctl(row),
            role=row.get("local_acked_asic_ha_state", ""),
            term=row.get("local_target_term", ""),
            asks=",".join(pending(row).values()),
        )


@frozen
class Moment:
    """All sides at one time, in seconds of the clock of the day."""

    at_s: float
    sides: Mapping[str, SideView] = field(hash=False)


@define
class Timeline:
    """Follows a pair; every moment is given once."""

    pair: Pair
    _sides: dict[str, SideView] = field(factory=dict)
    _read: dict[str, list[int]] = field(factory=dict)

    def news(self) -> Sequence[Moment]:
        """The moments since the last call, in the order of time."""
        happened = sorted(
            ((change.at_s, name, change) for name in self.pair.switches for change in self._changes(name)),
            key=lambda event: event[0],
        )
        moments = []
        for at_s, name, change in happened:
            before = self._sides.get(name, SideView())
            after = before.after(self.pair[name], change)
            if after != before:
                self._sides[name] = after
                moments.append(Moment(at_s, dict(self._sides)))
        return moments

    def _changes(self, name: str) -> Sequence[Change]:
        recorders = self.pair[name].recorders
        read = self._read.setdefault(name, [0] * len(recorders))
        found: list[Change] = []
        for number, recorder in enumerate(recorders):
            news = recorder.news(read[number])
            read[number] += len(news)
            found += news
        return found
