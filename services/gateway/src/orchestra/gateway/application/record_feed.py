"""What happened becomes rows of the workspace's feed, in the order in which it is recorded."""

from collections import defaultdict
from collections.abc import Sequence

from orchestra.contracts.event import Event
from orchestra.contracts.ids import WorkspaceId
from orchestra.contracts.scheduling import RunChanged
from orchestra.gateway.application.ports import Unit
from orchestra.gateway.domain.feed import feed_item
from orchestra.gateway.domain.operation import settled_by


def feed_wake(workspace_id: WorkspaceId) -> str:
    """The wake-up of those who watch this workspace."""
    return f"feed:{workspace_id}"


async def record_feed(events: Sequence[Event], work: Unit) -> None:
    """A RunChanged that is older than what was seen of its run is left out. Raises UnknownWorkspace."""
    by_workspace: defaultdict[WorkspaceId, list[Event]] = defaultdict(list)
    for event in events:
        by_workspace[event.workspace_id].append(event)
    # Always in the same order: two deliveries that hold each other's workspace would wait for ever.
    for workspace_id in sorted(by_workspace):
        head = await work.feed.head(workspace_id)
        news = [event for event in by_workspace[workspace_id] if await _is_news(work, event)]
        items = [feed_item(event, head + n, work.now) for n, event in enumerate(news, start=1)]
        await work.feed.append(workspace_id, items)
        for event in news:
            if settled := settled_by(event):
                await work.operations.settle(*settled)
        work.wake(feed_wake(workspace_id))


async def _is_news(work: Unit, event: Event) -> bool:
    return not isinstance(event, RunChanged) or not event.sequence or await work.feed.is_news(event)
