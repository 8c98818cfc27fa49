"""Claim what is due."""

from dataclasses import dataclass
from datetime import timedelta

from orchestra.chassis.ids import new_id
from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.domain.delivery import Delivery
from orchestra.notifier.domain.webhook import Webhook


@dataclass(frozen=True)
class Claim:
    """A delivery that its holder sends until the lease ends, and where to."""

    delivery: Delivery
    webhook: Webhook


async def claim_due(work: NotifyingWork, *, limit: int, lasting: timedelta) -> list[Claim]:
    """Up to `limit` due deliveries, under a lease of their own."""
    return [
        Claim(delivery, await work.webhooks.find(delivery.workspace_id, delivery.webhook_id))
        for delivery in await work.deliveries.claim(limit, new_id("lse"), lasting)
    ]
