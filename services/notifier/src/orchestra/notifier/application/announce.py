"""Announce notices to whoever listens."""

from collections.abc import Iterable

from orchestra.chassis.ids import new_id
from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.domain.channel import MEDIA
from orchestra.notifier.domain.delivery import Delivery
from orchestra.notifier.domain.notice import Notice


async def announce(work: NotifyingWork, notices: Iterable[Notice]) -> None:
    """A due delivery for each listening channel, once for each fact, in whichever order and however often it comes."""
    for notice in notices:
        for medium in MEDIA:
            listening = await work.channels(medium).listening(notice)
            if listening:
                due = [Delivery.of(notice, channel, new_id("dlv"), work.now) for channel in listening]
                await work.deliveries(medium).add(due)
                work.wake("deliveries")
