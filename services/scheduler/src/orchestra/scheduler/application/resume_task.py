"""Resume a paused task."""

from dataclasses import replace

from orchestra.contracts.ids import TaskId, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_run
from orchestra.scheduler.application.changes import tell
from orchestra.scheduler.application.find_held import task_in_run
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.errors import NotPaused
from orchestra.scheduler.domain.work.status import TERMINAL
from orchestra.scheduler.domain.work.task import Task


async def resume_task(work: SchedulingWork, workspace_id: WorkspaceId, task_id: TaskId, by: str) -> Task:
    """The task as it was. One that is not paused stays as it is; raises NotPaused where such a one has ended."""
    task, run = await task_in_run(work, workspace_id, task_id)
    if task.paused_by is None:
        if task.status in TERMINAL:
            raise NotPaused(f"{task.key} is {task.status}")
        return task
    await work.tasks.change([task.id], paused_by=None)
    await tell(work, [(replace(task, paused_by=None), task.status, f"{by} has resumed it", task.assignee)])
    if run is not None:
        await advance_run(work, run, f"{task.key} is resumed")
    return task
