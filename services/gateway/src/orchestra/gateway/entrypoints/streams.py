"""The feed of a workspace: as a stream of server-sent events, and as pages for those who poll."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel
from sse_starlette import EventSourceResponse, ServerSentEvent

from orchestra.chassis.errors import Unavailable
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.problems import Problem
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Page
from orchestra.chassis.telemetry.logging import logger
from orchestra.gateway.application.record_feed import feed_wake
from orchestra.gateway.domain.errors import UnknownRun
from orchestra.gateway.domain.feed import FeedItem
from orchestra.gateway.entrypoints.access import PREFIX, CurrentDatabase, CurrentServices, needs
from orchestra.gateway.entrypoints.sse import Watcher, event

log = logger("streams")

POLL = 2.0
"""Seconds. The safety net under the wake-ups, which are only hints."""

BATCH = 200

router = APIRouter(prefix=PREFIX, tags=["events"])


class FeedItemView(BaseModel):
    """Something that happened; `sequence` counts in the workspace without a gap."""

    sequence: int
    kind: str
    at: datetime
    project_id: str
    run_id: str | None
    data: dict[str, Any]


After = Annotated[int, Query(ge=0, le=2**53, description="The last sequence already seen; 0 for all.")]
LastEventId = Annotated[int | None, Header(ge=0, le=2**53, description="Like `after`, which it goes before.")]


@dataclass(frozen=True)
class _Watch:
    """What one client watches."""

    watcher: Watcher
    run_id: str | None = None

    async def events(self, after: int) -> AsyncIterator[ServerSentEvent]:
        stopped = self.watcher.stops()
        try:
            async for item in self._items_after(after, stopped):
                yield event(item.kind, item, str(item.sequence))
        finally:
            stopped.cancel()

    async def _items_after(self, after: int, stopped: asyncio.Task[None]) -> AsyncIterator[FeedItem]:
        room, workspace_id = self.watcher.room, self.watcher.caller.workspace_id
        while await self.watcher.may_go_on():
            # Listening begins before looking: what is committed in between wakes.
            woken = asyncio.create_task(room.wakeups.wait(feed_wake(workspace_id), POLL))
            try:
                items = await self._items(after)
                for item in items:
                    yield item
                    after = item.sequence
                if len(items) < BATCH:
                    await asyncio.wait((woken, stopped), return_when=asyncio.FIRST_COMPLETED)
            finally:
                woken.cancel()

    async def _items(self, after: int) -> list[FeedItem]:
        try:
            async with self.watcher.room.database.read() as view:
                return await view.feed.after(self.watcher.caller.workspace_id, after, BATCH, self.run_id)
        except Unavailable as error:
            log.warning("stream waits", reason=str(error))
            return []


@router.get("/events", dependencies=[needs("read")], response_class=EventSourceResponse)
async def stream(
    request: Request, caller: CurrentCaller, after: After = 0, last_event_id: LastEventId = None
) -> EventSourceResponse:
    """All that happens in the workspace: id = sequence, event = kind, data = the item."""
    watcher = Watcher(request, caller)
    return watcher.respond(_Watch(watcher).events(after if last_event_id is None else last_event_id))


@router.get("/runs/{run_id}/events", dependencies=[needs("read")], response_class=EventSourceResponse)
async def stream_run(
    run_id: str,
    request: Request,
    caller: CurrentCaller,
    services: CurrentServices,
    database: CurrentDatabase,
    after: After = 0,
    last_event_id: LastEventId = None,
) -> EventSourceResponse:
    """What happens in one run; the ids are still those of the workspace, so they have gaps here."""
    async with database.read() as view:
        seen = await view.feed.after(caller.workspace_id, 0, 1, run_id)
    if not seen and not await services.knows_run(caller, run_id):
        raise UnknownRun
    watcher = Watcher(request, caller)
    return watcher.respond(_Watch(watcher, run_id).events(after if last_event_id is None else last_event_id))


@router.get("/feed", dependencies=[needs("read")])
async def list_feed(
    caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor, after: After = 0, run_id: str | None = None
) -> Page[FeedItemView]:
    """The same items as a page, for those who poll: ask again with the last `sequence` as `after`."""
    if cursor.after is not None:
        if not cursor.after.isdigit():
            raise Problem(422, "invalid-cursor", "this cursor belongs to another list")
        after = int(cursor.after)
    items = await view.feed.after(caller.workspace_id, after, cursor.limit + 1, run_id)
    page = cursor.page(items, "sequence")
    return Page(
        data=[FeedItemView.model_validate(item, from_attributes=True) for item in page.data],
        next_cursor=page.next_cursor,
    )
