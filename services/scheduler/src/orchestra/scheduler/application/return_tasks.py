"""Tasks go back to where whoever may take them can: their assignee gave them up, lost them or has left."""

from collections.abc import Sequence

from orchestra.scheduler.application.call_back import withdraw
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.work.log import LogKind
from orchestra.scheduler.domain.work.task import Task


async def return_tasks(
    work: SchedulingWork, tasks: Sequence[Task], cause: str, kind: LogKind = "unassigned"
) -> Sequence[Task]:
    """The tasks, assigned, queued or running, are nobody's any more; their attempts are called back.

    A command that may have had its effect and may not have it twice waits for a person's decision. The caller holds
    the project, and goes on with the runs (`advance_runs_of`) once all that it changes has changed.
    """
    at_executor = [task for task in tasks if task.attempt_id and task.status in ("queued", "running")]
    await withdraw(work, at_executor, cause)
    waiting = [task for task in at_executor if task.command and not task.command.repeatable]
    ready = [task for task in tasks if task not in waiting]
    nobodys = {"assignee": None, "planned_member": None, "assigned_at": None, "started_at": None}
    if ready:
        await work.tasks.change([task.id for task in ready], status="ready", **nobodys)
    if waiting:
        await work.tasks.change([task.id for task in waiting], status="waiting", assignee=None)
    await tell(work, [moved(task, "ready", cause) for task in ready], kind)
    await tell(work, [moved(task, "waiting", cause) for task in waiting], kind)
    return tasks
