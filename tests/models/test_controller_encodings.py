"""Rules for the encodings of the controller's rows: precedence, empty messages, JSON shapes, pins beside their vDPUs.

Source: tables 2.7, 2.8, 3.1, 3.3.
"""

import json
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from hamgr_fsm.vocabulary import DesiredHaState, HaOwner, HaScopeKind, PinState
from models.codec import BadRow
from models.controller import (
    HaScopeConfigRow,
    HaSetConfigRow,
    decode_ha_scope_config,
    decode_ha_set_config,
    encode_ha_scope_config,
    encode_ha_set_config,
    split_scope_key,
)
from models.protobuf.dash_ha_set_config_pb2 import HaSetConfig
from models.protobuf.dash_types_pb2 import IpAddress
from tests.models.rows import redis_hash

SCOPE = "vdpu0_0:haset0_0"


def set_from_json(**members: Any) -> HaSetConfigRow:
    return decode_ha_set_config("haset0_0", {"json": json.dumps(members).encode()})


def scope_from_json(**members: Any) -> HaScopeConfigRow:
    return decode_ha_scope_config(SCOPE, {"json": json.dumps(members).encode()})


def test_protobuf_beats_json_and_json_beats_plain_fields() -> None:
    pb = encode_ha_scope_config(HaScopeConfigRow(version="pb"))
    everything = {"pb": pb, "json": b'{"version": "json"}', "version": b"plain"}
    assert decode_ha_scope_config(SCOPE, everything).version == "pb"
    assert decode_ha_scope_config(SCOPE, {k: everything[k] for k in ("json", "version")}).version == "json"
    assert decode_ha_scope_config(SCOPE, {"version": b"plain"}).version == "plain"


def test_a_broken_message_is_not_replaced_by_left_overs_of_another_encoding() -> None:
    with pytest.raises(BadRow):
        decode_ha_scope_config(SCOPE, {"pb": b"\x0a\xff", "version": b"plain"})


def test_an_empty_message_is_all_defaults_only_for_a_scope_that_is_known() -> None:
    assert decode_ha_scope_config(SCOPE, {"pb": b""}, known=True) == HaScopeConfigRow()
    with pytest.raises(BadRow, match="empty pb"):
        decode_ha_scope_config(SCOPE, {"pb": b""})
    with pytest.raises(BadRow, match="empty pb"):
        decode_ha_set_config("haset0_0", {"pb": b""})


@pytest.mark.parametrize("fields", [{}, {"NULL": b"NULL"}, {"other": b"1"}, {"json": b"{}"}])
def test_a_row_without_any_configuration_is_refused(fields: dict[str, bytes]) -> None:
    with pytest.raises(BadRow, match="no field of a configuration"):
        decode_ha_set_config("haset0_0", fields)
    with pytest.raises(BadRow, match="no field of a configuration"):
        decode_ha_scope_config(SCOPE, fields)


def test_plain_fields_may_come_from_a_leaf_list() -> None:
    fields = redis_hash({"vdpu_ids@": "a, b", "pinned_vdpu_bfd_probe_states@": "up,down"})
    row = decode_ha_set_config("haset0_0", fields)
    assert row.pins == {"a": PinState.UP, "b": PinState.DOWN}


@pytest.mark.parametrize(
    ("vip_v4", "vip_v6"),
    [
        ("3.2.1.0", "3:2::1:0"),
        (66051, [0, 3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]),
        ({"ip": {"Ipv4": 66051}}, {"ip": {"Ipv6": [0, 3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]}}),
        ({"ipv4": 66051}, {"ipv6": "AAMAAgAAAAAAAAAAAAEAAA=="}),
        ({"ip": "3.2.1.0"}, {"Ipv6": "3:2::1:0"}),
    ],
)
def test_json_addresses_come_in_many_shapes(vip_v4: object, vip_v6: object) -> None:
    row = set_from_json(vip_v4=vip_v4, vip_v6=vip_v6)
    assert (row.vip_v4, row.vip_v6) == (IPv4Address("3.2.1.0"), IPv6Address("3:2::1:0"))


@pytest.mark.parametrize("nothing", [None, {"ip": None}, {}, "", "none"])
def test_json_knows_many_ways_to_give_no_address(nothing: object) -> None:
    assert set_from_json(version="1", vip_v4=nothing, vip_v6=nothing) == HaSetConfigRow(version="1")


@pytest.mark.parametrize(
    "bad", [True, -1, 2**32, 1.5, [1, 2], [256] * 16, [True] * 16, {"a": 1}, {"ip": 1, "ipv4": 2}, "x", "A" * 24, [[]]]
)
def test_json_addresses_that_are_none_are_refused(bad: object) -> None:
    with pytest.raises(BadRow) as refused:
        set_from_json(vip_v4=bad)
    assert refused.value.field == "vip_v4"


def test_canonical_json_names_and_words_are_understood() -> None:
    row = scope_from_json(haSetId="haset0_0", desiredHaState="DESIRED_HA_STATE_ACTIVE", owner="HA_OWNER_SWITCH")
    assert row == HaScopeConfigRow(ha_set_id="haset0_0", desired_ha_state=DesiredHaState.ACTIVE, owner=HaOwner.SWITCH)


