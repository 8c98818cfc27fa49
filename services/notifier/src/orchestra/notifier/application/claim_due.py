"""Claim what is due."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from orchestra.chassis.ids import new_id
from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.domain.channel import Channel, Medium
from orchestra.notifier.domain.delivery import Delivery

C = TypeVar("C", bound=Channel)


@dataclass(frozen=True)
class Claim(Generic[C]):
    """A delivery that its holder sends until the lease ends, and where to."""

    delivery: Delivery
    channel: C


async def claim_due(work: NotifyingWork, medium: Medium, *, limit: int, lasting: timedelta) -> list[Claim[Any]]:
    """Up to `limit` due deliveries, under a lease of their own."""
    return [
        Claim(delivery, await work.channels(medium).find(delivery.workspace_id, delivery.channel_id))
        for delivery in await work.deliveries(medium).claim(limit, new_id("lse"), lasting)
    ]
