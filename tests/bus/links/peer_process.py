"""A peer in a process of its own: listens, says where, dials the port it was told, greets whoever it meets.

Ends in order at the end of its standard input.
"""

import asyncio
import logging
import sys

import structlog

from models.swbus import ConnectionType
from runner.bus.links.channel_options import KeepAlive
from runner.bus.links.link import Link
from runner.bus.links.socket_address import SocketAddress
from tests.bus.links.recorder import NODE_2, DiallingEnd, ListeningEnd, Recorder


def greet(link: Link) -> None:
    """The first frame of every link."""
    link.put(b"hello")


async def main(port: int) -> None:
    """Run until standard input ends."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    server = ListeningEnd.of(Recorder(on_up=greet), None, "1", KeepAlive())
    client = DiallingEnd.to(
        [SocketAddress("127.0.0.1", port)],
        Recorder(on_up=greet),
        NODE_2,
        ConnectionType.IN_CLUSTER,
        "1",
        None,
        KeepAlive(),
    )
    client.dialler.start()
    print((await server.at()).port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await client.dialler.stop()
    await server.listener.stop()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
