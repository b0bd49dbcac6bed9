"""A defect of the counting is said once, and is none of the daemon."""

from collections.abc import Iterable, Mapping

from structlog.testing import capture_logs

from models.database import Database
from models.tables import DASH_HA_SCOPE_STATE
from runner.bus.links.socket_address import SocketAddress
from runner.inputs import RowsFound, SnapshotComplete, TimerFired
from runner.metrics.daemon_metrics import DaemonMetrics


def broken(_path: str) -> Iterable[tuple[str, str, Mapping[str, str]]]:
    raise ValueError("broken")


def test_defect_is_logged_once_and_counting_goes_on() -> None:
    metrics = DaemonMetrics(SocketAddress("127.0.0.1", 0), 0, broken)
    metrics.observe(RowsFound(Database.STATE_DB, {(DASH_HA_SCOPE_STATE.name, "a|b"): {}}), (), 0.0, 0.0)
    with capture_logs() as logs:
        metrics.observe(SnapshotComplete(), (), 0.0, 0.0)
        metrics.observe(SnapshotComplete(), (), 0.0, 0.0)
        metrics.observe(TimerFired("heartbeat"), (), 0.0, 0.0)
    assert [entry["event"] for entry in logs] == ["metrics_failed"]
    assert metrics.registry.get_sample_value("hamgr_inputs_total", {"kind": "TimerFired"}) == 1


def test_two_daemons_in_one_process_count_for_themselves() -> None:
    first, second = (DaemonMetrics(SocketAddress("127.0.0.1", 0), slot, broken) for slot in range(2))
    first.observe(TimerFired("heartbeat"), (), 0.0, 0.0)
    assert first.registry.get_sample_value("hamgr_inputs_total", {"kind": "TimerFired"}) == 1
    assert second.registry.get_sample_value("hamgr_inputs_total", {"kind": "TimerFired"}) is None
