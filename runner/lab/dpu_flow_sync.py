"""The copying of flow tables by a simulated DPU: one session at a time, and what it says about each.

Source: field-lessons D-13, tables 2.15.
"""

from collections.abc import Mapping

from attrs import define, field

from models.database import Database
from runner.lab.dpu_roles import Manners, SyncEnd
from runner.lab.dpu_writes import DpuWrite, MergeRow

FLOW_SYNC_SESSION_TABLE = "DASH_FLOW_SYNC_SESSION_TABLE"
FLOW_SYNC_SESSION_STATE_TABLE = "DASH_FLOW_SYNC_SESSION_STATE_TABLE"


@define
class FlowSync:
    """The sessions of one life of the orchagent."""

    manners: Manners
    running: dict[str, int] = field(factory=dict)
    """When each session that is under way was created, in seconds; at most one."""

    def take(self, key: str, fields: Mapping[str, str] | None, now_s: int) -> list[DpuWrite]:
        """Take the row of a session. A deletion is refused: a session removes itself."""
        if fields is None or fields.get("type") != "bulk_sync" or key in self.running:
            return []
        if self.running or not fields.get("target_server_ip") or fields.get("target_server_port", "0") == "0":
            return [_state(key, "failed", now_s, now_s)]
        self.running[key] = now_s
        return [_state(key, "created", now_s, now_s)]

    def advance(self, now_s: int) -> list[DpuWrite]:
        """End the session whose time has come."""
        if self.manners.sync is SyncEnd.SILENT:
            return []
        ended = [key for key, since in self.running.items() if now_s >= since + self.manners.sync_takes_s]
        word = "completed" if self.manners.sync is SyncEnd.COMPLETED else "failed"
        return [_state(key, word, self.running.pop(key), now_s) for key in ended]

    @property
    def settled(self) -> bool:
        """Nothing ends by itself."""
        return not self.running or self.manners.sync is SyncEnd.SILENT


def _state(key: str, word: str, created_s: int, now_s: int) -> DpuWrite:
    # Times come from a clock that starts with the DPU (tables 2.15); what they mean is nobody's business.
    fields = {
        "type": "bulk_sync",
        "state": word,
        "creation_time_in_ms": str(1000 * (created_s % 100_000)),
        "last_state_start_time_in_ms": str(1000 * (now_s % 100_000)),
    }
    return MergeRow(Database.DPU_STATE_DB, FLOW_SYNC_SESSION_STATE_TABLE, key, fields)
