"""Skip a task: it is not done, and what comes after it no longer waits for it."""

from orchestra.contracts.ids import TaskId, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_run
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.end_work import what_follows
from orchestra.scheduler.application.find_held import refuse_when_over, task_in_run
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.work.task import Task


async def skip_task(work: SchedulingWork, workspace_id: WorkspaceId, task_id: TaskId, by: str) -> Task:
    """The task as it was. A skipped one stays as it is. A failed run is open again with it, in its next epoch.

    Raises RefusedTransition for one that an executor has (cancel it first) or that is done, or when its run is over.
    """
    task, run = await task_in_run(work, workspace_id, task_id)
    if task.status == "skipped":
        return task
    refuse_when_over(run)
    move = moved(task, "skipped", f"{by} has skipped it")
    await work.tasks.change([task.id], status="skipped", ended_at=work.now, paused_by=None)
    await tell(work, [move, *await what_follows(work, [task], "what it waited for is skipped")])
    if run is not None:
        await advance_run(work, run, f"{task.key} was skipped by {by}")
    return task
