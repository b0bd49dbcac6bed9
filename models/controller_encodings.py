"""From protobuf or JSON to plain fields, for the two tables that the controller writes.

Gives texts and lists of texts, which the codec reads like a plain hash: what a word or an address means is decided
there. Source: tables 3.1, 3.3, 3.5.
"""

import json
import re
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeAlias, TypeVar

from google.protobuf.message import DecodeError

from models import readers
from models.protobuf.dash_ha_scope_config_pb2 import HaScopeConfig
from models.protobuf.dash_ha_set_config_pb2 import HaSetConfig
from models.protobuf.dash_types_pb2 import IpAddress as IpAddressMessage
from models.quantities import UINT32_MAX
from models.readers import Raw, Unreadable

Plain: TypeAlias = Mapping[str, Raw]

MessageT = TypeVar("MessageT")

_HEX_TEXT = re.compile(rb"(?:0[xX])?((?:[0-9a-fA-F]{2})*)")

_ADDRESSES = frozenset({"vip_v4", "vip_v6"})
_SET_LISTS = ("vdpu_ids", "pinned_vdpu_bfd_probe_states")
_SET_FIELDS = (
    "version",
    *_SET_LISTS,
    "vip_v4",
    "vip_v6",
    "scope",
    "preferred_vdpu_id",
    "preferred_standalone_vdpu_index",
)
_SCOPE_LISTS = ("approved_pending_operation_ids",)
_SCOPE_FIELDS = ("version", "disabled", "owner", "ha_set_id", "desired_ha_state", *_SCOPE_LISTS)


def plain_set_fields(fields: Mapping[str, bytes | str], known: bool) -> Plain:
    """An HA set's row as plain fields, its vDPU ids and pins cleaned side by side. ``known`` makes no difference."""
    del known  # An HA set without vDPUs is of no use, so that an empty message is never meant.
    pb = _octets(fields.get("pb"))
    if pb is not None:
        message = _message(pb, HaSetConfig.FromString)
        if message is None:
            raise Unreadable("empty pb", "pb", pb)
        plain = _set_message_fields(message)
    else:
        plain = _without_pb(fields, _SET_FIELDS)
    return {**plain, **_aligned(plain), "preferred_vdpu_id": _first(plain, "preferred_vdpu_id")}


def plain_scope_fields(fields: Mapping[str, bytes | str], known: bool) -> Plain:
    """An HA scope's row as plain fields. An empty message is all defaults, if the row was ``known`` before."""
    pb = _octets(fields.get("pb"))
    if pb is None:
        return _without_pb(fields, _SCOPE_FIELDS)
    message = _message(pb, HaScopeConfig.FromString)
    if message is not None:
        return _scope_message_fields(message)
    if known:
        return {}
    raise Unreadable("empty pb", "pb", pb)


def _without_pb(fields: Mapping[str, bytes | str], names: Iterable[str]) -> Plain:
    if "json" in fields:
        return _json_fields(fields["json"], names)
    if not any(name in fields or name + "@" in fields for name in names):
        raise Unreadable("no field of a configuration", "(row)")
    return dict(fields)


def _octets(pb: bytes | str | None) -> bytes | None:
    """A ``pb`` value that was read as text can only be hex text, whose bytes are those of ASCII."""
    return pb.encode("utf-8", "surrogatepass") if isinstance(pb, str) else pb


def _message(pb: bytes, parse: Callable[[bytes], MessageT]) -> MessageT | None:
    """The message in a ``pb`` value, None for an empty one.

    Of the bytes that a message can begin with only one is a hex digit, so that a value which is hex digits throughout
    is hex text in practice; should that not decode, it is read as raw bytes after all (tables 3.1).
    """
    if len(pb) > readers.MAX_BYTES:
        raise Unreadable("longer than 64 KiB", "pb", pb)
    hex_text = _HEX_TEXT.fullmatch(pb.strip(b" \t\r\n'\""))
    candidates = [pb] if hex_text is None else [bytes.fromhex(hex_text[1].decode()), pb]
    if not candidates[0]:
        return None
    for candidate in candidates:
        try:
            return parse(candidate)
        except DecodeError as error:
            cause = error
    raise Unreadable("not a protobuf message, neither raw nor as hex text", "pb", pb) from cause


def _set_message_fields(message: HaSetConfig) -> Plain:
    return {
        "version": message.version,
        "vip_v4": _message_address(message.vip_v4, "vip_v4"),
        "vip_v6": _message_address(message.vip_v6, "vip_v6"),
        "vdpu_ids": tuple(message.vdpu_ids),
        "scope": str(int(message.scope)),
        "pinned_vdpu_bfd_probe_states": tuple(message.pinned_vdpu_bfd_probe_states),
        "preferred_vdpu_id": message.preferred_vdpu_id,
        "preferred_standalone_vdpu_index": str(message.preferred_standalone_vdpu_index),
    }


