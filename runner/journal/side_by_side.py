"""Two lists of outputs side by side, for people: whole outputs where one is missing, else the members that differ."""

import json
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, unified_diff

from attrs import frozen

from runner.journal.conversion import Json, compact

INDENT = "    "

SHORT = 60
"""Members that are no longer than this say what an output is about."""


@frozen
class _Described:
    """An output as it reads: in one line what it is about, then whatever it has that is long or of many parts."""

    text: str
    about: str
    members: tuple[str, ...]


def side_by_side(recorded: Sequence[str], replayed: Sequence[str]) -> Iterator[str]:
    """The lines in which two lists of outputs differ, each output one line of JSON.

    ``-`` is only in the first list, ``+`` only in the second; a line with neither says what those below it belong to.
    """
    was, now = [_describe(text) for text in recorded], [_describe(text) for text in replayed]
    matcher = SequenceMatcher(None, [each.about for each in was], [each.about for each in now], autojunk=False)
    for tag, was_from, was_to, now_from, now_to in matcher.get_opcodes():
        if tag == "equal":
            for one, other in zip(was[was_from:was_to], now[now_from:now_to], strict=True):
                yield from _of_the_same(one, other)
        else:
            yield from (line for each in was[was_from:was_to] for line in _whole("-", each))
            yield from (line for each in now[now_from:now_to] for line in _whole("+", each))


def _of_the_same(was: _Described, now: _Described) -> Iterator[str]:
    if was.text == now.text:
        return
    yield f" {was.about}"
    different = [line for line in unified_diff(was.members, now.members, lineterm="", n=0) if _tells(line)]
    # What only reads alike, such as JSON in JSON with other blanks, is shown as it is.
    yield from different or [f"-{INDENT}{was.text}", f"+{INDENT}{now.text}"]


def _tells(line: str) -> bool:
    return line[1:].startswith(INDENT)


def _whole(mark: str, described: _Described) -> Iterator[str]:
    yield f"{mark}{described.about}"
    yield from (f"{mark}{member}" for member in described.members)


def _describe(text: str) -> _Described:
    output: dict[str, Json] = json.loads(text)
    short = [name for name, value in output.items() if _is_short(value)]
    members = [line for name, value in output.items() if name not in short for line in _members(name, value)]
    about = " ".join(str(output[name]) for name in short if output[name] is not None)
    return _Described(text, about, tuple(members))


def _is_short(value: Json) -> bool:
    return value is None or (isinstance(value, str | int) and len(str(value)) <= SHORT)


def _members(name: str, value: Json) -> Iterator[str]:
    value = _content(value)
    if isinstance(value, dict) and value:
        for part, of_part in value.items():
            yield from _members(f"{name}.{part}", of_part)
    else:
        yield f"{INDENT}{name} = {compact(value)}"


def _content(value: Json) -> Json:
    """What a text says that is JSON itself, as messages are and what is kept for a restart."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
