"""The timeline of a pair: who was what, and who carried the traffic, at every moment at which any of it changed.

It is made from the records of the databases, so it also shows what came and went between two looks. A switch forwards
to the primary of its route as long as that DPU answers its probes, else to the other one.

Source: tables 2.18, 2.19; ha-set 4.3.
"""

from collections.abc import Mapping, Sequence

from attrs import define, field, frozen

from hamgr_fsm.traffic import Card, next_hop
from hamgr_fsm.vocabulary import HaScopeKind
from models.tables import DASH_HA_SCOPE_STATE, VNET_ROUTE_TUNNEL_TABLE
from runner.demo.pair import Pair
from runner.demo.recorder import Change, Row
from runner.demo.switch import ctl, pending
from runner.lab.sides import ROUTE_KEY

PLANES = ("local_vdpu_midplane_state", "local_vdpu_control_plane_state", "local_vdpu_data_plane_state")


@frozen
class SideView:
    """What a switch says of its own side, and where it sends traffic; empty: nothing."""

    state: str = ""
    role: str = ""
    """The role that the DPU has acknowledged."""

    term: str = ""
    asks: str = ""
    """The approvals that the controller is asked for."""

    sends_to: str = ""
    """The side whose DPU gets the packets that this switch forwards."""


@frozen
class Moment:
    """All sides at one time, in seconds of the clock of the day."""

    at_s: float
    sides: Mapping[str, SideView] = field(hash=False)


@define
class Timeline:
    """Follows a pair; every moment is given once."""

    pair: Pair
    _states: dict[str, Row] = field(factory=dict)
    _routes: dict[str, Row] = field(factory=dict)
    _shown: dict[str, SideView] = field(factory=dict)
    _read: dict[str, list[int]] = field(factory=dict)

    def news(self) -> Sequence[Moment]:
        """The moments since the last call, in the order of time."""
        happened = sorted(
            ((change.at_s, name, change) for name in self.pair.switches for change in self._changes(name)),
            key=lambda event: event[0],
        )
        moments = []
        for at_s, name, change in happened:
            self._take(name, change)
            views = {side: self._view(side) for side in self.pair.switches}
            if views != self._shown:
                self._shown = views
                moments.append(Moment(at_s, views))
        return moments

    def _take(self, name: str, change: Change) -> None:
        if (change.table, change.key) == (VNET_ROUTE_TUNNEL_TABLE.name, ROUTE_KEY):
            self._routes[name] = change.after or {}
        elif (change.table, change.key) == (DASH_HA_SCOPE_STATE.name, self.pair.sides[name].state_key):
            self._states[name] = change.after or {}

    def _view(self, name: str) -> SideView:
        row = self._states.get(name, {})
        return SideView(
            ctl(row),
            row.get("local_acked_asic_ha_state", ""),
            row.get("local_target_term", ""),
            ",".join(pending(row).values()),
            self._next_hop(name) or "",
        )

    def _next_hop(self, name: str) -> str | None:
        primary = self.pair[name].side_at(self._routes.get(name, {}).get("primary"))
        if primary is None:
            return None
        cards = [Card(side, probe_up=self._answers(side, name)) for side in self.pair.pair]
        return next_hop(cards, kind=HaScopeKind.DPU, preferred=primary).vdpu_id

    def _answers(self, name: str, prober: str) -> bool:
        """The DPU of a side answers the probes of a switch, as far as anybody knows."""
        row = self._states.get(name, {})
        sessions = row.get("local_vdpu_up_bfd_sessions_v4", "").split(",")
        return self.pair.sides[prober].npu in sessions and not any(row.get(plane) == "down" for plane in PLANES)

    def _changes(self, name: str) -> Sequence[Change]:
        recorders = self.pair[name].recorders
        read = self._read.setdefault(name, [0] * len(recorders))
        found: list[Change] = []
        for number, recorder in enumerate(recorders):
            news = recorder.news(read[number])
            read[number] += len(news)
            found += news
        return found
