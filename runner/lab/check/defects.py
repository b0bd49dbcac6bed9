"""Known mistakes, put back one at a time: each is a rule set derived from the true one, and the checker must find it.

Every defect names the lesson that it comes from and the smallest campaign in which it shows. What is replaced is a
property, a guard, an action or a row by name; nothing of the true machine is touched.

Source: field-lessons (FL, LD, H numbers); switch-driven, the traps that it names.
"""

from collections.abc import Callable
from typing import Any

import attrs
from attrs import frozen

from hamgr_fsm.messages import Selection
from hamgr_fsm.scope.operations import open_types
from hamgr_fsm.scope.switch_driven_actions import selection_for
from hamgr_fsm.scope.switch_driven_facts import PAIRED, SERVING, S, SwitchDrivenScopeFacts
from hamgr_fsm.vocabulary import HaRole
from runner.lab.check.budget import Budget, Pool, pool
from runner.lab.check.campaign import Campaign, Extra
from runner.lab.check.happenings import Fault
from runner.lab.check.mistakes import (
    answer_without_flows,
    decided_without_flows,
    join_with_term,
    raise_only,
    report_with_term,
    routing,
    true_fact,
    unfrozen,
    vote,
)
from runner.lab.check.rules import Rules, added_first, both, derived, row, without
from runner.lab.check.wishes import EVERY_WISH

Facts = SwitchDrivenScopeFacts
F = Fault


@frozen
class Defect:
    """A mistake: its name, the lesson, what is wrong in one sentence, the rules with it, and where it shows."""

    name: str
    lesson: str
    what: str
    make: Callable[[str], Rules]
    campaign: Campaign
    harmless_because: str = ""

    @property
    def rules(self) -> Rules:
        """The rules with the mistake in them."""
        return self.make(self.name)


CATALOGUE: dict[str, Defect] = {}
"""The mistakes that the checker finds, by name."""

HARMLESS: dict[str, Defect] = {}
"""Mistakes that it does not find, because within the bounds they do no harm."""


def _defect(name: str, lesson: str, what: str, campaign: Campaign, **edits: Any) -> None:
    CATALOGUE[name] = Defect(name, lesson, what, lambda name: derived(name, **edits), campaign)


def _harmless(because: str, name: str, lesson: str, what: str, campaign: Campaign, **edits: Any) -> None:
    HARMLESS[name] = Defect(name, lesson, what, lambda name: derived(name, **edits), campaign, because)


def _in(situation: str, *pools: Pool, extras: tuple[Extra, ...] = (), wishes: Any = ((), ())) -> Campaign:
    return Campaign(situation, Budget(pools, wishes), frozenset(extras))


def _says(value: object) -> Callable[[Any], object]:
    return lambda facts: value


PAIR = "paired"


# Who serves alone.

_defect(
    "both-go-alone",
    "LD-01, H-26",
    "a lost channel makes a side serve alone without asking the peer that it can reach",
    _in(PAIR, pool(1, F.CHANNEL)),
    facts={"nobody_to_ask": lambda f: f.alone or f.peer_lost or (f.manual_pin and not f.peer_connected)},
)
_defect(
    "link-loss-fails-over",
    "switch-driven 1.2",
    "a lost control link alone counts as a lost peer",
    _in(PAIR, pool(1, F.LINK), extras=(Extra.STAYS,)),
    facts={"peer_lost": lambda f: f.channel_up is False or f.connect_timed_out or f.link_up is False},
)
_defect(
    "unknown-health-is-down",
    "LD-47",
    "a DPU that nothing is heard of counts as down",
    _in(PAIR, pool(1, F.HEALTH), extras=(Extra.STAYS,)),
    facts={"local_down": lambda f: f.dpu_up is not True, "dpu_usable": lambda f: f.dpu_up is True},
)
_defect(
    "serves-without-a-dpu",
    "LD-08",
    "a side whose DPU is down goes Standalone all the same",
    _in(PAIR, pool(2, F.DPU, F.LINK)),
    facts={"dpu_usable": _says(True)},
)
_defect(
    "asker-decides-at-once",
    "switch-driven 6.1 row 8",
    "a side that outranks the asker serves at once, although the asker may still serve",
    _in("switching", pool(1, F.DROPS), extras=(Extra.WAITS,)),
    functions={
        "selection_says_standalone": lambda model, ev: (
            selection_for(model, ev).own in (S.STANDALONE, S.SWITCHING_TO_STANDALONE)
        ),
        "selection_says_wait": lambda model, ev: False,
    },
)


