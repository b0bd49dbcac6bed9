"""What is known of a switch-driven HA scope, and the guards over it: the words in which ``switch_driven`` declares
its rows.

A guard never asks what the last message was. Unknown (None) is a value of its own: unknown health is neither down nor
up, an unheard peer is neither dead nor alive.

Must not know how rows or messages look, nor how the peer is reached.

Source: switch-driven 1 to 8.
"""

from enum import StrEnum
from itertools import compress

from attrs import define, frozen

from hamgr_fsm.facts import Facts, kept, told
from hamgr_fsm.messages import Selection, StateReport
from hamgr_fsm.programs import RoleProgram
from hamgr_fsm.scope.dpu_driven_facts import ScopeConfig
from hamgr_fsm.scope.election import Voter
from hamgr_fsm.scope.operations import Operations, open_types
from hamgr_fsm.scope.precedence import Claim, Signals, outranked_in_conflict
from hamgr_fsm.timers import DEFAULT_TIMERS, Timers
from hamgr_fsm.vocabulary import (
    DesiredHaState,
    FlowSyncState,
    HaRole,
    HaState,
    OperationType,
    SwitchoverState,
)

S = HaState

STATES = tuple(state for state in HaState if state is not S.PENDING_STANDALONE_ACTIVATION)
"""The states of a switch-driven scope; one of the words belongs to DPU-driven mode alone."""

LIVE = tuple(state for state in STATES if state is not S.DEAD)
NOT_ACTIVE = tuple(state for state in STATES if state is not S.ACTIVE)
LAUNCHING = (
    S.INITIALIZING_TO_ACTIVE,
    S.PENDING_ACTIVE_ACTIVATION,
    S.INITIALIZING_TO_STANDBY,
    S.PENDING_STANDBY_ACTIVATION,
)
PAIRED = tuple(state for state in STATES if state not in (S.DEAD, S.CONNECTING, S.CONNECTED, S.DESTROYING))
SERVING = (S.ACTIVE, S.STANDALONE)
TAKING_OVER = (S.SWITCHING_TO_ACTIVE, S.SWITCHING_TO_STANDBY, S.SWITCHING_TO_STANDALONE)
GROUPS = {
    "launching": (S.CONNECTING, S.CONNECTED, *LAUNCHING),
    "serving": (S.ACTIVE, S.STANDBY),
    "switching over": (S.SWITCHING_TO_ACTIVE, S.SWITCHING_TO_STANDBY),
    "standalone": (S.SWITCHING_TO_STANDALONE, S.STANDALONE),
    "leaving": (S.DESTROYING, S.DEAD),
}
"""The states as a reader should see them together."""

EXPECTS_A_PAIRED_PEER = (
    S.ACTIVE,
    S.STANDBY,
    *TAKING_OVER,
    S.PENDING_ACTIVE_ACTIVATION,
    S.PENDING_STANDBY_ACTIVATION,
)
"""The states in which a peer that is launching has lost its part in the pair."""

_WAITS_FOR = {
    S.INITIALIZING_TO_ACTIVE: "the peer to be ready",
    S.INITIALIZING_TO_STANDBY: "the flows of the peer",
    S.SWITCHING_TO_ACTIVE: "the peer to give way",
    S.SWITCHING_TO_STANDBY: "the peer to be active",
    S.SWITCHING_TO_STANDALONE: "the peer to say who serves alone",
    S.DESTROYING: "the DPU to be drained",
}

AWAITING_AN_ACTIVE = (S.STANDBY, S.INITIALIZING_TO_STANDBY, S.PENDING_STANDBY_ACTIVATION)
"""The states that only a peer that serves can end well."""

DECIDING = (HaRole.ACTIVE, HaRole.STANDALONE)


FORGOTTEN = (
    "dpu_up",
    "dpu_lost",
    "bfd_reach",
    "channel_up",
    "reported_role",
    "update_failed",
    "flow_reconcile_asked",
    "drops_seen",
    "link_up",
    "peer_connected",
    "greeted",
    "reported",
    "running",
    "attempts",
    "rejections",
    "switchover_timed_out",
    "peer_dead_confirmed",
    "unnumbered_votes",
    "answered",
    "reconcile_awaited",
)
"""What does not outlive the daemon: health, the link and what was said over it, timers and counters."""


