"""Where a simulated DPU takes rows: the receiving end of the transport of an orchagent.

Source: tables 4.4.
"""

import zmq
from attrs import define

RECEIVE_LIMIT = 10_000
"""High-water mark of the receiving socket, as the real orchagent sets it."""


@define
class OrchagentSocket:
    """Closed while the DPU has no power: what is sent then is lost or waits at the sender."""

    endpoint: str
    socket: zmq.Socket[bytes] | None = None

    def open(self) -> None:
        """Listen. A context of its own lets the port be free again as soon as the socket is closed."""
        if self.socket is None:
            self.socket = zmq.Context().socket(zmq.PULL)
            self.socket.setsockopt(zmq.RCVHWM, RECEIVE_LIMIT)
            self.socket.bind(self.endpoint)

    def close(self) -> None:
        """Stop listening, and drop what was not taken yet."""
        if self.socket is not None:
            context = self.socket.context
            self.socket.close(linger=0)
            context.term()
            self.socket = None
