"""Between what a switch-driven scope says and hears and the messages of the bus.

The reference daemon's messages carry fewer members; what they do not say is None and counts as equal. Words that are
not known count as unspecified, or make the message mean nothing.

Source: bus 5.2 to 5.7, switch-driven 1.1, 6.
"""

from attrs import frozen

from hamgr_fsm import messages as said
from hamgr_fsm.scope.election import Asker, Vote, Voter, answer
from hamgr_fsm.scope.precedence import Signals
from hamgr_fsm.vocabulary import DesiredHaState, HaOwner, HaRole, HaState
from models import peer_messages as wire
from models.published import published_state, read_state

_OWNERS = {HaOwner.UNSPECIFIED: 0, HaOwner.DPU: 1, HaOwner.SWITCH: 2}
_VOTES = {
    Vote.BECOME_ACTIVE: "BecomeActive",
    Vote.BECOME_STANDBY: "BecomeStandby",
    Vote.BECOME_STANDALONE: "BecomeStandalone",
    Vote.RETRY_LATER: "RetryLater",
}
_SELECTIONS = {
    said.Selection.ENTER_STANDALONE: "EnterStandalone",
    said.Selection.ENTER_STANDBY: "EnterStandby",
    said.Selection.DENY: "Deny",
}
_DESIRED_PREFIX = "DESIRED_HA_STATE_"


@frozen
class Speaker:
    """Who speaks to whom: ids of the vDPUs and of the peer's scope, and what messages of the reference need besides."""

    vdpu_id: str
    peer_vdpu_id: str
    peer_scope: str
    now_ms: int
    state: HaState
    channel_up: bool | None = None
    sync_drops: bool = False
    sync_failed: bool = False


def spoken(message: said.PeerMessage, speaker: Speaker) -> wire.PeerData:
    """The message of the bus for what a scope says."""
    match message:
        case said.StateReport():
            return _state_update(message, speaker)
        case said.Heartbeat():
            return wire.PeerHeartbeat(dst_actor_id=speaker.peer_scope)
        case said.VoteRequest(term, desired, attempt):
            return wire.VoteRequest(
                dst_actor_id=speaker.peer_scope,
                term=str(term),
                state=published_state(speaker.state, HaOwner.SWITCH),
                desired_state=_DESIRED_PREFIX + desired.name,
                attempt=attempt,
            )
        case said.VoteReply(vote, attempt):
            return wire.VoteReply(dst_actor_id=speaker.peer_scope, response=_VOTES[vote], attempt=attempt)
        case said.BulkSyncDone():
            return wire.BulkSyncUpdate(dst_actor_id=speaker.peer_scope, finished=True)
        case said.SwitchoverRequest(switchover_id):
            return _switchover(speaker, switchover_id, "Syn")
        case said.SwitchoverReply(switchover_id, accepted):
            return _switchover(speaker, switchover_id, "Fin" if accepted else "Rst")
        case said.ShutdownRequest():
            return wire.ShutdownRequest(reason="planned shutdown")
        case said.ShutdownReply(accepted):
            return wire.ShutdownReply(response="accepted" if accepted else "rejected")
        case said.StandaloneRequest():
            return _standalone_request(message, speaker)
        case said.StandaloneReply(selection, episode):
            return wire.DPURequestEnterStandaloneReply(response=_SELECTIONS[selection], episode=episode)


def heard(data: wire.PeerData, peer_position: int) -> said.PeerMessage | None:
    """What a message of the bus says to a scope; None for one that says nothing, or in words that are not known."""
    match data:
        case wire.HaScopeStateUpdate():
            return _state_report(data)
        case wire.PeerHeartbeat():
            return said.Heartbeat()
        case wire.VoteRequest():
            return said.VoteRequest(_term(data.term), _desired(data.desired_state), data.attempt)
        case wire.VoteReply():
            vote = next((vote for vote, word in _VOTES.items() if word == data.response), None)
            return None if vote is None else said.VoteReply(vote, data.attempt)
        case wire.BulkSyncUpdate():
            return said.BulkSyncDone() if data.finished else None
        case wire.SwitchoverRequest():
            return _heard_switchover(data)
        case wire.ShutdownRequest():
            return said.ShutdownRequest()
        case wire.ShutdownReply():
            return said.ShutdownReply(data.response == "accepted")
        case wire.DPURequestEnterStandalone():
            return said.StandaloneRequest(_signals(data, peer_position), data.episode)
        case wire.DPURequestEnterStandaloneReply():
            selection = next((s for s, word in _SELECTIONS.items() if word == data.response), None)
            return None if selection is None else said.StandaloneReply(selection, data.episode)


