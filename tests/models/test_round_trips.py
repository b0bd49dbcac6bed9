"""What was encoded decodes to the same record, and whatever is in a row, decoding gives a record or ``BadRow``."""

import json
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.codec import BadRow, decode, encode
from models.config_db import loopback_address
from models.controller import (
    HaScopeConfigRow,
    HaSetConfigRow,
    encode_ha_scope_config,
    encode_ha_set_config,
    split_scope_key,
)
from models.dpu_state import dpu_state_slot
from models.table import Table
from models.tables import DASH_HA_SCOPE_CONFIG_TABLE, DASH_HA_SET_CONFIG_TABLE, READ_TABLES, WRITTEN_TABLES
from tests.models.rows import records, redis_hash

TABLES = READ_TABLES + WRITTEN_TABLES
CONTROLLER_TABLES = (DASH_HA_SET_CONFIG_TABLE, DASH_HA_SCOPE_CONFIG_TABLE)

every_table = pytest.mark.parametrize("table", TABLES, ids=str)
quick = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])

likely = st.sampled_from(
    ("none", "NULL", "", "'", "[]", "true", "up", "active", "HA_STATE_ACTIVE", "-1", "0", "7", "65536", "1e3", "[1]")
)
octets = st.binary(max_size=40) | likely.map(str.encode) | st.text(max_size=20).map(lambda text: text.encode())
any_key = st.text(max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | likely,
    lambda inner: st.lists(inner, max_size=17) | st.dictionaries(st.sampled_from(["ip", "Ipv4", "ipv6", "x"]), inner),
    max_leaves=20,
)


def outcome(table: Table[Any], fields: dict[str, bytes]) -> object:
    """The record or the refusal; any other exception fails the test."""
    try:
        record = decode(table, "key", fields, known=True)
    except BadRow as refusal:
        assert "\n" not in str(refusal)
        assert len(refusal.value) <= 80
        assert refusal.value.isprintable()
        return refusal
    assert isinstance(record, table.record)
    # Whatever was accepted can be written, to every reader there is.
    " ".join(encode(record).values()).encode()
    return record


@every_table
@quick
@given(data=st.data())
def test_every_record_survives_encoding_and_decoding(table: Table[Any], data: st.DataObject) -> None:
    record = data.draw(records(table.record))
    fields = redis_hash(encode(record)) or {"NULL": b"NULL"}
    assert decode(table, "key", fields) == record


@every_table
@quick
@given(data=st.data())
def test_any_bytes_in_any_field_give_a_record_or_bad_row(table: Table[Any], data: st.DataObject) -> None:
    names = [field.name for field in attrs.fields(table.record)] + ["pb", "json", "NULL"]
    fields = data.draw(st.dictionaries(st.sampled_from(names), octets, max_size=6))
    outcome(table, fields)


@every_table
@quick
@given(data=st.data())
def test_one_bad_field_in_a_good_row_gives_a_record_or_bad_row(table: Table[Any], data: st.DataObject) -> None:
    fields = redis_hash(encode(data.draw(records(table.record))))
    name = data.draw(st.sampled_from(sorted(fields) or ["x"]))
    outcome(table, fields | {name: data.draw(octets)})


@pytest.mark.parametrize("table", CONTROLLER_TABLES, ids=str)
@given(data=st.data())
@quick
def test_any_json_gives_a_record_or_bad_row(table: Table[Any], data: st.DataObject) -> None:
    names = [field.name for field in attrs.fields(table.record)]
    members = data.draw(st.dictionaries(st.sampled_from(names) | st.text(max_size=5), json_values, max_size=6))
    outcome(table, {"json": json.dumps(members).encode()})


@pytest.mark.parametrize("table", CONTROLLER_TABLES, ids=str)
@given(cut=st.integers(0, 60), flipped=st.integers(0, 60), to=st.integers(0, 255))
@quick
def test_any_damage_to_a_message_gives_a_record_or_bad_row(table: Table[Any], cut: int, flipped: int, to: int) -> None:
    message = bytearray.fromhex("0a013112050dc0a8fffe220776647075305f302201622801320475700000")[: cut or None]
    if flipped < len(message):
        message[flipped] = to
    outcome(table, {"pb": bytes(message)})


@quick
@given(record=records(HaSetConfigRow))
def test_a_set_survives_its_message(record: HaSetConfigRow) -> None:
    fields = {"pb": encode_ha_set_config(record) or b"\x0a\x00"}
    assert decode(DASH_HA_SET_CONFIG_TABLE, "haset0_0", fields) == record


@quick
@given(record=records(HaScopeConfigRow))
def test_a_scope_survives_its_message(record: HaScopeConfigRow) -> None:
    fields = {"pb": encode_ha_scope_config(record)}
    assert decode(DASH_HA_SCOPE_CONFIG_TABLE, "vdpu0_0:haset0_0", fields, known=True) == record


@quick
@given(key=any_key | any_key.map("Loopback0|".__add__) | any_key.map("dpu".__add__))
def test_any_key_is_understood_or_refused(key: str) -> None:
    for read in (loopback_address, split_scope_key, dpu_state_slot):
        try:
            read(key)
        except BadRow as refusal:
            assert refusal.key == key
