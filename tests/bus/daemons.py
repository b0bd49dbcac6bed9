"""One process on the bus as far as the bus can tell: a few entities, and a record of what it was handed."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import define, field

from models.peer_messages import HaScopeStateUpdate, PeerData, VoteRequest, encode_message
from runner.bus.bus import Bus, BusOptions
from runner.bus.endpoint import Delivery
from runner.bus.links.socket_address import SocketAddress
from runner.inputs import LinkChanged, MessageArrived
from runner.outputs import Neighbour, ReachBus, SendMessage, Verdict
from runner.private_redis import free_port

SCOPE = "haset0_0"


@define(eq=False)
class Daemon:
    """``number`` names the switch and its vDPU; it listens on this host, at a port of its own."""

    number: int
    port: int = field(factory=free_port)
    host: str = "127.0.0.1"
    cluster: str = "west.c1"
    options: BusOptions = field(factory=BusOptions)
    entities: set[str] = field(factory=set)
    links: list[LinkChanged] = field(factory=list)
    heard: list[MessageArrived] = field(factory=list)
    held: list[Delivery] = field(factory=list)
    """Messages whose step is not done, while ``holds``."""

    on_up: Callable[[], None] = lambda: None
    """Called soon after a link has come up."""

    holds: bool = False
    verdict: Verdict | None = Verdict.CONSUMED
    bus: Bus = field(init=False)
    _task: asyncio.Task[None] | None = None

    def __attrs_post_init__(self) -> None:
        self.entities |= {self.scope}
        self.bus = Bus(self.options, self, self._take)

    @property
    def scope(self) -> str:
        """The path of its scope."""
        return f"ha-scope/vdpu{self.number}_0:{SCOPE}"

    @property
    def dpu_name(self) -> str:
        """The name of its DPU elsewhere."""
        return f"dpu{self.number}_0"

    @property
    def node(self) -> str:
        """The path of its node."""
        return f"{self.cluster}.switch{self.number}-dpu0"

    def neighbour(self, port: int | None = None) -> Neighbour:
        """As others have it in REMOTE_DPU, by default without anything in between."""
        return Neighbour(self.dpu_name, 0, (self.host,), self.port if port is None else port)

    async def start(self) -> None:
        """Run."""
        self._task = asyncio.create_task(self.bus.run())

    async def stop(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def ended(self) -> None:
        """Wait until it ends by itself."""
        assert self._task is not None
        async with asyncio.timeout(10):
            await self._task

    def meet(self, *others: Neighbour, **changes: Any) -> None:
        """Be on the bus and meet these."""
        self.bus.reach(ReachBus(self.node, (self.host,), self.port, others, **changes))

    def say(self, other: "Daemon", data: PeerData, to: str | None = None) -> None:
        """Its scope says something to the scope of another."""
        actor = self.scope.removeprefix("ha-scope/")
        self.bus.send(SendMessage(other.dpu_name, self.scope, to or other.scope, encode_message(actor, data)))

    def report(self, other: "Daemon", number: int, to: str | None = None) -> None:
        """Report a state; the number is its term."""
        self.say(other, state_report(number, self.number, other.number), to)

    def ask(self, other: "Daemon", attempt: int) -> None:
        """Ask for a vote."""
        actor = other.scope.removeprefix("ha-scope/")
        state, desired = "HA_STATE_CONNECTED", "DESIRED_HA_STATE_UNSPECIFIED"
        request = VoteRequest(dst_actor_id=actor, term="0", state=state, desired_state=desired, attempt=attempt)
        self.say(other, request)

    @property
    def up(self) -> dict[str, bool]:
        """What it was told last of each link."""
        return {change.dpu_name: change.up for change in self.links}

    def payloads(self) -> list[str]:
        """What it heard."""
        return [message.payload for message in self.heard]

    def terms(self, to: str | None = None) -> list[int]:
        """The numbers of the reports that it heard, for its scope or for another entity."""
        wanted = to or self.scope
        heard = [json.loads(message.payload) for message in self.heard if message.to == wanted]
        return [int(said["data"]["term"]) for said in heard if said["key"].startswith("HaScopeStateUpdate")]

    def release(self) -> None:
        """The steps of all messages that were held are done, and so are those that follow."""
        self.holds = False
        for delivery in self.held:
            delivery.answered(self.verdict)
        self.held.clear()

    def has_entity(self, path: str) -> bool:
        """It has this entity."""
        return path in self.entities

    def rows_of(self, path: str) -> list[tuple[str, str, Mapping[str, str]]]:
        """One row for each entity."""
        return [("DASH_HA_SCOPE_STATE", "vdpu0_0|haset0_0", {"local_ha_state": "HA_STATE_ACTIVE"})]

    @property
    def owed(self) -> int:
        """How much it still has to say."""
        endpoint = self.bus.endpoint
        return 0 if endpoint is None else endpoint.outbox.owed()

    def _take(self, news: Delivery | LinkChanged) -> None:
        if isinstance(news, LinkChanged):
            self.links.append(news)
            if news.up:
                asyncio.get_running_loop().call_soon(self.on_up)
            return
        self.heard.append(news.happened)
        if self.holds:
            self.held.append(news)
        else:
            news.answered(self.verdict)


Start = Callable[[Daemon], Awaitable[Daemon]]


def state_report(number: int, vdpu: int = 0, peer: int = 1) -> HaScopeStateUpdate:
    """A report whose term tells which one it is."""
    return HaScopeStateUpdate(
        owner=2,
        new_state="HA_STATE_ACTIVE",
        timestamp=number,
        term=str(number),
        vdpu_id=f"vdpu{vdpu}_0",
        peer_vdpu_id=f"vdpu{peer}_0",
    )


def address(port: int) -> SocketAddress:
    """A port of this host."""
    return SocketAddress("127.0.0.1", port)
