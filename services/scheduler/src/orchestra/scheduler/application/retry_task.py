"""Try again what has failed, or what somebody has cancelled."""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestra.contracts.ids import TaskId, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_run
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.find_held import refuse_when_over, task_in_run
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.errors import RefusedTransition
from orchestra.scheduler.domain.work.task import Task

ANEW: Mapping[str, Any] = {
    **dict.fromkeys(("assignee", "assigned_at", "started_at", "ended_at", "progress", "not_before")),
    "failures": 0,
    "lost": 0,
}
"""What is written of a task that begins anew, with all its tries."""


async def retry_task(work: SchedulingWork, workspace_id: WorkspaceId, task_id: TaskId, by: str) -> Task:
    """The task as it was. It goes again with all its tries; a failed run is open again with it, in its next epoch.

    Raises RefusedTransition unless the task has failed, was cancelled or waits for a decision, or when its run is over.
    """
    task, run = await task_in_run(work, workspace_id, task_id)
    refuse_when_over(run)
    if task.status not in ("failed", "cancelled", "waiting"):
        raise RefusedTransition(task.key, task.status, "ready")
    await try_again(work, [task], f"{by} has it tried again")
    if run is not None:
        await advance_run(work, run, f"{task.key} is tried again")
    return task


async def try_again(work: SchedulingWork, tasks: Sequence[Task], cause: str) -> None:
    """They are ready as if they had never been tried, or blocked where something has to be done before.

    A person who has a task tried again after its deadline goes on without it.
    """
    behind = await work.tasks.held_back([task.id for task in tasks])
    blocked, ready = [t for t in tasks if t.id in behind], [t for t in tasks if t.id not in behind]
    await work.tasks.change([task.id for task in ready], status="ready", **ANEW)
    await work.tasks.change([task.id for task in blocked], status="blocked", **ANEW)
    await keep_times(work, tasks)
    await tell(work, [*(moved(t, "ready", cause) for t in ready), *(moved(t, "blocked", cause) for t in blocked)])


async def keep_times(work: SchedulingWork, tasks: Sequence[Task]) -> None:
    """Of tasks that begin anew: a deadline that has passed holds no longer, a start that has not come still does."""
    if passed := [t.id for t in tasks if t.deadline is not None and t.deadline <= work.now]:
        await work.tasks.change(passed, expires_at=None)
    for start_at in {t.start_at for t in tasks if t.start_at is not None and t.start_at > work.now}:
        await work.tasks.change([t.id for t in tasks if t.start_at == start_at], not_before=start_at)
