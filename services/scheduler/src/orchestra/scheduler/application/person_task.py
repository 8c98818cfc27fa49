"""A task of a person, as the one who has it speaks of it."""

from orchestra.contracts.ids import TaskId, WorkspaceId
from orchestra.scheduler.application.find_held import held_task
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.errors import NotAPersonsTask, NotTheAssignee
from orchestra.scheduler.domain.work.task import Task


async def persons_task(work: SchedulingWork, workspace_id: WorkspaceId, task_id: TaskId) -> Task:
    """The task, its project held. Raises UnknownTask, NotAPersonsTask for a command and a timer."""
    task = await held_task(work, workspace_id, task_id)
    if task.command is not None or task.is_timer:
        raise NotAPersonsTask(task.key)
    return task


async def spoken_for(work: SchedulingWork, task: Task, member_key: str | None) -> None:
    """Raises NotTheAssignee when somebody is named who does not have the task; nobody named: the assignee is meant."""
    if member_key is not None:
        members = await work.members.of_project(task.workspace_id, task.project_id)
        if not any(m.id == task.assignee and m.key == member_key for m in members):
            raise NotTheAssignee(task.key, member_key)
