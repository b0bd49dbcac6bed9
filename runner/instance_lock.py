"""One hamgrd per DPU slot: a lock that the kernel takes back when its holder dies, however it dies.

The lock is advisory (flock) and lies on a file in a run directory. The file stays for ever: only the lock on it means
something, so nothing has to be cleaned up after a holder that was killed.

Source: architecture, "The I/O shell": one process per DPU slot and switch.
"""

import fcntl
import hashlib
import os
import stat
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from attrs import define
from structlog.typing import FilteringBoundLogger

from runner.database_config import DatabaseAddress

RUN_DIRECTORY = Path("/run/hamgrd")
"""Where the files are unless told otherwise."""

PID_LENGTH = 20
"""No pid has more digits."""

log: FilteringBoundLogger = structlog.get_logger()


class InstanceLockError(Exception):
    """Whether another process manages the slot cannot be told; the text says what is in the way."""


class AlreadyRunningError(InstanceLockError):
    """Another process manages the slot. ``pid`` is its process id, None when it has not said so yet."""

    def __init__(self, pid: int | None, slot: int, identity: str) -> None:
        holder = "pid unknown" if pid is None else f"pid {pid}"
        super().__init__(f"another hamgrd ({holder}) manages slot {slot} of {identity}")
        self.pid = pid


@define(eq=False)
class InstanceLock:
    """The lock while it is held. A context manager: leaving it gives the slot free."""

    path: Path
    _descriptor: int | None

    @classmethod
    def take(cls, directory: Path, slot: int, identity: str) -> "InstanceLock":
        """Take the lock of a slot of the databases that are called ``identity``.

        The directory is made when missing. If nothing can be made in it, the temporary directory of the system serves,
        and a line of the log says so.
        Raises AlreadyRunningError when another process holds the lock, InstanceLockError when nobody can tell.
        """
        path, descriptor = _open(directory, _file_name(slot, identity))
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = _pid_in(descriptor)
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise AlreadyRunningError(pid, slot, identity) from None
            raise InstanceLockError(f"{path}: cannot be locked: {error.strerror}") from error
        lock = cls(path, descriptor)
        # An exec closes the file. A fork alone would not, and the lock would outlive us in the child.
        os.register_at_fork(after_in_child=lock._close)
        lock._sign()
        return lock

    def release(self) -> None:
        """Give the slot free; a second time does nothing."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _sign(self) -> None:
        """Say who holds the lock; it is held without that too."""
        assert self._descriptor is not None
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            log.warning("instance_lock_not_signed", path=str(self.path), why=error.strerror)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def database_identity(address: DatabaseAddress) -> str:
    """What to call the databases of a switch by the address of one of them.

    A path counts as the file that it leads to: ``/var/run`` and ``/run`` are one directory. A server that one process
    reaches by its path and another by TCP has two names; SONiC's configuration has one way for all.
    """
    if address.unix_socket_path:
        return os.path.realpath(address.unix_socket_path)
    return str(address)


def _file_name(slot: int, identity: str) -> str:
    return f"hamgrd-slot{slot}-{hashlib.sha256(os.fsencode(identity)).hexdigest()[:12]}.lock"


def _open(directory: Path, name: str) -> tuple[Path, int]:
    """The file, and open: in the run directory, else in the temporary one."""
    try:
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        return directory / name, _open_file(directory / name)
    except OSError as unusable:
        why = unusable.strerror
    try:
        instead = Path(tempfile.gettempdir())
        descriptor = _open_file(instead / name)
    except OSError as error:
        raise InstanceLockError(f"{directory}: {why}; nor can the temporary directory be used: {error}") from error
    log.warning("run_directory_unusable", directory=str(directory), why=why, instead=str(instead))
    return instead / name, descriptor


def _open_file(path: Path) -> int:
    """Open the file, made if missing.

    Raises OSError when the directory does not let us. What is there and is no file of ours raises InstanceLockError:
    to look elsewhere then could be to overlook a process that holds it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if os.path.lexists(path):
            raise InstanceLockError(f"{path}: is there and cannot be opened: {error.strerror}") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InstanceLockError(f"{path}: is there and is no plain file")
    return descriptor


def _pid_in(descriptor: int) -> int | None:
    text = os.pread(descriptor, PID_LENGTH, 0).strip()
    return int(text) if text.isdigit() else None
