"""What the service manager hears, on a real socket of each kind, and what happens when there is none."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from runner.private_redis import PrivateRedis
from runner.readiness import ServiceManager
from tests.redis.conftest import DEADLINE_S, PLACES


class Listener:
    """The service manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(DEADLINE_S)
        self._socket.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)

    def heard(self) -> list[str]:
        """The lines of the next message."""
        return self._socket.recv(65536).decode().split("\n")

    def close(self) -> None:
        """Stop listening; a path is gone then."""
        self._socket.close()
        if not self.address.startswith("@"):
            Path(self.address).unlink()


def path_address(directory: Path) -> str:
    return str(directory / "notify")


def abstract_address(directory: Path) -> str:
    return f"@hamgr-test{directory}"


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory whose name is short enough for the path of a socket."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture(params=[path_address, abstract_address], ids=["path", "abstract"])
def listener(request: pytest.FixtureRequest, directory: Path) -> Iterator[Listener]:
    made: Callable[[Path], str] = request.param
    listener = Listener(made(directory))
    yield listener
    listener.close()


def manager(address: str, **environment: str) -> ServiceManager:
    return ServiceManager.of_environment({"NOTIFY_SOCKET": address, **environment})


def test_life_of_a_daemon_is_told_in_order(listener: Listener) -> None:
    service_manager = manager(listener.address)
    service_manager.status("waiting for database CONFIG_DB")
    service_manager.ready("manages the DPU in slot 0")
    service_manager.alive()
    service_manager.stopping()
    assert listener.heard() == ["STATUS=waiting for database CONFIG_DB"]
    assert listener.heard() == ["READY=1", "STATUS=manages the DPU in slot 0"]
    assert listener.heard() == ["WATCHDOG=1"]
    assert listener.heard() == ["STOPPING=1"]


def test_process_finds_the_socket_in_its_own_environment(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", listener.address)
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    service_manager = ServiceManager.of_environment()
    assert service_manager.keep_alive_s == 1.5
    service_manager.alive()
    assert listener.heard() == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    ("environment", "keep_alive_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "20000000"}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getppid())}, None),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "x"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": ""}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_watchdog_wants_to_hear_twice_as_often_as_it_ends_the_silent(
    environment: dict[str, str], keep_alive_s: float | None
) -> None:
    assert manager("/nowhere/notify", **environment).keep_alive_s == keep_alive_s


def tell_everything(service_manager: ServiceManager) -> None:
    service_manager.status("waiting")
    service_manager.ready("ready")
    service_manager.alive()
    service_manager.stopping()


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"WATCHDOG_USEC": "20000000"}])
def test_nobody_is_told_and_nothing_is_said_without_a_socket(environment: dict[str, str]) -> None:
    service_manager = ServiceManager.of_environment(environment)
    assert service_manager.keep_alive_s is None
    with capture_logs() as entries:
        tell_everything(service_manager)
    assert entries == []


def nothing(directory: Path) -> str:
    """Nobody listens."""
    return str(directory / "nothing")


def nothing_abstract(directory: Path) -> str:
    """Nobody listens there either."""
    return abstract_address(directory)


def a_file(directory: Path) -> str:
    """There is no socket."""
    (directory / "file").write_text("")
    return str(directory / "file")


