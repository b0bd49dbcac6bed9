"""A simulated DPU in the hand of a test: it takes rows at once, and does nothing by itself until it is told to.

The DPU is the one of ``runner.lab``, the socket is real, and so are the databases that it writes to.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from models.tables import table_named
from runner.demo.dpu_handle import SentRow
from runner.demo.orchagent_socket import OrchagentSocket
from runner.demo.ports import quiet_port
from runner.lab.dpu import SimulatedDpu
from runner.lab.dpu_writes import DpuWrite, EmptyDatabase, MergeRow
from runner.orchagent_message import unpack
from runner.redis_rows import RedisRows

LISTEN_EVERY_S = 0.003
MOST_STEPS = 40


class DpuInHand:
    """The DPU and the thread that takes what hamgrd sends."""

    def __init__(self, port: int, rows: RedisRows, slot: int = 0) -> None:
        self.port = port
        self.dpu = SimulatedDpu(slot=slot)
        self.received: list[SentRow] = []
        self.deaf = False
        """Rows arrive, and the DPU makes nothing of them."""
        self._rows = rows
        self._orchagent = OrchagentSocket(f"tcp://127.0.0.1:{port}")
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._take_rows, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop taking rows for good."""
        self._closing.set()
        self._thread.join()
        self._orchagent.close()

    def listen(self) -> None:
        """The orchagent can be reached from now on."""
        with self._lock:
            self._orchagent.open()

    def hang_up(self) -> None:
        """The orchagent can no longer be reached; it forgets nothing."""
        with self._lock:
            self._orchagent.close()

    def move(self) -> None:
        """The orchagent listens at another port."""
        with self._lock:
            self._orchagent.close()
            self.port = quiet_port()
            self._orchagent = OrchagentSocket(f"tcp://127.0.0.1:{self.port}")
            self._orchagent.open()

    def power_on(self) -> None:
        """Boot."""
        self.hang_up()
        self._start(lambda dpu, now_s: dpu.power_on(now_s))

    def power_off(self) -> None:
        """Lose everything."""
        self.hang_up()
        self.do(lambda dpu, now_s: dpu.power_off(now_s))

    def restart_swss(self, seen: bool) -> None:
        """Restart the orchagent, which empties the DPU's databases. ``seen``: the platform reports it."""
        self.hang_up()
        self._start(lambda dpu, now_s: dpu.restart_swss(now_s, seen))

    def advance(self) -> None:
        """Take one step."""
        self.do(lambda dpu, now_s: dpu.advance(now_s))

    def settle(self) -> None:
        """Go on until nothing more happens by itself."""
        for _ in range(MOST_STEPS):
            self.advance()
            with self._lock:
                if self.dpu.settled:
                    return
        raise AssertionError("the DPU does not come to rest")

    def do(self, act: Callable[[SimulatedDpu, int], Sequence[DpuWrite] | None]) -> None:
        """Let something happen to the DPU, and write what it writes."""
        with self._lock:
            self._carry_out(act(self.dpu, int(time.time())) or [])

    def told(self, mark: int = 0) -> list[str]:
        """What was sent after so many rows: ``+`` and ``-`` with the table."""
        return [f"{'-' if row.fields is None else '+'}{row.table}" for row in self.received[mark:]]

    def last(self, table: str, key: str) -> Mapping[str, str] | None:
        """The row as it was sent last; None when it was deleted or never sent."""
        return next((row.fields for row in reversed(self.received) if (row.table, row.key) == (table, key)), None)

    def requests(self, flag: str, mark: int = 0) -> int:
        """How often the DPU was sent this one-shot flag as true after so many rows, as counted by what arrived."""
        return sum(1 for row in self.received[mark:] if row.fields is not None and row.fields.get(flag) == "true")

    def _start(self, act: Callable[[SimulatedDpu, int], list[DpuWrite]]) -> None:
        """The databases are empty before the orchagent listens: an earlier row would lose its copy there."""
        with self._lock:
            writes = act(self.dpu, int(time.time()))
            self._carry_out([write for write in writes if isinstance(write, EmptyDatabase)])
            self._orchagent.open()
            self._carry_out([write for write in writes if not isinstance(write, EmptyDatabase)])

    def _take_rows(self) -> None:
        while not self._closing.wait(LISTEN_EVERY_S):
            with self._lock:
                while self._orchagent.socket is not None and self._orchagent.socket.poll(0):
                    self._take(self._orchagent.socket.recv())

    def _take(self, message: bytes) -> None:
        now_s = int(time.time())
        for row in unpack(message)[1]:
            fields = dict(row.fields) or None
            if self.deaf:
                writes = []
            elif fields is None:
                writes = self.dpu.row_deleted(row.table, row.key, now_s)
            else:
                writes = self.dpu.row_set(row.table, row.key, fields, now_s)
            self.received.append(SentRow(row.table, row.key, fields))
            self._carry_out(writes)

    def _carry_out(self, writes: Sequence[DpuWrite]) -> None:
        for write in writes:
            if isinstance(write, EmptyDatabase):
                self._rows.empty(write.database)
            elif isinstance(write, MergeRow):
                self._rows.write(table_named(write.database, write.table), write.key, write.fields)
            else:
                self._rows.remove(table_named(write.database, write.table), write.key)
