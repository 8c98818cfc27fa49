"""A delivery: one notice for one channel, its states, and what an outcome makes of both.

    pending ── 2xx ──────────────────────────→ delivered
       │ ↑ ── anything else, up to TRIES times
       ├──── the last try failed, or one for good → exhausted
       └──── the channel was disabled ───────→ cancelled

A replay makes any of them pending again, under the same id: the receiver's idempotency key does not change.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, Self, TypeVar

from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.domain.channel import MOST_GIVEN_UP, Channel
from orchestra.notifier.domain.notice import Notice, NoticeKind, TestKind

C = TypeVar("C", bound=Channel)

DeliveryStatus = Literal["pending", "delivered", "exhausted", "cancelled"]

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Between the tries: 75.6 hours in all, the schedule that Standard Webhooks 1.0.0 gives. Jitter comes on top."""

TRIES = len(PAUSES) + 1

JITTER = 0.2
"""The largest random part of a pause, so that what failed together does not come back together."""

ASKS_FOR_TIME = (429, 503)

LONGEST_WISH = timedelta(hours=24)
"""A Retry-After beyond this counts as this."""


@dataclass(frozen=True)
class Outcome:
    """What came of one try."""

    status: int | None
    """Of HTTP or SMTP; None when there was no answer."""
    reason: str
    """For the log: what went wrong, empty when nothing did."""
    took_ms: int
    permanent: bool = False
    """No further try would change it."""
    retry_after: timedelta | None = None
    """What the answer's Retry-After asks for."""

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        return self.status == 410


@dataclass(frozen=True)
class Try:
    """One line of a delivery's log."""

    at: datetime
    outcome: Outcome


@dataclass(frozen=True)
class Delivery:
    id: str
    """Sent as `webhook-id`, or within the `Message-ID`."""
    channel_id: str
    workspace_id: WorkspaceId
    kind: NoticeKind | TestKind
    fact: str
    body: str
    created_at: datetime
    due_at: datetime
    status: DeliveryStatus = "pending"
    tries: int = 0
    """Since it was made or replayed."""
    ended_at: datetime | None = None
    lease: str | None = None
    """Whoever holds it sends, and only the holder may say what came of it."""
    leased_until: datetime | None = None

    @classmethod
    def of(cls, notice: Notice, channel: Channel, delivery_id: str, now: datetime) -> Self:
        fact = f"{notice.kind}:{notice.fact}"
        return cls(delivery_id, channel.id, channel.workspace_id, notice.kind, fact, notice.body, now, now)

    def replayed(self, now: datetime) -> Self:
        """Due at once. One that had ended begins anew; whoever still holds it has lost it."""
        if self.status == "pending":
            return replace(self, due_at=now)
        return replace(self, status="pending", due_at=now, tries=0, ended_at=None, lease=None, leased_until=None)


def pause_after(tries: int, fraction: float) -> timedelta:
    """How long to wait after so many tries (1 to TRIES - 1); `fraction` (0 to 1) is the random part."""
    return PAUSES[tries - 1] * (1 + JITTER * fraction)


def settled(delivery: Delivery, channel: C, outcome: Outcome, *, now: datetime, fraction: float) -> tuple[Delivery, C]:
    """The delivery and its channel after a try."""
    tried = replace(delivery, tries=delivery.tries + 1, lease=None, leased_until=None)
    if outcome.taken:
        return replace(tried, status="delivered", ended_at=now), replace(channel, given_up=0)
    if outcome.gone and channel.enabled:
        channel = channel.disabled("the endpoint answered 410 Gone", now)
    if delivery.status == "cancelled" or not channel.enabled:  # meanwhile, or just now
        return replace(tried, status="cancelled", ended_at=now), channel
    if tried.tries >= TRIES or outcome.permanent:
        return replace(tried, status="exhausted", ended_at=now), _given_up(channel, outcome, now)
    pause = pause_after(tried.tries, fraction)
    if outcome.status in ASKS_FOR_TIME and outcome.retry_after is not None:
        wish = min(outcome.retry_after, LONGEST_WISH)
        pause, channel = max(pause, wish), replace(channel, paused_until=now + wish)
    return replace(tried, due_at=now + pause), channel


def _given_up(channel: C, outcome: Outcome, now: datetime) -> C:
    channel = replace(channel, given_up=channel.given_up + 1)
    if channel.given_up < MOST_GIVEN_UP:
        return channel
    return channel.disabled(f"{channel.given_up} deliveries in a row were given up: {outcome.reason}", now)
