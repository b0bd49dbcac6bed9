"""Two rule sets side by side: the shortest trace after which they do not do the same.

Both pairs go through the same happenings, breadth first. They differ as soon as a side is elsewhere, asks its DPU for
another role, has another route, or says something else: then what can happen next differs as well.

Source: architecture "Command lines".
"""

from collections import deque

from attrs import frozen

from runner.lab.check.campaign import Campaign
from runner.lab.check.happenings import Step, words
from runner.lab.check.pair import Next, Pair, State
from runner.lab.check.rules import Rules
from runner.lab.check.side import NAMES
from runner.lab.check.situations import SITUATIONS


@frozen
class Difference:
    """Where two rule sets part: the common trace, and what each of them does after it."""

    trace: tuple[Step, ...]
    one: str
    other: str


def difference(one: Rules, other: Rules, campaign: Campaign, most_states: int = 200_000) -> Difference | None:
    """The first difference within a campaign; None if there is none among so many states."""
    pairs = Pair(one, campaign.budget), Pair(other, campaign.budget)
    start = SITUATIONS[campaign.situation](pairs[0]), SITUATIONS[campaign.situation](pairs[1])
    seen: dict[tuple[State, State], tuple[tuple[State, State], Step] | None] = {start: None}
    waiting = deque([start])
    while waiting and len(seen) <= most_states:
        states = waiting.popleft()
        seconds = [_seen(pair, state) for pair, state in zip(pairs, states, strict=True)]
        nexts = [_nexts(pair, state) for pair, state in zip(pairs, states, strict=True)]
        if seconds[0] != seconds[1]:
            return Difference(_trace(seen, states), seconds[0], seconds[1])
        if nexts[0].keys() != nexts[1].keys():
            only = [_only(nexts[i], nexts[1 - i]) for i in (0, 1)]
            return Difference(_trace(seen, states), only[0], only[1])
        if any(pair.overflows_in(state) for pair, state in zip(pairs, states, strict=True)):
            continue
        for what, following in nexts[0].items():
            reached = following.state, nexts[1][what].state
            if reached not in seen:
                seen[reached] = (states, Step(following.who, following.happening))
                waiting.append(reached)
    return None


def _nexts(pair: Pair, state: State) -> dict[tuple[str, str], Next]:
    return {(n.who, words(n.happening)): n for n in (*pair.free(state), *pair.faults(state))}


def _seen(pair: Pair, state: State) -> str:
    said = []
    for position, name in enumerate(NAMES):
        side = pair.sides(state)[position]
        asked = ", ".join(role.value for role in side.asked) or "nothing"
        route = "nobody" if side.primary is None else NAMES[side.primary]
        where, term = (pair.fact(state, position, fact) for fact in ("state", "term"))
        said.append(f"{name} is {where} in term {term}, asks its DPU for {asked}, and its route leads to {route}")
    return "; ".join(said)


def _only(ours: dict[tuple[str, str], Next], theirs: dict[tuple[str, str], Next]) -> str:
    only = sorted(f"{who} {what}" for who, what in ours.keys() - theirs.keys())
    return "what can be next: " + ("; ".join(only) if only else "nothing that the other cannot do")


def _trace(
    seen: dict[tuple[State, State], tuple[tuple[State, State], Step] | None], states: tuple[State, State]
) -> tuple[Step, ...]:
    trace = []
    while (before := seen[states]) is not None:
        states, step = before
        trace.append(step)
    return tuple(reversed(trace))
