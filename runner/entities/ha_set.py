"""An HA set: it pairs vDPUs, and its machine's effects become rows of the DPU and of this switch.

Source: domain "Actors", ha-set 2 to 5, tables 2.7, 2.13, 2.19 to 2.21.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Any

import attrs
from attrs import frozen

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
from hamgr_fsm.ha_set import DpuDrivenHaSet, HaSet, SwitchDrivenHaSet
from hamgr_fsm.ha_set_facts import DpuRowState, HaSetConfig, HaSetFacts
from hamgr_fsm.messages import StateReport
from hamgr_fsm.programs import Address, GlobalSettings, HaSetProgram, Neighbour, Responder, Route
from hamgr_fsm.traffic import ScopeView
from hamgr_fsm.vocabulary import HaOwner, HaScopeKind
from models import tables
from models.codec import BadRow, decode, encode
from models.controller import HaSetConfigRow
from models.dpu_rows import BfdSessionRow, HaSetRow
from models.npu_rows import NeighResolveRow, VnetRouteTunnelRow
from models.peer_messages import HaScopeStateUpdate, PeerData
from models.published import PublishedSetRow
from runner import topics
from runner.entities.peer_words import heard
from runner.entities.vdpu import VdpuReport
from runner.entity import Context, Reader, publish
from runner.intake import Heard
from runner.ledger import AnyTable

_PORTS_AND_PROBES = (
    "cp_data_channel_port",
    "dp_channel_dst_port",
    "dp_channel_src_port_min",
    "dp_channel_src_port_max",
    "dp_channel_probe_interval_ms",
    "dp_channel_probe_fail_threshold",
)


@frozen
class ScopeReport:
    """What an HA set hears of one of its scopes.

    ``serving``: the scope wants its DPU's BFD probes answered, in the incarnation of the DPU that is named.
    """

    vdpu_id: str
    owner: HaOwner
    managed: bool
    serving: bool = False
    dpu_incarnation: int = 0


class HaSetEntity:
    """One HA set by its id."""

    def __init__(self, ha_set_id: str) -> None:
        self.path = f"ha-set/{ha_set_id}"
        self._id = ha_set_id
        self._machine: HaSet | None = None
        self._adopted: set[tuple[AnyTable, str]] = set()

    def refresh(self, context: Context) -> bool:
        """Gather what the machine is told, carry out what it asks, tell the scopes."""
        board = Reader(self.path, context.board)
        row: HaSetConfigRow | None = board.row(tables.DASH_HA_SET_CONFIG_TABLE, self._id)
        told = self._told(row, board, context)
        machine = self._variant(told["owner"], context)
        self._carry_out(machine.update(**told), context)
        context.log_moves(self.path, machine.moves)
        self._adopt_route(machine, context)
        if row is None:
            context.board.post(topics.ha_set(self._id), None)
            # A set that gets this id later is another one; whoever still knows something tells it (I4).
            context.board.withdraw(topics.views_of(self._id)[:-1])
            context.ledger.delete(self.path, tables.DASH_HA_SET_STATE, self._id)
            return False
        context.board.post(topics.ha_set(self._id), machine.facts.report)
        self._publish(row, machine, board, context)
        return True

    def fire(self, timer: str, context: Context) -> None:
        """It has no timer."""

    def receive(self, sender: str, data: PeerData, context: Context) -> None:
        """A side of the pair reports where it is; the route may follow it."""
        report = heard(data, peer_position=1)
        if isinstance(data, HaScopeStateUpdate) and isinstance(report, StateReport):
            view = ScopeView(data.vdpu_id, report.state, report.acked_role, report.term, report.pinned)
            config: HaSetConfigRow | None = context.board.peek(topics.row(tables.DASH_HA_SET_CONFIG_TABLE, self._id))
            by_eni = config is not None and config.scope is HaScopeKind.ENI
            topic = topics.views_of(self._id, sender.partition(":")[2] if by_eni else "")
            context.board.contribute(topic, data.vdpu_id, view)

    @property
    def settled(self) -> bool:
        """Every row that this set wants has been written: what else is there of its kind is nobody's."""
        return self._machine is None or not self._machine.facts.waiting_for or self._machine.facts.nothing_managed

    def _variant(self, owner: object, context: Context) -> HaSet:
        """The machine whose route follows the owner; all it knows moves along when the owner becomes known."""
        machine = self._machine or self._start(context)
        variant = SwitchDrivenHaSet if owner is HaOwner.SWITCH else DpuDrivenHaSet
        if owner is not HaOwner.UNSPECIFIED and type(machine) is not variant:
            machine = self._machine = variant(**dict(machine.snapshot().facts))
        return machine

    def _start(self, context: Context) -> HaSet:
        """Build the machine; what the DPU was told in an earlier life counts as told."""
        programmed = _programmed_before(self._id, context)
        if programmed is None:
            self._machine = DpuDrivenHaSet()
        else:
            context.ledger.claim(self.path, tables.DASH_HA_SET_TABLE, self._id)
            self._machine = DpuDrivenHaSet(
                dpu_row=DpuRowState.PROGRAMMED,
                programmed=programmed,
                programmed_in=context.board.peek(topics.INCARNATION, 0),
                incarnation=1,
            )
        return self._machine

    def _adopt_route(self, machine: HaSet, context: Context) -> None:
        """Keep the route of an earlier life for as long as this one knows nobody who serves (ha-set 4.1)."""
        facts = machine.facts
        waits = isinstance(machine, SwitchDrivenHaSet) and facts.advertised is None
        adopted = _rows_of_any_route(facts) if waits else set()
        for table, key in self._adopted - adopted - _rows_of_the_route(facts):
            context.ledger.delete(self.path, table, key)
        for table, key in adopted:
            context.ledger.claim(self.path, table, key)
        self._adopted = adopted

    def _told(self, row: HaSetConfigRow | None, board: Reader, context: Context) -> dict[str, object]:
        ids = row.vdpu_ids if row is not None else ()
        reports: list[VdpuReport] = [r for r in (board.topic(topics.vdpu(id_)) for id_ in ids) if r is not None]
        dpu = next((report.dpu for report in reports if report.view.managed), None)
        scopes: frozenset[ScopeReport] = board.topic(topics.scopes_of(self._id), frozenset())
        # A scope that is managed here knows best who owns the set.
        owners = [scope.owner for scope in sorted(scopes, key=lambda s: (not s.managed, s.vdpu_id, s.owner))]
        views: dict[str, ScopeView] = board.topic(topics.views_of(self._id), {})
        channel: Heard | None = board.row(tables.DASH_HA_SET_STATE_TABLE, self._id)
        told: dict[str, object] = {
            "now_ms": context.now_ms,
            "config": _config_of(row) if row is not None else None,
            "settings": board.topic(topics.SETTINGS),
            "vdpus": tuple(report.view for report in reports),
            "scopes": tuple(views[id_] for id_ in ids if id_ in views),
            "owner": next((owner for owner in owners if owner is not HaOwner.UNSPECIFIED), HaOwner.UNSPECIFIED),
        }
        if dpu is not None:
            current = channel is not None and channel.incarnation == dpu.incarnation
            told |= {
                "dpu_lost": dpu.lost,
                "dpu_incarnation": dpu.incarnation,
                "channel_up": channel.row.dp_channel_is_alive if channel is not None and current else None,
                "serving": any(s.serving and s.managed and s.dpu_incarnation == dpu.incarnation for s in scopes),
            }
        return told

    def _carry_out(self, effects: tuple[Effect, ...], context: Context) -> None:
        ledger = context.ledger
        for effect in effects:
            match effect:
                case ProgramHaSet(program):
                    ledger.write(self.path, tables.DASH_HA_SET_TABLE, self._id, encode(_set_row(program)))
                case RemoveHaSet():
                    ledger.delete(self.path, tables.DASH_HA_SET_TABLE, self._id)
                case ProgramResponder(responder):
                    key = _session_key(responder.npu_address)
                    ledger.write(self.path, tables.BFD_SESSION_TABLE, key, encode(_session_row(responder)))
                case RemoveResponder(address):
                    ledger.delete(self.path, tables.BFD_SESSION_TABLE, _session_key(address))
                case ResolveNeighbour(neighbour):
                    fields = encode(NeighResolveRow())
                    ledger.write(self.path, tables.NEIGH_RESOLVE_TABLE, _neighbour_key(neighbour), fields)
                case ForgetNeighbour(neighbour):
                    ledger.delete(self.path, tables.NEIGH_RESOLVE_TABLE, _neighbour_key(neighbour))
                case AdvertiseRoute(route):
                    for vip in route.vips:
                        key = _route_key(route.vnet, vip)
                        ledger.write(self.path, tables.VNET_ROUTE_TUNNEL_TABLE, key, encode(_route_row(route)))
                case WithdrawRoute(vnet, vip):
                    ledger.delete(self.path, tables.VNET_ROUTE_TUNNEL_TABLE, _route_key(vnet, vip))
                case _:
                    raise AssertionError(f"an HA set does not ask for {effect}")

    def _publish(self, row: HaSetConfigRow, machine: HaSet, board: Reader, context: Context) -> None:
        facts = machine.facts
        if any(vdpu.local for vdpu in facts.vdpus) and facts.managed is None:
            # A set of another slot of this switch: the process of that slot publishes it.
            context.ledger.release(self.path, tables.DASH_HA_SET_STATE, self._id)
            return
        told = facts.programmed
        route = facts.advertised
        waiting = facts.waiting_for or (f"route: {facts.route_waiting_for}" if facts.route_waiting_for else "")
        record = PublishedSetRow(
            up=facts.report.channel_up,
            vdpu_ids=row.vdpu_ids,
            pinned_vdpu_bfd_probe_states=tuple(row.pins.values()),
            owner=facts.owner,
            programmed=facts.dpu_row is DpuRowState.PROGRAMMED,
            channel_state=facts.channel.value,
            responders_state=facts.responders.value,
            route_state=facts.route.value,
            dpu_row_state=facts.dpu_row.value,
            route_key=",".join(_route_key(route.vnet, vip) for vip in route.vips) if route is not None else None,
            waiting_for=waiting or None,
            rejected=board.rejection(
                (tables.DASH_HA_SET_CONFIG_TABLE, self._id), (tables.DASH_HA_SET_STATE_TABLE, self._id)
            ),
            **(_told_fields(told) if told is not None else _configured_fields(row)),
        )
        publish(context, self.path, tables.DASH_HA_SET_STATE, self._id, record)


