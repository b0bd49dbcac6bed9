"""Random worlds: whatever happens to a pair, and in whatever order, the invariants hold and it forms again.

A world is a scenario: what happens in it is drawn from a seed, and a failure is written down as a scenario file, with
every step left out that it does not need.

Source: switch-driven 11; scenarios 8.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from attrs import frozen

from runner.lab.sim.play import Played, play
from runner.lab.sim.scenario_file import Scenario

Step = dict[str, Any]

PAUSES_S = (0.001, 0.003, 0.01, 0.5, 2.0, 6.0, 12.0, 35.0, 130.0)
WISHES = ("active", "unspecified", "standalone", "dead")


@frozen
class Failure:
    """A world that did not end well: its scenario, as short as it could be made, and what went wrong."""

    document: dict[str, Any]
    failures: tuple[str, ...]


def world(seed: int, deeds: int = 8) -> dict[str, Any]:
    """The scenario of a seed: a healthy pair, deeds, everything mended, and the pair again in the end."""
    chances = Random(seed)
    steps: list[Step] = [{"network": _conditions(chances)}]
    for _ in range(chances.randint(1, deeds)):
        steps += [_deed(chances), {"wait": chances.choice(PAUSES_S)}]
    return _document(f"soak {seed}", seed, steps)


def run(seed: int) -> Failure | None:
    """Play the world of a seed; a failure is made short first."""
    document = world(seed)
    played = _played(document)
    if not played.failures:
        return None
    short = shortened(document, lambda candidate: bool(_played(candidate).failures))
    return Failure(short, tuple(_played(short).failures))


def shortened(document: dict[str, Any], fails: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The same failure with every step left out that it does not need."""
    steps = document["steps"][: len(document["steps"]) - len(MENDING)]
    size = len(steps)
    while size:
        at = 0
        while at < len(steps):
            candidate = _document(document["name"], document["seeds"][0], steps[:at] + steps[at + size :])
            if fails(candidate):
                document, steps = candidate, steps[:at] + steps[at + size :]
            else:
                at += size
        size //= 2
    return document


def _played(document: dict[str, Any]) -> Played:
    return play(Scenario(document["name"], document), document["seeds"][0])


def _document(name: str, seed: int, steps: list[Step]) -> dict[str, Any]:
    return {"name": name, "start": "p", "seeds": [seed], "approves_ms": 300, "steps": [*steps, *MENDING]}


MENDING: list[Step] = [
    {"network": {}},
    *({"sync": {"side": side, "how": "completed"}} for side in "AB"),
    *({"acks": {"side": side, "how": "at_once"}} for side in "AB"),
    *({"start": side} for side in "AB"),
    {"repair": "everything"},
    {"heal": "everything"},
    {"scope": {"side": "A", "disabled": False, "desired": "active"}},
    {"scope": {"side": "B", "disabled": False, "desired": "unspecified"}},
    # A hold-down of flow synchronisation is up to sixteen minutes.
    {"wait": 60},
    {"expect": {"A": "active/active", "B": "standby/standby", "primary": "A"}, "within": 1500, "for": 30},
]
"""The end of every world."""


def _conditions(chances: Random) -> dict[str, Any]:
    return {
        "delay_ms": chances.choice((1, 2, 20)),
        "jitter_ms": chances.choice((0, 5, 300)),
        "loss": chances.choice((0.0, 0.0, 0.1, 0.3)),
        "repetition": chances.choice((0.0, 0.2)),
        "reordering": chances.choice((0.0, 0.2)),
    }


def _deed(chances: Random) -> Step:
    side = chances.choice("AB")
    deeds: tuple[Step, ...] = (
        {"link": chances.choice(("up", "down"))},
        {"chan": chances.choice(("up", "down"))},
        {"heal": "everything"},
        {"power_off": side},
        {"power_on": side},
        {"kill": side},
        {"start": side},
        {"crash": {"side": side, "before": chances.randint(0, 9)}},
        {"link_dead": side},
        {"isolate": side},
        {"flush_dpu": side},
        {"scope": {"side": side, "disabled": chances.random() < 0.3, "desired": chances.choice(WISHES)}},
        {"acks": {"side": side, "how": chances.choice(("held", "at_once"))}},
        {"sync": {"side": side, "how": chances.choice(("failed", "silent", "completed"))}},
    )
    return chances.choice(deeds)
