"""The loop that sends: claim in one transaction, send outside any, record in a second one."""

import asyncio
import random
from datetime import timedelta
from typing import Any, Protocol

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.wakeups import Wakeups
from orchestra.notifier.adapters.work import NotifyingWork
from orchestra.notifier.application.claim_due import Claim, claim_due
from orchestra.notifier.application.hand_back import hand_back
from orchestra.notifier.application.record_outcome import record_outcome
from orchestra.notifier.domain.channel import Medium
from orchestra.notifier.domain.delivery import Delivery, Outcome
from orchestra.notifier.entrypoints.traces import sending

log = logger("deliveries")

LEASE = timedelta(seconds=60)
"""Longer than any try takes. Whoever died between sending and recording is succeeded after this, under the same id."""

GRACE_S = 5.0
"""How long a stop waits for tries on their way; what is cut off is handed back, and sent again by the next holder."""


class Sender(Protocol):
    """Sends what goes by one medium."""

    async def send(self, delivery: Delivery, channel: Any) -> Outcome:
        """One try. What goes wrong on the way is an outcome as well."""
        ...

    async def close(self) -> None: ...


class Courier:
    """Sends the deliveries of one medium on up to `slots` tasks of their own: a slow one holds up nobody else."""

    def __init__(
        self, medium: Medium, database: Database[NotifyingWork], sender: Sender, wakeups: Wakeups, slots: int
    ) -> None:
        self._medium: Medium = medium
        self._database = database
        self._sender = sender
        self._wakeups = wakeups
        self._slots = slots
        self._sending: dict[asyncio.Task[None], Claim[Any]] = {}

    async def step(self) -> bool:
        """Claim as much as there are free slots; never waits for the other side."""
        free = self._slots - len(self._sending)
        if free:
            async with self._database.begin() as work:
                claims = await claim_due(work, self._medium, limit=free, lasting=LEASE)
            for claim in claims:
                task = asyncio.create_task(self._send(claim), name=claim.delivery.id)
                self._sending[task] = claim
                task.add_done_callback(self._sent)
        return False  # a slot that becomes free wakes the loop

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.pop(task, None)
        self._wakeups.wake("deliveries")
        if not task.cancelled() and (error := task.exception()):
            # Its lease ends, and it is sent again under the same id.
            log.error("delivery not recorded", delivery=task.get_name(), exc_info=error)

    async def _send(self, claim: Claim[Any]) -> None:
        with sending(self._medium, claim.delivery) as tell:
            outcome = await self._sender.send(claim.delivery, claim.channel)
            tell(outcome)
        async with self._database.begin() as work:
            disabled = await record_outcome(work, claim, outcome, fraction=random.random())  # noqa: S311 - jitter
        told = log.bind(channel_id=claim.channel.id, delivery_id=claim.delivery.id)
        told.info(f"{self._medium} sent", status=outcome.status, reason=outcome.reason, ms=outcome.took_ms)
        if disabled:
            told.warning(f"{self._medium} disabled", reason=disabled.disabled_reason)

    async def stop(self) -> None:
        """Finish what is on its way, for a while; the rest is handed back."""
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=GRACE_S)
            claims = [self._sending[task] for task in late]
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            async with self._database.begin() as work:
                await hand_back(work, self._medium, claims)
        await self._sender.close()
