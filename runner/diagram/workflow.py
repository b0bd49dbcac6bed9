"""What happens on both sides of a pair during a workflow: a run of the lab, told moment by moment.

Nothing is drawn from memory: the workflow is played with real nodes, simulated DPUs and a simulated network in virtual
time, and what is told is what the two daemons did. A seed and a story are a run, so the pictures stay the same until
the machines change.

Source: scenarios 0.2, 5; issue "pictures": the union of two sides during a workflow.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field, frozen

from hamgr_fsm.vocabulary import HaOwner, OperationType
from models import tables
from runner.lab.lab import Lab
from runner.lab.sides import SET_ID
from runner.lab.switch import Leaving
from runner.lab.world import World
from runner.outputs import SendMessage, TransitionTaken, WriteRow

CONTROLLER = "controller"
LANES = (CONTROLLER, "A", "B")

_UNTOLD = ("PeerHeartbeat",)


@frozen
class Moment:
    """Something that happened, at a time in milliseconds since the workflow began, in one lane."""

    at_ms: int
    lane: str


@frozen
class Entered(Moment):
    """A scope is in another state. ``row`` is the row of its machine that led there; 0 is where it stood at first."""

    state: str
    row: int = 0
    why: str = ""


@frozen
class Said(Moment):
    """A message, or a deed of the controller: from the lane to ``receiver``."""

    receiver: str
    text: str


@frozen
class Noted(Moment):
    """Something that concerns one side alone: what its DPU was asked or took, what it asks for, where packets go."""

    text: str


@frozen
class Workflow:
    """A story: a situation to start from, and what happens then."""

    machine: str
    title: str
    start: Callable[["Recorder"], None]
    goes_on: Callable[["Recorder"], None]


@define(eq=False)
class Recorder(Lab):
    """A lab that tells what happens, from the moment that it is asked to."""

    moments: list[Moment] = field(factory=list)
    _began_ms: int | None = None
    _seen: dict[str, int] = field(factory=dict)
    _known: dict[tuple[str, str], str] = field(factory=dict)

    def begin(self) -> None:
        """Tell everything from now on."""
        self._began_ms = self.now_ms
        for name in self.pair:
            self._seen[name] = len(self[name].said)
            self._look(name)
            self.moments.append(Entered(0, name, self[name].ctl or "dead"))
        self.moments = [moment for moment in self.moments if isinstance(moment, Entered)]
        self.watchers.append(self._watch_out)

    def scope(self, name: str, **changes: Any) -> None:
        """Write the scope of a side, and tell that the controller did."""
        words = ", ".join(f"{field_name} = {str(value).lower()}" for field_name, value in changes.items())
        self._tell_of(Said, CONTROLLER, name, words)
        super().scope(name, **changes)

    def approve(self, name: str, kind: OperationType | str, within_s: float = 180) -> str:
        """Approve an operation, and tell that the controller did."""
        wanted = OperationType(kind).value
        self.until(lambda: wanted in self[name].pending.values(), within_s, f"operation {wanted} of {name}")
        self._tell_of(Said, CONTROLLER, name, f"approves {wanted}")
        return super().approve(name, kind, within_s)

    def chan(self, up: bool, *names: str) -> None:
        """Have the data plane channel reported up or down, and tell it."""
        for name in names or tuple(self.switches):
            self._tell_of(Noted, name, f"data plane channel {'up' if up else 'down'}")
        super().chan(up, *names)

    def off(self, name: str) -> None:
        """The DPU of a side loses power."""
        self._tell_of(Noted, name, "DPU loses power")
        super().off(name)

    def on(self, name: str) -> None:
        """The DPU of a side comes back, empty."""
        self._tell_of(Noted, name, "DPU comes back, empty")
        super().on(name)

    def _watch_out(self, _world: World, name: str, leaving: Sequence[Leaving]) -> None:
        self._transitions(name)
        for output in leaving:
            if isinstance(output, WriteRow):
                self._written(name, output)
        self._look(name)
        for output in leaving:
            if isinstance(output, SendMessage) and output.to.startswith("ha-scope/"):
                self._spoken(name, output)

    def _transitions(self, name: str) -> None:
        said = self[name].said
        region = "state" if self.owner is HaOwner.SWITCH else "dpu"
        for _, output in said[self._seen.get(name, 0) :]:
            ours = isinstance(output, TransitionTaken) and output.scope == f"{self[name].side.scope_path} {region}"
            if isinstance(output, TransitionTaken) and ours and output.source != output.target:
                self._tell_of(Entered, name, output.target, output.row, output.why)
        self._seen[name] = len(said)

    def _written(self, name: str, row: WriteRow) -> None:
        if row.table == tables.DASH_HA_SCOPE_TABLE.name and row.key == SET_ID:
            self._changed(name, "asked", row.fields.get("ha_role", ""), "DPU is asked to be {}")
            for flag in ("activate_role_requested", "flow_reconcile_requested", "brainsplit_recovered"):
                self._changed(name, flag, row.fields.get(flag, "false").replace("false", ""), flag.replace("_", " "))
        elif row.table == tables.DASH_FLOW_SYNC_SESSION_TABLE.name:
            self._changed(name, "flow sync", row.key, "DPU is asked to copy its flows")
        elif row.table == tables.VNET_ROUTE_TUNNEL_TABLE.name:
            own = self[name].side
            near = {side.pa if side is own else side.npu: side.name for side in self.sides}
            self._changed(name, "route", near.get(row.fields.get("primary", ""), ""), "packets go to {}")

    def _look(self, name: str) -> None:
        """What the state row of a side says that it did not say before."""
        if self.owner is HaOwner.SWITCH:
            self._changed(name, "acked", self[name].acked, "DPU is {}")
        self._changed(name, "pending", ", ".join(self[name].pending.values()), "asks the controller: {}")

    def _spoken(self, name: str, output: SendMessage) -> None:
        told = json.loads(output.payload)
        kind, data = told["key"].partition("|")[0], told["data"]
        if kind in _UNTOLD:
            return
        receiver = next(side.name for side in self.sides if side.dpu_name == output.dpu_name)
        if kind == "HaScopeStateUpdate":
            state = data["new_state"].removeprefix("HA_STATE_").lower()
            self._changed(name, "report", f"{state}, DPU {data.get('acked_asic_ha_state', 'unknown')}", "", receiver)
            return
        detail = next((data[key] for key in ("flag", "response", "reason") if key in data), "")
        self._tell_of(Said, name, receiver, f"{kind} {detail}".strip())

    def _changed(self, name: str, what: str, value: str, words: str, receiver: str | None = None) -> None:
        before = self._known.get((name, what), "")
        self._known[name, what] = value
        if not value or value == before:
            return
        if receiver is None:
            self._tell_of(Noted, name, words.format(value))
        else:
            self._tell_of(Said, name, receiver, f"reports {value}")

    def _tell_of(self, kind: type[Moment], *what: Any) -> None:
        if self._began_ms is not None:
            self.moments.append(kind(self.now_ms - self._began_ms, *what))


def played(workflow: Workflow) -> list[Moment]:
    """Everything that happens during a workflow, in order; first where both sides stood."""
    owner = HaOwner.SWITCH if workflow.machine.startswith("switch") else HaOwner.DPU
    lab = Recorder(owner=owner)
    workflow.start(lab)
    lab.begin()
    workflow.goes_on(lab)
    return lab.moments


def _switchover(lab: Recorder) -> None:
    lab.scope("A", desired="unspecified")
    lab.run(1)
    lab.scope("B", desired="active")
    lab.approve("B", OperationType.SWITCHOVER)
    lab.run(5)


def _refused(lab: Recorder) -> None:
    lab.scope("B", desired="active")
    lab.approve("B", OperationType.SWITCHOVER)
    lab.run(5)


def _shutdown(lab: Recorder) -> None:
    lab.scope("B", desired="dead", disabled=False)
    lab.run(30)


def _return(lab: Recorder) -> None:
    lab.scope("B", desired="unspecified", disabled=False)
    lab.approve("B", OperationType.ACTIVATE_ROLE)
    lab.run(10)


def _channel(lab: Recorder) -> None:
    lab.chan(False)
    lab.run(10)


def _off(name: str) -> Callable[[Recorder], None]:
    def goes_on(lab: Recorder) -> None:
        lab.off(name)
        lab.run(10)

    return goes_on


def _comes_back(lab: Recorder) -> None:
    lab.on("B")
    lab.approve("B", OperationType.ACTIVATE_ROLE)
    lab.run(10)


def _without_b(lab: Recorder) -> None:
    lab.p()
    lab.off("B")
    lab.run(30)


_SWITCH, _DPU = "switch-driven-scope", "dpu-driven-scope"

WORKFLOWS: dict[tuple[str, str], Workflow] = {
    (workflow.machine, name): workflow
    for name, workflow in (
        ("launch", Workflow(_SWITCH, "launch of a pair", Recorder.z1, Recorder.enable)),
        ("switchover", Workflow(_SWITCH, "planned switchover from A to B", Recorder.p, _switchover)),
        ("refused", Workflow(_SWITCH, "switchover to B while A is wanted active", Recorder.p, _refused)),
        ("shutdown", Workflow(_SWITCH, "planned shutdown of the standby", Recorder.p, _shutdown)),
        ("return", Workflow(_SWITCH, "return of the side that was shut down", Recorder.sa, _return)),
        ("channel-lost", Workflow(_SWITCH, "the data plane channel breaks", Recorder.p, _channel)),
        ("active-dies", Workflow(_SWITCH, "the active DPU loses power", Recorder.p, _off("A"))),
        ("standby-dies", Workflow(_SWITCH, "the standby DPU loses power", Recorder.p, _off("B"))),
        ("rejoin", Workflow(_SWITCH, "the standby DPU comes back", _without_b, _comes_back)),
        ("launch", Workflow(_DPU, "launch of a pair", Recorder.z1, Recorder.enable)),
        ("shutdown", Workflow(_DPU, "planned shutdown of B", Recorder.p, _shutdown)),
        ("active-dies", Workflow(_DPU, "the active DPU loses power", Recorder.p, _off("A"))),
    )
}
"""The workflows that can be drawn, by machine and name."""


def workflows_of(machine: str) -> tuple[str, ...]:
    """The names of the workflows of a machine."""
    return tuple(name for of, name in WORKFLOWS if of == machine)
