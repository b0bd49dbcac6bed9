"""What is known of a DPU-driven HA scope, and the guards over it: the words in which ``dpu_driven`` declares its rows.

Must not know how rows of a database look, nor how the DPU comes to its states.

Source: dpu-driven 1 to 5.
"""

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from attrs import define, frozen

from hamgr_fsm.facts import Facts, kept, told
from hamgr_fsm.programs import HaScopeProgram, role_of
from hamgr_fsm.scope.operations import Operations, approved_types, open_types
from hamgr_fsm.timers import DEFAULT_TIMERS, Timers
from hamgr_fsm.vocabulary import DesiredHaState, HaState, OperationType


class RelayState(StrEnum):
    """What the DPU has been told of the scope."""

    UNPROGRAMMED = "unprogrammed"
    DISABLED = "disabled"
    ENABLED = "enabled"
    DELETING = "deleting"


class ReportedState(StrEnum):
    """What the DPU says it is; unknown before its first report and after a restart."""

    UNKNOWN = "unknown"
    DEAD = HaState.DEAD.value
    CONNECTING = HaState.CONNECTING.value
    CONNECTED = HaState.CONNECTED.value
    INITIALIZING_TO_ACTIVE = HaState.INITIALIZING_TO_ACTIVE.value
    INITIALIZING_TO_STANDBY = HaState.INITIALIZING_TO_STANDBY.value
    PENDING_ACTIVE_ACTIVATION = HaState.PENDING_ACTIVE_ACTIVATION.value
    PENDING_STANDBY_ACTIVATION = HaState.PENDING_STANDBY_ACTIVATION.value
    PENDING_STANDALONE_ACTIVATION = HaState.PENDING_STANDALONE_ACTIVATION.value
    STANDALONE = HaState.STANDALONE.value
    ACTIVE = HaState.ACTIVE.value
    STANDBY = HaState.STANDBY.value
    DESTROYING = HaState.DESTROYING.value
    SWITCHING_TO_STANDALONE = HaState.SWITCHING_TO_STANDALONE.value


class ProbeState(StrEnum):
    """Whether the DPU should answer BFD probes."""

    SILENT = "silent"
    RESPONDING = "responding"


SERVING = (ReportedState.ACTIVE, ReportedState.STANDBY, ReportedState.STANDALONE)
"""The states in which a DPU forwards packets."""

NO_REQUESTS: frozenset[OperationType] = frozenset()


@frozen
class ScopeConfig:
    """The controller's configuration of an HA scope, but for the approvals."""

    version: str = ""
    disabled: bool = False
    desired: DesiredHaState = DesiredHaState.UNSPECIFIED
    ha_set_id: str = ""