_defect(
    "answer-honoured-anywhere",
    "FL-28, LD-22, LD-23",
    "an answer to a standalone request moves a side in whatever state it is",
    _in("switching", pool(1, F.CHANNEL, F.DPU), pool(1, F.REPETITION)),
    rows=added_first(
        row(
            tuple(s for s in PAIRED if s is not S.STANDBY),
            S.STANDBY,
            on="standalone_reply",
            when=("told_to_yield",),
            why="told to yield",
        ),
        row(
            tuple(s for s in PAIRED if s is not S.STANDALONE),
            S.STANDALONE,
            on="standalone_reply",
            when=("told_to_serve",),
            why="told to serve",
        ),
    ),
    functions={
        "told_to_serve": lambda model, ev: ev.selection is Selection.ENTER_STANDALONE,
        "told_to_yield": lambda model, ev: ev.selection is Selection.ENTER_STANDBY,
    },
)
_defect(
    "request-or-reply-lost-for-ever",
    "LD-19",
    "a standalone request is said once and waits for its answer without a deadline",
    _in(PAIR, pool(1, F.CHANNEL), pool(1, F.LOSS)),
    rows=both(
        without("peer silent", to=S.STANDALONE),
        without("peer silent", to=S.STANDBY),
        without("no answer yet"),
    ),
)
_defect(
    "flows-do-not-rank",
    "switch-driven 6",
    "who has the flows does not count in the comparison of two sides",
    _in(PAIR, pool(2, F.DPU, F.CRASH)),
    functions={
        "answer_standalone_request": answer_without_flows,
        "selection_says_standby": lambda model, ev: decided_without_flows(model, ev).own is S.STANDBY,
        "selection_says_standalone": lambda model, ev: decided_without_flows(model, ev).own is S.STANDALONE,
        "selection_says_wait": lambda model, ev: decided_without_flows(model, ev).own is S.SWITCHING_TO_STANDALONE,
    },
)
_defect(
    "claims-lost-flows",
    "switch-driven 1.1, I-16",
    "a side claims the flows of a DPU that has lost them",
    _in(PAIR, pool(1, F.DPU)),
    facts={"flows_lost": _says(False)},
)
_defect(
    "conflict-unresolved",
    "switch-driven 6.2, C31",
    "two sides that both serve do not yield to each other",
    _in(PAIR, pool(2, F.LINK, F.CHANNEL)),
    facts={"conflict_lost": _says(False)},
)
_defect(
    "nobody-active-unnoticed",
    "I-02, switch-driven 1.2",
    "two sides that are both Standby stay so",
    _in(PAIR, pool(2, F.DPU, F.CRASH, F.LINK)),
    facts={"nobody_is_active": _says(False)},
)

# The launch.

