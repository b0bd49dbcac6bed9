"""hamgrd whose wall clock a test can set: ``python shifted_clock.py FILE`` and then hamgrd's options.

The file holds the seconds by which its time of day differs from the machine's. Monotonic clocks are as they are, which
is what happens when somebody sets the clock of a switch. The clock of this machine is left alone.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path


def shift(file: Path) -> None:
    """From now on the time of day is off by what the file says."""
    seconds: Callable[[], float] = time.time
    nanoseconds: Callable[[], int] = time.time_ns
    time.time = lambda: seconds() + float(file.read_text())
    time.time_ns = lambda: nanoseconds() + int(float(file.read_text()) * 1e9)


if __name__ == "__main__":
    shift(Path(sys.argv.pop(1)))
    from runner.command_line.hamgrd import main

    main()
