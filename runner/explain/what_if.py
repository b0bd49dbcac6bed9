"""What would happen next if something were so: a copy of a machine is told it, and settles.

Source: issue "pictures": what would happen next if X.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import evolve, frozen

from hamgr_fsm import events
from hamgr_fsm.effects import Effect
from hamgr_fsm.facts import snapshot_names
from hamgr_fsm.machine import Machine, event_name
from hamgr_fsm.stepper import Move

MachineT = TypeVar("MachineT", bound=Machine[Any])

APPROVAL = "approval"
_UNKNOWN = ("none", "unknown", "")
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}


class BadAssumption(Exception):  # noqa: N818  (what is wrong with the command line, in one line)
    """What was to be assumed makes no sense; the text says why."""


@frozen
class Outcome:
    """What a machine would do. ``changed``: the facts that would be others, but for those assumed: before and after.
    ``ignored``: an event that it would take no notice of now."""

    assumed: tuple[str, ...]
    moves: tuple[Move, ...]
    effects: tuple[Effect, ...]
    states: Mapping[str, str]
    changed: Mapping[str, tuple[object, object]]
    ignored: tuple[str, ...]


def what_if(machine: Machine[Any], assumptions: Sequence[str]) -> Outcome:
    """What follows from ``FACT=VALUE``, told together, and from each ``EVENT`` after that, in order.

    A member of a record counts as a fact where its name is clear: ``disabled=true`` is the one of the configuration.
    ``approval`` approves every open operation.

    Raises:
        BadAssumption: there is no such fact or event, or the value is none for it.
    """
    values: dict[str, Any] = {}
    happenings: list[str] = []
    for assumption in assumptions:
        name, equals, text = (part.strip() for part in assumption.partition("="))
        if equals:
            fact, value = _assumed(machine, values, name, text)
            values[fact] = value
        else:
            happenings.append(name)
    copy = altered(machine, values)
    effects = list(copy.update())
    moves = list(copy.moves)
    ignored: list[str] = []
    for name in happenings:
        before = copy.ignored.total()
        effects += copy.send(_event(copy, name))
        moves += copy.moves
        ignored += [name] if copy.ignored.total() > before else []
    states = {region.state_fact: str(getattr(copy.facts, region.state_fact).value) for region in copy.regions}
    changed = {
        name: (getattr(machine.facts, name), getattr(copy.facts, name))
        for name in snapshot_names(type(machine.facts))
        if name not in values and getattr(machine.facts, name) != getattr(copy.facts, name)
    }
    return Outcome(tuple(assumptions), tuple(moves), tuple(effects), states, changed, tuple(ignored))


def altered(machine: MachineT, values: Mapping[str, object]) -> MachineT:
    """A copy of a machine with other facts; no row is taken, and the machine itself stays as it is."""
    facts = {name: getattr(machine.facts, name) for name in snapshot_names(type(machine.facts))}
    numbers = iter(range(1, 1_000_000))
    now_ms = machine.facts.now_ms
    return type(machine)(new_id=lambda: f"what-if-{next(numbers)}", now_ms=now_ms, **{**facts, **values})


def _assumed(machine: Machine[Any], so_far: Mapping[str, Any], name: str, text: str) -> tuple[str, object]:
    facts = snapshot_names(type(machine.facts))
    owner, _, member = name.rpartition(".")
    if not owner and name in facts:
        return name, _value(machine.record, name, text)
    held = {
        fact: so_far.get(fact, getattr(machine.facts, fact)) for fact in ([owner] if owner else facts) if fact in facts
    }
    holders = {fact: record for fact, record in held.items() if attrs.has(type(record)) and _has(record, member)}
    if "config" in holders:
        holders = {"config": holders["config"]}
    if len(holders) != 1:
        raise BadAssumption(f"there is no fact {name}; there are: {', '.join(facts)}")
    ((fact, record),) = holders.items()
    return fact, evolve(record, **{member: _value(type(record), member, text)})


def _has(record: object, member: str) -> bool:
    return any(attribute.name == member for attribute in attrs.fields(type(record)))  # type: ignore[arg-type]


def _value(record: type, name: str, text: str) -> object:
    kinds = _kinds(get_type_hints(record)[name])
    word = text.lower()
    if NoneType in kinds and word in _UNKNOWN:
        return None
    for kind in kinds:
        if kind is bool and word in _TRUTH:
            return _TRUTH[word]
        if kind is int and word.lstrip("-").isdecimal():
            return int(word)
        if isinstance(kind, type) and issubclass(kind, Enum):
            found = next((member for member in kind if word == str(member.value)), None)
            if found is not None:
                return found
        elif kind is str:
            return text
    raise BadAssumption(f"{name}={text}: it is {' or '.join(_choices(kind) for kind in kinds)}")


def _kinds(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _choices(kind: Any) -> str:
    if kind is NoneType:
        return "unknown"
    if kind is bool:
        return "true or false"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " or ".join(str(member.value) for member in kind)
    return "a number" if kind is int else f"a {getattr(kind, '__name__', kind)}, which cannot be given here"


def _event(machine: Machine[Any], name: str) -> object:
    if name == APPROVAL:
        return events.Approval(tuple(operation.operation_id for operation in machine.facts.operations))
    known = {event_name(kind): kind for kind in vars(events).values() if isinstance(kind, type) and attrs.has(kind)}
    simple = {word: kind for word, kind in known.items() if not attrs.fields(kind)}
    if name not in simple:
        raise BadAssumption(
            f"{name}: neither FACT=VALUE nor one of the events {', '.join(sorted([*simple, APPROVAL]))}"
        )
    return simple[name]()
