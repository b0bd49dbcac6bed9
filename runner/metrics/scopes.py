"""What is known of every HA scope of this daemon, from the rows that pass by: state, roles, and what is being timed.

A failover is timed from the input that takes a scope out of its pair towards serving alone, a role from when it was
written. Times are seconds of any clock that only goes forward.

Source: tables 2.14, 2.18; domain, "Promises".
"""

from collections.abc import Mapping

from attrs import define, field, frozen

from hamgr_fsm.scope.switch_driven import Scope
from hamgr_fsm.vocabulary import HaOwner, HaRole, HaState
from models.published import read_state

UNKNOWN = "unknown"
"""The state of a scope that has published none yet."""

STATES: tuple[str, ...] = (*(state.value for state in HaState), UNKNOWN)

ALONE = HaRole.STANDALONE.value
TOWARDS_ALONE = frozenset({HaState.SWITCHING_TO_STANDALONE.value, HaState.STANDALONE.value})


@frozen
class SeenScope:
    """A scope as its state row has it. ``since_ms``: milliseconds since 1970, None if nobody has said."""

    state: str = UNKNOWN
    since_ms: int | None = None
    term: int | None = None
    waiting: bool = False
    operations: tuple[str, ...] = ()
    acked: str | None = None
    switch_driven: bool = False


@frozen
class Stay:
    """A scope has left a state."""

    state: str
    seconds: float


@frozen
class Acknowledged:
    """A DPU has taken a role."""

    role: str
    seconds: float


@define
class Scopes:
    """The scopes by their name, ``vdpu:scope``."""

    seen: dict[str, SeenScope] = field(factory=dict)
    _name_of: dict[str, str] = field(factory=dict)
    """By scope id, which is what the DPU calls it."""

    _entered_s: dict[str, float] = field(factory=dict)
    _asked: dict[str, tuple[str, float]] = field(factory=dict)
    """By scope id: the role that the DPU has not acknowledged, and when it was written."""

    _signalled_s: dict[str, float] = field(factory=dict)
    """By scope id: when the way towards serving alone began."""

    def published(self, name: str, fields: Mapping[str, str], now_s: float) -> tuple[Stay | None, Acknowledged | None]:
        """A state row is to be written."""
        before, scope = self.seen.get(name), _seen(fields)
        self.seen[name], self._name_of[_scope_id(name)] = scope, name
        stay = None
        if before is None or before.state != scope.state:
            # How long a state lasted is known only of one whose beginning was seen.
            entered_s = self._entered_s.get(name)
            if before is not None and entered_s is not None:
                stay = Stay(before.state, now_s - entered_s)
            if before is not None:
                self._entered_s[name] = now_s
        asked = self._asked.get(_scope_id(name))
        if asked is None or not scope.switch_driven or scope.acked != asked[0]:
            return stay, None
        del self._asked[_scope_id(name)]
        return stay, Acknowledged(asked[0], now_s - asked[1])

    def moved(self, name: str, region: str, target: str, now_s: float) -> None:
        """A region of a scope moved because of an input that came at ``now_s``."""
        if region != Scope.state_fact:
            return
        if target in TOWARDS_ALONE:
            self._signalled_s.setdefault(_scope_id(name), now_s)
        else:
            self._signalled_s.pop(_scope_id(name), None)

    def role_written(self, scope_id: str, role: str | None, now_s: float) -> float | None:
        """A role was written for the DPU; gives the seconds that a failover took, if this ends one."""
        scope = self.seen.get(self._name_of.get(scope_id, ""))
        if role is None or scope is None or not scope.switch_driven:
            return None
        if role == scope.acked:
            self._asked.pop(scope_id, None)
        elif scope_id not in self._asked or self._asked[scope_id][0] != role:
            self._asked[scope_id] = (role, now_s)
        signalled_s = self._signalled_s.pop(scope_id, None) if role == ALONE else None
        return None if signalled_s is None else now_s - signalled_s

    def gone(self, name: str) -> None:
        """The state row is to be deleted."""
        self.seen.pop(name, None)
        self._name_of.pop(_scope_id(name), None)
        self._entered_s.pop(name, None)
        self._asked.pop(_scope_id(name), None)
        self._signalled_s.pop(_scope_id(name), None)


def _seen(fields: Mapping[str, str]) -> SeenScope:
    state = read_state(fields.get("local_ha_state"))
    return SeenScope(
        state=state.value if state is not None else UNKNOWN,
        since_ms=_number(fields.get("local_ha_state_last_updated_time_in_ms")),
        term=_number(fields.get("local_target_term")),
        waiting="waiting_for" in fields,
        operations=tuple(each for each in fields.get("pending_operation_types", "").split(",") if each),
        acked=fields.get("local_acked_asic_ha_state"),
        switch_driven=fields.get("owner") == HaOwner.SWITCH.value,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _scope_id(name: str) -> str:
    return name.partition(":")[2]
