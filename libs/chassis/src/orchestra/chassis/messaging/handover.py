"""What this process has just committed, on its way to the transport without a detour through the database.

Such an event is written to the outbox like any other, but claimed for this process from the first: nobody else
publishes it before the claim runs out. It waits here for the express, which publishes it, and after that to be marked
as sent. What is not here, because nobody publishes in this process or it cannot keep up, is left to the relay.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.message import Outgoing

CLAIM = timedelta(seconds=10)
"""Whoever claimed rows and died holds them no longer than this."""

MOST = 20_000
"""Events that may wait here."""


class Handover:
    def __init__(self) -> None:
        self.token = new_id("clm")
        self.is_open = False
        """Whether somebody in this process takes what is given."""
        self.on_given: Callable[[], None] | None = None
        """Called at once when something is given."""
        self._fresh: deque[Outgoing] = deque()
        self._sent: list[str] = []

    def __len__(self) -> int:
        return len(self._fresh)

    def has_room(self, count: int) -> bool:
        return self.is_open and len(self._fresh) + count <= MOST

    def give(self, events: Sequence[Outgoing]) -> None:
        """They are committed, under this claim."""
        self._fresh.extend(events)
        if events and self.on_given is not None:
            self.on_given()

    def take(self, limit: int) -> list[Outgoing]:
        """The oldest first."""
        return [self._fresh.popleft() for _ in range(min(limit, len(self._fresh)))]

    def give_back(self, events: Sequence[Outgoing]) -> None:
        self._fresh.extendleft(reversed(events))

    def sent(self, event_ids: Iterable[str]) -> None:
        """They are published; the outbox does not say so yet."""
        self._sent.extend(event_ids)

    def take_sent(self, limit: int) -> list[str]:
        taken, self._sent = self._sent[:limit], self._sent[limit:]
        return taken
