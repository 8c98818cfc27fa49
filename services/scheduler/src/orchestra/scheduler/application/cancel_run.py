"""Cancel a run: what has not ended is cancelled. Its executors hear it from the run itself."""

from orchestra.contracts.ids import RunId, WorkspaceId
from orchestra.scheduler.application.admit import free_mutexes_later
from orchestra.scheduler.application.advance_run import change_run, totals_of
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.checkpoints import settle_checkpoints
from orchestra.scheduler.application.find_held import held_run
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.status import OPEN, move_run


async def cancel_run(work: SchedulingWork, workspace_id: WorkspaceId, run_id: RunId, by: str) -> Run:
    """A run that is over is refused; cancelling a cancelled one again changes nothing.

    One RunChanged says it all: it beats whatever was dispatched, in whichever order they arrive.
    """
    run = await held_run(work, workspace_id, run_id)
    if run.status == "cancelled":
        return run
    return await end_by_cancelling(work, run, f"the run was cancelled by {by}")


async def end_by_cancelling(work: SchedulingWork, run: Run, reason: str) -> Run:
    """The caller holds the project. Raises RefusedTransition."""
    move_run(run.id, run.status, "cancelled", run.epoch)
    tasks = await work.tasks.of_run(run.id, OPEN)
    if tasks:
        await work.tasks.change([task.id for task in tasks], status="cancelled", ended_at=work.now, paused_by=None)
        dispatched = [task for task in tasks if task.status in ("queued", "running") and task.attempt_id]
        work.dispatches.end([task.attempt_id or "" for task in dispatched], "withdrawn")
        await free_mutexes_later(work, dispatched)
    await tell(work, [moved(task, "cancelled", reason) for task in tasks])
    after = await change_run(work, run, "cancelled", reason, await totals_of(work, run))
    await settle_checkpoints(work, (run.workspace_id, run.project_id), reason)
    return after
