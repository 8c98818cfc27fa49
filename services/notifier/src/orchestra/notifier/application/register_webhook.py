"""Register a webhook."""

from collections.abc import Iterable

from orchestra.chassis.ids import new_id
from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.application.ports import NotifyingWork, Vault
from orchestra.notifier.domain.notice import NoticeKind
from orchestra.notifier.domain.webhook import JudgedUrl, Webhook


async def register_webhook(
    work: NotifyingWork,
    workspace_id: WorkspaceId,
    vault: Vault,
    *,
    url: JudgedUrl,
    kinds: Iterable[NoticeKind],
    description: str,
    secret: str,
) -> Webhook:
    """It hears what happens from now on. Raises InvalidUrl."""
    if url.refusal is not None:
        raise url.refusal
    webhook_id = new_id("whk")
    webhook = Webhook(
        id=webhook_id,
        workspace_id=workspace_id,
        url=url.url,
        kinds=tuple(sorted(set(kinds))),
        description=description,
        secret=vault.seal(secret, webhook_id),
        created_at=work.now,
    )
    await work.webhooks.add(webhook)
    return webhook
