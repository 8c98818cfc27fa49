"""Remove a webhook."""

from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.application.ports import NotifyingWork


async def remove_webhook(work: NotifyingWork, workspace_id: WorkspaceId, webhook_id: str) -> None:
    """Its deliveries go with it. Raises UnknownWebhook."""
    webhook = await work.webhooks.find(workspace_id, webhook_id, hold=True)
    await work.webhooks.remove(webhook.id)