_defect(
    "connecting-for-ever",
    "LD-15",
    "a side whose peer does not answer tries to connect for ever",
    _in("launch_alone", pool(1, F.CHANNEL)),
    rows=without("peer not reachable"),
)
_defect(
    "vote-asked-once",
    "LD-17, FL-03",
    "a vote is asked for once; if it is lost, it is never asked for again",
    _in("launch", pool(1, F.LOSS)),
    rows=without("no vote yet"),
)
_defect(
    "equals-put-off-for-ever",
    "LD-17",
    "two sides of the same term and wish put each other off for ever",
    _in("launch_equal"),
    functions={"answer_vote": lambda model, ev: vote(model, ev, patient=True)},
)
_defect(
    "relaunched-peer-unnoticed",
    "LD-68, LD-18",
    "a peer that launches again does not count as one that has left the pair",
    _in(PAIR, pool(2, F.CONFIG), pool(1, F.LINK), wishes=EVERY_WISH),
    facts={"peer_dead": lambda f: f.peer_state is S.DEAD and f.peer_role in (HaRole.DEAD, None)},
)
_defect(
    "launches-although-wanted-dead",
    "LD-30, I-14",
    "a scope that is wanted dead launches",
    _in("shutting_down"),
    facts={"can_launch": lambda f: f.config is not None and f.managed and not f.disabled and f.dpu_up is True},
)
_defect(
    "loss-ignored-while-launching",
    "LD-05, H-21, H-23",
    "a side that is joining ignores that its peer or its DPU is lost",
    _in("returning", pool(1, F.CONFIG), wishes=EVERY_WISH),
    facts={"launch_fails": _says(False)},
)
_defect(
    "ready-by-control-state-alone",
    "FL-20, H-14",
    "a peer counts as ready to be standby before its DPU has taken the role",
    _in("launch", pool(1, F.ROLE_LOST)),
    facts={"peer_ready_to_be_standby": lambda f: f.peer_state is S.INITIALIZING_TO_STANDBY},
    rows=without("role not acknowledged"),
)
_defect(
    "activates-without-approval",
    "I6, I-12",
    "a side becomes active without the controller's approval",
    _in("launch"),
    rows=added_first(
        row((S.PENDING_ACTIVE_ACTIVATION,), S.ACTIVE, when=("peer_ready_to_be_standby",), why="impatient")
    ),
)
_defect(
    "term-taken-too-early",
    "LD-40, H-22",
    "a side that is joining carries its active's term before it has the flows",
    _in("returning"),
    functions={"enter_initializing_to_standby": join_with_term},
)
_defect(
    "term-follows-every-report",
    "LD-69",
    "a Standby takes over whatever term its peer reports",
    _in(PAIR, pool(1, F.DPU, F.CHANNEL), pool(1, F.CONFIG), wishes=EVERY_WISH),
    functions={"take_report": report_with_term},
)

# Flows.

_defect(
    "copies-before-the-role",
    "FL-19",
    "flows are copied before the DPU is active",
    _in("returning"),
    facts={"owes_bulk_sync": lambda f: f.peer_ready_to_be_standby and not f.sync_announced},
)
_defect(
    "standby-without-flows",
    "H-18, LD-23",
    "a side is ready to be Standby although no flow has been copied",
    _in("launch"),
    facts={"flows_in_sync": lambda f: f.acked_role is HaRole.STANDBY},
)
_defect(
    "failed-copy-unnoticed",
    "FL-18, LD-38",
    "a copying of flows that fails is taken for one that goes on, and nobody has a deadline",
    _in("returning", pool(1, F.SYNC_FAILED)),
    functions={"end_flow_sync": lambda model, ev: None},
    rows=without("bulk sync timed out"),
)
_defect(
    "finished-copy-announced-once",
    "LD-37",
    "that all flows are copied is said once, and nobody has a deadline",
    _in("returning", pool(1, F.LOSS)),
    rows=both(without("the peer has not heard that it has all flows"), without("bulk sync timed out")),
)

# Planned work.

