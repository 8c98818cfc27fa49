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
    """Its steps are the loops `express` and `sent`."""

    def __init__(self, database: Database[UnitOfWork], transport: Transport) -> None:
        self._database = database
        self._handover = database.handover
        self._transport = transport
        self._on_their_way: set[asyncio.Task[None]] = set()

    async def step(self) -> bool:
        """Send a batch off; True when another one waits."""
        while len(self._on_their_way) >= ON_THEIR_WAY:
            await asyncio.wait(self._on_their_way, return_when=asyncio.FIRST_COMPLETED)
        if batch := self._handover.take(BATCH):
            task = asyncio.create_task(self._publish(batch), name=f"publish {len(batch)}")
            self._on_their_way.add(task)
            task.add_done_callback(self._on_their_way.discard)
        return len(self._handover) > 0

    async def _publish(self, batch: Sequence[Outgoing]) -> None:
        try:
            sent, failed = await publish(batch, self._transport, self._database.service)
        except Exception:
            self._handover.give_back(batch)
            log.exception("events not published", count=len(batch))
            return
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
            while await self.step() or self._on_their_way:
                if self._on_their_way:
                    await asyncio.wait(self._on_their_way, return_when=asyncio.FIRST_COMPLETED)
            while await self.mark():
                pass
        finally:
            for task in self._on_their_way:
                task.cancel()
            await asyncio.gather(*self._on_their_way, return_exceptions=True)
