"""The lab: a world with the verbs and macros in which the scenarios are written.

A verb does one thing at the present moment and lets no time pass, except ``approve``, which waits for the operation;
macros of workflows let the time of the workflow pass. What is expected belongs to the tests.

Source: scenarios 0.2.
"""

from collections.abc import Sequence
from typing import Any

from attrs import define

from hamgr_fsm.vocabulary import DesiredHaState, HaOwner, HaRole, OperationType, PinState, PlaneState
from models import tables
from models.database import Database
from runner.lab.dpu_roles import Acks, SyncEnd
from runner.lab.sides import SET_ID, configuration
from runner.lab.world import EPOCH_MS, World

PENDING_WITHIN_S = 180
EXPECTED_WITHIN_S = 150

# Tables of one DPU slot that a switch loses when it is rebooted.
_VOLATILE = (Database.APPL_DB, Database.STATE_DB, Database.DPU_APPL_DB, Database.DPU_STATE_DB)


@define(eq=False)
class Lab(World):
    """A world to play scenarios in."""

    # Configuration.

    def configure(self, *names: str) -> None:
        """Write CONFIG_DB of these switches, by default of all."""
        for name in names or tuple(self.switches):
            for table, key, fields in configuration(self[name].side, self.sides):
                row = {field_name: value.encode() for field_name, value in fields.items()}
                self.write(name, (table, key, row))

    def set(self, *names: str, **changes: Any) -> None:
        """Write the HA set on these switches, by default on both of the pair."""
        row = self.controller.set_row(**changes)
        for name in names or self.pair:
            self.write(name, row)

    def pins(self, *pins: PinState) -> None:
        """Pin the BFD probes of the vDPUs, in their order."""
        self.set(pinned_vdpu_bfd_probe_states=pins)

    def scope(self, name: str, **changes: Any) -> None:
        """Write the whole scope of a side; ``desired`` is short for ``desired_ha_state``."""
        if "desired" in changes:
            changes["desired_ha_state"] = DesiredHaState(changes.pop("desired"))
        self.write(name, self.controller.scope_row(self[name].side, **changes))

    def approve(self, name: str, kind: OperationType | str, within_s: float = PENDING_WITHIN_S) -> str:
        """Wait until the scope lists an operation of the kind, then approve it; gives its id."""
        wanted = OperationType(kind).value
        self.until(lambda: wanted in self[name].pending.values(), within_s, f"operation {wanted} of {name}")
        id_ = next(id_ for id_, type_ in self[name].pending.items() if type_ == wanted)
        self.write(name, self.controller.approving_row(self[name].side, id_))
        return id_

    def approve_id(self, name: str, *ids: str) -> None:
        """Approve these ids, whatever they are."""
        self.write(name, self.controller.approving_row(self[name].side, *ids))

    def delscope(self, name: str) -> None:
        """Delete the scope of a side."""
        side = self[name].side
        self.controller.forget(side)
        table = tables.DASH_HA_SCOPE_CONFIG_TABLE
        self.delete(name, table.database, table.name, side.scope_key)

    def delset(self, *names: str) -> None:
        """Delete the HA set on these switches, by default on both of the pair."""
        table = tables.DASH_HA_SET_CONFIG_TABLE
        for name in names or self.pair:
            self.delete(name, table.database, table.name, SET_ID)

    # Health and the DPU.

    def pmon(self, name: str, *states: str) -> None:
        """Let the platform report midplane, control and data plane so; no states: its row is gone."""
        dpu = self[name].dpu
        if not states:
            self.dpu_does(name, dpu.lose_plane_report())
            return
        planes = dict(zip(("midplane", "control", "data"), map(PlaneState, states), strict=True))
        self.dpu_does(name, dpu.report_planes(self._now_s, **planes))

    def chan(self, up: bool, *names: str) -> None:
        """Let these DPUs, by default all, report the data plane channel so; it is so if any of them says so."""
        for name in names or tuple(self.switches):
            self[name].dpu.report_channel(up)
            self.dpu_does(name, [])

    def bfd(self, name: str, *npus: str) -> None:
        """Only the sessions of these sides' switches with the DPU of ``name`` are up."""
        dpu = self[name].dpu
        dpu.unreachable_npus = {self[other].side.npu for other in self.switches if other not in npus}
        self.dpu_does(name, dpu.report_probes(self._now_s))

    def acks(self, name: str, how: Acks, wrong: HaRole | None = None) -> None:
        """From now on the DPU answers role writes so; what it held is released unless it is to hold."""
        dpu = self[name].dpu
        dpu.manners.wrong_role = wrong or dpu.manners.wrong_role
        self.dpu_does(name, dpu.answer_roles(how, self._now_s))

    def sync(self, name: str, how: SyncEnd, takes_s: int = 1) -> None:
        """Flow sync sessions started by this side end so."""
        self[name].dpu.manners.sync, self[name].dpu.manners.sync_takes_s = how, takes_s
        self.dpu_does(name, [])

    def drops(self, name: str, lost: int, *enis: str) -> None:
        """From now on these ENIs of the DPU, by default all, lose so many inline sync packets between two polls.

        Below 0: more are acknowledged than are sent.
        """
        inline_sync = self[name].dpu.inline_sync
        inline_sync.lost |= dict.fromkeys(enis or inline_sync.enis, lost)

    def off(self, name: str) -> None:
        """The DPU loses power: its planes go down, the others lose the channel to it."""
        self.chan(False, *(other for other in self.switches if other != name))
        self.dpu_does(name, self[name].dpu.power_off(self._now_s))

    def on(self, name: str) -> None:
        """The DPU comes back, empty; everybody has the channel again."""
        self.bfd(name, *self.switches)
        self.dpu_does(name, self[name].dpu.power_on(self._now_s))
        self.chan(True)

    def crash_dpu(self, name: str, *, midplane: str = "up", data: str = "down") -> None:
        """A process of the DPU dies: no BFD, no forwarding, its control plane down."""
        dpu = self[name].dpu
        dpu.powered = dpu.restarting = False
        self.chan(False, *(other for other in self.switches if other != name))
        self.pmon(name, midplane, "down", data)

    def flush_dpu(self, name: str) -> None:
        """The orchagent of the DPU restarts faster than anybody reports."""
        self.dpu_does(name, self[name].dpu.restart_swss(self._now_s, seen=False))

    # Links.

    def link_dead(self, name: str) -> None:
        """The data port of the DPU is dead: nobody reaches it, and it has no channel."""
        self.bfd(name)
        self.chan(False)

    def probe_lost(self, name: str, npu: str) -> None:
        """Only the BFD session between one switch and the DPU fails."""
        self.bfd(name, *(other for other in self.switches if other != npu))

    def isolate(self, name: str) -> None:
        """The switch loses every neighbour."""
        self.withdrawn.add(name)
        self.set_link(False)
        self.chan(False)
        self.bfd(name, name)
        for other in self.switches:
            if other != name:
                self.bfd(other, *(npu for npu in self.switches if npu != name))

    def tsa(self, name: str) -> None:
        """The switch is taken out of service: its own loopback is all that it still advertises."""
        self.withdrawn.add(name)
        self.chan(False)
        self.bfd(name, name)
        for other in self.switches:
            if other != name:
                self.bfd(other, *self.switches)

    def heal(self) -> None:
        """Whatever was cut works again."""
        self.withdrawn.clear()
        for name in self.switches:
            self.bfd(name, *self.switches)
        self.set_link(True)
        self.chan(True)

    def reboot(self, name: str) -> None:
        """The switch goes down with its DPU, and loses every row of HA."""
        self.kill(name)
        self.off(name)
        self.isolate(name)
        for database in _VOLATILE:
            self[name].store.empty(database)
        self.controller.forget(self[name].side)

    def come_back(self, name: str) -> None:
        """The rebooted switch is there again; what the controller had written is not."""
        self.start(name)
        self.heal()
        self.on(name)

    # Named situations.

    @property
    def pair(self) -> tuple[str, ...]:
        """The sides of the configured pair, in its order."""
        by_id = {side.vdpu_id: side.name for side in self.sides}
        return tuple(by_id[id_] for id_ in self.controller.ha_set.vdpu_ids)

    def z0(self) -> None:
        """Daemons run on CONFIG_DB alone, and the DPUs have power."""
        self.configure()
        for name in self.switches:
            self.start(name)
            self.on(name)
        self.run(1)

    def z1(self) -> None:
        """Both scopes are configured and disabled."""
        self.z0()
        self.set()
        for name in self.pair:
            self.scope(name, disabled=True)
        self.run(2)

    def enable(self) -> None:
        """The way from Z1 to the pair, with the approvals that it takes."""
        a, b = self.pair
        self.scope(a, disabled=False, desired="active")
        self.run(5)
        self.scope(b, disabled=False, desired="unspecified")
        self.approve(a, OperationType.ACTIVATE_ROLE)
        self.until(lambda: self[a].acked == "active", EXPECTED_WITHIN_S, f"{a} active")
        self.approve(b, OperationType.ACTIVATE_ROLE)
        serving = ("active", "standby") if self.owner is HaOwner.DPU else ("standby",)
        self.until(lambda: self[b].acked in serving, EXPECTED_WITHIN_S, f"{b} standby")
        self.run(5)

    def p(self) -> None:
        """A healthy pair: the first side active, the second standby."""
        self.z1()
        self.enable()

    def switch_over(self, to: str) -> None:
        """A planned switchover to a side."""
        other = self.peer_of(to)
        self.scope(other, desired="unspecified")
        self.run(5)
        self.scope(to, desired="active")
        self.approve(to, OperationType.SWITCHOVER)
        self.until(lambda: self[to].ctl == "active" and self[other].ctl == "standby", 120, f"switchover to {to}")
        self.run(5)

    def q(self) -> None:
        """The pair after a switchover: the second side active."""
        self.p()
        self.switch_over(self.pair[1])

    def sa(self, alone: str = "A") -> None:
        """One side serves alone, the other was shut down as planned."""
        self.p()
        other = self.peer_of(alone)
        if alone != self.pair[0]:
            self.switch_over(alone)
        self.scope(other, desired="dead", disabled=False)
        self.until(lambda: self[alone].ctl == "standalone" and self[other].ctl == "dead", 120, f"{alone} alone")
        self.run(5)

    def sas(self, alone: str = "A") -> None:
        """One side serves alone because the data port of the other's DPU is dead."""
        self.p()
        other = self.peer_of(alone)
        self.link_dead(other)
        self.until(lambda: self[alone].ctl == "standalone" and self[other].ctl == "standby", 120, f"{alone} alone")
        self.run(5)

    def disable(self) -> None:
        """Force both scopes down, one after the other."""
        for name in self.pair:
            self.scope(name, disabled=True, desired="dead")
            self.run(5)

    def teardown(self) -> None:
        """Delete everything that the controller had written."""
        for name in self.pair:
            self.delscope(name)
        self.delset()
        self.run(5)

    def restore(self, name: str) -> None:
        """Take a side down by force and bring it up again."""
        desired = "active" if name == self.pair[0] else "unspecified"
        self.scope(name, desired="dead", disabled=True)
        self.run(5)
        self.scope(name, desired=desired, disabled=False)
        self.approve(name, OperationType.ACTIVATE_ROLE)

    def states(self) -> Sequence[str]:
        """The control states of the pair."""
        return [self[name].ctl for name in self.pair]

    @property
    def _now_s(self) -> int:
        return (EPOCH_MS + self.now_ms) // 1000
