"""Send a delivery once more."""

from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.domain.delivery import Delivery
from orchestra.notifier.domain.errors import WebhookDisabled


async def replay_delivery(
    work: NotifyingWork, workspace_id: WorkspaceId, webhook_id: str, delivery_id: str
) -> Delivery:
    """Due at once, under the same id. Raises UnknownWebhook, UnknownDelivery, WebhookDisabled."""
    webhook = await work.webhooks.find(workspace_id, webhook_id, hold=True)
    if not webhook.enabled:
        raise WebhookDisabled
    delivery = (await work.deliveries.find(webhook.id, delivery_id)).replayed(work.now)
    await work.deliveries.save(delivery)
    work.wake("deliveries")
    return delivery
