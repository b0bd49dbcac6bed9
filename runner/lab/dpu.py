"""A simulated DPU as hamgrd meets it: power, the planes that the platform reports, the BFD monitor, and the orchagent.

It decides what the databases show after a row has arrived or something has happened in the world. It must not know
sockets, Redis or the clock: the time comes in with every call, the writes go out as data. Rows are the orchagent's
business (``dpu_orchagent``), the HA states the firmware's (``dpu_firmware``).

Source: field-lessons D-04 to D-16, tables 2.11, 2.12, scenarios 0.2.
"""

from collections import Counter
from collections.abc import Mapping
from copy import deepcopy

from attrs import Factory, define, field

from hamgr_fsm.vocabulary import HaRole, PlaneState
from models.database import Database
from runner.lab.dpu_firmware import Firmware, Peer, World
from runner.lab.dpu_inline_sync import InlineSyncCounters
from runner.lab.dpu_orchagent import Orchagent, Received
from runner.lab.dpu_roles import Acks, Manners, RoleTaker
from runner.lab.dpu_writes import DpuWrite, EmptyDatabase, MergeRow, RemoveRow, clock_text

BFD_PROBE_STATE = "DASH_BFD_PROBE_STATE"
DPU_STATE = "DPU_STATE"
PLANES = {
    "midplane": ("dpu_midplane_link_state", "dpu_midplane_link_time"),
    "control": ("dpu_control_plane_state", "dpu_control_plane_time"),
    "data": ("dpu_data_plane_state", "dpu_data_plane_time"),
}


