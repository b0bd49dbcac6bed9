"""The orchagent of a simulated DPU: it takes hamgrd's rows and turns what the firmware does into state rows.

One object is one life of the orchagent: a restart makes a new one, which knows nothing (D-09). It decides what is
created, what waits, what is thrown away, and which BFD sessions exist. It must not know planes, power, sockets or the
clock. The owner of its HA set decides who drives a scope: the firmware, or the switch by the roles it writes; every
owner but ``switch`` counts as ``dpu`` (D-04).

Source: field-lessons D-01 to D-15, tables 2.13 to 2.17, 2.20.
"""

from collections import Counter
from collections.abc import Mapping

from attrs import Factory, define, field, frozen

from hamgr_fsm.vocabulary import HaOwner, HaRole, HaState
from models.database import Database
from runner.lab.dpu_firmware import (
    PENDING,
    SERVING,
    Firmware,
    FirmwareEvent,
    FlowReconcileNeeded,
    SplitBrainDetected,
    StateReached,
    World,
)
from runner.lab.dpu_flow_sync import FLOW_SYNC_SESSION_TABLE, FlowSync
from runner.lab.dpu_roles import Manners, RoleTaker
from runner.lab.dpu_rows import (
    BFD_SESSION_TABLE,
    HA_SCOPE_STATE_TABLE,
    HA_SCOPE_TABLE,
    HA_SET_STATE_TABLE,
    HA_SET_TABLE,
    REQUESTS,
    is_true,
    scope_row_fault,
    set_row_fault,
)
from runner.lab.dpu_writes import DpuWrite, MergeRow, RemoveRow


@frozen
class Received:
    """A row that reached the orchagent; ``fields`` is None for a delete."""

    table: str
    key: str
    fields: Mapping[str, str] | None = field(hash=False)


@define
class Scope:
    """An HA scope in the orchagent: its row as stored, and what is behind it: the firmware, or a role of the ASIC."""

    row: dict[str, str]
    firmware: Firmware | RoleTaker
    role_start_s: int
    acked_role: HaRole = HaRole.DEAD

    @property
    def serves(self) -> bool:
        """It handles packets, and nobody asked it to stop: role dead ends BFD before the state has followed (D-07)."""
        return self.firmware.state in SERVING and self.firmware.role is not HaRole.DEAD

    @property
    def is_dead(self) -> bool:
        """It is dead, or was asked to be."""
        return self.firmware.state in (None, HaState.DEAD) or self.firmware.role is HaRole.DEAD


