"""What must always hold, as something that watches a world.

Some of it is looked at after every event, some only at rest: when the links are up, nothing is on its way and every DPU
that has power has answered. A violation names the invariant and the moment. Watching changes nothing.

Source: switch-driven 11.
"""

import json
from collections.abc import Sequence
from typing import Any

from attrs import define, field

from hamgr_fsm.vocabulary import HaOwner, HaRole
from models import tables
from runner.inputs import MessageArrived, RowSet
from runner.lab.dpu_roles import Acks
from runner.lab.firmware_pair import path_up
from runner.lab.network import Letter
from runner.lab.sides import SET_ID, Side
from runner.lab.switch import Leaving, Switch
from runner.lab.world import World
from runner.outputs import DeleteRow, SendMessage, TransitionTaken, WriteRow

DECIDING = (HaRole.ACTIVE, HaRole.STANDALONE)
FORWARDING = ("active", "standalone")

CONFLICT_MS = 3_000
"""How long two sides that are connected may both decide: an exchange of reports and a change of role (I2)."""


class Violation(AssertionError):  # noqa: N818  (an invariant does not hold)
    """An invariant does not hold: its id, when, and what was seen."""


@define
class Told:
    """What the daemon of one side knows of who has acknowledged which role; it may be old."""

    acked: dict[str, str] = field(factory=dict)
    """By the id of the vDPU."""

    life: int = 0


