"""The simulated DPUs of all switches and what lies between them: power, data ports, the channel, the probes.

It decides what every DPU sees of the others, and has each of them act. It must not know sockets, Redis or the clock:
the time comes in with every call, and what the DPUs write goes out as data, each write with the side it belongs to.

Source: scenarios 0.2; dpu-driven 1; field-lessons D-08.
"""

from collections.abc import Iterable, Mapping

from attrs import define, field

from hamgr_fsm.vocabulary import HaRole, PlaneState
from runner.lab.dpu import SimulatedDpu
from runner.lab.dpu_roles import Acks, Manners, SyncEnd
from runner.lab.dpu_writes import DpuWrite
from runner.lab.firmware_pair import couple

Writes = list[tuple[str, DpuWrite]]


@define
class DpuWorld:
    """The DPUs by the names of their sides; ``npus`` are the addresses of the switches."""

    dpus: Mapping[str, SimulatedDpu]
    npus: Mapping[str, str]
    paired: tuple[str, str]
    """The sides whose DPUs back each other up."""

    cut: set[str] = field(factory=set)
    """The sides whose DPU reports the channel as down although its peer has power."""

    def advance(self, now_s: int) -> Writes:
        """Let everything that happens by itself take a step."""
        writes: Writes = []
        for name in self.paired:
            self._see_the_other(name)
        for name, dpu in self.dpus.items():
            writes += _of(name, dpu.advance(now_s))
        return writes

    def pair(self, *names: str) -> Writes:
        """From now on the DPUs of these two sides back each other up."""
        first, second = names
        self.paired = (first, second)
        return []

    def power_on(self, side: str, now_s: int) -> Writes:
        """Boot a DPU."""
        return _of(side, self.dpus[side].power_on(now_s))

    def power_off(self, side: str, now_s: int) -> Writes:
        """A DPU loses power."""
        return _of(side, self.dpus[side].power_off(now_s))

    def crash(self, side: str, now_s: int, midplane: str = "up", data: str = "down") -> Writes:
        """A process of a DPU dies: no BFD, no forwarding, the control plane down. It needs :meth:`power_on` again."""
        dpu = self.dpus[side]
        dpu.powered = dpu.restarting = False
        return self.report_planes(side, {"midplane": midplane, "control": "down", "data": data}, now_s)

    def restart_swss(self, side: str, now_s: int, seen: bool = True) -> Writes:
        """Restart an orchagent, which empties its databases; ``seen``: the platform reports it."""
        return _of(side, self.dpus[side].restart_swss(now_s, seen))

    def report_planes(self, side: str, planes: Mapping[str, str], now_s: int) -> Writes:
        """Let the platform report ``midplane``, ``control`` or ``data`` so."""
        states = {plane: PlaneState(state) for plane, state in planes.items()}
        return _of(side, self.dpus[side].report_planes(now_s, **states))

    def lose_plane_report(self, side: str) -> Writes:
        """The platform's daemon of a switch is gone, and its row with it."""
        return _of(side, self.dpus[side].lose_plane_report())

    def channel(self, up: bool, sides: Iterable[str]) -> Writes:
        """Let the DPUs of these sides have the channel, or lose it."""
        self.cut = self.cut - set(sides) if up else self.cut | set(sides)
        return []

    def bfd(self, side: str, sides: Iterable[str], now_s: int) -> Writes:
        """Only the switches of these sides reach a DPU with their probes."""
        dpu = self.dpus[side]
        dpu.unreachable_npus = {npu for name, npu in self.npus.items() if name not in set(sides)}
        return _of(side, dpu.report_probes(now_s))

    def acks(self, side: str, how: str, now_s: int, wrong: str | None = None) -> Writes:
        """From now on a DPU answers role writes so; what it held is taken unless it is to hold."""
        dpu = self.dpus[side]
        if wrong is not None:
            dpu.manners.wrong_role = HaRole(wrong)
        return _of(side, dpu.answer_roles(Acks[how], now_s))

    def sync(self, side: str, how: str, takes_s: int = 0) -> Writes:
        """Flow sync sessions that a side starts end so."""
        manners = self.dpus[side].manners
        manners.sync, manners.sync_takes_s = SyncEnd[how], takes_s
        return []

    def behave(self, now_s: int) -> Writes:
        """Forget every manner and every broken line: all DPUs answer at once and are reached by everybody."""
        writes: Writes = []
        self.cut.clear()
        for name, dpu in self.dpus.items():
            writes += self.acks(name, Acks.AT_ONCE.name, now_s)
            fresh = Manners(sync_takes_s=0)
            dpu.manners.wrong_role, dpu.manners.switching_acked = fresh.wrong_role, fresh.switching_acked
            dpu.manners.flow_reconcile = False
            self.sync(name, SyncEnd.COMPLETED.name)
            writes += self.bfd(name, self.npus, now_s)
        return writes

    def _see_the_other(self, name: str) -> None:
        """The channel is reported from the moment on that both ends have had power, and the firmware sees its peer."""
        peer = next(side for side in self.paired if side != name)
        dpu, other = self.dpus[name], self.dpus[peer]
        if dpu.powered and other.powered and name not in self.cut:
            dpu.world.channel_up = True
        elif dpu.world.channel_up is not None:
            dpu.world.channel_up = False
        couple(self.dpus, name, peer)


def _of(side: str, writes: Iterable[DpuWrite]) -> Writes:
    return [(side, write) for write in writes]
