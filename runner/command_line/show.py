"""``hamgr show``: what a running system knows, read from the rows that hamgrd publishes in STATE_DB.

One command for each published table. It reads and prints; it must not know what a value means. Whatever keeps it from
showing something is one line on standard error and exit code 1.

Source: architecture "Command lines", ha-set 5, tables 2.18, 2.19.
"""

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from runner.command_line import state_view
from runner.command_line.published_rows import DbConfig, GlobalDbConfig, chosen, one_line_errors, published
from runner.command_line.state_view import View
from runner.database_config import GLOBAL_FILE, MAIN_FILE

WIDTH_WITHOUT_TERMINAL = 200
"""Columns of a table that goes into a file or a pipe, where no terminal says how wide it is."""

show = typer.Typer(no_args_is_help=True, help="Show what a running system knows.")
ha = typer.Typer(no_args_is_help=True, help="Show what hamgrd publishes about high availability.")
show.add_typer(ha, name="ha")

Id = Annotated[str | None, typer.Argument(help="Show every field of this one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the rows as JSON, field for field as published.")]


@ha.command("global-config")
def show_global_config(
    as_json: AsJson = False, db_config: DbConfig = MAIN_FILE, global_db_config: GlobalDbConfig = GLOBAL_FILE
) -> None:
    """The settings that are in force for all HA sets."""
    _show(state_view.GLOBAL_CONFIG, None, as_json, db_config, global_db_config)


@ha.command("dpu")
def show_dpu(
    dpu: Id = None,
    as_json: AsJson = False,
    db_config: DbConfig = MAIN_FILE,
    global_db_config: GlobalDbConfig = GLOBAL_FILE,
) -> None:
    """The DPUs of this switch and the remote ones: health and addresses."""
    _show(state_view.DPU, dpu, as_json, db_config, global_db_config)


@ha.command("vdpu")
def show_vdpu(
    vdpu: Id = None,
    as_json: AsJson = False,
    db_config: DbConfig = MAIN_FILE,
    global_db_config: GlobalDbConfig = GLOBAL_FILE,
) -> None:
    """The virtual DPUs and which DPUs carry them."""
    _show(state_view.VDPU, vdpu, as_json, db_config, global_db_config)


@ha.command("set")
def show_set(
    ha_set: Id = None,
    as_json: AsJson = False,
    db_config: DbConfig = MAIN_FILE,
    global_db_config: GlobalDbConfig = GLOBAL_FILE,
) -> None:
    """The HA sets: what is programmed, and what a set waits for."""
    _show(state_view.HA_SET, ha_set, as_json, db_config, global_db_config)


@ha.command("scope")
def show_scope(
    scope: Annotated[str | None, typer.Argument(help="Show every field of this one: VDPU:SCOPE.")] = None,
    as_json: AsJson = False,
    db_config: DbConfig = MAIN_FILE,
    global_db_config: GlobalDbConfig = GLOBAL_FILE,
) -> None:
    """The HA scopes: state, roles, terms, and what needs approval."""
    _show(state_view.HA_SCOPE, scope, as_json, db_config, global_db_config)


def _show(view: View, wanted: str | None, as_json: bool, db_config: Path, global_db_config: Path) -> None:
    with one_line_errors():
        rows = chosen(view, published(view, db_config, global_db_config), wanted)
        if as_json:
            typer.echo(json.dumps(rows, indent=2, sort_keys=True))
            return
        now_ms = time.time_ns() // 1_000_000
        console = Console()
        if not console.is_terminal:
            console = Console(width=WIDTH_WITHOUT_TERMINAL)
        if wanted is None and view.columns:
            console.print(state_view.summary(view, rows, now_ms))
            return
        for key, row in rows.items():
            console.print(state_view.details(view, key, row, now_ms))
