"""Two switches that back each other up, with everything around them, as real processes on this machine.

Each switch has two Redis servers and a hamgrd; all DPUs are one process; a control link that can be cut lies in each
direction between two switches. The verbs are those of the scenarios, as in the lab: each does one thing and waits for
no consequence, but macros of workflows wait for what they lead to. A context manager: leaving it leaves no process and
no file behind.

    with Pair(owner=HaOwner.SWITCH) as pair:
        pair.p()
        pair.switch_over("B")

Every verb that waits raises TimeoutError, which says what there was instead.

Source: scenarios 0.2, 0.3.
"""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hamgr_fsm.vocabulary import DesiredHaState, HaOwner, OperationType, PinState
from models.tables import (
    BFD_SESSION_TABLE,
    DASH_HA_SCOPE_CONFIG_TABLE,
    DASH_HA_SCOPE_TABLE,
    DASH_HA_SET_CONFIG_TABLE,
    DASH_HA_SET_TABLE,
    DPU_RESET_INFO,
)
from runner.demo.configuration import PAIR, SLOT, Ports, configured_set
from runner.demo.control_link import ControlLink, LinkLoop
from runner.demo.dpu_handle import DpuHandle
from runner.demo.hamgrd_process import START_DEADLINE_S, end
from runner.demo.ports import quiet_port
from runner.demo.switch import ALWAYS_PUBLISHED, DEADLINE_S, VOLATILE, Switch, ctl, until
from runner.lab.controller import ConfigRow, Controller
from runner.lab.dpu_roles import Acks, SyncEnd
from runner.lab.sides import SET_ID, Side

QUICK_TIMERS: Mapping[str, float] = {
    "retry_interval": 0.4,
    "peer_heartbeat": 1.0,
    "rejoin_delay": 0.3,
    "no_active": 1.0,
    "hold_down": 1.0,
    "role_activation": 4.0,
    "switchover": 8.0,
    "switchover_retry": 0.3,
    "drain": 6.0,
    "init": 8.0,
    "bulk_sync": 5.0,
}
"""Timers under which everything that waits for one of them is over within seconds."""

ORDINARY_PAIR = ("active/active", "standby/standby")
BOTH_ACTIVE_PAIR = ("active/active", "active/active")


