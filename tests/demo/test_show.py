"""``hamgr show`` prints what hamgrd publishes, and says in one line why when it cannot."""

import json
import re
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from models.tables import (
    DASH_HA_DPU_STATE,
    DASH_HA_GLOBAL_CONFIG_STATE,
    DASH_HA_SCOPE_STATE,
    DASH_HA_SET_STATE,
    DASH_HA_VDPU_STATE,
)
from runner.command_line.hamgr import app
from runner.command_line.state_view import age, moment
from tests.demo.conftest import Switch

SCOPE = {
    "local_ha_state": "pending_active_activation",
    "local_ha_state_last_updated_time_in_ms": "1718032542123",
    "local_acked_asic_ha_state": "pending_active_activation",
    "pending_operation_types": "activate_role",
    "creation_time_in_ms": "0",
    "dpu_bfd_probe_interval_in_ms": "1000",
}


def show(switch: Switch, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["show", "ha", *arguments, *switch.options])


@pytest.fixture
def scopes(switch: Switch) -> Switch:
    switch.rows.write(DASH_HA_SCOPE_STATE, "vdpu0_0|haset0_0", SCOPE)
    switch.rows.write(
        DASH_HA_SCOPE_STATE, "vdpu0_0|haset1_0", {"local_ha_state": "dead", "waiting_for": "HA set haset1_0"}
    )
    return switch


def test_many_scopes_are_one_line_each(scopes: Switch) -> None:
    result = show(scopes, "scope")
    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines() if "vdpu0_0" in line]
    assert len(lines) == 2
    assert "pending_active_activation" in lines[0]
    assert "activate_role" in lines[0]
    assert "HA set haset1_0" in lines[1]


@pytest.mark.parametrize("key", ["vdpu0_0:haset0_0", "vdpu0_0|haset0_0"])
def test_one_scope_is_shown_with_every_field_and_readable_times(scopes: Switch, key: str) -> None:
    result = show(scopes, "scope", key)
    assert result.exit_code == 0
    assert all(name in result.stdout for name in SCOPE)
    assert re.search(r"2024-06-10T15:15:42\.123Z \(\d+ days?.* ago\)", result.stdout)
    assert "never" in result.stdout
    assert "1000" in result.stdout, "an interval is no time"


def test_json_is_the_rows_as_published(scopes: Switch) -> None:
    assert json.loads(show(scopes, "scope", "vdpu0_0:haset0_0", "--json").stdout) == {"vdpu0_0|haset0_0": SCOPE}
    assert set(json.loads(show(scopes, "scope", "--json").stdout)) == {"vdpu0_0|haset0_0", "vdpu0_0|haset1_0"}


def test_every_table_has_its_command(switch: Switch) -> None:
    rows = switch.rows
    rows.write(DASH_HA_GLOBAL_CONFIG_STATE, "global", {"dpu_vnet": "Vnet_55"})
    rows.write(DASH_HA_DPU_STATE, "dpu1_0", {"remote_dpu": "true", "pa_ipv4": "20.0.201.1"})
    rows.write(DASH_HA_VDPU_STATE, "vdpu0_0", {"up": "true", "main_dpu_ids": "dpu0_0"})
    rows.write(DASH_HA_SET_STATE, "haset0_0", {"owner": "dpu", "rejected": "vip_v4: not an IPv4 address"})
    for command, shown in (
        ("global-config", "Vnet_55"),
        ("dpu", "remote"),
        ("vdpu", "dpu0_0"),
        ("set", "vip_v4: not an IPv4 address"),
    ):
        result = show(switch, command)
        assert result.exit_code == 0, result.stderr
        assert shown in result.stdout


def one_line_of(result: Result) -> str:
    assert result.exit_code == 1
    assert not result.stdout
    (line,) = result.stderr.splitlines()
    return line


def test_unknown_id_is_told_with_the_known_ones(scopes: Switch) -> None:
    assert one_line_of(show(scopes, "scope", "vdpu9_0:haset0_0")) == (
        "hamgr: DASH_HA_SCOPE_STATE has no row vdpu9_0|haset0_0; there is vdpu0_0|haset0_0, vdpu0_0|haset1_0"
    )


def test_empty_table_is_told(switch: Switch) -> None:
    assert "DASH_HA_SET_STATE is empty" in one_line_of(show(switch, "set"))


def test_absent_redis_is_told(switch: Switch, tmp_path: Path) -> None:
    config = json.loads(switch.main_file.read_text())
    config["INSTANCES"]["redis"]["unix_socket_path"] = str(tmp_path / "nobody.sock")
    switch.main_file.write_text(json.dumps(config))
    line = one_line_of(show(switch, "dpu"))
    assert f"no answer from Redis at {tmp_path / 'nobody.sock'}" in line


def test_absent_configuration_is_told(switch: Switch) -> None:
    switch.main_file.unlink()
    assert str(switch.main_file) in one_line_of(show(switch, "vdpu"))


def test_ages_are_readable() -> None:
    now_ms = time.time_ns() // 1_000_000
    assert age(str(now_ms - 65_000), now_ms) == "0:01:05 ago"
    assert age(str(now_ms + 5_000), now_ms) == "in 0:00:05"
    assert age("0", now_ms) == "never"
    assert moment("yesterday", now_ms) == "yesterday"
    assert moment("99999999999999999999", now_ms) == "99999999999999999999"