_defect(
    "asks-before-it-is-prepared",
    "FL-02, H-44",
    "the switchover is asked for before the DPU has taken switching_to_active",
    _in("switching"),
    facts={"may_ask_for_switchover": lambda f: f.switchover is not None},
)
_defect(
    "takes-over-too-early",
    "FL-20, FL-22",
    "a side takes over before the DPU of the peer has given way",
    _in("switching", extras=(Extra.NEVER_TWO,)),
    facts={"peer_gave_way": lambda f: f.peer_state is S.SWITCHING_TO_STANDBY},
)
_defect(
    "ghost-switchover",
    "LD-04",
    "a repeated request for a switchover that is over counts as a new one",
    _in("switching", pool(1, F.REPETITION), pool(1, F.CONFIG, F.CHANNEL, F.LINK), wishes=EVERY_WISH),
    functions={"asks_for_a_new_switchover": lambda model, ev: True},
    facts={"may_give_way": lambda f: not f.in_trouble},
)
_defect(
    "switchover-asked-once",
    "LD-37",
    "a switchover is asked for once and has no deadline",
    _in("switching", pool(1, F.LOSS)),
    rows=both(without("the peer has not given way yet"), without("switchover timed out")),
)
_defect(
    "dead-side-takes-over",
    "LD-08",
    "a side whose DPU is down goes on taking over",
    _in("switching", pool(1, F.DPU)),
    facts={"takeover_fails": _says(False)},
    rows=without("switchover timed out", source=S.SWITCHING_TO_ACTIVE),
)
_defect(
    "leaves-before-the-peer-serves",
    "FL-23, H-34",
    "a Standby that is shut down gives up its role before its peer's DPU serves alone",
    _in("shutting_down", extras=(Extra.ORDERLY_SHUTDOWN,)),
    facts={"shut_down_agreed": lambda f: f.desired_dead and f.peer_state is S.STANDALONE},
)
_defect(
    "leaves-when-told-accepted",
    "LD-22, H-02",
    "the word that a shutdown is accepted is enough to give up the role",
    _in("shutting_down", extras=(Extra.ORDERLY_SHUTDOWN,)),
    rows=added_first(row((S.STANDBY,), S.DESTROYING, on="shutdown_reply", why="accepted")),
)
_defect(
    "shutdown-asked-once",
    "LD-37",
    "a planned shutdown is asked for once",
    _in("shutting_down", pool(1, F.LOSS), extras=(Extra.SHUTS_DOWN,)),
    rows=without("the peer does not serve alone yet"),
)
_defect(
    "shutdown-never-over",
    "W07c",
    "a peer whose shutdown was accepted counts as shutting down for ever",
    _in("shutting_down", pool(1, F.CONFIG), wishes=EVERY_WISH),
    facts={"shutdown_over": _says(False)},
)
_defect(
    "pin-does-nothing",
    "LD-25, H-30",
    "a side that is pinned to standalone does not leave its pair",
    _in(PAIR, pool(1, F.CONFIG), wishes=EVERY_WISH),
    facts={"triggers": lambda f: tuple(t for t in true_fact("triggers")(f) if t.name != "MANUAL_PIN")},
)
_defect(
    "pinned-side-pairs",
    "H-39",
    "a pinned side that serves alone takes a standby",
    _in(PAIR, pool(2, F.CONFIG, F.CHANNEL), wishes=EVERY_WISH),
    facts={
        "peer_can_pair": lambda f: f.peer_connected and f.peer_ready_to_be_standby and f.channel_up is True,
        "ready_to_pair": _says(True),
    },
)

# The way back.

_defect(
    "no-way-out-of-standalone",
    "FL-29, H-35",
    "a side that serves alone never takes a standby",
    _in("returning"),
    rows=without("peer ready to be standby"),
)
_defect(
    "no-rejoin",
    "LD-26, H-38",
    "a Standby beside one that serves alone does not join again",
    _in(PAIR, pool(1, F.CHANNEL)),
    rows=without("rejoining"),
)
_defect(
    "peer-dead-unnoticed",
    "FL-24, LD-20",
    "a peer that is Dead does not count as dead",
    _in(PAIR, pool(1, F.CONFIG), wishes=EVERY_WISH),
    facts={"peer_dead": _says(False)},
)

# Roles and operations.

