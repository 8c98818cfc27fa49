"""Enable a channel that was disabled."""

from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.domain.channel import Channel, Medium


async def enable_channel(work: NotifyingWork, medium: Medium, workspace_id: WorkspaceId, channel_id: str) -> Channel:
    """It hears what happens from now on; what it missed can be replayed. Raises UnknownWebhook and its like."""
    channels = work.channels(medium)
    channel = (await channels.find(workspace_id, channel_id, hold=True)).reenabled()
    await channels.save(channel)
    work.wake("deliveries")
    return channel
