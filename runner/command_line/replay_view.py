"""What ``hamgr replay`` prints of a replayed life, as lines of text and as JSON.

It decides layout only. It must not know files, or how anything is replayed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from itertools import groupby
from typing import Any

import attrs

from hamgr_fsm.machine import Machine
from runner.journal.cause import shown
from runner.journal.conversion import Json, input_to_json
from runner.journal.explanation import Way, facts, states, ways
from runner.journal.record import VERSION, utc
from runner.journal.replay import Difference
from runner.journal.telling import Happening, Said, ToldLife
from runner.outputs import Alert, Fault, InputRejected, TransitionTaken

DIFFERENCES_SHOWN = 3
"""What follows a difference mostly follows from it."""

MARKS = {True: "yes", False: "no ", None: "?  "}

SCOPE_PATH = "ha-scope/"


def beginning(told: ToldLife) -> Iterator[str]:
    """With what the daemon was started."""
    life = told.life
    owners = " and ".join(sorted(owner.value for owner in life.owners))
    yield f"life {told.number}: slot {life.slot_id}, drives scopes of owner {owners}, began {utc(life.began_ms)}"
    if life.hamgr != VERSION:
        yield f"life {told.number}: recorded by hamgr {life.hamgr}, replayed by hamgr {VERSION}"


def timeline(happenings: Sequence[Happening]) -> Iterator[str]:
    """What moved, under the input that caused it."""
    for happening in happenings:
        yield f"{utc(happening.at_ms)} step {happening.step}: {happening.cause}"
        yield from (f"    {_said(each)}" for each in happening.said)
        if happening.raised is not None:
            yield f"    defect: the step raised {happening.raised}"


def result(told: ToldLife) -> Iterator[str]:
    """Whether everything came out as it was recorded, and how the first steps differ that did not."""
    if told.torn_line is not None:
        yield f"life {told.number}: ended while line {told.torn_line} was written, which is left out"
    counted = f"life {told.number}: {told.steps} steps, {told.outputs} outputs"
    if not told.differences:
        yield f"{counted}, identical"
        return
    yield f"{counted}, {len(told.differences)} steps differ"
    for difference in told.differences[:DIFFERENCES_SHOWN]:
        yield f"{utc(difference.step.at_ms)} step {difference.step.number}: {difference.cause}"
        yield "  - recorded, + replayed:"
        yield from (f"    {line}" for line in difference.readable())
    if len(told.differences) > DIFFERENCES_SHOWN:
        yield f"and {len(told.differences) - DIFFERENCES_SHOWN} steps more"


def position(told: ToldLife) -> str:
    """Where the replay stopped."""
    return f"after step {told.steps} of life {told.number}" + (f", {utc(told.at_ms)}" if told.steps else "")


def situation(scopes: Mapping[str, Machine[Any] | None]) -> Iterator[str]:
    """The states of scopes and the facts that differ from those of a machine that knows nothing."""
    for name, machine in scopes.items():
        yield f"  {name}: {_states(machine)}"
        if machine is not None:
            told = {fact: value for fact, value in facts(machine).items() if fact not in states(machine)}
            nothing = attrs.fields_dict(type(machine.facts))
            yield from (f"    {fact} {shown(value)}" for fact, value in told.items() if value != nothing[fact].default)


def explanation(scope: str, machine: Machine[Any] | None, happenings: Sequence[Happening]) -> Iterator[str]:
    """How a scope came to where it stands, and what each row out of there waits for."""
    yield f"{scope}: {_states(machine)}"
    yield "how it came here:"
    yield from (f"  {line}" for line in timeline(happenings))
    if machine is None:
        return
    yield "what would move it on, in order of priority:"
    for region, of_region in groupby(ways(machine), key=lambda way: way.region):
        rows = list(of_region)
        yield f"  {region} {states(machine)[region]}"
        leaving = [way for way in rows if way.target is not None]
        for way in leaving:
            yield from (f"    {line}" for line in _way(way))
        yield f"    and {len(rows) - len(leaving)} rows that act without moving (--json shows them)"


def told_as_json(told: ToldLife, happenings: Sequence[Happening]) -> dict[str, Json]:
    """A replayed life."""
    life = told.life
    return {
        "life": told.number,
        "slot_id": life.slot_id,
        "owners": sorted(owner.value for owner in life.owners),
        "hamgr": life.hamgr,
        "began": utc(life.began_ms),
        "steps": told.steps,
        "outputs": told.outputs,
        "identical": not told.differences,
        "torn_line": told.torn_line,
        "timeline": [_happening_as_json(happening) for happening in happenings],
        "differences": [_difference_as_json(difference) for difference in told.differences],
    }


def scope_as_json(machine: Machine[Any] | None, *, with_ways: bool) -> dict[str, Json] | None:
    """Where a scope stands; ``with_ways``: with every row out of there. None: nobody here drives it."""
    if machine is None:
        return None
    content: dict[str, Json] = {"states": states(machine), "facts": _plain(facts(machine))}
    if with_ways:
        content["rows"] = [{**_plain(attrs.asdict(way)), "open": way.open} for way in ways(machine)]
    return content


def _states(machine: Machine[Any] | None) -> str:
    if machine is None:
        return "nobody here drives it"
    return ", ".join(f"{region} {state}" for region, state in states(machine).items())


def _said(said: Said) -> str:
    match said:
        case TransitionTaken():
            event = f", on {said.event}" if said.event else ""
            scope = said.scope.removeprefix(SCOPE_PATH)
            return f"{scope}: {said.source} -> {said.target}: {said.why} ({said.ref}, row {said.row}{event})"
        case Alert():
            return f"alert: {said.subject}: {said.what}"
        case InputRejected():
            return f'rejected: {said.source}: {said.field}="{said.value}": {said.why}'
        case Fault():
            return f"defect: {said.entity}: {said.error}"


def _way(way: Way) -> Iterator[str]:
    event = f", on {way.event}" if way.event else ""
    yield f"-> {way.target}: {way.why} ({way.ref}, row {way.row}{event})"
    for part in way.parts:
        yield (
            f"     {MARKS[part.holds]} {part.guard}: {part.means}"
            if part.means
            else f"     {MARKS[part.holds]} {part.guard}"
        )
        for name, values in (("follows", part.conclusions), ("facts", part.facts)):
            if values:
                yield f"           {name}: {'; '.join(f'{fact} {shown(value)}' for fact, value in values.items())}"


def _happening_as_json(happening: Happening) -> dict[str, Json]:
    said = [{"is": type(each).__name__, **_plain(attrs.asdict(each, recurse=False))} for each in happening.said]
    return {
        "step": happening.step,
        "at": utc(happening.at_ms),
        "at_ms": happening.at_ms,
        "cause": happening.cause,
        "input": input_to_json(happening.happened),
        "said": said,
        "raised": happening.raised,
    }


def _difference_as_json(difference: Difference) -> dict[str, Json]:
    return {
        "step": difference.step.number,
        "cause": difference.cause,
        "recorded": [json.loads(output) for output in difference.recorded],
        "replayed": [json.loads(output) for output in difference.replayed],
    }


def _plain(value: object) -> Json:
    """Any value of a fact as JSON: records as objects, sets as sorted lists, what JSON does not know as text."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items()}
        case frozenset() | set():
            return sorted(map(_plain, value))
        case list() | tuple():
            return [_plain(each) for each in value]
    if attrs.has(type(value)):
        return _plain(attrs.asdict(value, recurse=False))  # type: ignore[arg-type]
    return str(value)
