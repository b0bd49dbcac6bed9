"""What is known of an HA set, and the guards over it: the vocabulary in which ``ha_set`` declares its rows.

Decides what the DPU should have been told, which probes it should answer and which route should be installed; whether
and when that is done is the business of the rows. Must not know how rows of a database look.

Source: ha-set 2 to 4; field-lessons FL-11, FL-13, FL-14, LD-11, LD-12, LD-13, LD-14.
"""

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

import attrs
from attrs import define, frozen

from hamgr_fsm.facts import Facts, kept, told
from hamgr_fsm.programs import Address, GlobalSettings, HaSetProgram, Neighbour, Responder, Route
from hamgr_fsm.traffic import ScopeView, VdpuView, configured_route, serving_route
from hamgr_fsm.vocabulary import HaOwner, HaScopeKind, PinState


class DpuRowState(StrEnum):
    """Whether the DPU has been told the HA set."""

    WAITING = "waiting"
    PROGRAMMED = "programmed"
    REMOVED = "removed"


class ChannelState(StrEnum):
    """The data plane channel between the two DPUs."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class RespondersState(StrEnum):
    """Whether the DPU has been told to answer BFD probes."""

    NONE = "none"
    PRESENT = "present"


class RouteState(StrEnum):
    """Whether this switch has been told the route."""

    NONE = "none"
    ADVERTISED = "advertised"


@frozen
class HaSetConfig:
    """The controller's configuration of an HA set. Pins stand in the order of ``vdpu_ids`` and may be fewer."""

    version: str = ""
    kind: HaScopeKind = HaScopeKind.DPU
    vip_v4: IPv4Address | None = None
    vip_v6: IPv6Address | None = None
    vdpu_ids: tuple[str, ...] = ()
    pins: tuple[PinState, ...] = ()
    preferred: str = ""
    preferred_standalone_index: int = 0


@frozen
class HaSetReport:
    """What scopes hear of their HA set.

    ``incarnation`` is None until the DPU has been told the set, and another number each time it was told anew: a scope
    that was programmed under another one must be programmed again.
    """

    incarnation: int | None = None
    vip_v4: IPv4Address | None = None
    vip_v6: IPv6Address | None = None
    local_ip: IPv4Address | None = None
    peer_ip: IPv4Address | None = None
    channel_up: bool | None = None


