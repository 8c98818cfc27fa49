"""An attempt while it is performed: what may stop it, and when its start is worth telling."""

import asyncio
from collections.abc import Callable

from orchestra.executor.domain.attempt import Failed, HeldAttempt

NOT_RENEWED = Failed("lost", "Its lease could not be renewed in time.")

NOTEWORTHY = 1.0
"""Seconds that a command runs before its start is told."""


class Performance:
    """Stops by itself at the end of its lease: from then on others may take it for lost.

    Instants are those of the event loop's clock, in seconds: nobody sets that one.
    """

    def __init__(self, attempt: HeldAttempt, lease_ends: float, tell_start: Callable[[HeldAttempt], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._tell_start = tell_start
        self.attempt = attempt
        self.stopped: asyncio.Future[Failed] = self._loop.create_future()
        self._end_of_lease = self._loop.call_at(lease_ends, self.stop, NOT_RENEWED)
        self._noteworthy: asyncio.TimerHandle | None = None

    def on_started(self, pid: int) -> None:
        del pid
        self._noteworthy = self._loop.call_later(NOTEWORTHY, self._tell_start, self.attempt)

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
