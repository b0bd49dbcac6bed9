"""The captured messages of the controller: every encoding of a row gives the same record, and back the same bytes.

Source: tables 5.1, 5.4.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from models.codec import BadRow, decode
from models.controller import HaSetConfigRow, encode_ha_scope_config, encode_ha_set_config
from models.database import Database
from models.protobuf import dash_ha_scope_config_pb2, dash_types_pb2
from models.tables import table_named
from models.words import full_name
from tests.models.rows import redis_hash

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "dash_pb.json").read_text())

UNKNOWN_WORD = "scope_unknown_enum_value"

HAND_ARRANGED = {"set_empty_ip_message", "scope_unknown_field_15", "scope_reordered_and_repeated_scalar"}
"""Messages that an encoder would write with other bytes."""

readable = pytest.mark.parametrize(
    "case", [case for case in VECTORS["cases"] if case["id"] != UNKNOWN_WORD], ids=lambda case: str(case["id"])
)


def decoded(case: dict[str, Any], fields: dict[str, bytes]) -> Any:
    return decode(table_named(Database.APPL_DB, case["table"]), case["key"], fields, known=True)


def encoded(record: Any) -> str:
    encode = encode_ha_set_config if isinstance(record, HaSetConfigRow) else encode_ha_scope_config
    return encode(record).hex()


@readable
def test_raw_message_has_the_values_of_the_vector(case: dict[str, Any]) -> None:
    record = decoded(case, {"pb": bytes.fromhex(case["hex"])})
    for name, expected in case["decoded"].items():
        if name.endswith("_name"):
            assert full_name(getattr(record, name.removesuffix("_name"))) == expected
        elif name + "_name" not in case["decoded"]:
            assert plain(getattr(record, name)) == expected


def plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return value if value is None or isinstance(value, int) else str(value)


@readable
@pytest.mark.parametrize("decoration", ["{}", '"{}"', "0x{}", " 0X{} ", "'0x{}'"])
def test_hex_text_is_the_same_row(case: dict[str, Any], decoration: str) -> None:
    expected = decoded(case, {"pb": bytes.fromhex(case["hex"])})
    assert decoded(case, {"pb": decoration.format(case["hex"]).encode()}) == expected
    assert decoded(case, {"pb": decoration.format(case["hex"].upper()).encode()}) == expected


@readable
def test_json_and_plain_fields_are_the_same_row(case: dict[str, Any]) -> None:
    expected = decoded(case, {"pb": bytes.fromhex(case["hex"])})
    assert decoded(case, {"json": case["as_reference_json"].encode()}) == expected
    assert decoded(case, redis_hash(case["as_hash"])) == expected


@readable
def test_record_encodes_to_the_captured_bytes(case: dict[str, Any]) -> None:
    record = decoded(case, {"pb": bytes.fromhex(case["hex"])})
    assert (encoded(record) == case["hex"]) is (case["id"] not in HAND_ARRANGED)


def test_unknown_enum_number_is_refused_in_every_encoding() -> None:
    case = next(case for case in VECTORS["cases"] if case["id"] == UNKNOWN_WORD)
    for fields in (
        {"pb": bytes.fromhex(case["hex"])},
        {"json": case["as_reference_json"].encode()},
        redis_hash(case["as_hash"]),
    ):
        with pytest.raises(BadRow) as refused:
            decoded(case, fields)
        assert (refused.value.field, refused.value.value) == ("desired_ha_state", "9")


def test_truncated_message_is_refused() -> None:
    case = next(case for case in VECTORS["invalid"] if case["id"] == "truncated")
    with pytest.raises(BadRow, match="not a protobuf message"):
        decode(table_named(Database.APPL_DB, "DASH_HA_SCOPE_CONFIG_TABLE"), "v:s", {"pb": bytes.fromhex(case["hex"])})


def test_hex_text_that_is_no_protobuf_is_read_as_hex_text() -> None:
    case = next(case for case in VECTORS["invalid"] if case["id"] == "ascii_hex_text_as_raw")
    row = decode(table_named(Database.APPL_DB, "DASH_HA_SET_CONFIG_TABLE"), "s", {"pb": bytes.fromhex(case["hex"])})
    assert row.version == "1"


def test_words_have_the_numbers_of_the_vectors() -> None:
    declared = [
        (dash_types_pb2.HaScope.items(), "HaScope"),
        (dash_types_pb2.HaOwner.items(), "HaOwner"),
        (dash_types_pb2.HaRole.items(), "HaRole"),
        (dash_types_pb2.HaState.items(), "HaState"),
        (dash_ha_scope_config_pb2.DesiredHaState.items(), "DesiredHaState"),
    ]
    for words, name in declared:
        assert dict(words) == VECTORS["enums"][name]
