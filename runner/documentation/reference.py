"""The reference pages, as Markdown, from the declarations: command lines, tables, timers, facts, messages.

Pages of classes only name them; the site's generator reads their docstrings.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import attrs
import griffe
import typer
from attrs import frozen

from hamgr_fsm.facts import told_names
from models.table import Table, Transport
from models.tables import READ_TABLES, WRITTEN_TABLES
from runner.command_line.hamgr import app as hamgr
from runner.command_line.hamgrd import app as hamgrd
from runner.diagram.machines import MACHINES

ROOT = Path(__file__).parents[2]

TRANSPORTS = {
    None: "read",
    Transport.TABLE: "written in place",
    Transport.PRODUCER_STATE_TABLE: "written for a consumer (`ProducerStateTable`)",
    Transport.ORCHAGENT: "sent to the DPU's orchagent, with a copy in Redis",
}


@frozen
class Command:
    """A command as its help describes it."""

    name: str
    about: str
    parameters: Sequence[Any]


def pages() -> dict[str, str]:
    """Every page by its path in the site."""
    return {
        "reference/commands.md": commands(),
        "reference/tables.md": tables(),
        "reference/timers.md": classes("Timers", "`--timers FILE` overrides them.", "hamgr_fsm.timers"),
        "reference/facts.md": facts(),
        "reference/effects.md": classes(
            "Events and effects",
            "What a machine is handed, and what it answers with. Words: [vocabulary](python.md).",
            "hamgr_fsm.events",
            "hamgr_fsm.effects",
            "hamgr_fsm.programs",
        ),
        "reference/messages.md": classes(
            "Messages of the pair",
            "What the two hamgrd of a pair say to each other: the words, and how they stand on the bus.",
            "hamgr_fsm.messages",
            "models.peer_messages",
        ),
        "reference/python.md": classes(
            "Python",
            "What the guide [Use the library](../library.md) is about.",
            "hamgr_fsm.machine",
            "hamgr_fsm.stepper",
            "hamgr_fsm.table",
            "hamgr_fsm.facts",
            "hamgr_fsm.vocabulary",
        ),
    }


def classes(title: str, about: str, *modules: str) -> str:
    """A page of modules whose docstrings the generator reads."""
    return (
        "\n\n".join(
            [
                f"# {title}",
                about,
                *(f"## `{module}`\n\n::: {module}\n    options:\n      heading_level: 3" for module in modules),
            ]
        )
        + "\n"
    )


def facts() -> str:
    """The facts of every machine: what it is told, and what it keeps."""
    parts = [
        "# Facts",
        "What each machine knows. *Told* comes from outside with `update`; *kept* only the machine changes.",
    ]
    for name, machine in MACHINES.items():
        record = machine.record
        told, meanings = told_names(record), field_meanings(record)
        rows = "".join(
            _row(
                f"`{each.name}`",
                "told" if each.name in told else "kept",
                _type(each.type),
                _default(each),
                meanings.get(each.name, ""),
            )
            for each in attrs.fields(record)
            if each.name not in ("new_id", "outbox")
        )
        parts += [
            f"## {name}",
            f"`{record.__module__}.{record.__name__}`",
            f"| fact | | type | at first | meaning |\n| --- | --- | --- | --- | --- |\n{rows}",
        ]
    return "\n\n".join(parts) + "\n"


def tables() -> str:
    """Every table that hamgrd reads or writes, with its fields."""
    parts = [
        "# Tables",
        "What hamgrd reads and writes, as the codec knows it. An empty default: the field may be absent.",
    ]
    for table in sorted({*READ_TABLES, *WRITTEN_TABLES}, key=lambda table: (table.database, table.name)):
        parts += [f"## {table.name}", f"{table.database.value}, {TRANSPORTS[table.transport]}.", _about(table.record)]
        parts.append(_fields(table))
    return "\n\n".join(parts) + "\n"


def commands() -> str:
    """Every command with its options."""
    parts = ["# Command lines", "What `--help` says."]
    for command in [*_commands("hamgrd", hamgrd), *_commands("hamgr", hamgr)]:
        parts += [f"## {command.name}", command.about]
        rows = "".join(_option(parameter) for parameter in command.parameters)
        if rows:
            parts.append(f"| option | meaning | default |\n| --- | --- | --- |\n{rows}")
    return "\n\n".join(parts) + "\n"


def field_meanings(record: type) -> dict[str, str]:
    """What is written under each field of a record and of those that it is built on; nothing runs for it."""
    found: dict[str, str] = {}
    for each in reversed(record.__mro__[:-1]):
        members = griffe.load(each.__module__, search_paths=[ROOT])[each.__name__].members
        found |= {
            name: " ".join(member.docstring.value.split())
            for name, member in members.items()
            if member.is_attribute and member.docstring is not None
        }
    return found


def _commands(name: str, app: typer.Typer) -> Iterator[Command]:
    yield from _walk(name, typer.main.get_command(app))


def _walk(name: str, command: Any) -> Iterator[Command]:
    below = getattr(command, "commands", None)
    if below is None:
        yield Command(name, " ".join((command.help or "").split()), command.params)
        return
    for each, child in sorted(below.items()):
        yield from _walk(f"{name} {each}", child)


def _option(parameter: Any) -> str:
    names = (
        [*parameter.opts, *parameter.secondary_opts]
        if parameter.param_type_name == "option"
        else [parameter.name.upper()]
    )
    if "--help" in names:
        return ""
    default = parameter.default
    shown = (
        "required"
        if parameter.required
        else ""
        if default is None or callable(default) or default == ()
        else f"`{default}`"
    )
    meaning = " ".join((getattr(parameter, "help", None) or "").split())
    return f"| {', '.join(f'`{name}`' for name in names)} | {_cell(meaning)} | {_cell(shown)} |\n"


def _fields(table: Table[Any]) -> str:
    if not attrs.has(table.record):
        return ""
    meanings = field_meanings(table.record)
    rows = "".join(
        _row(f"`{each.name}`", _type(each.type), _default(each), meanings.get(each.name, ""))
        for each in attrs.fields(table.record)
    )
    return f"| field | type | default | meaning |\n| --- | --- | --- | --- |\n{rows}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(map(_cell, cells))} |\n"


def _about(record: type) -> str:
    return " ".join((record.__doc__ or "").split())


def _type(kind: Any) -> str:
    if isinstance(kind, str):
        return f"`{kind}`"
    if get_args(kind):
        return f"`{str(kind).replace('typing.', '')}`"
    return f"`{getattr(kind, '__name__', kind)}`"


def _default(field: Any) -> str:
    default = field.default
    if default is attrs.NOTHING:
        return "required"
    if isinstance(default, attrs.Factory) or default is None:  # type: ignore[arg-type]
        return ""
    return f"`{default}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
