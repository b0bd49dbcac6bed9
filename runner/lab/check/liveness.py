"""Whether everything comes to rest in good order once the faults stop (I9).

From a state in which nothing urgent is under way, everything that was broken is mended and the controller approves what
is pending. Then time passes: of the timers that run, the shortest ends first; one whose end leads back to the very same
state ends again and again until the next longer one is over, so that one is looked at. Where the short timers lead
round in a circle, a longer one that runs all the time ends in the end. A state that has been followed is not followed
twice, so the cost is that of the states that are met, not of the runs.

What is found at the end: the pair is in good order, or it is not; or it talks for ever, or goes round for ever.

Source: switch-driven 10, 11.
"""

from attrs import define, field

from hamgr_fsm.scope.switch_driven_timers import OF_STATE, TIMERS
from hamgr_fsm.vocabulary import DesiredHaState
from runner.lab.check.happenings import Deed, Step, TimerEnds
from runner.lab.check.invariants import in_good_order, somebody_serves, violation_at_rest, waits_for_ever
from runner.lab.check.pair import Next, Pair, State, step_of
from runner.lab.check.violation import Violation

_GOES_ON = (Deed.APPROVE, Deed.START_PATH, Deed.START_NO_PATH)

MOST_STEPS = 600
"""Urgent steps after which a pair that still goes on never stops."""

MOST_WAYS_OUT = 4
"""How often a longer timer is looked at that leads out of a circle, on one way."""

MOST_ROUNDS = 400
"""Ends of timers after which a pair that still goes on never comes to rest."""


