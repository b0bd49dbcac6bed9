"""What the page shows, as plain data for JSON: of one scope everything, of all others where they are.

It decides nothing about HA: values are shown as they were published. Times: milliseconds since 1970; None is unknown.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import asdict

from hamgr_fsm.vocabulary import HaOwner
from runner.diagram.machines import MACHINES
from runner.diagram.picture import condition, told
from runner.watch.sight import Row, Side, Sight, plain_state
from runner.web.look import SwitchLook

MOST_LISTED = 500
"""So many scopes are listed by name; of more, only how many there are."""

SCOPE_MACHINES = ("switch-driven-scope", "dpu-driven-scope")

Json = dict[str, Any]


def machines() -> Json:
    """The two machines of a scope as they are declared: for each region its groups, its states and its rows."""
    return {
        name: [
            {
                "region": region.state_fact,
                "groups": {group: [state.value for state in states] for group, states in region.t.groups.items()},
                "rows": [
                    {
                        "number": row.number,
                        "sources": [state.value for state in row.sources],
                        "target": row.target.value if row.target is not None else None,
                        "when": condition(row),
                        "why": told(row),
                        "kind": str(row.kind or ""),
                        "ref": row.ref,
                    }
                    for row in region.t.rows
                ],
            }
            for region in MACHINES[name].regions
        ]
        for name in SCOPE_MACHINES
    }


def view(
    sight: Sight,
    looks: Sequence[SwitchLook],
    chosen: str | None,
    counters: Sequence[Json],
    now_ms: int,
) -> Json:
    """Everything to be seen now. ``chosen``: the id of the scope that is shown in full; by default the first."""
    by_scope: dict[str, list[Side]] = {}
    for side in sight.sides:
        by_scope.setdefault(side.scope_id, []).append(side)
    shown = chosen if chosen in by_scope else next(iter(by_scope), None)
    of_shown = by_scope.get(shown or "", [])
    rows = {(look.look.switch, key): row for look in looks for key, row in look.look.scopes.items()}
    return {
        "now_ms": now_ms,
        "switches": [{"name": look.look.switch, "lost": look.look.lost} for look in looks],
        "scopes": [_listed(scope_id, found) for scope_id, found in list(by_scope.items())[:MOST_LISTED]],
        "unlisted": max(0, len(by_scope) - MOST_LISTED),
        "scope": shown,
        "sides": [_side(side, rows.get((side.switch, f"{side.vdpu_id}|{side.scope_id}"), {})) for side in of_shown],
        "changes": [asdict(change) for change in sight.changes if change.name.partition(":")[2] == shown],
        "dpus": [_dpu(look.look.switch, key, row) for look in looks for key, row in sorted(look.dpus.items())],
        "sets": [_set(look.look.switch, key, row) for look in looks for key, row in sorted(look.look.sets.items())],
        "counters": list(counters),
    }


def _listed(scope_id: str, found: Iterable[Side]) -> Json:
    return {
        "id": scope_id,
        "states": [side.state for side in found],
        "waits": any(side.waiting_for or side.rejected or side.operations for side in found),
    }


def _side(side: Side, row: Row) -> Json:
    driven_by_dpu = row.get("owner") == HaOwner.DPU.value
    regions = {
        "dpu" if driven_by_dpu else "state": side.state,
        "relay": row.get("relay_state"),
        "probe": row.get("probe_state"),
    }
    return asdict(side) | {
        "name": side.name,
        "machine": SCOPE_MACHINES[driven_by_dpu],
        "regions": {region: state for region, state in regions.items() if state},
        "desired": row.get("desired_ha_state", ""),
        "set_id": row.get("ha_set_id", ""),
        "local_ip": row.get("local_ip", ""),
        "vip": row.get("vip_v4", "") or row.get("vip_v6", ""),
        "peer_acked": plain_state(row.get("peer_acked_asic_ha_state")),
        "flow_sync": row.get("flow_sync_session_state", ""),
        "sessions": [each for each in row.get("local_vdpu_up_bfd_sessions_v4", "").split(",") if each],
    }


def _dpu(switch: str, key: str, row: Row) -> Json:
    return {
        "switch": switch,
        "name": key,
        "remote": row.get("remote_dpu") == "true",
        "up": row.get("up", ""),
        "planes": [row.get(f"dpu_{plane}", "") for plane in _PLANES],
        "address": row.get("pa_ipv4", "") or row.get("pa_ipv6", ""),
        **_trouble(row),
    }


_PLANES = ("midplane_link_state", "control_plane_state", "data_plane_state")


def _set(switch: str, key: str, row: Row) -> Json:
    return {
        "switch": switch,
        "name": key,
        "programmed": row.get("programmed", ""),
        "channel": row.get("up", ""),
        "vip": row.get("vip_v4", "") or row.get("vip_v6", ""),
        **_trouble(row),
    }


def _trouble(row: Mapping[str, str]) -> Json:
    return {"waiting_for": row.get("waiting_for", ""), "rejected": row.get("rejected", "")}
