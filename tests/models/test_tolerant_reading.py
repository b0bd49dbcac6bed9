"""One test for each rule of tolerant reading, and for what is refused all the same.

Source: tables 2.23, 2.24.
"""

from ipaddress import IPv4Address, IPv6Address

import pytest

from hamgr_fsm.vocabulary import DesiredHaState, HaOwner, HaRole, HaState, PinState, PlaneState
from models import readers, tables
from models.codec import BadRow, decode, encode
from models.config_db import loopback_address
from models.dpu_rows import dpu_version
from models.dpu_state import DpuStateRow, HaScopeStateRow, dpu_state_slot
from models.published import published_state, read_state
from tests.models.rows import redis_hash

PROBE = tables.DASH_BFD_PROBE_STATE
JUNE_MS = 1718032542000
"""Mon Jun 10 2024, 15:15:42 UTC."""


def scope_state(**fields: object) -> HaScopeStateRow:
    return decode(tables.DASH_HA_SCOPE_STATE_TABLE, "haset0_0", redis_hash(fields))


@pytest.mark.parametrize("text", ["vdpu0_0", " vdpu0_0\n", '"vdpu0_0"', "'vdpu0_0'", '" vdpu0_0 "'])
def test_blanks_and_one_layer_of_quotes_fall_off_a_scalar(text: str) -> None:
    assert decode(tables.DPU, "dpu0", redis_hash(dpu_id=0, vdpu_id=text)).vdpu_id == "vdpu0_0"


def test_only_one_layer_of_quotes_falls_off() -> None:
    assert decode(tables.DPU, "dpu0", redis_hash(dpu_id=0, vdpu_id="\"'a'\"")).vdpu_id == "'a'"


@pytest.mark.parametrize(
    "text",
    [
        "10.1.0.32,10.1.1.32",
        '"10.1.0.32", "10.1.1.32"',
        '["10.1.0.32", "10.1.1.32"]',
        "['10.1.0.32','10.1.1.32']",
        " 10.1.0.32 , , 10.1.1.32, ",
    ],
)
def test_lists_lose_brackets_quotes_blanks_and_empty_items(text: str) -> None:
    row = decode(PROBE, "dash_ha", redis_hash(v4_bfd_up_sessions=text))
    assert row.v4_bfd_up_sessions == (IPv4Address("10.1.0.32"), IPv4Address("10.1.1.32"))


@pytest.mark.parametrize("text", ["", " ", "[]", '""', "none"])
def test_an_empty_list_is_a_list(text: str) -> None:
    assert decode(PROBE, "dash_ha", redis_hash(v4_bfd_up_sessions=text)).v4_bfd_up_sessions == ()


def test_a_name_with_an_at_sign_is_the_same_name() -> None:
    assert decode(tables.VDPU, "vdpu0_0", {"main_dpu_ids@": b"dpu0_0,dpu1_0"}).main_dpu_ids == ("dpu0_0", "dpu1_0")
    both = {"main_dpu_ids@": b"old", "main_dpu_ids": b"new"}
    assert decode(tables.VDPU, "vdpu0_0", both).main_dpu_id == "new"


def test_unknown_fields_are_ignored_whatever_they_hold() -> None:
    assert scope_state(ha_state="active", id=1) == HaScopeStateRow(ha_state=HaState.ACTIVE)
    huge = {"other": b"\xff" * 100_000}
    assert decode(tables.DPU_STATE, "DPU0", huge) == DpuStateRow()


def test_null_is_no_field() -> None:
    assert scope_state(NULL="NULL") == HaScopeStateRow()


@pytest.mark.parametrize("prefix", ["", "HA_STATE_", "ha_state_", "HA_ROLE_", "DESIRED_HA_STATE_"])
@pytest.mark.parametrize("word", ["active", "ACTIVE", "Active"])
def test_enum_words_come_in_any_case_and_with_prefixes(prefix: str, word: str) -> None:
    assert scope_state(ha_state=prefix + word).ha_state is HaState.ACTIVE


