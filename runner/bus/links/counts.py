"""What the links count. All of them count into one plain counter, which belongs to the owner."""

from enum import StrEnum


class Counted(StrEnum):
    """The names in the counter."""

    LINKS_UP = "links_up"
    LINKS_DOWN = "links_down"
    LINKS_REFUSED = "links_refused"
    DIALS_FAILED = "dials_failed"
    BINDS_FAILED = "binds_failed"
    FRAMES_SENT = "frames_sent"
    FRAMES_RECEIVED = "frames_received"
    FRAMES_REFUSED_FULL = "frames_refused_full"
    FRAMES_REFUSED_TOO_LARGE = "frames_refused_too_large"
    FRAMES_LOST_WAITING = "frames_lost_waiting"
    FRAMES_IGNORED_TOO_LARGE = "frames_ignored_too_large"
    OWNER_ERRORS = "owner_errors"
