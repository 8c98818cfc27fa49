"""Cancel a run: what has not ended is cancelled, and what is at an executor is called back."""

from collections import Counter

from orchestra.contracts.ids import RunId, WorkspaceId
from orchestra.contracts.scheduling import DispatchWithdrawn
from orchestra.scheduler.application.advance_run import change_run
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.status import OPEN


async def cancel_run(work: SchedulingWork, workspace_id: WorkspaceId, run_id: RunId, by: str) -> Run:
    """A run that has ended is refused; cancelling a cancelled one again changes nothing."""
    found = await work.runs.find(workspace_id, run_id)
    await work.projects.hold(workspace_id, found.project_id)
    run = await work.runs.find(workspace_id, run_id)
    if run.status == "cancelled":
        return run
    reason = f"the run was cancelled by {by}"
    tasks = await work.tasks.of_run(run_id, OPEN)
    at_executor = [t for t in tasks if t.status in ("queued", "running") and t.attempt_id]
    if tasks:
        await work.tasks.change([task.id for task in tasks], status="cancelled", ended_at=work.now)
        await work.dispatches.end([t.attempt_id or "" for t in at_executor], "withdrawn")
    for task in at_executor:
        work.publish(
            DispatchWithdrawn(
                workspace_id=task.workspace_id,
                project_id=task.project_id,
                sequence=2,
                task_id=task.id,
                attempt_id=task.attempt_id or "",
                reason=reason,
            ),
            trace=run.trace,
        )
    await tell(work, [moved(task, "cancelled", reason) for task in tasks])
    machine, person = await work.tasks.totals(run_id)
    return await change_run(work, run, "cancelled", reason, Counter(machine) + Counter(person))