@define
class SimulatedDpu:
    """A DPU in one slot. It starts without power, and without a peer.

    ``received``, ``requests`` and ``refused`` outlive power and restarts: they are what a test asks.
    """

    slot: int = 0
    both_active: bool = False
    """This vendor calls both halves of a healthy pair active (D-16)."""

    world: World = field(factory=World)
    manners: Manners = field(factory=Manners)
    inline_sync: InlineSyncCounters = field(factory=InlineSyncCounters)
    powered: bool = False
    restarting: bool = False
    planes: dict[str, PlaneState] = field(factory=dict)
    unreachable_npus: set[str] = field(factory=set)
    probes_reported: tuple[str, ...] | None = None

    received: list[Received] = field(factory=list)
    requests: Counter[tuple[str, str]] = field(factory=Counter)
    """How often each scope was sent each one-shot flag as true, by scope and flag."""

    refused: list[str] = field(factory=list)
    """What the orchagent complained about, in its order."""

    orchagent: Orchagent = field(init=False, default=Factory(lambda self: self._fresh_orchagent(), takes_self=True))

    def row_set(self, table: str, key: str, fields: Mapping[str, str], now_s: int) -> list[DpuWrite]:
        """Take a row that hamgrd sent. A DPU without power takes nothing."""
        return self._take(Received(table, key, dict(fields)), now_s)

    def row_deleted(self, table: str, key: str, now_s: int) -> list[DpuWrite]:
        """Take the deletion of a row that hamgrd sent."""
        return self._take(Received(table, key, None), now_s)

    def advance(self, now_s: int) -> list[DpuWrite]:
        """Take one step in everything that happens by itself: firmware, channel, BFD, the end of a restart."""
        if not self.powered:
            return []
        writes = self._planes_to(now_s, control=PlaneState.UP) if self.restarting else []
        self.restarting = False
        return [*writes, *self.orchagent.advance(now_s), *self._probes(now_s)]

    @property
    def settled(self) -> bool:
        """Another :meth:`advance` would write nothing and change nothing."""
        ahead = deepcopy(self)
        return not ahead.advance(0) and ahead == self

    def answer_roles(self, acks: Acks, now_s: int) -> list[DpuWrite]:
        """From now on, answer role writes so; what was held is taken unless it is to be held still."""
        self.manners.acks = acks
        if acks is Acks.HELD or not self.powered:
            return []
        return [*self.orchagent.release(now_s), *self._probes(now_s)]

    def power_on(self, now_s: int) -> list[DpuWrite]:
        """Boot: the DPU's databases are emptied (D-09), then its planes come up, one field at a time."""
        self.powered = True
        self.inline_sync.restart()
        return [*self._start_anew(), *self._probes(now_s), *self._all_planes(PlaneState.UP, now_s)]

    def power_off(self, now_s: int) -> list[DpuWrite]:
        """Lose everything at once. Only the switch notices: the DPU's databases keep what they held (FL-09)."""
        self.powered = self.restarting = False
        return self._all_planes(PlaneState.DOWN, now_s)

    def restart_swss(self, now_s: int, seen: bool = True) -> list[DpuWrite]:
        """Restart the orchagent, which forgets everything and empties the DPU's databases.

        ``seen``: the platform reports the control plane down until the next step. A fast restart is never seen.
        """
        self.restarting = seen
        writes = self._planes_to(now_s, control=PlaneState.DOWN) if seen else []
        return [*writes, *self._start_anew(), *self._probes(now_s)]

    def report_planes(self, now_s: int, **planes: PlaneState) -> list[DpuWrite]:
        """Let the platform report ``midplane``, ``control`` or ``data`` so, whatever the DPU really does."""
        return self._planes_to(now_s, **planes)

    def lose_plane_report(self) -> list[DpuWrite]:
        """The platform's daemon is gone, and its row with it."""
        self.planes.clear()
        return [RemoveRow(Database.CHASSIS_STATE_DB, DPU_STATE, f"DPU{self.slot}")]

    def peer_appears(self) -> None:
        """The peer is reachable and ready to pair; also how a fault heals."""
        self.world.peer, self.world.channel_up = Peer.PRESENT, True

    def peer_lost(self) -> None:
        """The peer was shut down, has failed or is cut off."""
        self.world.peer, self.world.channel_up = Peer.LOST, False

    def split_brain(self) -> None:
        """The path to the peer is there, and the peer serves alone as well."""
        self.world.peer, self.world.channel_up = Peer.ALONE, True

    def report_channel(self, up: bool) -> None:
        """Only the report of the data plane channel changes; no scope reacts."""
        self.world.channel_up = up

    def lose_npu(self, address: str) -> None:
        """The BFD session with this NPU goes down."""
        self.unreachable_npus.add(address)

    def reach_npu(self, address: str) -> None:
        """The BFD session with this NPU may come up again."""
        self.unreachable_npus.discard(address)

    def report_probes(self, now_s: int) -> list[DpuWrite]:
        """The BFD monitor looks at its sessions and writes what has changed."""
        return self._probes(now_s) if self.powered else []

    def poll_counters(self) -> tuple[tuple[str, int, int], ...]:
        """Let the traffic of the time between two polls pass, and read the counters of inline sync."""
        self.inline_sync.pass_traffic(self.role, channel_up=self.world.channel_up)
        return self.inline_sync.read()

    def requests_of(self, flag: str) -> int:
        """How often any scope was sent this one-shot flag as true."""
        return sum(count for (_, name), count in self.requests.items() if name == flag)

    @property
    def role(self) -> HaRole:
        """The role that the ASIC is in; without power, or without a scope, it is dead."""
        if not self.powered:
            return HaRole.DEAD
        roles = [_role_of(scope.firmware) for scope in self.orchagent.scopes.values()]
        return roles[0] if roles else HaRole.DEAD

    @property
    def up_sessions(self) -> tuple[str, ...]:
        """The NPUs whose BFD session with this DPU is up, as the DPU sees it."""
        peers = {key.split(":", 2)[2] for key in self.orchagent.bfd_sessions}
        return tuple(sorted(peers - self.unreachable_npus))

    def _take(self, row: Received, now_s: int) -> list[DpuWrite]:
        if not self.powered:
            return []
        self.received.append(row)
        return [*self.orchagent.take(row, now_s), *self._probes(now_s)]

    def _fresh_orchagent(self) -> Orchagent:
        return Orchagent(self.world, self.requests, self.refused, self.both_active, self.manners)

    def _start_anew(self) -> list[DpuWrite]:
        self.orchagent = self._fresh_orchagent()
        self.probes_reported = None
        return [EmptyDatabase(Database.DPU_APPL_DB), EmptyDatabase(Database.DPU_STATE_DB)]

    def _all_planes(self, state: PlaneState, now_s: int) -> list[DpuWrite]:
        return self._planes_to(now_s, midplane=state, control=state, data=state)

    def _planes_to(self, now_s: int, **planes: PlaneState) -> list[DpuWrite]:
        """One HSET for each field, state before time: readers meet the half-updated rows in between (tables 2.11)."""
        writes: list[DpuWrite] = []
        for plane, state in planes.items():
            if self.planes.get(plane) is state:
                continue
            self.planes[plane] = state
            state_field, time_field = PLANES[plane]
            for name, value in ((state_field, state.value), (time_field, clock_text(now_s))):
                writes.append(MergeRow(Database.CHASSIS_STATE_DB, DPU_STATE, f"DPU{self.slot}", {name: value}))
        return writes

    def _probes(self, now_s: int) -> list[DpuWrite]:
        """The list of up sessions as today's bfdmon writes it: quoted items and a quoted time (tables 2.12)."""
        if self.up_sessions == self.probes_reported:
            return []
        self.probes_reported = self.up_sessions
        families: dict[str, list[str]] = {"v4": [], "v6": []}
        for peer in self.up_sessions:
            families["v6" if ":" in peer else "v4"].append(f'"{peer}"')
        fields = {f"{family}_bfd_up_sessions": ", ".join(peers) for family, peers in families.items()}
        fields["v4_bfd_up_sessions_timestamp"] = f'"{clock_text(now_s)}"'
        return [MergeRow(Database.DPU_STATE_DB, BFD_PROBE_STATE, "dash_ha", fields)]


def _role_of(driver: Firmware | RoleTaker) -> HaRole:
    return driver.taken if isinstance(driver, RoleTaker) else driver.acked_role
