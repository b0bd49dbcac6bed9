"""What a journal holds: lives of a daemon, each a header and its steps, one JSON object a line.

    {"journal":1,"hamgr":"0.1.0","began":"2024-06-10T15:15:40.000Z","began_ms":1718032540000,"slot_id":0,...}
    {"step":1,"at_ms":1718032540001,"in":{"is":"RowSet",...},"ids":[],"out":[{"is":"WriteRow",...}]}

A step in which the node failed has ``raised`` with the words of the exception in the place of ``out``.

Source: architecture "The node".
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, TypeGuard

from attrs import evolve, frozen

from hamgr_fsm.timers import DEFAULT_TIMERS, Timers
from hamgr_fsm.vocabulary import HaOwner
from runner.inputs import Input
from runner.journal.conversion import (
    CONVERTER,
    BadRecord,
    Json,
    JsonObject,
    compact,
    input_from_json,
    input_to_json,
    output_from_json,
    output_to_json,
    words_of,
)
from runner.node import BOTH_OWNERS, Node
from runner.outputs import Output

FORMAT = 1
"""The version of the format. A reader refuses any other."""

HEADER_START = b'{"journal":'
"""How the first line of every journal begins."""

LAST_TIME_MS = 253_402_300_799_999
"""The last millisecond that has a date of four digits."""


def _version() -> str:
    try:
        return metadata.version("hamgr")
    except metadata.PackageNotFoundError:
        return "unknown"


class NoJson(BadRecord):
    """A line that is no JSON."""


VERSION = _version()
"""The version of this program."""


@frozen
class Life:
    """With what a daemon was started; all that its node depends on besides the inputs and the ids."""

    slot_id: int
    began_ms: int
    """The wall-clock time of the start, in milliseconds."""

    timers: Timers = DEFAULT_TIMERS
    owners: frozenset[HaOwner] = BOTH_OWNERS
    hamgr: str = VERSION
    """The version of the program that recorded it."""

    after_torn_line: bool = False
    """The file ended within a line before this life began."""

    def node(self, operation_ids: Callable[[], str]) -> Node:
        """The node of this life, which has heard nothing yet: the daemon and the replay build it here."""
        return Node(slot_id=self.slot_id, operation_ids=operation_ids, timers=self.timers, owners=self.owners)


@frozen
class Step:
    """One input, and what the node made of it."""

    number: int
    """Counted from 1 in each life."""

    at_ms: int
    """The wall-clock time that the node was told, in milliseconds."""

    happened: Input
    ids: tuple[str, ...] = ()
    """The ids of operations that were handed out in this step."""

    outputs: tuple[Output, ...] = ()
    raised: str | None = None
    """The words of the exception that the node raised instead of returning outputs."""

    written: tuple[str, ...] = ()
    """The outputs exactly as they stand in the journal."""


def header_line(life: Life) -> str:
    """The line that begins a life."""
    members = CONVERTER.unstructure(life)
    return compact({"journal": FORMAT, "hamgr": members.pop("hamgr"), "began": utc(life.began_ms), **members})


def step_line(
    number: int, at_ms: int, happened: Input, ids: Sequence[str], outputs: Sequence[Output] | BaseException
) -> str:
    """The line of one step; an exception in the place of the outputs: the node raised it."""
    line: JsonObject = {"step": number, "at_ms": at_ms, "in": input_to_json(happened), "ids": list(ids)}
    if isinstance(outputs, BaseException):
        line["raised"] = CONVERTER.unstructure(outputs, unstructure_as=BaseException)
    else:
        line["out"] = [output_to_json(output) for output in outputs]
    return compact(line)


def read_line(raw: bytes) -> Life | Step:
    """A line of a journal.

    Raises:
        NoJson: it is no JSON at all, as when it was cut short.
        BadRecord: it is JSON that no journal of this format holds.
    """
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise NoJson(f"no JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadRecord("neither a life nor a step")
    if "journal" in value:
        return _life(value)
    if "step" in value:
        return _step(value)
    raise BadRecord("neither a life nor a step")


def utc(at_ms: int) -> str:
    """A wall-clock time as ISO 8601 in UTC."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _life(value: JsonObject) -> Life:
    if value["journal"] != FORMAT:
        raise BadRecord(f"format {value['journal']!r} of the journal; this program reads {FORMAT}")
    members = {name: member for name, member in value.items() if name not in ("journal", "began")}
    try:
        life: Life = CONVERTER.structure(members, Life)
    except Exception as error:
        raise BadRecord(f"the life's header: {words_of(error)}") from error
    return evolve(life, began_ms=_time(life.began_ms))


def _step(value: JsonObject) -> Step:
    known = {"step", "at_ms", "in", "ids"}
    if not known <= value.keys() or (value.keys() - known) not in ({"out"}, {"raised"}):
        raise BadRecord(f"a step with the members {', '.join(value)}")
    number, ids, raised, out = value["step"], value["ids"], value.get("raised"), value.get("out", [])
    if not _is_number(number) or not _is_list_of(ids, str) or not isinstance(out, list):
        raise BadRecord("a step whose number, ids or outputs are none")
    if not isinstance(raised, str | None):
        raise BadRecord(f"a step that raised {raised!r}")
    return Step(
        number=number,
        at_ms=_time(value["at_ms"]),
        happened=input_from_json(value["in"]),
        ids=tuple(ids),
        outputs=tuple(output_from_json(output) for output in out),
        raised=raised,
        written=tuple(compact(output) for output in out),
    )


def _time(value: Json) -> int:
    if not _is_number(value) or value > LAST_TIME_MS:
        raise BadRecord(f"{value!r} is no time in milliseconds")
    return value


def _is_number(value: Json) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_list_of(value: Json, kind: type[Any]) -> bool:
    return isinstance(value, list) and all(isinstance(each, kind) for each in value)
