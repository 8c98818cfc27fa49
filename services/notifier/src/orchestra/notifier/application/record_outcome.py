"""Record what came of a try."""

from typing import Any

from orchestra.notifier.application.claim_due import Claim
from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.domain.channel import Channel
from orchestra.notifier.domain.delivery import Outcome, settled
from orchestra.notifier.domain.errors import UnknownDelivery, UnknownMailSubscription, UnknownWebhook


async def record_outcome(
    work: NotifyingWork, claim: Claim[Any], outcome: Outcome, *, fraction: float
) -> Channel | None:
    """The channel when this disabled it. A holder that lost its lease changes nothing: another one sends."""
    medium = claim.channel.medium
    channels, deliveries = work.channels(medium), work.deliveries(medium)
    try:
        channel = await channels.find(claim.channel.workspace_id, claim.channel.id, hold=True)
        delivery = await deliveries.find(channel.id, claim.delivery.id)
    except (UnknownWebhook, UnknownMailSubscription, UnknownDelivery):
        return None  # removed meanwhile
    if delivery.lease != claim.delivery.lease:
        return None
    tried, after = settled(delivery, channel, outcome, now=work.now, fraction=fraction)
    await deliveries.save(tried)
    await deliveries.log(tried.id, outcome)
    if after != channel:
        await channels.save(after)
    if channel.enabled and not after.enabled:
        await deliveries.cancel_pending(channel.id)
        return after
    return None
