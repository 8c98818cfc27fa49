"""Pause a run: nothing more of it is begun until somebody resumes it."""

from orchestra.contracts.ids import RunId, WorkspaceId
from orchestra.scheduler.application.advance_run import change_run, totals_of
from orchestra.scheduler.application.call_back import recall
from orchestra.scheduler.application.find_held import held_run
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.status import move_run


async def pause_run(work: SchedulingWork, workspace_id: WorkspaceId, run_id: RunId, by: str) -> Run:
    """What has begun goes on to its end and is recorded, what has not is called back. A paused run stays as it is.

    Raises RefusedTransition for a run that has ended.
    """
    run = await held_run(work, workspace_id, run_id)
    if run.status == "paused":
        return run
    move_run(run.id, run.status, "paused", run.epoch)
    reason = f"the run was paused by {by}"
    await recall(work, await work.tasks.of_run(run_id, ("queued",)), reason, run.trace)
    return await change_run(work, run, "paused", reason, await totals_of(work, run))
