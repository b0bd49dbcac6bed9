"""What happened to a pair from one moment on, out of the records of its databases and of its DPUs.

A look now and then cannot show that something never happened; these records are complete.

Source: scenarios 0.5.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from models.table import Table
from models.tables import (
    DASH_FLOW_SYNC_SESSION_TABLE,
    DASH_HA_SCOPE_STATE,
    DASH_HA_SCOPE_TABLE,
    VNET_ROUTE_TUNNEL_TABLE,
    WRITTEN_TABLES,
)
from runner.demo.dpu_handle import SentRow
from runner.demo.pair import Pair
from runner.demo.recorder import Change
from runner.demo.switch import ctl
from runner.lab.sides import ROUTE_KEY

HEARTBEAT = "last_heartbeat_time_in_ms"


class Watch:
    """The records of a pair from the moment on that it is made."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.began_s = time.time()
        self._marks = {name: switch.marks() for name, switch in pair.switches.items()}
        self._received = {name: len(pair.dpus[name].received) for name in pair.switches}
        self._refused = {name: len(pair.dpus[name].refused) for name in pair.switches}
        self._logged = {name: switch.hamgrd.mark() for name, switch in pair.switches.items()}

    def changes(self, name: str, *tables: Table[Any]) -> list[Change]:
        """What became of the rows of these tables of a switch, in the order of time."""
        return self.pair[name].changes(self._marks[name], *tables)

    def published(self, name: str) -> list[Change]:
        """What became of the published row of the scope of a side."""
        key = self.pair.sides[name].state_key
        return [change for change in self.changes(name, DASH_HA_SCOPE_STATE) if change.key == key]

    def path(self, name: str) -> list[str]:
        """The states that the published scope of a side went through; ``""`` where its row was deleted."""
        moves = [change for change in self.published(name) if ctl(change.before) != ctl(change.after)]
        return [ctl(change.after) for change in moves]

    def terms(self, name: str) -> list[int]:
        """The terms that the scope of a side was published with, each time that it changed."""
        terms = [int(change.became("local_target_term") or 0) for change in self.published(name) if not change.deleted]
        return _without_repeats(terms)

    def acked(self, name: str) -> list[tuple[float, str]]:
        """The roles that the DPU of a side has acknowledged, with the time of each; ``""`` where its row was lost."""
        return self.pair[name].acknowledged(self._marks[name])

    def route(self, name: str) -> list[Change]:
        """What became of the route of a switch; writing it as it was is no change."""
        changes = self.changes(name, VNET_ROUTE_TUNNEL_TABLE)
        return [change for change in changes if change.key == ROUTE_KEY and not change.idle]

    def primaries(self, name: str) -> list[str | None]:
        """The sides that became the primary of the route of a switch, one after the other."""
        moved = [change for change in self.route(name) if change.became("primary") != _primary(change.before)]
        return [self.pair[name].side_at(change.became("primary")) for change in moved]

    def received(self, name: str) -> Sequence[SentRow]:
        """What the DPU of a side was sent."""
        return self.pair.dpus[name].received[self._received[name] :]

    def told(self, name: str) -> list[str]:
        """The tables of what the DPU of a side was sent: ``+`` and ``-`` with the table."""
        return [f"{'-' if row.fields is None else '+'}{row.table}" for row in self.received(name)]

    def roles(self, name: str) -> list[str]:
        """The roles that the DPU of a side was told, each time that it was another one."""
        rows = [row.fields or {} for row in self.received(name) if row.table == DASH_HA_SCOPE_TABLE.name]
        return _without_repeats(row["ha_role"] for row in rows if "ha_role" in row)

    def requests(self, name: str, flag: str) -> int:
        """How often the DPU of a side was sent a one-shot flag as true."""
        return sum(1 for row in self.received(name) if (row.fields or {}).get(flag) == "true")

    def sessions(self, name: str) -> set[str]:
        """The flow sync sessions that a side has started."""
        return {row.key for row in self.received(name) if row.table == DASH_FLOW_SYNC_SESSION_TABLE.name and row.fields}

    def written(self, name: str) -> list[str]:
        """Every change of a row that hamgrd of a switch writes, in words; a mere heartbeat is none."""
        return [str(change) for change in self.changes(name, *WRITTEN_TABLES) if not _beats(change)]

    def refused(self, name: str) -> list[str]:
        """What the DPU of a side complained about: rows that were malformed, or came before what they need."""
        return self.pair.dpus[name].refused[self._refused[name] :]

    def complaints(self, name: str) -> list[str]:
        """What hamgrd of a switch has logged as an error."""
        return [str(entry) for entry in self.pair[name].hamgrd.entries(self._logged[name], level="error")]

    def logged(self, name: str, **fields: object) -> list[Any]:
        """The lines that hamgrd of a switch has logged with these fields."""
        return self.pair[name].hamgrd.entries(self._logged[name], **fields)


def _beats(change: Change) -> bool:
    """The row says what it said before, at another time at most."""
    before, after = (
        {name: value for name, value in row.items() if name != HEARTBEAT} if row is not None else None
        for row in (change.before, change.after)
    )
    return before == after


def _primary(row: Any) -> str | None:
    return (row or {}).get("primary")


def _without_repeats(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not found or found[-1] != value:
            found.append(value)
    return found
