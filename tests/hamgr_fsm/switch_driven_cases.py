"""One step for each row of the switch-driven scope: where it begins, what happens, where it leads and why.

``DOCUMENT`` lists the rows of section 3 of the specification in its order and words; every case names the row it plays.
The cases of the rows that stay name the section they come from.

Source: switch-driven 1.2, 3, 4, 6.1, 7, 8, 10.
"""

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import frozen

from hamgr_fsm import events as e
from hamgr_fsm import messages as m
from hamgr_fsm.messages import Selection
from hamgr_fsm.scope.election import Vote
from hamgr_fsm.scope.operations import PendingOperation
from hamgr_fsm.scope.precedence import Signals
from hamgr_fsm.scope.switch_driven_facts import (
    LAUNCHING,
    LIVE,
    PAIRED,
    STATES,
    FlowSync,
    Pair,
    RowState,
    Trigger,
)
from hamgr_fsm.vocabulary import DesiredHaState, FlowSyncState, HaRole, HaState, OperationType
from tests.hamgr_fsm.build import C, config
from tests.hamgr_fsm.switch_driven_build import DISABLED, SWITCHOVER, WANTED, presets, report

S = HaState
R = HaRole
D = DesiredHaState

DOCUMENT = {
    "3.01": "any but Dead | disabled | Dead",
    "3.02": "Dead | not disabled, desired != dead, managed, ha_set_programmed, dpu_up is True | Connecting",
    "3.03": "Connecting, Connected | desired = dead, or dpu_up is False | Dead",
    "3.04": "Connecting | peer_connected and channel_up is True | Connected",
    "3.05": "Connecting | connect attempts used up, whichever half is missing | SwitchingToStandalone",
    "3.06": "Connected | channel_up is False, or manual_pin while the peer is not busy | SwitchingToStandalone",
    "3.07": "Connected | event vote reply | InitializingToActive / InitializingToStandby / SwitchingToStandalone",
    "3.08": "the four that launch | desired = dead | Destroying",
    "3.09": "the same four | peer_lost, peer_dead, local_down, role_failed or sync_failed | SwitchingToStandalone",
    "3.10": "InitializingToActive, PendingActiveActivation | peer_connected, peer Active or Standalone | Connected",
    "3.11": "InitializingToActive | peer InitializingToStandby with role standby | PendingActiveActivation",
    "3.12": "InitializingToActive | init time-out | SwitchingToStandalone",
    "3.13": "PendingActiveActivation | event approved activate_role | Active",
    "3.14": "InitializingToStandby | bulk_sync = done and acked_role = standby | PendingStandbyActivation",
    "3.15": "PendingStandbyActivation | event approved activate_role | Standby",
    "3.16": "Active | event switchover request, desired != active, no trigger | SwitchingToStandby",
    "3.17": "Active | conflict lost | Standby",
    "3.18": "Active, Standalone | without flows, role not acknowledged, Standby peer in sync | SwitchingToStandalone",
    "3.19": "Active | in trouble | SwitchingToStandalone",
    "3.20": "SwitchingToStandby | peer_state = Active and peer_role = active | Standby",
    "3.21": "SwitchingToStandby | peer_connected and peer_state = Standby | Active",
    "3.22": "SwitchingToStandby | in trouble, or switchover time-out | SwitchingToStandalone",
    "3.23": "Standby | desired = dead, peer Standalone and peer_role = standalone | Destroying",
    "3.24": "Standby | event approved switchover | SwitchingToActive",
    "3.25": "Standby | local_down, connected paired peer, not served by it, not alone | SwitchingToStandalone",
    "3.26": "Standby | in trouble, not local_down, not served by the peer | SwitchingToStandalone",
    "3.27": "Standby | rejoin guard held for the rejoin delay | InitializingToStandby",
    "3.28": "Standby | both Standby for the no-active time | SwitchingToStandalone",
    "3.29": "SwitchingToActive | peer_lost, peer_dead or local_down | SwitchingToStandalone",
    "3.30": "SwitchingToActive | peer SwitchingToStandby and peer_role = standby | Active",
    "3.31": "SwitchingToActive | rejected for the third time; or failed before the request was sent | Standby",
    "3.32": "SwitchingToActive | switchover time-out after the request was sent | SwitchingToStandalone",
    "3.33": "SwitchingToStandalone | dpu_up is not False and nobody to ask | Standalone",
    "3.34": "SwitchingToStandalone | dpu_up is False and alone | Standby",
    "3.35": "SwitchingToStandalone | peer_connected, peer Standalone, not (manual_pin and in_sync) | Standby",
    "3.36": "SwitchingToStandalone | we answered EnterStandby, dpu_up is not False, peer Standby | Standalone",
    "3.37": "SwitchingToStandalone | event standalone reply EnterStandalone | Standalone or Standby",
    "3.38": "SwitchingToStandalone | event standalone reply EnterStandby | Standby",
    "3.39": "SwitchingToStandalone | event standalone reply Deny | Standalone, Active or Standby",
    "3.40": "SwitchingToStandalone | no reply after the last attempt | Standalone or Standby",
    "3.41": "Standalone | conflict lost | Standby",
    "3.42": "Standalone | peer ready to be standby, channel up, no trigger but peer_dead, peer_shutdown | Active",
    "3.43": "Standalone | local_down, peer_connected, peer neither Dead nor unknown | SwitchingToStandalone",
    "3.44": "Destroying | acked_role = dead, or dpu_up is False, or drain time-out | Dead",
    "3.45": "paired states | event standalone request of the peer | section 6.1",
}
"""The rows of section 3 of the specification, in its order."""


