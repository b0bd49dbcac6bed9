"""What must always hold for a pair of switches, looked for in the record of what happened to it.

Each finding names the invariant and what was seen. What a message said is not in the databases; the invariants about
messages are looked after in the lab.

Source: switch-driven 11.
"""

import time
from collections.abc import Iterator

from attrs import define, field

from hamgr_fsm.vocabulary import HaOwner
from models.tables import VNET_ROUTE_TUNNEL_TABLE
from runner.demo.pair import Pair
from runner.demo.switch import ctl
from runner.demo.watch import Watch
from runner.lab.sides import ROUTE_KEY

DECIDING = ("active", "standalone")

CONFLICT_S = 3.0
"""How long two sides that are connected may both decide: an exchange of reports and a change of role (I2)."""

NEWS_S = 1.0
"""How old the acknowledgement may be on which another switch makes a side its primary (I4)."""

APPROVED = {
    "activate_role_requested": "activate_role",
    "flow_reconcile_requested": "flow_reconcile",
    "brainsplit_recovered": "brainsplit_recover",
}


def findings(watch: Watch) -> list[str]:
    """Everything in the record that must never happen; empty when all is well."""
    pair = watch.pair
    checks = [_no_defect, _set_before_scope, _term_never_falls, _once_for_each_approval]
    if pair.owner is HaOwner.SWITCH:
        checks += [_conflict_is_short, _primary_forwards]
    return [finding for check in checks for finding in check(watch)]


def _no_defect(watch: Watch) -> Iterator[str]:
    """I8: no input raises an exception; and nobody has ended by himself."""
    for name, switch in watch.pair.switches.items():
        yield from (f"I8: hamgrd of {name} logged {entry}" for entry in watch.complaints(name))
        code = switch.hamgrd.process.poll() if switch.hamgrd.process else None
        if code not in (None, 0, -9):
            yield f"I8: hamgrd of {name} ended with {code}"


def _set_before_scope(watch: Watch) -> Iterator[str]:
    """I5: no scope reaches a DPU before its HA set; the orchagent complains when one does."""
    for name in watch.pair.switches:
        yield from (f"I5: the DPU of {name} refused {row}" for row in watch.refused(name))


def _term_never_falls(watch: Watch) -> Iterator[str]:
    """I3: a term never falls while its scope lives, but a synchronised standby takes over its active's."""
    if watch.pair.owner is HaOwner.DPU:
        return  # The DPU counts it, and a restarted one counts anew.
    for name in watch.pair.switches:
        for change in watch.published(name):
            if change.before is None or change.after is None or ctl(change.after) == "standby":
                continue
            before, after = (int(row.get("local_target_term") or 0) for row in (change.before, change.after))
            if after < before:
                yield f"I3: the term of {name} falls from {before} to {after} in {ctl(change.after)}"


def _once_for_each_approval(watch: Watch) -> Iterator[str]:
    """I6: no request reaches a DPU more often than it was approved, and what was approved is not asked for any more."""
    pair = watch.pair
    for name, switch in pair.switches.items():
        approved = pair.controller.approved.get(name, [])
        if watch.pair.owner is HaOwner.DPU:
            sent = sum(watch.requests(name, flag) for flag in APPROVED)
            if sent > len(set(approved)):
                yield f"I6: the DPU of {name} was sent {sent} requests on {len(set(approved))} approvals"
        still = set(approved) & set(switch.pending)
        if still and switch.hamgrd.alive:
            yield f"I6: {name} still asks for {still}, which was approved"


def _conflict_is_short(watch: Watch) -> Iterator[str]:
    """I2: two sides that both decide while they are connected resolve it soon."""
    pair = watch.pair
    events = [
        # What began before the watch counts from its beginning.
        (max(at_s, watch.began_s), number, f"role {name}", role)
        for name in pair.pair
        for number, (at_s, role) in enumerate(pair.dpus[name].roles)
    ]
    events += [(at_s, 0, cause, "broken" if broken else "") for at_s, cause, broken in pair.disturbances]
    together = _Together()
    for at_s, _, what, value in sorted(events):
        together.take(at_s, what, value)
    together.take(time.time(), "", "")
    yield from together.found


@define
class _Together:
    """Follows the roles of the DPUs, and whether anything keeps the sides from agreeing."""

    values: dict[str, str] = field(factory=dict)
    since_s: float | None = None
    found: list[str] = field(factory=list)

    def take(self, at_s: float, what: str, value: str) -> None:
        if self.since_s is not None and at_s - self.since_s > CONFLICT_S:
            self.found.append(f"I2: both sides decided for {at_s - self.since_s:.1f} s while they were connected")
            self.since_s = at_s
        self.values[what] = value
        deciding = [role for name, role in self.values.items() if name.startswith("role ") and role in DECIDING]
        if len(deciding) < 2 or "broken" in self.values.values():
            self.since_s = None
        elif self.since_s is None:
            self.since_s = at_s


def _primary_forwards(watch: Watch) -> Iterator[str]:
    """I4: a route is only ever moved to a side whose DPU has acknowledged a forwarding role."""
    pair = watch.pair
    acked = {name: pair[name].acknowledged() for name in pair.switches}
    for name, switch in pair.switches.items():
        for change in watch.changes(name, VNET_ROUTE_TUNNEL_TABLE):
            primary = change.became("primary")
            if change.key != ROUTE_KEY or primary is None or primary == (change.before or {}).get("primary"):
                continue
            side = switch.side_at(primary)
            if side is None or not _forwarded(acked[side], change.at_s):
                yield f"I4: {name} makes {side} its primary, which had acknowledged {acked.get(side or '', [])[-3:]}"


def _forwarded(acked: list[tuple[float, str]], at_s: float) -> bool:
    """The newest acknowledgement before a moment, or one that was replaced just before it, is of a deciding role."""
    before = [(since_s, role) for since_s, role in acked if since_s <= at_s]
    ended = [following for following, _ in before[1:]] + [at_s]
    return any(role in DECIDING and until_s >= at_s - NEWS_S for (_, role), until_s in zip(before, ended, strict=True))


def at_rest(pair: Pair) -> list[str]:
    """What must hold when nothing is under way: at most one side decides (I1), and every DPU has what it was told."""
    found = []
    deciding = [name for name in pair.switches if pair.dpus[name].role in DECIDING]
    if pair.owner is HaOwner.SWITCH and len(deciding) > 1:
        found.append(f"I1: {deciding} decide")
    return found
