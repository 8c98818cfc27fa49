"""Server-sent events: how every stream of the gateway begins, shows that it lives, and ends."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import anyio
from fastapi import Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from orchestra.chassis.errors import Unavailable
from orchestra.chassis.http.identity import Caller, Identify
from orchestra.chassis.http.problems import Problem
from orchestra.chassis.messaging.message import plain
from orchestra.chassis.service import Room
from orchestra.gateway.adapters.work import GatewayWork
from orchestra.gateway.settings import GatewaySettings

RETRY_MS = 2000
"""What a client is told to wait before it connects again."""

SLOWEST = 30.0
"""Seconds a reader may take for one event; then it is cut off instead of buffered for."""

FAREWELL = 3.0
"""Seconds in which a stream ends by itself when the server stops."""


@dataclass(frozen=True)
class Watcher:
    """Who watches, on which connection."""

    request: Request
    caller: Caller
    stopping: anyio.Event = field(default_factory=anyio.Event)
    """Set when the server stops: the stream then ends in good order."""

    @property
    def room(self) -> Room[GatewayWork, GatewaySettings]:
        return self.request.app.state.room

    async def may_go_on(self) -> bool:
        """A stream outlives neither its key nor its grant."""
        if self.stopping.is_set():
            return False
        identify: Identify = self.request.app.state.identify
        try:
            return "read" in (await identify(self.request)).grants
        except Problem:
            return False
        except Unavailable:
            return True

    def stops(self) -> asyncio.Task[None]:
        """Done when the server stops; whoever asked cancels it."""
        return asyncio.create_task(self.stopping.wait())

    def respond(self, events: AsyncIterator[ServerSentEvent]) -> EventSourceResponse:
        return EventSourceResponse(
            _opened(events),
            ping=self.room.settings.stream_heartbeat_s,
            ping_message_factory=_heartbeat,
            send_timeout=SLOWEST,
            shutdown_event=self.stopping,
            shutdown_grace_period=FAREWELL,
        )


async def _opened(events: AsyncIterator[ServerSentEvent]) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(retry=RETRY_MS, comment="open")
    async for event in events:
        yield event


def event(kind: str, content: Any, place: str | None = None) -> ServerSentEvent:
    return ServerSentEvent(plain(content), event=kind, id=place)


def _heartbeat() -> ServerSentEvent:
    """A named event, because clients never see comments: silence tells them that the connection is dead."""
    return event("heartbeat", {"at": datetime.now(UTC)})
