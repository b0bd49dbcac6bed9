"""What is done in the steps of the demonstration: by the controller, to DPUs, switches and links, by the operator."""

from collections.abc import Callable
from typing import Any

from hamgr_fsm.vocabulary import OperationType
from runner.demo.cast import Cast

Deed = Callable[[Cast], None]


def together(*deeds: Deed) -> Deed:
    """One thing after the other."""

    def act(cast: Cast) -> None:
        for deed in deeds:
            deed(cast)

    return act


def configure(name: str, **changes: Any) -> Deed:
    """The controller writes the scope of a side."""
    return lambda cast: cast.pair.scope(name, **changes)


def configure_set(cast: Cast) -> None:
    """The controller writes the HA set on both switches."""
    cast.pair.set()


def approve(name: str, *kinds: OperationType) -> Deed:
    """The controller approves what the scope of a side asks for, in one row."""

    def act(cast: Cast) -> None:
        ids = {type_: id_ for id_, type_ in cast.pair[name].pending.items()}
        cast.pair.approve_id(name, *(ids[kind.value] for kind in kinds))

    return act


def boot(*names: str) -> Deed:
    """DPUs get power."""

    def act(cast: Cast) -> None:
        for name in names:
            cast.pair.on(name)

    return act


def power_off(name: str) -> Deed:
    """A DPU loses power."""
    return lambda cast: cast.pair.off(name)


def lose_switch(name: str) -> Deed:
    """A switch loses power: its hamgrd, its DPU, its connections and what its databases held of HA."""
    return lambda cast: cast.pair.reboot(name)


def return_switch(name: str) -> Deed:
    """The switch is there again."""
    return lambda cast: cast.pair.come_back(name)


def configure_again(name: str, **changes: Any) -> Deed:
    """The controller writes set and scope anew on a switch that has lost them, disabled first."""

    def act(cast: Cast) -> None:
        cast.pair.set(name)
        cast.pair.scope(name, disabled=True)
        cast.pair.scope(name, disabled=False, **changes)

    return act


def lose_channel(cast: Cast) -> None:
    """The DPUs do not reach each other; everything else does."""
    cast.pair.chan(False)


def mend_channel(cast: Cast) -> None:
    """The DPUs reach each other again."""
    cast.pair.chan(True)


def relaunch(name: str, desired: str) -> Deed:
    """The controller disables a scope, and enables it again."""
    return lambda cast: cast.pair.relaunch(name, desired)


def restart_hamgrd(name: str) -> Deed:
    """hamgrd of a switch is killed, and started again."""
    return lambda cast: cast.pair.restart(name)


def delete(cast: Cast) -> None:
    """The controller deletes scopes and sets."""
    for name in cast.pair.pair:
        cast.pair.delscope(name)
    cast.pair.delset()


def deconfigure(cast: Cast) -> None:
    """The operator removes what the switches were configured with."""
    for switch in cast.pair.switches.values():
        switch.deconfigure()


def configure_switches(cast: Cast) -> None:
    """The operator configures the switches."""
    for switch in cast.pair.switches.values():
        switch.configure()
