"""The record of what is true for one machine.

Facts come in two kinds. What is *told* comes from outside with ``Machine.update``: a configuration, a health, a report.
What is *kept* is the machine's own memory: its states, what it has written, what it waits for. Guards are properties
over both. Values are immutable (numbers, enums, tuples, frozen records), so that a snapshot is a tuple of references.

Source: switch-driven 1, architecture "A machine".
"""

from collections.abc import Callable
from typing import Any

import attrs
from attrs import define

from hamgr_fsm.effects import Effect

_KEPT = "kept"


def told(default: Any) -> Any:
    """A fact that comes from outside; until told it has this value."""
    return attrs.field(default=default, kw_only=True)


def kept(default: Any) -> Any:
    """A fact that only the machine itself changes; it starts with this value."""
    return attrs.field(default=default, kw_only=True, metadata={_KEPT: True})


def no_id() -> str:
    """Stand in for the source of ids in a machine that was given none.

    Raises:
        RuntimeError: always; a machine that creates operations needs a source of ids.
    """
    raise RuntimeError("this machine was built without a source of ids")


@define
class Facts:
    """What every machine has: the present time, a source of ids, and the effects of the step under way."""

    now_ms: int = told(0)
    """Wall-clock time of the step in milliseconds since 1970; it is stamped on what is reported and decides nothing."""

    new_id: Callable[[], str] = attrs.field(default=no_id, kw_only=True, eq=False, repr=False, metadata={_KEPT: True})
    outbox: list[Effect] = attrs.field(factory=list, kw_only=True, metadata={_KEPT: True})


def told_names(record: type[Facts]) -> frozenset[str]:
    """The names that ``Machine.update`` accepts for this record of facts."""
    return frozenset(a.name for a in attrs.fields(record) if not a.metadata.get(_KEPT))


def snapshot_names(record: type[Facts]) -> tuple[str, ...]:
    """The names of the facts that make up a snapshot: all but the time, the ids and the outbox."""
    return tuple(a.name for a in attrs.fields(record) if a.name not in ("now_ms", "new_id", "outbox"))
