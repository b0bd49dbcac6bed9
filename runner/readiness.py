"""Telling the service manager how the daemon is: started, what it waits for, alive, about to stop.

It is systemd's protocol: a datagram of ``NAME=value`` lines to the socket that the environment names. Without one there
is nobody to tell, and nothing happens. Whatever becomes of the socket, the daemon goes on.

Source: architecture, "The I/O shell"; sd_notify(3), sd_watchdog_enabled(3).
"""

import os
import socket
from collections.abc import Mapping

import structlog
from attrs import define, field
from structlog.typing import FilteringBoundLogger

log: FilteringBoundLogger = structlog.get_logger()


@define(eq=False)
class ServiceManager:
    """Who started this process and wants to know how it is, if there is such a one.

    ``keep_alive_s``: :meth:`alive` has to be said at least this often, in seconds; None when nobody waits for that.
    """

    _address: str | None
    keep_alive_s: float | None = None
    _untold: dict[str, str] = field(factory=dict)
    _complained: bool = False

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> "ServiceManager":
        """The service manager that the environment names; one that listens to nothing if it names none."""
        address = environment.get("NOTIFY_SOCKET") or None
        return cls(address, _keep_alive_s(environment) if address else None)

    def ready(self, status: str) -> None:
        """The daemon has started: it has read everything and acted on it."""
        self._tell(READY="1", STATUS=status)

    def status(self, status: str) -> None:
        """What the daemon does or waits for, in one line for people."""
        self._tell(STATUS=status)

    def alive(self) -> None:
        """The daemon still does its work."""
        self._tell(WATCHDOG="1")

    def stopping(self) -> None:
        """The daemon was told to stop and is about to."""
        self._tell(STOPPING="1")

    def _tell(self, **news: str) -> None:
        """Tell the news now; what cannot be told is told together with what comes next."""
        if self._address is None:
            return
        self._untold |= news
        try:
            _send(self._address, self._untold)
        except OSError as error:
            if not self._complained:
                log.warning("service_manager_not_told", socket=self._address, why=error.strerror or str(error))
            self._complained = True
        else:
            self._untold.clear()
            self._complained = False


def _send(address: str, news: Mapping[str, str]) -> None:
    # A line break would begin another assignment, and some of what is told was read from a database.
    lines = [f"{name}={' '.join(value.split())}" for name, value in news.items()]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as speaker:
        speaker.sendto("\n".join(lines).encode(errors="replace"), _socket_address(address))


def _socket_address(address: str) -> str:
    """A leading @ stands for the null byte of an abstract address; the rest that is no path is nothing we speak."""
    if address.startswith("@"):
        return f"\0{address[1:]}"
    if address.startswith("/"):
        return address
    raise OSError(f"no address of a socket on this machine: {address}")


def _keep_alive_s(environment: Mapping[str, str]) -> float | None:
    """Half of the time after which a silent daemon is ended; None if it is not, or if another process was meant."""
    meant = environment.get("WATCHDOG_PID") or str(os.getpid())
    limit_us = environment.get("WATCHDOG_USEC") or "0"
    if meant != str(os.getpid()) or not limit_us.isdecimal() or int(limit_us) == 0:
        return None
    return int(limit_us) / 2_000_000
