"""Tell what became of tasks: many changes in one event, at most four events a second a project."""

from datetime import timedelta

from orchestra.scheduler.application.changes import publish_changes
from orchestra.scheduler.application.recalculate import Transaction

PAUSE = timedelta(milliseconds=250)


async def tell_changes(read: Transaction, begin: Transaction) -> bool:
    """Publish what is untold; True when there was something."""
    async with read() as view:
        keys = await view.projects.untold(view.now - PAUSE, 20)
    for key in keys:
        async with begin() as work:
            await work.projects.hold(*key)
            await publish_changes(work, key)
    return bool(keys)
