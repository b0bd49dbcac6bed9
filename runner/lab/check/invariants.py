"""What must hold in a state of a checked pair.

What can be seen in one local step (I3 to I8) is looked at there; here is what concerns both sides. At rest means: the
control link is up, nothing is in flight or under way, and every DPU that is up has its role.

Source: switch-driven 11; ha-set 4.1.
"""

from runner.lab.check.pair import CABLE, LINK, Pair, State
from runner.lab.check.side import NAMES
from runner.lab.check.violation import Violation


def violation_at_rest(pair: Pair, state: State) -> Violation | None:
    """I1, I11 and the route, of a state that is at rest."""
    known = pair.known(state)
    if known[0].decides and known[1].decides:
        return Violation("I1", "both sides decide flows at rest")
    for position in (0, 1):
        own, peer = known[position], known[1 - position]
        peer_has_them = peer.in_sync and peer.side.dpu_up and peer.hears_peer and not peer.leaving
        if own.decides and not own.in_sync and peer_has_them:
            name = NAMES[position]
            return Violation("I11", f"{name} decides without the flows, which {NAMES[1 - position]} has")
        if own.decides and own.serves:
            for at in (0, 1):
                primary = known[at].side.primary
                if primary != position:
                    leads = "nowhere" if primary is None else f"to {NAMES[primary]}"
                    return Violation("I4", f"{NAMES[position]} serves, but the route of {NAMES[at]} leads {leads}")
    return None


def in_good_order(pair: Pair, state: State) -> bool:
    """I9: a pair, or one that serves while the other cannot or is pinned away; nobody only if nobody may.

    For a state in which nothing is broken any more.
    """
    known = pair.known(state)
    deciders = [position for position in (0, 1) if known[position].decides]
    able = [_able(pair, state, position) for position in (0, 1)]
    if not all(able[p] or _is_gone(pair, state, p) for p in (0, 1)):
        return False
    if not any(able):
        return len(deciders) <= 1
    if len(deciders) != 1 or not all(k.acked for k in known):
        return False
    serving, other = deciders[0], 1 - deciders[0]
    states = [pair.fact(state, position, "state") for position in (0, 1)]
    pinned = [_pinned(pair, state, position) for position in (0, 1)]
    if all(able) and not any(pinned):
        # Wishes that contradict each other: it asks for a switchover again and again, and is rejected.
        contradict = all(pair.fact(state, position, "config").desired.value == "active" for position in (0, 1))
        beside = ("standby", "switching_to_active") if contradict else ("standby",)
        return states[serving] == "active" and states[other] in beside and known[other].in_sync
    if all(able) and pinned[0] is not pinned[1]:
        # Who is pinned serves alone, and the other keeps away from it.
        return states[pinned.index(True)] == "standalone" and states[pinned.index(False)] in _BESIDE_A_PIN
    return states[serving] in ("active", "standalone")


def somebody_serves(pair: Pair, state: State) -> bool:
    """A DPU decides flows, unless no side with a DPU that is up may serve; whatever else is broken.

    A control link that is lost while the channel is up is waited for: it says nothing about the peer.
    """
    known = pair.known(state)
    linked = bool(state.paths & LINK) and known[0].alive and known[1].alive
    if not linked and state.paths & CABLE and known[0].side.dpu_up and known[1].side.dpu_up:
        return True
    may = any(_able(pair, state, position) and known[position].side.dpu_up for position in (0, 1))
    return not may or any(k.decides for k in known)


def waits_for_ever(pair: Pair, state: State) -> bool:
    """A side that hears its peer is on its way to something, and time has changed nothing about it (I-08)."""
    return any(
        known.hears_peer and pair.fact(state, position, "state") in _ON_THE_WAY
        for position, known in enumerate(pair.known(state))
    )


_ON_THE_WAY = (
    "initializing_to_active",
    "switching_to_active",
    "switching_to_standby",
    "switching_to_standalone",
    "destroying",
)

_BESIDE_A_PIN = ("standby", "connected", "dead", "initializing_to_standby")
"""A side that was on its way to join when the other was pinned waits there until it is not any more."""


def _is_gone(pair: Pair, state: State, position: int) -> bool:
    """A side that may not serve is Dead; one that serves is not taken out of service by a wish that it were dead."""
    config = pair.fact(state, position, "config")
    where = pair.fact(state, position, "state")
    wanted_dead = config is not None and not config.disabled
    return where == "dead" or (wanted_dead and where in ("active", "standalone"))


def _able(pair: Pair, state: State, position: int) -> bool:
    config = pair.fact(state, position, "config")
    return bool(config is not None and not config.disabled and config.desired.value != "dead")


def _pinned(pair: Pair, state: State, position: int) -> bool:
    config = pair.fact(state, position, "config")
    return bool(config is not None and config.desired.value == "standalone")
