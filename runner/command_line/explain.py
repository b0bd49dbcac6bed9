"""``hamgr explain``: why a scope is where it is, what it waits for, and what would happen next if something were so.

The answer comes from the machines themselves: a node is rebuilt from what the databases hold, read only.
Exit codes: 0 explained, 1 the scope is not there or a database does not answer, 2 misuse.

Source: architecture "Command lines".
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

from models.tables import DASH_HA_SCOPE_STATE
from runner.command_line import explain_view
from runner.command_line.published_rows import DbConfig, GlobalDbConfig, NothingToShow
from runner.command_line.show import WIDTH_WITHOUT_TERMINAL
from runner.database_config import GLOBAL_FILE, MAIN_FILE, ConfigurationError, load_database_config
from runner.explain.answer import Answer, Link, explain_scope
from runner.explain.snapshot import DATABASES, BadSnapshot, Snapshot, load, read_snapshot, rebuilt, save, slot_of
from runner.explain.what_if import BadAssumption
from runner.redis_rows import open_rows

EXPLAINED, NOT_THERE, MISUSED = 0, 1, 2


def explain(
    scope: Annotated[str, typer.Argument(metavar="VDPU:SCOPE", help="The HA scope.", show_default=False)],
    what_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FACT=VALUE|EVENT",
            help="Say what would happen next if this were so; may be given several times. Example: dpu_up=false.",
        ),
    ] = None,
    link: Annotated[Link | None, typer.Option(help="The control link to the peer, which is in no database.")] = None,
    all_rows: Annotated[bool, typer.Option("--all", help="Show the rows that act without moving as well.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    snapshot: Annotated[Path | None, typer.Option(help="Explain what this file holds, not the databases.")] = None,
    save_to: Annotated[
        Path | None, typer.Option("--save", help="Keep what the databases hold in this file, for --snapshot.")
    ] = None,
    slot_id: Annotated[
        int | None, typer.Option(min=0, max=7, help="Slot of the DPU; by default what CONFIG_DB says of the vDPU.")
    ] = None,
    db_config: DbConfig = MAIN_FILE,
    global_db_config: GlobalDbConfig = GLOBAL_FILE,
) -> None:
    """Say why an HA scope is where it is, what it waits for, and what would happen next."""
    with _errors():
        if ":" not in scope:
            raise BadAssumption(f"{scope}: a scope is named VDPU:SCOPE")
        found = load(snapshot) if snapshot is not None else _read(scope, slot_id, db_config, global_db_config)
        if save_to is not None:
            save(found, save_to)
        answer = _answer(found, scope, link, what_if or [])
    if as_json:
        typer.echo(json.dumps(explain_view.as_json(answer), indent=2))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH_WITHOUT_TERMINAL)
    now_ms = time.time_ns() // 1_000_000 if snapshot is None else found.read_ms
    for line in explain_view.page(answer, now_ms, everything=all_rows):
        console.print(line, highlight=False)


def _read(scope: str, slot_id: int | None, db_config: Path, global_db_config: Path) -> Snapshot:
    config = load_database_config(db_config, global_db_config)
    try:
        if slot_id is None:
            databases = open_rows(config, [database for database in DATABASES if not database.belongs_to_dpu])
            slot_id = slot_of(databases, scope.partition(":")[0])
            databases.close()
        databases = open_rows(config, DATABASES, slot_id or 0)
        found = read_snapshot(databases, slot_id or 0, time.time_ns() // 1_000_000)
        databases.close()
    except RedisError as error:
        raise NothingToShow(f"no answer from Redis: {error}") from error
    return found


def _answer(found: Snapshot, scope: str, link: Link | None, assumptions: list[str]) -> Answer:
    node, said = rebuilt(found)
    if scope not in node.scopes:
        raise NothingToShow(f"no HA scope {scope} is configured; there is {', '.join(sorted(node.scopes)) or 'none'}")
    row = found.row(DASH_HA_SCOPE_STATE, scope.replace(":", "|", 1))
    return explain_scope(node, scope, row, said=said, link=link, assumptions=assumptions)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (ConfigurationError, NothingToShow) as error:
        raise _ended(str(error), NOT_THERE) from error
    except (BadAssumption, BadSnapshot) as error:
        raise _ended(str(error), MISUSED) from error


def _ended(what: str, code: int) -> typer.Exit:
    typer.echo(f"hamgr explain: {' '.join(what.split())}", err=True)
    return typer.Exit(code)
