"""The file of ``--timers``: what it overrides, and what is wrong with a wrong one."""

from pathlib import Path

import pytest

from hamgr_fsm.timers import DEFAULT_TIMERS
from runner.database_config import ConfigurationError
from runner.timers_file import load_timers


def test_without_a_file_the_defaults_hold() -> None:
    assert load_timers(None) == DEFAULT_TIMERS


def test_what_the_file_names_is_overridden(tmp_path: Path) -> None:
    file = tmp_path / "timers.json"
    file.write_text('{"request": 5}')
    assert load_timers(file).request == 5.0
    assert load_timers(file).heartbeat == DEFAULT_TIMERS.heartbeat


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"reqest": 5}', "reqest: no such timer"),
        ('{"request": "soon"}', "request: 'soon' is no positive number"),
        ('{"request": -1}', "request: -1 is no positive number"),
        ('{"request": true}', "request: True is no positive number"),
        ('{"request": Infinity}', "request: inf is no positive number"),
        ("[]", "not a JSON object"),
        ("{", "Expecting property name"),
    ],
)
def test_a_wrong_file_is_one_clear_error(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "timers.json"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=complaint) as raised:
        load_timers(file)
    assert str(file) in str(raised.value)


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        load_timers(tmp_path / "nowhere.json")
