"""The rows that hamgrd publishes in STATE_DB, for the commands that show them, and how one says that there are none.

Source: architecture "Command lines", tables 2.18, 2.19.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from redis import RedisError

from models.database import Database
from runner.command_line.state_view import Rows, View
from runner.database_config import ConfigurationError, load_database_config
from runner.redis_rows import open_rows

DbConfig = Annotated[Path, typer.Option("--db-config", help="SONiC's database_config.json.")]
GlobalDbConfig = Annotated[Path, typer.Option("--global-db-config", help="SONiC's database_global.json.")]


class NothingToShow(Exception):  # noqa: N818  (what the operator is told, not an error of the program)
    """Why there is nothing to show, in one line."""


def published(view: View, db_config: Path, global_db_config: Path) -> Rows:
    """All rows of the view's table.

    Raises NothingToShow when Redis does not answer, ConfigurationError when nobody says where it is.
    """
    config = load_database_config(db_config, global_db_config)
    databases = open_rows(config, [Database.STATE_DB])
    try:
        return databases.rows(view.table)
    except RedisError as error:
        where = config.address(Database.STATE_DB)
        raise NothingToShow(f"no answer from Redis at {where}: {error}") from error
    finally:
        databases.close()


def chosen(view: View, rows: Rows, wanted: str | None) -> Rows:
    """The rows asked for. A key of several parts may be written with colons, as the configuration writes it.

    Raises NothingToShow when there is none.
    """
    if not rows:
        raise NothingToShow(f"{view.table} is empty: hamgrd has published nothing there")
    if wanted is None:
        return rows
    key = wanted.replace(":", "|", view.key_parts - 1)
    if key not in rows:
        raise NothingToShow(f"{view.table} has no row {key}; there is {', '.join(sorted(rows))}")
    return {key: rows[key]}


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Say in one line why there is nothing to show, and end with exit code 1."""
    try:
        yield
    except (ConfigurationError, NothingToShow) as error:
        typer.echo(f"hamgr: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(1) from error
