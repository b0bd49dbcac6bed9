"""What a driver of an HA scope is given, and what it has to be able to do.

There are two drivers: one follows a DPU that runs the HA protocol by itself, one runs the machine of the scope here.
Which one it is, the owner in the configuration says; the entity of the scope is the same.

Source: domain "Two owners of the state machine".
"""

from typing import Any, Protocol

from attrs import frozen

from hamgr_fsm.ha_set_facts import HaSetReport
from hamgr_fsm.machine import Machine
from models.controller import HaScopeConfigRow
from models.peer_messages import PeerData
from models.published import PublishedScopeRow
from runner.entities.vdpu import VdpuReport
from runner.entity import Context, Reader


@frozen
class ScopeName:
    """Which scope it is: its vDPU, its id, and the path of its entity."""

    vdpu_id: str
    scope_id: str

    @property
    def path(self) -> str:
        """The path of the entity, which is also where messages for the scope are sent."""
        return f"ha-scope/{self.actor}"

    @property
    def actor(self) -> str:
        """The bare id of the entity, which is also the key of its configuration."""
        return f"{self.vdpu_id}:{self.scope_id}"

    @property
    def state_key(self) -> str:
        """The key of its state row."""
        return f"{self.vdpu_id}|{self.scope_id}"


@frozen
class Situation:
    """What the node knows that concerns a scope, at one refresh of its entity."""

    row: HaScopeConfigRow
    vdpu: VdpuReport | None
    ha_set: HaSetReport
    board: Reader
    context: Context


class ScopeDriver(Protocol):
    """Runs one scope."""

    created_ms: int | None
    """When an earlier life first published the scope, in milliseconds; None if there was none."""

    alive_ms: int
    """When an earlier life last showed that it was alive, in milliseconds."""

    @property
    def machine(self) -> Machine[Any] | None:
        """The machine of the scope; None before the first refresh."""
        ...

    def refresh(self, situation: Situation) -> None:
        """Tell the machine what is known and carry out what it asks."""
        ...

    def end(self, context: Context) -> None:
        """Take everything back that this scope caused."""
        ...

    def fire(self, timer: str, context: Context) -> None:
        """A timer of the scope is due."""
        ...

    def receive(self, sender: str, data: PeerData, context: Context) -> None:
        """A message of the peer has come."""
        ...

    @property
    def responding(self) -> bool:
        """The DPU's BFD probes should be answered."""
        ...

    @property
    def dpu_incarnation(self) -> int:
        """The incarnation of the DPU that ``responding`` is about."""
        ...

    def shown_from(self) -> tuple[object, ...] | None:
        """All that :meth:`published` depends on besides what it is given: as long as it is equal, so is the row.

        None: nothing can be said about that.
        """
        ...

    def published(self, situation: Situation, common: dict[str, Any]) -> PublishedScopeRow:
        """The state row."""
        ...
