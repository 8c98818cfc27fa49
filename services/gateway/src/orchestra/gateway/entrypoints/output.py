"""What commands print, while they run and afterwards, as streams of server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from orchestra.chassis.http.identity import CurrentCaller
from orchestra.gateway.adapters.outputs import HttpOutputs
from orchestra.gateway.application.follow_attempt import Ended, Follower, Told, follow_attempt
from orchestra.gateway.application.follow_run import RunFeed, RunOutput
from orchestra.gateway.application.record_feed import feed_wake
from orchestra.gateway.domain.errors import UnknownAttempt, UnknownRun
from orchestra.gateway.domain.feed import FeedItem
from orchestra.gateway.domain.output import Piece, RunPlace
from orchestra.gateway.entrypoints.access import PREFIX, CurrentServices, needs
from orchestra.gateway.entrypoints.sse import Watcher, event

POLL = 2.0
"""Seconds. The safety net under the wake-ups, which are only hints."""

BATCH = 50
"""Entries of the feed at a time; each may tell of some hundred changes."""

router = APIRouter(prefix=PREFIX, tags=["events"])

After = Annotated[int, Query(ge=0, le=2**53, description="The bytes already seen; 0 for all.")]
LastEventId = Annotated[int | None, Header(ge=0, le=2**53, description="Like `after`, which it goes before.")]
AfterPlace = Annotated[str, Query(max_length=200_000, description="The id of the last event already seen.")]
LastPlace = Annotated[str | None, Header(alias="last-event-id", description="Like `after`, which it goes before.")]


@router.get("/attempts/{attempt_id}/output", dependencies=[needs("read")], response_class=EventSourceResponse)
async def stream_attempt(
    attempt_id: str,
    request: Request,
    caller: CurrentCaller,
    services: CurrentServices,
    after: After = 0,
    last_event_id: LastEventId = None,
) -> EventSourceResponse:
    """What its command prints: `output` with text, `gap` where something is missing, `end`. An id counts bytes."""
    watcher, outputs = Watcher(request, caller), HttpOutputs(services)
    attempt = await outputs.attempt(caller, attempt_id)
    if attempt is None:
        raise UnknownAttempt
    follower = Follower(caller, outputs, watcher.room.streams, watcher.may_go_on)
    place = after if last_event_id is None else last_event_id
    return watcher.respond(_attempt_events(follow_attempt(follower, attempt, place)))


@router.get("/runs/{run_id}/output", dependencies=[needs("read")], response_class=EventSourceResponse)
async def stream_run(
    run_id: str,
    request: Request,
    caller: CurrentCaller,
    services: CurrentServices,
    after: AfterPlace = "",
    last_event_id: LastPlace = None,
) -> EventSourceResponse:
    """What the commands of a run print, as for an attempt, each event with its attempt and task. Ids are opaque."""
    watcher, outputs = Watcher(request, caller), HttpOutputs(services)
    text = after if last_event_id is None else last_event_id
    place = RunPlace.parse(text) if text else RunPlace()
    if await outputs.run_status(caller, run_id) is None:
        raise UnknownRun
    follower = Follower(caller, outputs, watcher.room.streams, watcher.may_go_on)
    return watcher.respond(_run_events(RunOutput(follower, _Feed(watcher, run_id), run_id, place)))


async def _attempt_events(parts: AsyncIterator[Told | Ended]) -> AsyncIterator[ServerSentEvent]:
    async for part in parts:
        yield _event(part, str(part.part.end) if isinstance(part, Told) else None)


async def _run_events(output: RunOutput) -> AsyncIterator[ServerSentEvent]:
    async for part in output.parts():
        yield _event(part, str(output.place))


def _event(told: Told | Ended, place: str | None) -> ServerSentEvent:
    if isinstance(told, Ended):
        return event("end", {"status": told.status}, place)
    attempt = told.attempt
    which: dict[str, Any] = {"attempt_id": attempt.id, "task_id": attempt.task_id, "number": attempt.number}
    return event("output" if isinstance(told.part, Piece) else "gap", which | asdict(told.part), place)


@dataclass(frozen=True)
class _Feed(RunFeed):
    watcher: Watcher
    run_id: str

    async def after(self, sequence: int) -> Sequence[FeedItem]:
        async with self.watcher.room.database.read() as view:
            return await view.feed.after(self.watcher.caller.workspace_id, sequence, BATCH, self.run_id)

    async def news(self) -> None:
        stopped = self.watcher.stops()
        wake = feed_wake(self.watcher.caller.workspace_id)
        woken = asyncio.create_task(self.watcher.room.wakeups.wait(wake, POLL))
        try:
            await asyncio.wait((woken, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            stopped.cancel()
