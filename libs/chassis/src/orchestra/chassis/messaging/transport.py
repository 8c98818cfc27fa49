"""The port to whatever carries events between services."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestra.chassis.messaging.message import Outgoing

Check = Callable[[], Awaitable[str | None]]
"""A named check of readiness: None when all is well, else the reason."""


@dataclass(frozen=True)
class InboundMessage:
    """What another system published, and the broker user who did; the broker vouches for the user."""

    user: str | None
    routing_key: str
    body: bytes


@dataclass(frozen=True)
class Queue:
    """Where the events of one kind wait for one service."""

    name: str
    consumers: int
    """0 where the queue itself is gone, too."""
    messages: int | None
    """Ready to be delivered; None where nobody counts them."""


Inbound = Callable[[InboundMessage], Awaitable[None]]


class Transport(Protocol):
    async def start(self) -> None:
        """Connect, declare and begin to deliver."""
        ...

    async def stop(self) -> None:
        """Take no more deliveries, finish those at hand, disconnect."""
        ...

    async def publish(self, batch: Sequence[Outgoing]) -> list[Exception | None]:
        """Hand the events over durably; for each its error, or None once it is safe.

        An event that was handed over may be delivered more than once, never not at all.
        """
        ...

    async def queues(self, bindings: Mapping[str, Sequence[str]]) -> Sequence[Queue]:
        """What there is of each queue that {service: kinds} asks for. Raises Unavailable."""
        ...

    def checks(self) -> dict[str, Check]:
        """What readiness should ask."""
        ...
