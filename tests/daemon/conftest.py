"""A switch for each test, with everything ended after it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.switch import Switch


@pytest.fixture
def bare_switch(tmp_path: Path) -> Iterator[Switch]:
    """Empty databases; hamgrd does not run."""
    with Switch(tmp_path) as switch:
        yield switch


@pytest.fixture
def switch(bare_switch: Switch) -> Iterator[Switch]:
    """Empty databases and hamgrd; it must be alive in the end and must not have found a defect of its own."""
    bare_switch.hamgrd.start()
    yield bare_switch
    assert bare_switch.hamgrd.alive, bare_switch.hamgrd.last_words()
    assert bare_switch.hamgrd.complaints() == []


@pytest.fixture
def serving(switch: Switch) -> Switch:
    """A scope that serves; its DPU has refused nothing."""
    switch.planned_up()
    assert switch.dpu.dpu.refused == []
    return switch
