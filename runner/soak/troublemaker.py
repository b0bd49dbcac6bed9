"""Doing to a pair what a plan says, at the moment it says, while the controller goes on with its work.

Each strike has a thread of its own and ends with everything repaired. What a strike could not do is an error of the
step.

Source: scenarios 0.2.
"""

import threading
import time

from attrs import define, field

from runner.demo.pair import Pair
from runner.private_redis import PrivateRedis
from runner.soak.plan import Strike, Trouble

END_WITHIN_S = 60.0


@define
class Troublemaker:
    """Strikes at one pair. ``errors``: what could not be done."""

    pair: Pair
    errors: list[str] = field(factory=list)
    _threads: list[threading.Thread] = field(factory=list)

    def begin(self, strikes: tuple[Strike, ...]) -> None:
        """Let them happen from now on, each at its time."""
        self._threads = [threading.Thread(target=self._strike, args=(strike,), daemon=True) for strike in strikes]
        for thread in self._threads:
            thread.start()

    @property
    def busy(self) -> bool:
        """Something has still to happen or to be repaired."""
        return any(thread.is_alive() for thread in self._threads)

    def end(self) -> None:
        """Wait until everything is repaired."""
        for thread in self._threads:
            thread.join(END_WITHIN_S)
        if self.busy:
            self.errors.append(f"a strike did not end within {END_WITHIN_S} s")

    def _strike(self, strike: Strike) -> None:
        time.sleep(strike.after_s)
        try:
            self._do(strike.trouble, strike.side, strike.lasts_s)
        except Exception as error:  # noqa: BLE001
            # Whatever goes wrong in this thread would be lost with it.
            self.errors.append(f"{strike}: {type(error).__name__}: {error}")

    def _do(self, trouble: Trouble, side: str, lasts_s: float) -> None:
        pair, switch = self.pair, self.pair[side]
        match trouble:
            case Trouble.KILL:
                pair.kill(side)
                time.sleep(lasts_s)
                pair.start(side)
            case Trouble.PAUSE:
                pair.pause(side)
                time.sleep(lasts_s)
                pair.resume(side)
            case Trouble.POWER:
                pair.off(side)
                time.sleep(lasts_s)
                pair.on(side)
            case Trouble.HOST_REDIS:
                self._restart(side, switch.host, lasts_s)
            case Trouble.DPU_REDIS:
                self._restart(side, switch.dpu_server, lasts_s)
                # What the DPU said meanwhile is lost: its programs start anew with their database.
                pair.restart_swss(side, seen=True)
            case Trouble.LINK_REFUSED | Trouble.LINK_SILENT:
                pair.set_link(False, silent=trouble is Trouble.LINK_SILENT)
                time.sleep(lasts_s)
                pair.set_link(True)
            case Trouble.CHANNEL:
                pair.chan(False)
                time.sleep(lasts_s)
                pair.chan(True)

    def _restart(self, side: str, server: PrivateRedis, lasts_s: float) -> None:
        """Kill a server and start it on what it had on disk."""
        what = f"Redis {side}"
        self.pair.disturbances.append((time.time(), what, True))
        server.stop(kill=True)
        time.sleep(lasts_s)
        server.start()
        recorders = dict(zip(("host", "dpu"), self.pair[side].recorders, strict=True))
        recorders["host" if server is self.pair[side].host else "dpu"].follow()
        self.pair.disturbances.append((time.time(), what, False))
