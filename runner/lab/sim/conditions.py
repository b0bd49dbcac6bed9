"""What a scenario file may expect of a pair: conditions over where both sides are.

Source: scenarios 0.1, 0.5.
"""

from collections.abc import Callable, Mapping
from typing import Any

from models import tables
from runner.lab.lab import Lab
from runner.lab.sides import ROUTE_KEY
from runner.lab.traffic import deciders, fate

Condition = Mapping[str, Any]

_WHERE = {"type": "string", "pattern": r"^[a-z_]*(/[a-z_]*)?$"}
_SIDES = ("A", "B", "C")

SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Everything that is named must hold at the same time.",
    "properties": {
        **{
            side: {**_WHERE, "description": "Control state, or control state/acknowledged role, of a side."}
            for side in _SIDES
        },
        "primary": {"enum": ["A", "B", "C"], "description": "The side that the routes of both switches lead to."},
        "term": {"type": "object", "additionalProperties": {"type": "integer"}, "description": "The terms of sides."},
        "pending": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "description": "The types of the operations that sides list.",
        },
        "deciders": {"type": "integer", "description": "How many DPUs handle packets by themselves."},
        "dropped": {"type": "boolean", "description": "A packet that enters now at any switch is dropped."},
    },
    "additionalProperties": False,
    "minProperties": 1,
}
"""The condition as JSON schema."""


def holds(lab: Lab, condition: Condition) -> bool:
    """Everything that the condition names is so now."""
    return not missing(lab, condition)


def missing(lab: Lab, condition: Condition) -> list[str]:
    """What of a condition is not so now, in words."""
    said = []
    for name, wanted in condition.items():
        if name in _SIDES:
            is_now = where(lab, name) if "/" in wanted else lab[name].ctl
            said += [] if is_now == wanted else [f"{name} is {is_now or '-'}, not {wanted}"]
        else:
            said += _ASKED[name](lab, wanted)
    return said


def where(lab: Lab, name: str) -> str:
    """Control state and acknowledged role of a side."""
    return f"{lab[name].ctl}/{lab[name].acked}"


def primary(lab: Lab, name: str) -> str | None:
    """Which side the route of a switch leads to."""
    row = lab[name].store.row(tables.VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)
    if row is None:
        return None
    own = lab[name].side
    return next(side.name for side in lab.sides if row["primary"] == (side.pa if side is own else side.npu))


def _primary(lab: Lab, wanted: str) -> list[str]:
    now = {name: primary(lab, name) for name in lab.pair}
    return [
        f"the route of {name} leads to {to or 'nobody'}, not to {wanted}" for name, to in now.items() if to != wanted
    ]


def _term(lab: Lab, wanted: Mapping[str, int]) -> list[str]:
    return [f"the term of {n} is {lab[n].term}, not {term}" for n, term in wanted.items() if lab[n].term != term]


def _pending(lab: Lab, wanted: Mapping[str, list[str]]) -> list[str]:
    now = {name: sorted(lab[name].pending.values()) for name in wanted}
    return [f"{name} lists {now[name]}, not {types}" for name, types in wanted.items() if now[name] != sorted(types)]


def _deciders(lab: Lab, wanted: int) -> list[str]:
    now = deciders(lab)
    return [] if len(now) == wanted else [f"{list(now)} handle packets, not {wanted}"]


def _dropped(lab: Lab, wanted: bool) -> list[str]:
    fates = [fate(lab, name) for name in lab.pair]
    if any(f.dropped for f in fates) == wanted:
        return []
    return [f"packets at {f.entered} are {'dropped' if f.dropped else f'handled by {f.handled_by}'}" for f in fates]


_ASKED: dict[str, Callable[[Lab, Any], list[str]]] = {
    "primary": _primary,
    "term": _term,
    "pending": _pending,
    "deciders": _deciders,
    "dropped": _dropped,
}
