"""Who may manage a slot: real processes, that end in every way in which a process can."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from runner.database_config import DatabaseAddress
from runner.instance_lock import AlreadyRunningError, InstanceLock, InstanceLockError, database_identity
from tests.redis.conftest import DEADLINE_S

HERE = "/run/redis/redis.sock"
NOBODY = 65534

HOLD = """
import sys
from pathlib import Path
from runner.instance_lock import InstanceLock, InstanceLockError
directory, slot, identity = sys.argv[1:]
try:
    with InstanceLock.take(Path(directory), int(slot), identity) as lock:
        print("held", lock.path, flush=True)
        sys.stdin.readline()
except InstanceLockError as error:
    print(error, flush=True)
    sys.exit(1)
"""

HOLD_WITH_CHILD = """
import os, subprocess, sys
from pathlib import Path
from runner.instance_lock import InstanceLock
directory, slot, identity, how = sys.argv[1:]
InstanceLock.take(Path(directory), int(slot), identity)
ended, ends = os.pipe()
if how == "exec":
    os.set_inheritable(ended, True)
    code = f"import os; print(os.getpid(), flush=True); os.read({ended}, 1)"
    subprocess.Popen([sys.executable, "-c", code], close_fds=False)
elif os.fork() == 0:
    # It says so itself: until it has run, it has what its parent has.
    print(os.getpid(), flush=True)
    os.close(ends)
    os.read(ended, 1)
    os._exit(0)