def test_friendly_json_has_texts_and_arrays() -> None:
    row = scope_from_json(owner="switch", disabled="false", approved_pending_operation_ids="")
    assert row == HaScopeConfigRow(owner=HaOwner.SWITCH)
    assert scope_from_json(disabled=True, approved_pending_operation_ids=["a", "b"]) == HaScopeConfigRow(
        disabled=True, approved_pending_operation_ids=("a", "b")
    )
    assert set_from_json(vdpu_ids=["a", "b"], scope="dpu") == HaSetConfigRow(vdpu_ids=("a", "b"), scope=HaScopeKind.DPU)


@pytest.mark.parametrize("bad", [b"[]", b"1", b"{", b"", b"\xff", b"[" * 60000, b'{"version":' * 9000, b"9" * 5000])
def test_json_that_is_no_object_is_refused(bad: bytes) -> None:
    with pytest.raises(BadRow) as refused:
        decode_ha_scope_config(SCOPE, {"json": bad})
    assert refused.value.field == "json"


def test_json_cannot_smuggle_in_half_a_character() -> None:
    for members in (rb'{"version": "\ud800"}', rb'{"approved_pending_operation_ids": ["\udfff"]}'):
        with pytest.raises(BadRow, match="not a valid text"):
            decode_ha_scope_config(SCOPE, {"json": members})


def test_nested_json_where_a_text_belongs_is_refused() -> None:
    with pytest.raises(BadRow, match="nested"):
        scope_from_json(version={"a": 1})


def test_ipv6_of_another_length_is_refused() -> None:
    message = HaSetConfig(vip_v6=IpAddress(ipv6=b"\x01\x02"))
    with pytest.raises(BadRow, match="16 bytes"):
        decode_ha_set_config("haset0_0", {"pb": message.SerializeToString()})


def test_an_address_of_the_wrong_family_is_refused() -> None:
    message = HaSetConfig(vip_v4=IpAddress(ipv6=bytes(16)))
    with pytest.raises(BadRow, match="not an IPv4 address"):
        decode_ha_set_config("haset0_0", {"pb": message.SerializeToString()})


@pytest.mark.parametrize(
    ("vdpu_ids", "pins", "expected"),
    [
        (["a", "b"], ["up", "down"], {"a": "up", "b": "down"}),
        (["", "a", " ", "b"], ["up", "down", "", "up"], {"a": "down", "b": "up"}),
        (["a", "a", "b"], ["up", "down", "down"], {"a": "up", "b": "down"}),
        (["a", "b"], ["", "down"], {"a": "none", "b": "down"}),
        (["a", "b"], ["down"], {"a": "down", "b": "none"}),
        (["a", "b"], [], {"a": "none", "b": "none"}),
        (["a"], ["up", "down"], {"a": "up"}),
        ([], ["up"], {}),
    ],
)
def test_pins_stay_with_their_vdpus(vdpu_ids: list[str], pins: list[str], expected: dict[str, str]) -> None:
    message = HaSetConfig(version="1", vdpu_ids=vdpu_ids, pinned_vdpu_bfd_probe_states=pins)
    from_message = decode_ha_set_config("haset0_0", {"pb": message.SerializeToString()})
    from_fields = decode_ha_set_config(
        "haset0_0", redis_hash(version=1, vdpu_ids=",".join(vdpu_ids), pinned_vdpu_bfd_probe_states=",".join(pins))
    )
    assert from_message == from_fields
    assert from_message.pins == expected
    assert from_message.vdpu_ids == tuple(expected)


def test_an_unknown_pin_is_refused() -> None:
    with pytest.raises(BadRow) as refused:
        set_from_json(vdpu_ids=["a"], pinned_vdpu_bfd_probe_states=["sideways"])
    assert refused.value.field == "pinned_vdpu_bfd_probe_states"


def test_the_first_of_several_preferred_vdpus_counts() -> None:
    assert decode_ha_set_config("s", redis_hash(preferred_vdpu_id=" vdpu1_0, vdpu0_0")).preferred_vdpu_id == "vdpu1_0"
    assert decode_ha_set_config("s", redis_hash(preferred_vdpu_id="none", version=1)).preferred_vdpu_id == ""


def test_a_record_of_defaults_is_zero_bytes() -> None:
    assert encode_ha_set_config(HaSetConfigRow()) == b""
    assert encode_ha_scope_config(HaScopeConfigRow()) == b""


def test_scope_key_splits_at_the_first_colon() -> None:
    assert split_scope_key("vdpu0_0:haset0_0") == ("vdpu0_0", "haset0_0")
    assert split_scope_key("vdpu0_0:F4:93:9F:EF:C4:7E") == ("vdpu0_0", "F4:93:9F:EF:C4:7E")


@pytest.mark.parametrize("key", ["", "vdpu0_0", ":haset0_0", "vdpu0_0:", " : "])
def test_scope_key_without_two_parts_is_refused(key: str) -> None:
    with pytest.raises(BadRow) as refused:
        split_scope_key(key)
    assert refused.value.field == "(key)"
