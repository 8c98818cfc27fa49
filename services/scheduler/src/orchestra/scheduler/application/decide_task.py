"""A person decides about a task that waits for them: its command may have had its effect and may not repeat it."""

from typing import Literal

from orchestra.contracts.ids import TaskId, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_runs_of
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.find_held import held_task
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.errors import RefusedTransition
from orchestra.scheduler.domain.work.task import Task

Decision = Literal["retry", "fail"]


async def decide_task(
    work: SchedulingWork, workspace_id: WorkspaceId, task_id: TaskId, decision: Decision, by: str
) -> Task:
    """The task as it was. `retry` runs it once more, `fail` ends it."""
    task = await held_task(work, workspace_id, task_id)
    after = "ready" if decision == "retry" else "failed"
    if task.status != "waiting":
        raise RefusedTransition(task.key, task.status, after)
    values = {"ended_at": work.now} if decision == "fail" else {"assignee": None, "started_at": None}
    await work.tasks.change([task.id], status=after, **values)
    await tell(work, [moved(task, after, f"{by} decided: {decision}")])
    await advance_runs_of(work, [task], f"{task.key}: {decision}")
    return task
