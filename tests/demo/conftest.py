"""A private Redis server with the databases of a switch in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from runner.demo.configuration import open_switch, write_database_files
from runner.private_redis import PrivateRedis, free_port
from runner.redis_rows import RedisRows


@frozen
class Switch:
    """The configuration files of a switch and a connection to its databases."""

    main_file: Path
    global_file: Path
    rows: RedisRows

    @property
    def options(self) -> list[str]:
        """What a command line needs to find the databases."""
        return ["--db-config", str(self.main_file), "--global-db-config", str(self.global_file)]


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[Switch]:
    """A switch whose host and DPU databases are in one server."""
    with PrivateRedis(port=free_port()) as server:
        files = write_database_files(tmp_path, server, server)
        rows = open_switch(*files)
        yield Switch(*files, rows)
        rows.close()
