"""Forget old deliveries."""

from datetime import timedelta

from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.domain.channel import MEDIA


async def purge_deliveries(work: NotifyingWork, window: timedelta) -> int:
    """Those that ended longer ago than the window, with their log; returns how many."""
    return sum([await work.deliveries(medium).purge(work.now - window) for medium in MEDIA])
