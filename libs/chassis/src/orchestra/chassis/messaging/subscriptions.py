"""What a service listens to: our own small table, attached by whichever transport runs."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from orchestra.chassis.messaging.message import Envelope
from orchestra.chassis.messaging.traces import handling
from orchestra.contracts.event import Event

E = TypeVar("E", bound=Event)
W = TypeVar("W")

Handle = Callable[[Sequence[Envelope], Any], Awaitable[None]]

Plain = Callable[[Envelope, Any], Awaitable[bool]]
"""Handles an event, if it is a plain one, in one statement that claims it in the inbox too; False where it is not, and
nothing was changed. What it does, `Handle` would have done the same."""


@dataclass(frozen=True)
class Subscription:
    """One service's interest in one kind of event. Its name is the key of the inbox: it never changes."""

    service: str
    event: type[Event]
    handle: Handle
    plain: Plain | None = None

    @property
    def name(self) -> str:
        return f"{self.service}:{self.event.kind}"


class Subscriptions:
    """The subscriptions of a service.

        subscriptions = Subscriptions("scheduler")

        @subscriptions.on(TasksDecomposed)
        async def tasks_decomposed(event: TasksDecomposed, work: SchedulingWork) -> None:
            await apply_plan(work, event)

    A handler is one line that calls a use case; `on_batch` gives it all events of a delivery at once.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self._by_kind: dict[str, Subscription] = {}

    def on(self, event: type[E]) -> Callable[[Callable[[E, W], Awaitable[None]]], Callable[[E, W], Awaitable[None]]]:
        def register(handler: Callable[[E, W], Awaitable[None]]) -> Callable[[E, W], Awaitable[None]]:
            async def one_by_one(envelopes: Sequence[Envelope], work: Any) -> None:
                for envelope in envelopes:
                    # What follows from an event follows from it alone, whichever others came with it.
                    work.cause = envelope
                    with handling(envelope, alone=len(envelopes) == 1):
                        await handler(cast(E, envelope.taken), work)

            self._add(event, one_by_one)
            return handler

        return register

    def on_batch(
        self, event: type[E], plain: Plain | None = None
    ) -> Callable[[Callable[[Sequence[E], W], Awaitable[None]]], Callable[[Sequence[E], W], Awaitable[None]]]:
        def register(
            handler: Callable[[Sequence[E], W], Awaitable[None]],
        ) -> Callable[[Sequence[E], W], Awaitable[None]]:
            async def together(envelopes: Sequence[Envelope], work: W) -> None:
                await handler([cast(E, envelope.event) for envelope in envelopes], work)

            self._add(event, together, plain)
            return handler

        return register

    def _add(self, event: type[Event], handle: Handle, plain: Plain | None = None) -> None:
        if event.kind in self._by_kind:
            raise ValueError(f"{self.service} listens to {event.kind} twice")
        self._by_kind[event.kind] = Subscription(self.service, event, handle, plain)

    def kinds(self) -> tuple[str, ...]:
        return tuple(self._by_kind)

    def __iter__(self) -> Iterator[Subscription]:
        return iter(self._by_kind.values())

    def by_name(self) -> dict[str, Subscription]:
        return {subscription.name: subscription for subscription in self}
