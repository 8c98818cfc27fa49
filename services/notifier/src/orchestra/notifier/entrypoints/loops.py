"""The loop that sends: claim in one transaction, send outside any, record in a second one."""

import asyncio
import random
from datetime import timedelta

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.wakeups import Wakeups
from orchestra.notifier.adapters.webhook_client import WebhookClient
from orchestra.notifier.adapters.work import NotifyingWork
from orchestra.notifier.application.claim_due import Claim, claim_due
from orchestra.notifier.application.record_outcome import record_outcome

log = logger("deliveries")

LEASE = timedelta(seconds=60)
"""Longer than any try takes. Whoever died between sending and recording is succeeded after this, under the same id."""

GRACE_S = 5.0
"""How long a stop waits for tries on their way; what is cut off is sent again once its lease has ended."""


class Courier:
    """Sends deliveries on up to `slots` tasks of their own, so that a slow endpoint holds up nobody else."""

    def __init__(self, database: Database[NotifyingWork], client: WebhookClient, wakeups: Wakeups, slots: int) -> None:
        self._database = database
        self._client = client
        self._wakeups = wakeups
        self._slots = slots
        self._sending: set[asyncio.Task[None]] = set()

    async def step(self) -> bool:
        """Claim as much as there are free slots; never waits for an endpoint."""
        free = self._slots - len(self._sending)
        if free:
            async with self._database.begin() as work:
                claims = await claim_due(work, limit=free, lasting=LEASE)
            for claim in claims:
                task = asyncio.create_task(self._send(claim), name=claim.delivery.id)
                self._sending.add(task)
                task.add_done_callback(self._sent)
        return False  # a slot that becomes free wakes the loop

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._wakeups.wake("deliveries")
        if not task.cancelled() and (error := task.exception()):
            # Its lease ends, and it is sent again under the same id.
            log.error("webhook not recorded", delivery=task.get_name(), exc_info=error)

    async def _send(self, claim: Claim) -> None:
        outcome = await self._client.send(claim.delivery, claim.webhook)
        async with self._database.begin() as work:
            disabled = await record_outcome(work, claim, outcome, fraction=random.random())  # noqa: S311 - jitter
        told = log.bind(webhook_id=claim.webhook.id, delivery_id=claim.delivery.id)
        told.info("webhook sent", status=outcome.status, reason=outcome.reason, ms=outcome.took_ms)
        if disabled:
            told.warning("webhook disabled", reason=disabled.disabled_reason)

    async def stop(self) -> None:
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._client.close()
