"""Send a test: does anything arrive there?"""

from orchestra.chassis.ids import new_id
from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.domain.channel import Channel, Medium
from orchestra.notifier.domain.delivery import Delivery
from orchestra.notifier.domain.errors import MailSubscriptionDisabled, WebhookDisabled
from orchestra.notifier.domain.notice import of_test


async def send_test(work: NotifyingWork, medium: Medium, workspace_id: WorkspaceId, channel_id: str) -> Delivery:
    """A delivery of the kind `test`, due at once. Raises UnknownWebhook, WebhookDisabled and their like."""
    channel = await enabled(work, medium, workspace_id, channel_id)
    delivery_id = new_id("dlv")
    delivery = Delivery.of(of_test(workspace_id, delivery_id, work.now), channel, delivery_id, work.now)
    await work.deliveries(medium).add([delivery])
    work.wake("deliveries")
    return delivery


async def enabled(work: NotifyingWork, medium: Medium, workspace_id: WorkspaceId, channel_id: str) -> Channel:
    """The channel, held, where something can be sent to it."""
    channel = await work.channels(medium).find(workspace_id, channel_id, hold=True)
    if not channel.enabled:
        raise WebhookDisabled if medium == "webhook" else MailSubscriptionDisabled
    return channel
