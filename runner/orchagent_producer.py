"""Sending rows to the DPU's orchagent over ZMQ: one socket that connects to wherever the node says the orchagent is.

Nothing here waits for the peer. A message goes out when a connection stands, else the row stays due, and whenever a
connection comes up all rows are sent again. ZMQ itself keeps nothing for a peer that is away: what would wait there
could be an old row by the time it arrives.

Source: tables 4.4.
"""

import asyncio
from collections.abc import Mapping
from typing import Literal, NoReturn

import structlog
import zmq
import zmq.asyncio
from attrs import define, field
from structlog.typing import FilteringBoundLogger
from zmq.utils.monitor import parse_monitor_message

from models.database import Database
from runner.orchagent_message import MessageTooLargeError, RowMessage, pack
from runner.orchagent_rows import OrchagentRows
from runner.written_rows import RowName

SOCKET_OPTIONS = {
    zmq.LINGER: 0,
    zmq.SNDHWM: 10000,
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: 5,
    zmq.TCP_KEEPALIVE_INTVL: 1,
    zmq.TCP_KEEPALIVE_CNT: 5,
    zmq.IMMEDIATE: 1,
    zmq.IPV6: 1,
    # A DPU without power answers nothing at all; the system would try less and less often to reach it.
    zmq.CONNECT_TIMEOUT: 2000,
    zmq.RECONNECT_IVL: 100,
}
"""Milliseconds, but the keep-alive times: seconds."""

TRY_AGAIN_S = 1.0
"""How soon rows that a connected peer did not take are offered again."""

EVENTS = zmq.Event.HANDSHAKE_SUCCEEDED | zmq.Event.DISCONNECTED

log: FilteringBoundLogger = structlog.get_logger()


@define(eq=False)
class OrchagentProducer:
    """The rows of the DPU and the connection to its orchagent. ``connected`` says whether a connection stands."""

    _one_shot_fields: Mapping[str, frozenset[str]]
    connected: bool = False
    _rows: OrchagentRows = field(init=False)
    _full: bool = False
    _socket: zmq.Socket[bytes] | None = None
    _monitor: zmq.asyncio.Socket | None = None
    _news: "asyncio.Future[list[bytes]] | None" = None
    _endpoint: str | None = None
    _moved: asyncio.Event = field(factory=asyncio.Event)

    def __attrs_post_init__(self) -> None:
        self._rows = OrchagentRows(self._one_shot_fields)

    def prime(self, rows: Mapping[RowName, Mapping[str, str]]) -> None:
        """Take over the rows that an earlier life of this daemon left in the database; they count as handed over."""
        self._rows.prime(rows)

    def reach(self, host: str | None, port: int) -> None:
        """Connect to the orchagent there from now on; None: to none."""
        endpoint = None if host is None else f"tcp://{f'[{host}]' if ':' in host else host}:{port}"
        if endpoint != self._endpoint:
            self._endpoint, self.connected = endpoint, False
            self._moved.set()

    def write(self, table: str, key: str, fields: Mapping[str, str]) -> None:
        """Send a row now or as soon as the orchagent is there."""
        self._rows.write(table, key, fields)
        if not self._full:
            self._send_due()

    def delete(self, table: str, key: str) -> None:
        """Send a deletion now or as soon as the orchagent is there."""
        self._rows.delete(table, key)
        if not self._full:
            self._send_due()

    async def run(self) -> NoReturn:
        """Keep the connection for ever."""
        with zmq.Context() as context:
            while True:
                self._moved.clear()
                if self._endpoint is None:
                    await self._moved.wait()
                else:
                    await self._stay_connected(context, self._endpoint)

    async def _stay_connected(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> None:
        """Watch the connection until the orchagent is to be reached somewhere else."""
        with context.socket(zmq.PUSH) as push:
            for option, value in SOCKET_OPTIONS.items():
                push.setsockopt(option, value)
            self._monitor = zmq.asyncio.Socket.from_socket(push.get_monitor_socket(EVENTS))
            moved = asyncio.ensure_future(self._moved.wait())
            try:
                self._connect(push, endpoint)
                while not moved.done():
                    await self._watch(self._monitor, moved)
            finally:
                moved.cancel()
                push.disable_monitor()
                self._monitor.close()
                self._socket, self._monitor, self._news, self.connected = None, None, None, False

    def _connect(self, push: "zmq.Socket[bytes]", endpoint: str) -> None:
        try:
            push.connect(endpoint)
        except zmq.ZMQError as error:
            log.warning("orchagent_unreachable", endpoint=endpoint, why=str(error))
        else:
            self._socket = push

    async def _watch(self, monitor: zmq.asyncio.Socket, moved: "asyncio.Future[Literal[True]]") -> None:
        news = self._news = asyncio.ensure_future(monitor.recv_multipart())
        await asyncio.wait((news, moved), timeout=TRY_AGAIN_S, return_when=asyncio.FIRST_COMPLETED)
        self._news = None
        if not news.done():
            news.cancel()
            self._send_due()
        elif not moved.done():
            event = parse_monitor_message(news.result())["event"]
            self._connection_changed(event == zmq.Event.HANDSHAKE_SUCCEEDED)

    def _connection_changed(self, connected: bool) -> None:
        if connected:
            log.info("orchagent_reached", endpoint=self._endpoint)
            self._rows.renew()
        elif self.connected:
            log.warning("orchagent_lost", endpoint=self._endpoint)
        self.connected = connected
        self._send_due()

    def _send_due(self) -> None:
        """Send until the peer takes no more; what is left is offered again by and by."""
        self._full = False
        if not self.connected or self._socket is None or self._connection_has_news:
            return
        for message in self._rows.due():
            if not self._sent(self._socket, message):
                self._full = True
                return
            self._rows.handed_over(message)

    @property
    def _connection_has_news(self) -> bool:
        """Something happened to the connection that was not looked at yet.

        The orchagent may have restarted meanwhile: what is sent now would be the first that it hears, a scope before
        its set, or a request in the first row of a scope (I-05, tables 2.14).
        """
        if self._monitor is None:
            return False
        told = self._news is not None and self._news.done()
        return told or bool(int(self._monitor.get(zmq.EVENTS)) & zmq.POLLIN)

    @staticmethod
    def _sent(socket: "zmq.Socket[bytes]", message: RowMessage) -> bool:
        """The message was taken, or never will be."""
        try:
            socket.send(pack(Database.DPU_APPL_DB, message.table, [message]), zmq.NOBLOCK)
        except zmq.Again:
            return False
        except MessageTooLargeError as error:
            log.warning("row_not_sent", table=message.table, key=message.key, why=str(error))
        return True
