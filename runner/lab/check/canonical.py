"""What makes two pairs the same: terms count from the lowest that anybody knows, and ids that nobody else knows are
forgotten.

Terms are only compared, copied and counted up, so what matters is their difference. An id of something that is over
matters only while the other side or a message may still speak of it.

Source: switch-driven 3, 6; field-lessons LD-04.
"""

from typing import Any

import attrs

from hamgr_fsm.messages import PeerMessage, StandaloneRequest, StateReport, VoteRequest
from hamgr_fsm.vocabulary import SwitchoverState
from runner.lab.check.side import Side


def lowest_term(side: Side, at: dict[str, int]) -> int:
    """The lowest term that a side knows of."""
    terms = [side.facts[at["term"]], side.facts[at["peer_term"]]]
    programmed, signals = side.facts[at["programmed"]], side.facts[at["signals"]]
    terms += [programmed.term] if programmed is not None else []
    terms += [signals.term] if signals is not None else []
    terms += [side.heard.term] if side.heard is not None else []
    return min(terms)


def term_in(message: PeerMessage) -> int | None:
    """The term that a message speaks of."""
    match message:
        case StateReport(term=term) | VoteRequest(term=term):
            return term
        case StandaloneRequest(signals):
            return signals.term
    return None


def with_lower_terms(side: Side, at: dict[str, int], by: int) -> Side:
    """The same side with every term lower by so much."""
    facts = list(side.facts)
    for name in ("term", "peer_term"):
        facts[at[name]] -= by
    for name in ("programmed", "signals", "reported"):
        if (value := facts[at[name]]) is not None:
            facts[at[name]] = attrs.evolve(value, term=value.term - by)
    heard = side.heard
    if heard is not None:
        heard = attrs.evolve(heard, term=heard.term - by)
    return attrs.evolve(side, facts=tuple(facts), heard=heard)


def message_with_lower_term(message: PeerMessage, by: int) -> PeerMessage:
    """The same message with its term lower by so much."""
    match message:
        case StateReport() | VoteRequest():
            return attrs.evolve(message, term=message.term - by)
        case StandaloneRequest(signals):
            assert signals.term is not None
            return attrs.evolve(message, signals=attrs.evolve(signals, term=signals.term - by))
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
