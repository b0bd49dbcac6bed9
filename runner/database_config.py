"""Where the databases of a switch are: SONiC's database configuration files.

A main file lists the databases of the host. A global file names further files, each with the container and namespace
whose databases it lists; ``dpu<N>`` is the container of the DPU in slot N. Files are read here, nothing is connected.

Source: tables 1.2.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import cattrs
from attrs import AttrsInstance, field, fields_dict, frozen

from models.database import Database

MAIN_FILE = Path("/var/run/redis/sonic-db/database_config.json")
GLOBAL_FILE = Path("/var/run/redis/sonic-db/database_global.json")

_ShapeT = TypeVar("_ShapeT", bound=AttrsInstance)

Owner = tuple[str, str]
"""Container name and namespace; both are empty for the host."""

HOST: Owner = ("", "")


class ConfigurationError(Exception):
    """The configuration cannot be used; the text names the file and the member at fault."""


@frozen
class DatabaseAddress:
    """One database: its number, the separator of its keys, and where its server listens."""

    name: str
    id: int
    separator: str
    hostname: str
    port: int
    unix_socket_path: str | None = None

    def __str__(self) -> str:
        return self.unix_socket_path or f"{self.hostname}:{self.port}"


@frozen
class DatabaseConfig:
    """The databases by owner. An owner whose file was missing is known by the name of that file."""

    main_file: Path
    _owners: Mapping[Owner, Mapping[str, DatabaseAddress]] = field(hash=False)
    _missing: Mapping[Owner, Path] = field(hash=False)
    _has_global: bool

    def address(self, name: str, container: str = "", namespace: str = "") -> DatabaseAddress:
        """The address of a database; it is never looked for under another owner.

        Raises ConfigurationError when the owner or the database is not listed, or when the owner's file is missing.
        """
        owner = (container, namespace)
        if owner in self._missing:
            raise ConfigurationError(f"{self._missing[owner]}: missing, and {name} of {_owner_text(owner)} is needed")
        if owner not in self._owners:
            raise ConfigurationError(f"{self.main_file}: no databases of {_owner_text(owner)} are configured")
        if name not in self._owners[owner]:
            raise ConfigurationError(f"{self.main_file}: database {name} of {_owner_text(owner)} is not configured")
        return self._owners[owner][name]

    def addresses(self, databases: Iterable[Database], slot_id: int) -> dict[Database, DatabaseAddress]:
        """Where the host's databases and those of the DPU in a slot are.

        A main file that stands alone may list the databases of one DPU itself; small installations and tests do.
        Raises ConfigurationError for the first database that is nowhere.
        """
        return {database: self._address_for_slot(database, slot_id) for database in databases}

    def _address_for_slot(self, database: Database, slot_id: int) -> DatabaseAddress:
        alone = not self._has_global and database in self._owners[HOST]
        container = f"dpu{slot_id}" if database.belongs_to_dpu and not alone else ""
        return self.address(database, container)


def load_database_config(main_file: Path = MAIN_FILE, global_file: Path | None = None) -> DatabaseConfig:
    """Read the main file, and the global file with its includes; SONiC's own global file (None) may be absent.

    An include that is missing is an error only when it is used: a container sees the files of its own DPU only.
    Raises ConfigurationError for a file that is missing, is no JSON or has not the expected shape.
    """
    if global_file in (None, GLOBAL_FILE):
        global_file = GLOBAL_FILE if GLOBAL_FILE.exists() else None
    includes = _includes(global_file) if global_file else None
    owners = {owner: _databases(path) for owner, path in (includes or {}).items() if path.exists()}
    missing = {owner: path for owner, path in (includes or {}).items() if not path.exists()}
    if main_file.exists() or HOST not in owners:
        owners[HOST] = _databases(main_file)
        missing.pop(HOST, None)
    return DatabaseConfig(main_file, owners, missing, has_global=includes is not None)


@frozen
class _Instance:
    hostname: str
    port: int
    unix_socket_path: str | None = None


@frozen
class _Entry:
    id: int
    separator: str
    instance: str


@frozen
class _MainFile:
    INSTANCES: dict[str, _Instance]
    DATABASES: dict[str, _Entry]


@frozen
class _Include:
    include: str
    container_name: str = ""
    namespace: str = ""

    @property
    def owner(self) -> Owner:
        return (self.container_name, self.namespace)


@frozen
class _GlobalFile:
    INCLUDES: list[_Include]


def _includes(path: Path) -> dict[Owner, Path]:
    return {include.owner: path.parent / include.include for include in _read(path, _GlobalFile).INCLUDES}


def _databases(path: Path) -> dict[str, DatabaseAddress]:
    content = _read(path, _MainFile)
    for name, entry in content.DATABASES.items():
        if entry.instance not in content.INSTANCES:
            raise ConfigurationError(f"{path}: DATABASES.{name}.instance: no instance {entry.instance} is listed")
    return {name: _address(name, entry, content.INSTANCES) for name, entry in content.DATABASES.items()}


def _address(name: str, entry: _Entry, instances: Mapping[str, _Instance]) -> DatabaseAddress:
    instance = instances[entry.instance]
    return DatabaseAddress(
        name, entry.id, entry.separator, instance.hostname, instance.port, instance.unix_socket_path or None
    )


def _read(path: Path, shape: type[_ShapeT]) -> _ShapeT:
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"{path}: not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: an object with {', '.join(fields_dict(shape))} is expected")
    try:
        return cattrs.structure(content, shape)
    except cattrs.BaseValidationError as error:
        raise ConfigurationError(f"{path}: {'; '.join(cattrs.transform_error(error))}") from error


def _owner_text(owner: Owner) -> str:
    container, namespace = owner
    return "the host" if owner == HOST else container + (f" in namespace {namespace}" if namespace else "")