def test_numbers_of_enums_are_their_own() -> None:
    assert scope_state(ha_role="2", ha_state="10").ha_role is HaRole.ACTIVE
    assert scope_state(ha_state="10").ha_state is HaState.ACTIVE
    config = decode(tables.DASH_HA_SCOPE_CONFIG_TABLE, "v:s", redis_hash(owner=2, desired_ha_state=3))
    assert (config.owner, config.desired_ha_state) == (HaOwner.SWITCH, DesiredHaState.STANDALONE)


@pytest.mark.parametrize("word", ["unspecified", "HA_STATE_UNSPECIFIED", "0", "", "none"])
def test_an_unspecified_state_is_not_known(word: str) -> None:
    assert scope_state(ha_state=word).ha_state is None


@pytest.mark.parametrize("word", ["none", "unspecified", "", "0", "None"])
def test_a_wish_for_nothing_has_many_spellings(word: str) -> None:
    row = decode(tables.DASH_HA_SCOPE_CONFIG_TABLE, "v:s", redis_hash(version=1, desired_ha_state=word))
    assert row.desired_ha_state is DesiredHaState.UNSPECIFIED


def test_none_is_absent_for_every_optional_value() -> None:
    row = decode(tables.DPU, "dpu0", redis_hash(dpu_id=0, vdpu_id="none", pa_ipv4="NONE", swbus_port="none"))
    assert (row.vdpu_id, row.pa_ipv4, row.swbus_port) == (None, None, 23606)


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "1", "yes", '"true"'])
def test_true_has_many_spellings(word: str) -> None:
    assert scope_state(activate_role_pending=word).activate_role_pending is True


@pytest.mark.parametrize("word", ["false", "False", "0", "no", "NO"])
def test_false_has_many_spellings(word: str) -> None:
    assert scope_state(activate_role_pending=word).activate_role_pending is False


@pytest.mark.parametrize("word", ["up", "Down", "unknown", "degraded", "", "7"])
def test_a_plane_is_up_down_or_unknown_whatever_the_word(word: str) -> None:
    row = decode(tables.DPU_STATE, "DPU0", redis_hash(dpu_data_plane_state=word))
    expected = {"up": PlaneState.UP, "Down": PlaneState.DOWN}.get(word, PlaneState.UNKNOWN)
    assert row.dpu_data_plane_state is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1718032542", JUNE_MS),
        ("1718032542123", JUNE_MS + 123),
        ("99999999999", 99999999999000),
        ("100000000000", 100000000000),
        ("0", 0),
        ("Mon Jun 10 03:15:42 PM UTC 2024", JUNE_MS),
        ('"Mon Jun 10 03:15:42 PM UTC 2024"', JUNE_MS),
        ("Mon Jun 10 12:00:00 AM UTC 2024", JUNE_MS - 54942000),
        ("Mon Jun 10 12:00:00 PM UTC 2024", JUNE_MS - 11742000),
        ("Mon Jun 10 13:15:42 PM UTC 2024", None),
        ("Mon Jun 31 03:15:42 PM UTC 2024", None),
        ("Mon Jun 10 03:15:42 PM CET 2024", None),
        ("Mon Jun 10 03:15:42 XM UTC 2024", None),
        ("Mon Foo 10 03:15:42 PM UTC 2024", None),
        ("Mon Jun 10 03:15:42 PM UTC 99999999999", None),
        ("yesterday", None),
        ("-5", None),
        ("9" * 30, None),
        ("", None),
    ],
)
def test_times_are_seconds_milliseconds_or_text(text: str, expected: int | None) -> None:
    assert scope_state(last_updated_time=text).last_updated_time == expected


