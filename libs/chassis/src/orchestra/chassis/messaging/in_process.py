"""The embedded transport: the outbox is the queue.

The relay of each service hands its batch straight to the subscriptions of all services in this process. The inbox row
of a (subscription, event) is the proof that it has committed, so an event leaves the outbox only once every one of
its subscriptions has; after a kill it is handed over again, and those that had it do nothing.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.errors import Unavailable
from orchestra.chassis.messaging import dead_letters
from orchestra.chassis.messaging.consume import consume
from orchestra.chassis.messaging.message import Envelope, Undecodable, decode
from orchestra.chassis.messaging.outbox import Outgoing
from orchestra.chassis.messaging.subscriptions import Subscription, Subscriptions
from orchestra.chassis.messaging.transport import Check, Queue


class Exchange:
    """Where the services of one process meet. Attach them all before the first is started."""

    def __init__(self) -> None:
        self._bound: defaultdict[str, list[tuple[Subscription, Database[UnitOfWork]]]] = defaultdict(list)

    def attach(self, subscriptions: Subscriptions, database: Database[UnitOfWork]) -> None:
        for subscription in subscriptions:
            self._bound[subscription.event.kind].append((subscription, database))

    def consumers(self, service: str, kind: str) -> int:
        return sum(subscription.service == service for subscription, _ in self._bound.get(kind, ()))

    async def deliver(self, batch: Sequence[Outgoing]) -> list[Exception | None]:
        errors: dict[str, Exception] = {}
        deliveries: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for out in batch:
            deliveries[out.kind].append((out.event_id, out.body))
        await asyncio.gather(
            *(
                self._deliver(subscription, database, items, errors)
                for kind, items in deliveries.items()
                for subscription, database in self._bound[kind]
            )
        )
        return [errors.get(out.event_id) for out in batch]

    async def _deliver(
        self,
        subscription: Subscription,
        database: Database[UnitOfWork],
        items: Sequence[tuple[str, str]],
        errors: dict[str, Exception],
    ) -> None:
        envelopes: list[Envelope] = []
        try:
            for event_id, body in items:
                try:
                    envelopes += decode(body)
                except Undecodable as error:
                    async with database.begin() as work:
                        await dead_letters.store(
                            work,
                            subscription=subscription.name,
                            event_id=event_id,
                            kind=subscription.event.kind,
                            body=body,
                            reason=str(error),
                        )
            if envelopes:
                await consume(subscription, envelopes, database)
        except Unavailable as error:
            errors.update({event_id: error for event_id, _ in items})


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