def _config_of(row: HaSetConfigRow) -> HaSetConfig:
    return HaSetConfig(
        version=row.version,
        kind=row.scope,
        vip_v4=row.vip_v4,
        vip_v6=row.vip_v6,
        vdpu_ids=row.vdpu_ids,
        pins=tuple(row.pins.values()),
        preferred=row.preferred_vdpu_id,
        preferred_standalone_index=row.preferred_standalone_vdpu_index,
    )


def _set_row(program: HaSetProgram) -> HaSetRow:
    return HaSetRow(
        version=program.version,
        vip_v4=program.vip_v4,
        vip_v6=program.vip_v6,
        owner=program.owner,
        scope=program.kind,
        local_npu_ip=program.local_npu_ip,
        local_ip=program.local_ip,
        peer_ip=program.peer_ip,
        **{name: getattr(program.settings, name) for name in _PORTS_AND_PROBES},
    )


def _programmed_before(ha_set_id: str, context: Context) -> HaSetProgram | None:
    """What the DPU was told in an earlier life of this daemon, as the copy in Redis shows."""
    fields = context.ledger.fields(tables.DASH_HA_SET_TABLE, ha_set_id)
    if fields is None:
        return None
    try:
        row = decode(tables.DASH_HA_SET_TABLE, ha_set_id, {name: value.encode() for name, value in fields.items()})
    except BadRow:
        # Not written by us in this shape: it will be written again as it should be.
        return None
    npu, local, peer = row.local_npu_ip, row.local_ip, row.peer_ip
    if not (isinstance(npu, IPv4Address) and isinstance(local, IPv4Address) and isinstance(peer, IPv4Address)):
        return None
    settings = GlobalSettings(**{name: getattr(row, name) for name in _PORTS_AND_PROBES})
    return HaSetProgram(row.version, row.owner, row.scope, row.vip_v4, row.vip_v6, npu, local, peer, settings)