def test_addresses_are_compared_parsed_and_written_canonical() -> None:
    row = decode(tables.DPU, "dpu0", redis_hash(dpu_id=0, pa_ipv6="FC00:1::0032"))
    assert row.pa_ipv6 == IPv6Address("fc00:1::32")
    assert encode(row)["pa_ipv6"] == "fc00:1::32"


def test_the_deprecated_vnet_name_is_used_where_dpu_vnet_is_absent() -> None:
    def vnet(**fields: str) -> str | None:
        return decode(tables.DASH_HA_GLOBAL_CONFIG, "GLOBAL", redis_hash(fields)).dpu_vnet

    assert vnet(vnet_name="old") == "old"
    assert vnet(dpu_vnet="", vnet_name="old") == "old"
    assert vnet(dpu_vnet="new", vnet_name="old") == "new"
    assert vnet() is None


def test_a_dpu_has_default_ports_and_may_lack_addresses() -> None:
    row = decode(tables.DPU, "dpu3", {"dpu_id": b"3"})
    assert (row.swbus_port, row.orchagent_zmq_port, row.pa_ipv4, row.midplane_ipv4) == (23609, 8100, None, None)


@pytest.mark.parametrize(
    ("fields", "field", "why"),
    [
        ({}, "dpu_id", "missing"),
        ({"dpu_id": ""}, "dpu_id", "missing"),
        ({"dpu_id": "x"}, "dpu_id", "not a number"),
        ({"dpu_id": "-1"}, "dpu_id", "not a number"),
        ({"dpu_id": "1_0"}, "dpu_id", "not a number"),
        ({"dpu_id": "\u0663"}, "dpu_id", "not a number"),
        ({"dpu_id": "8"}, "dpu_id", "out of range 0..7"),
        ({"dpu_id": "9" * 5000}, "dpu_id", "out of range"),
        ({"dpu_id": "0", "swbus_port": "0"}, "swbus_port", "out of range"),
        ({"dpu_id": "0", "swbus_port": "65536"}, "swbus_port", "out of range"),
        ({"dpu_id": "0", "pa_ipv4": "1.2.3"}, "pa_ipv4", "not an IP address"),
        ({"dpu_id": "0", "pa_ipv4": "::1"}, "pa_ipv4", "not an IPv4 address"),
        ({"dpu_id": "0", "pa_ipv6": "1.2.3.4"}, "pa_ipv6", "not an IPv6 address"),
        ({"dpu_id": "0", "pa_ipv6": "fe80::1%eth0"}, "pa_ipv6", "zone"),
        ({"dpu_id": "0", "vdpu_id": "x" * 70_000}, "vdpu_id", "64 KiB"),
    ],
)
def test_a_value_that_cannot_be_read_refuses_the_row(fields: dict[str, str], field: str, why: str) -> None:
    with pytest.raises(BadRow, match=why) as refused:
        decode(tables.DPU, "dpu0", redis_hash(fields))
    assert (refused.value.table, refused.value.key, refused.value.field) == ("DPU", "dpu0", field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ha_state", "flying"),
        ("ha_state", "16"),
        ("ha_role", "7"),
        ("activate_role_pending", "maybe"),
        ("ha_term", "1.0"),
    ],
)
def test_an_unknown_word_refuses_the_row(field: str, value: str) -> None:
    with pytest.raises(BadRow) as refused:
        scope_state(**{field: value})
    assert (refused.value.field, refused.value.value) == (field, value)


def test_intervals_of_zero_are_refused() -> None:
    with pytest.raises(BadRow, match=r"out of range 1\.\."):
        decode(tables.DASH_HA_GLOBAL_CONFIG, "global", redis_hash(dpu_bfd_probe_interval_in_ms=0))


def test_bytes_that_are_no_text_refuse_the_row() -> None:
    with pytest.raises(BadRow, match="not UTF-8") as refused:
        decode(tables.VDPU, "vdpu0_0", {"main_dpu_ids": b"\xff\x00dpu"})
    assert refused.value.value == r"\xff\x00dpu"


