"""Send a delivery once more."""

from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.application.send_test import enabled
from orchestra.notifier.domain.channel import Medium
from orchestra.notifier.domain.delivery import Delivery


async def replay_delivery(
    work: NotifyingWork, medium: Medium, workspace_id: WorkspaceId, channel_id: str, delivery_id: str
) -> Delivery:
    """Due at once, under the same id. Raises UnknownWebhook, UnknownDelivery, WebhookDisabled and their like."""
    channel = await enabled(work, medium, workspace_id, channel_id)
    delivery = (await work.deliveries(medium).find(channel.id, delivery_id)).replayed(work.now)
    await work.deliveries(medium).save(delivery)
    work.wake("deliveries")
    return delivery