def _scope_message_fields(message: HaScopeConfig) -> Plain:
    return {
        "version": message.version,
        "disabled": "true" if message.disabled else "false",
        "owner": str(int(message.owner)),
        "ha_set_id": message.ha_set_id,
        "desired_ha_state": str(int(message.desired_ha_state)),
        "approved_pending_operation_ids": tuple(message.approved_pending_operation_ids),
    }


def _message_address(message: IpAddressMessage, field: str) -> str:
    kind = message.WhichOneof("ip")
    if kind == "ipv4":
        return _address_from_number(message.ipv4)
    if kind == "ipv6":
        return _address_from_bytes(message.ipv6, field)
    return ""


def _address_from_number(number: int) -> str:
    """The fixed32 number of the wire; its octets in memory order of a little-endian host are the address (FL-44)."""
    return str(IPv4Address(number.to_bytes(4, "little")))


def _address_from_bytes(octets: bytes, field: str) -> str:
    if len(octets) != 16:
        raise Unreadable("an IPv6 address has 16 bytes", field, octets)
    return str(IPv6Address(octets))


def _json_fields(raw: bytes | str, names: Iterable[str]) -> Plain:
    """The members of a JSON object under the names of the table, whatever their spelling: vip_v4, vipV4, VIP_V4."""
    try:
        members = json.loads(readers.text(raw))
    except (Unreadable, ValueError, RecursionError) as error:
        # A value that nests deeper than the parser can go is as unreadable as one that is no JSON.
        raise Unreadable(getattr(error, "why", "not JSON"), "json", raw) from error
    if not isinstance(members, dict):
        raise Unreadable("not a JSON object", "json", raw)
    by_bare_name = {_bare(name): value for name, value in members.items()}
    found = {name: by_bare_name[_bare(name)] for name in names if _bare(name) in by_bare_name}
    if not found:
        raise Unreadable("no field of a configuration", "json", raw)
    return {name: _json_value(name, value) for name, value in found.items() if value is not None}


def _bare(name: str) -> str:
    return name.replace("_", "").rstrip("@").lower()


def _json_value(name: str, value: Any) -> Raw:
    if name in _ADDRESSES:
        return _json_address(name, value)
    if isinstance(value, list):
        return tuple(_json_scalar(name, item) for item in value)
    return _json_scalar(name, value)


def _json_scalar(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        raise Unreadable("a nested value where a text is expected", name, value)
    return str(value)


def _json_address(name: str, value: Any) -> str:
    """An address as text, number, sixteen numbers, base64, or one of these inside objects of one member."""
    while isinstance(value, dict):
        if len(value) > 1 or not all(_bare(member) in ("ip", "ipv4", "ipv6") for member in value):
            raise Unreadable("not an address", name, value)
        value = next(iter(value.values()), None)
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= UINT32_MAX:
            raise Unreadable("not an IPv4 address", name, value)
        return _address_from_number(value)
    if isinstance(value, list):
        if not all(type(octet) is int and 0 <= octet <= 255 for octet in value):
            raise Unreadable("not an address", name, value)
        return _address_from_bytes(bytes(value), name)
    return _base64_address(_json_scalar(name, value))


def _base64_address(word: str) -> str:
    """The address in base64 text of sixteen bytes; any other text as it is, for the codec to judge."""
    if len(word) != 24:
        return word
    try:
        octets = b64decode(word, validate=True)
    except (BadBase64, ValueError):
        return word
    return str(IPv6Address(octets)) if len(octets) == 16 else word


def _aligned(plain: Plain) -> Plain:
    """vDPU ids without empty and repeated ones, and the pins that stood beside those that are left."""
    vdpu_ids, pins = (_items(plain, name) for name in _SET_LISTS)
    places: dict[str, int] = {}
    for place, vdpu_id in enumerate(vdpu_ids):
        if not readers.says_nothing(vdpu_id):
            places.setdefault(vdpu_id, place)
    return {
        "vdpu_ids": tuple(places),
        "pinned_vdpu_bfd_probe_states": tuple(pins[place] for place in places.values() if place < len(pins)),
    }


def _first(plain: Plain, name: str) -> str:
    """The first item of a field where some writers put a list and one is meant."""
    return next((item for item in _items(plain, name) if not readers.says_nothing(item)), "")


def _items(plain: Plain, name: str) -> list[str]:
    raw = plain.get(name, plain.get(name + "@", ""))
    try:
        return readers.items(raw)
    except Unreadable as error:
        raise Unreadable(error.why, name, raw) from error
