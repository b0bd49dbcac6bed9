"""The lives that the demonstration plays: of a pair that its DPUs drive, and of one that its switches drive."""

from collections.abc import Mapping

from attrs import frozen

from hamgr_fsm.vocabulary import HaOwner
from runner.demo import story_dpu_driven, story_switch_driven
from runner.demo.step import Step

TIMERS: Mapping[str, float] = {
    "retry_interval": 1.0,
    "peer_heartbeat": 2.0,
    "rejoin_delay": 1.0,
    "hold_down": 2.0,
    "switchover_retry": 0.5,
}
"""In seconds: what hamgrd waits for on a real switch takes up to half a minute, which nobody wants to watch."""


@frozen
class Story:
    """A life: ``life`` ends with a healthy pair, ``leave`` takes everything away."""

    owner: HaOwner
    life: tuple[Step, ...]
    leave: tuple[Step, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All of it."""
        return (*self.life, *self.leave)


STORIES = (
    Story(HaOwner.DPU, story_dpu_driven.LIFE, story_dpu_driven.LEAVE),
    Story(HaOwner.SWITCH, story_switch_driven.LIFE, story_switch_driven.LEAVE),
)
