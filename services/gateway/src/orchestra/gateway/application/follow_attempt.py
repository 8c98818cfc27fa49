"""Follow what an attempt prints: live as far as it can be seen, and from there in its log."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from orchestra.chassis.errors import Unavailable
from orchestra.chassis.streams import Chunk, Streams
from orchestra.chassis.telemetry.logging import logger
from orchestra.contracts.ids import AttemptId, RunId, TaskId
from orchestra.contracts.output import output_of
from orchestra.contracts.scheduling import RunStatus
from orchestra.gateway.application.ports import Requester
from orchestra.gateway.domain.output import Gap, Piece, Reading

log = logger("output")

LOOK = 1.0
"""Seconds between two looks at what cannot be seen in the streams."""


@dataclass(frozen=True)
class Attempt:
    id: AttemptId
    task_id: TaskId
    number: int
    status: str
    ended: bool
    log_bytes: int
    """0 while it has no log."""


class Outputs(Protocol):
    """What other services know. Each call raises Unavailable; what is another workspace's does not exist."""

    async def attempt(self, requester: Requester, attempt_id: AttemptId) -> Attempt | None: ...

    async def attempts(self, requester: Requester, run_id: RunId, task_id: TaskId | None = None) -> Sequence[Attempt]:
        """Of the run, or of one of its tasks; the oldest first."""
        ...

    def log(self, requester: Requester, attempt_id: AttemptId, offset: int) -> AsyncGenerator[bytes]:
        """What follows so many bytes of the log of an attempt that has ended."""
        ...

    async def run_status(self, requester: Requester, run_id: RunId) -> RunStatus | None: ...


@dataclass(frozen=True)
class Follower:
    """Who follows, and by what."""

    requester: Requester
    outputs: Outputs
    streams: Streams
    go_on: Callable[[], Awaitable[bool]]
    """False when whoever follows has gone or may not any more."""


@dataclass(frozen=True)
class Told:
    attempt: Attempt
    part: Piece | Gap


@dataclass(frozen=True)
class Ended:
    """Nothing more comes."""

    status: str


class Tail:
    """The output of one attempt, read as far as it goes."""

    def __init__(self, follower: Follower, attempt: Attempt, place: int = 0) -> None:
        self._follower = follower
        self.attempt = attempt
        self.reading = Reading(place)
        self.name = output_of(follower.requester.workspace_id, attempt.id)

    def live(self, seen: Mapping[str, Sequence[Chunk]]) -> Iterator[Told]:
        """What is new in the chunks of its stream."""
        for chunk in seen.get(self.name, ()):
            for part in self.reading.take(chunk.start, chunk.content):
                yield Told(self.attempt, part)

    async def rest(self, attempt: Attempt) -> AsyncIterator[Told]:
        """To the end of the log, once the attempt has ended. Broken off, it can be begun again."""
        if attempt.log_bytes > self.reading.reached:
            place = self.reading.reached
            async with aclosing(self._follower.outputs.log(self._follower.requester, attempt.id, place)) as contents:
                async for content in contents:
                    for part in self.reading.take(place, content):
                        yield Told(attempt, part)
                    place += len(content)
        for part in self.reading.finish():
            yield Told(attempt, part)


async def follow_attempt(follower: Follower, attempt: Attempt, place: int) -> AsyncIterator[Told | Ended]:
    """From a place, in bytes, to the end of its log."""
    tail = Tail(follower, attempt, place)
    while await follower.go_on():
        try:
            found = await follower.outputs.attempt(follower.requester, attempt.id)
            if found is not None and found.ended:
                async for told in tail.rest(found):
                    yield told
                yield Ended(found.status)
                return
        except Unavailable as error:
            log.warning("output waits", reason=str(error))
        async for told in _live(follower, tail):
            yield told


async def _live(follower: Follower, tail: Tail) -> AsyncIterator[Told]:
    """What comes until it is time to look whether the attempt has ended."""
    loop = asyncio.get_running_loop()
    until = loop.time() + LOOK
    while (left := until - loop.time()) > 0:
        for told in tail.live(await follower.streams.read({tail.name: tail.reading.reached}, left)):
            yield told
