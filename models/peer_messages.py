"""What two hamgrd say to each other, as JSON on the bus.

Each record is the member ``data`` of one kind of message; member names and types are those of the wire. Optional
members are left out when None. Members that are ours are marked; a peer that does not know them ignores them.

Source: bus 5.1, 5.3, 5.4, 5.7.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from types import UnionType
from typing import Any, get_args, get_type_hints

import attrs
from attrs import frozen

MAX_PAYLOAD = 1_000_000
"""Longer messages are rejected: none of these comes near it."""


@frozen(eq=False)
class BadMessage(Exception):  # noqa: N818  (the operator's word for it)
    """A message that is rejected as a whole: what it was, and what is wrong with it."""

    key: str
    why: str

    def __str__(self) -> str:
        return f"{self.key}: {self.why}"


class UnknownKind(BadMessage):
    """A well-formed message of a kind that two scopes do not say to each other."""


@frozen(kw_only=True)
class HaScopeStateUpdate:
    """Where the sending scope is, ``timestamp`` in milliseconds; ``new_state`` may be empty in a heartbeat's answer."""

    owner: int
    new_state: str
    timestamp: int
    term: str
    vdpu_id: str
    peer_vdpu_id: str
    acked_asic_ha_state: str | None = None
    ready_to_pair: bool | None = None
    pinned: bool | None = None
    in_sync: bool | None = None


@frozen(kw_only=True)
class PeerHeartbeat:
    """Asks for the state of the scope that it is sent to."""

    dst_actor_id: str


@frozen(kw_only=True)
class VoteRequest:
    """Asks who shall be active; ``attempt`` is ours and counts from 1."""

    dst_actor_id: str
    term: str
    state: str
    desired_state: str
    attempt: int | None = None


@frozen(kw_only=True)
class VoteReply:
    """Answers a vote request; ``attempt`` is ours and echoed."""

    dst_actor_id: str
    response: str
    attempt: int | None = None


@frozen(kw_only=True)
class BulkSyncUpdate:
    """Tells a standby that its flows are complete."""

    dst_actor_id: str
    finished: bool


@frozen(kw_only=True)
class SwitchoverRequest:
    """A step of a planned switchover: ``Syn`` asks, ``Fin`` accepts, ``Rst`` rejects."""

    dst_actor_id: str
    switchover_id: str
    flag: str


@frozen(kw_only=True)
class ShutdownRequest:
    """Asks the active side to serve alone."""

    reason: str


@frozen(kw_only=True)
class ShutdownReply:
    """``accepted`` or ``rejected``."""

    response: str


@frozen(kw_only=True)
class DPURequestEnterStandalone:
    """Asks who shall serve alone; the members from ``episode`` on are ours and are the keys of the ranking."""

    dp_channel_is_alive: bool
    local_dpu_up: bool
    pinned_vdpu_bfd_probe_state: str
    inline_sync_packet_drops: bool
    bulk_sync_failure: bool
    episode: str | None = None
    dpu_up: bool | None = None
    in_sync: bool | None = None
    manual_pin: bool | None = None
    peer_shutdown: bool | None = None
    role_failed: bool | None = None
    bfd_reach: int | None = None
    desired_state: str | None = None
    preferred: bool | None = None
    term: str | None = None
    state: str | None = None
    position: int | None = None
    triggered: bool | None = None


@frozen(kw_only=True)
class DPURequestEnterStandaloneReply:
    """Says what the asker becomes; ``episode`` is ours and echoed."""

    response: str
    episode: str | None = None


PeerData = (
    HaScopeStateUpdate
    | PeerHeartbeat
    | VoteRequest
    | VoteReply
    | BulkSyncUpdate
    | SwitchoverRequest
    | ShutdownRequest
    | ShutdownReply
    | DPURequestEnterStandalone
    | DPURequestEnterStandaloneReply
)

_KINDS: dict[str, type[Any]] = {record.__name__: record for record in get_args(PeerData)}

_MEMBERS = {record: sorted(attrs.fields_dict(record)) for record in get_args(PeerData)}

_TEXT = json.JSONEncoder(separators=(",", ":")).encode


@frozen
class PeerEnvelope:
    """A message: who sent it, by the bare id of the entity, and what it says."""

    sender: str
    data: PeerData


def encode_message(sender: str, data: PeerData) -> str:
    """The JSON text of a message: compact, ``key`` first, members sorted."""
    kind = type(data)
    members = {name: value for name in _MEMBERS[kind] if (value := getattr(data, name)) is not None}
    return _TEXT({"key": f"{kind.__name__}|{sender}", "data": members})


@lru_cache(maxsize=2)
def decode_message(payload: str) -> PeerEnvelope:
    """Read a message. What was just read is remembered: a report comes twice, for the scope and for its HA set.

    Raises:
        BadMessage: no JSON object with key and data, an unknown kind, a missing member, or one of a wrong type.
    """
    if len(payload) > MAX_PAYLOAD:
        raise BadMessage("(message)", f"{len(payload)} characters")
    try:
        envelope = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise BadMessage("(message)", f"no JSON: {error}") from error
    if not isinstance(envelope, dict) or not isinstance(envelope.get("key"), str):
        raise BadMessage("(message)", "no object with a key")
    key, members = envelope["key"], envelope.get("data")
    kind, bar, sender = key.partition("|")
    if not bar or not sender:
        raise BadMessage(key[:80], "the key does not name kind and sender")
    if kind not in _KINDS:
        raise UnknownKind(key[:80], "not a kind of message between scopes")
    if not isinstance(members, dict):
        raise BadMessage(key[:80], "data is no object")
    return PeerEnvelope(sender, _READERS[kind](key[:80], members))


def _reader(record: type[Any]) -> Callable[[str, dict[str, Any]], Any]:
    hints = get_type_hints(record)
    accepted = {
        field.name: get_args(hints[field.name]) if isinstance(hints[field.name], UnionType) else (hints[field.name],)
        for field in attrs.fields(record)
    }

    def read(key: str, members: dict[str, Any]) -> Any:
        values = {}
        for name, types in accepted.items():
            value = members.get(name)
            if value is None:
                if type(None) in types:
                    continue
                raise BadMessage(key, f"{name} is missing")
            # A truth value is an int to Python, but never on the wire.
            if type(value) not in types:
                raise BadMessage(key, f"{name} is {type(value).__name__}")
            values[name] = value
        return record(**values)

    return read


_READERS = {kind: _reader(record) for kind, record in _KINDS.items()}
