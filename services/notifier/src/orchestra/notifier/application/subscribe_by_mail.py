"""Subscribe an address."""

from collections.abc import Iterable

from orchestra.chassis.ids import new_id
from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.domain.mail_subscription import MailSubscription
from orchestra.notifier.domain.notice import NoticeKind


async def subscribe_by_mail(
    work: NotifyingWork,
    workspace_id: WorkspaceId,
    *,
    address: str,
    kinds: Iterable[NoticeKind],
    project_id: ProjectId | None,
    description: str,
) -> MailSubscription:
    """It hears what happens from now on."""
    subscription = MailSubscription(
        id=new_id("mls"),
        workspace_id=workspace_id,
        address=address,
        project_id=project_id,
        kinds=tuple(sorted(set(kinds))),
        description=description,
        created_at=work.now,
    )
    await work.mail_subscriptions.add(subscription)
    return subscription
