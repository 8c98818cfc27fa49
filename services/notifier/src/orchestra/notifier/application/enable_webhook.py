"""Enable a webhook that was disabled."""

from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.domain.webhook import Webhook


async def enable_webhook(work: NotifyingWork, workspace_id: WorkspaceId, webhook_id: str) -> Webhook:
    """It hears what happens from now on; what it missed can be replayed. Raises UnknownWebhook."""
    webhook = (await work.webhooks.find(workspace_id, webhook_id, hold=True)).reenabled()
    await work.webhooks.save(webhook)
    work.wake("deliveries")
    return webhook
