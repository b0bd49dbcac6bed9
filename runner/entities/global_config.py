"""The global configuration: it is accepted, translated into the words of the machines, and published.

Source: domain "Actors", tables 2.6, 2.19.
"""

import attrs

from hamgr_fsm.programs import GlobalSettings
from models import tables
from models.config_db import HaGlobalConfigRow
from models.peer_messages import PeerData
from models.published import PublishedGlobalConfigRow
from runner import topics
from runner.entity import Context, Reader, publish

PATH = "ha-global/config"
KEY = "global"


def settings_of(row: HaGlobalConfigRow) -> GlobalSettings:
    """The row in the words of the machines."""
    values = attrs.asdict(row)
    values["dpu_bfd_probe_interval_ms"] = values.pop("dpu_bfd_probe_interval_in_ms")
    return GlobalSettings(**values)


class GlobalConfigEntity:
    """The one global configuration, whatever key it was written under."""

    path = PATH

    def refresh(self, context: Context) -> bool:
        """Translate and publish; withdraw both when the row is gone."""
        board = Reader(self.path, context.board)
        row: HaGlobalConfigRow | None = board.topic(topics.GLOBAL_CONFIG)
        if row is None:
            context.board.post(topics.SETTINGS, None)
            context.ledger.delete(self.path, tables.DASH_HA_GLOBAL_CONFIG_STATE, KEY)
            return False
        context.board.post(topics.SETTINGS, settings_of(row))
        missing = [name for name in ("dpu_vnet", "dpu_vlan") if getattr(row, name) is None]
        record = PublishedGlobalConfigRow(
            **attrs.asdict(row),
            waiting_for=f"{' and '.join(missing)}: until then no route of this switch" if missing else None,
            rejected=board.topic(topics.rejected(tables.DASH_HA_GLOBAL_CONFIG, KEY)),
        )
        publish(context, self.path, tables.DASH_HA_GLOBAL_CONFIG_STATE, KEY, record)
        return True

    def fire(self, timer: str, context: Context) -> None:
        """It has no timer."""

    def receive(self, sender: str, data: PeerData, context: Context) -> None:
        """Nobody speaks to it."""
