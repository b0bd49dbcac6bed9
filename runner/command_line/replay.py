"""``hamgr replay``: live through a journal again, say what moved and why, and whether everything comes out as it did.

Exit codes: 0 identical, 1 something differs, 2 the journal or the command line cannot be used.

Source: architecture "Command lines".
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hamgr_fsm.machine import Machine
from runner.command_line import replay_view
from runner.command_line.replay_view import SCOPE_PATH
from runner.journal.reader import BadJournal, read_lives
from runner.journal.record import Life
from runner.journal.telling import TO_THE_END, Happening, ToldLife, Until, of_scope, tell

IDENTICAL, DIFFERENT, UNUSABLE = 0, 1, 2


class Misuse(Exception):  # noqa: N818  (what the operator is told, not an error of the program)
    """What is wrong with the command line, in one line."""


def replay(
    file: Annotated[Path, typer.Argument(help="What hamgrd --journal has written; gzip is fine.", show_default=False)],
    until: Annotated[
        str | None,
        typer.Option(
            metavar="STEP|TIME", help="Stop after this step, or this time in ISO 8601 (UTC); show the scopes."
        ),
    ] = None,
    explain: Annotated[
        str | None, typer.Option(metavar="VDPU:SCOPE", help="Say why this scope stands where it stands then.")
    ] = None,
    scope: Annotated[
        str | None, typer.Option(metavar="VDPU:SCOPE", help="Tell of this scope only; any entity's path will do.")
    ] = None,
    life: Annotated[
        int | None,
        typer.Option(min=1, help="Only this life of the daemon; by default all, or the last for one moment."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Replay a journal of hamgrd: every input again, and what came out beside what comes out now."""
    try:
        end = _end(until)
        chosen = _chosen(file, life, end, one_moment=until is not None or explain is not None)
        lives = tell(file, life=chosen, until=end)
        different = _print_json(lives, until, explain, scope) if as_json else _print(lives, until, explain, scope)
    except (BadJournal, Misuse) as error:
        typer.echo(f"hamgr replay: {error}", err=True)
        raise typer.Exit(UNUSABLE) from error
    raise typer.Exit(DIFFERENT if different else IDENTICAL)


def _end(until: str | None) -> Until:
    if until is None:
        return TO_THE_END
    if until.isdecimal():
        return Until(step=int(until))
    try:
        moment = datetime.fromisoformat(until)
    except ValueError as error:
        raise Misuse(
            f"--until {until}: neither the number of a step nor a time such as 2024-06-10T15:15:40Z"
        ) from error
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return Until(at_ms=round(moment.timestamp() * 1000))


def _chosen(file: Path, life: int | None, end: Until, *, one_moment: bool) -> int | None:
    """The number of the only life to be told; None: all of them."""
    if life is None and not one_moment:
        return None
    lives = read_lives(file)
    if life is None:
        begun = [number for number, each in enumerate(lives, 1) if _has_begun(each, end)]
        return begun[-1] if begun else 1
    if life > len(lives):
        raise Misuse(f"--life {life}: {file} has {len(lives)}")
    return life


def _has_begun(life: Life, end: Until) -> bool:
    return end.at_ms is None or life.began_ms <= end.at_ms


def _print(lives: Iterable[ToldLife], until: str | None, explain: str | None, scope: str | None) -> bool:
    different = False
    for told in lives:
        different |= bool(told.differences)
        for line in _text(told, until, explain, scope):
            typer.echo(line)
    return different


def _text(told: ToldLife, until: str | None, explain: str | None, scope: str | None) -> Iterator[str]:
    yield from replay_view.beginning(told)
    if explain is not None:
        happenings = _known(told, explain)
        yield replay_view.position(told)
        yield from replay_view.explanation(explain, told.node.scopes.get(explain), happenings)
    else:
        yield from replay_view.timeline(_wanted(told, scope))
        if until is not None:
            yield f"{replay_view.position(told)}:"
            yield from replay_view.situation(_scopes(told, scope))
    yield from replay_view.result(told)


def _print_json(lives: Iterable[ToldLife], until: str | None, explain: str | None, scope: str | None) -> bool:
    different, content = False, []
    for told in lives:
        different |= bool(told.differences)
        of_life = replay_view.told_as_json(told, _known(told, explain) if explain else _wanted(told, scope))
        if explain is not None:
            machine = told.node.scopes.get(explain)
            of_life["scopes"] = {explain: replay_view.scope_as_json(machine, with_ways=True)}
        elif until is not None:
            scopes = _scopes(told, scope).items()
            of_life["scopes"] = {name: replay_view.scope_as_json(each, with_ways=False) for name, each in scopes}
        content.append(of_life)
    typer.echo(json.dumps({"identical": not different, "lives": content}, indent=2))
    return different


def _wanted(told: ToldLife, scope: str | None) -> list[Happening]:
    return told.happenings if scope is None else of_scope(told.happenings, _path(scope))


def _scopes(told: ToldLife, scope: str | None) -> dict[str, Machine[Any] | None]:
    return {name: machine for name, machine in told.node.scopes.items() if scope is None or _path(scope) == _path(name)}


def _known(told: ToldLife, scope: str) -> list[Happening]:
    """What happened to a scope that there is, or once was."""
    happenings = of_scope(told.happenings, _path(scope))
    if scope not in told.node.scopes and not happenings:
        there_are = ", ".join(sorted(told.node.scopes)) or "none"
        raise Misuse(f"no HA scope {scope} {replay_view.position(told)}; there is {there_are}")
    return happenings


def _path(scope: str) -> str:
    return scope if "/" in scope else f"{SCOPE_PATH}{scope}"