@define(eq=False)
class Invariants:
    """Watches a world; hand :meth:`watch` to its watchers."""

    conflict_ms: int = CONFLICT_MS
    watches: set[str] | None = None
    """The sides whose daemon must keep to the invariants; None: all."""

    _terms: dict[str, int] = field(factory=dict)
    _told: dict[str, Told] = field(factory=dict)
    _heard: dict[str, int] = field(factory=dict)
    _primaries: dict[tuple[str, str], str] = field(factory=dict)
    _set_sent: dict[str, bool] = field(factory=dict)
    _both_decide_since_ms: int | None = None
    reports: dict[str, dict[str, Any]] = field(factory=dict)
    """The newest report that each side has sent."""

    def watch(self, world: World, name: str, leaving: Sequence[Leaving]) -> None:
        """Look at the world after an event that was about one side."""
        switch = world[name]
        self._hear(world, switch)
        if self.watches is not None and name not in self.watches:
            return
        self._ends_without_faults(world, switch)
        for output in leaving:
            if isinstance(output, SendMessage):
                self._request_follows_acknowledgement(world, switch, output)
                continue
            self._set_before_scope(world, switch, output)
            if isinstance(output, WriteRow):
                self._term_never_falls(world, switch, output)
                self._primary_forwards(world, switch, output)
        self._conflict_is_short(world)

    # After every event.

    def _ends_without_faults(self, world: World, switch: Switch) -> None:
        """I8: no input raises an exception, and settling ends."""
        if switch.faults:
            raise switch.faults[0].error

    def _term_never_falls(self, world: World, switch: Switch, row: WriteRow) -> None:
        """I3: a term never falls, but a synchronised standby takes over its active's."""
        if row.table != tables.DASH_HA_SCOPE_STATE.name or world.owner is HaOwner.DPU:
            return
        name = switch.side.name
        term, before = int(row.fields.get("local_target_term") or 0), self._terms.get(name, 0)
        self._terms[name] = term
        takes_over = row.fields.get("local_ha_state") == "HA_STATE_STANDBY"
        if term < before and not takes_over:
            raise _violation("I3", world, f"the term of {name} falls from {before} to {term}")

    def _primary_forwards(self, world: World, switch: Switch, row: WriteRow) -> None:
        """I4: the primary is a vDPU whose DPU has acknowledged a forwarding role, as far as this side was told."""
        if row.table != tables.VNET_ROUTE_TUNNEL_TABLE.name or world.owner is HaOwner.DPU:
            return
        route = (switch.side.name, row.key)
        side = _side_of_endpoint(world, switch.side, row.fields["primary"])
        before, self._primaries[route] = self._primaries.get(route), side.name
        told = self._told.get(switch.side.name, Told()).acked.get(side.vdpu_id)
        if before != side.name and told not in FORWARDING:
            raise _violation("I4", world, f"{switch.side.name} makes {side.name} primary, which acknowledged {told}")

    def _set_before_scope(self, world: World, switch: Switch, row: WriteRow | DeleteRow) -> None:
        """I5: no scope row goes to a DPU that has not been sent its HA set row. A flush that nobody told is unknown."""
        name = switch.side.name
        if row.table == tables.DASH_HA_SET_TABLE.name:
            self._set_sent[name] = isinstance(row, WriteRow)
        elif (
            row.table == tables.DASH_HA_SCOPE_TABLE.name and isinstance(row, WriteRow) and not self._set_sent.get(name)
        ):
            raise _violation("I5", world, f"{name} writes the scope without its HA set")

    def _request_follows_acknowledgement(self, world: World, switch: Switch, message: SendMessage) -> None:
        """I7: a switchover is asked for only when the DPU is ready to take over."""
        said = json.loads(message.payload)
        kind, data = said["key"].partition("|")[0], said["data"]
        if kind == "HaScopeStateUpdate":
            self.reports[switch.side.name] = data
        asks = kind == "SwitchoverRequest" and data["flag"] == "Syn"
        acked = switch.row(tables.DASH_HA_SCOPE_STATE_TABLE, SET_ID).get("ha_role")
        if asks and switch.dpu.manners.switching_acked and acked != HaRole.SWITCHING_TO_ACTIVE.value:
            raise _violation("I7", world, f"{switch.side.name} asks for a switchover while acknowledged {acked}")

    def _conflict_is_short(self, world: World) -> None:
        """I2: two sides that both decide while they are connected resolve it soon."""
        names = [name for name, switch in world.switches.items() if switch.dpu.role in DECIDING]
        answering = all(world[name].dpu.manners.acks is Acks.AT_ONCE for name in names)
        if len(names) < 2 or not answering or not world.connected(*names[:2]) or world.owner is HaOwner.DPU:
            self._both_decide_since_ms = None
        elif self._both_decide_since_ms is None:
            self._both_decide_since_ms = world.now_ms
        elif world.now_ms - self._both_decide_since_ms > self.conflict_ms:
            raise _violation("I2", world, f"{names} decide since {self._both_decide_since_ms} ms")

    # At rest.

    def at_rest(self, world: World) -> None:
        """Look at a world in which nothing goes on any more."""
        self._at_most_one_decides(world)
        self._rows_of_the_dpu(world)
        self._approvals_are_used(world)
        self._somebody_serves(world)
        self._decides_with_the_flows(world)

    def _at_most_one_decides(self, world: World) -> None:
        """I1: at most one side has a deciding role."""
        names = [name for name, switch in world.switches.items() if switch.dpu.role in DECIDING]
        if len(names) > 1 and not _both_active_by_firmware(world):
            raise _violation("I1", world, f"{names} decide")

    def _rows_of_the_dpu(self, world: World) -> None:
        """I5: a DPU has the set of every scope it has, and what it was told is what it has."""
        for name, switch in world.switches.items():
            orchagent = switch.dpu.orchagent
            if not switch.dpu.powered or switch.daemon is None:
                continue
            if orchagent.scopes and not orchagent.ha_sets:
                raise _violation("I5", world, f"the DPU of {name} has a scope without its HA set")
            wanted = switch.store.keys(tables.DASH_HA_SCOPE_TABLE)
            if set(orchagent.scopes) != wanted:
                raise _violation("I5", world, f"the DPU of {name} has {set(orchagent.scopes)}, was told {wanted}")

    def _approvals_are_used(self, world: World) -> None:
        """I6: an approval takes effect once: it is not pending any more, and moved its scope once at most."""
        for name, switch in world.switches.items():
            approved = world.controller.approved.get(name, [])
            if switch.daemon is not None and (lost := set(approved) & set(switch.pending)):
                raise _violation("I6", world, f"{name} still waits for the approval of {lost}")
            moves = [o for _, o in switch.said if isinstance(o, TransitionTaken) and o.event == "approval"]
            taken = [move for move in moves if move.source != move.target]
            if len(taken) > len(set(approved)):
                raise _violation("I6", world, f"{name} moved {len(taken)} times on {len(set(approved))} approvals")

    def _somebody_serves(self, world: World) -> None:
        """I9: it came to rest as a pair, or as one that serves alone beside one that cannot or must not."""
        able = [
            name
            for name, switch in world.switches.items()
            if switch.daemon is not None and switch.dpu.powered and world.controller.enabled(switch.side)
        ]
        if able and not any(switch.dpu.role in DECIDING for switch in world.switches.values()):
            raise _violation("I9", world, f"nobody serves although {able} could")
        if world.owner is HaOwner.DPU:
            return
        for name in able:
            pinned_away = self.reports.get(world.peer_of(name), {}).get("pinned") is True
            waits = bool(world[name].pending) or pinned_away or len(able) < 2
            if world[name].ctl not in ("active", "standby", "standalone") and not waits:
                raise _violation("I9", world, f"{name} came to rest in {world[name].ctl}")

    def _decides_with_the_flows(self, world: World) -> None:
        """I11: nobody decides without the flows while a peer has them that is there and stays."""
        for name, switch in world.switches.items():
            if switch.dpu.role not in DECIDING or self.reports.get(name, {}).get("in_sync") is not False:
                continue
            for other, peer in world.switches.items():
                there = other != name and world.connected(name, other) and path_up(switch.dpu, peer.dpu)
                has_them = self.reports.get(other, {}).get("in_sync") is True
                if there and has_them and world.controller.enabled(peer.side):
                    raise _violation("I11", world, f"{name} decides without the flows, which {other} has")

    # What the daemons were told.

    def _hear(self, world: World, switch: Switch) -> None:
        """Note what the daemon has been told of acknowledged roles since the last look."""
        name = switch.side.name
        if self._told.setdefault(name, Told()).life != switch.life:
            # A new life adopts what it finds; what it was told before counts until it is told anew.
            self._told[name].life = switch.life
        if not switch.state:
            # The scope was deleted, or the switch has lost its rows: what follows is another scope.
            self._terms.pop(name, None)
        for _, happened in switch.journal[self._heard.get(name, 0) :]:
            self._hear_one(world, switch.side, happened)
        self._heard[name] = len(switch.journal)

    def _hear_one(self, world: World, side: Side, happened: object) -> None:
        acked = self._told[side.name].acked
        if isinstance(happened, RowSet) and happened.table == tables.DASH_HA_SCOPE_STATE_TABLE.name:
            acked[side.vdpu_id] = happened.fields.get("ha_role", b"").decode()
        elif isinstance(happened, MessageArrived):
            said = json.loads(happened.payload)
            if said["key"].startswith("HaScopeStateUpdate|"):
                acked[said["data"]["vdpu_id"]] = said["data"].get("acked_asic_ha_state") or ""


def watched(world: World, **settings: Any) -> Invariants:
    """Have the invariants of a world looked at from now on."""
    invariants = Invariants(**settings)
    world.watchers.append(invariants.watch)
    return invariants


def requests_of(letters: Sequence[tuple[int, Letter]], kind: str) -> list[Letter]:
    """The messages of one kind among those that were sent."""
    return [letter for _, letter in letters if letter.kind == kind]


def _both_active_by_firmware(world: World) -> bool:
    """The firmware decides for itself, and some call both halves of a pair active (D-16)."""
    return world.owner is HaOwner.DPU


def _side_of_endpoint(world: World, own: Side, address: str) -> Side:
    return next(side for side in world.sides if address == (side.pa if side is own else side.npu))


def _violation(id_: str, world: World, what: str) -> Violation:
    return Violation(f"{id_}: {what} ({world})")
