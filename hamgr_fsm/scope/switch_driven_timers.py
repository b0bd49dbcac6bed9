"""Which timers of a switch-driven scope run, as a function of its facts.

A timer runs while it is wanted: it starts when the wish arises, stops when it ends, and starts anew when it has fired
and is still wanted. Whenever one starts, what belongs to it is said: so a request is sent, repeated, sent again when
the link is back and after a restart by one and the same rule, and a restart needs no memory of timers. Those of a
state start anew with every entry.

A peer that cannot be heard is not waited for with a timer where the state is safe to stay in: a lost control link alone
changes nothing.

Source: switch-driven 1.2, 4, 10; scenarios W06, C17.
"""

from collections.abc import Callable

from attrs import frozen

from hamgr_fsm.effects import RaiseAlert, ResolvePeer, SendToPeer, StartTimer
from hamgr_fsm.messages import (
    BulkSyncDone,
    Heartbeat,
    ShutdownRequest,
    StandaloneRequest,
    SwitchoverRequest,
    VoteRequest,
)
from hamgr_fsm.scope.switch_driven_facts import LIVE, STATES, S, SwitchDrivenScopeFacts
from hamgr_fsm.timers import Timers
from hamgr_fsm.vocabulary import HaRole, HaState


@frozen
class Timer:
    """A timer by the name of the event that its end is."""

    event: str
    wanted: Callable[[SwitchDrivenScopeFacts], bool]
    """Asked only in the states in which the timer can run."""

    seconds: Callable[[SwitchDrivenScopeFacts, Timers], float]
    asks: Callable[[SwitchDrivenScopeFacts], None] | None = None
    """What is said to the peer each time it starts."""

    states: tuple[HaState, ...] = STATES
    """The states in which it can be wanted at all."""

    of_state: bool = True
    """It belongs to the stay in one state and starts anew with the next."""


def _connect(facts: SwitchDrivenScopeFacts) -> None:
    facts.attempts += 1
    facts.outbox += [ResolvePeer(), SendToPeer(Heartbeat())]


def _ask_for_vote(facts: SwitchDrivenScopeFacts) -> None:
    facts.attempts += 1
    facts.outbox.append(SendToPeer(VoteRequest(facts.term, facts.desired, facts.attempts)))
    if facts.attempts > facts.timers.max_retries:
        facts.outbox.append(RaiseAlert(f"no vote after {facts.attempts - 1} attempts"))


def _ask_for_switchover(facts: SwitchDrivenScopeFacts) -> None:
    assert facts.switchover is not None
    facts.attempts += 1
    facts.outbox.append(SendToPeer(SwitchoverRequest(facts.switchover.switchover_id)))


def _ask_for_shutdown(facts: SwitchDrivenScopeFacts) -> None:
    facts.outbox.append(SendToPeer(ShutdownRequest()))


def _ask_to_serve_alone(facts: SwitchDrivenScopeFacts) -> None:
    assert facts.signals is not None
    facts.attempts += 1
    facts.outbox.append(SendToPeer(StandaloneRequest(facts.signals, facts.episode)))


def _announce_sync(facts: SwitchDrivenScopeFacts) -> None:
    facts.outbox.append(SendToPeer(BulkSyncDone()))


def _greet(facts: SwitchDrivenScopeFacts) -> None:
    facts.outbox.append(SendToPeer(Heartbeat()))


def _hold_down(facts: SwitchDrivenScopeFacts, timers: Timers) -> float:
    doubled = timers.hold_down * 2.0 ** max(facts.hold_downs - 1, 0)
    return min(doubled, timers.hold_down_limit)