def vote_of_unknown_scope(attempt: int, max_retries: int) -> str:
    """The word for what is answered when a scope that does not exist here is asked for a vote."""
    voter = Voter(None, DesiredHaState.UNSPECIFIED, 0, 0)
    asker = Asker(DesiredHaState.UNSPECIFIED, 0, 1, attempt)
    return _VOTES[answer(voter, asker, max_retries).vote]


def _state_update(report: said.StateReport, speaker: Speaker) -> wire.HaScopeStateUpdate:
    return wire.HaScopeStateUpdate(
        owner=_OWNERS[HaOwner.SWITCH],
        new_state=published_state(report.state, HaOwner.SWITCH),
        timestamp=speaker.now_ms,
        term=str(report.term),
        vdpu_id=speaker.vdpu_id,
        peer_vdpu_id=speaker.peer_vdpu_id,
        acked_asic_ha_state=report.acked_role.value if report.acked_role is not None else None,
        ready_to_pair=report.ready_to_pair,
        pinned=report.pinned,
        in_sync=report.in_sync,
    )


def _state_report(data: wire.HaScopeStateUpdate) -> said.StateReport | None:
    state = read_state(data.new_state)
    if state is None:
        return None
    acked = next((role for role in HaRole if role.value == (data.acked_asic_ha_state or "")), None)
    return said.StateReport(
        state,
        _term(data.term),
        acked,
        ready_to_pair=data.ready_to_pair is not False,
        pinned=bool(data.pinned),
        in_sync=bool(data.in_sync),
    )


def _switchover(speaker: Speaker, switchover_id: str, flag: str) -> wire.SwitchoverRequest:
    return wire.SwitchoverRequest(dst_actor_id=speaker.peer_scope, switchover_id=switchover_id, flag=flag)


def _heard_switchover(data: wire.SwitchoverRequest) -> said.PeerMessage | None:
    if data.flag == "Syn":
        return said.SwitchoverRequest(data.switchover_id)
    accepted = {"Fin": True, "Rst": False}.get(data.flag)
    return None if accepted is None else said.SwitchoverReply(data.switchover_id, accepted)


def _standalone_request(message: said.StandaloneRequest, speaker: Speaker) -> wire.DPURequestEnterStandalone:
    signals = message.signals
    return wire.DPURequestEnterStandalone(
        dp_channel_is_alive=speaker.channel_up is True,
        local_dpu_up=signals.dpu_up is not False,
        pinned_vdpu_bfd_probe_state="",
        inline_sync_packet_drops=speaker.sync_drops,
        bulk_sync_failure=speaker.sync_failed,
        episode=message.episode,
        dpu_up=signals.dpu_up,
        in_sync=signals.in_sync,
        manual_pin=signals.manual_pin,
        peer_shutdown=signals.peer_shutdown,
        role_failed=signals.role_failed,
        bfd_reach=signals.bfd_reach,
        desired_state=_DESIRED_PREFIX + signals.desired.name if signals.desired is not None else None,
        preferred=signals.preferred,
        term=str(signals.term) if signals.term is not None else None,
        state=published_state(speaker.state, HaOwner.SWITCH),
        position=signals.position,
        triggered=signals.triggered,
    )


def _signals(data: wire.DPURequestEnterStandalone, peer_position: int) -> Signals:
    says_trouble = data.inline_sync_packet_drops or data.bulk_sync_failure or not data.dp_channel_is_alive
    return Signals(
        position=peer_position,
        dpu_up=data.local_dpu_up if data.dpu_up is None else data.dpu_up,
        in_sync=data.in_sync,
        manual_pin=data.manual_pin,
        peer_shutdown=data.peer_shutdown,
        role_failed=data.role_failed,
        bfd_reach=data.bfd_reach,
        desired=_desired(data.desired_state) if data.desired_state is not None else None,
        preferred=data.preferred,
        term=_term(data.term) if data.term is not None else None,
        triggered=says_trouble or not data.local_dpu_up if data.triggered is None else data.triggered,
    )


def _desired(word: str) -> DesiredHaState:
    name = word.upper().removeprefix(_DESIRED_PREFIX)
    return DesiredHaState.__members__.get(name, DesiredHaState.UNSPECIFIED)


def _term(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 20 else 0
