"""The embedded transport: the outbox is the queue.

The relay of each service hands its batch straight to the subscriptions of all services in this process. The inbox row
of a (subscription, event) is the proof that it has committed, so an event leaves the outbox only once every one of
its subscriptions has; after a kill it is handed over again, and those that had it do nothing.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.errors import Unavailable
from orchestra.chassis.messaging import dead_letters
from orchestra.chassis.messaging.collector import Collector
from orchestra.chassis.messaging.message import Envelope, Outgoing, Undecodable, decode
from orchestra.chassis.messaging.subscriptions import Subscription, Subscriptions
from orchestra.chassis.messaging.transport import Check, Queue


class Exchange:
    """Where the services of one process meet. Attach them all before the first is started."""

    def __init__(self) -> None:
        self._bound: defaultdict[str, list[_Bound]] = defaultdict(list)

    def attach(self, subscriptions: Subscriptions, database: Database[UnitOfWork]) -> None:
        for subscription in subscriptions:
            bound = _Bound(subscription, database, Collector(subscription, database))
            self._bound[subscription.event.kind].append(bound)

    def consumers(self, service: str, kind: str) -> int:
        return sum(bound.subscription.service == service for bound in self._bound.get(kind, ()))

    async def deliver(self, batch: Sequence[Outgoing]) -> list[Exception | None]:
        errors: dict[str, Exception] = {}
        kinds: defaultdict[str, list[Outgoing]] = defaultdict(list)
        for out in batch:
            kinds[out.kind].append(out)
        await asyncio.gather(
            *(_deliver(bound, items, errors) for kind, items in kinds.items() for bound in self._bound[kind])
        )
        return [errors.get(out.event_id) for out in batch]

    async def close(self) -> None:
        """When all who deliver have stopped."""
        for bound in self._bound.values():
            for each in bound:
                await each.collector.stop()


@dataclass(frozen=True)
class _Bound:
    subscription: Subscription
    database: Database[UnitOfWork]
    collector: Collector


async def _deliver(bound: _Bound, items: Sequence[Outgoing], errors: dict[str, Exception]) -> None:
    envelopes: list[Envelope] = []
    try:
        for out in items:
            try:
                envelopes += decode(out.body, bound.subscription.event)
            except Undecodable as error:
                async with bound.database.begin() as work:
                    await dead_letters.store(
                        work,
                        subscription=bound.subscription.name,
                        event_id=out.event_id,
                        kind=out.kind,
                        body=out.body,
                        reason=str(error),
                    )
        if envelopes:
            await bound.collector.add(envelopes)
    except Unavailable as error:
        errors.update({out.event_id: error for out in items})


class InProcessTransport:
    """One service's end of the exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def start(self) -> None:
        """Nothing to connect: the exchange is this process."""

    async def stop(self) -> None:
        """Nothing to disconnect: a delivery ends with the relay step that makes it."""

    async def publish(self, batch: Sequence[Outgoing]) -> list[Exception | None]:
        return await self._exchange.deliver(batch)

    async def queues(self, bindings: Mapping[str, Sequence[str]]) -> Sequence[Queue]:
        return [
            Queue(f"{service}.{kind}", self._exchange.consumers(service, kind), None)
            for service, kinds in bindings.items()
            for kind in kinds
        ]

    def checks(self) -> dict[str, Check]:
        return {}
