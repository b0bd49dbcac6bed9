"""What can happen to one side of a pair, and what can happen to the world around both.

Every happening is a small value with a sentence; a trace is a list of them. Those of ``FAULTS`` cost budget, everything
else is free: the world gets on with its work, and what was broken may be mended at any time.

Source: switch-driven 11, scenarios 0.2.
"""

from enum import StrEnum

from attrs import frozen

from hamgr_fsm.messages import PeerMessage, StateReport
from hamgr_fsm.scope.dpu_driven_facts import ScopeConfig
from hamgr_fsm.vocabulary import DesiredHaState


class Fault(StrEnum):
    """What costs budget."""

    LINK = "link"
    CHANNEL = "channel"
    DPU = "dpu"
    CRASH = "crash"
    LOSS = "loss"
    REPETITION = "repetition"
    HURRY = "hurry"
    CONFIG = "config"
    ROLE_LOST = "role_lost"
    ROLE_REFUSED = "role_refused"
    SYNC_FAILED = "sync_failed"
    DROPS = "drops"
    HEALTH = "health"


class Deed(StrEnum):
    """What happens to a side and has no content of its own."""

    ROLE_TAKEN = "the DPU takes its role"
    ROLE_LOST = "the DPU does not hear its role"
    ROLE_REFUSED = "the DPU refuses its role"
    SYNC_COMPLETED = "the flows are copied"
    SYNC_FAILED = "the flows are not copied"
    CHANNEL_UP = "hears that the channel is up"
    CHANNEL_DOWN = "hears that the channel is down"
    DPU_DOWN = "hears that its DPU is down"
    DPU_UNKNOWN = "hears nothing of its DPU any more"
    DPU_UP = "hears that its DPU is up"
    SET_PROGRAMMED = "the HA set is programmed"
    LINK_UP = "notices the control link"
    LINK_DOWN = "notices that the control link is gone"
    APPROVE = "the controller approves what is pending"
    CRASH = "the daemon dies"
    START_PATH = "the daemon starts, the channel is up"
    START_NO_PATH = "the daemon starts, the channel is down"
    POWER_OFF = "the DPU loses power"
    POWER_ON = "the DPU comes back empty"
    DROPS = "inline sync packets are lost"


class WorldDeed(StrEnum):
    """What happens to the paths between the sides."""

    LINK_CUT = "the control link is cut"
    LINK_MENDED = "the control link is mended"
    CHANNEL_CUT = "the data plane channel is cut"
    CHANNEL_MENDED = "the data plane channel is mended"
    LOSES_TO_A = "the next message to A is lost"
    LOSES_TO_B = "the next message to B is lost"


@frozen
class Hears:
    """The next message of the peer arrives; ``again``: it will arrive once more."""

    message: PeerMessage
    again: bool = False


@frozen
class TimerEnds:
    """A timer of the machine ends; ``early``: although more urgent things are under way."""

    timer: str
    early: bool = False


@frozen
class Configured:
    """The controller writes the row of the scope; None: deletes it."""

    config: ScopeConfig | None


SideHappening = Deed | Hears | TimerEnds | Configured
Happening = SideHappening | WorldDeed


@frozen
class Step:
    """One step of a trace: who it happened to, "A", "B" or "world"."""

    who: str
    happening: Happening


def scope_config(desired: DesiredHaState = DesiredHaState.UNSPECIFIED, *, disabled: bool = False) -> ScopeConfig:
    """The row of a scope as the explored controller writes it."""
    return ScopeConfig("1", disabled, desired, "haset0_0")


def words(happening: Happening) -> str:
    """The happening as a sentence without its subject."""
    match happening:
        case Hears(message, again):
            return f"hears {message_words(message)}" + (" (and will hear it once more)" if again else "")
        case TimerEnds(timer, early):
            return f"timer {timer} ends" + (" early" if early else "")
        case Configured(None):
            return "the controller deletes its scope"
        case Configured(config):
            assert config is not None
            return f"the controller wants it {config.desired.value}" + (", disabled" if config.disabled else "")
    return happening.value


def message_words(message: PeerMessage) -> str:
    """A message in one line: its kind and what matters in it."""
    name = type(message).__name__
    if isinstance(message, StateReport):
        role = message.acked_role.value if message.acked_role is not None else "-"
        return f"report {message.state.value}/{role} term {message.term}"
    said = []
    for field in ("term", "vote", "attempt", "selection", "accepted", "desired"):
        if hasattr(message, field):
            value = getattr(message, field)
            said.append(f"{field} {getattr(value, 'value', value)}")
    return f"{name}({', '.join(said)})" if said else name