TIMERS: tuple[Timer, ...] = (
    Timer("connect_due", lambda f: True, lambda f, t: t.retry_interval, _connect, states=(S.CONNECTING,)),
    Timer("vote_due", lambda f: True, lambda f, t: t.retry_interval, _ask_for_vote, states=(S.CONNECTED,)),
    Timer("init_due", lambda f: True, lambda f, t: t.init, states=(S.INITIALIZING_TO_ACTIVE,)),
    Timer(
        "bulk_sync_due",
        lambda f: f.peer_serves_with_flows and not f.synchronised,
        lambda f, t: t.bulk_sync,
        states=(S.INITIALIZING_TO_STANDBY,),
    ),
    Timer(
        "sync_announce_due",
        lambda f: f.sync_announced and f.peer_state is S.INITIALIZING_TO_STANDBY,
        lambda f, t: t.retry_interval,
        _announce_sync,
        states=(S.ACTIVE,),
    ),
    Timer(
        "switchover_due",
        lambda f: f.peer_connected and not f.switchover_timed_out,
        lambda f, t: t.switchover,
        states=(S.SWITCHING_TO_ACTIVE, S.SWITCHING_TO_STANDBY),
    ),
    Timer(
        "switchover_retry_due",
        lambda f: f.may_ask_for_switchover,
        lambda f, t: t.switchover_retry,
        _ask_for_switchover,
        states=(S.SWITCHING_TO_ACTIVE,),
    ),
    Timer("selection_hold_due", lambda f: bool(f.denied_triggers), lambda f, t: t.retry_interval, of_state=False),
    Timer("switchover_hold_due", lambda f: f.switchover_held_off, lambda f, t: t.retry_interval, of_state=False),
    Timer(
        "shutdown_due",
        lambda f: f.may_ask_for_shutdown,
        lambda f, t: t.retry_interval,
        _ask_for_shutdown,
        states=(S.STANDBY,),
    ),
    Timer("drain_due", lambda f: True, lambda f, t: t.drain, states=(S.DESTROYING,)),
    Timer("rejoin_due", lambda f: f.may_rejoin, lambda f, t: t.rejoin_delay, states=(S.STANDBY,)),
    Timer("no_active_due", lambda f: f.nobody_is_active, lambda f, t: t.no_active, states=(S.STANDBY,)),
    Timer(
        "standalone_reply_due",
        lambda f: not f.nobody_to_ask,
        lambda f, t: t.standalone_reply,
        _ask_to_serve_alone,
        states=(S.SWITCHING_TO_STANDALONE,),
    ),
    Timer(
        "role_due",
        lambda f: f.awaits_role and f.programmed is not None and f.dpu_usable and not f.dpu_lost,
        lambda f, t: t.role_activation,
    ),
    Timer(
        "peer_dead_due",
        lambda f: f.peer_state is S.DEAD and f.peer_role not in (HaRole.DEAD, None) and not f.peer_dead_confirmed,
        lambda f, t: t.role_activation,
        of_state=False,
    ),
    Timer("request_timeout", lambda f: f.reconcile_awaited, lambda f, t: t.request, of_state=False),
    Timer("hold_down_due", lambda f: f.sync_failed or f.sync_drops, _hold_down, of_state=False),
    Timer(
        "hold_down_forgotten",
        lambda f: f.hold_downs > 0 and not f.sync_failed and not f.sync_drops,
        lambda f, t: 3600.0,
        of_state=False,
    ),
    Timer(
        "peer_heartbeat_due",
        lambda f: f.link_up is True and f.pair is not None,
        lambda f, t: t.peer_heartbeat,
        _greet,
        states=LIVE,
        of_state=False,
    ),
)
"""Every timer, when it is wanted, and for how long it runs."""

_BY_EVENT = {timer.event: timer for timer in TIMERS}

REQUESTS = frozenset(timer.event for timer in TIMERS if timer.asks is not None)
"""The timers of what is said to the peer; it is said again at once when the link is back."""

OF_STATE = frozenset(timer.event for timer in TIMERS if timer.of_state)


_BY_STATE = {state: tuple((t.event, t.wanted) for t in TIMERS if state in t.states) for state in HaState}


def wanted(facts: SwitchDrivenScopeFacts) -> frozenset[str]:
    """The timers that should run now."""
    return frozenset([event for event, is_wanted in _BY_STATE[facts.state] if is_wanted(facts)])


def start(facts: SwitchDrivenScopeFacts, event: str) -> None:
    """Say what belongs to a timer and let it run."""
    timer = _BY_EVENT[event]
    if timer.asks is not None:
        timer.asks(facts)
    facts.outbox.append(StartTimer(event, round(1000 * timer.seconds(facts, facts.timers))))