_defect(
    "acknowledgement-not-reported",
    "FL-21",
    "the peer is not told when a role is acknowledged",
    _in("switching", extras=(Extra.SMOOTH,)),
    facts={
        "report_outdated": lambda f: (
            f.link_up is True
            and (f.reported is None or attrs.evolve(f.report, acked_role=f.reported.acked_role) != f.reported)
        )
    },
    rows=without("time for a heartbeat"),
)
_defect(
    "role-asked-once",
    "LD-43, LD-31",
    "a role that the DPU has not taken is not asked for again",
    _in("launch", pool(1, F.ROLE_LOST)),
    functions={"note_role_failure": lambda model: None},
)
_defect(
    "scope-before-set",
    "FL-04, LD-11",
    "the scope is written to a DPU that has no HA set yet",
    _in(PAIR, pool(1, F.DPU)),
    facts={"can_program": lambda f: f.config is not None and f.managed and not f.dpu_lost},
)
_defect(
    "restarted-dpu-not-told",
    "FL-09, LD-10",
    "a DPU that has restarted is not told its role again",
    _in(PAIR, pool(1, F.DPU)),
    facts={"dpu_restarted": _says(False), "set_replaced": _says(False)},
    rows=without("role not acknowledged"),
)
_defect(
    "operation-left-open",
    "LD-32, C33",
    "an operation stays listed when its state is left",
    _in("returning", pool(1, F.DPU)),
    facts={"operations_outdated": lambda f: not open_types(f.operations) >= f.expected_operations},
    functions={"adjust_operations": raise_only},
)
_defect(
    "any-approval-counts",
    "I6, C06",
    "an approval of an id that is not listed counts",
    _in("launch"),
    functions={"approves_activation": lambda model, ev: True},
)

# Restarts.

_defect(
    "restart-renews-operations",
    "LD-34, FL-34",
    "operations do not survive a restart",
    _in("launch", pool(1, F.CRASH)),
    forgets=("operations",),
)
_defect(
    "restart-forgets-the-term",
    "LD-55, FL-34",
    "the term does not survive a restart",
    _in(PAIR, pool(1, F.CRASH)),
    forgets=("term",),
)
_defect(
    "restart-forgets-the-switchover",
    "LD-03",
    "the switchover that is under way does not survive a restart",
    _in("switching", pool(1, F.CRASH)),
    forgets=("switchover",),
)
_defect(
    "restart-keeps-timers",
    "I-20, FL-34",
    "a daemon that comes back believes that the timers of its earlier life still run",
    _in("returning", pool(1, F.SYNC_FAILED), pool(1, F.CRASH)),
    keeps=("running",),
)
_defect(
    "restart-keeps-the-link",
    "LD-06",
    "a daemon that comes back believes that its peer has been greeted",
    _in(PAIR, pool(1, F.CRASH), pool(1, F.CONFIG), wishes=EVERY_WISH),
    keeps=("reported", "greeted", "peer_connected"),
    facts={"link_changed": lambda f: bool(f.link_up) and not f.greeted},
)

# The route.


_defect(
    "route-before-the-acknowledgement",
    "FL-02",
    "the route moves to a side that says it is active before its DPU is",
    _in("switching"),
    route={
        "serving_route": routing(
            lambda f: tuple(attrs.evolve(s, acked_role=HaRole.ACTIVE) if s.state in SERVING else s for s in f.scopes)
        )
    },
)
_defect(
    "route-to-the-preferred",
    "LD-09",
    "the route leads to the preferred vDPU whoever serves",
    _in("switching"),
    route={
        "serving_route": routing(
            lambda f: tuple(
                attrs.evolve(s, state=S.ACTIVE, acked_role=HaRole.ACTIVE) if s.vdpu_id == f.config.preferred else s
                for s in f.scopes[:1]
            )
        )
    },
)
_defect(
    "route-to-whoever-is-ready",
    "FL-01, FL-20",
    "a Standby counts as one that serves as soon as nobody else does",
    _in("shutting_down", pool(1, F.CHANNEL)),
    route={
        "serving_route": routing(
            lambda f: (
                f.scopes
                if any(s.serves for s in f.scopes)
                else tuple(attrs.evolve(s, state=S.ACTIVE, acked_role=HaRole.ACTIVE) for s in f.scopes[1:])
            )
        )
    },
)
_defect(
    "route-stays",
    "H-52, FL-33",
    "the route stays where it was when another side serves",
    _in("switching"),
    route={"serving_route_outdated": _says(False), "somebody_serves": lambda f: False},
)

