"""What a step of the demonstration expects to see, in words and as a look at the databases and at the DPUs.

An expectation is looked at again and again until it is met or its step's time is over; looking changes nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from hamgr_fsm.vocabulary import OperationType
from models.table import Table
from models.tables import VNET_ROUTE_TUNNEL_TABLE
from runner.demo.cast import Cast
from runner.demo.dpu_handle import SentRow
from runner.demo.switch import ALWAYS_PUBLISHED, ctl
from runner.lab.dpu_rows import REQUESTS
from runner.lab.sides import ROUTE_KEY

QUIET_S = 1.5
"""How long nothing may move after a restart: long enough for hamgrd to connect to everything and to send again."""


@frozen
class Sighting:
    """What a look found: ``met`` if it was what is expected, ``found`` in words either way."""

    met: bool
    found: str


@frozen
class Expectation:
    """``says`` is what is expected, in words; ``look`` looks once.

    ``for_s``: it must hold at every look for so long, where a single look would come too early to see it broken.
    """

    says: str
    look: Callable[[Cast], Sighting]
    for_s: float = 0.0


def pair_is(**where: str) -> Expectation:
    """These sides are where they should be, each as published state and acknowledged role."""

    def look(cast: Cast) -> Sighting:
        found = {name: cast.pair[name].at for name in where}
        return Sighting(found == where, _fields(found))

    return Expectation(_fields(where), look)


def term_rises(name: str) -> Expectation:
    """The term of a side is higher than it was when the step began."""

    def look(cast: Cast) -> Sighting:
        before, now = cast.terms[name], cast.pair[name].term
        return Sighting(now > before, f"{before}, then {now}")

    return Expectation(f"the term of {name} has risen", look)


def traffic_goes_to(name: str, *switches: str) -> Expectation:
    """The route of these switches, by default of both, leads to a side first."""

    def look(cast: Cast) -> Sighting:
        found = {switch: cast.pair[switch].primary or "-" for switch in switches or cast.pair.pair}
        return Sighting(set(found.values()) == {name}, " ".join(f"{s} sends to {to}" for s, to in found.items()))

    return Expectation(f"{' and '.join(switches) or 'both switches'} send traffic to {name}", look)


def no_route(*switches: str) -> Expectation:
    """These switches have no route."""

    def look(cast: Cast) -> Sighting:
        found = {switch: cast.pair[switch].primary for switch in switches}
        return Sighting(not any(found.values()), str(found))

    return Expectation(f"{' and '.join(switches)} have no route yet", look)


def traffic_stays() -> Expectation:
    """No route had another primary at any moment since the step began."""

    def look(cast: Cast) -> Sighting:
        moved = [
            f"{name}: {change}"
            for name in cast.pair.switches
            for change in cast.changes(name, VNET_ROUTE_TUNNEL_TABLE)
            if change.key == ROUTE_KEY and change.became("primary") != (change.before or {}).get("primary")
        ]
        return Sighting(not moved, "; ".join(moved) or "no route was moved")

    return Expectation("no route moves at any moment", look)


def never_was(name: str, *states: str) -> Expectation:
    """The published scope of a side was in none of these states since the step began."""

    def look(cast: Cast) -> Sighting:
        passed = [ctl(change.after) for change in cast.state_changes(name)]
        return Sighting(not set(passed) & set(states), ", ".join(dict.fromkeys(passed)) or "no change")

    return Expectation(f"{name} is never {' or '.join(states)}", look)


def row_shows(name: str, table: Table[Any], key: str, **fields: str) -> Expectation:
    """A row of a switch that has these fields with these values, among others."""

    def look(cast: Cast) -> Sighting:
        row = cast.pair[name].rows.row(table, key)
        if not row:
            return Sighting(False, "no such row")
        return Sighting(fields.items() <= row.items(), _fields({field: row.get(field) for field in fields}))

    return Expectation(f"{_row(name, table, key)}: {_fields(fields)}", look)


def row_lacks(name: str, table: Table[Any], key: str, *fields: str) -> Expectation:
    """A row that is there and has none of these fields with a value."""

    def look(cast: Cast) -> Sighting:
        row = cast.pair[name].rows.row(table, key)
        present = {field: row[field] for field in fields if row.get(field)}
        return Sighting(bool(row) and not present, _fields(present) if row else "no such row")

    return Expectation(f"{_row(name, table, key)}: no {', no '.join(fields)}", look)


def asks(name: str, kind: OperationType, *others: OperationType) -> Expectation:
    """The scope of a side asks the controller for exactly these approvals; their ids are noted."""
    wanted = {kind.value, *(other.value for other in others)}

    def look(cast: Cast) -> Sighting:
        pending = cast.pair[name].pending
        if met := set(pending.values()) == wanted:
            cast.notes |= {f"{name} {type_}": id_ for id_, type_ in pending.items()}
        return Sighting(met, _pending(pending))

    return Expectation(f"{name} asks the controller for {', '.join(sorted(wanted))}", look)


def asks_anew(name: str, kind: OperationType) -> Expectation:
    """The scope of a side asks for this approval, with another id than the one that was approved last."""

    def look(cast: Cast) -> Sighting:
        pending = cast.pair[name].pending
        approved = cast.pair.controller.approved.get(name, [])
        return Sighting(list(pending.values()) == [kind.value] and not set(pending) & set(approved), _pending(pending))

    return Expectation(f"{name} asks the controller for {kind.value}, with a new id", look)


def asks_the_same(name: str, kind: OperationType) -> Expectation:
    """The scope of a side still asks for this approval, with the id that was noted."""

    def look(cast: Cast) -> Sighting:
        pending = cast.pair[name].pending
        return Sighting(pending == {cast.notes[f"{name} {kind.value}"]: kind.value}, _pending(pending))

    return Expectation(f"{name} asks for {kind.value}, with the same id as before", look)


def nobody_asks() -> Expectation:
    """No scope waits for an approval."""

    def look(cast: Cast) -> Sighting:
        pending = {name: switch.pending for name, switch in cast.pair.switches.items()}
        return Sighting(not any(pending.values()), str(pending))

    return Expectation("nobody asks the controller for anything", look)


def requested(name: str, flag: str, times: int = 1) -> Expectation:
    """The DPU of a side was sent a one-shot flag as true exactly so often since the step began."""

    def look(cast: Cast) -> Sighting:
        count = sum(1 for row in cast.received(name) if (row.fields or {}).get(flag) == "true")
        return Sighting(count == times, f"{count} times")

    return Expectation(f"the DPU of {name} is sent {flag}=true {times} time{'s' if times != 1 else ''}", look)


def dpu_got(name: str, *wanted: tuple[Table[Any], str, Mapping[str, str] | None]) -> Expectation:
    """The DPU of a side was sent these rows in this order since the step began; None is a deletion.

    Others may lie between.
    """

    def look(cast: Cast) -> Sighting:
        rows = iter(cast.received(name))
        for table, key, fields in wanted:
            for row in rows:
                if (row.table, row.key) == (table.name, key) and _matches(row.fields, fields):
                    break
            else:
                return Sighting(False, "; ".join(map(str, cast.received(name))) or "nothing")
        return Sighting(True, "in this order")

    told = ", ".join(f"{'-' if fields is None else '+'}{table.name}:{key}" for table, key, fields in wanted)
    return Expectation(f"the DPU of {name} is sent, in this order, {told}", look)


def undisturbed() -> Expectation:
    """Since the step began no published scope changed its state, no route was written, no DPU was told anything new.

    That goes on for a while.
    """

    def look(cast: Cast) -> Sighting:
        disturbed = [f"{name}: {what}" for name in cast.pair.switches for what in _disturbances(cast, name)]
        return Sighting(not disturbed, "; ".join(disturbed) or "nothing was moved, deleted or sent anew")

    return Expectation(f"for {QUIET_S} s no scope and no route moves, and no DPU is told anything new", look, QUIET_S)


def dpus_content() -> Expectation:
    """No DPU has ever complained about a row: none was malformed, and none came before what it needs."""

    def look(cast: Cast) -> Sighting:
        refused = [what for name in cast.pair.switches for what in cast.pair.dpus[name].refused]
        return Sighting(not refused, "; ".join(refused) or "no complaint")

    return Expectation("no DPU has refused a row or kept one waiting", look)


def nothing_left(configured: bool) -> Expectation:
    """No database holds a row of HA any more, but what is published of DPUs and vDPUs that are ``configured``."""

    def look(cast: Cast) -> Sighting:
        apart_from = ALWAYS_PUBLISHED if configured else ()
        left = {name: found for name, switch in cast.pair.switches.items() if (found := switch.left(*apart_from))}
        return Sighting(not left, str(left) if left else "nothing")

    return Expectation(f"no {'row of a scope or a set' if configured else 'HA row'} is left in any database", look)


def _disturbances(cast: Cast, name: str) -> list[str]:
    moved = [str(change) for change in cast.state_changes(name) if ctl(change.before) != ctl(change.after)]
    routes = [str(change) for change in cast.changes(name, VNET_ROUTE_TUNNEL_TABLE) if not change.idle]
    known = {(row.table, row.key): _lasting(row) for row in cast.received_before(name)}
    news = [
        f"the DPU was sent {row} {row.fields}"
        for row in cast.received(name)
        if known.get((row.table, row.key)) != _lasting(row)
    ]
    return [*moved, *routes, *news]


def _matches(sent: Mapping[str, str] | None, wanted: Mapping[str, str] | None) -> bool:
    if sent is None or wanted is None:
        return sent is wanted
    return wanted.items() <= sent.items()


def _lasting(row: SentRow) -> dict[str, str] | None:
    """What a sent row says for good: the one-shot requests in it are messages."""
    if row.fields is None:
        return None
    return {name: value for name, value in row.fields.items() if name not in REQUESTS}


def _row(name: str, table: Table[Any], key: str) -> str:
    return f"{name} {table.database.value} {table.name} {key}"


def _fields(fields: Mapping[str, str | None]) -> str:
    return " ".join(f"{name}={'(absent)' if value is None else value}" for name, value in fields.items()) or "-"


def _pending(pending: Mapping[str, str]) -> str:
    return " ".join(f"{type_}={id_}" for id_, type_ in pending.items()) or "nothing pending"
