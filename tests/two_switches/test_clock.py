"""The clock of a switch is set while its pair is healthy, or while a timer runs (C20)."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hamgr_fsm.vocabulary import HaOwner
from runner.demo.switch import until
from runner.lab.dpu_roles import Acks
from tests.two_switches import shifted_clock
from tests.two_switches.conftest import watched
from tests.two_switches.pair import P, WatchedPair

HOUR_S = 3600
JUMPS = pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S], ids=["ahead", "back"])


@pytest.fixture
def clocks(short_path: Path) -> Iterator[WatchedPair]:
    """A pair whose two clocks can be set."""
    pair = WatchedPair(HaOwner.SWITCH, directory=short_path)
    with pair:
        for name, switch in pair.switches.items():
            set_clock(pair, name, 0)
            at = switch.hamgrd.command.index("--slot-id")
            program = [sys.executable, str(Path(shifted_clock.__file__)), str(short_path / f"clock-{name}")]
            switch.hamgrd.command[:at] = program
        pair.restart("A", "B")
        yield from watched(pair)


def set_clock(pair: WatchedPair, name: str, seconds: int) -> None:
    """Replaced as a whole: the file is read at any moment."""
    new = pair.directory / "clock-new"
    new.write_text(str(seconds))
    new.rename(pair.directory / f"clock-{name}")


def says_it_is(pair: WatchedPair, name: str) -> float:
    """What hamgrd took for the time of day when its scope moved last; in seconds."""
    return int(pair[name].state["local_ha_state_last_updated_time_in_ms"]) / 1000


@JUMPS
@pytest.mark.parametrize("who", ["A", "B", "AB"])
def test_c20_clock_that_is_set_moves_nothing(clocks: WatchedPair, who: str, jump_s: int) -> None:
    clocks.p()
    terms, since = clocks.terms, clocks.since_now()
    for name in who:
        set_clock(clocks, name, jump_s)
    clocks.stays(*P)
    assert clocks.terms == terms
    assert since.path("A") == since.path("B") == []
    assert since.route("A") == since.route("B") == []
    assert since.roles("A") == since.roles("B") == []
    clocks.switch_over("B")
    clocks.switch_over("A")
    clocks.rest()
    for name in "AB":
        off = says_it_is(clocks, name) - time.time()
        assert abs(off - (jump_s if name in who else 0)) < HOUR_S / 2, "the clock was really another one"


@JUMPS
def test_c20_timers_are_neither_early_nor_late(clocks: WatchedPair, jump_s: int) -> None:
    """B waits for a role that its DPU does not acknowledge: the deadline is still that of the timer."""
    clocks.p()
    clocks.acks("B", Acks.HELD)
    clocks.scope("A", desired="unspecified")
    clocks.scope("B", desired="active")
    clocks.approve("B", "switchover")
    clocks.becomes("B", "switching_to_active/standby")
    set_clock(clocks, "B", jump_s)
    clocks.handled("B")
    assert clocks["B"].at == "switching_to_active/standby", "an hour has not passed"
    until(lambda: clocks["B"].state.get("switchover_state") == "failed", clocks.__str__)
    clocks.acks("B", Acks.AT_ONCE)
    clocks.until_where(*P)
