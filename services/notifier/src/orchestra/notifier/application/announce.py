"""Announce notices to whoever listens."""

from collections.abc import Iterable

from orchestra.chassis.ids import new_id
from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.domain.delivery import Delivery
from orchestra.notifier.domain.notice import Notice


async def announce(work: NotifyingWork, notices: Iterable[Notice]) -> None:
    """A due delivery for each listening webhook, once for each fact, in whichever order and however often it comes."""
    for notice in notices:
        webhooks = await work.webhooks.listening(notice.workspace_id, notice.kind)
        if webhooks:
            await work.deliveries.add([Delivery.of(notice, webhook, new_id("dlv"), work.now) for webhook in webhooks])
            work.wake("deliveries")
