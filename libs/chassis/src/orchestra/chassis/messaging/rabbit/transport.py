"""The distributed transport: quorum queues, one for each (service, kind), through FastStream."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitMessage

from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.errors import Unavailable
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging import dead_letters
from orchestra.chassis.messaging.message import decode
from orchestra.chassis.messaging.outbox import Outgoing
from orchestra.chassis.messaging.rabbit import topology
from orchestra.chassis.messaging.rabbit.collector import Collector
from orchestra.chassis.messaging.rabbit.publishing import Publisher
from orchestra.chassis.messaging.subscriptions import Subscriptions
from orchestra.chassis.messaging.transport import Check, Inbound, InboundMessage
from orchestra.chassis.telemetry.logging import logger
from orchestra.contracts.event import REGISTRY

log = logger("rabbit")

PREFETCH = 64
"""Messages that may be unacknowledged on a subscription's channel."""


class RabbitTransport:
    """One service on the broker. `bindings` is the whole topology: {service: kinds}; `inbound` serves the door."""

    def __init__(
        self,
        url: str,
        subscriptions: Subscriptions,
        database: Database[UnitOfWork],
        bindings: Mapping[str, Sequence[str]],
        inbound: Inbound | None = None,
    ) -> None:
        self._url = url
        self._subscriptions = subscriptions
        self._database = database
        self._bindings = bindings
        self._inbound = inbound
        self._service = subscriptions.service
        self._collectors: list[Collector] = []
        self._publisher: Publisher | None = None
        self._consumer: RabbitBroker | None = None
        self._connection: Any = None

    async def start(self) -> None:
        publisher = Publisher(self._url)
        consumer = RabbitBroker(self._url, logger=None, apply_types=False, graceful_timeout=15.0, decoder=_whole)
        try:
            await publisher.broker.start()
            self._connection = await consumer.connect()
            # On the other connection: the consumer would go on with queues declared here, on a channel without limit.
            await self._declare(publisher.broker)
            self._subscribe(consumer)
            await consumer.start()
        except Exception as error:
            await consumer.stop()
            await publisher.broker.stop()
            raise Unavailable(f"the broker is away: {type(error).__name__}: {error}") from error
        self._publisher, self._consumer = publisher, consumer

    async def _declare(self, broker: RabbitBroker) -> None:
        """Everything, not only our own: an event whose second consumer has never run must wait for it in its queue."""
        exchanges = {exchange.name: await broker.declare_exchange(exchange) for exchange in topology.EXCHANGES}
        for service, kinds in self._bindings.items():
            dead = await broker.declare_queue(topology.dead_queue(service))
            await dead.bind(exchanges[topology.DEAD.name], routing_key=service)
            for kind in kinds:
                queue = await broker.declare_queue(topology.queue(service, kind))
                source = topology.PACKED if REGISTRY[kind].packed else topology.EVENTS
                await queue.bind(exchanges[source.name], routing_key=kind)

    def _subscribe(self, broker: RabbitBroker) -> None:
        def attach(queue: Any, exchange: Any, handler: Callable[[RabbitMessage], Awaitable[None]]) -> None:
            # An exception that leaves a handler means "cannot be decoded": to the dead-letter exchange, no requeue.
            broker.subscriber(
                queue,
                exchange,
                channel=Channel(prefetch_count=PREFETCH),
                ack_policy=AckPolicy.REJECT_ON_ERROR,
                no_reply=True,
            )(handler)

        for subscription in self._subscriptions:
            collector = Collector(subscription, self._database)
            self._collectors.append(collector)
            kind = subscription.event.kind
            source = topology.PACKED if subscription.event.packed else topology.EVENTS
            attach(topology.queue(self._service, kind), source, _receiver(collector))
        if self._service in self._bindings:
            attach(topology.dead_queue(self._service), topology.DEAD, self._buried)
        if self._inbound is not None:
            attach(topology.inbound_queue(self._service), topology.INBOUND, self._from_outside)

    async def _buried(self, message: RabbitMessage) -> None:
        """The broker gave a message up: keep it where people look, with the queue it came from."""
        raw = message.raw_message
        died = (raw.headers or {}).get("x-death")
        first: Any = died[0] if isinstance(died, list) and died else {}
        queue = str(first.get("queue", "unknown"))
        kind = raw.routing_key or "unknown"
        for subscription in self._subscriptions:
            if queue == topology.queue(self._service, subscription.event.kind).name:
                kind = subscription.event.kind
        async with self._database.begin() as work:
            await dead_letters.store(
                work,
                subscription=f"{self._service}:{kind}",
                event_id=raw.message_id or new_id("msg"),
                kind=kind,
                body=raw.body.decode(errors="replace"),
                reason=f"the broker gave it up ({first.get('reason', 'unknown')}) in {queue}",
            )

    async def _from_outside(self, message: RabbitMessage) -> None:
        """Like any other delivery it is kept while the database is away."""
        raw = message.raw_message
        assert self._inbound is not None
        while True:
            try:
                await self._inbound(InboundMessage(raw.user_id, raw.routing_key or "", raw.body))
                return
            except Unavailable as error:
                log.warning("inbound door paused", reason=str(error))
                await asyncio.sleep(1.0)

    async def stop(self) -> None:
        consumer, publisher = self._consumer, self._publisher
        self._consumer = self._publisher = self._connection = None
        if consumer is not None:
            await consumer.stop()
        for collector in self._collectors:
            await collector.stop()
        self._collectors.clear()
        if publisher is not None:
            await publisher.broker.stop()

    async def publish(self, batch: Sequence[Outgoing]) -> list[Exception | None]:
        if self._publisher is None:
            return [Unavailable("not connected to the broker") for _ in batch]
        return await self._publisher.publish(batch)

    def checks(self) -> dict[str, Check]:
        return {"broker": self.missing_consumers}

    async def missing_consumers(self) -> str | None:
        """A ping says nothing of a queue that is gone: ask for each queue and its consumers."""
        if self._connection is None:
            return "not connected to the broker"
        names = [topology.queue(self._service, s.event.kind).name for s in self._subscriptions]
        if self._inbound is not None:
            names.append(topology.inbound_queue(self._service).name)
        try:
            for name in names:
                channel = await self._connection.channel()
                try:
                    queue = await channel.declare_queue(name, passive=True, timeout=5)
                    if not queue.declaration_result.consumer_count:
                        return f"the queue {name} has no consumer"
                finally:
                    if not channel.is_closed:
                        await channel.close()
        except Exception as error:  # noqa: BLE001 - whatever ails the broker is the answer
            return f"{type(error).__name__}: {error}"
        return None


def _receiver(collector: Collector) -> Callable[[RabbitMessage], Awaitable[None]]:
    async def receive(message: RabbitMessage) -> None:
        envelopes = decode(message.raw_message.body)
        await collector.add(envelopes)

    return receive


async def _whole(message: RabbitMessage) -> RabbitMessage:
    """Hand the message itself to the handler instead of a decoded body."""
    return message
