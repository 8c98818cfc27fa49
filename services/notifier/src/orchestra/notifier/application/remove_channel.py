"""Remove a channel."""

from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.domain.channel import Medium


async def remove_channel(work: NotifyingWork, medium: Medium, workspace_id: WorkspaceId, channel_id: str) -> None:
    """Its deliveries go with it. Raises UnknownWebhook and its like."""
    channel = await work.channels(medium).find(workspace_id, channel_id, hold=True)
    await work.channels(medium).remove(channel.id)
