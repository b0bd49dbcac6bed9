"""What a process takes of the machine: processor time, memory and threads, as the kernel counts them (Linux)."""

import os
from pathlib import Path

from attrs import frozen

KIB = 1024


@frozen
class Memory:
    """Memory of a process in bytes.

    ``rss``: all that it has in memory. ``pss``: its fair share of that, where pages are shared with other processes.
    """

    rss: int
    pss: int


def processor_s(process_id: int) -> float:
    """Processor time that a process has used so far, in seconds, with all of its threads."""
    after_name = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    user, system = int(after_name[11]), int(after_name[12])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def memory(process_id: int) -> Memory:
    """The memory that a process has now."""
    sizes = {}
    for line in Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, size = line.partition(":")
        sizes[name] = int(size.split()[0]) * KIB
    return Memory(sizes["Rss"], sizes["Pss"])


def resident(process_id: int) -> int:
    """All that a process has in memory now, in bytes; cheaper than :func:`memory`."""
    pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
