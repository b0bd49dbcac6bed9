"""A simulated controller: the configuration of one HA set and its scopes, as rows that it writes to the switches.

It decides nothing by itself: a story tells it what to write and what to approve. Every row is written whole, as the
real controller does. Source: tables 2.7, 2.8; scenarios 0.1, 0.2.
"""

from ipaddress import IPv4Address
from typing import Any

from attrs import define, evolve, field

from hamgr_fsm.vocabulary import DesiredHaState, HaOwner, HaScopeKind, PinState
from models import tables
from models.controller import HaScopeConfigRow, HaSetConfigRow, encode_ha_scope_config, encode_ha_set_config
from models.table import Table
from runner.lab.sides import SET_ID, VIP, Side

ConfigRow = tuple[Table[Any], str, dict[str, bytes]]


def initial_set(sides: tuple[Side, ...]) -> HaSetConfigRow:
    """The HA set of the first two sides; the first is preferred."""
    pair = sides[:2]
    return HaSetConfigRow(
        version="1.0",
        vip_v4=IPv4Address(VIP),
        vdpu_ids=tuple(side.vdpu_id for side in pair),
        scope=HaScopeKind.DPU,
        pinned_vdpu_bfd_probe_states=(PinState.NONE,) * len(pair),
        preferred_vdpu_id=pair[0].vdpu_id,
        preferred_standalone_vdpu_index=0,
    )


@define
class Controller:
    """What the controller has configured so far."""

    owner: HaOwner
    ha_set: HaSetConfigRow
    scopes: dict[str, HaScopeConfigRow] = field(factory=dict)
    """By the name of the side."""

    approved: dict[str, list[str]] = field(factory=dict)
    """Every id that was approved, by the name of the side."""

    def set_row(self, **changes: Any) -> ConfigRow:
        """The row of the HA set with changes, which are kept."""
        self.ha_set = evolve(self.ha_set, **changes)
        return tables.DASH_HA_SET_CONFIG_TABLE, SET_ID, {"pb": encode_ha_set_config(self.ha_set)}

    def scope_row(self, side: Side, **changes: Any) -> ConfigRow:
        """The row of a scope with changes, which are kept; no operation is approved by it."""
        self.scopes[side.name] = evolve(self._scope(side), **changes)
        return self._row(side, self.scopes[side.name])

    def approving_row(self, side: Side, *ids: str) -> ConfigRow:
        """The row of a scope once more, with the ids of operations that are approved."""
        self.approved.setdefault(side.name, []).extend(ids)
        return self._row(side, evolve(self._scope(side), approved_pending_operation_ids=ids))

    def forget(self, side: Side) -> None:
        """The scope is deleted; it is as at first when it is configured again."""
        self.scopes.pop(side.name, None)

    def enabled(self, side: Side) -> bool:
        """The scope is configured to run."""
        scope = self.scopes.get(side.name)
        return scope is not None and not scope.disabled and scope.desired_ha_state is not DesiredHaState.DEAD

    def _scope(self, side: Side) -> HaScopeConfigRow:
        first = side.vdpu_id == self.ha_set.vdpu_ids[0] if self.ha_set.vdpu_ids else True
        desired = DesiredHaState.ACTIVE if first else DesiredHaState.UNSPECIFIED
        fresh = HaScopeConfigRow(
            version="1", disabled=True, owner=self.owner, ha_set_id=SET_ID, desired_ha_state=desired
        )
        return self.scopes.get(side.name, fresh)

    @staticmethod
    def _row(side: Side, scope: HaScopeConfigRow) -> ConfigRow:
        return tables.DASH_HA_SCOPE_CONFIG_TABLE, side.scope_key, {"pb": encode_ha_scope_config(scope)}
