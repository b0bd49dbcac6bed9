"""The machines that there are, by the name under which they are drawn."""

from typing import Any

from hamgr_fsm.dpu_health import DpuHealth
from hamgr_fsm.eni_forwarding import EniForwarding
from hamgr_fsm.ha_set import DpuDrivenHaSet, SwitchDrivenHaSet
from hamgr_fsm.machine import Machine
from hamgr_fsm.scope.dpu_driven import DpuDrivenScope
from hamgr_fsm.scope.switch_driven import SwitchDrivenScope
from hamgr_fsm.table import FactMachine

MachineClass = type[Machine[Any]]
Region = type[FactMachine]

MACHINES: dict[str, MachineClass] = {
    "dpu-health": DpuHealth,
    "dpu-driven-ha-set": DpuDrivenHaSet,
    "dpu-driven-scope": DpuDrivenScope,
    "eni-forwarding": EniForwarding,
    "switch-driven-ha-set": SwitchDrivenHaSet,
    "switch-driven-scope": SwitchDrivenScope,
}
"""The machines by name."""


def first_line(documented: object) -> str:
    """The first line of a docstring; empty when there is none."""
    return (documented.__doc__ or "").strip().split("\n", 1)[0]


def meaning(guard: str, region: Region, machine: MachineClass) -> str:
    """When a guard holds, in words: the guard is a property of the facts, or asks about an event."""
    return first_line(getattr(machine.record, guard, None) or getattr(region, guard))
