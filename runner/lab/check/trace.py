"""A trace told again: what happened, to whom, what was said, and where both sides were after each step.

Steps are found by what they say, so that a trace can be written to a file by hand and played again.

Source: architecture "Command lines".
"""

from collections.abc import Iterable, Iterator

from attrs import frozen

from runner.lab.check.budget import Budget, Pool
from runner.lab.check.campaign import handled_by
from runner.lab.check.explorer import Found
from runner.lab.check.happenings import Fault, Hears, message_words, words
from runner.lab.check.pair import Next, Pair, State
from runner.lab.check.rules import Rules
from runner.lab.check.side import NAMES
from runner.lab.check.situations import SITUATIONS
from runner.lab.check.violation import Violation
from runner.lab.check.wishes import EVERY_WISH


@frozen
class Line:
    """A step as it is written down: to whom, and in which words."""

    who: str
    what: str


@frozen
class Scene:
    """A step and what came of it; ``sides`` are the two sides in a few words, ``serving`` who decides flows."""

    who: str
    what: str
    message: str | None
    sides: tuple[str, str]
    states: tuple[str, str]
    serving: tuple[bool, bool]
    primaries: tuple[int | None, int | None]
    handled: tuple[int | None, int | None]
    """Which side's DPU handles the packets that enter at each switch; None: they are lost."""

    violation: Violation | None = None


class UnplayableError(ValueError):
    """A step cannot happen where it stands in the trace."""


def lines(found: Found) -> tuple[Line, ...]:
    """The steps of a counterexample, the run that shows it included."""
    return tuple(Line(step.who, words(step.happening)) for step in (*found.trace, *found.then))


ANYTHING = Budget(tuple(Pool(1_000_000, frozenset({fault})) for fault in Fault), EVERY_WISH)
"""A trace that is played again may break whatever it breaks."""


def play(rules: Rules, situation: str, steps: Iterable[Line], budget: Budget = ANYTHING) -> Iterator[Scene]:
    """Play steps from a situation; the first scene is the situation itself.

    Raises:
        UnplayableError: a step cannot happen there; what can happen instead is named.
    """
    pair = Pair(rules, budget)
    state = SITUATIONS[situation](pair)
    yield _scene(pair, state, "world", situation)
    for number, line in enumerate(steps, 1):
        following = _following(pair, state, number, line)
        state = following.state
        said = following.happening.message if isinstance(following.happening, Hears) else None
        yield _scene(pair, state, line.who, line.what, message_words(said) if said else None, following.violation)


def _following(pair: Pair, state: State, number: int, line: Line) -> Next:
    possible = [*pair.free(state), *pair.faults(state), *pair.timers(state)]
    for following in possible:
        if (following.who, words(following.happening)) == (line.who, line.what):
            return following
    instead = "; ".join(sorted({f"{n.who} {words(n.happening)}" for n in possible}))
    raise UnplayableError(f"step {number}: {line.who} {line.what!r} cannot happen here; what can: {instead}")


def _scene(
    pair: Pair, state: State, who: str, what: str, message: str | None = None, wrong: Violation | None = None
) -> Scene:
    known = pair.known(state)
    sides, states = [], []
    for position in (0, 1):
        fact = {name: pair.fact(state, position, name) for name in ("state", "term")}
        role = known[position].side.role
        alive = "" if known[position].alive else " (daemon dead)"
        power = "" if known[position].side.dpu_up else " (DPU down)"
        states.append(str(fact["state"]))
        sides.append(f"{fact['state']}/{role.value if role else '-'} term {fact['term']}{alive}{power}")
    return Scene(
        who=who,
        what=what,
        message=message,
        sides=(sides[0], sides[1]),
        states=(states[0], states[1]),
        serving=(known[0].decides, known[1].decides),
        primaries=(known[0].side.primary, known[1].side.primary),
        handled=(handled_by(pair, state, 0), handled_by(pair, state, 1)),
        violation=wrong,
    )


def as_text(scenes: Iterable[Scene]) -> str:
    """The scenes as lines: the step, then both sides where they changed."""
    written: list[str] = []
    before = ("", "")
    for number, scene in enumerate(scenes):
        what = f"{scene.who:5} {scene.what}" if number else f"from  {scene.what}"
        written.append(f"{number:4}  {what}")
        for position, name in enumerate(NAMES):
            if scene.sides[position] != before[position]:
                written.append(f"          {name} is {scene.sides[position]}")
        before = scene.sides
        if scene.violation is not None:
            written.append(f"          {scene.violation.invariant}: {scene.violation.what}")
    return "\n".join(written)


def as_mermaid(scenes: Iterable[Scene]) -> str:
    """The scenes as a Mermaid sequence diagram."""
    written = ["sequenceDiagram", "    participant A", "    participant B"]
    before = ("", "")
    for scene in scenes:
        if scene.message is not None:
            sender = NAMES[1 - NAMES.index(scene.who)]
            written.append(f"    {sender}->>{scene.who}: {scene.message}")
        elif scene.who in NAMES:
            written.append(f"    Note over {scene.who}: {scene.what}")
        else:
            written.append(f"    Note over A,B: {scene.what}")
        for position, name in enumerate(NAMES):
            if scene.sides[position] != before[position]:
                written.append(f"    Note right of {name}: {scene.sides[position]}")
        before = scene.sides
    return "\n".join(written)
