"""A person says that their task is done."""

from orchestra.contracts.ids import TaskId, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_run, release
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.ports import Finished, SchedulingWork
from orchestra.scheduler.application.record_outcomes import completed
from orchestra.scheduler.domain.errors import NotAPersonsTask, NotTheAssignee
from orchestra.scheduler.domain.work.task import Task


async def complete_task(
    work: SchedulingWork, workspace_id: WorkspaceId, task_id: TaskId, member_key: str | None
) -> Task:
    """The task as it was. Only its assignee may say so, and only once."""
    found = await work.tasks.find(workspace_id, task_id)
    await work.projects.hold(workspace_id, found.project_id)
    task = await work.tasks.find(workspace_id, task_id)
    if task.command is not None:
        raise NotAPersonsTask(task.key)
    move = moved(task, "done", f"{member_key or 'the assignee'} says so")
    if member_key is not None:
        members = await work.members.of_project(workspace_id, task.project_id)
        if not any(m.id == task.assignee and m.key == member_key for m in members):
            raise NotTheAssignee(task.key, member_key)
    await work.tasks.finish([Finished(task, task.started_at or task.assigned_at, work.now)])
    await tell(work, [move, *await release(work, [task])])
    work.publish(completed(work, task, ()))
    if task.run_id is not None:
        await advance_run(work, await work.runs.get(task.run_id), f"{task.key} is done")
    return task
