"""Where an exploration begins: named situations, each reached by a fair run without faults.

Source: scenarios 0.3.
"""

from collections.abc import Callable

from hamgr_fsm.scope.dpu_driven_facts import ScopeConfig
from hamgr_fsm.vocabulary import DesiredHaState
from runner.lab.check.happenings import Configured, scope_config
from runner.lab.check.pair import Next, Pair, State

D = DesiredHaState


class UnreachedError(RuntimeError):
    """A situation is not reached although nothing goes wrong."""


def launching(pair: Pair, a: ScopeConfig | None, b: ScopeConfig | None) -> State:
    """Both daemons have just started and are configured so; nothing has been said yet."""
    sides = [pair.stepper(position).fresh() for position in (0, 1)]
    state = pair.start(sides[0], sides[1])
    for position, config in ((0, a), (1, b)):
        if config is not None:
            state = pair._happens(state, position, Configured(config)).state
    return state


def quietly(pair: Pair, state: State, until: Callable[[State], bool], most: int = 400) -> State:
    """Go on without faults, the next urgent thing first, then an approval, then a timer, until something holds.

    Raises:
        UnreachedError: it does not hold after so many steps, or nothing happens any more.
    """
    for _ in range(most):
        if until(state):
            return state
        following = _quiet_next(pair, state)
        if following is None:
            break
        state = following.state
    raise UnreachedError(f"a healthy pair does not get there under the rules {pair.rules.name}")


def _quiet_next(pair: Pair, state: State) -> Next | None:
    for found in pair.urgent(state):
        return found
    for found in pair.unhurried(state):
        return found
    timers = [t for t in pair.timers(state) if "heartbeat" not in str(t.happening)]
    return timers[0] if timers else None


def _wants(pair: Pair, state: State, position: int, desired: DesiredHaState, disabled: bool = False) -> State:
    return pair._happens(state, position, Configured(scope_config(desired, disabled=disabled))).state


def _states(pair: Pair, state: State) -> tuple[object, object]:
    return pair.fact(state, 0, "state"), pair.fact(state, 1, "state")


def _reached(pair: Pair, a: str, b: str) -> Callable[[State], bool]:
    return lambda state: _states(pair, state) == (a, b) and not pair.busy(state)


def launch(pair: Pair) -> State:
    """Two enabled scopes begin to launch; A is to be active."""
    return launching(pair, scope_config(D.ACTIVE), scope_config())


def launch_equal(pair: Pair) -> State:
    """Two enabled scopes begin to launch, and the controller prefers neither."""
    return launching(pair, scope_config(), scope_config())


def launch_alone(pair: Pair) -> State:
    """A launches beside a B that is not configured."""
    return launching(pair, scope_config(D.ACTIVE), None)


def paired(pair: Pair) -> State:
    """P: a healthy pair, A active."""
    return quietly(pair, launch(pair), _reached(pair, "active", "standby"))


def paired_indifferent(pair: Pair) -> State:
    """P, and the controller does not want A active any more."""
    return _wants(pair, paired(pair), 0, D.UNSPECIFIED)


def switching(pair: Pair) -> State:
    """P, and the controller now wants B active: a switchover waits for its approval."""
    return _wants(pair, paired_indifferent(pair), 1, D.ACTIVE)


def alone(pair: Pair) -> State:
    """SA: A serves alone, B was shut down as planned."""
    state = _wants(pair, paired(pair), 1, D.DEAD)
    return quietly(pair, state, _reached(pair, "standalone", "dead"))


def returning(pair: Pair) -> State:
    """SA, and B is to come back."""
    return _wants(pair, alone(pair), 1, D.UNSPECIFIED)


def returning_wanted(pair: Pair) -> State:
    """SA, and B is to come back and to be active in the end."""
    return _wants(pair, _wants(pair, alone(pair), 0, D.UNSPECIFIED), 1, D.ACTIVE)


def pinned(pair: Pair) -> State:
    """A is pinned and serves alone beside a Standby B."""
    state = _wants(pair, paired(pair), 0, D.STANDALONE)
    return quietly(pair, state, _reached(pair, "standalone", "standby"))


def shutting_down(pair: Pair) -> State:
    """P, and B is to be shut down."""
    return _wants(pair, paired(pair), 1, D.DEAD)


SITUATIONS: dict[str, Callable[[Pair], State]] = {
    situation.__name__: situation
    for situation in (
        launch,
        launch_equal,
        launch_alone,
        paired,
        paired_indifferent,
        switching,
        alone,
        returning,
        returning_wanted,
        pinned,
        shutting_down,
    )
}
"""Every situation by its name."""
