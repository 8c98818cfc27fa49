"""Tell what became of tasks: many changes in one event, at most four events a second a project."""

from datetime import timedelta
from itertools import groupby

from orchestra.contracts.scheduling import TasksChanged
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.recalculate import Transaction

PAUSE = timedelta(milliseconds=250)

MOST = 400
"""Changes in one event: about 120 KB."""


async def tell_changes(read: Transaction, begin: Transaction) -> bool:
    """Publish what is untold; True when there was something."""
    async with read() as view:
        keys = await view.projects.untold(view.now - PAUSE, 20)
    for key in keys:
        async with begin() as work:
            await _tell(work, key)
    return bool(keys)


async def _tell(work: SchedulingWork, key: tuple[str, str]) -> None:
    project = await work.projects.hold(*key)
    taken = await work.changes.take(key, MOST)
    for run_id, changes in groupby(taken, key=lambda pair: pair[0]):
        work.publish(
            TasksChanged(
                workspace_id=project.workspace_id,
                project_id=project.id,
                sequence=await work.projects.next_sequence(project),
                run_id=run_id,
                changes=tuple(change for _, change in changes),
            )
        )
