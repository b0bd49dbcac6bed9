"""What is waited for in the commands of a run: which command of which server is which step of the workflow.

Source: switch-driven 3, 4; tables 2.9, 2.11, 2.14, 2.16, 2.22.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from hamgr_fsm.vocabulary import HaRole, HaState
from models.table import Table
from models.tables import (
    DASH_HA_SCOPE_STATE,
    DASH_HA_SCOPE_STATE_TABLE,
    DASH_HA_SCOPE_TABLE,
    VNET_ROUTE_TUNNEL_TABLE,
)
from models.words import full_name
from runner.bench.tap import Command, Wanted, first
from runner.demo.configuration import DPU_DATABASES, HOST_DATABASES
from runner.lab.sides import ROUTE_KEY, SET_ID, Side

BEGIN = "begin"
"""The milestone from which everything is counted."""

Place = tuple[str, str]
"""A Redis server: its switch, and ``host`` or ``dpu``."""

SEPARATORS = {name: separator for name, (_, separator) in {**HOST_DATABASES, **DPU_DATABASES}.items()}


class MissingMilestoneError(Exception):
    """Something that a run has to come by was not seen; the text says what."""


@frozen
class Milestone:
    """The first ``wanted`` command on a server, or on one of several, not before another milestone."""

    name: str
    where: tuple[Place, ...]
    wanted: Wanted
    after: str = BEGIN


@frozen
class Stage:
    """The way from one milestone to a later one. ``dpu``: it is the DPU that takes the time, not hamgrd.

    The message to the DPU goes out just before its copy is written to Redis, so a prompt DPU may have answered by then:
    what is less than nothing counts as nothing.
    """

    name: str
    since: str
    until: str
    dpu: bool = False

    def took_ms(self, reached: Mapping[str, float]) -> float:
        """How long it took in a run, in milliseconds."""
        return max(0.0, since(reached, self.since, self.until))


def times(commands: Sequence[Command], milestones: Sequence[Milestone]) -> dict[str, float]:
    """When each milestone was reached, in seconds. The first of them is where it begins.

    Raises MissingMilestoneError.
    """
    reached: dict[str, float] = {}
    for milestone in milestones:
        not_before_s = reached[milestone.after] if reached else 0.0
        here = [command for command in commands if command.where in milestone.where]
        at_s = first(here, milestone.wanted, not_before_s)
        if at_s is None:
            raise MissingMilestoneError(
                f"{milestone.name} (switch {' or '.join(switch for switch, _ in milestone.where)})"
            )
        reached[milestone.name] = at_s
    return reached


def since(reached: Mapping[str, float], begin: str, end: str) -> float:
    """The time between two milestones in milliseconds."""
    return (reached[end] - reached[begin]) * 1000


# The commands.


def host(*sides: Side) -> tuple[Place, ...]:
    """The servers with the databases of switches."""
    return tuple((side.name, "host") for side in sides)


def dpu(*sides: Side) -> tuple[Place, ...]:
    """The servers with the databases of the DPUs of switches."""
    return tuple((side.name, "dpu") for side in sides)


def row_set(table: Table[Any], key: str, **fields: str) -> Wanted:
    """A row is written, and these fields of it get these values."""
    name = redis_key(table, key)
    return lambda command: command.key == name and all(command.sets(each) == value for each, value in fields.items())


def row_read(table: Table[Any], key: str) -> Wanted:
    """A row is read as a whole: its reader has heard of it."""
    name = redis_key(table, key)
    return lambda command: command.name == "hgetall" and command.key == name


def trouble_published(*sides: Side) -> Wanted:
    """The state row of any of these scopes says that it looks for who serves alone."""
    return lambda command: any(state_published(side, HaState.SWITCHING_TO_STANDALONE)(command) for side in sides)


def state_published(side: Side, state: HaState, **fields: str) -> Wanted:
    """The state row of a scope is written in a state."""
    return row_set(DASH_HA_SCOPE_STATE, side.state_key, local_ha_state=full_name(state), **fields)


def role_written(role: HaRole) -> Wanted:
    """The row of the scope is written to the DPU with a role; the message to its orchagent has just gone out."""
    return row_set(DASH_HA_SCOPE_TABLE, SET_ID, ha_role=role.value)


def role_acknowledged(role: HaRole) -> Wanted:
    """The DPU says that it has taken a role."""
    return row_set(DASH_HA_SCOPE_STATE_TABLE, SET_ID, ha_role=role.value)


def route_written(on: Side, primary: Side) -> Wanted:
    """The route of a switch is handed to its consumer with a side as its primary."""
    name = "_" + redis_key(VNET_ROUTE_TUNNEL_TABLE, ROUTE_KEY)
    address = primary.pa if on == primary else primary.npu
    return lambda command: command.key == name and command.sets("primary") == address


def redis_key(table: Table[Any], key: str) -> str:
    """The name of a row in Redis."""
    return f"{table.name}{SEPARATORS[table.database.value]}{key}"
