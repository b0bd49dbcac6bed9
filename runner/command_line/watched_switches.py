"""The switches that a live view looks at: one or several, by the options of the command line that repeat for each.

Source: architecture "Command lines".
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from models.database import Database
from runner.database_config import GLOBAL_FILE, MAIN_FILE, ConfigurationError, load_database_config
from runner.redis_rows import RedisRows, open_rows

DbConfigs = Annotated[
    list[Path] | None,
    typer.Option("--db-config", help=f"SONiC's database_config.json; twice for two switches.  [default: {MAIN_FILE}]"),
]
GlobalDbConfigs = Annotated[
    list[Path] | None,
    typer.Option("--global-db-config", help="SONiC's database_global.json; in the order of the others."),
]
Names = Annotated[
    list[str] | None, typer.Option("--name", help="What the switch is called; in the order of the others.")
]


class SwitchesMisused(Exception):  # noqa: N818  (what the operator is told, not an error of the program)
    """The options do not fit each other, or a configuration cannot be used; the text is one line."""


def open_switches(
    db_configs: list[Path] | None, global_db_configs: list[Path] | None, names: list[str] | None
) -> list[tuple[str, RedisRows]]:
    """Every switch with the name that it is shown by and its STATE_DB; nothing is connected yet.

    Raises SwitchesMisused.
    """
    main_files, global_files = db_configs or [MAIN_FILE], global_db_configs or []
    if global_files and len(global_files) != len(main_files):
        raise SwitchesMisused(
            f"{len(main_files)} --db-config and {len(global_files)} --global-db-config; each switch needs its own"
        )
    called = names or _names(main_files)
    if len(called) != len(main_files):
        raise SwitchesMisused(f"{len(main_files)} --db-config and {len(called)} --name")
    if len(set(called)) != len(called):
        raise SwitchesMisused("two switches have the same --name")
    return [
        (name, _state_rows(main_file, global_files[number] if global_files else GLOBAL_FILE))
        for number, (name, main_file) in enumerate(zip(called, main_files, strict=True))
    ]


def _names(main_files: Sequence[Path]) -> list[str]:
    if len(main_files) == 1:
        return ["this switch"]
    return [f"switch {number}" for number in range(1, len(main_files) + 1)]


def _state_rows(main_file: Path, global_file: Path) -> RedisRows:
    try:
        return open_rows(load_database_config(main_file, global_file), [Database.STATE_DB])
    except ConfigurationError as error:
        raise SwitchesMisused(" ".join(str(error).split())) from error
