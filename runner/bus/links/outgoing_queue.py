"""Frames that wait to be written to one link: bounded, and a newer frame takes the place of the one it makes obsolete.

Source: bus 6 (required of ours, rule 7) and 8, row 13.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable

from attrs import define, field

MAX_FRAMES, MAX_BYTES = 1024, 4 * 1024 * 1024


@define(eq=False)
class OutgoingQueue:
    """First in, first out. One task takes; anyone puts, without ever waiting."""

    _max_frames: int = MAX_FRAMES
    _max_bytes: int = MAX_BYTES
    _waiting: OrderedDict[Hashable, bytes] = field(init=False, factory=OrderedDict)
    _bytes: int = field(init=False, default=0)
    _closed: bool = field(init=False, default=False)
    _filled: asyncio.Event = field(init=False, factory=asyncio.Event)
    _idle: asyncio.Event = field(init=False, factory=asyncio.Event)

    def __attrs_post_init__(self) -> None:
        self._idle.set()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def bytes_waiting(self) -> int:
        """The bytes of all frames that wait."""
        return self._bytes

    def put(self, frame: bytes, key: Hashable | None = None) -> bool:
        """Queue a frame; with a key it takes the place of the frame with the same key, if that still waits.

        False: the queue is full or closed, and what waits is unchanged.
        """
        replaced = None if key is None else self._waiting.get(key)
        size = self._bytes + len(frame) - (0 if replaced is None else len(replaced))
        count = len(self._waiting) + (replaced is None)
        if self._closed or count > self._max_frames or size > self._max_bytes:
            return False
        self._waiting[object() if key is None else key] = frame
        self._bytes = size
        self._filled.set()
        self._idle.clear()
        return True

    async def take(self) -> bytes | None:
        """The frame that waited longest, None once the queue is closed. The frame taken before counts as written."""
        if not self._waiting:
            self._idle.set()
        await self._filled.wait()
        if self._closed:
            return None
        _, frame = self._waiting.popitem(last=False)
        self._bytes -= len(frame)
        if not self._waiting:
            self._filled.clear()
        return frame

    async def idle(self) -> None:
        """Return when nothing waits and nothing is being written, or when the queue is closed."""
        await self._idle.wait()

    def close(self) -> int:
        """Take nothing more and throw away what waits; the number of frames lost by that."""
        lost = len(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        self._closed = True
        self._filled.set()
        self._idle.set()
        return lost
