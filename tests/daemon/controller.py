"""A simulated SDN controller: it writes the configuration of an HA set and its scope, and approves what is pending.

It knows no more than a real controller: the two configuration tables and the published state of the scope. Every write
carries the whole message; approved ids are left out of the next one.

Source: tables 3.2, scenarios 0.2.
"""

from ipaddress import IPv4Address, IPv6Address

from attrs import define, evolve, field

from hamgr_fsm.vocabulary import DesiredHaState, HaOwner, HaScopeKind, OperationType, PinState
from models.controller import HaScopeConfigRow, HaSetConfigRow, encode_ha_scope_config, encode_ha_set_config
from models.tables import DASH_HA_SCOPE_CONFIG_TABLE, DASH_HA_SCOPE_STATE, DASH_HA_SET_CONFIG_TABLE
from runner.redis_rows import RedisRows

HA_SET_ID = "haset0_0"
VDPU_ID = "vdpu0_0"
PEER_VDPU_ID = "vdpu1_0"

HA_SET = HaSetConfigRow(
    version="1.0",
    vip_v4=IPv4Address("3.2.1.0"),
    vip_v6=IPv6Address("3:2::1:0"),
    vdpu_ids=(VDPU_ID, PEER_VDPU_ID),
    scope=HaScopeKind.DPU,
    pinned_vdpu_bfd_probe_states=(PinState.NONE, PinState.NONE),
    preferred_vdpu_id=VDPU_ID,
)

SCOPE = HaScopeConfigRow(
    version="1",
    disabled=True,
    owner=HaOwner.DPU,
    ha_set_id=HA_SET_ID,
    desired_ha_state=DesiredHaState.ACTIVE,
)


@define
class Controller:
    """One HA set, one scope of it, and the operations that the scope has asked to be approved."""

    rows: RedisRows
    ha_set: HaSetConfigRow = HA_SET
    scope: HaScopeConfigRow = SCOPE
    approved: list[str] = field(factory=list)
    """Every id that was approved, in that order."""

    def configure_set(self) -> None:
        """Write the HA set."""
        message = encode_ha_set_config(self.ha_set)
        self.rows.write(DASH_HA_SET_CONFIG_TABLE, HA_SET_ID, {"pb": message})

    def configure_scope(self, disabled: bool | None = None, desired_ha_state: DesiredHaState | None = None) -> None:
        """Write the whole scope; what is not given stays as it was."""
        self.scope = evolve(
            self.scope,
            disabled=self.scope.disabled if disabled is None else disabled,
            desired_ha_state=self.scope.desired_ha_state if desired_ha_state is None else desired_ha_state,
        )
        self._write_scope(self.scope)

    def pending(self) -> dict[OperationType, str]:
        """The operations that the scope waits for, by type, with their ids."""
        row = self.rows.row(DASH_HA_SCOPE_STATE, f"{VDPU_ID}|{HA_SET_ID}")
        ids, types = (_items(row.get(name, "")) for name in ("pending_operation_ids", "pending_operation_types"))
        return {OperationType(kind): operation_id for kind, operation_id in zip(types, ids, strict=True)}

    def approve(self, kind: OperationType) -> str:
        """Approve the pending operation of this type by repeating the scope with its id; gives the id.

        Raises KeyError when no such operation is pending.
        """
        operation_id = self.pending()[kind]
        self.approved.append(operation_id)
        self._write_scope(evolve(self.scope, approved_pending_operation_ids=(operation_id,)))
        return operation_id

    def delete(self) -> None:
        """Delete the scope, then the set."""
        self.rows.remove(DASH_HA_SCOPE_CONFIG_TABLE, f"{VDPU_ID}:{HA_SET_ID}")
        self.rows.remove(DASH_HA_SET_CONFIG_TABLE, HA_SET_ID)

    def _write_scope(self, scope: HaScopeConfigRow) -> None:
        message = encode_ha_scope_config(scope)
        self.rows.write(DASH_HA_SCOPE_CONFIG_TABLE, f"{VDPU_ID}:{HA_SET_ID}", {"pb": message})


def _items(text: str) -> list[str]:
    return text.split(",") if text else []
