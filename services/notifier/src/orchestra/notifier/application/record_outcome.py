"""Record what came of a try."""

from orchestra.notifier.application.claim_due import Claim
from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.domain.delivery import Outcome, settled
from orchestra.notifier.domain.errors import UnknownDelivery, UnknownWebhook
from orchestra.notifier.domain.webhook import Webhook


async def record_outcome(work: NotifyingWork, claim: Claim, outcome: Outcome, *, fraction: float) -> Webhook | None:
    """The webhook when this disabled it. A holder that lost its lease changes nothing: another one sends."""
    try:
        webhook = await work.webhooks.find(claim.webhook.workspace_id, claim.webhook.id, hold=True)
        delivery = await work.deliveries.find(webhook.id, claim.delivery.id)
    except (UnknownWebhook, UnknownDelivery):
        return None  # removed meanwhile
    if delivery.lease != claim.delivery.lease:
        return None
    tried, after = settled(delivery, webhook, outcome, now=work.now, fraction=fraction)
    await work.deliveries.save(tried)
    await work.deliveries.log(tried.id, outcome)
    if after != webhook:
        await work.webhooks.save(after)
    if webhook.enabled and not after.enabled:
        await work.deliveries.cancel_pending(webhook.id)
        return after
    return None
