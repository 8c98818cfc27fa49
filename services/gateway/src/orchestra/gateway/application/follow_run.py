"""Follow what the commands of a run print: its feed says which attempts there are, and each is read as one is alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from orchestra.chassis.errors import Unavailable
from orchestra.contracts.ids import AttemptId, RunId, TaskId
from orchestra.contracts.scheduling import RunChanged, RunStatus, TasksChanged
from orchestra.gateway.application.follow_attempt import LOOK, Attempt, Ended, Follower, Tail, Told, log
from orchestra.gateway.domain.feed import FeedItem
from orchestra.gateway.domain.output import RunPlace

BEGUN = ("queued", "running")
OVER = ("finished", "failed", "cancelled")

PATIENCE = 10.0
"""Seconds that a run that is over is waited with, for entries of the feed that are still on their way."""


class RunFeed(Protocol):
    """The entries of one run in the feed of its workspace."""

    async def after(self, sequence: int) -> Sequence[FeedItem]:
        """The next ones, not all at once; empty when nothing follows. Raises Unavailable."""
        ...

    async def news(self) -> None:
        """Returns when something may have come."""
        ...


class RunOutput:
    """One reader of one run. Its place grows with what it hands out."""

    def __init__(self, follower: Follower, feed: RunFeed, run_id: RunId, place: RunPlace) -> None:
        self._follower = follower
        self._feed = feed
        self._run_id = run_id
        self._from = place
        self._sequence, self._index = place.sequence, place.index
        self._tails: dict[AttemptId, Tail] = {}
        self._ending: set[AttemptId] = set()
        """Those of them whose task goes on without them; the executor has still to end them."""
        self._expected: set[TaskId] = set()
        """Tasks whose attempt has begun and was not found yet."""
        self._status: RunStatus | None = None
        self._over_since: float | None = None

    @property
    def place(self) -> RunPlace:
        return RunPlace(self._sequence, self._index, {name: tail.reading.place for name, tail in self._tails.items()})

    async def parts(self) -> AsyncIterator[Told | Ended]:
        reopened = False
        while await self._follower.go_on():
            news = asyncio.create_task(self._feed.news())  # what comes while we look is not missed
            try:
                if not reopened:
                    await self._reopen()
                    reopened = True
                async for part in self._round(news):
                    yield part
                    if isinstance(part, Ended):
                        return
            except Unavailable as error:
                log.warning("output waits", reason=str(error))
                await asyncio.sleep(LOOK)
            finally:
                news.cancel()

    async def _reopen(self) -> None:
        """Go on with what was open at the place; what is none of this workspace's is left out."""
        self._status = await self._follower.outputs.run_status(self._follower.requester, self._run_id)
        for attempt_id, place in self._from.open.items():
            attempt = await self._follower.outputs.attempt(self._follower.requester, attempt_id)
            if attempt is not None:
                self._tails[attempt_id] = Tail(self._follower, attempt, place)

    async def _round(self, news: asyncio.Task[None]) -> AsyncIterator[Told | Ended]:
        items = await self._feed.after(self._sequence)
        for item in items:
            async for told in self._item(item):
                yield told
        async for told in self._end_what_can_end():
            yield told
        if items:
            return  # more may be there already
        await self._find_expected()
        if await self._is_over():
            yield Ended(str(self._status))
            return
        async for told in self._live(news):
            yield told

    async def _item(self, item: FeedItem) -> AsyncIterator[Told]:
        if item.kind == RunChanged.kind:
            self._status = item.data["status"]
        if item.kind == TasksChanged.kind:
            for change in item.data["changes"][self._index :]:
                async for told in self._change(change):
                    yield told
                self._index += 1
        self._sequence, self._index = item.sequence, 0

    async def _change(self, change: dict[str, Any]) -> AsyncIterator[Told]:
        if change["after"] in BEGUN:
            self._expected.add(change["task_id"])
        elif has_ended(change):
            self._expected.discard(change["task_id"])
            attempts = await self._attempts_of(change["task_id"])
            found = next((each for each in attempts if each.number == change["attempt"]), None)
            if found is not None:
                tail = self._tails.setdefault(found.id, Tail(self._follower, found))
                async for told in self._end(tail, found):
                    yield told

    async def _end(self, tail: Tail, found: Attempt) -> AsyncIterator[Told]:
        """Read it to its end, if it has come to one."""
        self._ending.add(found.id)
        if found.ended:
            async for told in tail.rest(found):
                yield told
            del self._tails[found.id]
            self._ending.discard(found.id)

    async def _end_what_can_end(self) -> AsyncIterator[Told]:
        for attempt_id in sorted(self._ending):
            found = await self._follower.outputs.attempt(self._follower.requester, attempt_id)
            if found is not None:
                async for told in self._end(self._tails[attempt_id], found):
                    yield told

    async def _find_expected(self) -> None:
        for task_id in sorted(self._expected):
            going = [attempt for attempt in await self._attempts_of(task_id) if not attempt.ended]
            for attempt in going:
                self._tails.setdefault(attempt.id, Tail(self._follower, attempt))
            if going:
                self._expected.discard(task_id)

    async def _attempts_of(self, task_id: TaskId) -> Sequence[Attempt]:
        return await self._follower.outputs.attempts(self._follower.requester, self._run_id, task_id)

    async def _is_over(self) -> bool:
        """When its run is over, all attempts have been told of, and none is left to be read."""
        if self._status not in OVER or self._tails:
            self._over_since = None
            return False
        now = asyncio.get_running_loop().time()
        self._over_since = self._over_since or now
        return now - self._over_since > PATIENCE or await self._all_are_told()

    async def _all_are_told(self) -> bool:
        """A run's end may reach the feed before the ends of its last attempts: they come by a queue of their own."""
        attempts = await self._follower.outputs.attempts(self._follower.requester, self._run_id)
        untold, sequence = {(attempt.task_id, attempt.number) for attempt in attempts}, 0
        while untold and sequence < self._sequence and (items := await self._feed.after(sequence)):
            changes = [change for item in items for change in item.data.get("changes", ())]
            untold -= {(change["task_id"], change["attempt"]) for change in changes if has_ended(change)}
            sequence = items[-1].sequence
        return not untold

    async def _live(self, news: asyncio.Task[None]) -> AsyncIterator[Told]:
        """What comes until there is news."""
        while not news.done():
            places = {tail.name: tail.reading.reached for tail in self._tails.values()}
            reading = asyncio.create_task(self._follower.streams.read(places, LOOK)) if places else None
            try:
                await asyncio.wait({news, *([reading] if reading else [])}, return_when=asyncio.FIRST_COMPLETED)
                if reading is not None and reading.done():
                    for tail in self._tails.values():
                        for told in tail.live(reading.result()):
                            yield told
            finally:
                if reading is not None:
                    reading.cancel()


def has_ended(change: dict[str, Any]) -> bool:
    """Whether the change of a task is the end of an attempt."""
    return change["before"] in BEGUN and change["after"] not in BEGUN
