"""The topics of a node's board: where each thing that entities tell each other is found.

Source: domain "Actors".
"""

from typing import Any

from models.table import Table
from runner.board import Topic

GLOBAL_CONFIG: Topic = ("global config",)
"""The accepted row of the global configuration."""

SETTINGS: Topic = ("settings",)
"""The global configuration in the words of the machines."""

LOOPBACK: Topic = ("loopback",)
"""The addresses of Loopback0, sorted."""

BFD_PROBES: Topic = ("bfd probes",)
"""What the managed DPU says about its BFD sessions."""

INCARNATION: Topic = ("incarnation",)
"""How often the managed DPU has restarted; absent while no DPU is managed."""

FLUSHES: Topic = ("flushes",)
"""How often everything told to the managed DPU was found gone."""

SYNC_COUNTERS: Topic = ("sync counters",)
"""The newest poll of the managed DPU's counters of inline sync packets."""

HEARTBEATS = 64
"""In so many turns the state rows of very many scopes are shown to be alive; of few, in one."""


def heartbeat(turn: int) -> Topic:
    """When the state rows of the scopes of one turn were last shown to be alive, in milliseconds."""
    return ("heartbeat", turn)


def row(table: Table[Any], key: str) -> Topic:
    """The accepted content of a row."""
    return ("row", table.name, key)


def rejected(table: Table[Any], key: str) -> Topic:
    """Why the newest content of a row was rejected; absent when it was accepted."""
    return ("rejected", table.name, key)


def planes(slot: int) -> Topic:
    """The health of the planes of the DPU in a slot of this switch."""
    return ("planes", slot)


def dpu(dpu_id: str) -> Topic:
    """A DPU as its entity sees it."""
    return ("dpu", dpu_id)


def vdpu(vdpu_id: str) -> Topic:
    """A vDPU as its entity sees it."""
    return ("vdpu", vdpu_id)


def ha_set(ha_set_id: str) -> Topic:
    """What the scopes of an HA set hear of it."""
    return ("ha set", ha_set_id)


def link(dpu_name: str) -> Topic:
    """True while there is a control link to the daemon that manages a DPU of another switch."""
    return ("link", dpu_name)


def views_of(ha_set_id: str, eni_id: str = "") -> Topic:
    """What the sides of a switch-driven HA set last reported of themselves, by vDPU; in scope ``eni`` of one ENI."""
    return ("views of", ha_set_id, eni_id)


def scopes_of(ha_set_id: str) -> Topic:
    """What the scopes of an HA set tell it: the set of all that any of them says."""
    return ("scopes of", ha_set_id)
