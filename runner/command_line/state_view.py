"""What ``hamgr show`` prints of the rows that hamgrd publishes: which columns, which details, and how a time reads.

It decides layout only. It must not know Redis, the clock, or what a value means for HA: a row is shown as it was
published, field for field, so that what an operator sees is what another program reads.

Source: ha-set 5, tables 2.18, 2.19.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import field, frozen
from rich.console import RenderableType
from rich.table import Table as Grid
from rich.text import Text

from models.table import Table
from models.tables import (
    DASH_HA_DPU_STATE,
    DASH_HA_GLOBAL_CONFIG_STATE,
    DASH_HA_SCOPE_STATE,
    DASH_HA_SET_STATE,
    DASH_HA_VDPU_STATE,
)

Row = Mapping[str, str]
Rows = Mapping[str, Row]

GOOD = frozenset({"up", "true", "active", "standby", "standalone"})
BAD = frozenset({"down", "false", "dead"})

PROBLEMS = ("waiting_for", "rejected")
"""Fields that say why something does not work: shown first in details and always in a summary."""


@frozen
class Column:
    """A column of a summary: its heading, and what it shows of a row, given the row's key and the present time."""

    heading: str
    show: Callable[[str, Row, int], str]


@frozen
class View:
    """How one published table is shown."""

    title: str
    table: Table[Any]
    columns: tuple[Column, ...] = field(repr=False)
    key_parts: int = 1


def plain(heading: str, name: str) -> Column:
    """A column that shows one field as it is."""
    return Column(heading, lambda _key, row, _now: row.get(name, "-") or "-")


def age_column(heading: str, name: str) -> Column:
    """A column that shows how long ago the time in a field was."""
    return Column(heading, lambda _key, row, now_ms: age(row[name], now_ms) if name in row else "-")


def part_of_key(heading: str, position: int) -> Column:
    """A column that shows one part of the row's key."""
    return Column(heading, lambda key, _row, _now: key.split("|", 1)[position])


def joined(heading: str, *names: str) -> Column:
    """A column that shows several fields side by side."""
    return Column(heading, lambda _key, row, _now: " ".join(row.get(name, "-") for name in names))


WAITING = plain("waiting for", "waiting_for")
REJECTED = plain("rejected", "rejected")

GLOBAL_CONFIG = View("HA global configuration", DASH_HA_GLOBAL_CONFIG_STATE, columns=())
DPU = View(
    "DPUs",
    DASH_HA_DPU_STATE,
    (
        part_of_key("DPU", 0),
        Column("where", lambda _key, row, _now: "remote" if row.get("remote_dpu") == "true" else "local"),
        plain("managed", "is_managed"),
        plain("up", "up"),
        joined("midplane control data", "dpu_midplane_link_state", "dpu_control_plane_state", "dpu_data_plane_state"),
        plain("address", "pa_ipv4"),
        plain("BFD sessions up", "v4_bfd_up_sessions"),
        WAITING,
        REJECTED,
    ),
)
VDPU = View(
    "vDPUs",
    DASH_HA_VDPU_STATE,
    (
        part_of_key("vDPU", 0),
        plain("up", "up"),
        plain("managed", "is_managed"),
        plain("DPUs", "main_dpu_ids"),
        WAITING,
        REJECTED,
    ),
)
HA_SET = View(
    "HA sets",
    DASH_HA_SET_STATE,
    (
        part_of_key("HA set", 0),
        plain("owner", "owner"),
        plain("vDPUs", "vdpu_ids"),
        plain("VIP", "vip_v4"),
        plain("programmed", "programmed"),
        plain("channel up", "up"),
        WAITING,
        REJECTED,
    ),
)
HA_SCOPE = View(
    "HA scopes",
    DASH_HA_SCOPE_STATE,
    (
        part_of_key("vDPU", 0),
        part_of_key("HA scope", 1),
        plain("state", "local_ha_state"),
        age_column("since", "local_ha_state_last_updated_time_in_ms"),
        plain("asked", "local_target_asic_ha_state"),
        plain("acked", "local_acked_asic_ha_state"),
        plain("term", "local_target_term"),
        plain("needs approval", "pending_operation_types"),
        WAITING,
        REJECTED,
    ),
    key_parts=2,
)


def is_time(name: str) -> bool:
    """The field holds milliseconds since the epoch: told by its name, as the tables have no types in Redis."""
    return name.endswith(("_time_in_ms", "_timestamp_in_ms"))


def age(value: str, now_ms: int) -> str:
    """How long ago a time was, in whole seconds; a time that was never set is ``never``."""
    if not value.isdecimal() or int(value) == 0:
        return "never" if value in ("", "0") else value
    seconds = (now_ms - int(value)) // 1000
    return f"{timedelta(seconds=seconds)} ago" if seconds >= 0 else f"in {timedelta(seconds=-seconds)}"


def moment(value: str, now_ms: int) -> str:
    """A time as UTC and as age; what is no time is shown as it is."""
    if not value.isdecimal() or int(value) == 0:
        return age(value, now_ms)
    try:
        written = datetime.fromtimestamp(int(value) / 1000, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return value
    return f"{written.replace('+00:00', 'Z')} ({age(value, now_ms)})"


def summary(view: View, rows: Rows, now_ms: int) -> RenderableType:
    """One line for each row, ordered by key."""
    grid = Grid(title=view.title, title_justify="left")
    for column in view.columns:
        grid.add_column(column.heading)
    for key in sorted(rows):
        grid.add_row(*(_coloured(column.show(key, rows[key], now_ms)) for column in view.columns))
    return grid


def details(view: View, key: str, row: Row, now_ms: int) -> RenderableType:
    """Every field of one row, each on its line: first what is wrong, then the others in the order of their names."""
    grid = Grid(title=f"{view.table} {key}", title_justify="left")
    grid.add_column("field")
    grid.add_column("value", overflow="fold")
    for name in sorted(row, key=lambda name: (name not in PROBLEMS, name)):
        grid.add_row(name, _coloured(moment(row[name], now_ms) if is_time(name) else row[name]))
    return grid


def _coloured(value: str) -> Text:
    word = value.lower().removeprefix("ha_state_")
    return Text(value, style="green" if word in GOOD else "red" if word in BAD else "")
