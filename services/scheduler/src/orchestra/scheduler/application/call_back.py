"""Calling back what was handed to an executor: for now, or for good."""

from collections.abc import Sequence

from orchestra.contracts.scheduling import DispatchRecalled, DispatchWithdrawn
from orchestra.scheduler.application.admit import free_mutexes_later
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.work.task import Task

RECALLED, WITHDRAWN = 2, 3
"""The sequence of an attempt's events after its dispatch."""


async def recall(work: SchedulingWork, queued: Sequence[Task], reason: str, trace: str | None) -> None:
    """Ask for what has not begun. Only the executor knows what has: until it answers, the tasks stay queued."""
    await work.dispatches.recalled([task.attempt_id or "" for task in queued])
    for task in queued:
        event = DispatchRecalled(
            workspace_id=task.workspace_id,
            project_id=task.project_id,
            sequence=RECALLED,
            task_id=task.id,
            attempt_id=task.attempt_id or "",
            token=task.token,
            reason=reason,
        )
        work.publish(event, trace=trace)


async def withdraw(work: SchedulingWork, tasks: Sequence[Task], reason: str) -> None:
    """Their attempts are not wanted any more, whether or not they have begun; what becomes of them changes nothing."""
    work.dispatches.end([task.attempt_id or "" for task in tasks], "withdrawn")
    await free_mutexes_later(work, tasks)
    runs = sorted({task.run_id for task in tasks if task.run_id})
    traces = {run_id: (await work.runs.get(run_id)).trace for run_id in runs}
    for task in tasks:
        event = DispatchWithdrawn(
            workspace_id=task.workspace_id,
            project_id=task.project_id,
            sequence=WITHDRAWN,
            task_id=task.id,
            attempt_id=task.attempt_id or "",
            reason=reason,
        )
        work.publish(event, trace=traces.get(task.run_id or ""))
