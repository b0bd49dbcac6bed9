"""Processor time and memory, as the kernel counts them."""

import os
import time

from runner.bench.process_figures import memory, processor_s, resident


def test_processor_time_rises_with_work() -> None:
    before = processor_s(os.getpid())
    deadline = time.process_time() + 0.1
    while time.process_time() < deadline:
        pass
    assert 0.05 <= processor_s(os.getpid()) - before < 30.0


def test_memory_rises_with_what_is_kept() -> None:
    before, size = memory(os.getpid()), 64 * 1024 * 1024
    kept = bytearray(os.urandom(1024)) * (size // 1024)
    after = memory(os.getpid())
    assert after.rss - before.rss > size * 0.9
    assert after.pss - before.pss > size * 0.9
    assert after.pss <= after.rss
    assert abs(resident(os.getpid()) - after.rss) < size / 2
    assert len(kept) == size
