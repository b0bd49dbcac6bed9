"""What the known mistakes do, where a sentence is not enough: the functions that replace guards and actions.

Source: ``defects``.
"""

from collections.abc import Callable
from typing import Any

import attrs

from hamgr_fsm.effects import SendToPeer
from hamgr_fsm.messages import StandaloneReply, StandaloneRequest, VoteReply, VoteRequest
from hamgr_fsm.scope.election import Asker, answer
from hamgr_fsm.scope.operations import raised
from hamgr_fsm.scope.selection import Decision, decide
from hamgr_fsm.scope.switch_driven_actions import Actions
from hamgr_fsm.scope.switch_driven_facts import SERVING, S, SwitchDrivenScopeFacts
from hamgr_fsm.traffic import serving_route

Facts = SwitchDrivenScopeFacts


def routing(choose: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], object]:
    """A route property that sees other scopes than the true one does."""

    def serving(facts: Any) -> object:
        if facts.config is None or facts.settings is None or facts.managed is None:
            return None
        vips = [facts.config.vip_v4]
        return serving_route(facts.vdpus, choose(facts), pins=facts.config.pins, vips=vips, settings=facts.settings)

    return serving


def unfrozen(model: Facts, ev: StandaloneRequest) -> Decision:
    return decide(model.state, model.present_signals, ev.signals, yielded=model.peer_serves_alone)


def true_fact(name: str) -> Callable[[Any], Any]:
    return getattr(SwitchDrivenScopeFacts, name).fget  # type: ignore[no-any-return]


def decided_without_flows(model: Facts, ev: StandaloneRequest) -> Decision:
    ours = model.signals if model.state is S.SWITCHING_TO_STANDALONE and model.signals else model.present_signals
    blind = attrs.evolve(ours, in_sync=None)
    return decide(model.state, blind, attrs.evolve(ev.signals, in_sync=None), yielded=model.peer_serves_alone)


def answer_without_flows(model: Facts, ev: StandaloneRequest) -> None:
    model.outbox.append(SendToPeer(StandaloneReply(decided_without_flows(model, ev).answer, ev.episode)))


def vote(model: Facts, ev: VoteRequest, *, patient: bool = False, by_term: bool = False) -> None:
    position = model.pair.peer_position if model.pair is not None else 1
    voter = model.voter
    if by_term and voter.state in SERVING:
        voter = attrs.evolve(voter, state=S.CONNECTED)
    asker = Asker(ev.desired, ev.term, position, 1 if patient else ev.attempt or 1)
    vote = answer(voter, asker, model.timers.max_retries)
    model.outbox.append(SendToPeer(VoteReply(vote.vote, ev.attempt)))


def join_with_term(model: Facts) -> None:
    Actions.enter_initializing_to_standby(model)
    model.term = max(model.term, model.peer_term)


def report_with_term(model: Facts, ev: Any) -> None:
    Actions.take_report(model, ev)
    if model.state is S.STANDBY:
        model.term = ev.term


def raise_only(model: Facts) -> None:
    model.operations = raised(model.operations, model.expected_operations, model.new_id)
