"""The HA set: what its DPU is told, whether the data plane channel is up, which probes are answered, where packets go.

Four regions over the same facts, settled in this order: DPU row, channel, responders, route. The DPU-driven variant
takes its route from configuration.

Must not know how rows look or who asks. Which scope owns the set and whether that scope's DPU serves is told to it.

Source: ha-set 2 to 4; field-lessons FL-04, FL-06, FL-10, FL-11, FL-13, FL-14.
"""

from hamgr_fsm.effects import (
    AdvertiseRoute,
    Effect,
    ForgetNeighbour,
    ProgramHaSet,
    ProgramResponder,
    RemoveHaSet,
    RemoveResponder,
    ResolveNeighbour,
    WithdrawRoute,
)
from hamgr_fsm.ha_set_facts import ChannelState, DpuRowState, HaSetFacts, RespondersState, RouteState
from hamgr_fsm.machine import Machine
from hamgr_fsm.programs import Route
from hamgr_fsm.table import PLANNED, RECOVERY, STAY, UNPLANNED, FactMachine, Table


class DpuRow(FactMachine):
    """What the DPU has been told of the set."""

    state_fact = "dpu_row"
    t = Table(DpuRowState, initial=DpuRowState.WAITING)

    # fmt: off
    t.row((DpuRowState.WAITING, DpuRowState.PROGRAMMED), DpuRowState.REMOVED, when="unconfigured", do="remove_row",
          why="configuration deleted", ref="ha-set 2", kind=PLANNED)
    t.row(DpuRowState.PROGRAMMED, DpuRowState.WAITING, when="nothing_managed", do="remove_row",
          why="no vDPU of the set is managed here", ref="ha-set 2", kind=PLANNED)
    # A restarted DPU is empty: there is nothing to delete, and it is told again as soon as it is there.
    t.row(DpuRowState.PROGRAMMED, DpuRowState.WAITING, when="dpu_restarted",
          why="the DPU restarted and is empty", ref="ha-set 1", kind=UNPLANNED)
    t.row(DpuRowState.PROGRAMMED, DpuRowState.WAITING, when="must_be_recreated", do="remove_row",
          why="the DPU takes this change only by delete and create", ref="ha-set 2, FL-13", kind=PLANNED)
    t.row(DpuRowState.PROGRAMMED, STAY, when="row_outdated", do="update_row",
          why="what the row carries changed", ref="ha-set 2")
    t.row(DpuRowState.WAITING, DpuRowState.PROGRAMMED, when="complete", do="create_row",
          why="everything is known", ref="ha-set 2", kind=PLANNED)
    t.row(DpuRowState.REMOVED, DpuRowState.WAITING, when="configured",
          why="configured again", ref="ha-set 2, FL-06", kind=PLANNED)
    # fmt: on

    @staticmethod
    def create_row(model: HaSetFacts) -> None:
        """Tell the DPU, as something new: scopes that were programmed before must be programmed again."""
        model.incarnation += 1
        model.programmed_in = model.dpu_incarnation
        DpuRow.update_row(model)

    @staticmethod
    def update_row(model: HaSetFacts) -> None:
        """Tell the DPU the whole set."""
        assert model.program is not None
        model.programmed = model.program
        model.outbox.append(ProgramHaSet(model.program))

    @staticmethod
    def remove_row(model: HaSetFacts) -> None:
        """Take the set from the DPU; it may have one from an earlier life even if this one told it nothing."""
        model.programmed = None
        model.outbox.append(RemoveHaSet())


class Channel(FactMachine):
    """The data plane channel as the DPU reports it."""

    state_fact = "channel"
    t = Table(ChannelState, initial=ChannelState.UNKNOWN)

    # fmt: off
    t.row((ChannelState.UNKNOWN, ChannelState.DOWN), ChannelState.UP, when="channel_reported_up",
          why="channel reported up", ref="ha-set 2", kind=RECOVERY)
    t.row((ChannelState.UNKNOWN, ChannelState.UP), ChannelState.DOWN, when="channel_reported_down",
          why="channel reported down", ref="ha-set 2", kind=UNPLANNED)
    t.row((ChannelState.UP, ChannelState.DOWN), ChannelState.UNKNOWN, when="channel_unreported",
          why="nothing known in this incarnation of the DPU", ref="ha-set 1", kind=UNPLANNED)
    # fmt: on


class Responders(FactMachine):
    """The passive BFD sessions on the DPU."""

    state_fact = "responders"
    t = Table(RespondersState, initial=RespondersState.NONE)

    # fmt: off
    t.row(RespondersState.PRESENT, RespondersState.NONE, when="sessions_lost", do="remove_sessions",
          why="the DPU restarted", ref="ha-set 1, FL-10", kind=UNPLANNED)
    t.row(RespondersState.PRESENT, RespondersState.NONE, when="must_be_silent", do="remove_sessions",
          why="the DPU does not serve", ref="ha-set 3", kind=PLANNED)
    t.row(RespondersState.NONE, RespondersState.PRESENT, when="should_respond", do="write_sessions",
          why="the DPU serves", ref="ha-set 3, dpu-driven 5", kind=PLANNED)
    t.row(RespondersState.PRESENT, STAY, when="sessions_outdated", do="write_sessions",
          why="addresses or probe settings changed", ref="ha-set 3, FL-11")
    # fmt: on

    @staticmethod
    def write_sessions(model: HaSetFacts) -> None:
        """Take away the sessions of addresses that are gone, and tell the DPU those that are new or changed."""
        wanted = model.wanted_sessions
        addresses = {session.npu_address for session in wanted}
        model.outbox += [RemoveResponder(s.npu_address) for s in model.sessions if s.npu_address not in addresses]
        model.outbox += [ProgramResponder(session) for session in wanted if session not in model.sessions]
        model.sessions = wanted
        model.sessions_in = model.dpu_incarnation

    @staticmethod
    def remove_sessions(model: HaSetFacts) -> None:
        """Take every session from the DPU."""
        model.outbox += [RemoveResponder(session.npu_address) for session in model.sessions]
        model.sessions = ()


