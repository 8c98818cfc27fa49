"""Pause a task: nothing of it is begun until somebody resumes it. The others go on."""

from dataclasses import replace

from orchestra.contracts.ids import TaskId, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_run
from orchestra.scheduler.application.call_back import recall
from orchestra.scheduler.application.changes import tell
from orchestra.scheduler.application.find_held import task_in_run
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.errors import RefusedTransition
from orchestra.scheduler.domain.work.status import TERMINAL
from orchestra.scheduler.domain.work.task import Task


async def pause_task(work: SchedulingWork, workspace_id: WorkspaceId, task_id: TaskId, by: str) -> Task:
    """The task as it was. What has begun goes on to its end; what a person has in hand stays theirs.

    A paused task stays as it is. Raises RefusedTransition for one that has ended.
    """
    task, run = await task_in_run(work, workspace_id, task_id)
    if task.paused_by is not None:
        return task
    if task.status in TERMINAL:
        raise RefusedTransition(task.key, task.status, "paused")
    cause = f"{by} has paused it"
    await work.tasks.change([task.id], paused_by=by)
    if task.status == "queued":
        await recall(work, [task], cause, run.trace if run else None)
    await tell(work, [(replace(task, paused_by=by), task.status, cause, task.assignee)])
    if run is not None:
        await advance_run(work, run, f"{task.key} is paused")
    return task