def _told_fields(program: HaSetProgram) -> dict[str, Any]:
    return {name: value for name, value in attrs.asdict(_set_row(program)).items() if name != "owner"}


def _configured_fields(row: HaSetConfigRow) -> dict[str, Any]:
    return {"version": row.version, "vip_v4": row.vip_v4, "vip_v6": row.vip_v6, "scope": row.scope}


def _session_key(npu_address: Address) -> str:
    return f"default:default:{npu_address}"


def _session_row(responder: Responder) -> BfdSessionRow:
    return BfdSessionRow(
        tx_interval=responder.interval_ms,
        rx_interval=responder.interval_ms,
        multiplier=responder.multiplier,
        local_addr=responder.local_address,
    )


def _neighbour_key(neighbour: Neighbour) -> str:
    return f"{neighbour.vlan}:{neighbour.address}"


def _route_key(vnet: str, vip: Address) -> str:
    return f"{vnet}:{vip}"


def _rows_of_any_route(facts: HaSetFacts) -> set[tuple[AnyTable, str]]:
    """The rows that a route of this set has, whoever serves."""
    config, settings, neighbour = facts.config, facts.settings, facts.wanted_neighbour
    if facts.managed is None or config is None or settings is None or settings.dpu_vnet is None:
        return set()
    vips = [vip for vip in (config.vip_v4, config.vip_v6) if vip is not None]
    return _rows(settings.dpu_vnet, vips, neighbour)


def _rows_of_the_route(facts: HaSetFacts) -> set[tuple[AnyTable, str]]:
    """The rows of the route that is installed."""
    route = facts.advertised
    return _rows(route.vnet, route.vips, facts.resolved) if route is not None else set()


def _rows(vnet: str, vips: Sequence[Address], neighbour: Neighbour | None) -> set[tuple[AnyTable, str]]:
    rows: set[tuple[AnyTable, str]] = {(tables.VNET_ROUTE_TUNNEL_TABLE, _route_key(vnet, vip)) for vip in vips}
    if neighbour is not None:
        rows.add((tables.NEIGH_RESOLVE_TABLE, _neighbour_key(neighbour)))
    return rows


def _route_row(route: Route) -> VnetRouteTunnelRow:
    return VnetRouteTunnelRow(
        endpoint=tuple(endpoint.address for endpoint in route.endpoints),
        endpoint_monitor=tuple(endpoint.monitor for endpoint in route.endpoints),
        primary=(route.primary,),
        rx_monitor_timer=route.probe_interval_ms,
        tx_monitor_timer=route.probe_interval_ms,
        check_directly_connected=route.directly_connected,
        pinned_state=tuple(endpoint.pin for endpoint in route.endpoints),
    )
