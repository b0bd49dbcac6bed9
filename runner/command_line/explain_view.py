"""What ``hamgr explain`` prints: a page for a reader, and JSON for a script. It decides layout only."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import attrs
from rich.text import Text

from hamgr_fsm.stepper import Move
from runner.command_line.replay_view import scope_as_json
from runner.command_line.state_view import moment
from runner.explain.answer import Answer
from runner.explain.what_if import Outcome
from runner.journal.cause import shown
from runner.journal.conversion import Json
from runner.journal.explanation import Part, Way

FAMILY = 4
"""So many rows with one reason are told together."""

_MARKS = {True: ("yes", "green"), False: ("no", "red"), None: ("?", "yellow")}


def page(answer: Answer, now_ms: int, *, everything: bool) -> Iterator[Text]:
    """The answer as lines. ``everything``: with the rows that act without moving, too."""
    yield from _head(answer, now_ms)
    for region, of_region in groupby(answer.ways, key=lambda way: way.region):
        rows = list(of_region)
        told = [way for way in rows if everything or way.target is not None]
        yield Text()
        yield Text.assemble(f"{region}: ", (answer.states[region], "bold"), ", in order of priority")
        for alike in _alike(told):
            yield from _way(alike[0]) if len(alike) == 1 else _family(alike)
        if len(rows) > len(told):
            yield Text(f"  and {len(rows) - len(told)} rows that act without moving (--all)", style="dim")
    if answer.outcome is not None:
        yield Text()
        yield from _outcome(answer.outcome)


def as_json(answer: Answer) -> dict[str, Json]:
    """The answer as one object."""
    content: dict[str, Any] = {
        "scope": answer.scope,
        "published": attrs.asdict(answer.published),
        "driven": answer.machine is not None,
        "notes": list(answer.notes),
        **(scope_as_json(answer.machine, with_ways=True) or {}),
    }
    if answer.outcome is not None:
        outcome = answer.outcome
        content["what_if"] = {
            "assumed": list(outcome.assumed),
            "moves": [_move(move) for move in outcome.moves if move.row.target is not None],
            "acts": [_move(move) for move in outcome.moves if move.row.target is None],
            "effects": [shown(effect) for effect in outcome.effects],
            "changed": {name: [shown(value) for value in values] for name, values in outcome.changed.items()},
            "states": dict(outcome.states),
            "ignored": list(outcome.ignored),
        }
    return content


def _head(answer: Answer, now_ms: int) -> Iterator[Text]:
    told = answer.published
    since = f" since {moment(str(told.since_ms), now_ms)}" if told.since_ms is not None else ""
    yield Text.assemble((answer.scope, "bold"), ": ", (told.state or "nothing published", "bold cyan"), since)
    for label, value in (
        ("because", told.why),
        ("waits for", told.waiting_for),
        ("rejected", told.rejected),
        ("peer", told.peer_state),
    ):
        if value:
            yield Text(f"  {label}: {value}", style="red" if label == "rejected" else "")
    if answer.machine is None:
        yield Text("  nobody here drives it: its vDPU is not managed by this slot, or its owner is not driven")
    for note in answer.notes:
        yield Text(f"  note: {note}", style="dim")


def _alike(told: Sequence[Way]) -> Iterator[Sequence[Way]]:
    """The rows one by one; but those that one loop of the declaration made, and that are all held back, together."""
    for _, found in groupby(told, key=lambda way: (way.why, way.ref, way.event, way.open)):
        alike = list(found)
        if len(alike) >= FAMILY and not alike[0].open:
            yield alike
        else:
            yield from ([way] for way in alike)


def _family(alike: Sequence[Way]) -> Iterator[Text]:
    first, last = alike[0], alike[-1]
    yield Text.assemble(
        f"  -> {', '.join(str(way.target) for way in alike)}: {first.why} ",
        (f"(rows {first.row} to {last.row}, {first.ref}) ", "dim"),
        ("each held back by its guard", "red"),
    )
    facts = {name: value for way in alike for part in way.parts for name, value in part.facts.items()}
    yield Text(f"            {'; '.join(f'{name} {shown(value)}' for name, value in facts.items())}", style="dim")


def _way(way: Way) -> Iterator[Text]:
    goal = f"-> {way.target}" if way.target is not None else "   stays"
    event = f", on {way.event}" if way.event else ""
    verdict, style = _verdict(way)
    yield Text.assemble(f"  {goal}: {way.why} ", (f"(row {way.row}, {way.ref}{event}) ", "dim"), (verdict, style))
    for part in way.parts:
        yield from _part(part)


def _verdict(way: Way) -> tuple[str, str]:
    held = [part.guard for part in way.parts if part.holds is False]
    if held:
        return f"held back by {', '.join(held)}", "red"
    if way.event is not None:
        return f"waits for {way.event}", "yellow"
    return "holds now", "green"


def _part(part: Part) -> Iterator[Text]:
    word, style = _MARKS[part.holds]
    yield Text.assemble("       ", (f"{word:<4}", style), f"{part.guard}: {part.means}")
    seen = {**part.conclusions, **part.facts}
    if seen:
        values = "; ".join(f"{name} {shown(value)}" for name, value in seen.items())
        yield Text(f"            {values}", style="dim")


def _outcome(outcome: Outcome) -> Iterator[Text]:
    yield Text(f"if {', '.join(outcome.assumed)}:", style="bold")
    moved = [move for move in outcome.moves if move.row.target is not None]
    for move in moved:
        yield Text(f"  {move.machine}: {move.source.value} -> {move.target.value}: {move.why} (row {move.row.number})")
    if not moved:
        yield Text("  it stays where it is")
    for name in outcome.ignored:
        yield Text(f"  {name} would be ignored")
    yield from _acts(outcome.moves)
    for name, (before, after) in outcome.changed.items():
        yield Text(f"  {name}: {shown(before)} -> {shown(after)}")
    for effect in outcome.effects:
        yield Text(f"  would do: {shown(effect)}", style="dim")


def _acts(moves: Sequence[Move]) -> Iterator[Text]:
    reasons: Iterable[str] = dict.fromkeys(move.why for move in moves if move.row.target is None)
    yield from (Text(f"  acts: {why}", style="dim") for why in reasons)


def _move(move: Move) -> dict[str, Json]:
    return {
        "region": move.machine,
        "from": str(move.source.value),
        "to": str(move.target.value),
        "why": move.why,
        "row": move.row.number,
        "ref": move.row.ref,
    }