@define
class DpuDrivenScopeFacts(Facts):
    """What is known of one DPU-driven scope and what has been told because of it."""

    relay: RelayState = kept(RelayState.UNPROGRAMMED)
    dpu: ReportedState = kept(ReportedState.UNKNOWN)
    probe: ProbeState = kept(ProbeState.SILENT)

    config: ScopeConfig | None = told(None)
    """None before the controller has configured the scope, and after it has deleted it."""

    managed: bool = told(False)
    dpu_up: bool | None = told(None)
    dpu_lost: bool = told(False)
    dpu_incarnation: int = told(0)
    ha_set_incarnation: int | None = told(None)
    """Which programming of the HA set the DPU has now; None while it has none."""

    vip_v4: IPv4Address | None = told(None)
    vip_v6: IPv6Address | None = told(None)
    reported: ReportedState = told(ReportedState.UNKNOWN)
    asked: frozenset[OperationType] | None = told(None)
    """What the DPU asks for now; None while this incarnation of it has not been heard."""

    programmed: HaScopeProgram | None = kept(None)
    programmed_requests: frozenset[OperationType] = kept(NO_REQUESTS)
    """The requests that the last row carried."""

    programmed_in: tuple[int | None, int] = kept((None, 0))
    """The incarnations of HA set and DPU that the last row was written for."""

    operations: Operations = kept(())
    operations_changed_ms: int | None = kept(None)
    granted: frozenset[OperationType] = kept(NO_REQUESTS)
    """Approved, and to be carried by the next row."""

    awaited: frozenset[OperationType] = kept(NO_REQUESTS)
    """Carried by a row, and still asked for by the DPU: it has not taken the request yet."""

    anomaly: str = kept("")
    """What was odd about the last change of the DPU's state; empty when it was one of the design's workflows."""

    timers: Timers = kept(DEFAULT_TIMERS)

    # Guards of the relay.

    @property
    def unconfigured(self) -> bool:
        """The controller has deleted the scope."""
        return self.config is None

    @property
    def configured(self) -> bool:
        """The controller has configured the scope."""
        return self.config is not None

    @property
    def waiting_for(self) -> str:
        """What is still missing before the DPU can be told the scope, in words; empty when nothing is."""
        if self.config is None:
            return "configuration of the HA scope"
        if not self.managed:
            return "a vDPU that is managed here"
        if self.dpu_lost:
            return "the DPU to come back after its reset"
        return "" if self.ha_set_incarnation is not None else f"HA set {self.config.ha_set_id} to be programmed"

    @property
    def serving_waits_for(self) -> str:
        """What is still missing before the DPU serves, in words; empty while it serves."""
        if self.waiting_for:
            return self.waiting_for
        if self.disabled:
            return "the controller to enable the scope"
        if self.operations:
            return "approval of " + ", ".join(f"{op.type.value} {op.operation_id}" for op in self.operations)
        if self.config is not None and self.config.desired is DesiredHaState.DEAD:
            return "the controller to desire another state than dead"
        if self.awaited:
            return "the DPU to take " + ", ".join(sorted(self.awaited))
        if self.dpu_up is False:
            return "the DPU to be up"
        if self.dpu is ReportedState.UNKNOWN:
            return "the first report of the DPU"
        return "" if self.dpu in SERVING else f"the DPU, which is {self.dpu.value}"

    @property
    def ready(self) -> bool:
        """The DPU can be told the scope: it is configured and managed, and the DPU has the HA set. Source: FL-04."""
        return not self.waiting_for

    @property
    def disabled(self) -> bool:
        """The controller wants the scope disabled."""
        return self.config is not None and self.config.disabled

    @property
    def ready_disabled(self) -> bool:
        """The DPU can be told the scope, as disabled."""
        return self.ready and self.disabled

    @property
    def ready_enabled(self) -> bool:
        """The DPU can be told the scope, as enabled."""
        return self.ready and not self.disabled

    @property
    def dpu_restarted(self) -> bool:
        """The incarnation of the DPU that was told the scope is over."""
        return self.dpu_lost or self.programmed_in[1] != self.dpu_incarnation

    @property
    def set_replaced(self) -> bool:
        """The HA set that the scope was programmed under is gone, or was created anew."""
        return not self.managed or self.programmed_in[0] != self.ha_set_incarnation

    @property
    def program(self) -> HaScopeProgram:
        """What the DPU is to be told now."""
        config = self.config or ScopeConfig()
        return HaScopeProgram(
            version=config.version,
            disabled=config.disabled,
            role=role_of(config.desired),
            ha_set_id=config.ha_set_id,
            vip_v4=self.vip_v4,
            vip_v6=self.vip_v6,
        )

    @property
    def row_outdated(self) -> bool:
        """What the DPU is to be told differs from what it was told, or a request waits to be carried.

        A row that still carries an old request of a type that is asked for again counts as outdated, too: after a crash
        it could not be told from a row that carries the new one.
        """
        stale = self.programmed_requests & open_types(self.operations)
        return self.ready and (self.program != self.programmed or bool(self.granted) or bool(stale))

    # Guards of what the DPU reports and asks.

    @property
    def asks_something_new(self) -> bool:
        """The DPU asks for something that is neither listed nor already granted."""
        return bool(self.unlisted)

    @property
    def unlisted(self) -> frozenset[OperationType]:
        """What the DPU asks for that is neither listed nor already granted.

        Of a scope that nobody configures nothing is asked: what a deleted one listed would wait for the next.
        """
        if self.config is None:
            return NO_REQUESTS
        return (self.asked or NO_REQUESTS) - open_types(self.operations) - self.awaited - self.granted

    @property
    def lists_something_dropped(self) -> bool:
        """An operation is listed that the DPU no longer asks for; nothing heard is not a drop."""
        return self.asked is not None and bool(open_types(self.operations) - self.asked)

    @property
    def request_taken(self) -> bool:
        """The DPU no longer asks for something it was granted: it has taken the request."""
        return self.asked is not None and bool(self.awaited - self.asked)

    @property
    def request_not_taken(self) -> bool:
        """The DPU still asks for something it was granted."""
        return bool(self.awaited & (self.asked or NO_REQUESTS))

    @property
    def nothing_reported(self) -> bool:
        """Nothing is known of the DPU's state."""
        return self.reported is ReportedState.UNKNOWN

    @property
    def odd_step(self) -> str:
        """The step the DPU took, in words, when no workflow contains it."""
        return f"unexpected: {self.dpu.value} -> {self.reported.value}"

    @property
    def forced_dead(self) -> bool:
        """The DPU is dead because the scope was disabled."""
        return self.disabled and self.reported is ReportedState.DEAD

    # Guards of the probe.

    @property
    def should_respond(self) -> bool:
        """The DPU forwards packets, and nobody wants it shut down.

        A DPU of unknown health may serve: pmon restarting must not move traffic. Source: dpu-driven 5.
        """
        config = self.config
        return (
            config is not None
            and not config.disabled
            and config.desired is not DesiredHaState.DEAD
            and self.dpu in SERVING
            and self.dpu_up is not False
        )

    @property
    def must_be_silent(self) -> bool:
        """The DPU does not forward packets, or is to stop."""
        return not self.should_respond

    def approves(self, operation_ids: tuple[str, ...]) -> tuple[OperationType, ...]:
        """The types of the open operations among the approved ids."""
        return approved_types(self.operations, operation_ids)


def _report_guard(state: ReportedState) -> property:
    def reports(self: DpuDrivenScopeFacts) -> bool:
        return self.reported is state

    reports.__doc__ = f"The DPU reports that it is {state.value.replace('_', ' ')}."
    return property(reports)


def reports(state: ReportedState) -> str:
    """The name of the guard that holds while the DPU reports ``state``."""
    return f"reports_{state.value}"


for _state in ReportedState:
    if _state is not ReportedState.UNKNOWN:
        setattr(DpuDrivenScopeFacts, reports(_state), _report_guard(_state))
