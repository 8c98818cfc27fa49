"""The assignee reports how far their task is: a percentage, a text, or both. Its state stays what it is."""

from orchestra.contracts.ids import TaskId, WorkspaceId
from orchestra.scheduler.application.person_task import persons_task, spoken_for
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.errors import NotInHand
from orchestra.scheduler.domain.work.log import LogEntry
from orchestra.scheduler.domain.work.task import Task


async def report_progress(
    work: SchedulingWork,
    workspace_id: WorkspaceId,
    task_id: TaskId,
    member_key: str | None,
    percent: int | None,
    text: str,
) -> Task:
    """The task as it was. Raises NotTheAssignee, NotAPersonsTask, NotInHand."""
    task = await persons_task(work, workspace_id, task_id)
    if task.status not in ("assigned", "running", "in_review"):
        raise NotInHand(task.key, f"it is {task.status}")
    await spoken_for(work, task, member_key)
    if percent is not None:
        await work.tasks.change([task.id], progress=percent)
    entry = LogEntry(
        workspace_id,
        task.project_id,
        task.id,
        task.run_id,
        "reported",
        task.status,
        task.status,
        task.assignee,
        text,
        percent,
    )
    work.log.add([entry])
    return task