@define(eq=False)
class Liveness:
    """The ends of all states that were followed."""

    pair: Pair
    mends: bool = True
    """What is broken is mended; else it stays as it is, and only daemons are started again."""

    _next: dict[State, State | None] = field(factory=dict)
    """From a state in which time passes to the next one; None: time changes nothing any more."""

    _verdicts: dict[State, Violation | None] = field(factory=dict)
    _restarts: dict[State, Violation | None] = field(factory=dict)
    _durations: dict[str, float] = field(init=False)
    _empty: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        facts = self.pair.rules.scope.record(hold_downs=1)
        self._durations = {timer.event: timer.seconds(facts, self.pair.rules.timers) for timer in TIMERS}
        self._empty = self.pair.no_budget

    @property
    def followed(self) -> int:
        """How many states have been followed."""
        return len(self._verdicts)

    def violation(self, state: State) -> Violation | None:
        """What is wrong with the end of a state in which nothing urgent is under way; None if nothing is."""
        calm = state._replace(budget=self._empty)
        if calm not in self._verdicts:
            mended = self._settled(calm)
            self._verdicts[calm] = mended if isinstance(mended, Violation) else self._end(mended)
        return self._verdicts[calm]

    def restart_violation(self, state: State) -> Violation | None:
        """I10: each of the daemons may die here and come back, and the end is the same."""
        calm = state._replace(budget=self._empty)
        if calm in self._restarts:
            return self._restarts[calm]
        found = None
        for position, name in ((0, "A"), (1, "B")):
            if not self.pair.known(calm)[position].alive:
                continue
            again = self.pair.crashed(calm, position)
            if (wrong := self.violation(again)) is not None:
                found = wrong
            elif (end := self.end(calm)) != (other := self.end(again)):
                found = Violation("I10", f"a restart of {name} leads to {other} instead of {end}")
        self._restarts[calm] = found
        return found

    def end(self, state: State) -> str:
        """Where both sides are in the end; of a pair that goes round, where it is when it is first there again."""
        settled = self._settled(state._replace(budget=self._empty))
        seen: set[State] = set()
        while isinstance(settled, State) and settled not in seen:
            seen.add(settled)
            after = self._after(settled)
            if after is None:
                break
            settled = after
        return self._words(settled) if isinstance(settled, State) else settled.what

    def run(self, state: State) -> list[Next]:
        """The steps of the run whose end :meth:`violation` speaks of, until it repeats itself."""
        steps: list[Next] = []
        settled = self._settled(state._replace(budget=self._empty), steps)
        seen: set[State] = set()
        while isinstance(settled, State) and settled not in seen:
            seen.add(settled)
            following = self._after(settled)
            if not isinstance(following, State):
                break
            steps += self._steps_to(settled, following)
            settled = following
        return steps

    def _steps_to(self, state: State, following: State) -> list[Next]:
        """The end of a timer that leads from one state in which time passes to the next, and what comes of it."""
        for timer in self._by_duration(state):
            taken = [timer]
            if self._settled(timer.state, taken) == following:
                return taken
        return []

    def _end(self, start: State) -> Violation | None:
        path: list[State] = []
        places: dict[State, int] = {}
        state = start
        verdict: Violation | None
        ways_out = 0
        for _ in range(MOST_ROUNDS):
            if state in self._verdicts:
                verdict = self._verdicts[state]
                break
            if state in places:
                circle = path[places[state] :]
                # Where timers merely take turns there is always another order of them.
                way_out = self._way_out(circle) if ways_out < MOST_WAYS_OUT else None
                ways_out += 1
                if way_out is None:
                    verdict = self._circle(circle)
                    break
                at, after = way_out
                self._next[at] = after
                path, places = path[: places[at] + 1], {s: i for s, i in places.items() if i <= places[at]}
                state = after
                continue
            places[state] = len(path)
            path.append(state)
            following = self._after(state)
            if isinstance(following, Violation):
                verdict = following
                break
            if following is None:
                verdict = self._rest(state)
                break
            state = following
        else:
            verdict = Violation("I9", f"does not come to rest: {self._words(state)}")
        for passed in path:
            self._verdicts[passed] = verdict
        return verdict

    def _after(self, state: State) -> State | Violation | None:
        if state in self._next:
            return self._next[state]
        goes_round = False
        for timer in self._by_duration(state):
            if timer.violation is not None:
                return timer.violation
            taken = [timer]
            after = self._settled(timer.state, taken)
            if after != state:
                if isinstance(after, State):
                    self._next[state] = after
                return after
            goes_round = goes_round or not self._stays(state, taken)
        self._next[state] = None
        return self._circle([state]) if goes_round else None

    def _by_duration(self, state: State) -> list[Next]:
        return sorted(self.pair.timers(state), key=lambda t: (self._durations[_timer(t)], t.who))

    def _settled(self, state: State, steps: list[Next] | None = None) -> State | Violation:
        """Everything urgent done, everything mended, everything approved."""
        for _ in range(MOST_STEPS):
            following = next(self.pair.urgent(state), None) or self._unhurried(state)
            if following is None:
                if self.pair.at_rest(state) and (wrong := violation_at_rest(self.pair, state)):
                    return wrong
                return state
            if steps is not None:
                steps.append(following)
            if following.violation is not None:
                return following.violation
            state = following.state
        return Violation("I9", "does not stop talking")

    def _unhurried(self, state: State) -> Next | None:
        if self.mends:
            return next(self.pair.unhurried(state), None)
        return next((n for n in self.pair.unhurried(state) if n.happening in _GOES_ON), None)

    def _way_out(self, circle: list[State]) -> tuple[State, State] | None:
        """A timer that runs all the time while the circle goes round, and leads out of it."""
        running = [{(t.who, _timer(t)) for t in self.pair.timers(state)} for state in circle]
        for who, timer in sorted(set.intersection(*running), key=lambda t: self._durations[t[1]]):
            position = "AB".index(who)
            states = {self.pair.fact(state, position, "state") for state in circle}
            if timer in OF_STATE and len(states) > 1:
                continue
            for at in circle:
                for ended in self.pair.timers(at):
                    if (ended.who, _timer(ended)) != (who, timer):
                        continue
                    after = self._settled(ended.state)
                    if isinstance(after, State) and after not in circle and self._next.get(at) != after:
                        return at, after
        return None

    def _circle(self, circle: list[State]) -> Violation | None:
        """In good order, going round is good: where requests are repeated, or where wishes contradict each other."""
        repeats = self._only_repeats(circle)
        contradicts = all(
            getattr(self.pair.fact(circle[0], position, "config"), "desired", None) is DesiredHaState.ACTIVE
            for position in (0, 1)
        )
        good = somebody_serves if not self.mends else in_good_order
        if (repeats or contradicts or not self.mends) and all(good(self.pair, state) for state in circle):
            return None
        return Violation("I9", f"goes round for ever: {self._words(circle[0])}")

    def _only_repeats(self, circle: list[State]) -> bool:
        """Neither side moves on the way round; only what was said is said again."""
        return all(
            self._stays(circle[0], self._steps_to(state, following))
            for state, following in zip(circle, [*circle[1:], circle[0]], strict=True)
        )

    def _stays(self, state: State, steps: list[Next]) -> bool:
        """Both sides stay where they are in a state through all of these steps."""
        where = self._words(state)
        return all(self._words(step.state) == where for step in steps)

    def _rest(self, state: State) -> Violation | None:
        if not self.mends:
            if not somebody_serves(self.pair, state):
                return Violation("I-02", f"nobody serves, and nothing is done about it: {self._words(state)}")
            if waits_for_ever(self.pair, state):
                return Violation("I-08", f"waits for ever: {self._words(state)}")
            return None
        if in_good_order(self.pair, state):
            return None
        return Violation("I9", f"rests in disorder: {self._words(state)}")

    def _words(self, state: State) -> str:
        said = []
        for position, name in ((0, "A"), (1, "B")):
            known = self.pair.known(state)[position]
            role = known.side.role.value if known.side.role is not None else "no role"
            said.append(f"{name} {self.pair.fact(state, position, 'state')}/{role}")
        return ", ".join(said)


def steps_of(run: list[Next]) -> tuple[Step, ...]:
    """The steps of a run as a trace."""
    return tuple(step_of(following) for following in run)


def _timer(following: Next) -> str:
    assert isinstance(following.happening, TimerEnds)
    return following.happening.timer
