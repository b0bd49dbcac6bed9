"""Random lives of a pair: what happens to it, in what order, in what weather.

A schedule is a value: a seed for the weather, and a list of acts with the time that passes after each. The same
schedule always goes the same way.
"""

from collections.abc import Callable
from random import Random

from attrs import frozen
from hypothesis import strategies as st

from hamgr_fsm.vocabulary import DesiredHaState, HaRole
from tests.hamgr_fsm.pair import CALM, BrokenError, Side, TwoSides, Weather, paired

D = DesiredHaState

Act = Callable[[TwoSides, Side], None]


def _power(world: TwoSides, side: Side) -> None:
    world.power(side, not side.dpu.up)


def _blink(world: TwoSides, side: Side) -> None:
    world.power(side, False)
    world.power(side, True)


def _cable(world: TwoSides, side: Side) -> None:
    world.set_cable(not world.cable)


def _link(world: TwoSides, side: Side) -> None:
    world.set_link(not world.link)


def _life(world: TwoSides, side: Side) -> None:
    if side.alive:
        world.kill(side)
    else:
        world.start(side)


def _restart(world: TwoSides, side: Side) -> None:
    if side.alive:
        world.restart(side)


def _manners(manners: str) -> Act:
    def act(world: TwoSides, side: Side) -> None:
        side.dpu.manners = manners

    return act


def _wish(desired: DesiredHaState, disabled: bool = False) -> Act:
    def act(world: TwoSides, side: Side) -> None:
        world.configure(side, desired, disabled=disabled)

    return act


def _delete(world: TwoSides, side: Side) -> None:
    world.unconfigure(side)


def _approving(world: TwoSides, side: Side) -> None:
    world.approves = not world.approves
    world.approve(side)


def _drops(world: TwoSides, side: Side) -> None:
    world.tell(side, drops_seen=True)
    world.tell(side, drops_seen=False)


def _no_switching_ack(world: TwoSides, side: Side) -> None:
    side.dpu.never = side.dpu.never ^ {HaRole.SWITCHING_TO_ACTIVE}


def _failing_sync(world: TwoSides, side: Side) -> None:
    side.sync_result = False if side.sync_result is None else None


def _timer(world: TwoSides, side: Side) -> None:
    """The timer that is due next ends early; and one that does not run ends, too."""
    running = sorted(side.timers, key=lambda name: (side.timers[name], name))
    if running and side.alive:
        world.end_timer(side, running[0])
    for late in ("rejoin_due", "no_active_due", "switchover_due", "connect_due", "init_due"):
        if late not in side.timers and side.alive:
            world.end_timer(side, late)


def _approve_old(world: TwoSides, side: Side) -> None:
    if side.alive and side.approved:
        world.approve_ids(side, tuple(sorted(side.approved)))


def _swap(world: TwoSides, side: Side) -> None:
    """The controller wants the other side active."""
    world.configure(world.peer(side), D.UNSPECIFIED)
    world.configure(side, D.ACTIVE)


def _pass(world: TwoSides, side: Side) -> None:
    """Nothing happens for once."""


ACTS: dict[str, Act] = {
    "nothing": _pass,
    "power": _power,
    "blink": _blink,
    "cable": _cable,
    "link": _link,
    "daemon": _life,
    "restart": _restart,
    "acks normally": _manners("prompt"),
    "acks never": _manners("silent"),
    "acks wrongly": _manners("wrong"),
    "refuses": _manners("refusing"),
    "wish unspecified": _wish(D.UNSPECIFIED),
    "wish active": _wish(D.ACTIVE),
    "wish standalone": _wish(D.STANDALONE),
    "wish dead": _wish(D.DEAD),
    "disabled": _wish(D.UNSPECIFIED, True),
    "deleted": _delete,
    "approving": _approving,
    "drops": _drops,
    "old switching": _no_switching_ack,
    "failing sync": _failing_sync,
    "timer": _timer,
    "old approval": _approve_old,
    "swap": _swap,
}
WAITS = (0.0, 0.001, 0.01, 0.3, 0.7, 2.0, 6.0, 15.0, 40.0, 200.0)


@frozen
class Schedule:
    """What happens to a pair: (act, is it side A's, seconds until the next)."""

    seed: int
    storm: float
    """How often a message or an acknowledgement is delayed, lost or doubled."""

    begins_paired: bool
    acts: tuple[tuple[str, bool, float], ...]


def schedules(max_size: int = 12) -> st.SearchStrategy[Schedule]:
    """Random schedules."""
    acts = st.tuples(st.sampled_from(sorted(ACTS)), st.booleans(), st.sampled_from(WAITS))
    return st.builds(
        Schedule,
        seed=st.integers(0, 2**32),
        storm=st.sampled_from([0.0, 0.2, 0.5]),
        begins_paired=st.booleans(),
        acts=st.lists(acts, min_size=1, max_size=max_size).map(tuple),
    )


def random_schedule(seed: int, size: int) -> Schedule:
    """One schedule out of many, by number."""
    rng = Random(seed)
    acts = tuple((rng.choice(sorted(ACTS)), rng.random() < 0.5, rng.choice(WAITS)) for _ in range(rng.randint(1, size)))
    return Schedule(seed, rng.choice([0.0, 0.2, 0.5]), rng.random() < 0.6, acts)


def weather(seed: int, storm: float) -> Callable[[], Weather]:
    """Bad luck that is the same each time."""
    rng = Random(seed)

    def next_weather() -> Weather:
        if rng.random() >= storm:
            return CALM
        return Weather(
            message_ms=rng.choice([1, 50, 400, 2500]),
            ack_ms=rng.choice([1, 50, 900, 4000]),
            lost=rng.random() < 0.25,
            twice=rng.random() < 0.25,
        )

    return next_weather


CALM_S = 3600.0
"""Time to come to rest after the last fault: hold-downs of up to 960 s, retries, role and drain times."""


def live_through(schedule: Schedule) -> TwoSides:
    """Play a schedule, checking what holds at any time and at each rest; return the world after it."""
    world = TwoSides()
    if schedule.begins_paired:
        paired(world)
    else:
        world.configure(world.a, D.ACTIVE)
        world.configure(world.b)
    world.weather = weather(schedule.seed, schedule.storm)
    for act, on_a, seconds in schedule.acts:
        ACTS[act](world, world.a if on_a else world.b)
        world.advance(seconds)
        world.check_rest()
    return world


def come_to_rest(world: TwoSides, seconds: float = CALM_S) -> None:
    """All faults stop: the pair comes into good order in time and stays there (I9).

    Raises:
        BrokenError: it does not.
    """
    world.calm()
    deadline = world.now + seconds * 1000
    while True:
        moves = [len(side.moves) for side in world.sides]
        world.advance(60)
        world.check_rest()
        # Wishes that contradict each other are tried again and again, one refused switchover after the other.
        restless = all(side.facts.desired is D.ACTIVE for side in world.sides)
        if world.in_good_order() and (restless or [len(side.moves) for side in world.sides] == moves):
            return
        if world.now > deadline:
            last = [side.moves[-6:] for side in world.sides]
            raise BrokenError(f"I9: no good order after {seconds} s: {world.show()} {last}")
