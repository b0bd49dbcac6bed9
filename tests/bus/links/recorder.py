"""An owner of links that remembers what it is told, and ends of links to test with."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence

from attrs import define, field

from models.service_path import ServicePath
from models.swbus import ConnectionType
from runner.bus.links.channel_options import KeepAlive
from runner.bus.links.dialler import Dialler
from runner.bus.links.introduction import Introduction, Refusal
from runner.bus.links.link import Link
from runner.bus.links.listener import Listener
from runner.bus.links.owner import Hello
from runner.bus.links.socket_address import SocketAddress
from runner.bus.links.tls import Tls

DEADLINE_S = 20.0
"""Only a hang takes longer."""

NODE_1 = ServicePath.parse("region-a.cluster-a.switch1-dpu0")
NODE_2 = ServicePath.parse("region-a.cluster-a.switch2-dpu0")

LOCAL = SocketAddress("127.0.0.1", 0)


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that nobody tells."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


@define(eq=False)
class Recorder:
    """An owner that admits everybody and keeps every frame, unless a test tells it to do otherwise."""

    admits: Callable[[Hello], Refusal | None] = lambda hello: None
    on_up: Callable[[Link], None] = lambda link: None
    reading: asyncio.Event = field(init=False, factory=asyncio.Event)
    """Cleared, the owner stays in the middle of a frame."""
    hellos: list[Hello] = field(init=False, factory=list)
    ups: list[Link] = field(init=False, factory=list)
    downs: list[tuple[Link, str]] = field(init=False, factory=list)
    frames: list[tuple[Link, bytes]] = field(init=False, factory=list)
    failures: list[tuple[SocketAddress, str]] = field(init=False, factory=list)
    _told: asyncio.Event = field(init=False, factory=asyncio.Event)

    def __attrs_post_init__(self) -> None:
        self.reading.set()

    def admit(self, hello: Hello) -> Refusal | None:
        self.hellos.append(hello)
        self._told.set()
        return self.admits(hello)

    def link_up(self, link: Link) -> None:
        self.ups.append(link)
        self._told.set()
        self.on_up(link)

    def link_down(self, link: Link, why: str) -> None:
        self.downs.append((link, why))
        self._told.set()

    async def frame_arrived(self, link: Link, frame: bytes) -> None:
        self.frames.append((link, frame))
        self._told.set()
        await self.reading.wait()

    def dial_failed(self, dialler: Dialler, why: str) -> None:
        self.failures.append((dialler.address, why))
        self._told.set()

    @property
    def up(self) -> list[Link]:
        """The links that are up now."""
        down = [link for link, _ in self.downs]
        return [link for link in self.ups if link not in down]

    @property
    def received(self) -> list[bytes]:
        """The frames, whatever the link."""
        return [frame for _, frame in self.frames]

    async def until(self, condition: Callable[["Recorder"], object]) -> None:
        """Wait until the condition holds of what was told."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition(self):
                self._told.clear()
                await self._told.wait()

    async def link(self, which: int = 1) -> Link:
        """The link that came up first, second..."""
        await self.until(lambda owner: len(owner.ups) >= which)
        return self.ups[which - 1]


@define(eq=False)
class ListeningEnd:
    """A listener and its owner."""

    listener: Listener
    owner: Recorder

    @classmethod
    def of(cls, owner: Recorder, tls: Tls | None, incarnation: str | None, keep_alive: KeepAlive) -> "ListeningEnd":
        """Node 2, which does not listen yet."""
        introduction = Introduction(NODE_2, ConnectionType.IN_CLUSTER, incarnation)
        return cls(Listener(owner, introduction, random.Random(2), Counter(), tls, keep_alive), owner)

    async def at(self, address: SocketAddress = LOCAL) -> SocketAddress:
        """Listen at an address."""
        self.listener.listen(address)
        async with asyncio.timeout(DEADLINE_S):
            return await self.listener.bound()


@define(eq=False)
class DiallingEnd:
    """A dialler and its owner."""

    dialler: Dialler
    owner: Recorder

    @classmethod
    def to(
        cls,
        addresses: Sequence[SocketAddress],
        owner: Recorder,
        path: ServicePath,
        connection_type: ConnectionType,
        incarnation: str | None,
        tls: Tls | None,
        keep_alive: KeepAlive,
    ) -> "DiallingEnd":
        """A node that does not dial yet."""
        introduction = Introduction(path, connection_type, incarnation)
        return cls(Dialler(addresses, owner, introduction, random.Random(1), Counter(), tls, keep_alive), owner)
