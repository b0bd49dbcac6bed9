"""A pair of switches for each test.

Starting one takes a second, bringing one back to where it began takes a tenth, so the tests of a worker share one that
each of them finds without any row of a scope or a set. A pair that cannot be brought back is replaced.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hamgr_fsm.vocabulary import HaOwner
from runner.demo.configuration import A, B, C
from runner.demo.invariants import findings
from runner.demo.watch import Watch
from tests.two_switches.pair import WatchedPair

AUDIT_S = "0.5"
"""How often hamgrd looks for what no database tells: soon enough for tests that wait for it."""


class Workshop:
    """Gives out the pair of this worker."""

    def __init__(self) -> None:
        self._pair: WatchedPair | None = None

    def pair(self, owner: HaOwner) -> WatchedPair:
        """A pair as it was at first, for this mode."""
        with suppress(TimeoutError, OSError):
            if self._pair is not None:
                self._pair.reset(owner)
                return self._pair
        self.close()
        self._pair = WatchedPair(owner, options=("--audit-interval", AUDIT_S))
        self._pair.open()
        return self._pair

    def close(self) -> None:
        """End the pair."""
        pair, self._pair = self._pair, None
        if pair is not None:
            pair.close()


@pytest.fixture(scope="session")
def workshop() -> Iterator[Workshop]:
    workshop = Workshop()
    yield workshop
    workshop.close()


def watched(pair: WatchedPair) -> Iterator[WatchedPair]:
    """Have a test play with a pair, and look for what must never happen in what it did."""
    pair.watch = Watch(pair)
    yield pair
    assert findings(pair.watch) == []


@pytest.fixture
def switch_driven(workshop: Workshop) -> Iterator[WatchedPair]:
    """A pair that its switches drive, with nothing configured but CONFIG_DB."""
    yield from watched(workshop.pair(HaOwner.SWITCH))


@pytest.fixture
def dpu_driven(workshop: Workshop) -> Iterator[WatchedPair]:
    """A pair that its DPUs drive, with nothing configured but CONFIG_DB."""
    yield from watched(workshop.pair(HaOwner.DPU))


@pytest.fixture(params=[HaOwner.SWITCH, HaOwner.DPU], ids=["switch-driven", "DPU-driven"])
def either(request: pytest.FixtureRequest, workshop: Workshop) -> Iterator[WatchedPair]:
    """A pair in each mode."""
    yield from watched(workshop.pair(request.param))


@pytest.fixture
def replaceable(short_path: Path) -> Iterator[WatchedPair]:
    """A pair and a third switch, which may replace one of it."""
    with WatchedPair(HaOwner.SWITCH, sides=(A, B, C), directory=short_path) as pair:
        yield from watched(pair)


@pytest.fixture
def healthy(switch_driven: WatchedPair) -> WatchedPair:
    """A switch-driven pair, A active and B standby."""
    return switch_driven.formed()


@pytest.fixture
def healthy_dpu_driven(dpu_driven: WatchedPair) -> WatchedPair:
    """A DPU-driven pair, A active and B standby."""
    return dpu_driven.formed()


@pytest.fixture
def healthy_either(either: WatchedPair) -> WatchedPair:
    """A pair in each mode, A active and B standby."""
    return either.formed()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory with a path short enough for the unix sockets below it, absent at first."""
    directory = Path(tempfile.mkdtemp(prefix="hamgr-"))
    directory.rmdir()
    yield directory
    shutil.rmtree(directory, ignore_errors=True)
