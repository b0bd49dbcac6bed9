"""Plays a scenario in the lab: does its steps, looks after every event at what it expects, notes what happens.

Source: scenarios 0.2, 0.5.
"""

from collections.abc import Sequence
from typing import Any

from attrs import define, field, frozen

from hamgr_fsm.vocabulary import HaOwner
from runner.lab.invariants import Invariants
from runner.lab.lab import Lab
from runner.lab.sim.conditions import holds, missing, primary, where
from runner.lab.sim.scenario_file import Scenario
from runner.lab.sim.situations import SITUATIONS
from runner.lab.sim.verbs import VERBS
from runner.lab.switch import Leaving
from runner.lab.traffic import fate
from runner.lab.world import World

WITHIN_S = 150.0


@frozen
class Moment:
    """Something that happened, in milliseconds from the start of the steps. ``kind`` is do, state, message or traffic.

    ``who`` is the side it is about (None: the world); ``to`` the receiver of a message, or the side that handles the
    traffic that enters at ``who``.
    """

    at_ms: int
    kind: str
    what: str
    who: str | None = None
    to: str | None = None


@define
class Played:
    """A scenario that was played once: what happened, and what was not as expected."""

    name: str
    seed: int
    moments: list[Moment] = field(factory=list)
    failures: list[str] = field(factory=list)
    ended_ms: int = 0
    in_steps: bool = False
    """It has no times: its moments are numbered."""


class _BrokenOffError(Exception):
    """Nothing more is worth playing."""


def play(scenario: Scenario, seed: int) -> Played:
    """Play a scenario; a violated invariant is a failure, too."""
    document = scenario.document
    lab = Lab(owner=HaOwner(document.get("owner", "switch")), seed=seed)
    invariants = Invariants()
    lab.watchers.append(invariants.watch)
    played = Played(scenario.name, seed)
    try:
        SITUATIONS[document.get("start", "p")](lab)
        lab.pace.approval_ms = document.get("approves_ms")
        _Stage(lab, played, document, invariants).play()
    except _BrokenOffError:
        pass
    except AssertionError as error:
        played.failures.append(str(error))
    return played


@define(eq=False)
class _Stage:
    lab: Lab
    played: Played
    document: dict[str, Any]
    invariants: Invariants
    _began_ms: int = field(init=False)
    _sent: int = field(init=False)
    _known: dict[tuple[str, str], str | None] = field(factory=dict)
    _reported: set[str] = field(factory=set)

    def __attrs_post_init__(self) -> None:
        self._began_ms = self.lab.now_ms
        self._sent = len(self.lab.network.sent)

    def play(self) -> None:
        self._look()
        self.lab.watchers.append(self._watch)
        for number, step in enumerate(self.document["steps"]):
            self._step(number, step)
        if (condition := self.document.get("eventually")) is not None:
            self._expect("eventually", condition, WITHIN_S, 0)
        # What is left of a lost and repeated message is over by then.
        self.lab.run(1)
        self.played.ended_ms = self.lab.now_ms - self._began_ms
        self.invariants.at_rest(self.lab)

    def _step(self, number: int, step: dict[str, Any]) -> None:
        if "expect" in step:
            self._expect(f"steps[{number}]", step["expect"], step.get("within", WITHIN_S), step.get("for", 0))
            return
        name, said = next(iter(step.items()))
        if name != "wait":
            self._note("do", f"{name} {_words(said)}", said.get("side") if isinstance(said, dict) else None)
        VERBS[name].does(self.lab, said)
        self._look()

    def _expect(self, place: str, condition: dict[str, Any], within_s: float, for_s: float) -> None:
        try:
            self.lab.until(lambda: holds(self.lab, condition), within_s)
        except AssertionError:
            self.played.failures.append(f"{place}: within {within_s} s, {'; '.join(missing(self.lab, condition))}")
            raise _BrokenOffError from None
        end_ms = self.lab.now_ms + round(1000 * for_s)
        while self.lab.now_ms < end_ms:
            self.lab.run(min(0.1, (end_ms - self.lab.now_ms) / 1000))
            if wrong := missing(self.lab, condition):
                self.played.failures.append(f"{place}: does not stay so for {for_s} s: {'; '.join(wrong)}")
                raise _BrokenOffError

    def _watch(self, world: World, name: str, leaving: Sequence[Leaving]) -> None:
        self._look()
        for number, condition in enumerate(self.document.get("always", ())):
            if wrong := missing(self.lab, condition):
                self._fail_once(f"always[{number}]", "; ".join(wrong))
        for number, condition in enumerate(self.document.get("never", ())):
            if holds(self.lab, condition):
                self._fail_once(f"never[{number}]", f"{_words(condition)} is so")

    def _fail_once(self, place: str, what: str) -> None:
        if place not in self._reported:
            self._reported.add(place)
            at_ms = self.lab.now_ms - self._began_ms
            self.played.failures.append(f"{place}: at {at_ms} ms {what}")

    def _look(self) -> None:
        """Write down what has changed since the last look."""
        lab = self.lab
        for sent_ms, letter in lab.network.sent[self._sent :]:
            at_ms = max(sent_ms - self._began_ms, 0)
            said = Moment(at_ms, "message", letter.kind, letter.sender, letter.receiver)
            # A report goes to the peer's scope and to its HA set: one arrow is enough.
            if said not in self.played.moments[-4:]:
                self.played.moments.append(said)
        self._sent = len(lab.network.sent)
        for name in lab.pair:
            self._changed("state", name, where(lab, name) if lab[name].daemon else f"{where(lab, name)} (no daemon)")
            self._changed("route", name, primary(lab, name))
            handled = fate(lab, name)
            self._changed("traffic", name, handled.handled_by)

    def _changed(self, kind: str, name: str, value: str | None) -> None:
        if self._known.get((kind, name), "unknown") != value:
            self._known[kind, name] = value
            self._note(kind, value or "nobody", name)

    def _note(self, kind: str, what: str, who: str | None = None) -> None:
        self.played.moments.append(Moment(self.lab.now_ms - self._began_ms, kind, what, who))


def _words(said: Any) -> str:
    if isinstance(said, dict):
        return " ".join(f"{key}={_words(value)}" for key, value in said.items())
    if isinstance(said, list):
        return ",".join(_words(value) for value in said)
    return str(said).lower() if isinstance(said, bool) else str(said)