def a_stream(directory: Path) -> str:
    """There is a socket of another kind."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.bind(str(directory / "stream"))
        stream.listen()
    return str(directory / "stream")


def too_long(directory: Path) -> str:
    """No socket has such a path."""
    return f"/{'x' * 200}"


def another_family(directory: Path) -> str:
    """What a virtual machine is given."""
    return "vsock:2:9999"


def relative(directory: Path) -> str:
    """A path that leads from anywhere."""
    return "notify"


@pytest.mark.parametrize(
    "broken",
    [nothing, nothing_abstract, a_file, a_stream, too_long, another_family, relative],
    ids=lambda broken: broken.__name__,
)
def test_broken_socket_is_one_warning_and_nothing_else(directory: Path, broken: Callable[[Path], str]) -> None:
    address = broken(directory)
    service_manager = manager(address)
    with capture_logs() as entries:
        tell_everything(service_manager)
        tell_everything(service_manager)
    (entry,) = entries
    assert (entry["event"], entry["log_level"]) == ("service_manager_not_told", "warning")
    assert entry["socket"] == address
    assert entry["why"]


def test_listener_that_does_not_read_does_not_hold_the_daemon_up(listener: Listener) -> None:
    service_manager = manager(listener.address)
    with capture_logs() as entries:
        for number in range(5000):
            service_manager.status(f"{number:0200}")
        service_manager.ready("ready")
    assert [entry["event"] for entry in entries] == ["service_manager_not_told"]
    # Once it reads again it learns what it has missed: that the daemon is ready, and the newest of the rest.
    while True:
        service_manager.alive()
        if "READY=1" in (message := listener.heard()):
            break
    assert sorted(message) == ["READY=1", "STATUS=ready", "WATCHDOG=1"]


def test_listener_that_comes_back_learns_what_it_missed_and_is_missed_again(directory: Path) -> None:
    address = path_address(directory)
    service_manager = manager(address)
    with capture_logs() as entries:
        service_manager.status("waiting")
        service_manager.ready("ready")
        first = Listener(address)
        service_manager.alive()
        assert sorted(first.heard()) == ["READY=1", "STATUS=ready", "WATCHDOG=1"]
        first.close()
        service_manager.alive()
        second = Listener(address)
        service_manager.stopping()
        assert sorted(second.heard()) == ["STOPPING=1", "WATCHDOG=1"]
        second.close()
    assert len(entries) == 2


@example("a\nREADY=1")
@example("a\x85b\u2028c")
@example("a broken \udcff letter")
@given(st.text(max_size=200) | st.text("\n\r =\udcff", max_size=20))
def test_status_is_one_line_whatever_is_in_it(text: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        listener = Listener(path_address(Path(name)))
        manager(listener.address).status(text)
        (line,) = listener.heard()
        listener.close()
    assert line.startswith("STATUS=")


# The daemon itself.


def hamgrd(directory: Path, server: PrivateRedis, *, listener: Listener, **environment: str) -> list[str]:
    """hamgrd's command line, which finds its listener in the environment as systemd would set it."""
    config = directory / "database_config.json"
    instance = {"hostname": "127.0.0.1", "port": 0, "unix_socket_path": str(server.socket_path)}
    databases = {name: {"id": id, "separator": sep, "instance": "redis"} for name, (id, sep) in PLACES.items()}
    config.write_text(json.dumps({"INSTANCES": {"redis": instance}, "DATABASES": databases}))
    variables = [f"{name}={value}" for name, value in {"NOTIFY_SOCKET": listener.address, **environment}.items()]
    run = "from runner.command_line.hamgrd import main; main()"
    where = ("--db-config", str(config), "--run-directory", str(directory / "run"))
    return ["env", *variables, sys.executable, "-c", run, "--slot-id", "0", *where]


def test_daemon_tells_that_it_is_ready_alive_and_stopping(
    directory: Path, server: PrivateRedis, listener: Listener
) -> None:
    process = subprocess.Popen(hamgrd(directory, server, listener=listener, WATCHDOG_USEC="200000"))
    try:
        messages = [listener.heard()]
        while not any("READY=1" in message for message in messages):
            messages.append(listener.heard())
        # It goes on to say what it waits for, and that it is alive, and that not only once.
        heard = [listener.heard()]
        while heard.count(["WATCHDOG=1"]) < 3:
            heard.append(listener.heard())
        assert ["STATUS=waiting for an address of Loopback0"] in messages + heard
        process.send_signal(signal.SIGTERM)
        while "STOPPING=1" not in listener.heard():
            pass
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()


def test_daemon_that_is_second_in_its_slot_ends_and_is_never_ready(
    directory: Path, server: PrivateRedis, listener: Listener
) -> None:
    first = subprocess.Popen(hamgrd(directory, server, listener=listener))
    try:
        while "READY=1" not in listener.heard():
            pass
        second = subprocess.run(
            hamgrd(directory, server, listener=listener),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        place = server.socket_path.resolve()
        refusal = f"hamgrd: another hamgrd (pid {first.pid}) manages slot 0 of {place}\n"
        assert (second.returncode, second.stderr) == (1, refusal)
        first.send_signal(signal.SIGTERM)
        messages = [listener.heard()]
        while "STOPPING=1" not in messages[-1]:
            messages.append(listener.heard())
        assert not any("READY=1" in message for message in messages)
        assert first.wait(DEADLINE_S) == 0
    finally:
        first.kill()
        first.wait()