@frozen
class Case:
    """What happens to a scope at rest in ``state``: facts are told, or an event comes; ``to`` is None if it stays."""

    rule: str
    state: HaState
    what: Mapping[str, object] | object
    to: HaState | None
    why: str
    given: Mapping[str, Any] = {}
    name: str = ""

    def __str__(self) -> str:
        what = " ".join(self.what) if isinstance(self.what, Mapping) else type(self.what).__name__
        return f"{self.rule} {self.state} {self.name or what} -> {self.to or 'stays'}"

    @property
    def told(self) -> Mapping[str, object]:
        """The facts that are told."""
        return self.what if isinstance(self.what, Mapping) else {}

    @property
    def event(self) -> object | None:
        """The event that comes."""
        return None if isinstance(self.what, Mapping) else self.what

    @property
    def presets(self) -> dict[str, Any]:
        """Where it begins."""
        return presets(self.state, **self.given)


THEIRS = Signals(1, dpu_up=True, in_sync=True, term=3, triggered=True)
WEAK = attrs.evolve(THEIRS, in_sync=False)
STRONG = attrs.evolve(THEIRS, manual_pin=True)
ACTIVATE = e.Approval(("op-1",))
OPEN_SWITCHOVER = {
    "config": WANTED[D.ACTIVE],
    "operations": (PendingOperation("op-2", OperationType.SWITCHOVER),),
    "switchover": attrs.evolve(SWITCHOVER, switchover_id="op-2"),
}
SESSION = FlowSync("sync-1", FlowSyncState.IN_PROGRESS, 100)
JOINING = {"peer_state": S.INITIALIZING_TO_STANDBY, "peer_role": R.STANDBY}
UNSENT = {"reported_role": R.STANDBY}
DOWN: dict[str, object] = {"dpu_up": False}
LOST: dict[str, object] = {"channel_up": False}

NEEDS_LAUNCH: tuple[dict[str, object], ...] = (
    {"config": config()},
    {"managed": True},
    {"ha_set_incarnation": 1},
    {"dpu_up": True},
)
_MISSING: tuple[dict[str, object], ...] = (
    {"config": DISABLED},
    {"managed": False, "config": config()},
    {"ha_set_incarnation": None, "config": config()},
    {"dpu_up": None, "config": config()},
)

