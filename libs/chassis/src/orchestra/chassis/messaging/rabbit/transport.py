"""The distributed transport: quorum queues, one for each (service, kind), through FastStream."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aio_pika.exceptions import ChannelNotFoundEntity
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitMessage

from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.errors import Unavailable
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging import dead_letters
from orchestra.chassis.messaging.collector import Collector, PatientCollector
from orchestra.chassis.messaging.message import Outgoing, decode
from orchestra.chassis.messaging.rabbit import topology
from orchestra.chassis.messaging.rabbit.publishing import CONNECT_LIMIT, Publisher
from orchestra.chassis.messaging.subscriptions import Subscriptions
from orchestra.chassis.messaging.traces import carried_by
from orchestra.chassis.messaging.transport import Check, Inbound, InboundMessage, Queue
from orchestra.chassis.telemetry.logging import logger
from orchestra.contracts.event import REGISTRY, Event

log = logger("rabbit")

PREFETCH = 64
"""Messages that may be unacknowledged on a subscription's channel."""

START_LIMIT = 20.0
"""Seconds. A broker that takes the connection and says nothing would hold a start for ever, and so would a farewell."""

CHECK_LIMIT = 7.0

GRACE = 6.0
"""Seconds in which deliveries at hand may end at a stop; then they are left to whoever comes next."""

FAREWELL = 2.0
"""Seconds more, for each of the two connections."""


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
        carried_by("rabbitmq")
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
        consumer = RabbitBroker(
            self._url,
            logger=None,
            apply_types=False,
            timeout=CONNECT_LIMIT,
            graceful_timeout=GRACE,
            decoder=_whole,
        )
        try:
            async with asyncio.timeout(START_LIMIT):
                await publisher.start()
                self._connection = await consumer.connect()
                # On the other connection: the consumer would go on with queues declared here, on a channel without
                # limit.
                await self._declare(publisher.broker)
                self._subscribe(consumer)
                await consumer.start()
        except Exception as error:
            self._connection = None
            await self._end(consumer, publisher)
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
            collector = PatientCollector(subscription, self._database)
            self._collectors.append(collector)
            kind = subscription.event.kind
            source = topology.PACKED if subscription.event.packed else topology.EVENTS
            attach(topology.queue(self._service, kind), source, _receiver(collector, subscription.event))
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
        await self._end(consumer, publisher)

    async def _end(self, consumer: RabbitBroker | None, publisher: Publisher | None) -> None:
        if consumer is not None:
            await _farewell(consumer, GRACE + FAREWELL)
        for collector in self._collectors:
            await collector.stop()
        self._collectors.clear()
        if publisher is not None:
            await _farewell(publisher.broker, FAREWELL)

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
            async with asyncio.timeout(CHECK_LIMIT):
                for name in names:
                    if not (await self._look(name)).consumers:
                        return f"the queue {name} has no consumer"
        except Exception as error:  # noqa: BLE001 - whatever ails the broker is the answer
            return f"{type(error).__name__}: {error}"
        return None

    async def queues(self, bindings: Mapping[str, Sequence[str]]) -> Sequence[Queue]:
        if self._connection is None:
            raise Unavailable("not connected to the broker")
        names = [topology.queue(service, kind).name for service, kinds in bindings.items() for kind in kinds]
        try:
            async with asyncio.timeout(CHECK_LIMIT):
                return [await self._look(name) for name in names]
        except Exception as error:
            raise Unavailable(f"the broker is away: {type(error).__name__}: {error}") from error

    async def _look(self, name: str) -> Queue:
        """On a channel of its own: a queue that is not there closes the one that asked for it."""
        channel = await self._connection.channel()
        try:
            found = (await channel.declare_queue(name, passive=True)).declaration_result
            return Queue(name, found.consumer_count or 0, found.message_count)
        except ChannelNotFoundEntity:
            return Queue(name, 0, None)
        finally:
            if not channel.is_closed:
                await channel.close()


async def _farewell(broker: RabbitBroker, limit: float) -> None:
    """Disconnect. One that says nothing any more is left without its answer, and does not connect again."""
    connection: Any = broker._connection  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    try:
        async with asyncio.timeout(limit):
            await broker.stop()
    except Exception as error:  # noqa: BLE001 - it is over either way
        log.warning("no farewell from the broker", reason=f"{type(error).__name__}: {error}")
        with suppress(Exception):
            async with asyncio.timeout(1.0):
                await connection.close()


def _receiver(collector: Collector, event: type[Event]) -> Callable[[RabbitMessage], Awaitable[None]]:
    async def receive(message: RabbitMessage) -> None:
        envelopes = decode(message.raw_message.body, event)
        await collector.add(envelopes)

    return receive


async def _whole(message: RabbitMessage) -> RabbitMessage:
    """Hand the message itself to the handler instead of a decoded body."""
    return message
