"""Plays the exact order of a counterexample and tells it in the words of a scenario that was played.

Source: ``runner.lab.check.schedule_file``.
"""

from collections.abc import Callable
from typing import Any

from runner.lab.check.rules import Rules
from runner.lab.check.situations import SITUATIONS
from runner.lab.check.trace import Line, Scene, UnplayableError, play
from runner.lab.sim.play import Moment, Played
from runner.lab.sim.scenario_file import Scenario, ScenarioFileError


def play_schedule(scenario: Scenario, rules_named: Callable[[str], Rules]) -> Played:
    """Play a counterexample; it is as expected when it shows what it says that it shows.

    Raises:
        ScenarioFileError: its rules or its situation do not exist.
    """
    schedule: dict[str, Any] = scenario.document["schedule"]
    try:
        rules = rules_named(schedule["rules"])
    except KeyError:
        raise ScenarioFileError(f"{scenario.path}: schedule.rules: no rules {schedule['rules']!r}") from None
    if schedule["from"] not in SITUATIONS:
        there_are = ", ".join(SITUATIONS)
        raise ScenarioFileError(
            f"{scenario.path}: schedule.from: no situation {schedule['from']!r}; there are: {there_are}"
        )
    steps = [Line(*next(iter(step.items()))) for step in schedule["steps"]]
    played = Played(scenario.name, 0, in_steps=True)
    shown = None
    try:
        before: Scene | None = None
        for number, scene in enumerate(play(rules, schedule["from"], steps)):
            played.moments += _moments(number, scene, before)
            shown = scene.violation or shown
            before = scene
    except UnplayableError as error:
        played.failures.append(f"schedule.{error}")
        return played
    expected = schedule.get("shows")
    # What shows in one step must show again; what shows at rest or in the end is for the reader.
    if expected is None or expected["invariant"] not in ("I3", "I5", "I6", "I7", "I8"):
        return played
    if shown is None or shown.what != expected["what"]:
        played.failures.append(f"schedule.shows: {expected['what']}: it does not")
    return played


def _moments(number: int, scene: Scene, before: Scene | None) -> list[Moment]:
    said = []
    if scene.message is not None:
        other = "B" if scene.who == "A" else "A"
        said.append(Moment(number, "message", scene.message, other, scene.who))
    else:
        said.append(Moment(number, "do", f"{scene.who} {scene.what}", scene.who if scene.who != "world" else None))
    for position, name in enumerate(("A", "B")):
        if before is None or scene.sides[position] != before.sides[position]:
            said.append(Moment(number, "state", scene.sides[position], name))
        primary = scene.primaries[position]
        if before is None or primary != before.primaries[position]:
            said.append(Moment(number, "route", _side(primary), name))
        if before is None or scene.handled[position] != before.handled[position]:
            said.append(Moment(number, "traffic", _side(scene.handled[position]), name))
    return said


def _side(position: int | None) -> str:
    return "nobody" if position is None else ("A", "B")[position]
