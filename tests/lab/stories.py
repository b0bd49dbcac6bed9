"""Workflows as stories: a situation to start from, and what happens then; a controller approves whatever is pending.

A story only acts and lets time pass, so it can be played in a world in which anything else happens besides.
"""

from collections.abc import Callable

from attrs import frozen

from runner.lab.dpu_roles import SyncEnd
from tests.lab.pair import Pair, switch_driven

Act = Callable[[Pair], None]


@frozen
class Story:
    """A workflow of the scenarios."""

    start: Act
    goes_on: Act
    loses_channel: bool = False
    """The channel goes down: from then on a silent peer is a lost one, and whoever serves alone does so under
    a new term."""


def _launch(lab: Pair) -> None:
    lab.set()
    for name in "AB":
        lab.scope(name, disabled=True)
    lab.run(2)
    lab.scope("A", disabled=False)
    lab.run(5)
    lab.scope("B", disabled=False)


def _launch_alone(lab: Pair) -> None:
    lab.set("A")
    lab.scope("A", disabled=False)


def _switchover(lab: Pair) -> None:
    lab.scope("A", desired="unspecified")
    lab.run(5)
    lab.scope("B", desired="active")


def _rejected_switchover(lab: Pair) -> None:
    lab.scope("B", desired="active")
    lab.run(20)
    lab.scope("B", desired="unspecified")


def _shutdown(lab: Pair) -> None:
    lab.scope("B", desired="dead", disabled=False)


def _return(lab: Pair) -> None:
    lab.scope("B", desired="unspecified", disabled=False)


def _return_with_failing_sync(lab: Pair) -> None:
    lab.sync("A", SyncEnd.FAILED)
    lab.scope("B", desired="unspecified", disabled=False)
    lab.run(30)
    lab.sync("A", SyncEnd.COMPLETED)


def _pin(lab: Pair) -> None:
    lab.scope("A", desired="standalone")


def _pin_and_unpin(lab: Pair) -> None:
    lab.scope("A", desired="standalone")
    lab.run(15)
    lab.scope("A", desired="active")


def _pin_the_standby(lab: Pair) -> None:
    lab.scope("A", desired="unspecified")
    lab.scope("B", desired="standalone")


def _force(name: str) -> Act:
    def act(lab: Pair) -> None:
        lab.scope(name, disabled=True)
        lab.run(20)
        lab.scope(name, disabled=False)

    return act


def _off(name: str) -> Act:
    return lambda lab: lab.off(name)


def _off_and_on(name: str) -> Act:
    def act(lab: Pair) -> None:
        lab.off(name)
        lab.run(20)
        lab.on(name)

    return act


def _port(name: str) -> Act:
    def act(lab: Pair) -> None:
        lab.link_dead(name)
        lab.run(20)
        lab.heal()

    return act


def _channel(lab: Pair) -> None:
    lab.chan(False)
    lab.run(20)
    lab.chan(True)


def _p_with_enis(lab: Pair) -> None:
    lab.p()
    for name in "AB":
        lab.add_enis(name, "F4939FEFC47E")
    lab.run(1)


def _drops(lab: Pair) -> None:
    lab.drops("A", 31)
    lab.run(60)
    lab.drops("A", 0)


def _remove(lab: Pair) -> None:
    lab.disable()
    lab.teardown()


STORIES = {
    "w01 launch": Story(Pair.z0, _launch),
    "w02 return": Story(Pair.sa, _return),
    "w02a return with failing sync": Story(Pair.sa, _return_with_failing_sync),
    "w03b launch alone": Story(Pair.z0, _launch_alone),
    "w04 switchover": Story(Pair.p, _switchover),
    "w05 rejected switchover": Story(Pair.p, _rejected_switchover),
    "w07 shutdown": Story(Pair.p, _shutdown),
    "w09a pin": Story(Pair.p, _pin),
    "w09b pin and unpin": Story(Pair.p, _pin_and_unpin),
    "m4 pin of the standby": Story(Pair.p, _pin_the_standby),
    "w11 active forced down": Story(Pair.p, _force("A")),
    "w11 standby forced down": Story(Pair.p, _force("B")),
    "w13a standby DPU dies": Story(Pair.p, _off("B"), loses_channel=True),
    "w13c active DPU dies": Story(Pair.p, _off("A"), loses_channel=True),
    "w13f standby DPU returns": Story(Pair.p, _off_and_on("B"), loses_channel=True),
    "w13f active DPU returns": Story(Pair.p, _off_and_on("A"), loses_channel=True),
    "w14 standby's port": Story(Pair.p, _port("B"), loses_channel=True),
    "w14 active's port": Story(Pair.p, _port("A"), loses_channel=True),
    "w12h channel": Story(Pair.p, _channel, loses_channel=True),
    "w12a drops": Story(_p_with_enis, _drops),
    "m9.1 removal": Story(Pair.p, _remove),
}

END_S = 220
"""After so long everything that a story began is over, whatever was lost on the way."""


def begin(story: Story, **settings: object) -> Pair:
    """A lab right before the story goes on."""
    lab = switch_driven(**settings)
    story.start(lab)
    lab.pace.approval_ms = 400
    return lab
