"""What a step of the demonstration acts through and looks through: the pair, and what was there when the step began."""

from collections.abc import Sequence
from typing import Any

from attrs import Factory, define, field

from models.table import Table
from models.tables import DASH_HA_SCOPE_STATE
from runner.demo.dpu_handle import SentRow
from runner.demo.pair import Pair
from runner.demo.recorder import Change
from runner.demo.timeline import Timeline


@define
class Cast:
    """Everybody a step may turn to. ``notes`` carry what one step saw to a later one."""

    pair: Pair
    notes: dict[str, str] = field(factory=dict)
    terms: dict[str, int] = field(factory=dict)
    """The terms of all sides when the present step began."""

    timeline: Timeline = field(init=False, default=Factory(lambda self: Timeline(self.pair), takes_self=True))
    _received: dict[str, int] = field(factory=dict)
    _marks: dict[str, tuple[int, ...]] = field(factory=dict)

    def step_begins(self) -> None:
        """What is seen from here on belongs to the next step."""
        for name, switch in self.pair.switches.items():
            self._received[name] = len(self.pair.dpus[name].received)
            self._marks[name] = switch.marks()
            self.terms[name] = switch.term

    def received(self, name: str) -> Sequence[SentRow]:
        """What hamgrd sent to the DPU of a side since the step began."""
        return self.pair.dpus[name].received[self._received[name] :]

    def received_before(self, name: str) -> Sequence[SentRow]:
        """What hamgrd had sent to the DPU of a side when the step began."""
        return self.pair.dpus[name].received[: self._received[name]]

    def changes(self, name: str, *tables: Table[Any]) -> list[Change]:
        """What became of rows of a switch since the step began."""
        return self.pair[name].changes(self._marks[name], *tables)

    def state_changes(self, name: str) -> list[Change]:
        """What became of the published scope of a side since the step began."""
        key = self.pair.sides[name].state_key
        return [change for change in self.changes(name, DASH_HA_SCOPE_STATE) if change.key == key]
