"""Logging of the daemon: one line per entry on standard error, as words with key=value or as JSON.

Nothing here is done on import; the library never configures logging.

Source: architecture, "Command lines".
"""

import logging
import sys
from enum import StrEnum
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


class LogFormat(StrEnum):
    """How a line looks."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """What is logged at least."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def number(self) -> int:
        """The level as the standard library counts it."""
        return logging.getLevelNamesMapping()[self.name]


def configure_logging(level: LogLevel, log_format: LogFormat) -> None:
    """Make this process log to standard error; also what the libraries say through the standard library."""
    structlog.configure(
        processors=_processors(log_format),
        wrapper_class=structlog.make_filtering_bound_logger(level.number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    foreign: list[Processor] = [structlog.stdlib.ExtraAdder(), *_processors(log_format)]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[_strip, *foreign]))
    logging.basicConfig(level=max(level.number, logging.WARNING), handlers=[handler], force=True)


def announce(text: str, log_format: LogFormat, **fields: object) -> None:
    """A line that is printed whatever the level is: somebody waits for it."""
    logger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=_processors(log_format),
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
    )
    logger.info(text, **fields)


def _processors(log_format: LogFormat) -> list[Processor]:
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _name_message,
    ]
    if log_format is LogFormat.JSON:
        return [*shared, structlog.processors.JSONRenderer(default=str)]
    return [*shared, _text_line]


def _name_message(logger: WrappedLogger, method: str, entry: EventDict) -> EventDict:
    """The machines have events of their own: ``_event`` becomes ``event``, what structlog calls so is the message."""
    message = entry.pop("event")
    return {"message": message, **{name.removeprefix("_"): value for name, value in entry.items()}}


_logfmt = structlog.processors.LogfmtRenderer(bool_as_flag=False)


def _text_line(logger: WrappedLogger, method: str, entry: EventDict) -> str:
    """The time, the level and the words stand first and bare; everything else is key=value."""
    head = f"{entry.pop('timestamp')} {entry.pop('level')} {entry.pop('message')}"
    trace = entry.pop("exception", None)
    pairs = _logfmt(logger, method, {_key(name): _value(value) for name, value in entry.items()})
    return " ".join(filter(None, [head, str(pairs)])) + (f"\n{trace}" if trace else "")


def _key(name: str) -> str:
    return name.replace(" ", "_")


def _value(value: Any) -> Any:
    """Nothing is a dash; an enum is its word."""
    return "-" if value is None else str(value) if not isinstance(value, bool) else value


def _strip(logger: WrappedLogger, method: str, entry: EventDict) -> EventDict:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(logger, method, entry)
