"""What the state rows of all scopes have in common, whoever drives them.

Source: tables 2.18.
"""

from typing import Any, TypeVar

from models import tables
from models.codec import BadRow, decode
from models.published import PublishedScopeRow
from models.table import Table
from runner.entities.scope_driver import ScopeName, Situation
from runner.entity import Context
from runner.outputs import Alert

RecordT = TypeVar("RecordT")


def common_fields(situation: Situation) -> dict[str, Any]:
    """What configuration, HA set and DPU contribute."""
    row, ha_set = situation.row, situation.ha_set
    return {
        "version": row.version,
        "owner": row.owner,
        "disabled": row.disabled,
        "desired_ha_state": row.desired_ha_state,
        "ha_set_id": row.ha_set_id,
        "vip_v4": ha_set.vip_v4,
        "vip_v6": ha_set.vip_v6,
        "local_ip": ha_set.local_ip,
        "peer_ip": ha_set.peer_ip,
        **_from_dpu(situation),
    }


def undriven_scope(situation: Situation, common: dict[str, Any]) -> PublishedScopeRow:
    """The state row of a scope whose owner this process does not drive for."""
    driven = ", ".join(sorted(situation.context.owners))
    return PublishedScopeRow(
        **common,
        **common_fields(situation),
        waiting_for=f"an owner whose scopes this process drives ({driven}), not {situation.row.owner.value}",
    )


def _from_dpu(situation: Situation) -> dict[str, Any]:
    if situation.vdpu is None:
        return {}
    dpu = situation.vdpu.dpu
    fields: dict[str, Any] = {}
    planes = (("midplane", dpu.midplane), ("control_plane", dpu.control_plane), ("data_plane", dpu.data_plane))
    for name, plane in planes:
        fields[f"local_vdpu_{name}_state"] = plane.state
        fields[f"local_vdpu_{name}_state_last_updated_time_in_ms"] = plane.since_ms
    return fields | {
        "local_vdpu_up_bfd_sessions_v4": dpu.bfd_v4,
        "local_vdpu_up_bfd_sessions_v4_update_time_in_ms": dpu.bfd_v4_since_ms,
        "local_vdpu_up_bfd_sessions_v6": dpu.bfd_v6,
        "local_vdpu_up_bfd_sessions_v6_update_time_in_ms": dpu.bfd_v6_since_ms,
    }


def read_back_state(name: ScopeName, context: Context) -> PublishedScopeRow | None:
    """The state row that an earlier life left behind, claimed; None if there is none that can be read."""
    return read_back(name.path, tables.DASH_HA_SCOPE_STATE, name.state_key, context)


def read_back(path: str, table: Table[RecordT], key: str, context: Context) -> RecordT | None:
    """A row that an earlier life wrote, claimed; one that cannot be read is reported and counts as absent."""
    fields = context.ledger.fields(table, key)
    if fields is None:
        return None
    context.ledger.claim(path, table, key)
    try:
        return decode(table, key, {name: value.encode() for name, value in fields.items()})
    except BadRow as error:
        context.say([Alert(path, f"cannot read back what was written before: {error}")])
        return None