@define
class Orchagent:
    """One life of the orchagent. ``requests`` and ``refused`` are handed in, because they outlive it."""

    world: World
    requests: Counter[tuple[str, str]] = field(factory=Counter)
    refused: list[str] = field(factory=list)
    both_active: bool = False
    manners: Manners = field(factory=Manners)

    ha_sets: dict[str, dict[str, str]] = field(factory=dict)
    scopes: dict[str, Scope] = field(factory=dict)
    waiting: list[Received] = field(factory=list)
    bfd_rows: dict[str, dict[str, str]] = field(factory=dict)
    bfd_sessions: set[str] = field(factory=set)
    channel_reported: dict[str, bool] = field(factory=dict)
    flow_sync: FlowSync = field(init=False, default=Factory(lambda self: FlowSync(self.manners), takes_self=True))

    def take(self, row: Received, now_s: int) -> list[DpuWrite]:
        """Take one row; whatever waited for another one is tried again after it (D-05)."""
        self.waiting = [waiting for waiting in self.waiting if (waiting.table, waiting.key) != (row.table, row.key)]
        writes = self._apply(row, now_s)
        for earlier in [waiting for waiting in self.waiting if waiting is not row]:
            self.waiting.remove(earlier)
            writes += self._apply(earlier, now_s)
        return writes

    def advance(self, now_s: int) -> list[DpuWrite]:
        """Let each firmware take one step, and report the data plane channel where it changed."""
        writes: list[DpuWrite] = []
        for key, scope in self.scopes.items():
            if isinstance(scope.firmware, Firmware):
                events = scope.firmware.advance()
                writes += [self._told(key, scope, scope.firmware, event, now_s) for event in events]
            self._sessions_follow()
        return writes + self.flow_sync.advance(now_s) + self._channel(now_s)

    def release(self, now_s: int) -> list[DpuWrite]:
        """Take and acknowledge the roles that were held."""
        writes: list[DpuWrite] = []
        for key, scope in self.scopes.items():
            if isinstance(scope.firmware, RoleTaker):
                writes += self._acknowledged(key, scope, scope.firmware.release(), now_s)
        return writes

    @property
    def settled(self) -> bool:
        """Nothing happens by itself."""
        return self.flow_sync.settled and all(scope.firmware.settled for scope in self.scopes.values())

    def _apply(self, row: Received, now_s: int) -> list[DpuWrite]:
        if row.table == HA_SET_TABLE:
            return self._remove_set(row) if row.fields is None else self._put_set(row, row.fields)
        if row.table == HA_SCOPE_TABLE:
            return self._remove_scope(row) if row.fields is None else self._put_scope(row, row.fields, now_s)
        if row.table == BFD_SESSION_TABLE:
            return self._bfd(row)
        if row.table == FLOW_SYNC_SESSION_TABLE:
            return self.flow_sync.take(row.key, row.fields, now_s)
        self.refused.append(f"{row.table}: no such table")
        return []

    def _put_set(self, row: Received, fields: Mapping[str, str]) -> list[DpuWrite]:
        if fault := set_row_fault(fields):
            self.refused.append(f"{row.table}:{row.key}: {fault}")
        elif (known := self.ha_sets.get(row.key)) is None:
            self.ha_sets[row.key] = dict(fields)
        else:
            # The rest of an existing set is fixed until it is deleted; an owner left out is reset (D-06, tables 2.13).
            known["owner"] = fields.get("owner", "unspecified")
            known["peer_ip"] = fields.get("peer_ip", known.get("peer_ip", ""))
        return []

    def _remove_set(self, row: Received) -> list[DpuWrite]:
        if any(scope.row.get("ha_set_id", key) == row.key for key, scope in self.scopes.items()):
            return self._wait(row, "a scope still uses this HA set")
        if self.ha_sets.pop(row.key, None) is None:
            return []
        self.channel_reported.pop(row.key, None)
        return [RemoveRow(Database.DPU_STATE_DB, HA_SET_STATE_TABLE, row.key)]

    def _put_scope(self, row: Received, fields: Mapping[str, str], now_s: int) -> list[DpuWrite]:
        if fault := scope_row_fault(fields):
            self.refused.append(f"{row.table}:{row.key}: {fault}")
            return []
        scope = self.scopes.get(row.key)
        if scope is None:
            if fields.get("ha_set_id", row.key) not in self.ha_sets:
                return self._wait(row, "HA set entry does not exist")
            scope = Scope(dict(fields), self._driver(fields.get("ha_set_id", row.key)), role_start_s=now_s)
            self.scopes[row.key] = scope
        # An update starts from the stored row, whose request flags stay as they were at creation (D-15, tables 2.14).
        row_now = {**scope.row, **fields}
        scope.row.update({name: value for name, value in fields.items() if name not in REQUESTS})
        role = HaRole(row_now.get("ha_role", HaRole.DEAD))
        if isinstance(scope.firmware, Firmware):
            scope.firmware.configure(role, disabled=is_true(row_now.get("disabled", "false")))
            writes: list[DpuWrite] = []
        else:
            writes = self._acknowledged(row.key, scope, scope.firmware.ask(role), now_s)
        self._sessions_follow()
        return writes + self._forward_requests(row.key, scope, row_now)

    def _driver(self, ha_set_id: str) -> Firmware | RoleTaker:
        switch_driven = self.ha_sets[ha_set_id].get("owner") == HaOwner.SWITCH.value
        return RoleTaker(self.manners) if switch_driven else Firmware(self.world, self.both_active)

    def _acknowledged(self, key: str, scope: Scope, roles: list[HaRole], now_s: int) -> list[DpuWrite]:
        """One row for each role that the ASIC has taken, without a term and without flags (D-01)."""
        writes: list[DpuWrite] = []
        for role in roles:
            fields = {
                "last_updated_time": str(now_s),
                "ha_role": role.value,
                "ha_role_start_time": str(now_s),
            }
            if role is not HaRole.SWITCHING_TO_ACTIVE:
                fields |= {"ha_state": role.value, "ha_state_start_time": str(now_s)}
            writes.append(MergeRow(Database.DPU_STATE_DB, HA_SCOPE_STATE_TABLE, key, fields))
            if self.manners.flow_reconcile and role in (HaRole.ACTIVE, HaRole.STANDALONE):
                pending = {"flow_reconcile_pending": "true"}
                writes.append(MergeRow(Database.DPU_STATE_DB, HA_SCOPE_STATE_TABLE, key, pending))
        self._sessions_follow()
        return writes

    def _forward_requests(self, key: str, scope: Scope, fields: Mapping[str, str]) -> list[DpuWrite]:
        """Each request clears its pending flag in a row of one field (D-11)."""
        writes: list[DpuWrite] = []
        for flag, pending in REQUESTS.items():
            if not is_true(fields.get(flag, "false")):
                continue
            self.requests[key, flag] += 1
            if isinstance(scope.firmware, Firmware):
                _grant(scope.firmware, flag)
            writes.append(MergeRow(Database.DPU_STATE_DB, HA_SCOPE_STATE_TABLE, key, {pending: "false"}))
        return writes

    def _remove_scope(self, row: Received) -> list[DpuWrite]:
        if self.scopes.pop(row.key, None) is None:
            return []
        self._sessions_follow()
        return [RemoveRow(Database.DPU_STATE_DB, HA_SCOPE_STATE_TABLE, row.key)]

    def _bfd(self, row: Received) -> list[DpuWrite]:
        """The row is remembered; a session exists only while some scope serves (D-07)."""
        if row.fields is None:
            self.bfd_rows.pop(row.key, None)
            self.bfd_sessions.discard(row.key)
        else:
            self.bfd_rows[row.key] = dict(row.fields)
        self._sessions_follow()
        return []

    def _sessions_follow(self) -> None:
        """Remembered rows become sessions while a scope serves, and all end with the last scope that is not dead."""
        if any(scope.serves for scope in self.scopes.values()):
            self.bfd_sessions.update(self.bfd_rows)
        elif all(scope.is_dead for scope in self.scopes.values()):
            self.bfd_sessions.clear()

    def _wait(self, row: Received, why: str) -> list[DpuWrite]:
        """The request stays queued and is tried again after the next row (D-05)."""
        self.refused.append(f"{row.table}:{row.key}: {why}")
        self.waiting.append(row)
        return []

    def _told(self, key: str, scope: Scope, firmware: Firmware, event: FirmwareEvent, now_s: int) -> DpuWrite:
        """The partial row that the orchagent writes for one event of the firmware (D-10, D-12)."""
        role = firmware.acked_role
        if role is not scope.acked_role:
            scope.acked_role, scope.role_start_s = role, now_s
        fields = {
            "last_updated_time": str(now_s),
            "ha_role": role.value,
            "ha_role_start_time": str(scope.role_start_s),
            "ha_term": str(firmware.term),
        }
        match event:
            case FlowReconcileNeeded():
                fields["flow_reconcile_pending"] = "true"
            case SplitBrainDetected():
                fields["brainsplit_recover_pending"] = "true"
            case StateReached(state):
                fields |= {"ha_state": state.value, "ha_state_start_time": str(now_s)}
                if state in PENDING:
                    fields["activate_role_pending"] = "true"
                if state in (HaState.ACTIVE, HaState.STANDBY):
                    fields["brainsplit_recover_pending"] = "false"
        return MergeRow(Database.DPU_STATE_DB, HA_SCOPE_STATE_TABLE, key, fields)

    def _channel(self, now_s: int) -> list[DpuWrite]:
        """A set's row exists from the first event of the channel on (D-08)."""
        if self.world.channel_up is None:
            return []
        changed = [key for key in self.ha_sets if self.channel_reported.get(key) is not self.world.channel_up]
        self.channel_reported.update(dict.fromkeys(changed, self.world.channel_up))
        alive = {"last_updated_time": str(now_s), "dp_channel_is_alive": "up" if self.world.channel_up else "down"}
        return [MergeRow(Database.DPU_STATE_DB, HA_SET_STATE_TABLE, key, alive) for key in changed]


def _grant(firmware: Firmware, flag: str) -> None:
    if flag == "activate_role_requested":
        firmware.activate_role()
    elif flag == "brainsplit_recovered":
        firmware.recover_from_split_brain()
