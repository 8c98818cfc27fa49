"""Forget old deliveries."""

from datetime import timedelta

from orchestra.notifier.application.ports import NotifyingWork


async def purge_deliveries(work: NotifyingWork, window: timedelta) -> int:
    """Those that ended longer ago than the window, with their log; returns how many."""
    return await work.deliveries.purge(work.now - window)
