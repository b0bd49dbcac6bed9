"""Free ports for what is started on this machine.

They lie below those that the system hands out by itself, so nobody takes one while its owner does not listen, and they
are drawn by chance, so that two runs at the same time do not meet.
"""

import random
import socket
from contextlib import suppress

LOWEST, HIGHEST = 20000, 32000


def quiet_port(address: str = "127.0.0.1") -> int:
    """A TCP port on which nobody listens at this address."""
    while True:
        port = random.randint(LOWEST, HIGHEST)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((address, port))
            return port
