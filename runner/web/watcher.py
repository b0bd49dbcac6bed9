"""Looking again and again, for all browsers. Each switch is looked at for itself: one that hangs delays nobody.

A browser is sent the newest view and nothing in between, so a slow one costs nothing.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import aiohttp
from attrs import define, field

from runner.watch.sight import Sight
from runner.web.counters import numbers
from runner.web.look import SwitchLook, WatchedSwitch
from runner.web.view import Json, view

KEPT_CHANGES = 2000
"""So many changes of all scopes together are remembered for the timelines."""

COUNTERS_EVERY_S = 2.0
COUNTERS_WITHIN_S = 3.0
MOST_OF_AN_ANSWER = 16 * 1024 * 1024


@define(eq=False)
class Watcher:
    """The switches as last looked at. ``version`` grows with every look that has ended."""

    switches: Sequence[WatchedSwitch]
    interval_s: float = 0.5
    version: int = 0
    _looks: dict[str, SwitchLook] = field(factory=dict)
    _counters: dict[tuple[str, str], Json] = field(factory=dict)
    _sight: Sight = field(factory=lambda: Sight(changes=deque(maxlen=KEPT_CHANGES)))
    _news: asyncio.Condition = field(factory=asyncio.Condition)

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Look while this lasts."""
        tasks = [asyncio.create_task(self._look(switch)) for switch in self.switches]
        tasks += [asyncio.create_task(self._ask(each.name, url)) for each in self.switches for url in each.metrics]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def now(self, chosen: str | None) -> Json:
        """What is to be seen now."""
        looks = [self._looks[switch.name] for switch in self.switches if switch.name in self._looks]
        counters = [self._counters[key] for key in sorted(self._counters)]
        return view(self._sight, looks, chosen, counters, time.time_ns() // 1_000_000)

    async def newer(self, version: int, within_s: float) -> int:
        """Wait until there is something newer than this version, but not for ever; gives the version of now."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s), self._news:
                await self._news.wait_for(lambda: self.version != version)
        return self.version

    async def _look(self, switch: WatchedSwitch) -> None:
        while True:
            self._looks[switch.name] = await asyncio.to_thread(switch.look)
            self._sight.look([self._looks[each.name].look for each in self.switches if each.name in self._looks])
            await self._tell()
            await asyncio.sleep(self.interval_s)

    async def _ask(self, switch: str, url: str) -> None:
        timeout = aiohttp.ClientTimeout(total=COUNTERS_WITHIN_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                self._counters[switch, url] = {"switch": switch, "url": url, **await _asked(session, url)}
                await asyncio.sleep(COUNTERS_EVERY_S)

    async def _tell(self) -> None:
        async with self._news:
            self.version += 1
            self._news.notify_all()


async def _asked(session: aiohttp.ClientSession, url: str) -> Json:
    try:
        async with session.get(url) as answer:
            if answer.status != 200:
                return {"lost": f"answers {answer.status}", "numbers": []}
            body = await answer.content.read(MOST_OF_AN_ANSWER)
            return {"lost": None, "numbers": numbers(body.decode("utf-8", "replace"))}
    except TimeoutError:
        return {"lost": f"no answer within {COUNTERS_WITHIN_S:g} s", "numbers": []}
    except aiohttp.ClientError as error:
        return {"lost": f"no answer: {error}", "numbers": []}
    except ValueError as error:
        return {"lost": f"no metrics: {error}", "numbers": []}
