"""A pair of switches in a test: all that happened to it, and short words for what is asked."""

import time
from collections.abc import Mapping
from itertools import count
from typing import Self

from models.tables import DASH_HA_SCOPE_TABLE
from runner.demo.hamgrd_process import HamgrdProcess
from runner.demo.invariants import at_rest
from runner.demo.pair import Pair
from runner.demo.switch import LOOK_EVERY_S, until
from runner.demo.watch import Watch
from runner.lab.dpu_rows import REQUESTS
from tests.daemon.switch import BARRIERS

P = ("active/active", "standby/standby")
Q = ("standby/standby", "active/active")
A_ALONE = ("standalone/standalone", "standby/standby")
B_ALONE = ("standby/standby", "standalone/standalone")
A_BESIDE_DEAD = ("standalone/standalone", "dead/dead")
B_BESIDE_DEAD = ("dead/dead", "standalone/standalone")

OTHER = {"A": "B", "B": "A"}

QUIET_S = 1.5
"""How long nothing may happen where nothing must: longer than every timer that repeats what was not answered."""

_numbers = count(1)


def alone(name: str) -> tuple[str, str]:
    """Where both are when one side serves alone beside a standby."""
    return A_ALONE if name == "A" else B_ALONE


def paired(active: str) -> tuple[str, str]:
    """Where both are in a healthy pair."""
    return P if active == "A" else Q


class WatchedPair(Pair):
    """A pair whose whole life in a test is in ``watch``."""

    watch: Watch

    def formed(self) -> Self:
        """Form the pair."""
        self.p()
        return self

    def since_now(self) -> Watch:
        """The records from here on. What was done before has reached everybody."""
        self.settle()
        return Watch(self)

    def settle(self) -> None:
        """Wait until every hamgrd has handled what was written to its databases, and every DPU has what it was sent."""
        for name, switch in self.switches.items():
            if switch.hamgrd.alive:
                self.handled(name)
        for name in self.powered:
            until(lambda name=name: self._told(name), lambda name=name: self.dpus[name].received[-5:])  # type: ignore[misc]

    def rest(self) -> None:
        """Settle, and look at what must hold when nothing is under way."""
        self.settle()
        assert at_rest(self) == [], str(self)

    def stays(self, *where: str, for_s: float = QUIET_S) -> None:
        """Both sides are where they should be, and stay there for a while."""
        until_s = time.monotonic() + for_s
        self.until_where(*where)
        while time.monotonic() < until_s:
            assert self.where == where, str(self)
            time.sleep(LOOK_EVERY_S)
        self.rest()

    def comes_to_rest(self, *ends: tuple[str, str], for_s: float = QUIET_S) -> tuple[str, ...]:
        """Wait until both sides have been in one of these places for a while; gives it."""
        held: tuple[tuple[str, ...], float] = ((), 0.0)

        def rests() -> bool:
            nonlocal held
            if self.where != held[0]:
                held = (self.where, time.monotonic())
            return held[0] in ends and time.monotonic() - held[1] >= for_s

        until(rests, self.__str__)
        self.rest()
        return held[0]

    def approve_whatever(self, *where: str) -> None:
        """Approve everything that anybody asks for until both sides are where they should be.

        A switchover away from there is not approved.
        """

        def there() -> bool:
            for name, end in zip(self.pair, where, strict=True):
                asked = self[name].pending.items()
                wanted = [id_ for id_, type_ in asked if type_ != "switchover" or end.startswith("active")]
                if ids := [id_ for id_ in wanted if id_ not in self.controller.approved.get(name, [])]:
                    self.approve_id(name, *ids)
            return self.where == where

        until(there, self.__str__)

    def asked(self, name: str, kind: str) -> str:
        """Wait until the scope of a side asks for this approval; gives the id."""
        until(lambda: kind in self[name].pending.values(), self.__str__)
        return next(id_ for id_, type_ in self[name].pending.items() if type_ == kind)

    def _told(self, name: str) -> bool:
        """The last row of the scope that the DPU was sent is the one that Redis has."""
        told = self[name].told
        if not told:
            return True
        sent = [row.fields for row in self.dpus[name].received if row.table == DASH_HA_SCOPE_TABLE.name]
        return bool(sent) and _lasting(sent[-1] or {}) == _lasting(told)

    def handled(self, name: str) -> None:
        """Wait until hamgrd of a switch has handled what was written to its databases.

        A row of each database that is rejected comes last; it is gone afterwards.
        """
        hamgrd, rows = self[name].hamgrd, self[name].rows
        mark = hamgrd.mark()
        keys = [key.format(f"{name}{next(_numbers)}") for _, key, _ in BARRIERS.values()]
        for key, (table, _, fields) in zip(keys, BARRIERS.values(), strict=True):
            rows.write(table, key, fields)
        until(lambda: all(_rejected(hamgrd, key, mark) for key in keys), hamgrd.last_words)
        for key, (table, _, _) in zip(keys, BARRIERS.values(), strict=True):
            rows.remove(table, key)


def _lasting(row: Mapping[str, str]) -> dict[str, str]:
    """What a row says for good: a restart sends the row again without the requests in it."""
    return {name: value for name, value in row.items() if name not in REQUESTS}


def _rejected(hamgrd: HamgrdProcess, key: str, mark: int) -> bool:
    return any(entry["source"].endswith(f" {key}") for entry in hamgrd.entries(mark, message="input_rejected"))
