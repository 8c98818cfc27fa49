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


@dataclass
class Loop:
    """A step that is done again and again: at once while it returns True, else when woken or after `every` seconds."""

    name: str
    step: Callable[[], Awaitable[bool]]
    every: float
    wake: str = ""
    failures: int = field(default=0, init=False)
    """In a row; 0 when the last step went well."""

    async def run(self, wakeups: Wakeups) -> None:
        """Go on for ever. Ends only when its task is cancelled."""
        while True:
            try:
                if await self.step():
                    self.failures = 0
                    continue
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
            pause = min(0.1 * 2**self.failures, LONGEST_PAUSE) if self.failures else self.every
            await wakeups.wait(self.wake or self.name, pause)
