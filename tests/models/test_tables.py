"""The declarations themselves: names, databases, transports, and that generated files are up to date.

Source: tables 2.0, 1.1.
"""

import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from models import tables
from models.controller import HaScopeConfigRow
from models.database import Database
from models.table import Table, Transport
from models.tables import READ_TABLES, WRITTEN_TABLES, table_named

ROOT = Path(__file__).parents[2]
PROTOS = sorted((ROOT / "models" / "protobuf").glob("*.proto"))


def test_every_declared_table_is_read_or_written_and_named_like_its_constant() -> None:
    declared = {name: value for name, value in vars(tables).items() if isinstance(value, Table)}
    assert set(map(id, declared.values())) == set(map(id, READ_TABLES + WRITTEN_TABLES))
    assert all(name == table.name for name, table in declared.items())


def test_only_written_tables_have_a_transport() -> None:
    assert {table.transport for table in READ_TABLES} == {None}
    assert None not in {table.transport for table in WRITTEN_TABLES}


def test_transport_follows_from_the_database() -> None:
    by_transport = {table.name: table.transport for table in WRITTEN_TABLES}
    for table in WRITTEN_TABLES:
        if table.database.belongs_to_dpu:
            assert table.transport is Transport.ORCHAGENT
        elif table.database is Database.STATE_DB:
            assert table.transport is Transport.TABLE
    assert by_transport["VNET_ROUTE_TUNNEL_TABLE"] is Transport.PRODUCER_STATE_TABLE
    assert by_transport["NEIGH_RESOLVE_TABLE"] is Transport.PRODUCER_STATE_TABLE


def test_a_table_is_found_by_database_and_name() -> None:
    for table in READ_TABLES + WRITTEN_TABLES:
        assert table_named(table.database, table.name) is table
    with pytest.raises(KeyError):
        table_named(Database.APPL_DB, "DASH_HA_SET_TABLE")


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        HaScopeConfigRow().version = "2"  # type: ignore[misc]


def test_every_record_takes_names_and_says_what_it_means() -> None:
    for table in READ_TABLES + WRITTEN_TABLES:
        assert "Source: tables 2." in " ".join((table.record.__doc__ or "").split())
        for field in attrs.fields(table.record):
            assert field.kw_only


@pytest.mark.parametrize("proto", PROTOS, ids=lambda path: path.name)
def test_generated_classes_match_their_declaration(proto: Path, tmp_path: Path) -> None:
    target = f"--python_out={tmp_path}"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={ROOT}", target, str(proto)]
    subprocess.run(command, check=True, cwd=ROOT)
    generated = Path("models") / "protobuf" / (proto.stem + "_pb2.py")
    assert (tmp_path / generated).read_text() == (ROOT / generated).read_text()