class RouteActions(FactMachine):
    """What both kinds of route do."""

    @staticmethod
    def resolve_neighbour(model: HaSetFacts) -> None:
        """Have the DPU's address resolved; without a VLAN there is nobody to ask."""
        if model.wanted_neighbour is None or model.wanted_neighbour == model.resolved:
            return
        if model.resolved is not None:
            model.outbox.append(ForgetNeighbour(model.resolved))
        model.resolved = model.wanted_neighbour
        model.outbox.append(ResolveNeighbour(model.wanted_neighbour))

    @staticmethod
    def advertise_route(model: HaSetFacts) -> None:
        """Install the route; rows of VIPs or of a VNET that it no longer has are removed first."""
        assert model.wanted_route is not None
        _install(model, model.wanted_route)

    @staticmethod
    def follow_whoever_serves(model: HaSetFacts) -> None:
        """Install the route to whoever serves; rows that it no longer has are removed first."""
        assert model.serving_route is not None
        _install(model, model.serving_route)

    @staticmethod
    def withdraw_route(model: HaSetFacts) -> None:
        """Remove every row of the route and the neighbour it needed."""
        model.outbox += _withdrawals(model.advertised, None)
        model.advertised = None
        if model.resolved is not None:
            model.outbox.append(ForgetNeighbour(model.resolved))
            model.resolved = None


class ConfiguredRoute(RouteActions):
    """The route of a DPU-driven set: from configuration, whatever the scopes are doing."""

    state_fact = "route"
    t = Table(RouteState, initial=RouteState.NONE)

    # fmt: off
    t.row(RouteState.ADVERTISED, RouteState.NONE, when="unwanted", do="withdraw_route",
          why="configuration deleted, or no vDPU managed here", ref="ha-set 4.1, FL-11", kind=PLANNED)
    t.row(RouteState.NONE, RouteState.ADVERTISED, when="route_known", do=("resolve_neighbour", "advertise_route"),
          why="configuration is complete", ref="ha-set 4.1, FL-14", kind=PLANNED)
    t.row(RouteState.ADVERTISED, STAY, when="neighbour_outdated", do="resolve_neighbour",
          why="another address to resolve", ref="ha-set 4.1, FL-14")
    t.row(RouteState.ADVERTISED, STAY, when="route_outdated", do="advertise_route",
          why="configuration changed", ref="ha-set 4.1")
    # fmt: on


class ServingRoute(RouteActions):
    """The route of a switch-driven set: it follows whoever serves, and stays while nobody does."""

    state_fact = "route"
    t = Table(RouteState, initial=RouteState.NONE)

    # fmt: off
    t.row(RouteState.ADVERTISED, RouteState.NONE, when="unwanted", do="withdraw_route",
          why="configuration deleted, or no vDPU managed here", ref="ha-set 4.1, FL-11", kind=PLANNED)
    t.row(RouteState.NONE, RouteState.ADVERTISED,
          when="somebody_serves", do=("resolve_neighbour", "follow_whoever_serves"),
          why="a vDPU serves", ref="ha-set 4.1, FL-14", kind=PLANNED)
    t.row(RouteState.ADVERTISED, STAY, when="neighbour_outdated", do="resolve_neighbour",
          why="another address to resolve", ref="ha-set 4.1, FL-14")
    t.row(RouteState.ADVERTISED, STAY, when="serving_route_outdated", do="follow_whoever_serves",
          why="another vDPU serves, or configuration changed", ref="ha-set 4.1, FL-32, LD-09")
    # fmt: on


def _withdrawals(old: Route | None, new: Route | None) -> list[Effect]:
    gone = [] if old is None else [(old.vnet, vip) for vip in old.vips]
    stay = set() if new is None else {(new.vnet, vip) for vip in new.vips}
    return [WithdrawRoute(vnet, vip) for vnet, vip in gone if (vnet, vip) not in stay]


def _install(model: HaSetFacts, route: Route) -> None:
    model.outbox += _withdrawals(model.advertised, route)
    model.advertised = route
    model.outbox.append(AdvertiseRoute(route))


class HaSet(Machine[HaSetFacts]):
    """What both variants of the HA set share."""

    record = HaSetFacts

    def _repeat(self) -> tuple[Effect, ...]:
        facts = self.facts
        programmed = facts.programmed if facts.dpu_row is DpuRowState.PROGRAMMED else None
        return (
            *([ProgramHaSet(programmed)] if programmed is not None else []),
            *(ProgramResponder(session) for session in facts.sessions),
            *([ResolveNeighbour(facts.resolved)] if facts.resolved is not None else []),
            *([AdvertiseRoute(facts.advertised)] if facts.advertised is not None else []),
        )


class DpuDrivenHaSet(HaSet):
    """The HA set of a scope whose DPU drives it."""

    regions = (DpuRow, Channel, Responders, ConfiguredRoute)


class SwitchDrivenHaSet(HaSet):
    """The HA set of a scope that the two hamgrd drive."""

    regions = (DpuRow, Channel, Responders, ServingRoute)
