"""Cancel a task: its command is stopped, and what comes after it waits until a person retries or skips it."""

from orchestra.contracts.ids import TaskId, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_run
from orchestra.scheduler.application.call_back import withdraw
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.find_held import refuse_when_over, task_in_run
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.work.task import Task


async def cancel_task(work: SchedulingWork, workspace_id: WorkspaceId, task_id: TaskId, by: str) -> Task:
    """The task as it was. A cancelled one stays as it is.

    Raises RefusedTransition for one that is done or skipped, or when its run is over.
    """
    task, run = await task_in_run(work, workspace_id, task_id)
    if task.status == "cancelled":
        return task
    refuse_when_over(run)
    reason = f"{by} has cancelled it"
    move = moved(task, "cancelled", reason)
    if task.status in ("queued", "running") and task.attempt_id:
        await withdraw(work, [task], reason)
    await work.tasks.change([task.id], status="cancelled", ended_at=work.now, paused_by=None)
    await tell(work, [move])
    if run is not None:
        await advance_run(work, run, f"{task.key} was cancelled by {by}")
    return task
