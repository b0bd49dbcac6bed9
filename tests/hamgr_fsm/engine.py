"""Runs a machine on python-statemachine's own engine: what the stepper must mean.

One engine for each region, all over one record of facts, settled in the rounds in which a machine settles. An event
that no row knows makes an engine settle.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hamgr_fsm.facts import Facts
from hamgr_fsm.machine import Machine, event_name
from hamgr_fsm.stepper import SettlingError
from hamgr_fsm.table import FactMachine

QUOTA = 300
"""Transitions of one region in one settling; the engine itself would go on for ever."""

ROUNDS = 20


class Quota:
    """Listens to one engine and stops it when it does not come to rest."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.left = QUOTA

    def before_transition(self) -> None:
        """One transition less is left."""
        self.left -= 1
        if self.left < 0:
            raise SettlingError(self.name, [])


class EngineRun:
    """The regions of a machine class on the library's engine."""

    def __init__(
        self,
        machine: type[Machine[Any]],
        facts: Facts,
        regions: Sequence[type[FactMachine]] | None = None,
    ) -> None:
        """Start in the states that ``facts`` says; ``regions`` replaces those of the machine."""
        self.facts = facts
        self._quotas = [Quota(region.state_fact) for region in regions or machine.regions]
        self._engines = [
            region(facts, state_field=region.state_fact, listeners=[quota])
            for region, quota in zip(regions or machine.regions, self._quotas, strict=True)
        ]

    def step(self, told: Mapping[str, object], event: object | None = None) -> None:
        """Change told facts, settle, hand over the event, settle again.

        Raises:
            SettlingError: the rows do not come to rest.
        """
        self.facts.outbox = []
        for name, value in told.items():
            setattr(self.facts, name, value)
        self._settle()
        if event is not None:
            for engine in self._engines:
                self._send(engine, event_name(type(event)), event)
            self._settle()

    def _settle(self) -> None:
        for _ in range(ROUNDS):
            if not sum(self._send(engine, "noise", None) for engine in self._engines):
                return
        raise SettlingError("engines", [])

    def _send(self, engine: FactMachine, event: str, ev: object) -> int:
        """Send to one engine; return how many transitions it made."""
        quota = self._quotas[self._engines.index(engine)]
        quota.left = QUOTA
        engine.send(event, ev=ev)
        return QUOTA - quota.left