@define
class HaSetFacts(Facts):
    """What is known of one HA set and what has been told because of it."""

    dpu_row: DpuRowState = kept(DpuRowState.WAITING)
    channel: ChannelState = kept(ChannelState.UNKNOWN)
    responders: RespondersState = kept(RespondersState.NONE)
    route: RouteState = kept(RouteState.NONE)

    config: HaSetConfig | None = told(None)
    """None before the controller has configured the set, and after it has deleted it."""

    settings: GlobalSettings | None = told(None)
    vdpus: tuple[VdpuView, ...] = told(())
    """The vDPUs of ``config.vdpu_ids`` that are known here, in that order."""

    owner: HaOwner = told(HaOwner.UNSPECIFIED)
    """Who drives the scope of this set; unspecified until a scope has said so."""

    dpu_lost: bool = told(False)
    dpu_incarnation: int = told(0)
    channel_up: bool | None = told(None)
    serving: bool = told(False)
    """The scope on the managed DPU wants its BFD probes answered."""

    scopes: tuple[ScopeView, ...] = told(())
    """What the scopes of the set last reported of themselves, in the order of ``config.vdpu_ids``."""

    programmed: HaSetProgram | None = kept(None)
    programmed_in: int | None = kept(None)
    """The DPU's incarnation that was told ``programmed``."""

    incarnation: int = kept(0)
    sessions: tuple[Responder, ...] = kept(())
    sessions_in: int = kept(0)
    """The DPU's incarnation that was told ``sessions``."""

    advertised: Route | None = kept(None)
    resolved: Neighbour | None = kept(None)

    @property
    def unconfigured(self) -> bool:
        """The controller has deleted the set."""
        return self.config is None

    @property
    def configured(self) -> bool:
        """The controller has configured the set."""
        return self.config is not None

    @property
    def managed(self) -> VdpuView | None:
        """The vDPU of this set whose DPU is in the slot of this process."""
        return next((vdpu for vdpu in self.vdpus if vdpu.managed), None)

    @property
    def peer(self) -> VdpuView | None:
        """The other vDPU."""
        return next((vdpu for vdpu in self.vdpus if not vdpu.managed), None)

    @property
    def waiting_for(self) -> str:
        """What is still missing before the DPU can be told the set, in words; empty when nothing is."""
        if self.config is None:
            return "configuration of the HA set"
        ids = self.config.vdpu_ids
        if len(ids) != 2:
            return f"exactly two vDPUs in vdpu_ids, which has {len(ids)}"
        known = {vdpu.vdpu_id for vdpu in self.vdpus}
        if missing := [vdpu_id for vdpu_id in ids if vdpu_id not in known]:
            return "vDPU " + ", ".join(missing)
        if self.managed is None or self.peer is None:
            return "exactly one vDPU that is managed here"
        if self.settings is None:
            return "global configuration"
        if self.managed.pa_v4 is None or self.peer.pa_v4 is None:
            return "pa_ipv4 of both DPUs"
        if self.managed.npu_v4 is None:
            return "an IPv4 address of Loopback0"
        if self.owner is HaOwner.UNSPECIFIED:
            return "a configured HA scope, which says who owns the set"
        return "the DPU to come back after its reset" if self.dpu_lost else ""

    @property
    def complete(self) -> bool:
        """Everything that the DPU is to be told is known, and the DPU is there to be told."""
        return not self.waiting_for

    @property
    def nothing_managed(self) -> bool:
        """All vDPUs of the set are known and none of them is managed here.

        A set that lists no vDPU at all waits; it is no reason to take away what there is.
        """
        ids = self.config.vdpu_ids if self.config is not None else ()
        return bool(ids) and len(self.vdpus) == len(ids) and self.managed is None

    @property
    def unwanted(self) -> bool:
        """Nothing may be told because of this set: it is deleted, or none of its vDPUs is managed here.

        The packets of a set whose scopes are ENIs follow an entry of each ENI instead. Source: ha-set 4.2.
        """
        return self.unconfigured or self.nothing_managed or self.forwards_by_eni

    @property
    def forwards_by_eni(self) -> bool:
        """Its scopes are ENIs, and each of them has a forwarding entry of its own in the place of the route."""
        return self.config is not None and self.config.kind is HaScopeKind.ENI

    @property
    def program(self) -> HaSetProgram | None:
        """What the DPU is to be told now; None while something is missing."""
        if not self.complete:
            return None
        assert self.config is not None and self.settings is not None
        assert self.managed is not None and self.peer is not None
        assert self.managed.npu_v4 is not None and self.managed.pa_v4 is not None and self.peer.pa_v4 is not None
        return HaSetProgram(
            version=self.config.version,
            owner=self.owner,
            kind=self.config.kind,
            vip_v4=self.config.vip_v4,
            vip_v6=self.config.vip_v6,
            local_npu_ip=self.managed.npu_v4,
            local_ip=self.managed.pa_v4,
            peer_ip=self.peer.pa_v4,
            settings=_told_to_dpu(self.settings),
        )

    @property
    def dpu_restarted(self) -> bool:
        """The incarnation of the DPU that was told the set is over."""
        return self.dpu_lost or self.programmed_in != self.dpu_incarnation

    @property
    def row_outdated(self) -> bool:
        """What the DPU is to be told differs from what it was told."""
        return self.program is not None and self.program != self.programmed

    @property
    def must_be_recreated(self) -> bool:
        """The difference is one that the DPU takes only by deleting and creating the set.

        An existing set takes another peer address and owner; the version is a remark. Source: ha-set 2, FL-13.
        """
        program, programmed = self.program, self.programmed
        if program is None or programmed is None:
            return False
        like_new = attrs.evolve(programmed, version=program.version, owner=program.owner, peer_ip=program.peer_ip)
        return like_new != program

    @property
    def channel_reported_up(self) -> bool:
        """The DPU says that the channel is up."""
        return self.channel_up is True

    @property
    def channel_reported_down(self) -> bool:
        """The DPU says that the channel is down."""
        return self.channel_up is False

    @property
    def channel_unreported(self) -> bool:
        """Nothing is known of the channel in this incarnation of the DPU."""
        return self.channel_up is None

    @property
    def wanted_sessions(self) -> tuple[Responder, ...]:
        """One passive BFD session for each distinct address of the NPUs of the set, IPv6 where both ends have one."""
        if self.managed is None or self.settings is None:
            return ()
        npus = [vdpu.npu_v4 for vdpu in self.vdpus] + [vdpu.npu_v6 for vdpu in self.vdpus]
        sessions: dict[Address, Responder] = {}
        for npu in npus:
            local = self.managed.pa_v4 if isinstance(npu, IPv4Address) else self.managed.pa_v6
            if npu is not None and local is not None:
                sessions[npu] = Responder(
                    npu, local, self.settings.dpu_bfd_probe_interval_ms, self.settings.dpu_bfd_probe_multiplier
                )
        return tuple(sessions.values())

    @property
    def sessions_lost(self) -> bool:
        """The incarnation of the DPU that was told the sessions is over."""
        return self.dpu_lost or self.sessions_in != self.dpu_incarnation

    @property
    def should_respond(self) -> bool:
        """The scope wants probes answered, the DPU has been told the set, and it is known whom to answer."""
        return self.serving and self.dpu_row is DpuRowState.PROGRAMMED and bool(self.wanted_sessions)

    @property
    def must_be_silent(self) -> bool:
        """The scope wants no probe answered, or the DPU has no HA set."""
        return not self.serving or self.dpu_row is not DpuRowState.PROGRAMMED

    @property
    def sessions_outdated(self) -> bool:
        """The sessions that the DPU was told are not those it should have."""
        return self.complete and set(self.wanted_sessions) != set(self.sessions)

    @property
    def wanted_route(self) -> Route | None:
        """The route from configuration; None while something is missing or the set is not DPU-driven."""
        if self.config is None or self.settings is None or self.managed is None or self.owner is not HaOwner.DPU:
            return None
        if self.forwards_by_eni:
            return None
        if len(self.vdpus) != len(self.config.vdpu_ids) or len(self.vdpus) != 2:
            return None
        return configured_route(
            self.vdpus,
            preferred=self.config.preferred,
            pins=self.config.pins,
            vips=[vip for vip in (self.config.vip_v4, self.config.vip_v6) if vip is not None],
            settings=self.settings,
        )

    @property
    def serving_route(self) -> Route | None:
        """The route to whoever serves; None while nobody does or something is missing."""
        if self.config is None or self.settings is None or self.managed is None or self.owner is not HaOwner.SWITCH:
            return None
        if self.forwards_by_eni:
            return None
        return serving_route(
            self.vdpus,
            self.scopes,
            pins=self.config.pins,
            vips=[vip for vip in (self.config.vip_v4, self.config.vip_v6) if vip is not None],
            settings=self.settings,
        )

    @property
    def somebody_serves(self) -> bool:
        """A vDPU serves, and everything that a route to it needs is known."""
        return self.serving_route is not None

    @property
    def serving_route_outdated(self) -> bool:
        """The route that is installed is not the one to whoever serves now."""
        return self.serving_route is not None and self.serving_route != self.advertised

    @property
    def route_known(self) -> bool:
        """There is a route to install."""
        return self.wanted_route is not None

    @property
    def route_outdated(self) -> bool:
        """There is a route to install, and it is not the one that is installed."""
        return self.wanted_route is not None and self.wanted_route != self.advertised

    @property
    def route_waiting_for(self) -> str:
        """What the route still needs beyond what the DPU row needs, in words; empty when nothing."""
        if self.config is None or self.settings is None or self.wanted_route is not None or self.forwards_by_eni:
            return ""
        if self.settings.dpu_vnet is None:
            return "dpu_vnet in the global configuration"
        if self.config.vip_v4 is None and self.config.vip_v6 is None:
            return "a VIP in the configuration of the HA set"
        return "npu_ipv4 of the peer's DPU" if self.peer is not None and self.peer.npu_v4 is None else ""

    @property
    def wanted_neighbour(self) -> Neighbour | None:
        """The managed DPU's address, to be resolved before a route leads there."""
        if (
            self.settings is None
            or self.settings.dpu_vlan is None
            or self.managed is None
            or self.managed.pa_v4 is None
        ):
            return None
        return Neighbour(self.settings.dpu_vlan, self.managed.pa_v4)

    @property
    def neighbour_outdated(self) -> bool:
        """Another address is to be resolved than the one that was."""
        return self.wanted_neighbour is not None and self.wanted_neighbour != self.resolved

    @property
    def report(self) -> HaSetReport:
        """What the scopes of this set hear of it; before the DPU has been told the set there is no incarnation."""
        told = self.programmed
        if told is None:
            return HaSetReport()
        incarnation = self.incarnation if self.dpu_row is DpuRowState.PROGRAMMED else None
        channel_up = _CHANNEL_UP[self.channel]
        return HaSetReport(incarnation, told.vip_v4, told.vip_v6, told.local_ip, told.peer_ip, channel_up)


_CHANNEL_UP = {ChannelState.UNKNOWN: None, ChannelState.UP: True, ChannelState.DOWN: False}


def _told_to_dpu(settings: GlobalSettings) -> GlobalSettings:
    """The settings that are part of the DPU's row; a change of any other must not touch the DPU."""
    return attrs.evolve(
        settings, dpu_bfd_probe_interval_ms=None, dpu_bfd_probe_multiplier=None, dpu_vnet=None, dpu_vlan=None
    )
