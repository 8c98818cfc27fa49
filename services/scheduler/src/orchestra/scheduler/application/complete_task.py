"""A person says that their task is done."""

from orchestra.contracts.ids import TaskId, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_runs_of
from orchestra.scheduler.application.changes import moved
from orchestra.scheduler.application.end_work import end_work
from orchestra.scheduler.application.gate_ports import Finished
from orchestra.scheduler.application.person_task import persons_task, spoken_for
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.errors import CompletionHeld
from orchestra.scheduler.domain.work.task import Task


async def complete_task(
    work: SchedulingWork, workspace_id: WorkspaceId, task_id: TaskId, member_key: str | None
) -> Task:
    """The task as it was. Only its assignee may say so, and only once; it ends at once or when its gates open."""
    task = await persons_task(work, workspace_id, task_id)
    if task.status == "in_review" and task.performed_at is not None:
        raise CompletionHeld(task.key)
    moved(task, "done", "")
    await spoken_for(work, task, member_key)
    finished = Finished(task, task.started_at or task.assigned_at, work.now)
    await end_work(work, [finished], f"{member_key or 'the assignee'} says so")
    await advance_runs_of(work, [task], f"{task.key} is done")
    return task