class Trigger(StrEnum):
    """What makes a side stop being half of a pair; in the order in which they are named as the reason."""

    MANUAL_PIN = "pinned by the controller"
    PEER_LOST = "peer lost"
    PEER_DEAD = "peer dead"
    PEER_SHUTDOWN = "peer shuts down"
    SYNC_DROPS = "inline sync drops"
    SYNC_FAILED = "bulk sync failed"
    ROLE_FAILED = "role not acknowledged"
    LOCAL_DOWN = "local DPU down"
    NO_ACTIVE = "nobody is active"


_TRIGGERS = tuple(Trigger)


class RowState(StrEnum):
    """Whether the DPU has been told the scope."""

    UNPROGRAMMED = "unprogrammed"
    PROGRAMMED = "programmed"
    DELETING = "deleting"


@frozen
class Switchover:
    """The record of a planned switchover; times in milliseconds since 1970."""

    switchover_id: str
    state: SwitchoverState
    started_ms: int
    approved_ms: int | None = None
    ended_ms: int | None = None


@frozen
class FlowSync:
    """A copying of the flow table to the peer, as its sender knows it."""

    session_id: str
    state: FlowSyncState
    started_ms: int


@frozen
class Pair:
    """Where the two sides stand in the HA set. Positions are places in ``vdpu_ids``, from 0."""

    peer_id: str
    position: int = 0
    peer_position: int = 1
    preferred_position: int = 0


