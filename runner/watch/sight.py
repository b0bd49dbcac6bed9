"""What is seen of switches at one look, and what has moved since the look before.

Source: tables 2.18, 2.19; issue "pictures": states, roles, terms, health, pending operations, last transitions.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from attrs import define, field, frozen

from hamgr_fsm.vocabulary import HaOwner

Row = Mapping[str, str]
Rows = Mapping[str, Row]

KEPT_CHANGES = 50

PLANES = ("midplane", "control_plane", "data_plane")


@frozen
class Look:
    """What a switch's STATE_DB held at one look; ``lost`` says why there was nothing to be seen."""

    switch: str
    scopes: Rows = field(factory=dict)
    sets: Rows = field(factory=dict)
    lost: str | None = None


@frozen
class Operation:
    """Something that waits for the controller's approval."""

    type: str
    id: str


@frozen
class Side:
    """One side of a scope, as its switch publishes it. Times in milliseconds since 1970; None is unknown."""

    switch: str
    vdpu_id: str
    scope_id: str
    state: str
    since_ms: int | None
    why: str
    asked: str
    acked: str
    term: str
    peer_state: str
    peer_term: str
    planes: tuple[str, str, str]
    bfd: int
    channel: str
    waiting_for: str
    rejected: str
    disabled: bool
    operations: tuple[Operation, ...]
    switchover: str
    alive_ms: int | None

    @property
    def name(self) -> str:
        """The vDPU and the scope, as the configuration names them."""
        return f"{self.vdpu_id}:{self.scope_id}"


@frozen
class Change:
    """A side is in another state than before. ``before`` is empty for what was found at the first look."""

    at_ms: int | None
    switch: str
    name: str
    before: str
    after: str
    why: str


def sides(look: Look) -> Iterator[Side]:
    """The sides that a switch publishes, in the order of their keys."""
    for key in sorted(look.scopes):
        row = look.scopes[key]
        vdpu_id, _, scope_id = key.partition("|")
        ha_set = look.sets.get(row.get("ha_set_id", ""), {})
        yield Side(
            switch=look.switch,
            vdpu_id=vdpu_id,
            scope_id=scope_id,
            state=plain_state(row.get("local_ha_state")),
            since_ms=_number(row.get("local_ha_state_last_updated_time_in_ms")),
            why=row.get("local_ha_state_last_updated_reason", ""),
            # What a DPU that drives itself is wanted to be is no role that it was asked to take.
            asked="" if row.get("owner") == HaOwner.DPU else row.get("local_target_asic_ha_state", ""),
            acked=row.get("local_acked_asic_ha_state", ""),
            term=row.get("local_target_term", ""),
            peer_state=plain_state(row.get("peer_ha_state")),
            peer_term=row.get("peer_term", ""),
            planes=(
                row.get(f"local_vdpu_{PLANES[0]}_state", ""),
                row.get(f"local_vdpu_{PLANES[1]}_state", ""),
                row.get(f"local_vdpu_{PLANES[2]}_state", ""),
            ),
            bfd=sum(len(_listed(row.get(f"local_vdpu_up_bfd_sessions_{family}"))) for family in ("v4", "v6")),
            channel={"true": "up", "false": "down"}.get(ha_set.get("up", ""), "unknown"),
            waiting_for=row.get("waiting_for", ""),
            rejected=row.get("rejected", ""),
            disabled=row.get("disabled") == "true",
            operations=_operations(row),
            switchover=row.get("switchover_state", ""),
            alive_ms=_number(row.get("last_heartbeat_time_in_ms")),
        )


def plain_state(text: str | None) -> str:
    """A state in the words of the field, whoever wrote it; empty when there is none."""
    return (text or "").strip().lower().removeprefix("ha_state_")


@define
class Sight:
    """All switches, as last looked at, and the newest changes first."""

    looks: tuple[Look, ...] = ()
    changes: deque[Change] = field(factory=lambda: deque(maxlen=KEPT_CHANGES))
    _states: dict[tuple[str, str], str] = field(factory=dict)

    @property
    def sides(self) -> list[Side]:
        """All sides, those of one scope beside each other."""
        found = [side for look in self.looks for side in sides(look)]
        return sorted(found, key=lambda side: (side.scope_id, side.switch, side.vdpu_id))

    def look(self, looks: Sequence[Look]) -> list[Change]:
        """Take in what is there now; gives what has changed since the last look, the oldest first.

        What a switch that is lost had published before stays, until it is seen to be otherwise.
        """
        before = {look.switch: look for look in self.looks}
        self.looks = tuple(_kept(look, before.get(look.switch)) for look in looks)
        changes = sorted(self._changes(), key=lambda change: change.at_ms or 0)
        self.changes.extendleft(changes)
        return changes

    def _changes(self) -> Iterator[Change]:
        seen = {(side.switch, side.name): side for side in self.sides}
        for key, side in seen.items():
            state = self._states.get(key, "")
            if side.state and side.state != state:
                yield Change(side.since_ms, side.switch, side.name, state, side.state, side.why)
                self._states[key] = side.state
        for switch, name in [key for key in self._states if key not in seen]:
            yield Change(None, switch, name, self._states.pop((switch, name)), "", "its state row is gone")


def _kept(look: Look, before: Look | None) -> Look:
    if look.lost is None or before is None:
        return look
    return Look(look.switch, before.scopes, before.sets, look.lost)


def _operations(row: Row) -> tuple[Operation, ...]:
    ids, types = _listed(row.get("pending_operation_ids")), _listed(row.get("pending_operation_types"))
    return tuple(Operation(type_, id_) for type_, id_ in zip_longest(types, ids, fillvalue="?"))


def _listed(text: str | None) -> list[str]:
    return [item for item in (text or "").split(",") if item]


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and int(text) > 0 else None
