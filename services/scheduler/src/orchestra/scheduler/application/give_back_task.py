"""A person's task goes back: the assignee gives it up (BR-ABANDON-001 to 003), or a manager takes it away."""

from orchestra.contracts.ids import TaskId, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_runs_of
from orchestra.scheduler.application.change_team import said_by_project_manager
from orchestra.scheduler.application.person_task import persons_task, spoken_for
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.return_tasks import return_tasks
from orchestra.scheduler.domain.errors import NotInHand
from orchestra.scheduler.domain.work.log import LogKind
from orchestra.scheduler.domain.work.task import Task


async def abandon_task(
    work: SchedulingWork, workspace_id: WorkspaceId, task_id: TaskId, member_key: str | None, reason: str
) -> Task:
    """The task as it was. Raises NotTheAssignee, NotAPersonsTask, NotInHand."""
    task = await persons_task(work, workspace_id, task_id)
    _in_hand(task)
    await spoken_for(work, task, member_key)
    return await _back(work, task, f"given back: {reason}", "abandoned")


async def remove_assignee(
    work: SchedulingWork, workspace_id: WorkspaceId, task_id: TaskId, by: str | None, reason: str
) -> Task:
    """The task as it was. `by`: the project manager who says so. Raises ProjectManagerNeeded, NotInHand."""
    task = await persons_task(work, workspace_id, task_id)
    _in_hand(task)
    await said_by_project_manager(work, workspace_id, task.project_id, by)
    return await _back(work, task, "taken away" + (f": {reason}" if reason else ""), "unassigned")


def _in_hand(task: Task) -> None:
    if task.status not in ("assigned", "running") or task.assignee is None:
        raise NotInHand(task.key, f"it is {task.status}")


async def _back(work: SchedulingWork, task: Task, cause: str, kind: LogKind) -> Task:
    """The schedule will not give it to the same member again; they may still take it themselves."""
    assert task.assignee is not None
    await work.tasks.change([task.id], declined=sorted({*task.declined, task.assignee}))
    await return_tasks(work, [task], cause, kind)
    await advance_runs_of(work, [task], cause)
    return task
