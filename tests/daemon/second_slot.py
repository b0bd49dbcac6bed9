"""A second DPU of the same switch, in slot 1, with a Redis server of its own and its own hamgrd."""

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from runner.demo.configuration import DPU_DATABASES, open_switch
from runner.demo.ports import quiet_port
from runner.private_redis import PrivateRedis
from tests.daemon.daemon import Daemon
from tests.daemon.dpu_in_hand import DpuInHand
from tests.daemon.switch import Switch

SLOT = 1


class SecondSlot:
    """The DPU in slot 1: a context manager beside that of its switch."""

    def __init__(self, switch: Switch) -> None:
        self.server = PrivateRedis()
        _add_dpu_file(switch.files[1], self.server)
        self.rows = open_switch(*switch.files, SLOT)
        self.port = quiet_port()
        self.dpu = DpuInHand(self.port, self.rows, SLOT)
        self.hamgrd = Daemon(switch.command(SLOT), switch.directory / "hamgrd1.log")

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.hamgrd.kill()
        self.dpu.close()
        self.rows.close()
        self.server.remove()


def _add_dpu_file(global_file: Path, server: PrivateRedis) -> None:
    """Name one more file in the global file: that of the DPU in slot 1."""
    directory = global_file.parent / f"dpu{SLOT}"
    directory.mkdir()
    instance = {"hostname": "127.0.0.1", "port": server.port, "unix_socket_path": str(server.socket_path)}
    databases = {
        name: {"id": number, "separator": separator, "instance": "redis"}
        for name, (number, separator) in DPU_DATABASES.items()
    }
    content = {"INSTANCES": {"redis": instance}, "DATABASES": databases, "VERSION": "1.0"}
    (directory / "database_config.json").write_text(json.dumps(content))
    listed = json.loads(global_file.read_text())
    listed["INCLUDES"].append({"include": f"dpu{SLOT}/database_config.json", "container_name": f"dpu{SLOT}"})
    global_file.write_text(json.dumps(listed))
