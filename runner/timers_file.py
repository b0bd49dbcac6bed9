"""The file of ``--timers``: a JSON object with the timers to override, in seconds.

Source: architecture "Command lines", switch-driven 10.
"""

import json
from pathlib import Path

import attrs

from hamgr_fsm.timers import DEFAULT_TIMERS, Timers
from runner.database_config import ConfigurationError


def load_timers(file: Path | None) -> Timers:
    """The timers with what the file overrides; the defaults without a file.

    Raises:
        ConfigurationError: the file cannot be read, is no JSON object, names an unknown timer, or gives one that is
        not a
            positive number.
    """
    if file is None:
        return DEFAULT_TIMERS
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file}: {error}") from error
    if not isinstance(given, dict):
        raise ConfigurationError(f"{file}: not a JSON object with timers")
    known = [field.name for field in attrs.fields(Timers)]
    for name, value in given.items():
        if name not in known:
            raise ConfigurationError(f"{file}: {name}: no such timer; there are {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise ConfigurationError(f"{file}: {name}: {value!r} is no positive number of seconds")
    return attrs.evolve(DEFAULT_TIMERS, **given)
