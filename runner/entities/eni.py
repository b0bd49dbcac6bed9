"""An ENI that the controller has placed in an HA set: its forwarding entry in this switch.

Source: ha-set 4.2, tables 2.9, 2.21.
"""

from hamgr_fsm.effects import Effect, ForwardEni, ForwardEniNoMore, LeaveEniToAnother
from hamgr_fsm.eni_forwarding import EniForwarding, EniPlacement, EntryState
from hamgr_fsm.programs import EniForward, GlobalSettings
from hamgr_fsm.traffic import ScopeView
from hamgr_fsm.vocabulary import HaScopeKind
from models import tables
from models.codec import BadRow, decode, encode
from models.controller import HaSetConfigRow
from models.eni_rows import EniForwardRow, EniPlacementRow
from models.peer_messages import PeerData
from runner import topics
from runner.entities.vdpu import VdpuReport
from runner.entity import Context, Reader
from runner.outputs import Alert


class EniEntity:
    """One ENI by its id."""

    def __init__(self, eni_id: str) -> None:
        self.path = f"eni/{eni_id}"
        self._id = eni_id
        self._machine = EniForwarding()
        self._complained = ""

    def refresh(self, context: Context) -> bool:
        """Gather what the machine is told and carry out what it asks."""
        board = Reader(self.path, context.board)
        row: EniPlacementRow | None = board.row(tables.DASH_ENI_PLACEMENT_TABLE, self._id)
        told = self._told(row, board)
        self._adopt(row, told["vnet"], context)
        self._carry_out(self._machine.update(**told), context)
        context.log_moves(self.path, self._machine.moves)
        self._complain(context)
        return row is not None

    def fire(self, timer: str, context: Context) -> None:
        """It has no timer."""

    def receive(self, sender: str, data: PeerData, context: Context) -> None:
        """Nobody speaks to it."""

    @property
    def mac(self) -> str | None:
        """The MAC that the ENI is placed with."""
        placement = self._machine.facts.placement
        return placement.mac if placement is not None else None

    def _told(self, row: EniPlacementRow | None, board: Reader) -> dict[str, object]:
        settings: GlobalSettings | None = board.topic(topics.SETTINGS)
        told: dict[str, object] = {
            "placement": _placement_of(row),
            "vdpu_ids": None,
            "vdpus": (),
            "scopes": (),
            "vnet": settings.dpu_vnet if settings is not None else None,
        }
        ha_set: HaSetConfigRow | None = None
        if row is not None:
            ha_set = board.row(tables.DASH_HA_SET_CONFIG_TABLE, row.ha_set_id)
        if row is None or ha_set is None or ha_set.scope is not HaScopeKind.ENI:
            return told
        reports: list[VdpuReport | None] = [board.topic(topics.vdpu(id_)) for id_ in ha_set.vdpu_ids]
        views: dict[str, ScopeView] = board.topic(topics.views_of(row.ha_set_id, self._id), {})
        return told | {
            "vdpu_ids": ha_set.vdpu_ids,
            "vdpus": tuple(report.view for report in reports if report is not None),
            "scopes": tuple(views[id_] for id_ in ha_set.vdpu_ids if id_ in views),
        }

    def _adopt(self, row: EniPlacementRow | None, vnet: object, context: Context) -> None:
        """What an earlier life of this daemon installed counts as installed."""
        facts = self._machine.facts
        if row is None or not isinstance(vnet, str) or facts.entry is EntryState.INSTALLED:
            return
        key = _key(vnet, row.eni_mac)
        fields = context.ledger.fields(tables.DASH_ENI_FORWARD_TABLE, key)
        if fields is None:
            return
        try:
            entry = decode(tables.DASH_ENI_FORWARD_TABLE, key, fields)
        except BadRow:
            # Not written by us in this shape: it will be written again as it should be.
            return
        context.ledger.claim(self.path, tables.DASH_ENI_FORWARD_TABLE, key)
        program = EniForward(
            vnet, row.eni_mac, entry.vdpu_ids, entry.primary_vdpu, entry.outbound_vni, entry.outbound_eni_mac_lookup
        )
        self._machine = EniForwarding(entry=EntryState.INSTALLED, installed=program)

    def _carry_out(self, effects: tuple[Effect, ...], context: Context) -> None:
        ledger, table = context.ledger, tables.DASH_ENI_FORWARD_TABLE
        for effect in effects:
            match effect:
                case ForwardEni(program, moves_traffic):
                    key = _key(program.vnet, program.mac)
                    ledger.write(self.path, table, key, encode(_row(program)), urgent=moves_traffic)
                case ForwardEniNoMore(vnet, mac):
                    ledger.delete(self.path, table, _key(vnet, mac))
                case LeaveEniToAnother(vnet, mac):
                    ledger.release(self.path, table, _key(vnet, mac))
                case _:
                    raise AssertionError(f"an ENI does not ask for {effect}")

    def _complain(self, context: Context) -> None:
        """Say once when the pin is none of the set's vDPUs: it steers nothing, and nobody else would notice."""
        waiting = self._machine.facts.waiting_for
        complaint = waiting if "pinned next hop" in waiting else ""
        if complaint and complaint != self._complained:
            context.say([Alert(self.path, f"waits for {complaint}")])
        self._complained = complaint


def _placement_of(row: EniPlacementRow | None) -> EniPlacement | None:
    if row is None:
        return None
    return EniPlacement(
        row.eni_mac, row.ha_set_id, row.pinned_next_hop_index, row.outbound_vni, row.outbound_eni_mac_lookup
    )


def _key(vnet: str, mac: str) -> str:
    return f"{vnet}:{mac}"


def _row(program: EniForward) -> EniForwardRow:
    return EniForwardRow(
        vdpu_ids=program.vdpu_ids,
        primary_vdpu=program.primary,
        outbound_vni=program.outbound_vni,
        outbound_eni_mac_lookup=program.outbound_lookup,
    )
