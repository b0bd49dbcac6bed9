"""What the scopes of the demonstration look like when all is well: their probes, their routes.

Source: scenarios 0.4, ha-set 3 and 4.
"""

from models.tables import BFD_SESSION_TABLE, DASH_HA_SCOPE_STATE, VNET_ROUTE_TUNNEL_TABLE
from runner.demo.cast import Cast
from runner.demo.configuration import PAIR
from runner.demo.expectation import Expectation, Sighting, row_shows
from runner.lab.sides import ROUTE_KEY, Side

SESSIONS = tuple(f"default:default:{side.npu}" for side in PAIR)


def probes_answered(name: str) -> Expectation:
    """The DPU of a side was told to answer both switches, and the sessions of both are up."""
    own = _side(name)
    wanted = {"local_addr": own.pa, "type": "passive", "multihop": "true", "shutdown": "false"}

    def look(cast: Cast) -> Sighting:
        told = {key: cast.pair[name].rows.row(BFD_SESSION_TABLE, key) for key in SESSIONS}
        up = cast.pair[name].rows.row(DASH_HA_SCOPE_STATE, own.state_key).get("local_vdpu_up_bfd_sessions_v4", "")
        answered = all(wanted.items() <= row.items() for row in told.values())
        return Sighting(answered and sorted(up.split(",")) == sorted(side.npu for side in PAIR), f"{told}, up: {up}")

    return Expectation(f"the DPU of {name} answers the probes of both switches", look)


def probes_silent(name: str) -> Expectation:
    """The DPU of a side was told to answer nobody."""

    def look(cast: Cast) -> Sighting:
        keys = cast.pair[name].rows.keys(BFD_SESSION_TABLE)
        return Sighting(not keys, ", ".join(keys) or "no session")

    return Expectation(f"the DPU of {name} answers no probe", look)


def routes_lead_to(primary: str) -> tuple[Expectation, ...]:
    """The whole route of both switches: to the DPU of the primary first, then to that of its peer."""
    sides = sorted(PAIR, key=lambda side: side.name != primary)

    def route(own: Side) -> Expectation:
        endpoints = [side.pa if side == own else side.npu for side in sides]
        return row_shows(
            own.name,
            VNET_ROUTE_TUNNEL_TABLE,
            ROUTE_KEY,
            endpoint=",".join(endpoints),
            endpoint_monitor=",".join(side.pa for side in sides),
            primary=endpoints[0],
            monitoring="custom_bfd",
        )

    return tuple(route(own) for own in PAIR)


def _side(name: str) -> Side:
    return next(side for side in PAIR if side.name == name)
