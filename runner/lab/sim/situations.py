"""Where a scenario file may start. Source: scenarios 0.3."""

from collections.abc import Callable

from runner.lab.lab import Lab

SITUATIONS: dict[str, Callable[[Lab], None]] = {
    "nothing": lambda lab: None,
    "z0": lambda lab: lab.z0(),
    "z1": lambda lab: lab.z1(),
    "p": lambda lab: lab.p(),
    "q": lambda lab: lab.q(),
    "sa": lambda lab: lab.sa("A"),
    "sb": lambda lab: lab.sa("B"),
    "sas": lambda lab: lab.sas("A"),
    "sbs": lambda lab: lab.sas("B"),
}
"""The named situations."""
