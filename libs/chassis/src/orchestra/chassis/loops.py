"""Supervised loops: leased work that goes on until the service stops, whatever it meets."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from orchestra.chassis.errors import Unavailable
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.wakeups import Wakeups

log = logger("loops")

LONGEST_PAUSE = 10.0
"""Seconds between two tries of a loop that keeps failing."""

SLOWING = 1.25
"""How much longer each pause of a loop gets that finds nothing, where it may slow down: what time brings is then found
at most a quarter later than it could have been."""


@dataclass
class Loop:
    """A step that is done again and again: at once while it returns True, else when woken or after `every` seconds."""

    name: str
    step: Callable[[], Awaitable[bool]]
    every: float
    wake: str = ""
    steady: bool = False
    """Never slows down: others count on its pace."""
    gap: float = 0.0
    """Seconds at least from one step to the next, however often it is woken: what is woken for gathers meanwhile."""
    ahead: Callable[[], Awaitable[float | None]] | None = None
    """Seconds until time brings something, asked where it has slowed down: it waits no longer than that."""
    failures: int = field(default=0, init=False)
    """In a row; 0 when the last step went well."""
    pause: float = field(default=0.0, init=False)
    """Seconds of the wait that it is in, or was in last."""

    @property
    def is_slow(self) -> bool:
        return self.pause > self.every and not self.failures

    async def run(self, wakeups: Wakeups, slowest: float = 0.0) -> None:
        """Go on for ever. Ends only when its task is cancelled.

        With `slowest` a loop that finds nothing and is not woken waits longer each time, up to so many seconds.
        """
        quiet = self.every
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            comes = None
            try:
                if await self.step():
                    self.failures = 0
                    quiet = self.every
                    continue
                if self.ahead is not None and quiet > self.every:
                    comes = await self.ahead()
                self.failures = 0
            except asyncio.CancelledError:
                # The broker's client raises CancelledError at a lost heartbeat although nobody cancelled this task.
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                self.failures += 1
                log.warning("loop interrupted", loop=self.name)
            except Unavailable as error:
                self.failures += 1
                log.warning("loop waits", loop=self.name, reason=str(error))
            except Exception:
                self.failures += 1
                log.exception("loop failed", loop=self.name)
            self.pause = min(0.1 * 2**self.failures, LONGEST_PAUSE) if self.failures else quiet
            if comes is not None and not self.failures:
                self.pause = min(quiet, max(comes, 0.01))
            woken = await wakeups.wait(self.wake or self.name, self.pause)
            if (early := began + self.gap - loop.time()) > 0:
                await asyncio.sleep(early)
            slower = self.every if self.steady or woken or self.failures else min(quiet * SLOWING, slowest)
            quiet = max(self.every, slower)
