"""The express: publishes what this process has just committed, straight after the commit.

Several batches may be on their way at a time, in their order; none waits for the outbox to say that the one before is
sent. That is written a moment later, for many at once: after a kill in between they are published once more, which is
nothing new to consumers.
"""

import asyncio
from collections.abc import Sequence

from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.errors import ChassisError
from orchestra.chassis.messaging import outbox
from orchestra.chassis.messaging.message import Outgoing
from orchestra.chassis.messaging.relay import BATCH, postpone, publish
from orchestra.chassis.messaging.transport import Transport
from orchestra.chassis.telemetry.logging import logger

log = logger("express")

ON_THEIR_WAY = 16
"""Batches at a time."""

MARKED = 4096
"""Events in one statement that says that they are sent."""


class Express:
    """It goes by itself whenever something is committed; its steps are the loops `express` and `sent`."""

    def __init__(self, database: Database[UnitOfWork], transport: Transport) -> None:
        self._database = database
        self._handover = database.handover
        self._transport = transport
        self._on_their_way: set[asyncio.Task[bool]] = set()
        # Not by waking a loop: each step of a run waits for this.
        self._handover.on_given = self.go

    def go(self) -> None:
        """Send off what waits, as far as there is room on the way."""
        while len(self._on_their_way) < ON_THEIR_WAY and (batch := self._handover.take(BATCH)):
            task = asyncio.create_task(self._publish(batch), name=f"publish {len(batch)}")
            self._on_their_way.add(task)
            task.add_done_callback(self._arrived)

    def _arrived(self, task: asyncio.Task[bool]) -> None:
        self._on_their_way.discard(task)
        if not task.cancelled() and task.result():
            self.go()

    async def step(self) -> bool:
        """Try again with what was given back."""
        self.go()
        return False

    async def _publish(self, batch: Sequence[Outgoing]) -> bool:
        """False where the batch was given back."""
        try:
            sent, failed = await publish(batch, self._transport, self._database.service)
        except Exception:
            self._handover.give_back(batch)
            log.exception("events not published", count=len(batch))
            return False
        except asyncio.CancelledError:
            self._handover.give_back(batch)
            raise
        self._handover.sent(sent)
        if failed:
            try:
                async with self._database.begin() as work:
                    await postpone(work, self._handover.token, failed)
            except ChassisError as error:
                log.warning("events are left to the end of their claim", count=len(failed), reason=str(error))
        return True

    async def mark(self) -> bool:
        """Have the outbox say what is sent; True when there is more."""
        marked = self._handover.take_sent(MARKED)
        if not marked:
            return False
        try:
            async with self._database.begin() as work:
                await outbox.mark_sent(work, self._handover.token, marked)
        except BaseException:
            self._handover.sent(marked)
            raise
        return len(marked) == MARKED

    async def finish(self) -> None:
        """Publish what waits, and mark it. What is cut off goes out at the next start."""
        try:
            self.go()
            while self._on_their_way:
                await asyncio.wait(self._on_their_way)
                self.go()
            while await self.mark():
                pass
        finally:
            while self._on_their_way:  # one that arrives just now sends the next one off
                for task in self._on_their_way:
                    task.cancel()
                await asyncio.gather(*self._on_their_way, return_exceptions=True)
