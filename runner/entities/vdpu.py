"""A vDPU: it registers with its DPUs, sums up their health and tells HA sets and HA scopes.

Source: domain "Actors", ha-set 1, tables 2.5, 2.19.
"""

from collections.abc import Sequence

from attrs import frozen

from hamgr_fsm.traffic import VdpuView
from models import tables
from models.config_db import VdpuRow
from models.peer_messages import PeerData
from models.published import PublishedVdpuRow
from runner import topics
from runner.entities.dpu import DpuView
from runner.entity import Context, Reader, publish


@frozen
class VdpuReport:
    """What HA sets and scopes hear of a vDPU whose main DPU is known: itself, and that DPU."""

    view: VdpuView
    dpu: DpuView


def sum_of_health(healths: Sequence[bool | None]) -> bool | None:
    """Up if all are up, down if any is down, else unknown."""
    if False in healths:
        return False
    return True if healths and all(healths) else None


class VdpuEntity:
    """One vDPU by its id."""

    def __init__(self, vdpu_id: str) -> None:
        self.path = f"vdpu/{vdpu_id}"
        self._id = vdpu_id

    def refresh(self, context: Context) -> bool:
        """Read every DPU of the vDPU and report what they are together."""
        board = Reader(self.path, context.board)
        row: VdpuRow | None = board.row(tables.VDPU, self._id)
        if row is None:
            context.board.post(topics.vdpu(self._id), None)
            context.ledger.delete(self.path, tables.DASH_HA_VDPU_STATE, self._id)
            return False
        dpus: list[DpuView | None] = [board.topic(topics.dpu(name)) for name in row.main_dpu_ids]
        main = dpus[0]
        report = None if main is None else _report(self._id, main, [dpu.up if dpu else None for dpu in dpus])
        context.board.post(topics.vdpu(self._id), report)
        if report is not None and report.view.local and not report.view.managed:
            context.ledger.release(self.path, tables.DASH_HA_VDPU_STATE, self._id)
            return True
        missing = [name for name, dpu in zip(row.main_dpu_ids, dpus, strict=True) if dpu is None]
        record = PublishedVdpuRow(
            up=report.view.up if report is not None else None,
            main_dpu_ids=row.main_dpu_ids,
            is_managed=report is not None and report.view.managed,
            waiting_for=f"DPU {', '.join(missing)}" if missing else None,
            rejected=board.rejection((tables.VDPU, self._id)),
        )
        publish(context, self.path, tables.DASH_HA_VDPU_STATE, self._id, record)
        return True

    def fire(self, timer: str, context: Context) -> None:
        """It has no timer."""

    def receive(self, sender: str, data: PeerData, context: Context) -> None:
        """Nobody speaks to it."""


def _report(vdpu_id: str, main: DpuView, healths: Sequence[bool | None]) -> VdpuReport:
    view = VdpuView(
        vdpu_id,
        managed=main.managed,
        local=main.local,
        pa_v4=main.pa_v4,
        pa_v6=main.pa_v6,
        npu_v4=main.npu_v4,
        npu_v6=main.npu_v6,
        up=sum_of_health(healths),
    )
    return VdpuReport(view, main)
