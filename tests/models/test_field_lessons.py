"""Mistakes that were made in the field with rows and their encodings, each kept from coming back.

Source: field-lessons, by number.
"""

import pytest

from hamgr_fsm.vocabulary import HaRole, HaState, PlaneState
from models import tables
from models.codec import BadRow, decode, encode
from models.controller import HaScopeConfigRow, decode_ha_scope_config, decode_ha_set_config, split_scope_key
from models.dpu_rows import HaScopeRow, dpu_version
from models.dpu_state import DpuStateRow, HaScopeStateRow, HaSetStateRow, dpu_state_slot
from tests.models.rows import redis_hash

SCOPE = "vdpu0_0:haset0_0"


@pytest.mark.parametrize(
    ("word", "alive"),
    [("up", True), ("down", False), ("UP", True), ("true", True), ("1", True), ("false", False), ("unknown", None)],
)
def test_fl25_the_data_channel_is_up_down_or_unknown(word: str, alive: bool | None) -> None:
    row = decode(tables.DASH_HA_SET_STATE_TABLE, "haset0_0", redis_hash(dp_channel_is_alive=word))
    assert row.dp_channel_is_alive is alive


def test_fl25_the_set_of_a_channel_row_is_its_key() -> None:
    assert decode(tables.DASH_HA_SET_STATE_TABLE, "haset0_0", redis_hash(last_updated_time=1)) == HaSetStateRow(
        last_updated_time=1000
    )


def test_fl40_absent_and_unreadable_are_different_outcomes() -> None:
    assert decode(tables.DASH_HA_SET_STATE_TABLE, "haset0_0", {}).dp_channel_is_alive is None
    with pytest.raises(BadRow):
        decode(tables.DASH_HA_SET_STATE_TABLE, "haset0_0", redis_hash(dp_channel_is_alive="sometimes"))


def test_fl41_an_unreadable_time_does_not_cost_the_list_beside_it() -> None:
    fields = redis_hash(v4_bfd_up_sessions='"10.1.0.32", "10.1.1.32"', v4_bfd_up_sessions_timestamp='"not a time"')
    row = decode(tables.DASH_BFD_PROBE_STATE, "dash_ha", fields)
    assert [str(address) for address in row.v4_bfd_up_sessions] == ["10.1.0.32", "10.1.1.32"]
    assert row.v4_bfd_up_sessions_timestamp is None


def test_fl41_an_empty_plane_is_not_up() -> None:
    fields = redis_hash(dpu_midplane_link_state="", dpu_control_plane_state="up")
    row = decode(tables.DPU_STATE, "DPU0", fields)
    assert (row.dpu_midplane_link_state, row.dpu_data_plane_state) == (PlaneState.UNKNOWN, PlaneState.UNKNOWN)
    assert row.dpu_control_plane_state is PlaneState.UP


def test_fl44_ipv4_is_in_network_order() -> None:
    row = decode_ha_set_config("haset0_0", {"pb": bytes.fromhex("12050d03020100")})
    assert str(row.vip_v4) == "3.2.1.0"


def test_fl44_a_message_is_binary_and_may_hold_any_byte() -> None:
    row = decode_ha_set_config("haset0_0", {"pb": bytes.fromhex("12050dc000fffe")})
    assert str(row.vip_v4) == "192.0.255.254"


def test_fl44_an_old_sample_is_not_mended_by_guessing() -> None:
    assert str(decode_ha_set_config("haset0_0", {"pb": bytes.fromhex("12050d00010203")}).vip_v4) == "0.1.2.3"


def test_fl45_the_field_is_called_disabled() -> None:
    assert decode_ha_scope_config(SCOPE, redis_hash(version=1, disabled="true")).disabled is True
    assert decode_ha_scope_config(SCOPE, redis_hash(version=1, disable="true")).disabled is False
    assert encode(HaScopeRow(ha_role=HaRole.DEAD, ha_set_id="s", disabled=True))["disabled"] == "true"


def test_fl45_the_set_comes_from_the_field_and_not_from_the_key() -> None:
    assert decode_ha_scope_config("vdpu0_0:eni7", redis_hash(ha_set_id="haset0_0")).ha_set_id == "haset0_0"
    assert decode_ha_scope_config(SCOPE, redis_hash(version=1)).ha_set_id == ""


def test_fl45_state_and_role_of_a_dpu_are_two_things() -> None:
    fields = redis_hash(ha_role="active", ha_state="pending_active_activation")
    row = decode(tables.DASH_HA_SCOPE_STATE_TABLE, "s", fields)
    assert (row.ha_role, row.ha_state) == (HaRole.ACTIVE, HaState.PENDING_ACTIVE_ACTIVATION)


def test_fl45_state_tables_of_a_dpu_end_in_table() -> None:
    assert {table.name for table in tables.READ_TABLES if table.name.endswith("STATE_TABLE")} == {
        "DASH_HA_SET_STATE_TABLE",
        "DASH_HA_SCOPE_STATE_TABLE",
        "DASH_FLOW_SYNC_SESSION_STATE_TABLE",
    }


@pytest.mark.parametrize("version", ["1", "1.0", "", "2024-06-10", "18446744073709551616"])
def test_fl54_a_version_is_free_text(version: str) -> None:
    assert decode_ha_scope_config(SCOPE, redis_hash(version=version)) == HaScopeConfigRow(version=version)


@pytest.mark.parametrize(("version", "number"), [("1", 1), ("1.0", 1), ("", 0), ("x", 0)])
def test_ld50_no_version_stops_the_row_for_the_dpu(version: str, number: int) -> None:
    assert dpu_version(version) == number


def test_ld50_short_keys_and_damaged_messages_are_refused_and_nothing_worse() -> None:
    for key in ("", "DP", "DPU"):
        with pytest.raises(BadRow):
            dpu_state_slot(key)
    with pytest.raises(BadRow):
        split_scope_key("vdpu0_0")
    with pytest.raises(BadRow):
        decode_ha_scope_config(SCOPE, {"pb": b"\x0a\x7f"})
    with pytest.raises(BadRow):
        decode_ha_scope_config(SCOPE, {"pb": b"\x28\x63"})


def test_ld50_a_set_with_one_vdpu_is_a_set() -> None:
    assert decode_ha_set_config("haset0_0", redis_hash(vdpu_ids="vdpu0_0")).vdpu_ids == ("vdpu0_0",)


@pytest.mark.parametrize("flag", ["activate_role_pending", "flow_reconcile_pending", "brainsplit_recover_pending"])
def test_ld66_a_row_of_one_flag_is_a_row(flag: str) -> None:
    row = decode(tables.DASH_HA_SCOPE_STATE_TABLE, "haset0_0", redis_hash({flag: "true"}))
    assert getattr(row, flag) is True
    assert row.ha_state is None


def test_ld66_every_field_of_a_dpus_state_may_be_missing() -> None:
    assert decode(tables.DASH_HA_SCOPE_STATE_TABLE, "haset0_0", {}) == HaScopeStateRow()
    assert decode(tables.DPU_STATE, "DPU0", {}) == DpuStateRow()
