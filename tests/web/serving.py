"""A running ``hamgr web`` of the tests, as a real process."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define

from models.tables import DASH_HA_SCOPE_STATE
from tests.demo.conftest import Switch

DEADLINE_S = 30.0
RUN_HAMGR = "from runner.command_line.hamgr import main; main()"
NOW_MS = 1_795_000_000_000
ROW = {
    "local_ha_state": "HA_STATE_ACTIVE",
    "owner": "switch",
    "ha_set_id": "haset0_0",
    "local_target_asic_ha_state": "active",
    "local_acked_asic_ha_state": "active",
    "relay_state": "programmed",
    "local_ha_state_last_updated_time_in_ms": str(NOW_MS),
    "local_ha_state_last_updated_reason": "activation approved",
}


def write_scope(switch: Switch, key: str = "vdpu0_0|haset0_0", **fields: str) -> None:
    """Publish a scope, as its hamgrd would."""
    switch.rows.write(DASH_HA_SCOPE_STATE, key, {**ROW, **fields})


@define
class Page:
    """The page of a running process."""

    process: subprocess.Popen[str]
    url: str

    def view(self, query: str = "") -> Any:
        """What the page is told."""
        with urllib.request.urlopen(f"{self.url}view.json{query}", timeout=DEADLINE_S) as answer:
            return json.load(answer)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it; gives its exit code."""
        self.process.send_signal(how)
        return self.process.wait(DEADLINE_S)


@contextmanager
def page(*options: str) -> Iterator[Page]:
    """Serve the page at some free port."""
    command = [sys.executable, "-c", RUN_HAMGR, "web", "--listen", "127.0.0.1:0", "--interval", "0.1", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert line.startswith("hamgr web: http://"), line + process.stderr.read()
        yield Page(process, line.split()[2])
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
