"""The timers of the machines and their defaults, in seconds as in the file that overrides them.

Source: switch-driven 10; ``request`` is this project's own (see ``scope.dpu_driven``).
"""

from attrs import frozen


@frozen
class Timers:
    """How long to wait, in seconds."""

    request: float = 30.0
    """A DPU-driven DPU takes a request it was granted; else the controller is asked again."""

    heartbeat: float = 60.0
    """Between two refreshes of a scope's heartbeat."""


DEFAULT_TIMERS = Timers()
