"""The assignee begins with their task; from then on its start is a fact (BR-SCHED-005)."""

from orchestra.contracts.ids import TaskId, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_runs_of
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.end_work import go_on_after
from orchestra.scheduler.application.person_task import persons_task, spoken_for
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.work.task import Task


async def start_task(work: SchedulingWork, workspace_id: WorkspaceId, task_id: TaskId, member_key: str | None) -> Task:
    """The task as it was. Raises NotTheAssignee, NotAPersonsTask, RefusedTransition."""
    task = await persons_task(work, workspace_id, task_id)
    move = moved(task, "running", "its assignee has begun")
    await spoken_for(work, task, member_key)
    await work.tasks.change([task.id], status="running", started_at=work.now)
    await tell(work, [move])
    if task.watched:
        await go_on_after(work, [task], "what it waited for has started")
        await advance_runs_of(work, [task], f"{task.key} has started")
    return task
