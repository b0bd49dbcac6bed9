"""A campaign: one situation explored within one budget, and what is looked at besides what must always hold.

Source: switch-driven 11; scenarios 0.5 (L0); field-lessons I-01, FL-01, FL-23.
"""

from collections.abc import Callable
from enum import StrEnum

from attrs import field, frozen

from hamgr_fsm.vocabulary import HaRole
from runner.lab.check.budget import Budget
from runner.lab.check.explorer import Explorer, Found, Report
from runner.lab.check.pair import CABLE, Pair, State
from runner.lab.check.rules import TRUE, Rules
from runner.lab.check.side import NAMES
from runner.lab.check.situations import SITUATIONS, UnreachedError
from runner.lab.check.violation import Violation


class Extra(StrEnum):
    """What holds in every state of an exploration whose budget is small enough, beyond what always holds."""

    NEVER_TWO = "never two deciders"
    """Without a partition, a crash or a lost message no two DPUs ever decide flows at once (I-01)."""

    NO_LOSS = "no packet lost"
    """Planned work alone never leaves a packet without a DPU that handles it (L0, FL-02, FL-23)."""

    PRIMARY_STAYS = "the primary stays"
    """No route ever leaves A (FL-01)."""

    WAITS = "waits for the asker"
    """Nobody is Standalone beside a side that is still Active, or that asks who is to serve (selection, row 8)."""

    STAYS = "nothing moves"
    """Both sides stay where a healthy pair is: Active and Standby, under their term (C17, M6.2, M6.3)."""

    ORDERLY_SHUTDOWN = "the standby leaves last"
    """A Standby that is shut down as planned gives up its role only beside a DPU that serves alone (FL-23)."""

    SHUTS_DOWN = "the shutdown ends"
    """A Standby that is wanted dead is Dead in the end."""

    SMOOTH = "nobody is in trouble"
    """Planned work alone never ends in a selection of who serves alone."""

    RESTART = "restart changes nothing"
    """A daemon that dies and comes back leads to the same end (I10)."""


HANDLES = (HaRole.ACTIVE, HaRole.STANDALONE, HaRole.SWITCHING_TO_ACTIVE)


@frozen
class Campaign:
    """What to explore."""

    situation: str
    budget: Budget = field(factory=Budget)
    extras: frozenset[Extra] = frozenset()
    most_states: int = 1_000_000
    longest_queue: int = 6

    def words(self) -> str:
        """The campaign in a line."""
        extras = f"; {', '.join(sorted(e.value for e in self.extras))}" if self.extras else ""
        return f"{self.situation}: {self.budget.words()}{extras}"


def run(
    campaign: Campaign,
    rules: Rules = TRUE,
    *,
    ignores: frozenset[str] = frozenset(),
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Explore a campaign to its end, to its first violation or until it is stopped.

    A situation that the rules do not even reach is a violation of I9 in itself.
    """
    pair = Pair(rules, campaign.budget, longest_queue=campaign.longest_queue)
    explorer = Explorer(
        pair,
        most_states=campaign.most_states,
        looks=tuple(_LOOKS[extra] for extra in sorted(campaign.extras) if extra in _LOOKS),
        restarts=Extra.RESTART in campaign.extras,
        ignores=ignores,
        stop=stop,
        tell=tell,
    )
    try:
        start = SITUATIONS[campaign.situation](pair)
    except UnreachedError as error:
        return Report(found=Found(Violation("I9", str(error)), ()))
    return explorer.explore(start)


def _never_two(pair: Pair, state: State) -> Violation | None:
    a, b = pair.known(state)
    return Violation("I1", "both sides decide flows at once") if a.decides and b.decides else None


def handled_by(pair: Pair, state: State, position: int) -> int | None:
    """The side whose DPU handles the packets that enter at a switch; None when they are lost.

    A DPU that is standby tunnels them to one that decides, as long as the channel is there. Source: scenarios 0.5 (L0).
    """
    sides = pair.sides(state)
    primary = sides[position].primary
    if primary is None:
        return None
    to, other = sides[primary], sides[1 - primary]
    if to.role in HANDLES:
        return primary
    tunnelled = to.role is HaRole.STANDBY and other.role in HANDLES and state.paths & CABLE
    return 1 - primary if tunnelled else None


def _no_loss(pair: Pair, state: State) -> Violation | None:
    for position, name in enumerate(NAMES):
        primary = pair.sides(state)[position].primary
        if primary is not None and handled_by(pair, state, position) is None:
            role = pair.sides(state)[primary].role
            what = role.value if role is not None else "without a role"
            return Violation("L0", f"{name} sends packets to {NAMES[primary]}, which is {what}: they are lost")
    return None


def _primary_stays(pair: Pair, state: State) -> Violation | None:
    for side, name in zip(pair.sides(state), NAMES, strict=True):
        if side.primary == 1:
            return Violation("FL-01", f"{name} moves its route away from the side that serves")
    return None


def _waits(pair: Pair, state: State) -> Violation | None:
    states = {str(pair.fact(state, position, "state")) for position in (0, 1)}
    if "standalone" in states and states & {"active", "switching_to_standalone"}:
        return Violation("I1", "one side serves alone while the other may still serve")
    return None


def _stays(pair: Pair, state: State) -> Violation | None:
    states = tuple(pair.fact(state, position, "state") for position in (0, 1))
    if states != ("active", "standby") or pair.fact(state, 0, "term") != 1:
        return Violation("C17", f"a healthy pair moves to {states[0]}, {states[1]}")
    return None


def _orderly_shutdown(pair: Pair, state: State) -> Violation | None:
    if pair.fact(state, 1, "state") == "destroying" and pair.side(0, state.a).role is not HaRole.STANDALONE:
        return Violation("FL-23", "B gives up its role before A serves alone")
    return None


def _shuts_down(pair: Pair, state: State) -> Violation | None:
    b = pair.side(1, state.b)
    waits = (
        not pair.busy(state) and pair.fact(state, 1, "state") == "standby" and pair.fact(state, 0, "state") == "active"
    )
    if waits and pair.at_rest(state) and "shutdown_due" not in b.ticking:
        return Violation("I-08", "B is wanted dead, and nothing is under way to that")
    return None


def _smooth(pair: Pair, state: State) -> Violation | None:
    for position, name in enumerate(NAMES):
        if pair.fact(state, position, "state") == "switching_to_standalone":
            return Violation("W04", f"{name} is in trouble in planned work")
    return None


_LOOKS: dict[Extra, Callable[[Pair, State], Violation | None]] = {
    Extra.NEVER_TWO: _never_two,
    Extra.NO_LOSS: _no_loss,
    Extra.PRIMARY_STAYS: _primary_stays,
    Extra.STAYS: _stays,
    Extra.WAITS: _waits,
    Extra.ORDERLY_SHUTDOWN: _orderly_shutdown,
    Extra.SHUTS_DOWN: _shuts_down,
    Extra.SMOOTH: _smooth,
}
