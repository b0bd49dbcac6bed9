"""``hamgr show``: what a running system knows, read from the rows that hamgrd publishes in STATE_DB.

One command for each published table. It reads and prints; it must not know what a value means. Whatever keeps it from
showing something is one line on standard error and exit code 1.

Source: architecture "Command lines", ha-set 5, tables 2.18, 2.19.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from redis import RedisError
from rich.console import Console

from models.database import Database
from runner.command_line import state_view
from runner.command_line.state_view import Rows, View
from runner.database_config import GLOBAL_FILE, MAIN_FILE, ConfigurationError, load_database_config
from runner.redis_rows import open_rows

WIDTH_WITHOUT_TERMINAL = 200
"""Columns of a table that goes into a file or a pipe, where no terminal says how wide it is."""

show = typer.Typer(no_args_is_help=True, help="Show what a running system knows.")
ha = typer.Typer(no_args_is_help=True, help="Show what hamgrd publishes about high availability.")
show.add_typer(ha, name="ha")

Id = Annotated[str | None, typer.Argument(help="Show every field of this one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the rows as JSON, field for field as published.")]
DbConfig = Annotated[Path, typer.Option("--db-config", help="SONiC's database_config.json.")]
GlobalDbConfig = Annotated[Path, typer.Option("--global-db-config", help="SONiC's database_global.json.")]


class NothingToShow(Exception):  # noqa: N818  (what the operator is told, not an error of the program)
    """Why there is nothing to show, in one line."""


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
    with _one_line_errors():
        rows = _chosen(view, _published(view, db_config, global_db_config), wanted)
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


def _published(view: View, db_config: Path, global_db_config: Path) -> Rows:
    """All rows of the view's table."""
    config = load_database_config(db_config, global_db_config)
    databases = open_rows(config, [Database.STATE_DB])
    try:
        return databases.rows(view.table)
    except RedisError as error:
        where = config.address(Database.STATE_DB)
        raise NothingToShow(f"no answer from Redis at {where}: {error}") from error
    finally:
        databases.close()


def _chosen(view: View, rows: Rows, wanted: str | None) -> Rows:
    """The rows asked for. A key of several parts may be written with colons, as the configuration writes it."""
    if not rows:
        raise NothingToShow(f"{view.table} is empty: hamgrd has published nothing there")
    if wanted is None:
        return rows
    key = wanted.replace(":", "|", view.key_parts - 1)
    if key not in rows:
        raise NothingToShow(f"{view.table} has no row {key}; there is {', '.join(sorted(rows))}")
    return {key: rows[key]}


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except (ConfigurationError, NothingToShow) as error:
        typer.echo(f"hamgr: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(1) from error