SECTION_3: tuple[Case, ...] = (
    *(Case("3.01", state, {"config": DISABLED}, S.DEAD, "admin disabled") for state in LIVE),
    *(
        Case("3.02", S.DEAD, needed, S.CONNECTING, "launch", missing)
        for needed, missing in zip(NEEDS_LAUNCH, _MISSING, strict=True)
    ),
    *(
        Case("3.03", state, what, S.DEAD, "launch cancelled")
        for state in (S.CONNECTING, S.CONNECTED)
        for what in ({"config": WANTED[D.DEAD]}, DOWN)
    ),
    Case("3.04", S.CONNECTING, report(S.CONNECTED), S.CONNECTED, "connected to peer"),
    Case(
        "3.04",
        S.CONNECTING,
        {"channel_up": True},
        S.CONNECTED,
        "connected to peer",
        {"channel_up": None, "peer_connected": True},
    ),
    *(
        Case(
            "3.05",
            S.CONNECTING,
            e.ConnectDue(),
            S.SWITCHING_TO_STANDALONE,
            "peer not reachable",
            {"attempts": 4, "running": frozenset({"connect_due"}), **missing},
            name,
        )
        for name, missing in (("no peer", {}), ("no channel", {"peer_connected": True, "channel_up": False}))
    ),
    Case("3.06", S.CONNECTED, LOST, S.SWITCHING_TO_STANDALONE, "peer lost"),
    Case("3.06", S.CONNECTED, {"config": WANTED[D.STANDALONE]}, S.SWITCHING_TO_STANDALONE, "pinned by the controller"),
    Case("3.07", S.CONNECTED, m.VoteReply(Vote.BECOME_ACTIVE, 1), S.INITIALIZING_TO_ACTIVE, "won the election"),
    Case("3.07", S.CONNECTED, m.VoteReply(Vote.BECOME_STANDBY, 1), S.INITIALIZING_TO_STANDBY, "lost the election"),
    Case("3.07", S.CONNECTED, m.VoteReply(Vote.BECOME_STANDALONE, 1), S.SWITCHING_TO_STANDALONE, "peer absent"),
    *(Case("3.08", state, {"config": WANTED[D.DEAD]}, S.DESTROYING, "launch cancelled") for state in LAUNCHING),
    *(
        Case("3.09", state, what, S.SWITCHING_TO_STANDALONE, why, given)
        for state in LAUNCHING
        for what, why, given in (
            (LOST, "peer lost", {}),
            (report(S.DEAD, R.DEAD), "peer dead", {}),
            (DOWN, "local DPU down", {}),
            ({"update_failed": True}, "role not acknowledged", {"target_role": R.STANDBY, "reported_role": R.STANDBY}),
        )
    ),
    Case("3.09", S.INITIALIZING_TO_STANDBY, e.BulkSyncDue(), S.SWITCHING_TO_STANDALONE, "bulk sync failed"),
    *(
        Case("3.10", state, report(peer), S.CONNECTED, "peer serves, elect again", name=str(peer))
        for state in (S.INITIALIZING_TO_ACTIVE, S.PENDING_ACTIVE_ACTIVATION)
        for peer in (S.ACTIVE, S.STANDALONE)
    ),
    Case(
        "3.11",
        S.INITIALIZING_TO_ACTIVE,
        report(S.INITIALIZING_TO_STANDBY, R.STANDBY),
        S.PENDING_ACTIVE_ACTIVATION,
        "peer ready",
    ),
    Case("3.12", S.INITIALIZING_TO_ACTIVE, e.InitDue(), S.SWITCHING_TO_STANDALONE, "peer did not get ready"),
    Case("3.13", S.PENDING_ACTIVE_ACTIVATION, ACTIVATE, S.ACTIVE, "activation approved"),
    Case("3.14", S.INITIALIZING_TO_STANDBY, m.BulkSyncDone(), S.PENDING_STANDBY_ACTIVATION, "flows in sync"),
    Case(
        "3.14",
        S.INITIALIZING_TO_STANDBY,
        {"reported_role": R.STANDBY},
        S.PENDING_STANDBY_ACTIVATION,
        "flows in sync",
        {"reported_role": R.DEAD, "synchronised": True, "in_sync": True},
    ),
    Case("3.15", S.PENDING_STANDBY_ACTIVATION, ACTIVATE, S.STANDBY, "activation approved"),
    Case("3.16", S.ACTIVE, m.SwitchoverRequest("swo-2"), S.SWITCHING_TO_STANDBY, "peer takes over"),
    Case("3.17", S.ACTIVE, report(S.ACTIVE, R.ACTIVE, 4), S.STANDBY, "peer outranks"),
    *(
        Case(
            "3.18",
            state,
            report(S.STANDBY, R.STANDBY, in_sync=True),
            S.SWITCHING_TO_STANDALONE,
            "peer holds the flows",
            {"in_sync": False, "reported_role": R.STANDBY},
        )
        for state in (S.ACTIVE, S.STANDALONE)
    ),
    *(
        Case("3.19", S.ACTIVE, what, S.SWITCHING_TO_STANDALONE, why)
        for what, why in (
            ({"config": WANTED[D.STANDALONE]}, "pinned by the controller"),
            (LOST, "peer lost"),
            (report(S.DEAD, R.DEAD), "peer dead"),
            (m.ShutdownRequest(), "peer shuts down"),
            ({"drops_seen": True}, "inline sync drops"),
            ({"update_failed": True}, "role not acknowledged"),
            (DOWN, "local DPU down"),
        )
    ),
    Case(
        "3.19",
        S.ACTIVE,
        e.FlowSyncEnded("sync-1", completed=False),
        S.SWITCHING_TO_STANDALONE,
        "bulk sync failed",
        {**JOINING, "flow_sync": SESSION, "sync_open": True},
    ),
    Case("3.20", S.SWITCHING_TO_STANDBY, report(S.ACTIVE, R.ACTIVE, 4), S.STANDBY, "peer is active"),
    Case("3.21", S.SWITCHING_TO_STANDBY, report(S.STANDBY, R.STANDBY), S.ACTIVE, "peer gave up the switchover"),
    Case("3.22", S.SWITCHING_TO_STANDBY, LOST, S.SWITCHING_TO_STANDALONE, "peer lost"),
    Case("3.22", S.SWITCHING_TO_STANDBY, e.SwitchoverDue(), S.SWITCHING_TO_STANDALONE, "switchover timed out"),
    Case(
        "3.23",
        S.STANDBY,
        report(S.STANDALONE, R.STANDALONE),
        S.DESTROYING,
        "planned shutdown",
        {"config": WANTED[D.DEAD]},
    ),
    Case("3.24", S.STANDBY, e.Approval(("op-2",)), S.SWITCHING_TO_ACTIVE, "switchover approved", OPEN_SWITCHOVER),
    Case("3.25", S.STANDBY, DOWN, S.SWITCHING_TO_STANDALONE, "local DPU down"),
    *(
        Case("3.26", S.STANDBY, what, S.SWITCHING_TO_STANDALONE, why)
        for what, why in (
            ({"config": WANTED[D.STANDALONE]}, "pinned by the controller"),
            (LOST, "peer lost"),
            (report(S.DEAD, R.DEAD), "peer dead"),
            (report(S.CONNECTING, R.DEAD), "peer dead"),
            ({"update_failed": True}, "role not acknowledged"),
        )
    ),
    Case(
        "3.27",
        S.STANDBY,
        e.RejoinDue(),
        S.INITIALIZING_TO_STANDBY,
        "rejoining",
        {"peer_state": S.STANDALONE, "peer_role": R.STANDALONE},
    ),
    Case(
        "3.28",
        S.STANDBY,
        e.NoActiveDue(),
        S.SWITCHING_TO_STANDALONE,
        "nobody is active",
        {"peer_state": S.STANDBY, "peer_role": R.STANDBY},
    ),
    *(
        Case("3.29", S.SWITCHING_TO_ACTIVE, what, S.SWITCHING_TO_STANDALONE, why)
        for what, why in ((LOST, "peer lost"), (report(S.DEAD, R.DEAD), "peer dead"), (DOWN, "local DPU down"))
    ),
    Case("3.30", S.SWITCHING_TO_ACTIVE, report(S.SWITCHING_TO_STANDBY, R.STANDBY), S.ACTIVE, "peer gave way"),
    Case(
        "3.31",
        S.SWITCHING_TO_ACTIVE,
        m.SwitchoverReply("swo-1", accepted=False),
        S.STANDBY,
        "switchover failed",
        {"rejections": 2, "attempts": 3},
        "third rejection",
    ),
    Case("3.31", S.SWITCHING_TO_ACTIVE, e.RoleDue(), S.STANDBY, "switchover failed", UNSENT),
    Case("3.31", S.SWITCHING_TO_ACTIVE, e.SwitchoverDue(), S.STANDBY, "switchover failed", UNSENT),
    Case("3.32", S.SWITCHING_TO_ACTIVE, e.SwitchoverDue(), S.SWITCHING_TO_STANDALONE, "peer silent"),
    Case("3.33", S.SWITCHING_TO_STANDALONE, report(S.DEAD, R.DEAD), S.STANDALONE, "peer dead"),
    Case(
        "3.33",
        S.SWITCHING_TO_STANDALONE,
        {"link_up": False, "config": WANTED[D.STANDALONE]},
        S.STANDALONE,
        "pinned by the controller",
    ),
    Case("3.34", S.SWITCHING_TO_STANDALONE, report(S.DEAD, R.DEAD), S.STANDBY, "local DPU down", DOWN),
    Case("3.35", S.SWITCHING_TO_STANDALONE, report(S.STANDALONE, R.STANDALONE), S.STANDBY, "peer serves"),
    Case(
        "3.36",
        S.SWITCHING_TO_STANDALONE,
        report(S.STANDBY, R.STANDBY),
        S.STANDALONE,
        "won the selection",
        {"promised": True, "peer_state": S.SWITCHING_TO_STANDALONE},
    ),
    *(
        Case("3.37", S.SWITCHING_TO_STANDALONE, m.StandaloneReply(Selection.ENTER_STANDALONE, "ours"), to, why, given)
        for to, why, given in (
            (S.STANDALONE, "won the selection", {}),
            (S.STANDBY, "won the selection without a DPU", {**DOWN, "signals": Signals(0, dpu_up=False)}),
        )
    ),
    Case(
        "3.38",
        S.SWITCHING_TO_STANDALONE,
        m.StandaloneReply(Selection.ENTER_STANDBY, "ours"),
        S.STANDBY,
        "lost the selection",
        {"peer_connected": False, "config": config()},
    ),
    *(
        Case(
            "3.39", S.SWITCHING_TO_STANDALONE, m.StandaloneReply(Selection.DENY, "ours"), to, "selection denied", given
        )
        for to, given in (
            (S.STANDALONE, {"config": WANTED[D.STANDALONE]}),
            (S.ACTIVE, {}),
            (S.STANDBY, {"left": S.STANDBY}),
        )
    ),
    *(
        Case(
            "3.40",
            S.SWITCHING_TO_STANDALONE,
            e.StandaloneReplyDue(),
            to,
            "peer silent",
            {"attempts": 3, "running": frozenset({"standalone_reply_due"}), **given},
        )
        for to, given in ((S.STANDALONE, {}), (S.STANDBY, {**DOWN, "signals": Signals(0, dpu_up=False)}))
    ),
    Case("3.41", S.STANDALONE, report(S.STANDALONE, R.STANDALONE, 5), S.STANDBY, "peer outranks"),
    Case("3.42", S.STANDALONE, report(S.INITIALIZING_TO_STANDBY, R.STANDBY), S.ACTIVE, "peer ready to be standby"),
    Case("3.43", S.STANDALONE, DOWN, S.SWITCHING_TO_STANDALONE, "local DPU down"),
    Case("3.44", S.DESTROYING, {"reported_role": R.DEAD}, S.DEAD, "drained"),
    Case("3.44", S.DESTROYING, DOWN, S.DEAD, "drained"),
    Case("3.44", S.DESTROYING, e.DrainDue(), S.DEAD, "drain timed out"),
    *(
        Case("3.45", state, m.StandaloneRequest(STRONG, "theirs"), S.STANDBY, "peer outranks")
        for state in PAIRED
        if state not in (S.STANDBY, S.SWITCHING_TO_ACTIVE)
    ),
    Case("3.45", S.ACTIVE, m.StandaloneRequest(WEAK, "theirs"), S.STANDALONE, "outranks the peer"),
    *(
        Case(
            "3.45",
            state,
            m.StandaloneRequest(attrs.evolve(WEAK, dpu_up=False), "theirs"),
            S.STANDALONE,
            "outranks the peer",
            {"in_sync": True},
            "dead DPU",
        )
        for state in PAIRED
        if state not in (S.STANDALONE, S.SWITCHING_TO_STANDALONE)
    ),
    *(
        Case(
            "3.45",
            state,
            m.StandaloneRequest(WEAK, "theirs"),
            S.SWITCHING_TO_STANDALONE,
            "outranks the peer, waits for it to be Standby",
        )
        for state in (S.STANDBY, S.PENDING_STANDBY_ACTIVATION)
    ),
    Case(
        "3.45",
        S.SWITCHING_TO_STANDALONE,
        m.StandaloneRequest(WEAK, "theirs"),
        None,
        "outranks the peer, waits for it to be Standby",
    ),
)
"""Every row of section 3."""

