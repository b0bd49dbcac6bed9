"""The standalone selection: what a side answers when the other asks which of them shall serve alone.

A pure function with a table of its own: the first line that fits answers, and says what the answering side does itself.

Source: switch-driven 6.1; field-lessons LD-21, LD-23.
"""

from attrs import frozen

from hamgr_fsm.messages import Selection
from hamgr_fsm.scope.precedence import Signals, rank
from hamgr_fsm.vocabulary import HaState


@frozen
class Decision:
    """The answer, the line of the table, and the state that the answering side goes to; None to stay."""

    answer: Selection
    line: int
    own: HaState | None = None
    why: str = ""


_ABSENT = (HaState.DEAD, HaState.CONNECTING, HaState.CONNECTED, HaState.DESTROYING)


def decide(state: HaState, ours: Signals, asker: Signals, *, yielded: bool) -> Decision:
    """Answer a standalone request.

    ``ours`` are the frozen signals in SwitchingToStandalone, else the present ones. ``yielded``: in Standby, and the
    peer has reported Standalone.
    """
    if state in _ABSENT:
        return Decision(Selection.ENTER_STANDALONE, 1)
    if state is HaState.STANDALONE:
        return _standalone(ours, asker)
    asker_up = asker.dpu_up is not False
    if state is HaState.STANDBY and yielded and asker_up and not (ours.in_sync and not asker.in_sync):
        return Decision(Selection.ENTER_STANDALONE, 4)
    if _nothing_to_decide(ours, asker):
        return Decision(Selection.DENY, 5)
    ranking = rank(ours, asker)
    if not ranking.ours:
        return Decision(Selection.ENTER_STANDALONE, 6, HaState.STANDBY, ranking.why)
    if not asker_up or state is HaState.ACTIVE:
        return Decision(Selection.ENTER_STANDBY, 7, HaState.STANDALONE, ranking.why)
    # The asker may still serve: it has to be Standby before this side may decide flows.
    return Decision(Selection.ENTER_STANDBY, 8, HaState.SWITCHING_TO_STANDALONE, ranking.why)


def _standalone(ours: Signals, asker: Signals) -> Decision:
    holds_more = (bool(asker.in_sync), bool(asker.manual_pin)) > (bool(ours.in_sync), bool(ours.manual_pin))
    # A DPU that is down serves nobody, whatever its side claims to hold.
    if asker.dpu_up is not False and (holds_more or ours.dpu_up is False):
        return Decision(Selection.ENTER_STANDALONE, 2, HaState.STANDBY)
    return Decision(Selection.ENTER_STANDBY, 3)


def _nothing_to_decide(ours: Signals, asker: Signals) -> bool:
    down = [side.dpu_up is False for side in (ours, asker)]
    # A DPU that its side calls down is a trigger, whatever else it says.
    triggered = any(down) or bool(ours.triggered) or bool(asker.triggered)
    return all(down) or not triggered
