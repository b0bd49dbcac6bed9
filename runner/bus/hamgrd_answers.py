"""What hamgrd does with a message that its node, or the swbusd of its slot, hands to it.

An entity that does not exist is answered for by hamgrd itself, with one exception: a vote request for a scope that is
not known here is an election of its own, and the node of the daemon answers it.

Source: bus 2 (routing inside hamgrd), 3.3, 6 rule 1.
"""

from collections.abc import Callable
from typing import Protocol

from attrs import frozen

from models.peer_messages import BadMessage, VoteRequest
from models.service_path import ServicePath
from models.swbus import (
    DataRequest,
    ErrorCode,
    ManagementRequest,
    ManagementRequestType,
    Ping,
    Response,
    RouteAnnouncement,
    SwbusMessage,
    TraceRoute,
    answer,
)
from runner.bus.forwarding import ROUTE_NOT_FOUND, Drop, DropReason
from runner.bus.inbox import SCOPE, key_of, kind_of


@frozen
class Reply:
    """Send an answer."""

    message: SwbusMessage


@frozen
class TakeIn:
    """Data for an entity: the inbox decides."""

    message: SwbusMessage


@frozen
class Settle:
    """The answer to something that an entity of this daemon had sent: for the outbox."""

    message: SwbusMessage
    response: Response


Reaction = Reply | TakeIn | Settle | Drop


class Entities(Protocol):
    """The entities of this daemon, by names like ``ha-scope/vdpu0:set0``."""

    def exists(self, entity: str) -> bool:
        """There is such an entity."""
        ...

    def state_dump(self, entity: str) -> str:
        """What it heard, wants and said, as text."""
        ...


@frozen
class HamgrdAnswers:
    """The answers of one hamgrd. ``next_id`` gives the next id of a path that sends."""

    base: ServicePath
    entities: Entities
    next_id: Callable[[ServicePath], int]

    def delivered(self, message: SwbusMessage) -> Reaction:
        """What becomes of a message."""
        if isinstance(message.body, Response):
            return Settle(message, message.body)
        if isinstance(message.body, RouteAnnouncement):
            return Drop(DropReason.NOT_FOR_HAMGRD, "route announcement")
        destination = message.header.destination
        if destination == self.base:
            return self._for_hamgrd(message)
        if destination.base == self.base and self.entities.exists(destination.resource):
            return self._for_entity(message)
        if destination.base == self.base and _asks_for_vote(message):
            return TakeIn(message)
        return self._reply(message, ErrorCode.NO_ROUTE, ROUTE_NOT_FOUND, source=self.base)

    def _for_hamgrd(self, message: SwbusMessage) -> Reaction:
        if isinstance(message.body, Ping | TraceRoute):
            return self._reply(message, ErrorCode.OK)
        return Drop(DropReason.NOT_FOR_HAMGRD, type(message.body).__name__)

    def _for_entity(self, message: SwbusMessage) -> Reaction:
        match message.body:
            case DataRequest():
                return TakeIn(message)
            case ManagementRequest(ManagementRequestType.GET_ACTOR_STATE):
                dump = self.entities.state_dump(message.header.destination.resource)
                return self._reply(message, ErrorCode.OK, query_result=dump)
            case ManagementRequest(number):
                return self._reply(message, ErrorCode.INVALID_ARGS, f"management request {int(number)} is not known")
        return self._reply(message, ErrorCode.OK)

    def _reply(
        self,
        request: SwbusMessage,
        code: ErrorCode,
        error_message: str = "",
        *,
        source: ServicePath | None = None,
        query_result: str | None = None,
    ) -> Reply:
        answering = request.header.destination if source is None else source
        reply_id = self.next_id(answering)
        return Reply(answer(request, reply_id, code, error_message, source=answering, query_result=query_result))


def _asks_for_vote(message: SwbusMessage) -> bool:
    """The key alone decides; whether it is a good request is for the inbox."""
    destination = message.header.destination
    if not isinstance(message.body, DataRequest) or destination.resource_type != SCOPE or not destination.resource_id:
        return False
    try:
        return kind_of(key_of(message.body.payload)) == VoteRequest.__name__
    except BadMessage:
        return False