OTHER: tuple[Case, ...] = (
    Case("1.1", S.STANDBY, {"pair": Pair(C.vdpu_id)}, None, "another peer"),
    Case("1.1", S.ACTIVE, {"link_up": False}, None, "control link came or went"),
    Case("1.1", S.STANDBY, {"dpu_lost": True}, None, "the DPU that held the flows is gone"),
    Case(
        "1.1",
        S.ACTIVE,
        {"reported_role": R.ACTIVE},
        None,
        "decides the flows",
        {"in_sync": False, "reported_role": R.STANDBY, "peer_state": S.INITIALIZING_TO_STANDBY},
    ),
    Case(
        "1.2",
        S.SWITCHING_TO_STANDALONE,
        report(S.SWITCHING_TO_STANDALONE),
        None,
        "the peer is reached after all",
        {"connect_timed_out": True, "peer_state": None},
    ),
    Case(
        "1.2",
        S.STANDBY,
        {"reported_role": R.STANDBY},
        None,
        "role acknowledged",
        {"role_failed": True, "reported_role": R.DEAD, "peer_state": S.STANDALONE},
    ),
    Case("1.2", S.ACTIVE, e.PeerDeadDue(), None, "peer dead for long", {"peer_state": S.DEAD}),
    Case(
        "1.2",
        S.STANDALONE,
        report(S.INITIALIZING_TO_STANDBY),
        None,
        "the peer does not shut down any more",
        {"peer_shutdown": True},
    ),
    Case("3", S.ACTIVE, {"config": None}, S.DEAD, "configuration deleted"),
    *(Case("4", state, m.Heartbeat(), None, "peer greets") for state in STATES),
    *(
        Case("5", state, m.VoteRequest(0, D.ACTIVE, 1), None, "peer asks for a vote")
        for state in (S.DEAD, S.CONNECTING, S.CONNECTED, S.STANDALONE, S.DESTROYING)
    ),
    Case("1.1", S.ACTIVE, report(S.STANDBY, R.STANDBY), None, "peer reports"),
    Case("4", S.INITIALIZING_TO_STANDBY, m.BulkSyncDone(), None, "flows copied", {"reported_role": R.DEAD}),
    Case("4", S.SWITCHING_TO_STANDBY, m.SwitchoverRequest("swo-1"), None, "peer repeats its request"),
    *(
        Case("4", state, m.SwitchoverRequest("swo-9"), None, "not possible now")
        for state in (S.SWITCHING_TO_STANDBY, S.DEAD, S.DESTROYING)
    ),
    Case("4", S.ACTIVE, m.SwitchoverRequest("swo-9"), None, "not possible now", {"config": WANTED[D.ACTIVE]}),
    Case("3", S.SWITCHING_TO_ACTIVE, m.SwitchoverReply("swo-1", accepted=False), None, "peer rejects the switchover"),
    Case("1.2", S.STANDALONE, m.ShutdownRequest(), None, "peer repeats its request", {"peer_shutdown": True}),
    *(Case("4", state, m.ShutdownRequest(), None, "does not serve") for state in (S.STANDALONE, S.DEAD, S.CONNECTED)),
    Case(
        "4",
        S.ACTIVE,
        e.FlowSyncEnded("sync-1", completed=True),
        None,
        "the DPU has copied the flows, or has failed to",
        {**JOINING, "flow_sync": SESSION, "sync_open": True},
    ),
    *(
        Case(
            "4",
            S.STANDALONE,
            e.FlowSyncEnded("sync-1", ended),
            None,
            "nobody waits for these flows any more",
            {"flow_sync": SESSION},
            f"completed {ended}",
        )
        for ended in (True, False)
    ),
    Case(
        "4",
        S.ACTIVE,
        report(S.STANDBY, R.STANDBY),
        None,
        "peer does not join any more",
        {**JOINING, "sync_announced": True},
    ),
    Case(
        "4",
        S.ACTIVE,
        report(S.INITIALIZING_TO_STANDBY, R.STANDBY),
        None,
        "no flow can exist yet",
        {"no_flows_yet": True, "peer_state": S.INITIALIZING_TO_STANDBY, "peer_role": R.DEAD},
    ),
    Case("4", S.ACTIVE, report(S.INITIALIZING_TO_STANDBY, R.STANDBY), None, "peer needs the flows"),
    Case("4", S.SWITCHING_TO_STANDALONE, DOWN, None, "what is put forward is not true any more"),
    Case(
        "4",
        S.STANDBY,
        {"update_failed": True},
        None,
        "the DPU refuses the role",
        {"peer_state": S.STANDALONE, "peer_role": R.STANDALONE},
    ),
    Case("4", S.STANDBY, {"reported_role": R.DEAD}, None, "what the peer should know changed"),
    Case("6.1", S.DEAD, m.StandaloneRequest(THEIRS, "theirs"), None, "peer asks who serves alone"),
    Case("7", S.STANDBY, {"config": WANTED[D.ACTIVE]}, None, "what the controller is asked changed"),
    Case(
        "7",
        S.ACTIVE,
        e.Approval(("op-3",)),
        None,
        "flow reconciliation approved",
        {"flow_reconcile_asked": True, "operations": (PendingOperation("op-3", OperationType.FLOW_RECONCILE),)},
    ),
    Case(
        "7",
        S.ACTIVE,
        {"flow_reconcile_asked": False},
        None,
        "the DPU does not ask any more",
        {"flow_reconcile_asked": True, "reconcile_awaited": True},
    ),
    Case(
        "7",
        S.ACTIVE,
        e.RequestTimeout(),
        None,
        "the DPU did not take what it was granted",
        {"flow_reconcile_asked": True, "reconcile_awaited": True},
    ),
    Case("8", S.ACTIVE, {"drops_seen": True}, None, "inline sync drops"),
    Case(
        "6.1",
        S.STANDBY,
        e.HoldDownDue(),
        None,
        "a denied trigger is over",
        {"sync_drops": True, "hold_downs": 1, "denied_triggers": frozenset({Trigger.SYNC_DROPS})},
    ),
    Case(
        "6.1",
        S.STANDBY,
        e.SelectionHoldDue(),
        None,
        "the peer may be asked again",
        {"sync_drops": True, "hold_downs": 1, "denied_triggers": frozenset({Trigger.SYNC_DROPS})},
    ),
    Case("8", S.STANDALONE, e.HoldDownDue(), None, "hold-down over", {"sync_failed": True, "hold_downs": 1}),
    Case("8", S.STANDALONE, e.HoldDownForgotten(), None, "long healthy", {"hold_downs": 1}),
    Case("10", S.CONNECTING, e.ConnectDue(), None, "the peer is not reached yet"),
    Case("10", S.CONNECTED, e.VoteDue(), None, "no vote yet"),
    Case(
        "10",
        S.ACTIVE,
        e.SyncAnnounceDue(),
        None,
        "the peer has not heard that it has all flows",
        {**JOINING, "sync_announced": True},
    ),
    Case("10", S.STANDBY, e.ShutdownDue(), None, "the peer does not serve alone yet", {"config": WANTED[D.DEAD]}),
    Case("10", S.SWITCHING_TO_ACTIVE, e.SwitchoverRetryDue(), None, "the peer has not given way yet"),
    Case("10", S.SWITCHING_TO_STANDALONE, e.StandaloneReplyDue(), None, "no answer yet"),
    Case("10", S.ACTIVE, e.PeerHeartbeatDue(), None, "time for a heartbeat"),
    Case("10", S.ACTIVE, {"link_up": False}, None, "what is waited for changed"),
    Case(
        "4",
        S.STANDBY,
        e.RoleDue(),
        None,
        "role not acknowledged",
        {"reported_role": R.DEAD, "peer_state": S.STANDALONE, "peer_role": R.STANDALONE},
    ),
    Case("3", S.SWITCHING_TO_ACTIVE, e.SwitchoverDue(), None, "switchover timed out"),
    Case("4", S.STANDBY, e.SwitchoverHoldDue(), None, "switchover may be tried again", {"switchover_held_off": True}),
    Case("4", S.INITIALIZING_TO_STANDBY, e.BulkSyncDue(), None, "bulk sync timed out"),
)
"""The rows that stay, and what else is not in the table of section 3."""

RELAY: tuple[Case, ...] = (
    Case("relay", S.ACTIVE, {"config": None}, None, "configuration deleted"),
    Case("relay", S.ACTIVE, {"dpu_lost": True}, None, "the DPU restarted and is empty"),
    Case("relay", S.ACTIVE, {"dpu_incarnation": 1}, None, "the DPU restarted and is empty"),
    Case("relay", S.ACTIVE, {"ha_set_incarnation": 2}, None, "its HA set was removed or created anew"),
    Case("relay", S.DEAD, {"ha_set_incarnation": 1}, None, "HA set programmed", {"ha_set_incarnation": None}),
    Case("relay", S.ACTIVE, {"config": config(version="2")}, None, "what the row carries changed"),
    Case("relay", S.DEAD, {"config": DISABLED}, None, "configured again", {"config": None, "relay": RowState.DELETING}),
)
"""The rows of the region that keeps the DPU's row."""

CASES = (*SECTION_3, *OTHER, *RELAY)
