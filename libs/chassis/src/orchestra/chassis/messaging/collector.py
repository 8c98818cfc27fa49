"""Gathers the messages that have arrived into one delivery, so that one transaction serves many of them."""

import asyncio
from collections.abc import Sequence

from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.errors import Unavailable
from orchestra.chassis.messaging.consume import consume
from orchestra.chassis.messaging.message import Envelope
from orchestra.chassis.messaging.subscriptions import Subscription
from orchestra.chassis.telemetry.logging import logger

log = logger("messaging")

MOST_EVENTS = 256
"""In one delivery."""


class Collector:
    """The deliveries of one subscription, one after the other: while one is at work, the next one gathers."""

    def __init__(self, subscription: Subscription, database: Database[UnitOfWork]) -> None:
        self._subscription = subscription
        self._database = database
        self._pending: list[tuple[Sequence[Envelope], asyncio.Future[None]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def add(self, envelopes: Sequence[Envelope]) -> None:
        """Returns once the envelopes are committed, set aside or known as duplicates; raises Unavailable."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((envelopes, done))
        if self._worker is None or self._worker.done():
            # Its own task: a lost connection cancels the handlers, and must not cancel a commit.
            self._worker = asyncio.create_task(self._work(), name=f"deliver {self._subscription.name}")
        await done

    async def _work(self) -> None:
        while self._pending:
            taken, events = 0, 0
            for envelopes, _ in self._pending:
                if taken and events + len(envelopes) > MOST_EVENTS:
                    break
                taken, events = taken + 1, events + len(envelopes)
            batch, self._pending = self._pending[:taken], self._pending[taken:]
            try:
                await self._deliver([envelope for envelopes, _ in batch for envelope in envelopes])
            except Exception as error:
                if not isinstance(error, Unavailable):
                    # A bug, since nothing else should come out: better on a dead queue than held for ever.
                    log.exception("delivery failed", subscription=self._subscription.name)
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
            for _, done in batch:
                if not done.done():
                    done.set_result(None)

    async def _deliver(self, envelopes: Sequence[Envelope]) -> None:
        await consume(self._subscription, envelopes, self._database)

    async def stop(self) -> None:
        if self._worker is not None and not self._worker.done():
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)


class PatientCollector(Collector):
    """While the database is away it holds what it has, unacknowledged, and goes on when a try succeeds.

    By the prefetch limit that stops the flow: no delivery is burnt.
    """

    async def _deliver(self, envelopes: Sequence[Envelope]) -> None:
        pause = 0.1
        while True:
            try:
                await super()._deliver(envelopes)
                return
            except Unavailable as error:
                log.warning("consumption paused", subscription=self._subscription.name, reason=str(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, 5.0)
