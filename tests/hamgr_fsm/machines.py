"""Every machine of the library, found and not listed, so that a new one cannot be forgotten."""

from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import hamgr_fsm
from hamgr_fsm.machine import Machine
from hamgr_fsm.table import FactMachine


def modules() -> list[str]:
    """The names of all modules of the library."""
    return ["hamgr_fsm", *(module.name for module in walk_packages(hamgr_fsm.__path__, "hamgr_fsm."))]


def machines() -> list[type[Machine[Any]]]:
    """Every class of machines that the library declares, in the order of their names."""
    for module in modules():
        import_module(module)
    found: set[type[Machine[Any]]] = set()
    waiting: list[type[Machine[Any]]] = [Machine]
    while waiting:
        subclasses = waiting.pop().__subclasses__()
        waiting += subclasses
        found |= {m for m in subclasses if m.__module__.split(".")[0] == "hamgr_fsm" and "regions" in vars(m)}
    return sorted(found, key=lambda machine: machine.__name__)


def regions() -> list[tuple[type[Machine[Any]], type[FactMachine]]]:
    """Every region of every machine."""
    return [(machine, region) for machine in machines() for region in machine.regions]
