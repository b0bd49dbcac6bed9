"""An HA scope: the entity that its configuration creates, whoever drives it.

It picks the driver that the owner calls for, tells the HA set, and publishes the state row.

Source: domain "Actors", tables 2.8, 2.18.
"""

from collections.abc import Callable
from typing import Any

from hamgr_fsm.ha_set_facts import HaSetReport
from hamgr_fsm.machine import Machine
from hamgr_fsm.vocabulary import HaOwner
from models import tables
from models.controller import HaScopeConfigRow
from models.peer_messages import PeerData
from runner import topics
from runner.entities.dpu_driven_scope import DpuDrivenDriver
from runner.entities.ha_set import ScopeReport
from runner.entities.scope_driver import ScopeDriver, ScopeName, Situation
from runner.entities.scope_rows import undriven_scope
from runner.entities.switch_driven_scope import SwitchDrivenDriver
from runner.entities.vdpu import VdpuReport
from runner.entity import Context, Reader, publish, turn_of

_DRIVERS: dict[HaOwner, Callable[[ScopeName], ScopeDriver]] = {
    HaOwner.DPU: DpuDrivenDriver,
    HaOwner.SWITCH: SwitchDrivenDriver,
}


class HaScopeEntity:
    """One HA scope of one vDPU."""

    def __init__(self, vdpu_id: str, scope_id: str) -> None:
        self._name = ScopeName(vdpu_id, scope_id)
        self.path = self._name.path
        self._driver: ScopeDriver | None = None
        self._driven_as: tuple[HaOwner, str] | None = None
        self._created_ms: int | None = None
        self._alive_ms = 0
        self._heartbeat = topics.heartbeat(turn_of(self.path, topics.HEARTBEATS))
        self._shown: tuple[object, ...] | None = None
        """What the row that was published last was made from."""

    @property
    def machine(self) -> Machine[Any] | None:
        """The machine that runs or follows the scope; None if nobody here does."""
        return self._driver.machine if self._driver is not None else None

    def refresh(self, context: Context) -> bool:
        """Gather what is known, let the driver act, tell the HA set, publish."""
        board = Reader(self.path, context.board)
        row: HaScopeConfigRow | None = board.row(tables.DASH_HA_SCOPE_CONFIG_TABLE, self._name.actor)
        if self._driven_as is not None and (row is None or self._driven_as != (row.owner, row.ha_set_id)):
            # Another owner or another HA set is another scope under the same key (LD-63).
            self._end(context)
        if row is None:
            context.ledger.delete(self.path, tables.DASH_HA_SCOPE_STATE, self._name.state_key)
            return False
        vdpu: VdpuReport | None = board.topic(topics.vdpu(self._name.vdpu_id))
        ha_set: HaSetReport = board.topic(topics.ha_set(row.ha_set_id), HaSetReport())
        situation = Situation(row, vdpu, ha_set, board, context)
        self._drive(situation)
        self._tell_set(situation)
        self._publish(situation)
        return True

    def fire(self, timer: str, context: Context) -> None:
        """A timer of the driver is due."""
        if self._driver is not None:
            before = self._driver.shown_from()
            self._driver.fire(timer, context)
            self._show(before, context)

    def receive(self, sender: str, data: PeerData, context: Context) -> None:
        """A message of the peer has come."""
        if self._driver is not None:
            before = self._driver.shown_from()
            self._driver.receive(sender, data, context)
            self._show(before, context)

    def _show(self, before: tuple[object, ...] | None, context: Context) -> None:
        """What others hear of the scope and what is published may have changed."""
        assert self._driver is not None
        if before is None or self._driver.shown_from() != before:
            context.board.due.add(self.path)

    def _drive(self, situation: Situation) -> None:
        row = situation.row
        if self._driven_as is None:
            self._driven_as = (row.owner, row.ha_set_id)
            driver = _DRIVERS.get(row.owner) if row.owner in situation.context.owners else None
            self._driver = driver(self._name) if driver is not None else None
        if self._driver is not None:
            self._driver.refresh(situation)

    def _end(self, context: Context) -> None:
        """Take everything back that this scope caused."""
        if self._driver is not None:
            self._driver.end(context)
            self._driver = None
        if self._driven_as is not None:
            context.board.join(topics.scopes_of(self._driven_as[1]), self.path, None)
            self._driven_as = None

    def _tell_set(self, situation: Situation) -> None:
        report = ScopeReport(
            vdpu_id=self._name.vdpu_id,
            owner=situation.row.owner,
            managed=situation.vdpu is not None and situation.vdpu.view.managed,
            serving=self._driver is not None and self._driver.responding,
            dpu_incarnation=self._driver.dpu_incarnation if self._driver is not None else 0,
        )
        situation.context.board.join(topics.scopes_of(situation.row.ha_set_id), self.path, report)

    def _publish(self, situation: Situation) -> None:
        context, vdpu = situation.context, situation.vdpu
        if vdpu is not None and not vdpu.view.managed:
            # The side that manages it publishes it: another process of this switch, or another switch.
            give_up = context.ledger.release if vdpu.view.local else context.ledger.delete
            give_up(self.path, tables.DASH_HA_SCOPE_STATE, self._name.state_key)
            self._shown = None
            return
        if self._created_ms is None:
            earlier = self._driver.created_ms if self._driver is not None else None
            self._created_ms = context.now_ms if earlier is None else earlier
            self._alive_ms = context.now_ms if earlier is None or self._driver is None else self._driver.alive_ms
        common = {
            "creation_time_in_ms": self._created_ms,
            "last_heartbeat_time_in_ms": max(situation.board.topic(self._heartbeat, 0), self._alive_ms),
            "rejected": situation.board.rejection(
                (tables.DASH_HA_SCOPE_CONFIG_TABLE, self._name.actor),
                (tables.DASH_HA_SCOPE_STATE_TABLE, self._name.scope_id),
            ),
        }
        shown = self._driver.shown_from() if self._driver is not None else None
        if shown is not None:
            shown = (self._driver, shown, situation.row, vdpu, situation.ha_set, *common.values())
            if shown == self._shown:
                return
        self._shown = shown
        record = (
            undriven_scope(situation, common) if self._driver is None else self._driver.published(situation, common)
        )
        publish(context, self.path, tables.DASH_HA_SCOPE_STATE, self._name.state_key, record)
