"""``hamgr explain`` over a real Redis and over a file: page, JSON, exit codes, and that nothing is written."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hamgr_fsm.vocabulary import HaOwner
from models import tables
from models.database import Database
from runner.command_line.hamgr import app
from runner.explain.snapshot import DATABASES, load, save
from runner.lab.lab import Lab
from tests.demo.conftest import Switch, switch
from tests.explain.snapshots import snapshot

__all__ = ["switch"]

SCOPE = "vdpu1_0:haset0_0"


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments])


def answered(*arguments: str) -> dict[str, Any]:
    result = explain(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    content: dict[str, Any] = json.loads(result.stdout)
    return content


@pytest.fixture(scope="module")
def pair() -> Lab:
    lab = Lab(owner=HaOwner.SWITCH)
    lab.p()
    return lab


@pytest.fixture
def running(switch: Switch, pair: Lab) -> Switch:
    """A switch whose databases hold what those of the standby side hold."""
    for database, rows in pair["B"].store.databases.items():
        for (table, key), fields in rows.items():
            switch.rows.write(tables.table_named(database, table), key, fields)
    return switch


@pytest.fixture
def file(pair: Lab, tmp_path: Path) -> str:
    path = tmp_path / "snapshot.json"
    save(snapshot(pair, "B"), path)
    return str(path)


def contents(switch: Switch) -> dict[Database, dict[str, object]]:
    return {
        database: {name: switch.rows.client(database).hgetall(name) for name in switch.rows.names(database)}
        for database in DATABASES
    }


def test_page_says_where_why_and_what_holds_each_way_back(running: Switch) -> None:
    result = explain(SCOPE, *running.options)
    assert result.exit_code == 0, result.stderr
    page = " ".join(result.stdout.split())
    assert "vdpu1_0:haset0_0: HA_STATE_STANDBY since" in page
    assert "because: activation approved" in page
    assert "-> destroying: planned shutdown (row 36, switch-driven 3, FL-23) held back by shut_down_agreed" in page
    assert "-> switching_to_active: switchover approved" in page
    assert "waits for approval" in page
    assert "dpu_up true" in page
    assert "rows that act without moving (--all)" in page
    assert "stays: peer reports" in explain(SCOPE, "--all", *running.options).stdout


def test_json_has_rows_guards_and_facts(running: Switch) -> None:
    content = answered(SCOPE, *running.options)
    assert content["states"] == {"state": "standby", "relay": "programmed"}
    assert content["facts"]["dpu_up"] is True
    (row,) = [row for row in content["rows"] if row["region"] == "state" and row["row"] == 36]
    assert row["target"] == "destroying"
    assert not row["open"]
    assert row["parts"][0]["guard"] == "shut_down_agreed"
    assert row["parts"][0]["holds"] is False
    assert row["parts"][0]["conclusions"] == {"desired_dead": False}


def test_rows_of_one_family_are_told_together(tmp_path: Path) -> None:
    lab = Lab(owner=HaOwner.DPU)
    lab.p()
    path = tmp_path / "dpu.json"
    save(snapshot(lab, "A"), path)
    page = " ".join(explain("vdpu0_0:haset0_0", "--snapshot", str(path)).stdout.split())
    assert "-> dead, connecting, connected" in page
    assert "(rows 39 to 46, dpu-driven 1) each held back by its guard reported active" in page


def test_what_if(running: Switch) -> None:
    content = answered(SCOPE, "--what-if", "peer_state=standalone", "--what-if", "desired=dead", *running.options)
    assert content["what_if"]["states"]["state"] in {"standby", "destroying"}
    page = explain(SCOPE, "--what-if", "disabled=true", *running.options).stdout
    assert "if disabled=true:" in page
    assert "state: standby -> dead: admin disabled (row 10)" in page


def test_nothing_is_written(running: Switch) -> None:
    before = contents(running)
    answered(SCOPE, "--what-if", "dpu_up=false", *running.options)
    assert contents(running) == before


def test_a_key_that_is_no_row_is_left_out(running: Switch) -> None:
    running.rows.client(Database.CONFIG_DB).set("VDPU|vdpu7_0", "no hash")
    assert answered(SCOPE, *running.options)["states"]["state"] == "standby"


def test_a_file_gives_the_answer_of_the_databases(running: Switch, tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    live = answered(SCOPE, "--save", str(path), *running.options)
    assert answered(SCOPE, "--snapshot", str(path)) == live


def test_a_snapshot_is_what_was_saved(file: str, pair: Lab) -> None:
    assert load(Path(file)) == snapshot(pair, "B")


def told(result: Result, code: int) -> str:
    assert result.exit_code == code
    assert not result.stdout
    (line,) = result.stderr.splitlines()
    return line


def test_a_scope_that_is_not_there(file: str) -> None:
    line = told(explain("vdpu9_0:haset0_0", "--snapshot", file), 1)
    assert line == "hamgr explain: no HA scope vdpu9_0:haset0_0 is configured; there is vdpu1_0:haset0_0"


def test_absent_databases(switch: Switch, tmp_path: Path) -> None:
    config = json.loads(switch.main_file.read_text())
    config["INSTANCES"]["redis"]["unix_socket_path"] = str(tmp_path / "nobody.sock")
    switch.main_file.write_text(json.dumps(config))
    assert "no answer from Redis" in told(explain(SCOPE, *switch.options), 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["vdpu1_0"], "a scope is named VDPU:SCOPE"),
        ([SCOPE, "--what-if", "colour=red"], "there is no fact colour"),
        ([SCOPE, "--what-if", "party"], "neither FACT=VALUE nor one of the events"),
    ],
)
def test_misuse(arguments: list[str], said: str, file: str) -> None:
    assert said in told(explain(*arguments, "--snapshot", file), 2)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "hamgr snapshot 9"}'])
def test_a_file_that_is_no_snapshot(content: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    assert str(path) in told(explain(SCOPE, "--snapshot", str(path)), 2)


def test_a_file_that_is_absent(tmp_path: Path) -> None:
    assert "No such file" in told(explain(SCOPE, "--snapshot", str(tmp_path / "none.json")), 2)