class Pair:
    """The switches by the names of their sides; the first two sides are the pair.

    ``timers`` override hamgrd's, in seconds. ``pace_ms`` is how long a DPU takes for a step of its own. ``directory``
    is a new or absent one for all files, removed in the end; its path has to be short enough for unix sockets.
    ``options`` go to every hamgrd.
    """

    def __init__(
        self,
        owner: HaOwner = HaOwner.SWITCH,
        *,
        sides: Sequence[Side] = PAIR,
        timers: Mapping[str, float] = QUICK_TIMERS,
        pace_ms: int = 20,
        directory: Path | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.owner = owner
        self.sides = {side.name: side for side in sides}
        self.directory = directory or Path(tempfile.mkdtemp(prefix="hamgr-pair-"))
        self.controller = Controller(owner, configured_set(sides))
        self.switches: dict[str, Switch] = {}
        self.links: dict[tuple[str, str], ControlLink] = {}
        """By who dials and whom."""
        self.disturbances: list[tuple[float, str, bool]] = []
        """What keeps the sides from agreeing: the time of day in seconds, what it is, and whether it began or ended."""
        self.powered: set[str] = set()
        """The sides whose DPU has power and takes rows."""
        self._timers, self._pace_ms, self._options = timers, pace_ms, tuple(options)
        self._link_loop: LinkLoop | None = None
        self._dpus: DpuHandle | None = None

    def __getitem__(self, name: str) -> Switch:
        return self.switches[name]

    def __enter__(self) -> Self:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # Everything that runs.

    def open(self) -> None:
        """Start everything: servers, links, DPUs without power, and every hamgrd on its CONFIG_DB."""
        self.directory.mkdir(parents=True, exist_ok=True)
        timers = self.directory / "timers.json"
        timers.write_text(json.dumps(dict(self._timers)))
        ports = self._lay_links()
        for name, side in self.sides.items():
            switch = Switch(side, self.directory / name, ports[name], tuple(self.sides.values()))
            switch.hamgrd.command += ["--timers", str(timers), "--run-directory", str(self.directory), *self._options]
            self.switches[name] = switch
            switch.open()
        self._dpus = DpuHandle(self._start_dpus(ports))
        for switch in self.switches.values():
            switch.hamgrd.launch()
        for switch in self.switches.values():
            switch.hamgrd.wait_until_started()
        self._dpus.wait_until_ready(START_DEADLINE_S)

    def close(self) -> None:
        """End every child and remove the directory."""
        for switch in self.switches.values():
            switch.close()
        if self._dpus is not None:
            end(self._dpus.process, signal.SIGTERM)
        for link in self.links.values():
            link.close()
        if self._link_loop is not None:
            self._link_loop.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def dpus(self) -> DpuHandle:
        """The simulated DPUs."""
        if self._dpus is None:
            raise RuntimeError("the pair is not open")
        return self._dpus

    @property
    def pair(self) -> tuple[str, ...]:
        """The names of the configured pair, in its order."""
        by_id = {side.vdpu_id: name for name, side in self.sides.items()}
        return tuple(by_id[vdpu_id] for vdpu_id in self.controller.ha_set.vdpu_ids)

    def peer_of(self, name: str) -> str:
        """The other side of the configured pair."""
        return next(other for other in self.pair if other != name)

    # What can be asked.

    @property
    def where(self) -> tuple[str, ...]:
        """Control state and acknowledged role of both sides."""
        return tuple(self[name].at for name in self.pair)

    @property
    def terms(self) -> tuple[int, ...]:
        """The terms of both sides."""
        return tuple(self[name].term for name in self.pair)

    @property
    def primaries(self) -> tuple[str | None, ...]:
        """Which side the route of each switch of the pair has as its primary."""
        return tuple(self[name].primary for name in self.pair)

    def __str__(self) -> str:
        sides = (
            f"{name} {switch.at} term {switch.term} primary {switch.primary} asks {list(switch.pending.values())}"
            f" waits for {switch.state.get('waiting_for', '-')}"
            for name, switch in self.switches.items()
        )
        return "; ".join(sides)

    # Waiting.

    def until_where(self, *where: str, within_s: float = DEADLINE_S) -> None:
        """Wait until both sides are where they should be, each as control state and acknowledged role."""
        until(lambda: self.where == where, self.__str__, within_s)

    def becomes(self, name: str, where: str, within_s: float = DEADLINE_S) -> None:
        """Wait until one side is where it should be."""
        until(lambda: self[name].at == where, self.__str__, within_s)

    def until_primaries(self, *primaries: str, within_s: float = DEADLINE_S) -> None:
        """Wait until the routes of both switches have these primaries."""
        until(lambda: self.primaries == primaries, self.__str__, within_s)

    def until_paired(self, active: str = "A", within_s: float = DEADLINE_S) -> None:
        """Wait for a healthy pair; in DPU-driven mode a vendor may call both halves active."""
        first = self.pair[0]
        wanted = [ORDINARY_PAIR] if self.owner is HaOwner.SWITCH else [ORDINARY_PAIR, BOTH_ACTIVE_PAIR]
        turned = [pair if active == first else pair[::-1] for pair in wanted]
        until(lambda: self.where in turned, self.__str__, within_s)

    # Configuration.

    def set(self, *names: str, **changes: Any) -> None:
        """Write the HA set on these switches, by default on both of the pair."""
        row = self.controller.set_row(**changes)
        for name in names or self.pair:
            self._write(name, row)
        first, second = self.pair
        self.dpus.tell("pair", names=[first, second])

    def pins(self, *pins: PinState) -> None:
        """Pin the BFD probes of the vDPUs, in their order."""
        self.set(pinned_vdpu_bfd_probe_states=pins)

    def scope(self, name: str, **changes: Any) -> None:
        """Write the whole scope of a side; ``desired`` is short for ``desired_ha_state``."""
        if "desired" in changes:
            changes["desired_ha_state"] = DesiredHaState(changes.pop("desired"))
        self._write(name, self.controller.scope_row(self.sides[name], **changes))

    def approve(self, name: str, kind: OperationType | str, within_s: float = DEADLINE_S) -> str:
        """Wait until the scope lists an operation of the kind, then approve it; gives its id."""
        wanted = OperationType(kind).value
        until(lambda: wanted in self[name].pending.values(), self.__str__, within_s)
        id_ = next(id_ for id_, type_ in self[name].pending.items() if type_ == wanted)
        self.approve_id(name, id_)
        return id_

    def approve_id(self, name: str, *ids: str) -> None:
        """Approve these ids, whatever they are."""
        self._write(name, self.controller.approving_row(self.sides[name], *ids))

    def delscope(self, name: str) -> None:
        """Delete the scope of a side."""
        self.controller.forget(self.sides[name])
        self[name].rows.remove(DASH_HA_SCOPE_CONFIG_TABLE, self.sides[name].scope_key)

    def delset(self, *names: str) -> None:
        """Delete the HA set on these switches, by default on both of the pair."""
        for name in names or self.pair:
            self[name].rows.remove(DASH_HA_SET_CONFIG_TABLE, SET_ID)

    # Health and the DPUs.

    def pmon(self, name: str, *states: str) -> None:
        """Let the platform report midplane, control and data plane so; no states: its row is gone."""
        if not states:
            self.dpus.tell("lose_plane_report", side=name)
            return
        planes = dict(zip(("midplane", "control", "data"), states, strict=True))
        self.dpus.tell("report_planes", side=name, planes=planes)

    def chan(self, up: bool, *names: str) -> None:
        """Let these DPUs, by default all, have the channel or lose it."""
        self.dpus.tell("channel", up=up, sides=list(names or self.sides))

    def bfd(self, name: str, *npus: str) -> None:
        """Only the switches of these sides reach the DPU of ``name``."""
        self.dpus.tell("bfd", side=name, sides=list(npus))

    def acks(self, name: str, how: Acks, wrong: str | None = None) -> None:
        """From now on the DPU answers role writes so; what it held is released unless it is to hold."""
        self._disturbed(f"acks {name}", how is not Acks.AT_ONCE)
        self.dpus.tell("acks", side=name, how=how.name, wrong=wrong)

    def sync(self, name: str, how: SyncEnd, takes_s: int = 0) -> None:
        """Flow sync sessions started by this side end so."""
        self.dpus.tell("sync", side=name, how=how.name, takes_s=takes_s)

    def off(self, name: str) -> None:
        """The DPU loses power; the others lose the channel to it."""
        self.powered.discard(name)
        self.dpus.tell("power_off", side=name)

    def on(self, name: str) -> None:
        """The DPU boots, empty; it is reached by everybody and has the channel."""
        self.dpus.tell("bfd", side=name, sides=list(self.sides))
        self.dpus.tell("power_on", side=name)
        self.powered.add(name)
        self.chan(True)

    def crash_dpu(self, name: str, *, midplane: str = "up", data: str = "down") -> None:
        """A process of the DPU dies: no BFD, no forwarding, its control plane down; :meth:`on` brings it back."""
        self.powered.discard(name)
        self.dpus.tell("crash", side=name, midplane=midplane, data=data)

    def restart_swss(self, name: str, *, seen: bool) -> None:
        """The orchagent of the DPU restarts and empties the DPU's databases; ``seen``: the platform reports it."""
        self.dpus.tell("restart_swss", side=name, seen=seen)

    def link_dead(self, name: str) -> None:
        """The data port of the DPU is dead: nobody reaches it, and nobody has the channel."""
        self.bfd(name)
        self.chan(False)

    def probe_lost(self, name: str, npu: str) -> None:
        """Only the BFD session between one switch and the DPU fails."""
        self.bfd(name, *(other for other in self.sides if other != npu))

    # Switches and the links between them.

    def set_link(self, up: bool, *, silent: bool = False) -> None:
        """Mend or cut the control links between all sides; ``silent``: nothing is refused, nothing comes through."""
        self._disturbed("link", not up)
        for link in self.links.values():
            if up:
                link.open()
            elif silent:
                link.silence()
            else:
                link.refuse()

    def delay(self, seconds: float) -> None:
        """Have everything on the control links take so long, each way."""
        self._disturbed("link", bool(seconds))
        for link in self.links.values():
            link.delay_s = seconds

    def isolate(self, name: str) -> None:
        """The switch loses every neighbour."""
        self.set_link(False, silent=True)
        self.chan(False)
        self.bfd(name, name)
        for other in self.sides:
            if other != name:
                self.bfd(other, *(npu for npu in self.sides if npu != name))

    def heal(self) -> None:
        """Whatever was cut works again."""
        for name in self.sides:
            self.bfd(name, *self.sides)
        self.set_link(True)
        self.chan(True)

    def kill(self, name: str) -> None:
        """End hamgrd of a switch at once."""
        self._disturbed(f"hamgrd {name}", True)
        self[name].hamgrd.kill()

    def stop(self, name: str) -> int | None:
        """End hamgrd of a switch as a service manager does; gives its exit code."""
        self._disturbed(f"hamgrd {name}", True)
        return self[name].hamgrd.stop()

    def start(self, *names: str) -> None:
        """Start hamgrd of these switches on what Redis holds, and wait until all are ready."""
        marks = {name: self[name].hamgrd.mark() for name in names}
        for name in names:
            self[name].hamgrd.launch()
        for name in names:
            self[name].hamgrd.wait_until_started(marks[name])
            self._disturbed(f"hamgrd {name}", False)

    def restart(self, *names: str) -> None:
        """End hamgrd of these switches at once, and start them again."""
        for name in names:
            self.kill(name)
        self.start(*names)

    def pause(self, name: str) -> None:
        """Let hamgrd of a switch stand still."""
        self._disturbed(f"hamgrd {name}", True)
        self[name].hamgrd.pause()

    def resume(self, name: str) -> None:
        """Let hamgrd of a switch go on."""
        self[name].hamgrd.resume()
        self._disturbed(f"hamgrd {name}", False)

    def reboot(self, name: str) -> None:
        """The switch goes down with its DPU: its connections stay half-open, and it loses every row of HA."""
        for ends, link in self.links.items():
            if name in ends:
                link.freeze()
        self.kill(name)
        self.off(name)
        self.bfd(name)
        for database in VOLATILE:
            self[name].rows.empty(database)
        self.controller.forget(self.sides[name])

    def come_back(self, name: str) -> None:
        """The rebooted switch is there again; what the controller had written is not."""
        self.start(name)
        self.on(name)

    # Named situations.

    def z0(self) -> None:
        """Every DPU has power, and hamgrd run on CONFIG_DB alone."""
        for name in self.sides:
            self.on(name)

    def z1(self) -> None:
        """Both scopes are configured and disabled."""
        self.z0()
        self.set()
        for name in self.pair:
            self.scope(name, disabled=True)
        for name in self.pair:
            self.becomes(name, "dead/dead")

    def enable(self) -> None:
        """The way from Z1 to the pair, with the approvals that it takes."""
        first, second = self.pair
        self.scope(first, disabled=False, desired="active")
        self.scope(second, disabled=False, desired="unspecified")
        self.approve(first, OperationType.ACTIVATE_ROLE)
        self.becomes(first, "active/active")
        self.approve(second, OperationType.ACTIVATE_ROLE)
        self.until_paired()
        self.until_primaries(first, first)

    def p(self) -> None:
        """A healthy pair: the first side active, the second standby."""
        self.z1()
        self.enable()

    def switch_over(self, to: str) -> str:
        """A planned switchover to a side; gives the id of the operation."""
        other = self.peer_of(to)
        self.scope(other, desired="unspecified")
        self.scope(to, desired="active")
        operation_id = self.approve(to, OperationType.SWITCHOVER)
        self.until_paired(active=to)
        self.until_primaries(to, to)
        return operation_id

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
        self.becomes(alone, "standalone/standalone")
        self.becomes(other, "dead/dead")

    def sas(self, alone: str = "A") -> None:
        """One side serves alone because the data port of the other's DPU is dead."""
        self.p()
        other = self.peer_of(alone)
        self.link_dead(other)
        self.becomes(alone, "standalone/standalone")
        self.becomes(other, "standby/standby")

    def disable(self) -> None:
        """Force both scopes down."""
        for name in self.pair:
            self.scope(name, disabled=True, desired="dead")

    def teardown(self) -> None:
        """Delete everything that the controller had written, and wait until nothing is left of it."""
        for name in self.sides:
            self.delscope(name)
        self.delset(*self.sides)
        self.until_nothing_left()

    def until_nothing_left(self, configured: bool = True) -> None:
        """Wait until no database holds a row of HA any more, but what is published of ``configured`` DPUs and vDPUs."""
        apart_from = ALWAYS_PUBLISHED if configured else ()

        def left() -> dict[str, list[str]]:
            return {name: switch.left(*apart_from) for name, switch in self.switches.items()}

        until(lambda: not any(left().values()), left)

    def until_dpus_hold_nothing(self) -> None:
        """Wait until every DPU was told that its scopes, sets and BFD sessions are gone."""
        lasting = {DASH_HA_SET_TABLE.name, DASH_HA_SCOPE_TABLE.name, BFD_SESSION_TABLE.name}

        def held() -> dict[str, list[tuple[str, str]]]:
            return {name: [row for row in self.dpus[name].held if row[0] in lasting] for name in self.sides}

        until(lambda: not any(held().values()), held)

    def restore(self, name: str) -> None:
        """Take a side down by force and bring it up again."""
        self.relaunch(name, desired="active" if name == self.pair[0] else "unspecified")
        self.approve(name, OperationType.ACTIVATE_ROLE)

    def relaunch(self, name: str, desired: str) -> None:
        """Disable a scope and enable it again.

        The row in between has to reach the DPU: a DPU that was shut down by its role stays down until it was disabled.
        """
        self.scope(name, desired="dead", disabled=True)
        self.becomes(name, "dead/dead")
        if self.owner is HaOwner.DPU:
            until(lambda: self[name].told.get("disabled") == "true", self.__str__)
        self.scope(name, desired=desired, disabled=False)

    def reset(self, owner: HaOwner) -> None:
        """From whatever there is to Z0, ready for another scenario in this mode."""
        for link in self.links.values():
            link.open()
        for switch in self.switches.values():
            switch.configure()
            switch.hamgrd.resume()
            if not switch.hamgrd.alive:
                switch.hamgrd.start()
        self.dpus.tell("behave")
        for name in self.sides:
            if name not in self.powered:
                # What a DPU without power has published stays in its databases.
                self.on(name)
        for name in list(self.controller.scopes):
            self.scope(name, disabled=True)
        for name in self.controller.scopes:
            until(lambda name=name: ctl(self[name].state) == "dead", self.__str__)  # type: ignore[misc]
        self.teardown()
        self.until_dpus_hold_nothing()
        for switch in self.switches.values():
            switch.rows.remove(DPU_RESET_INFO, f"DPU{SLOT}")
        self.disturbances.clear()
        self.owner = owner
        self.controller = Controller(owner, configured_set(tuple(self.sides.values())))
        self.dpus.tell("pair", names=list(self.pair))

    # How it works.

    def _disturbed(self, what: str, began: bool) -> None:
        self.disturbances.append((time.time(), what, began))

    def _write(self, name: str, row: ConfigRow) -> None:
        table, key, fields = row
        self[name].rows.write(table, key, fields)

    def _lay_links(self) -> dict[str, Ports]:
        """A link for every side that dials another; gives the ports of every switch."""
        self._link_loop = LinkLoop()
        listens = {name: quiet_port(side.npu) for name, side in self.sides.items()}
        dialled: dict[str, dict[str, int]] = {name: {} for name in self.sides}
        for near, one in self.sides.items():
            for far, other in self.sides.items():
                if near != far:
                    dialled[near][far] = quiet_port(other.npu)
                    self.links[near, far] = ControlLink(
                        self._link_loop, (other.npu, dialled[near][far]), (other.npu, listens[far]), one.npu
                    )
                    self.links[near, far].open()
        return {name: Ports(quiet_port(), listens[name], dialled[name]) for name in self.sides}

    def _start_dpus(self, ports: Mapping[str, Ports]) -> subprocess.Popen[bytes]:
        file = self._describe_dpus(ports)
        command = [sys.executable, "-m", "runner.demo.dpu_process", str(file), "--pace-ms", str(self._pace_ms)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)

    def _describe_dpus(self, ports: Mapping[str, Ports]) -> Path:
        """Write for the process of the DPUs what it needs to know of each."""
        file = self.directory / "dpus.json"
        sides = {}
        for name, switch in self.switches.items():
            main_file, global_file = switch.files
            sides[name] = {
                "endpoint": f"tcp://127.0.0.1:{ports[name].orchagent}",
                "npu": self.sides[name].npu,
                "db_config": str(main_file),
                "global_db_config": str(global_file),
            }
        file.write_text(json.dumps(sides))
        return file