@define
class SwitchDrivenScopeFacts(Facts):
    """What is known of one switch-driven scope."""

    state: HaState = kept(S.DEAD)
    left: HaState = kept(S.DEAD)
    """The state before this one."""

    config: ScopeConfig | None = told(None)
    managed: bool = told(False)
    pair: Pair | None = told(None)
    dpu_up: bool | None = told(None)
    dpu_lost: bool = told(False)
    dpu_incarnation: int = told(0)
    ha_set_incarnation: int | None = told(None)
    bfd_reach: int | None = told(None)
    channel_up: bool | None = told(None)
    reported_role: HaRole | None = told(None)
    """The role that the DPU last acknowledged; None while unknown."""

    update_failed: bool = told(False)
    """The DPU reports that it could not take what it was told."""

    flow_reconcile_asked: bool = told(False)
    drops_seen: bool = told(False)
    """A poll of the counters has found that too many inline sync packets are lost (``scope.sync_drops``).

    It is told with the poll and taken back at once: a poll that never comes must not keep it true.
    """

    switching_ack: bool = told(True)
    """The DPU acknowledges switching_to_active; software before August 2026 does not."""

    link_up: bool | None = told(None)
    """There is a control link to the peer; None while a daemon that has just started has not heard of one."""

    # What the peer says. ``peer_state`` is also told with every message that implies it.

    peer_connected: bool = kept(False)
    peer_state: HaState | None = told(None)
    peer_term: int = kept(0)
    peer_role: HaRole | None = kept(None)
    peer_ready_to_pair: bool = kept(True)
    peer_pinned: bool = kept(False)
    peer_in_sync: bool = kept(False)
    peer_serves_alone: bool = kept(False)
    """The newest report of the peer was Standalone."""

    paired_with: str = kept("")
    """The peer that the facts above are about."""

    # What this side holds.

    target_role: HaRole = kept(HaRole.DEAD)
    term: int = kept(0)
    in_sync: bool = kept(False)
    programmed: RoleProgram | None = kept(None)
    programmed_in: tuple[int | None, int] = kept((None, 0))
    reported: StateReport | None = kept(None)
    """The report that was last sent to the peer over the present link."""

    # Latches of timers, cleared on entry of the state they belong to.

    connect_timed_out: bool = kept(False)
    role_failed: bool = kept(False)
    peer_dead_confirmed: bool = kept(False)
    no_active: bool = kept(False)
    switchover_timed_out: bool = kept(False)
    attempts: int = kept(0)
    running: frozenset[str] = kept(frozenset())
    """The timers that run while a condition holds."""

    # Operations, switchover and flows.

    operations: Operations = kept(())
    operations_changed_ms: int | None = kept(None)
    switchover: Switchover | None = kept(None)
    rejections: int = kept(0)
    switchover_held_off: bool = kept(False)
    """A switchover failed a short while ago: the next one is not offered yet."""

    synchronised: bool = kept(False)
    """The bulk sync into this side has completed."""

    sync_failed: bool = kept(False)
    sync_drops: bool = kept(False)
    hold_downs: int = kept(0)
    no_flows_yet: bool = kept(False)
    """Active, and has served nobody: the peer that joins misses nothing."""

    flow_sync: FlowSync | None = kept(None)
    sync_open: bool = kept(False)
    """Flows are or were copied for the peer's present attempt to join."""

    sync_announced: bool = kept(False)
    peer_shutdown: bool = kept(False)

    # The standalone selection.

    signals: Signals | None = kept(None)
    """What this side puts forward, frozen while it is in SwitchingToStandalone."""

    episode: str = kept("")
    promised: bool = kept(False)
    """The peer was told to enter Standby: this side waits for it to be there."""

    answered: tuple[str, Selection] | None = kept(None)
    """The last standalone request that was answered, and how."""

    denied: bool = kept(False)
    """The selection was denied: this side goes on as Active, without a new term."""

    denied_triggers: frozenset[Trigger] = kept(frozenset())
    """The triggers over which a selection was denied a short while ago: they are no reason to ask again yet."""

    relay: RowState = kept(RowState.UNPROGRAMMED)
    granted: frozenset[OperationType] = kept(frozenset())
    reconcile_awaited: bool = kept(False)
    """The DPU was granted the reconciliation of its flows, and has not taken it yet."""

    greeted: bool = kept(False)
    """The peer was greeted over the present link."""

    unnumbered_votes: int = kept(0)
    """Vote requests of a peer that does not count them."""

    timers: Timers = kept(DEFAULT_TIMERS)

    # Configuration and launch.

    @property
    def desired(self) -> DesiredHaState:
        """What the controller wants."""
        return self.config.desired if self.config is not None else DesiredHaState.DEAD

    @property
    def disabled(self) -> bool:
        """The controller has disabled the scope."""
        return self.config is not None and self.config.disabled

    @property
    def unconfigured(self) -> bool:
        """The controller has deleted the scope."""
        return self.config is None

    @property
    def desired_dead(self) -> bool:
        """The controller wants it dead."""
        return self.desired is DesiredHaState.DEAD

    @property
    def can_launch(self) -> bool:
        """It is configured, enabled, not wanted dead, managed here, and the DPU is up and has the HA set."""
        ready = self.config is not None and self.managed and self.ha_set_incarnation is not None
        return ready and not self.disabled and not self.desired_dead and self.dpu_up is True

    @property
    def launch_impossible(self) -> bool:
        """It is wanted dead, or the DPU is down."""
        return self.desired_dead or self.local_down

    # The ASIC.

    @property
    def acked_role(self) -> HaRole | None:
        """The role that the DPU has acknowledged in this incarnation; a DPU that is down acknowledges nothing."""
        return None if self.dpu_up is False or self.dpu_emptied else self.reported_role

    @property
    def dpu_emptied(self) -> bool:
        """The DPU is in a reset, or was in one since it was told its role. Source: LD-42."""
        return self.dpu_lost or (self.programmed is not None and self.programmed_in[1] != self.dpu_incarnation)

    @property
    def role_acked(self) -> bool:
        """The DPU has taken the role it was asked to take; a role that it already had counts."""
        return self.acked_role is self.target_role

    @property
    def awaits_role(self) -> bool:
        """The DPU has not taken its role and can be expected to say when it does. Source: FL-02."""
        silent = self.target_role is HaRole.SWITCHING_TO_ACTIVE and not self.switching_ack
        return not self.role_acked and not silent

    @property
    def local_down(self) -> bool:
        """The local DPU is down."""
        return self.dpu_up is False

    @property
    def dpu_usable(self) -> bool:
        """The local DPU is not known to be down."""
        return self.dpu_up is not False

    # The peer.

    @property
    def peer_serves(self) -> bool:
        """The peer is connected and Active or Standalone."""
        return self.peer_connected and self.peer_state in SERVING

    @property
    def served_by_peer(self) -> bool:
        """The peer is connected and serves alone, or is about to."""
        return self.peer_connected and self.peer_state in (S.STANDALONE, S.SWITCHING_TO_STANDALONE)

    @property
    def peer_standalone(self) -> bool:
        """The peer is connected and Standalone, and no pin of ours with all flows speaks against it."""
        pinned_with_flows = self.manual_pin and self.in_sync
        return self.peer_connected and self.peer_state is S.STANDALONE and not pinned_with_flows

    @property
    def peer_standalone_acked(self) -> bool:
        """The peer is Standalone and its DPU has taken the role."""
        return self.peer_state is S.STANDALONE and self.peer_role is HaRole.STANDALONE

    @property
    def peer_active_acked(self) -> bool:
        """The peer is Active and its DPU has taken the role."""
        return self.peer_state is S.ACTIVE and self.peer_role is HaRole.ACTIVE

    @property
    def peer_ready_to_be_standby(self) -> bool:
        """The peer is in InitializingToStandby and its DPU has taken the role standby."""
        return self.peer_state is S.INITIALIZING_TO_STANDBY and self.peer_role is HaRole.STANDBY

    @property
    def peer_serves_with_flows(self) -> bool:
        """The peer is connected and Active: it can copy its flows."""
        return self.peer_connected and self.peer_state is S.ACTIVE

    @property
    def peer_gave_way(self) -> bool:
        """The peer is in SwitchingToStandby and its DPU has taken the role standby."""
        return self.peer_state is S.SWITCHING_TO_STANDBY and self.peer_role is HaRole.STANDBY

    @property
    def peer_standby(self) -> bool:
        """The peer is connected and Standby."""
        return self.peer_connected and self.peer_state is S.STANDBY

    @property
    def peer_replaced(self) -> bool:
        """The HA set has another peer than the one that is known: nothing of the old one counts. Source: I-15."""
        return self.pair is not None and self.pair.peer_id != self.paired_with

    @property
    def pairing_possible(self) -> bool:
        """The peer has reported over the present link, and the data plane channel is up."""
        return self.peer_connected and self.channel_up is True

    # The triggers.

    @property
    def manual_pin(self) -> bool:
        """The controller has pinned this side to standalone."""
        return self.desired is DesiredHaState.STANDALONE

    @property
    def peer_lost(self) -> bool:
        """The data path to the peer is down, or connecting has timed out. An unknown path is not a lost one."""
        return self.channel_up is False or self.connect_timed_out

    @property
    def peer_dead(self) -> bool:
        """The peer is Dead and its DPU as well, or has been Dead for long, or has left the pair it was part of."""
        dead = self.peer_state is S.DEAD
        gone = dead and (self.peer_role in (HaRole.DEAD, None) or self.peer_dead_confirmed)
        left = self.state in EXPECTS_A_PAIRED_PEER and self.peer_state in (S.CONNECTING, S.CONNECTED)
        return gone or left

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """What makes this side stop being half of a pair, in the order of the enumeration."""
        holding = (
            self.manual_pin,
            self.peer_lost,
            self.peer_dead,
            self.peer_shutdown,
            self.sync_drops,
            self.sync_failed,
            self.role_failed,
            self.local_down,
            self.no_active,
        )
        return tuple(compress(_TRIGGERS, holding)) if True in holding else ()

    @property
    def in_trouble(self) -> bool:
        """Some standalone trigger holds."""
        return bool(self.triggers)

    @property
    def trigger(self) -> str:
        """The first trigger that holds, in words."""
        return self.triggers[0].value if self.triggers else "no trigger"

    @property
    def peer_gone(self) -> bool:
        """The peer has said nothing over the present link, and cannot: a link that is new or unknown is not lost."""
        return not self.peer_connected and (self.link_up is False or self.connect_timed_out)

    @property
    def alone(self) -> bool:
        """There is no peer to ask: it is dead, shuts down, or is lost and silent."""
        return self.peer_dead or self.peer_shutdown or (self.peer_lost and self.peer_gone)

    # Guards of the rows, in the order of the table.

    @property
    def cannot_pair(self) -> bool:
        """The channel is down, or this side is pinned while the peer neither serves nor is switching."""
        peer_is_busy = self.peer_state in (*SERVING, *TAKING_OVER)
        return self.channel_up is False or (self.manual_pin and not peer_is_busy)

    @property
    def launch_fails(self) -> bool:
        """Something went wrong that ends the attempt to pair."""
        return self.peer_lost or self.peer_dead or self.local_down or self.role_failed or self.sync_failed

    @property
    def attempts_used_up(self) -> bool:
        """This side has tried to connect as often as it may."""
        return self.attempts > self.timers.max_retries

    @property
    def flows_in_sync(self) -> bool:
        """The bulk sync has completed and the DPU has taken the role standby."""
        return self.synchronised and self.acked_role is HaRole.STANDBY

    @property
    def conflict_lost(self) -> bool:
        """The peer serves as well, and outranks this side."""
        if not self.peer_serves or self.pair is None:
            return False
        ours = Claim(self.acked_role, self.manual_pin, self.term, self.pair.position)
        theirs = Claim(self.peer_role, self.peer_pinned, self.peer_term, self.pair.peer_position)
        return outranked_in_conflict(ours, theirs)

    @property
    def peer_holds_the_flows(self) -> bool:
        """This side decides or would decide without the flows, and a Standby peer that stays has them: ask first."""
        peer_has_them = self.peer_standby and self.peer_in_sync and not self.alone
        return not self.in_sync and peer_has_them

    @property
    def asked_often_enough(self) -> bool:
        """The standalone request was sent, and repeated twice."""
        return self.attempts >= 3

    @property
    def may_give_way(self) -> bool:
        """The controller does not want this side active, and nothing speaks against a switchover."""
        return self.desired is not DesiredHaState.ACTIVE and not self.in_trouble

    @property
    def shut_down_agreed(self) -> bool:
        """This side is wanted dead, and the peer serves alone."""
        return self.desired_dead and self.peer_standalone_acked

    @property
    def local_down_and_peer_could_serve(self) -> bool:
        """The local DPU is down, and a connected peer in the pair has one that could serve, and does not do so alone.

        A peer whose DPU has acknowledged no role is no help: asked, it could only deny, at once and again and again.
        """
        able = self.peer_connected and self.peer_state in PAIRED and self.peer_role is not None
        return self.local_down and able and not self.served_by_peer and not self.alone

    @property
    def in_fresh_trouble(self) -> bool:
        """Some trigger holds over which no selection was denied lately, or there is no peer that could deny.

        A peer that denies while the trigger persists would else be asked at the speed of messages. Source: H-47.
        """
        return bool(set(self.triggers) - self.denied_triggers) or (self.in_trouble and self.alone)

    @property
    def denied_trigger_gone(self) -> bool:
        """A trigger over which a selection was denied does not hold any more: when it comes back, it is a new one."""
        return not self.denied_triggers <= set(self.triggers)

    @property
    def peer_does_not_serve(self) -> bool:
        """No peer is connected that is Active or Standalone."""
        return not self.peer_serves

    @property
    def must_leave_the_pair(self) -> bool:
        """Some trigger holds, the local DPU is not down, and the peer does not serve alone."""
        return self.in_fresh_trouble and not self.local_down and not self.served_by_peer

    @property
    def may_rejoin(self) -> bool:
        """The peer serves and waits for a standby, and nothing on this side speaks against being one."""
        needed = self.peer_connected and (
            self.peer_state is S.STANDALONE or (self.peer_state is S.ACTIVE and not self.in_sync)
        )
        healthy = self.dpu_up is True and self.channel_up is True and not self.desired_dead
        harmless = set(self.triggers) <= {Trigger.PEER_DEAD, Trigger.MANUAL_PIN}
        return needed and self.peer_ready_to_pair and healthy and harmless

    @property
    def nobody_is_active(self) -> bool:
        """This side is Standby with a DPU that is up, and the peer is Standby as well, or waits to become it."""
        return self.peer_connected and self.peer_state in AWAITING_AN_ACTIVE and self.dpu_up is True

    @property
    def takeover_fails(self) -> bool:
        """The peer is lost or dead, or the local DPU is down."""
        return self.peer_lost or self.peer_dead or self.local_down

    @property
    def cannot_ask_for_switchover(self) -> bool:
        """The DPU did not take the role in time, and the peer was not asked yet."""
        return self.attempts == 0 and (self.role_failed or self.switchover_timed_out)

    @property
    def peer_is_silent(self) -> bool:
        """The switchover was asked for, and is not over in time."""
        return self.attempts > 0 and self.switchover_timed_out

    @property
    def rejected_for_good(self) -> bool:
        """The peer has rejected the switchover three times."""
        return self.rejections >= 3

    @property
    def nobody_to_ask(self) -> bool:
        """There is no peer, or this side is pinned and has none that it can reach."""
        return self.alone or (self.manual_pin and not self.peer_connected)

    def asks_for(self, episode: str | None) -> bool:
        """The standalone request of this episode is open; None is an answer that does not say which it is to."""
        return bool(self.episode) and episode in (None, self.episode)

    @property
    def alone_with_dpu(self) -> bool:
        """The DPU is usable, and there is no peer to ask."""
        return self.dpu_usable and self.nobody_to_ask

    @property
    def alone_without_dpu(self) -> bool:
        """The DPU is down, and there is no peer to ask."""
        return self.local_down and self.alone

    @property
    def peer_kept_the_promise(self) -> bool:
        """The peer was told to enter Standby, and is there."""
        return self.promised and self.dpu_usable and self.peer_standby

    @property
    def peer_can_pair(self) -> bool:
        """The peer is ready to be standby over a channel that is up, and no trigger speaks against being a pair."""
        harmless = set(self.triggers) <= {Trigger.PEER_DEAD, Trigger.PEER_SHUTDOWN}
        ready = self.peer_connected and self.peer_ready_to_be_standby
        return ready and self.channel_up is True and harmless

    @property
    def must_hand_over(self) -> bool:
        """The local DPU is down, and a connected peer is neither Dead nor unknown."""
        return self.local_down and self.peer_connected and self.peer_state not in (S.DEAD, None)

    @property
    def drained(self) -> bool:
        """The DPU has taken the role dead, or is down."""
        return self.acked_role is HaRole.DEAD or self.local_down

    @property
    def waits_for(self) -> str:
        """What is still missing before this side has its part in a pair, in words; empty when nothing is."""
        if self.state is S.DEAD:
            return self._launch_waits_for
        if self.operations:
            return "approval of " + ", ".join(f"{op.type.value} {op.operation_id}" for op in self.operations)
        if self.state in (S.CONNECTING, S.CONNECTED):
            return "the peer" if not self.peer_connected else "the data plane channel and a vote"
        if not self.role_acked:
            return f"the DPU to take the role {self.target_role.value}"
        return _WAITS_FOR.get(self.state, "")

    @property
    def _launch_waits_for(self) -> str:
        if self.config is None:
            return "configuration of the HA scope"
        if self.disabled:
            return "the controller to enable the scope"
        if self.desired_dead:
            return "the controller to desire another state than dead"
        if not self.managed:
            return "a vDPU that is managed here"
        if self.ha_set_incarnation is None:
            return f"HA set {self.config.ha_set_id} to be programmed"
        return "" if self.dpu_up is True else "the DPU to be up"

    # What is said about this side.

    @property
    def voter(self) -> Voter:
        """This side as it answers a vote request."""
        position = self.pair.position if self.pair is not None else 0
        return Voter(self.state if self.config is not None else None, self.desired, self.term, position)

    @property
    def present_signals(self) -> Signals:
        """What this side would put forward now."""
        pair = self.pair
        serving = (self.left if self.state is S.SWITCHING_TO_STANDALONE else self.state) in SERVING
        return Signals(
            position=pair.position if pair is not None else 0,
            dpu_up=self.dpu_up,
            in_sync=self.in_sync,
            manual_pin=self.manual_pin,
            peer_shutdown=self.peer_shutdown,
            role_failed=self.role_failed,
            bfd_reach=self.bfd_reach,
            desired=self.desired,
            preferred=pair is not None and pair.position == pair.preferred_position,
            term=self.term,
            serving=serving,
            # Flows that only the peer has are a reason to decide anew, though nothing is broken here.
            triggered=self.in_trouble or self.peer_holds_the_flows,
        )

    @property
    def ready_to_pair(self) -> bool:
        """This side would take a standby: it is not Standalone for a reason of its own."""
        harmless = {Trigger.PEER_LOST, Trigger.PEER_DEAD, Trigger.PEER_SHUTDOWN}
        return self.state is not S.STANDALONE or set(self.triggers) <= harmless

    @property
    def report(self) -> StateReport:
        """What the peer and the HA set hear."""
        return StateReport(self.state, self.term, self.acked_role, self.ready_to_pair, self.manual_pin, self.in_sync)

    @property
    def report_outdated(self) -> bool:
        """The peer does not know what it should."""
        if self.link_up is not True or self.pair is None:
            return False
        said = self.reported
        return (
            said is None
            or said.state is not self.state
            or said.term != self.term
            or said.acked_role is not self.acked_role
            or said.ready_to_pair != self.ready_to_pair
            or said.pinned != self.manual_pin
            or said.in_sync != self.in_sync
        )

    # Operations and flows.

    @property
    def wants_switchover(self) -> bool:
        """It is a synchronised Standby, is wanted active, and nothing speaks against taking over."""
        able = self.state is S.STANDBY and self.in_sync and self.peer_state is S.ACTIVE
        return able and self.desired is DesiredHaState.ACTIVE and not self.in_trouble and not self.switchover_held_off

    @property
    def expected_operations(self) -> frozenset[OperationType]:
        """What the controller should be asked now."""
        wanted = set()
        if self.state in (S.PENDING_ACTIVE_ACTIVATION, S.PENDING_STANDBY_ACTIVATION):
            wanted.add(OperationType.ACTIVATE_ROLE)
        if self.wants_switchover:
            wanted.add(OperationType.SWITCHOVER)
        if self.flow_reconcile_asked and self.config is not None and not self.reconcile_awaited:
            wanted.add(OperationType.FLOW_RECONCILE)
        return frozenset(wanted)

    @property
    def operations_outdated(self) -> bool:
        """What the controller is asked is not what it should be asked."""
        return open_types(self.operations) != self.expected_operations

    @property
    def reconcile_taken(self) -> bool:
        """The DPU does not ask any more for what it was granted."""
        return self.reconcile_awaited and not self.flow_reconcile_asked

    @property
    def may_ask_for_switchover(self) -> bool:
        """The DPU has taken switching_to_active, or is known never to acknowledge it. Source: FL-02."""
        prepared = self.acked_role is HaRole.SWITCHING_TO_ACTIVE or not self.switching_ack
        return prepared and self.switchover is not None

    @property
    def may_ask_for_shutdown(self) -> bool:
        """It is wanted dead, and the peer that is to serve alone is Active."""
        return self.desired_dead and self.peer_connected and self.peer_state is S.ACTIVE

    @property
    def signals_outdated(self) -> bool:
        """Nothing is put forward, or it is not true any more: the local DPU has gone down since."""
        return self.signals is None or (self.local_down and self.signals.dpu_up is not False)

    @property
    def link_changed(self) -> bool:
        """The control link has come or gone."""
        return bool(self.link_up) is not self.greeted

    @property
    def connect_mended(self) -> bool:
        """Connecting had timed out, and now the channel is up and the peer says that it lives."""
        lives = self.peer_connected and self.peer_state not in (S.DEAD, None)
        return self.connect_timed_out and self.channel_up is True and lives

    @property
    def was_synchronised_active(self) -> bool:
        """It was Active before, and its flows are complete."""
        return self.left is S.ACTIVE and self.in_sync

    @property
    def shutdown_over(self) -> bool:
        """The peer whose shutdown was accepted is not on the way from Standby to Dead any more."""
        return self.peer_shutdown and self.peer_state not in (S.STANDBY, S.DESTROYING, S.DEAD, None)

    @property
    def role_recovered(self) -> bool:
        """The DPU has taken the role after all."""
        return self.role_failed and self.role_acked and not self.update_failed

    @property
    def role_refused(self) -> bool:
        """The DPU reports that it could not take what it was told."""
        return self.update_failed and not self.role_failed and self.target_role is not HaRole.DEAD

    @property
    def keeps_flows_in_step(self) -> bool:
        """The peer's flows should follow this side's now: only then does a lost packet mean anything."""
        return self.state is S.ACTIVE and self.channel_up is not False

    @property
    def drops_reported(self) -> bool:
        """Inline sync packets are lost although the channel is not down. Source: switch-driven 8."""
        return self.drops_seen and not self.sync_drops and self.channel_up is not False

    # The row on the DPU.

    @property
    def program(self) -> RoleProgram:
        """What the DPU is to be told now."""
        config = self.config or ScopeConfig()
        return RoleProgram(config.version, self.target_role, self.term, config.ha_set_id)

    @property
    def can_program(self) -> bool:
        """The DPU can be told the scope: it is configured and managed, and the DPU is there and has the HA set."""
        there = self.ha_set_incarnation is not None and not self.dpu_lost
        return self.config is not None and self.managed and there

    @property
    def row_outdated(self) -> bool:
        """What the DPU is to be told differs from what it was told, or a request waits to be carried."""
        return self.can_program and (self.program != self.programmed or bool(self.granted))

    @property
    def dpu_restarted(self) -> bool:
        """The incarnation of the DPU that was told the scope is over."""
        return self.dpu_lost or self.programmed_in[1] != self.dpu_incarnation

    @property
    def set_replaced(self) -> bool:
        """The HA set that the scope was programmed under is gone, or was created anew."""
        return not self.managed or self.programmed_in[0] != self.ha_set_incarnation

    @property
    def configured(self) -> bool:
        """The controller has configured the scope."""
        return self.config is not None

    @property
    def owes_bulk_sync(self) -> bool:
        """The peer is ready to be standby, this side decides the flows, and the peer was not told that it has them."""
        return self.peer_ready_to_be_standby and self.acked_role is HaRole.ACTIVE and not self.sync_announced

    @property
    def owes_nothing_yet(self) -> bool:
        """The peer misses nothing, because no flow can exist: it can be told at once."""
        return self.owes_bulk_sync and self.no_flows_yet

    @property
    def must_start_flow_sync(self) -> bool:
        """The peer misses flows, and no copying is under way."""
        return self.owes_bulk_sync and not self.no_flows_yet and not self.sync_open

    @property
    def peer_left_the_sync(self) -> bool:
        """The peer is not waiting for flows any more, though something of the copying is remembered."""
        return (self.sync_open or self.sync_announced) and self.peer_state is not S.INITIALIZING_TO_STANDBY

    @property
    def holds_flows_by_serving(self) -> bool:
        """It decides the flows and its DPU has taken the role: it has them all, whatever it had before.

        Not so after a restart until the peer has been heard or is known to be out of reach: if the DPU was emptied
        meanwhile, the flows are with the peer.
        """
        knows_of_peer = self.peer_connected or self.link_up is False or self.connect_timed_out
        return not self.in_sync and self.state in SERVING and self.role_acked and knows_of_peer

    @property
    def flows_lost(self) -> bool:
        """The DPU that held the flows is down or has restarted."""
        return self.in_sync and (self.local_down or self.dpu_emptied)
