"""Anything, in any order, to two daemons and the network between them; then it is over, and all must be well.

What must be well: each has heard the newest of what the other has to say, in order, and nothing twice in one life.
Source: bus 6, 8.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import pairwise
from random import Random

import pytest
from attrs import define, field

from runner.private_redis import free_port
from tests.bus.conftest import eventually
from tests.bus.daemons import SCOPE, Daemon
from tests.bus.tcp_path import TcpPath

STEPS = 40
BETWEEN_S = 0.06
"""The longest pause between two things that happen; the shortest is none."""

WELL_WITHIN_S = 30.0

SET = f"ha-set/{SCOPE}"

WHAT_HAPPENS = (
    *("say", "say", "say", "say", "ask", "ask", "hold", "release"),
    *("fail", "swallow", "one-way", "strand", "cut", "slow", "heal", "heal"),
    *("restart", "vanish"),
)


@define(eq=False)
class Life:
    """A process, and the network by which it dials the other one."""

    daemon: Daemon
    path: TcpPath


@define(eq=False)
class World:
    """Two switches. Each process says something new whenever its link comes up, as a scope does."""

    random: Random
    stack: AsyncExitStack
    lives: list[Life] = field(factory=list)
    """The two processes of now."""

    all_lives: list[Life] = field(factory=list)
    said: list[int] = field(factory=lambda: [0, 0])
    """The number of the newest report of each side."""

    asked: int = 0
    happened: list[str] = field(factory=list)

    async def begin(self) -> None:
        """Start both."""
        a, b = process(0), process(1)
        for daemon, other in ((a, b), (b, a)):
            self.lives.append(await self._live(daemon, other))
        for life in self.lives:
            await self._run(life)

    async def _live(self, daemon: Daemon, other: Daemon) -> Life:
        path = await self.stack.enter_async_context(TcpPath(other.port))
        life = Life(daemon, path)
        daemon.on_up = lambda: self._say(life)
        self.all_lives.append(life)
        return life

    async def _run(self, life: Life) -> None:
        await life.daemon.start()
        self.stack.push_async_callback(life.daemon.stop)
        other = self.lives[1 - life.daemon.number].daemon
        life.daemon.meet(other.neighbour(life.path.port))

    def _say(self, life: Life) -> None:
        if life not in self.lives:
            return
        side = life.daemon.number
        self.said[side] += 1
        for to in (None, SET):
            life.daemon.report(self.lives[1 - side].daemon, self.said[side], to)

    async def step(self) -> None:
        """Something happens."""
        side = self.random.randrange(2)
        life, other = self.lives[side], self.lives[1 - side]
        what = self.random.choice(WHAT_HAPPENS)
        self.happened.append(f"{what} {side}")
        match what:
            case "say":
                self._say(life)
            case "ask":
                self.asked += 1
                life.daemon.ask(other.daemon, self.asked)
            case "fail":
                life.path.fail()
            case "swallow":
                life.path.swallow()
            case "one-way":
                life.path.swallows_back = True
            case "strand":
                life.path.strand()
            case "cut":
                life.path.cut()
            case "slow":
                life.path.delay_s = 0.02
            case "heal":
                life.path.heal()
            case "hold":
                life.daemon.holds = True
            case "release":
                life.daemon.release()
            case "restart":
                await life.daemon.stop()
                await self._renew(side, process(side, life.daemon.port))
            case "vanish":
                # Power is cut: nobody says a word, and what the network has of it stays as it is.
                life.path.swallow()
                life.path.refuses = True
                other.path.strand()
                await self._renew(side, process(side))

    async def _renew(self, side: int, daemon: Daemon) -> None:
        other = self.lives[1 - side]
        other.path.beyond = daemon.port
        self.lives[side] = await self._live(daemon, other.daemon)
        await self._run(self.lives[side])
        self._say(self.lives[side])

    async def end(self) -> None:
        """From now on nothing happens any more."""
        for life in self.lives:
            life.path.heal()
            life.path.delay_s = 0.0
            life.daemon.release()

    @property
    def is_well(self) -> bool:
        """Both are there, and the newest is heard."""
        a, b = (life.daemon for life in self.lives)
        return all(
            one.up.get(other.dpu_name)
            and not one.owed
            and one.terms()[-1:] == [self.said[other.number]]
            and one.terms(SET)[-1:] == [self.said[other.number]]
            for one, other in ((a, b), (b, a))
        )

    def story(self) -> object:
        """What to look at when it is not well."""
        daemons = [life.daemon for life in self.lives]
        return (
            self.happened,
            self.said,
            [(daemon.up, daemon.owed, daemon.terms(), daemon.bus.counts) for daemon in daemons],
        )


def process(side: int, port: int | None = None) -> Daemon:
    """A process of one side, with a scope and a set."""
    return Daemon(side, port=free_port() if port is None else port, entities={SET})


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Ends everything after the test."""
    async with AsyncExitStack() as everything:
        yield everything


@pytest.mark.parametrize("seed", range(8))
async def test_afterwards_all_is_well(stack: AsyncExitStack, seed: int) -> None:
    random = Random(seed)
    world = World(random, stack)
    await world.begin()
    for _ in range(STEPS):
        await world.step()
        await asyncio.sleep(random.choice([0.0, random.random() * BETWEEN_S]))
    await world.end()
    await eventually(lambda: world.is_well, world.story, WELL_WITHIN_S)
    for life in world.all_lives:
        daemon = life.daemon
        for to in (None, SET):
            terms = daemon.terms(to)
            assert terms == sorted(set(terms)), world.story()
        asked = [said for said in daemon.payloads() if json.loads(said)["key"].startswith("VoteRequest")]
        assert len(asked) == len(set(asked)), world.story()
        assert daemon.bus.counts["owner_errors"] == 0
        told = [change.up for change in daemon.links]
        assert all(one is not two for one, two in pairwise(told))
