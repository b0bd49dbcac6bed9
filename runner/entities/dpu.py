"""A DPU of this switch or of another: its addresses, its health, and the announcement of its resets.

Only the DPU in the slot of this process is managed. Of a DPU in another slot of this switch another process publishes
the state row. Source: domain "Actors", ha-set 1, tables 2.3, 2.4, 2.11, 2.12, 2.19, 2.22.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import Any

from attrs import frozen

from hamgr_fsm.dpu_health import DpuHealth
from hamgr_fsm.effects import AnnounceDpuReset, Effect, HearDpuAgain
from hamgr_fsm.vocabulary import PlaneState
from models import tables
from models.codec import BadRow, decode, encode
from models.config_db import DpuRow, RemoteDpuRow
from models.database import Database
from models.dpu_state import BfdProbeStateRow, DpuStateRow
from models.npu_rows import DpuResetInfoRow
from models.peer_messages import PeerData
from models.published import PublishedDpuRow
from models.table import Table
from runner import topics
from runner.entity import Context, Reader, Since, publish
from runner.intake import SINGLE_KEY
from runner.outputs import ReadAgain


@frozen
class Plane:
    """One plane of a DPU and since when it is what it is, in milliseconds."""

    state: PlaneState = PlaneState.UNKNOWN
    since_ms: int | None = None


@frozen
class DpuView:
    """A DPU as others of this node see it; health and sessions are those of local DPUs only."""

    dpu_name: str
    managed: bool
    local: bool
    up: bool | None = None
    lost: bool = False
    incarnation: int = 0
    pa_v4: IPv4Address | None = None
    pa_v6: IPv6Address | None = None
    npu_v4: IPv4Address | None = None
    npu_v6: IPv6Address | None = None
    midplane: Plane = Plane()
    control_plane: Plane = Plane()
    data_plane: Plane = Plane()
    bfd_known: bool = False
    bfd_v4: tuple[IPv4Address, ...] = ()
    bfd_v4_since_ms: int | None = None
    bfd_v6: tuple[IPv6Address, ...] = ()
    bfd_v6_since_ms: int | None = None


class DpuEntity:
    """One DPU by the name of its row."""

    def __init__(self, dpu_name: str) -> None:
        self.path = f"dpu/{dpu_name}"
        self._name = dpu_name
        self._machine: DpuHealth | None = None
        self._slot: int | None = None
        self._since = Since()

    def refresh(self, context: Context) -> bool:
        """Follow configuration and health; tell others what there is to know."""
        board = Reader(self.path, context.board)
        local: DpuRow | None = board.row(tables.DPU, self._name)
        remote: RemoteDpuRow | None = board.row(tables.REMOTE_DPU, self._name)
        if local is not None:
            view = self._local(local, board, context)
        elif remote is not None:
            self._stop_managing(context)
            view = _remote(self._name, remote)
        else:
            return self._cease(context)
        context.board.post(topics.dpu(self._name), view)
        self._publish(view, local or remote, board, context)
        return True

    def fire(self, timer: str, context: Context) -> None:
        """It has no timer."""

    def receive(self, sender: str, data: PeerData, context: Context) -> None:
        """Nobody speaks to it."""

    def _local(self, row: DpuRow, board: Reader, context: Context) -> DpuView:
        managed = row.dpu_id == context.slot_id
        before = self._machine.facts.incarnation if self._machine is not None else 0
        machine = self._machine or self._start(managed, context)
        planes: DpuStateRow = board.topic(topics.planes(row.dpu_id), DpuStateRow())
        effects = machine.update(
            now_ms=context.now_ms,
            midplane=planes.dpu_midplane_link_state,
            control_plane=planes.dpu_control_plane_state,
            data_plane=planes.dpu_data_plane_state,
            flushes=board.topic(topics.FLUSHES, 0) if managed else 0,
        )
        context.log_moves(self.path, machine.moves)
        if managed:
            self._manage(row, effects, before, context)
        else:
            self._stop_managing(context)
        return self._view(row, managed, planes, board, context)

    def _start(self, managed: bool, context: Context) -> DpuHealth:
        """Build the machine from what an earlier life published: a reset is announced once, not once a life.

        A DPU that was lost then is another incarnation now: what is found of it in the databases means nothing.
        """
        published = _published_before(self._name, context)
        lost = bool(published.reset_announced) and managed
        self._machine = DpuHealth(lost=lost, incarnation=int(lost))
        for plane in ("midplane_link", "control_plane", "data_plane"):
            state = getattr(published, f"dpu_{plane}_state")
            self._since.recall(plane, state, getattr(published, f"dpu_{plane}_time_in_ms"))
        for family in ("v4", "v6"):
            sessions = getattr(published, f"{family}_bfd_up_sessions")
            self._since.recall(family, sessions, getattr(published, f"{family}_bfd_up_sessions_timestamp_in_ms"))
        return self._machine

    def _manage(self, row: DpuRow, effects: tuple[Effect, ...], before: int, context: Context) -> None:
        assert self._machine is not None
        incarnation = self._machine.facts.incarnation
        if incarnation != before:
            context.ledger.forget_dpu()
        context.board.post(topics.INCARNATION, incarnation)
        key = f"DPU{row.dpu_id}"
        self._slot = row.dpu_id
        context.ledger.claim(self.path, tables.DPU_RESET_INFO, key)
        if AnnounceDpuReset() in effects:
            info = DpuResetInfoRow(reset_status=True, timestamp=context.now_ms, dpu_id=self._name, vdpu_id=row.vdpu_id)
            context.ledger.write(self.path, tables.DPU_RESET_INFO, key, encode(info), once=True)
        if HearDpuAgain() in effects:
            context.say([ReadAgain(Database.DPU_STATE_DB)])

    def _stop_managing(self, context: Context) -> None:
        if self._slot is not None:
            context.ledger.delete(self.path, tables.DPU_RESET_INFO, f"DPU{self._slot}")
            context.board.post(topics.INCARNATION, None)
            self._slot = None

    def _cease(self, context: Context) -> bool:
        self._stop_managing(context)
        context.board.post(topics.dpu(self._name), None)
        context.ledger.delete(self.path, tables.DASH_HA_DPU_STATE, self._name)
        return False

    def _view(self, row: DpuRow, managed: bool, planes: DpuStateRow, board: Reader, context: Context) -> DpuView:
        assert self._machine is not None
        report = self._machine.facts.report
        loopback = board.topic(topics.LOOPBACK, ())
        reported: BfdProbeStateRow | None = board.topic(topics.BFD_PROBES) if managed else None
        probes = reported or BfdProbeStateRow()
        now = context.now_ms

        def plane(name: str) -> Plane:
            state = getattr(planes, f"dpu_{name}_state")
            return Plane(state, self._since.when(name, state, getattr(planes, f"dpu_{name}_time"), now))

        def sessions_since(family: str) -> int:
            sessions = getattr(probes, f"{family}_bfd_up_sessions")
            return self._since.when(family, sessions, getattr(probes, f"{family}_bfd_up_sessions_timestamp"), now)

        return DpuView(
            self._name,
            managed=managed,
            local=True,
            up=report.up,
            lost=report.lost,
            incarnation=report.incarnation,
            pa_v4=row.pa_ipv4,
            pa_v6=row.pa_ipv6,
            npu_v4=next((a for a in loopback if isinstance(a, IPv4Address)), None),
            npu_v6=next((a for a in loopback if isinstance(a, IPv6Address)), None),
            midplane=plane("midplane_link"),
            control_plane=plane("control_plane"),
            data_plane=plane("data_plane"),
            bfd_known=reported is not None,
            bfd_v4=probes.v4_bfd_up_sessions,
            bfd_v4_since_ms=sessions_since("v4"),
            bfd_v6=probes.v6_bfd_up_sessions,
            bfd_v6_since_ms=sessions_since("v6"),
        )

    def _publish(self, view: DpuView, row: DpuRow | RemoteDpuRow | None, board: Reader, context: Context) -> None:
        if view.local and not view.managed:
            context.ledger.release(self.path, tables.DASH_HA_DPU_STATE, self._name)
            return
        health = self._machine.facts if view.managed and self._machine is not None else None
        rejected: list[tuple[Table[Any], str]] = [(tables.DPU, self._name), (tables.REMOTE_DPU, self._name)]
        if isinstance(row, DpuRow):
            rejected.append((tables.DPU_STATE, f"DPU{row.dpu_id}"))
        if view.managed:
            rejected.append((tables.DASH_BFD_PROBE_STATE, SINGLE_KEY))
        waiting = [name for name, address in (("pa_ipv4", view.pa_v4), ("npu_ipv4", view.npu_v4)) if address is None]
        record = PublishedDpuRow(
            remote_dpu=not view.local,
            is_managed=view.managed,
            up=view.up,
            state=health.health.value if health is not None else None,
            dpu_id=row.dpu_id if row is not None else None,
            pa_ipv4=view.pa_v4,
            pa_ipv6=view.pa_v6,
            npu_ipv4=view.npu_v4,
            npu_ipv6=view.npu_v6,
            swbus_port=row.swbus_port if row is not None else None,
            dpu_midplane_link_state=view.midplane.state,
            dpu_midplane_link_time_in_ms=view.midplane.since_ms,
            dpu_control_plane_state=view.control_plane.state,
            dpu_control_plane_time_in_ms=view.control_plane.since_ms,
            dpu_data_plane_state=view.data_plane.state,
            dpu_data_plane_time_in_ms=view.data_plane.since_ms,
            v4_bfd_up_sessions=view.bfd_v4,
            v4_bfd_up_sessions_timestamp_in_ms=view.bfd_v4_since_ms,
            v6_bfd_up_sessions=view.bfd_v6,
            v6_bfd_up_sessions_timestamp_in_ms=view.bfd_v6_since_ms,
            reset_announced=health.lost if health is not None else None,
            waiting_for=", ".join(waiting) or None,
            rejected=board.rejection(*rejected),
            **_of_local_row(row),
        )
        publish(context, self.path, tables.DASH_HA_DPU_STATE, self._name, record)


def _of_local_row(row: DpuRow | RemoteDpuRow | None) -> dict[str, Any]:
    if not isinstance(row, DpuRow):
        return {}
    names = ("vdpu_id", "vip_ipv4", "vip_ipv6", "midplane_ipv4", "orchagent_zmq_port")
    return {name: getattr(row, name) for name in names}


def _remote(name: str, row: RemoteDpuRow) -> DpuView:
    return DpuView(
        name,
        managed=False,
        local=False,
        pa_v4=row.pa_ipv4,
        pa_v6=row.pa_ipv6,
        npu_v4=row.npu_ipv4,
        npu_v6=row.npu_ipv6,
    )


def _published_before(name: str, context: Context) -> PublishedDpuRow:
    fields = context.ledger.fields(tables.DASH_HA_DPU_STATE, name)
    if fields is None:
        return PublishedDpuRow()
    try:
        return decode(tables.DASH_HA_DPU_STATE, name, {n: v.encode() for n, v in fields.items()})
    except BadRow:
        # It is only what we said ourselves; whatever it was, it is about to be said again.
        return PublishedDpuRow()
