"""What is held while it is performed: what may stop it, and when its start is worth telling."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, Protocol, TypeVar

from orchestra.executor.domain.attempt import Failed

NOT_RENEWED = Failed("lost", "Its lease could not be renewed in time.")

NOTEWORTHY = 1.0
"""Seconds that a command runs before its start is told."""


class Held(Protocol):
    """Something under lease."""

    @property
    def id(self) -> str: ...


H = TypeVar("H", bound=Held)
T = TypeVar("T")


class Performance(Generic[H]):
    """Stops by itself at the end of its lease: from then on others may take it for lost.

    Instants are those of the event loop's clock, in seconds: nobody sets that one.
    """

    def __init__(self, held: H, lease_ends: float, tell_start: Callable[[H], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._tell_start = tell_start
        self.held = held
        self.stopped: asyncio.Future[Failed] = self._loop.create_future()
        self._end_of_lease = self._loop.call_at(lease_ends, self.stop, NOT_RENEWED)
        self._noteworthy: asyncio.TimerHandle | None = None

    def on_started(self, pid: int) -> None:
        del pid
        self._noteworthy = self._loop.call_later(NOTEWORTHY, self._tell_start, self.held)

    def stop(self, why: Failed) -> None:
        """End the command; the first reason counts."""
        if not self.stopped.done():
            self.stopped.set_result(why)

    def extend(self, lease_ends: float) -> None:
        self._end_of_lease.cancel()
        self._end_of_lease = self._loop.call_at(lease_ends, self.stop, NOT_RENEWED)

    def close(self) -> None:
        self._end_of_lease.cancel()
        if self._noteworthy is not None:
            self._noteworthy.cancel()


async def until_stopped(
    work: Coroutine[Any, Any, T], stopped: asyncio.Future[Failed], seconds: float | None = None
) -> asyncio.Task[T]:
    """The work as a task that has ended: by itself, or cancelled once `stopped` had a result or the time was over."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task, stopped}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()  # one that has ended by itself is not touched
        await asyncio.wait({task})
    return task
