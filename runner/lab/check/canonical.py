"""What makes two pairs the same: terms count from the lowest that anybody knows, and ids that nobody else knows are
forgotten.

Terms are only compared, copied and counted up, so what matters is their difference, and of a large one only that it is
large: a side would have to begin to serve ``FARTHEST`` times in a row without being heard to catch up. An id of
something that is over matters only while the other side or a message may still speak of it.

Source: switch-driven 3, 6; field-lessons LD-04.
"""

from itertools import pairwise
from typing import Any

import attrs

from hamgr_fsm.messages import PeerMessage, StandaloneRequest, StateReport, VoteRequest
from hamgr_fsm.vocabulary import SwitchoverState
from runner.lab.check.side import Side

FARTHEST = 3
"""Terms that are farther apart than this count as so far apart."""


def terms_of(side: Side, at: dict[str, int]) -> frozenset[int]:
    """Every term that a side knows of."""
    terms: set[int] = {side.facts[at["term"]], side.facts[at["peer_term"]]}
    for name in ("programmed", "signals", "reported"):
        if (value := side.facts[at[name]]) is not None:
            terms.add(value.term)
    if side.heard is not None:
        terms.add(side.heard.term)
    return frozenset(terms)


def closer(terms: set[int]) -> dict[int, int]:
    """The terms in their order, the lowest at most 1, and none farther from the next than ``FARTHEST``."""
    ordered = sorted(terms)
    new = {ordered[0]: min(ordered[0], 1)}
    for before, term in pairwise(ordered):
        new[term] = new[before] + min(term - before, FARTHEST)
    return new


def term_in(message: PeerMessage) -> int | None:
    """The term that a message speaks of."""
    match message:
        case StateReport(term=term) | VoteRequest(term=term):
            return term
        case StandaloneRequest(signals):
            return signals.term
    return None


def with_terms(side: Side, at: dict[str, int], new: dict[int, int]) -> Side:
    """The same side with other terms."""
    facts = list(side.facts)
    for name in ("term", "peer_term"):
        facts[at[name]] = new[facts[at[name]]]
    for name in ("programmed", "signals", "reported"):
        if (value := facts[at[name]]) is not None:
            facts[at[name]] = attrs.evolve(value, term=new[value.term])
    heard = side.heard
    if heard is not None:
        heard = attrs.evolve(heard, term=new[heard.term])
    return attrs.evolve(side, facts=tuple(facts), heard=heard)


def message_with_terms(message: PeerMessage, new: dict[int, int]) -> PeerMessage:
    """The same message with another term."""
    match message:
        case StateReport() | VoteRequest():
            return attrs.evolve(message, term=new[message.term])
        case StandaloneRequest(signals):
            assert signals.term is not None
            return attrs.evolve(message, signals=attrs.evolve(signals, term=new[signals.term]))
    return message


def echoes(side: Side, at: dict[str, int]) -> tuple[str | None, str | None]:
    """The ids of what is over for this side: a switchover, and a standalone request that it answered."""
    record, answered = side.facts[at["switchover"]], side.facts[at["answered"]]
    over = record is not None and record.state in (SwitchoverState.COMPLETED, SwitchoverState.FAILED)
    return (record.switchover_id if over else None, answered[0] if answered is not None else None)


def without_echoes(side: Side, at: dict[str, int], switchover: bool, answered: bool) -> Side:
    """The same side with the records of what is over forgotten."""
    facts: list[Any] = list(side.facts)
    if switchover:
        facts[at["switchover"]] = None
    if answered:
        facts[at["answered"]] = None
    return attrs.evolve(side, facts=tuple(facts))


def id_in(message: PeerMessage) -> str | None:
    """The id that a message carries."""
    return getattr(message, "switchover_id", None) or getattr(message, "episode", None)
