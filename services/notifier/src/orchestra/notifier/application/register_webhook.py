"""Register a webhook."""

from collections.abc import Iterable

from orchestra.chassis.ids import new_id
from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.domain.notice import NoticeKind
from orchestra.notifier.domain.webhook import Webhook, check_url


async def register_webhook(
    work: NotifyingWork,
    workspace_id: WorkspaceId,
    *,
    url: str,
    kinds: Iterable[NoticeKind],
    description: str,
    secret: str,
) -> Webhook:
    """It hears what happens from now on. Raises InvalidUrl."""
    check_url(url)
    webhook = Webhook(new_id("whk"), workspace_id, url, tuple(sorted(set(kinds))), description, secret, work.now)
    await work.webhooks.add(webhook)
    return webhook