sys.stdin.readline()
"""

Start = Callable[..., "Holder"]


class Holder:
    """A process that takes the lock and keeps it until it is told to end."""

    def __init__(self, directory: Path, slot: int, identity: str, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(directory), str(slot), identity],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def said(self) -> str:
        """Its first line of output that is no log: what became of the attempt."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "[warning" not in line:
                return line.rstrip("\n")
        raise AssertionError("it said nothing")

    def end(self) -> int:
        """Let it end in order; gives its exit code."""
        self.process.communicate("\n", timeout=DEADLINE_S)
        return self.process.returncode

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()
        self.process.wait(DEADLINE_S)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts holders and ends them after the test."""
    holders: list[Holder] = []

    def hold(directory: Path, slot: int = 0, identity: str = HERE, **environment: str) -> Holder:
        holders.append(Holder(directory, slot, identity, environment))
        return holders[-1]

    yield hold
    for holder in holders:
        holder.process.kill()
        holder.process.communicate(timeout=DEADLINE_S)


def held(holder: Holder) -> bool:
    """It got the lock."""
    return holder.said().startswith("held ")


def test_second_process_is_refused_and_told_who_manages_the_slot(tmp_path: Path, start: Start) -> None:
    first = start(tmp_path)
    assert held(first)
    second = start(tmp_path)
    assert second.said() == f"another hamgrd (pid {first.process.pid}) manages slot 0 of {HERE}"
    assert second.end() == 1
    # Being refused has taken nothing from the first.
    assert not held(start(tmp_path))


def test_of_many_that_start_together_one_gets_the_slot(tmp_path: Path, start: Start) -> None:
    holders = [start(tmp_path / "made by whoever is first") for _ in range(6)]
    with ThreadPoolExecutor(len(holders)) as threads:
        results = list(threads.map(held, holders))
    assert results.count(True) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_slot_is_free_at_once_when_its_process_was_killed(tmp_path: Path, start: Start, number: signal.Signals) -> None:
    first = start(tmp_path)
    assert held(first)
    first.process.send_signal(number)
    first.process.wait(DEADLINE_S)
    second = start(tmp_path)
    assert held(second)
    # The refusal names the one that lives, not the one that was killed.
    assert f"pid {second.process.pid}" in start(tmp_path).said()


def test_stopped_process_keeps_its_slot(tmp_path: Path, start: Start) -> None:
    first = start(tmp_path)
    assert held(first)
    first.process.send_signal(signal.SIGSTOP)
    assert f"pid {first.process.pid}" in start(tmp_path).said()


def test_slot_is_free_when_its_process_has_ended_in_order(tmp_path: Path, start: Start) -> None:
    first = start(tmp_path)
    assert held(first)
    assert first.end() == 0
    assert held(start(tmp_path))


def test_slots_and_databases_do_not_hinder_each_other(tmp_path: Path, start: Start) -> None:
    switches = [(slot, identity) for slot in range(2) for identity in (HERE, "127.0.0.1:6379")]
    assert all(held(start(tmp_path, slot, identity)) for slot, identity in switches)
    for slot, identity in switches:
        assert f"manages slot {slot} of {identity}" in start(tmp_path, slot, identity).said()


@pytest.mark.parametrize("how", ["exec", "fork"])
def test_child_that_outlives_its_parent_does_not_keep_the_slot(tmp_path: Path, start: Start, how: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", HOLD_WITH_CHILD, str(tmp_path), "0", HERE, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        assert f"pid {parent.pid}" in start(tmp_path).said()
        # The child would end with its parent, whose pipe it reads: one that is stopped lives on.
        os.kill(child, signal.SIGSTOP)
        parent.kill()
        parent.wait(DEADLINE_S)
        assert held(start(tmp_path))
    finally:
        parent.kill()
        parent.wait(DEADLINE_S)
        os.kill(child, signal.SIGKILL)


def test_refusal_without_a_pid_says_so(tmp_path: Path) -> None:
    with InstanceLock.take(tmp_path, 0, HERE) as lock:
        for content in ("", "not a number\n"):
            lock.path.write_text(content)
            with pytest.raises(AlreadyRunningError, match=r"another hamgrd \(pid unknown\) manages slot 0") as refused:
                InstanceLock.take(tmp_path, 0, HERE)
            assert refused.value.pid is None


def test_file_names_its_holder_while_there_is_one(tmp_path: Path) -> None:
    with InstanceLock.take(tmp_path, 3, HERE) as lock:
        assert lock.path.read_text() == f"{os.getpid()}\n"
        assert lock.path.parent == tmp_path
        assert "slot3" in lock.path.name
        assert lock.path.stat().st_mode & 0o777 == 0o600
    assert lock.path.read_text() == ""
    lock.release()
    with InstanceLock.take(tmp_path, 3, HERE) as again:
        assert again.path == lock.path


def test_longer_pid_of_a_killed_holder_leaves_no_rest(tmp_path: Path) -> None:
    with InstanceLock.take(tmp_path, 0, HERE) as lock:
        pass
    lock.path.write_text("9" * 30)
    with InstanceLock.take(tmp_path, 0, HERE):
        assert lock.path.read_text() == f"{os.getpid()}\n"


def test_pid_that_cannot_be_written_is_no_reason_to_stay_away(tmp_path: Path) -> None:
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n{HOLD}"
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), "0", HERE],
        input="\n",
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("instance_lock_not_signed") == 1
    assert "held " in ended.stdout


# Directories that cannot be used.


def a_file(directory: Path) -> None:
    """It is no directory."""
    directory.write_text("")


def below_a_file(directory: Path) -> None:
    """It cannot be made."""
    directory.parent.rmdir()
    directory.parent.write_text("")


def a_link_to_nothing(directory: Path) -> None:
    """It leads nowhere."""
    directory.symlink_to(directory.parent / "nothing")


@pytest.mark.parametrize("spoil", [a_file, below_a_file, a_link_to_nothing], ids=lambda spoil: spoil.__name__)
def test_temporary_directory_serves_instead_with_one_warning(
    tmp_path: Path, start: Start, spoil: Callable[[Path], None]
) -> None:
    directory, temporary = tmp_path / "parent" / "run", tmp_path / "temporary"
    directory.parent.mkdir()
    temporary.mkdir()
    spoil(directory)
    first = start(directory, TMPDIR=str(temporary))
    assert first.said().startswith(f"held {temporary}/")
    second = start(directory, TMPDIR=str(temporary))
    said, _ = second.process.communicate(timeout=DEADLINE_S)
    warning, refusal = said.splitlines()
    assert "run_directory_unusable" in warning
    assert str(directory) in warning
    assert str(temporary) in warning
    assert refusal == f"another hamgrd (pid {first.process.pid}) manages slot 0 of {HERE}"


def as_nobody(*arguments: str | Path, temporary: Path) -> subprocess.CompletedProcess[str]:
    """Take the lock as a user who may do nothing; the modules are those of this test."""
    drop = f"import os, runner.instance_lock; os.setgid({NOBODY}); os.setuid({NOBODY})\n"
    return subprocess.run(
        [sys.executable, "-c", drop + HOLD, *map(str, arguments)],
        input="\n",
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        env={**os.environ, "TMPDIR": str(temporary)},
    )


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that every user may enter; those of a test are for its own user only."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        (directory / "temporary").mkdir()
        (directory / "temporary").chmod(0o1777)
        yield directory


@needs_root
def test_directory_of_another_user_is_not_used(public: Path) -> None:
    (public / "run").mkdir(mode=0o755)
    ended = as_nobody(public / "run", "0", HERE, temporary=public / "temporary")
    assert ended.returncode == 0, ended.stderr
    warning, got = ended.stdout.splitlines()
    assert "run_directory_unusable" in warning
    assert "Permission denied" in warning
    assert got.startswith(f"held {public / 'temporary'}/")


@needs_root
def test_file_of_another_user_is_never_passed_over(public: Path, start: Start) -> None:
    """Whoever cannot look whether it is held must not begin elsewhere: there would be two."""
    assert held(start(public / "run"))
    ended = as_nobody(public / "run", "0", HERE, temporary=public / "temporary")
    (said,) = ended.stdout.splitlines()
    assert ended.returncode == 1
    assert said.endswith("is there and cannot be opened: Permission denied")
    assert list((public / "temporary").iterdir()) == []


# Things that lie where the file belongs.


def a_link(path: Path, victim: Path) -> None:
    """A link to a file of somebody else."""
    path.symlink_to(victim)


def a_dangling_link(path: Path, victim: Path) -> None:
    """A link to a file that would be made."""
    path.symlink_to(victim.parent / "made")


def a_directory(path: Path, victim: Path) -> None:
    """A directory."""
    path.mkdir()


def a_pipe(path: Path, victim: Path) -> None:
    """A pipe that nobody reads."""
    os.mkfifo(path)


@pytest.mark.parametrize("put", [a_link, a_dangling_link, a_directory, a_pipe], ids=lambda put: put.__name__)
def test_what_is_no_file_of_ours_is_refused_and_left_alone(tmp_path: Path, put: Callable[[Path, Path], None]) -> None:
    directory, victim = tmp_path / "run", tmp_path / "victim"
    victim.write_text("precious")
    with InstanceLock.take(directory, 0, HERE) as lock:
        pass
    lock.path.unlink()
    put(lock.path, victim)
    with capture_logs() as entries, pytest.raises(InstanceLockError, match=lock.path.name) as refused:
        InstanceLock.take(directory, 0, HERE)
    assert not isinstance(refused.value, AlreadyRunningError)
    assert victim.read_text() == "precious"
    assert not (tmp_path / "made").exists()
    assert entries == []


def test_file_system_without_locks_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    # No file system of this machine is without locks.
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(InstanceLockError, match="cannot be locked: No locks available"):
        InstanceLock.take(tmp_path, 0, HERE)


def address(socket_path: str | None) -> DatabaseAddress:
    return DatabaseAddress("STATE_DB", 6, "|", "127.0.0.1", 6379, socket_path)


def test_databases_are_one_by_whatever_path_they_are_reached(tmp_path: Path) -> None:
    real = tmp_path / "run"
    real.mkdir()
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "run").symlink_to(real)
    paths: Sequence[Path] = (real / "redis.sock", tmp_path / "var" / "run" / "redis.sock")
    assert {database_identity(address(str(path))) for path in paths} == {str(paths[0])}
    assert database_identity(address(None)) == "127.0.0.1:6379"
