"""The lookups that the real library did, and files that are not what they should be."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.database import Database
from runner.database_config import ConfigurationError, load_database_config
from tests.redis.conftest import VECTORS

LOOKUPS = VECTORS["db_config"]["lookups"]
FAILING = VECTORS["db_config"]["failing_lookups"]


def main_file(instance: dict[str, Any], databases: dict[str, tuple[int, str]]) -> str:
    entries = {name: {"id": id, "separator": s, "instance": "redis"} for name, (id, s) in databases.items()}
    return json.dumps({"INSTANCES": {"redis": instance}, "DATABASES": entries, "VERSION": "1.0"})


@pytest.fixture
def switch(tmp_path: Path) -> tuple[Path, Path]:
    """The files of the switch on which the lookups were captured, as far as they exist there."""
    for container in ("", "dpu0"):
        lookups = [lookup for lookup in LOOKUPS if lookup["container_name"] == container]
        first = lookups[0]
        instance = {name: first[name] for name in ("hostname", "port")} | {"unix_socket_path": first["unix_socket"]}
        directory = tmp_path / f"redis{container}" / "sonic-db"
        directory.mkdir(parents=True)
        databases = {lookup["db"]: (lookup["id"], lookup["separator"]) for lookup in lookups}
        (directory / "database_config.json").write_text(main_file(instance, databases))
    directory = tmp_path / "redis" / "sonic-db"
    (directory / "database_global.json").write_text(json.dumps(VECTORS["db_config"]["database_global.json"]))
    return directory / "database_config.json", directory / "database_global.json"


@pytest.mark.parametrize("lookup", LOOKUPS, ids=lambda lookup: f"{lookup['container_name']}-{lookup['db']}")
def test_lookup_finds_what_the_real_library_finds(switch: tuple[Path, Path], lookup: dict[str, Any]) -> None:
    address = load_database_config(*switch).address(lookup["db"], lookup["container_name"])
    assert (address.name, address.id, address.separator) == (lookup["db"], lookup["id"], lookup["separator"])
    assert (address.hostname, address.port) == (lookup["hostname"], lookup["port"])
    assert address.unix_socket_path == lookup["unix_socket"]


@pytest.mark.parametrize("lookup", FAILING, ids=lambda lookup: f"{lookup['container_name']}-{lookup['db']}")
def test_lookup_fails_where_the_real_library_fails(switch: tuple[Path, Path], lookup: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=lookup["db"]):
        load_database_config(*switch).address(lookup["db"], lookup["container_name"])


def test_global_file_alone_names_the_host_too(switch: tuple[Path, Path]) -> None:
    config = load_database_config(switch[0].with_name("elsewhere.json"), switch[1])
    assert config.address("CONFIG_DB").id == 4


def test_slot_selects_the_databases_of_its_dpu(switch: tuple[Path, Path]) -> None:
    databases = (Database.CONFIG_DB, Database.DPU_STATE_DB)
    addresses = load_database_config(*switch).addresses(databases, 0)
    assert [addresses[database].port for database in databases] == [16399, 16400]
    with pytest.raises(ConfigurationError, match=r"dpu1/sonic-db/database_config\.json: missing"):
        load_database_config(*switch).addresses(databases, 1)


def test_main_file_alone_may_list_the_databases_of_a_dpu(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(main_file({"hostname": "h", "port": 1}, {"DPU_STATE_DB": (17, "|")}))
    addresses = load_database_config(path).addresses([Database.DPU_STATE_DB], 3)
    assert addresses[Database.DPU_STATE_DB].unix_socket_path is None


BAD_MAIN_FILES: dict[str, Callable[[dict[str, Any]], object]] = {
    "INSTANCES": lambda file: file.pop("INSTANCES"),
    "DATABASES": lambda file: file.update(DATABASES=[1]),
    "id": lambda file: file["DATABASES"]["STATE_DB"].update(id="six"),
    "instance": lambda file: file["DATABASES"]["STATE_DB"].update(instance="redis9"),
    "port": lambda file: file["INSTANCES"]["redis"].pop("port"),
}


@pytest.mark.parametrize("member", BAD_MAIN_FILES)
def test_bad_main_file_is_refused_by_file_and_member(tmp_path: Path, member: str) -> None:
    path = tmp_path / "config.json"
    file = json.loads(main_file({"hostname": "h", "port": 1}, {"STATE_DB": (6, "|")}))
    BAD_MAIN_FILES[member](file)
    path.write_text(json.dumps(file))
    with pytest.raises(ConfigurationError) as refused:
        load_database_config(path)
    assert str(path) in str(refused.value)
    assert member in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "\x00"])
def test_file_of_another_kind_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"config\.json"):
        load_database_config(path)


def test_missing_files_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.json"):
        load_database_config(tmp_path / "nowhere.json")
    good = tmp_path / "config.json"
    good.write_text(main_file({"hostname": "h", "port": 1}, {}))
    with pytest.raises(ConfigurationError, match=r"global\.json"):
        load_database_config(good, tmp_path / "global.json")


def test_bad_include_is_refused_by_member(tmp_path: Path) -> None:
    good, listed = tmp_path / "config.json", tmp_path / "global.json"
    good.write_text(main_file({"hostname": "h", "port": 1}, {}))
    listed.write_text(json.dumps({"INCLUDES": [{"container_name": "dpu0"}]}))
    with pytest.raises(ConfigurationError, match=r"global.json.*include"):
        load_database_config(good, listed)