def test_a_refusal_is_one_line_that_names_everything() -> None:
    with pytest.raises(BadRow) as refused:
        decode(tables.DPU, "dpu0\n", {"dpu_id": b"8\n" + b"z" * 200})
    line = str(refused.value)
    assert line.startswith("DPU 'dpu0\\n': dpu_id=\"8\\nzzz")
    assert line.endswith('...": not a number')
    assert len(refused.value.value) == 80


def test_texts_are_read_like_bytes() -> None:
    assert decode(tables.VDPU, "vdpu0_0", {"main_dpu_ids": "dpu0_0"}).main_dpu_id == "dpu0_0"
    with pytest.raises(BadRow, match="not a valid text"):
        decode(tables.VDPU, "vdpu0_0", {"main_dpu_ids": "\udc80"})


def test_absent_values_are_not_written_and_the_order_is_that_of_the_record() -> None:
    row = decode(tables.DPU, "dpu0", redis_hash(swbus_port=1, vdpu_id="v", dpu_id=0))
    assert list(encode(row)) == ["dpu_id", "vdpu_id", "orchagent_zmq_port", "swbus_port"]


def test_a_pin_that_is_not_set_keeps_its_place() -> None:
    row = decode(
        tables.VNET_ROUTE_TUNNEL_TABLE,
        "v:1.2.3.4",
        redis_hash(endpoint="1.1.1.1", endpoint_monitor="1.1.1.1", check_directly_connected="true", pinned_state=",up"),
    )
    assert row.pinned_state == (PinState.NONE, PinState.UP)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("Loopback0|10.1.0.32/32", IPv4Address("10.1.0.32")),
        ("Loopback0|FC00:1::32/128", IPv6Address("fc00:1::32")),
        ("Loopback0|10.1.0.32", IPv4Address("10.1.0.32")),
        ("Loopback0|fe80::1/64", None),
        ("Loopback0", None),
        ("Loopback1|10.1.0.33/32", None),
        ("Loopback01|nonsense", None),
    ],
)
def test_loopback_keys(key: str, expected: object) -> None:
    assert loopback_address(key) == expected


@pytest.mark.parametrize("key", ["Loopback0|", "Loopback0|x/32", "Loopback0|10.1.0.32/33", "Loopback0|10.1.0.32/"])
def test_garbage_behind_loopback0_is_refused(key: str) -> None:
    with pytest.raises(BadRow):
        loopback_address(key)


def test_slots_of_dpu_state_keys() -> None:
    assert [dpu_state_slot(key) for key in ("DPU0", "dpu7", "Dpu12")] == [0, 7, 12]
    for key in ("DPU", "DPU-1", "xDPU1", "DPU1x", "dp", "", "DPU\u0661"):
        with pytest.raises(BadRow):
            dpu_state_slot(key)


def test_states_are_published_in_the_words_of_who_drives() -> None:
    assert published_state(HaState.ACTIVE, HaOwner.DPU) == "active"
    assert published_state(HaState.SWITCHING_TO_STANDBY, HaOwner.SWITCH) == "HA_STATE_SWITCHING_TO_STANDBY"
    for state in HaState:
        for owner in HaOwner:
            assert read_state(published_state(state, owner)) is state
    assert [read_state(text) for text in (None, "", "unspecified", "flying")] == [None] * 4


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("1.0", 1),
        (" 12abc", 12),
        ("", 0),
        ("v2", 0),
        ("-1", 0),
        ("4294967295", 2**32 - 1),
        ("4294967296", 0),
        ("9" * 50, 0),
        ("\u0661", 0),
    ],
)
def test_the_version_for_a_dpu_is_the_leading_integer(text: str, number: int) -> None:
    assert dpu_version(text) == number


def test_a_list_of_one_empty_item_is_empty() -> None:
    assert readers.items(b'[""]') == []
    assert readers.items("a,,b") == ["a", "", "b"]
