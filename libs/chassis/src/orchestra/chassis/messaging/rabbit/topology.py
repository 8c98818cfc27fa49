"""Exchanges and queues: one quorum queue for each (service, kind), declared whole at every start of every service.

Queue arguments cannot change later, so queue names carry a version of their own (`.q1`).
"""

from typing import Any

from faststream.rabbit import ExchangeType, QueueType, RabbitExchange, RabbitQueue

EVENTS = RabbitExchange("orchestra.events", type=ExchangeType.TOPIC, durable=True)
"""Single events, for the services and for anyone outside who may listen."""

PACKED = RabbitExchange("orchestra.packed", type=ExchangeType.TOPIC, durable=True)
"""Facts of one transaction in one message, between services only."""

INBOUND = RabbitExchange("orchestra.inbound", type=ExchangeType.TOPIC, durable=True)
"""Where other systems publish, each with a broker user of its own."""

DEAD = RabbitExchange("orchestra.dead", type=ExchangeType.DIRECT, durable=True)
"""Messages that could not be decoded or that killed their consumer, by service."""

EXCHANGES = (EVENTS, PACKED, INBOUND, DEAD)

DELIVERY_LIMIT = 1000
"""Only for messages that kill their consumer: our own trouble never burns deliveries."""


def queue(service: str, kind: str) -> RabbitQueue:
    """The queue of a service's subscription to a kind."""
    return RabbitQueue(
        f"{service}.{kind}.q1",
        queue_type=QueueType.QUORUM,
        durable=True,
        routing_key=kind,
        arguments=_arguments(service),
    )


def dead_queue(service: str) -> RabbitQueue:
    return RabbitQueue(f"{service}.dead.q1", queue_type=QueueType.QUORUM, durable=True, routing_key=service)


def inbound_queue(service: str) -> RabbitQueue:
    return RabbitQueue(
        f"{service}.inbound.q1",
        queue_type=QueueType.QUORUM,
        durable=True,
        routing_key="#",
        arguments=_arguments(service),
    )


def _arguments(service: str) -> Any:
    # Dead-lettering is at most once unless both the strategy and the overflow say otherwise.
    return {
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD.name,
        "x-dead-letter-routing-key": service,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