# What is wrong and yet does no harm within the bounds that were explored: something else of the rules makes it good.

_harmless(
    "what decides a selection changes rarely while it goes on, and a conflict is resolved afterwards",
    "signals-not-frozen",
    "switch-driven 6.1",
    "the comparison uses what is true now instead of what was put forward, and an answer is not remembered",
    _in(PAIR, pool(1, F.CONFIG), pool(1, F.CHANNEL), wishes=EVERY_WISH, extras=()),
    functions={
        "selection_says_standby": lambda model, ev: unfrozen(model, ev).own is S.STANDBY,
        "selection_says_standalone": lambda model, ev: unfrozen(model, ev).own is S.STANDALONE,
        "selection_says_wait": lambda model, ev: unfrozen(model, ev).own is S.SWITCHING_TO_STANDALONE,
    },
)
_harmless(
    "the report goes out before every request, so an older one is believed only after a loss, and reports are resent",
    "older-report-decides",
    "switch-driven 1.1",
    "a message does not say what state its sender is in; an older report is believed",
    _in(PAIR, pool(1, F.CHANNEL, F.DPU), pool(1, F.LOSS)),
    machine={"implied": lambda self, event: {}},
)
_harmless(
    "the side that gave way has a timer of its own, which ends a switchover that nobody finishes",
    "same-request-rejected",
    "LD-03, LD-04",
    "the request that is being carried out is rejected when it comes again, and rejections count for good",
    _in("switching", pool(1, F.CRASH), pool(1, F.REPETITION, F.LOSS)),
    rows=both(
        without("peer repeats its request", source=S.SWITCHING_TO_STANDBY), without("peer gave up the switchover")
    ),
    facts={
        "rejected_for_good": lambda f: f.rejections > 0,
    },
)
_harmless(
    "a new selection with the same peer has the same outcome, and a conflict is resolved afterwards",
    "late-answer-counts",
    "LD-22, I-10",
    "an answer counts although the request that it answers is over",
    _in(PAIR, pool(2, F.CHANNEL), pool(1, F.REPETITION, F.HURRY)),
    functions={
        "told_to_serve": lambda model, ev: ev.selection is Selection.ENTER_STANDALONE,
        "told_to_yield": lambda model, ev: ev.selection is Selection.ENTER_STANDBY,
        "denied_selection": lambda model, ev: ev.selection is Selection.DENY,
    },
)
_harmless(
    "needs more faults at once than were explored",
    "decides-without-asking",
    "I11, switch-driven 3",
    "a side without the flows does not ask the Standby peer that has them",
    _in(PAIR, pool(1, F.LINK), pool(2, F.DPU, F.CHANNEL)),
    facts={"peer_holds_the_flows": _says(False)},
)
_harmless(
    "its own request brings the same answer from the asker, one exchange later",
    "promise-forgotten",
    "switch-driven 3, 6.1",
    "a side that told the asker to enter Standby does not become Standalone when it is",
    _in("switching", pool(1, F.DROPS)),
    facts={"peer_kept_the_promise": _says(False)},
    rows=both(without("peer silent", to=S.STANDALONE), without("peer silent", to=S.STANDBY)),
)
_harmless(
    "the report over a new link comes before anything is decided on",
    "old-peer-view",
    "LD-16",
    "a launch believes what the peer said before it",
    _in("alone", pool(2, F.CONFIG, F.LINK), wishes=EVERY_WISH),
    functions={"enter_connecting": lambda model: None},
)
