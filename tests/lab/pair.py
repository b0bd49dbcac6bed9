"""A pair in the lab, watched; and short words for what is expected of it."""

from typing import Any

from attrs import define, field

from hamgr_fsm.vocabulary import HaOwner
from models import tables
from runner.lab.invariants import Invariants, watched
from runner.lab.lab import Lab
from runner.lab.sides import ROUTE_KEY
from runner.outputs import Alert, TransitionTaken, WriteRow


@define(eq=False)
class Pair(Lab):
    """A lab whose invariants are looked at all the time."""

    invariants: Invariants = field(init=False)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.invariants = watched(self)

    def rest(self, seconds: float = 5) -> None:
        """Let time pass and look at what must hold at rest."""
        self.run(seconds)
        self.invariants.at_rest(self)

    def reach(self, a: str, b: str, within_s: float = 150) -> None:
        """Wait until both sides are where they should be, given as control state and acknowledged role."""
        self.until(lambda: self.where == (a, b), within_s, f"{(a, b)}")

    def becomes(self, name: str, where: str, within_s: float = 150) -> None:
        """Wait until one side is where it should be."""
        self.until(lambda: self.at(name) == where, within_s, f"{name} {where}")

    def at(self, name: str) -> str:
        """Control state and acknowledged role of a side."""
        return f"{self[name].ctl}/{self[name].acked}"

    @property
    def where(self) -> tuple[str, ...]:
        """Control state and acknowledged role of both sides."""
        return tuple(self.at(name) for name in self.pair)

    @property
    def terms(self) -> tuple[int, ...]:
        """The terms of both sides."""
        return tuple(self[name].term for name in self.pair)

    @property
    def primaries(self) -> tuple[str | None, ...]:
        """Which side the route of each switch of the pair has as its primary."""
        return tuple(self.primary(name) for name in self.pair)

    def primary(self, name: str) -> str | None:
        """Which side the route of one switch has as its primary."""
        row = self[name].store.row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)
        if row is None:
            return None
        own = self[name].side
        return next(s.name for s in self.sides if row["primary"] == (s.pa if s is own else s.npu))

    def path(self, name: str, since_ms: int = 0) -> list[str]:
        """The states that the scope of a side went through after a time."""
        moves = [
            (at_ms, output)
            for at_ms, output in self[name].said
            if isinstance(output, TransitionTaken) and output.scope == f"{self[name].side.scope_path} state"
        ]
        return [move.target for at_ms, move in moves if at_ms > since_ms and move.source != move.target]

    def roles(self, name: str, mark: int = 0) -> list[str]:
        """The roles that were written to the DPU of a side after a mark."""
        rows = [output for _, output in self[name].left[mark:] if isinstance(output, WriteRow)]
        return [row.fields["ha_role"] for row in rows if row.table == tables.DASH_HA_SCOPE_TABLE.name]

    def marks(self) -> dict[str, int]:
        """Where the outputs of every side are now."""
        return {name: len(switch.left) for name, switch in self.switches.items()}

    def kinds(self, mark: int, sender: str | None = None) -> list[str]:
        """The kinds of the messages that were sent after a mark (``len(network.sent)``), reports left out."""
        letters = [letter for _, letter in self.network.sent[mark:] if sender in (None, letter.sender)]
        return [letter.kind for letter in letters if letter.kind not in ("HaScopeStateUpdate", "PeerHeartbeat")]

    def alerts(self) -> list[str]:
        """What the daemons alerted."""
        said = [output for switch in self.switches.values() for _, output in switch.said]
        return [output.what for output in said if isinstance(output, Alert)]

    @property
    def wall_ms(self) -> int:
        """The time of day."""
        return self._wall_ms


def switch_driven(**settings: Any) -> Pair:
    """A lab in which the switches drive."""
    return Pair(owner=HaOwner.SWITCH, **settings)


P = ("active/active", "standby/standby")
Q = ("standby/standby", "active/active")
A_ALONE = ("standalone/standalone", "standby/standby")
B_ALONE = ("standby/standby", "standalone/standalone")


def healthy(**settings: Any) -> Pair:
    """A healthy pair: A active, B standby."""
    lab = switch_driven(**settings)
    lab.p()
    assert lab.where == P
    return lab


def flow_syncs(lab: Lab, name: str) -> list[dict[str, str]]:
    """The requests to copy flows that reached the DPU of a side."""
    table = tables.DASH_FLOW_SYNC_SESSION_TABLE.name
    return [dict(row.fields) for row in lab[name].dpu.received if row.table == table and row.fields is not None]
